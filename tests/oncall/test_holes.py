"""The holes ahead, read from the database: held against the pager itself, the command and the page."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from incidents.models import Incident, Organisation, Severity
from oncall import holes, policies, prospect
from oncall.models import EscalationPolicy, Leave, Restriction
from oncall.reach import Reach
from tests.factories import (
    AdministratorFactory,
    ContactMethodFactory,
    EscalationLevelFactory,
    EscalationPolicyFactory,
    EscalationTargetFactory,
    MembershipFactory,
    ScheduleFactory,
    ServiceFactory,
    TeamFactory,
    UserFactory,
)
from tests.oncall.conftest import DAY, HOUR, START, reachable
from tests.oncall.views.conftest import SHELL, words

pytestmark = pytest.mark.django_db


def office(schedule):
    """Let the schedule's only layer be in force from nine to five UTC on workdays."""
    layer = schedule.layers.get()
    Restriction.objects.bulk_create(
        Restriction(layer=layer, weekday=day, start="09:00", end="17:00") for day in range(5)
    )


def run(*words):
    """Run the command; return its exit code and what it printed."""
    out = io.StringIO()
    try:
        call_command("check_paging", *words, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def reached(service, severity, at):
    """Ask the pager's own eyes: would some level reach somebody who can be paged and is there?"""
    supposed = Incident(pk=0, service=service, severity=severity, severity_assumed=severity is None)
    policy = policies.choose(policies.active(), supposed)
    levels = list(policy.levels.all())
    asking = [level for level in levels if level.act == "page"] or levels
    reach = Reach([supposed], [target for level in asking for target in prospect.as_targets(level)], at)
    away = set(Leave.objects.filter(start__lte=at, end__gt=at).values_list("person", flat=True))
    people = [one.person for level in asking for one in reach.people(supposed, prospect.as_targets(level), level.hours)]
    return any(reach.methods(person) and person.pk not in away for person in people)


def test_each_path_is_judged_as_the_pager_would_find_it_on_both_sides_of_every_boundary(chain):
    office(chain.schedule)
    chain.lea.contact_methods.all().delete()
    Leave.objects.create(person=chain.dan, start=START + 3 * DAY, end=START + 5 * DAY + HOUR)
    night = UserFactory(name="Nia", time_zone="Asia/Kathmandu")
    ContactMethodFactory(user=night)
    own = EscalationPolicyFactory(service=chain.service, severity=Severity.objects.get(level=3))
    late = EscalationLevelFactory(policy=own, hours="person", after=timedelta(minutes=10))
    EscalationTargetFactory(level=late, kind="user", user=night)
    in_hours = EscalationLevelFactory(policy=own, hours="schedule")
    EscalationTargetFactory(level=in_hours)
    report = holes.report(START, ahead=10 * DAY)

    wrong = []
    for path in report.paths:
        edges = {edge for gap in path.gaps for edge in (gap.start, gap.end)} | {START + 2 * DAY, START + 4 * DAY}
        moments = {edge + step for edge in edges for step in (-timedelta(seconds=1), timedelta(0), HOUR)}
        for at in sorted(moment for moment in moments if START <= moment < START + 10 * DAY):
            is_gap = any(gap.start <= at < gap.end for gap in path.gaps)
            if is_gap == reached(path.service, path.severity, at):
                wrong.append((path.label, at, is_gap))

    assert wrong == []
    assert {path.label: len(path.gaps) for path in report.paths} == {
        "P0": 0,  # Eve is there while Dan is away
        "P1": 3,
        "P2": 8,
        "P3": 8,  # Nia is at work in two of the holes
        "P4": 8,
        "no severity": 0,
    }


def test_services_and_severities_that_share_a_hole_are_named_once(chain):
    ServiceFactory(name="Ledger", team=chain.team)
    chain.ada.contact_methods.update(verified_at=None)

    [hole] = holes.report(START).holes()

    assert (hole.paths, hole.reason, hole.caught_by) == (
        "P3 and P4 of Checkout and Ledger",
        "Ada has no verified contact method",
        (),
    )


def test_the_fallback_contact_is_no_answer_and_is_told_apart(chain):
    fay = reachable("Fay")
    Organisation.objects.update_or_create(pk=1, defaults={"fallback": fay})
    for person in (chain.ada, chain.lea, chain.dan, chain.eve, chain.eli):
        person.contact_methods.all().delete()

    found = {hole.paths: hole.caught_by for hole in holes.report(START).holes()}

    assert found == {
        "P0 to P2 and no severity of Checkout": (fay,),
        "P3 and P4 of Checkout": (),
    }


def test_without_a_fallback_contact_the_administrators_are_named(chain):
    root = AdministratorFactory(name="Root")
    ContactMethodFactory(user=root)
    EscalationPolicy.objects.all().update(is_active=False)

    [hole] = holes.report(START).holes()

    assert (hole.caught_by, hole.reason, hole.paths) == ((root,), "there is no ladder", "every severity of Checkout")


def test_a_retired_service_has_no_path(chain):
    chain.service.is_active = False
    chain.service.save()

    assert holes.report(START).paths == ()


@pytest.mark.parametrize("count", [1, 3])
def test_the_report_costs_the_same_for_one_team_and_three(count, django_assert_num_queries):
    for _ in range(count):
        team = TeamFactory()
        ada = UserFactory()
        MembershipFactory(team=team, user=ada)
        ScheduleFactory(team=team, people=[ada])
        ServiceFactory(team=team)

    with django_assert_num_queries(19):  # see holes.report: ladders, severities, rows, rosters, names, fallbacks
        holes.report(START)


def test_check_paging_ends_well_when_every_path_reaches_somebody(chain):
    code, said = run()

    assert code == 0
    assert said.startswith("All 6 paths reach a verified person at any time until ")


def test_check_paging_ends_with_one_and_names_the_hole(chain):
    chain.schedule.layers.all().delete()

    code, said = run("--days", "7")

    assert code == 1
    assert "Payments: P3 and P4 of Checkout (nobody is on call)\n    nobody at all is told\n" in said
    assert said.endswith("2 of 6 paths have a hole.")


def test_check_paging_prints_json(chain):
    office(chain.schedule)
    code, said = run("--json", "--days", "30")
    found = json.loads(said[: said.rindex("}") + 1])

    assert (code, found["paths"], found["covered"]) == (1, 6, 4)
    assert [(hole["service"], hole["severity"], hole["policy"], hole["fallback"]) for hole in found["holes"]] == [
        (chain.service.slug, "P3", "default-p3", []),
        (chain.service.slug, "P4", "default-p4", []),
    ]
    assert found["holes"][0]["gaps"][1]["reason"] == "nobody is on call"


def test_check_paging_with_nothing_to_check_says_so(db):
    assert run() == (0, "There is no active service, so there is nothing to check.\n")


@pytest.mark.parametrize("days", ["0", "367"])
def test_check_paging_refuses_a_span_without_sense(db, days):
    assert run("--days", days) == (1, "Choose from 1 to 366 days.")


# The page


@pytest.fixture
def reader(client, db):
    reader = UserFactory(name="Reader")
    client.force_login(reader)
    return reader


def test_the_page_says_that_all_is_covered(client, reader, chain):
    page = words(client.get("/on-call/coverage/"))

    assert "Every path reaches somebody for the next 30 days" in page
    assert "somebody answers for all 6 paths" in page


def test_the_page_names_each_hole_with_its_reason_and_what_happens_then(client, reader, chain):
    Leave.objects.create(person=chain.ada, start=timezone.now() + 2 * DAY, end=timezone.now() + 4 * DAY)

    page = words(client.get("/on-call/coverage/"))

    assert "2 of 6 paths have a hole in the next 30 days" in page
    assert "P3 and P4 of Checkout: Ada is away. Nobody is told at all." in page


def test_the_page_for_one_team_leaves_out_the_others(client, reader, chain):
    ServiceFactory(name="Maps", team=TeamFactory(name="Geo", slug="geo"))

    page = words(client.get("/on-call/coverage/?team=geo"))

    assert "P0 to P2 and no severity of Maps: nobody is on call." in page
    assert "P3 and P4 of Maps: nobody is on call. Nobody is told at all." in page
    assert "Checkout" not in page


def test_the_page_of_an_unknown_team_says_so_and_shows_all(client, reader, chain):
    answer = client.get("/on-call/coverage/?team=nowhere")

    assert answer.status_code == 404
    assert "There is no team “nowhere” with a service." in words(answer)


def test_the_page_without_services_says_what_would_stand_there(client, reader):
    assert "There is no active service" in words(client.get("/on-call/coverage/"))


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_service_and_three(client, reader, count, django_assert_num_queries):
    for _ in range(count):
        ServiceFactory()

    with django_assert_num_queries(SHELL + 17):  # session, user, teams, severities, the report
        client.get("/on-call/coverage/")


def test_strangers_must_sign_in(client, db):
    assert client.get("/on-call/coverage/").status_code == 302
