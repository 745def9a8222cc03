"""The demo organisation: whole, believable, and quiet about its past."""

import logging
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from config.demo import ADMINISTRATOR, DEMO_PASSWORD, loading, removal
from config.demo.payment import BEGINS, payment_incident, payment_story
from incidents import due
from incidents.intake.processing import READERS
from incidents.intake.reading import Format
from incidents.models import (
    Alert,
    Clock,
    Incident,
    Integration,
    Organisation,
    Rule,
    Service,
    Severity,
    Team,
    TimelineEntry,
    User,
)
from incidents.states import ClockState, Detection, Kind, Status
from oncall import climbing, notices, paging, rosters, rota
from oncall.models import Channel, ContactMethod, Delivery, DeliveryState, Page, RunState, Schedule
from postmortems.causes import Causes
from postmortems.models import DocumentStatus, Postmortem, Section, SectionKey
from tests.factories import TeamFactory, UserFactory

DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db  # what a test changes is taken back; the house that they share stays


def rows():
    """How many rows each table has; histories of shipped rows aside, which only grow."""
    return {
        model._meta.label: model._base_manager.count()
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label != "pghistory" and getattr(model, "pgh_tracked_model", None) not in removal.SHIPPED
    }


@pytest.fixture(scope="module")
def shipped(django_db_setup, django_db_blocker):
    """An open transaction around this file's tests; returns the counts of what the migrations shipped."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield rows()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def larkfield(shipped):
    """The demo as it looks now; returns what was logged while it loaded."""
    heard = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = heard.append
    logging.getLogger().addHandler(handler)
    loading.load(due.database_now())
    logging.getLogger().removeHandler(handler)
    return heard


@pytest.fixture
def story(larkfield):
    return Incident.objects.get(title=payment_incident(due.database_now()).title)


def run(*args):
    said = StringIO()
    call_command("demo", *args, stdout=said)
    return said.getvalue()


def test_the_organisation_has_teams_services_and_half_a_year_of_incidents(larkfield):
    incidents = Incident.objects.all()
    oldest = incidents.order_by("detected_at")[0].detected_at

    assert [record.getMessage() for record in larkfield] == []
    assert (Team.objects.count(), Service.objects.count(), User.objects.count()) == (3, 6, 17)
    assert Organisation.objects.get().fallback.name == "Amara Diallo"
    assert 30 <= incidents.count() <= 40
    assert timedelta(days=170) < due.database_now() - oldest < timedelta(days=185)
    assert {one.severity_id for one in incidents} == {0, 1, 2, 3, 4}
    assert {one.detection for one in incidents} == set(Detection)
    assert sum(one.kind == Kind.DRILL for one in incidents) == 2
    assert sum(one.kind == Kind.BACKFILL for one in incidents) == 1
    assert sum(one.private for one in incidents) == 1
    assert sorted(one.number for one in incidents) == list(range(1, incidents.count() + 1))
    assert {one.status for one in incidents} == {Status.OPEN, Status.RESOLVED, Status.CLOSED, Status.DECLINED}


def test_every_service_has_a_door_and_every_kind_of_door_is_there(larkfield):
    doors = Integration.objects.all()

    assert {door.service_id for door in doors} == {service.pk for service in Service.objects.all()}
    assert {door.kind for door in doors} == {"alertmanager", "pagerduty", "generic"}
    assert len({door.key for door in doors}) == len(doors)


def test_every_story_fits_into_the_past_at_any_hour_of_any_day():
    for hour in range(24 * 7):
        at = datetime(2026, 3, 23, 0, 1, tzinfo=UTC) + timedelta(hours=hour)
        for story in loading.stories(at):
            minutes = [story.declared, *(beat.minute for beat in story.beats)]
            assert minutes == sorted(minutes), story.title
            assert story.begins(at) + timedelta(minutes=minutes[-1]) <= at, story.title


def test_it_loads_on_a_night_when_clocks_change(shipped):
    at = datetime(2026, 3, 29, 0, 1, tzinfo=UTC)
    removal.remove()

    incidents = loading.load(at)

    on_call = Page.objects.filter(incident__status=Status.OPEN, incident__acknowledged_at=None)
    assert [page.person.email for page in on_call] == [ADMINISTRATOR]
    assert len(incidents) == len(loading.stories(at))


def test_everybody_signs_in_with_the_password_that_is_printed(larkfield):
    people = list(User.objects.all())

    assert len({person.password for person in people}) == 1
    assert people[0].check_password(DEMO_PASSWORD)
    assert [person.email for person in people if person.is_administrator] == [ADMINISTRATOR]
    assert [person.name for person in people if not person.may_declare] == ["Sofía Rivas"]
    assert len({person.time_zone for person in people}) > 10


def test_all_addresses_are_of_reserved_ranges(larkfield):
    shapes = {
        Channel.VOICE: r"\+1\d{3}55501\d\d",
        Channel.SMS: r"\+1\d{3}55501\d\d",
        Channel.CHAT: r"@\w+",
        Channel.EMAIL: r"\w+@example\.com",
    }
    methods = list(ContactMethod.objects.all())

    assert all(re.fullmatch(shapes[method.channel], method.address) for method in methods)
    assert all(method.is_usable for method in methods)
    assert len(methods) == 4 * User.objects.count()
    assert all(person.email.endswith("@example.com") for person in User.objects.all())


def test_r58_the_payment_story_is_told_in_nine_entries_by_role(story):
    deeds = ["role", "phase", "mitigated", "resolved", "closed"]  # what the roles did besides, which is told by itself
    spoken = TimelineEntry.objects.filter(incident=story).exclude(role="").exclude(kind__in=deeds)
    entries = spoken.order_by("seq")[:9]
    told = [(entry.occurred_at.strftime("%H:%M:%S"), entry.role) for entry in entries]

    assert told == [
        ("14:02:00", "Monitoring"),
        ("14:03:00", "Incident Commander"),
        ("14:05:00", "Communications Lead"),
        ("14:08:00", "Operations Lead"),
        ("14:10:00", "Development Lead"),
        ("14:12:00", "Incident Commander"),
        ("14:15:00", "Operations Lead"),
        ("14:18:00", "Development Lead"),
        ("14:20:00", "Communications Lead"),
    ]
    assert all(event.text in entry.text for event, entry in zip(payment_story(), entries, strict=True))


def test_r58_its_figures_are_one_thirteen_and_eighteen_minutes(story):
    minutes = [
        (moment - story.detected_at) / timedelta(minutes=1)
        for moment in (story.acknowledged_at, story.mitigated_at, story.recovered_at)
    ]

    assert minutes == [1, 13, 18]
    assert story.detected_at.strftime("%H:%M") == BEGINS
    assert story.detected_at.weekday() < 5
    assert story.impact_started_at is None
    assert [impact.ended_at for impact in story.impacts.all()] == [story.recovered_at]
    assert (story.severity_id, story.detection, story.declared_by) == (0, Detection.MONITORING, None)
    assert {clock.rule: clock.state for clock in story.clocks.exclude(rule=Rule.POSTMORTEM)} == {
        Rule.ACKNOWLEDGE: ClockState.MET,
        Rule.RESPOND: ClockState.MET,
        Rule.COMMANDER: ClockState.MET,
        Rule.UPDATE: ClockState.BREACHED,  # three hours of watching without a word: the story is an honest one
        Rule.MITIGATE: ClockState.MET,
    }


def test_r58_its_postmortem_is_written_in_six_sections(story):
    sections = {section.key: section for section in story.postmortem.sections.order_by("position")}

    assert list(sections) == list(SectionKey)
    assert all(len(section.text) > 200 and section.edited_by for section in sections.values())
    assert "12 %" in sections[SectionKey.IMPACT].text
    assert "18 minutes" in sections[SectionKey.SUMMARY].text


def test_the_p0_of_now_is_being_fought_and_its_next_level_is_counted_down(larkfield):
    [fight] = Incident.objects.filter(status=Status.OPEN, severity=0)
    run = fight.escalations.exclude(state=RunState.ENDED).get()

    assert fight.acknowledged
    assert fight.mitigated_at is None
    assert run.due_at - fight.detected_at == timedelta(minutes=15)  # it was opened 11 minutes ago
    assert fight.summary


def test_the_administrator_of_the_demo_is_being_paged(larkfield):
    [page] = Page.objects.filter(incident__status=Status.OPEN, incident__acknowledged_at=None)
    methods = {delivery.channel for delivery in page.deliveries.filter(state=DeliveryState.DELIVERED)}

    assert page.person.email == ADMINISTRATOR
    assert methods == {Channel.CHAT, Channel.EMAIL}


def test_each_stored_request_reads_as_the_alert_that_it_brought(larkfield):
    for alert in Alert.objects.select_related("raw_event__integration", "severity"):
        raw = alert.raw_event
        [signal] = READERS[Format(raw.format)](raw)
        assert signal.summary == alert.summary


def test_nothing_of_the_past_is_left_to_do(larkfield):
    over = list(Incident.objects.exclude(status=Status.OPEN).values_list("pk", "timeline_seq").order_by("pk"))
    known = list(Page.objects.values_list("pk", flat=True))
    waiting = Delivery.objects.filter(state__in=[DeliveryState.PENDING, DeliveryState.SENDING])
    assert not waiting.exists()

    ticked = due.tick(rung=True)

    fresh = Page.objects.exclude(pk__in=known)
    assert ticked.late_seconds < 60
    assert not fresh.exclude(incident__status=Status.OPEN).exists()
    assert not waiting.filter(person__isnull=False).exclude(page__incident__status=Status.OPEN).exists()
    assert list(Incident.objects.filter(pk__in=dict(over)).values_list("pk", "timeline_seq").order_by("pk")) == over


def test_in_the_next_two_days_nobody_is_paged_about_what_is_over(larkfield):
    before = due.database_now()
    for hour in range(48):
        at = before + timedelta(hours=hour, seconds=2)
        climbing.fire_due(at)
        paging.repeat_due(at)
        notices.dispatch_due(at)
    fresh = Delivery.objects.filter(created_at__gt=before)

    assert fresh.exists()
    assert {delivery.page.incident.status for delivery in fresh.select_related("page__incident")} == {Status.OPEN}
    assert not Clock.objects.filter(state=ClockState.RUNNING, due_at__lt=before).exists()


def test_the_primaries_have_no_gap_and_one_other_schedule_shows_one(larkfield):
    now = due.database_now()
    gaps = {
        Schedule.objects.get(pk=pk).slug: rota.gaps(rota.final(schedule, now, now + 14 * DAY))
        for pk, schedule in rosters.load(Schedule.objects.values_list("pk", flat=True)).items()
    }

    assert {slug: len(found) for slug, found in gaps.items() if found} == {"payments-secondary": 1}
    assert len(gaps) == 5
    assert set(Schedule.objects.filter(answers_for_team=False).values_list("slug", flat=True)) == {
        "payments-secondary",
        "platform-sun-watch",
    }


def test_postmortems_are_published_drafted_and_written_by_people(larkfield):
    states = {incident.postmortem.status for incident in Incident.objects.filter(postmortem__isnull=False)}

    assert states == {DocumentStatus.DRAFT, DocumentStatus.PUBLISHED}
    assert Section.objects.filter(edited_by__isnull=False).count() > 20
    assert not Incident.objects.filter(status__in=[Status.RESOLVED, Status.CLOSED], postmortem=None).exists()


def test_loading_again_is_refused_and_if_empty_leaves_all_as_it_is(larkfield):
    before = rows()

    assert run("--if-empty") == ""
    with pytest.raises(CommandError, match="--reset"):
        run()

    assert rows() == before


def test_if_empty_gives_nobody_elses_house_a_well_known_password(larkfield):
    removal.remove()
    person = UserFactory(email=ADMINISTRATOR)

    assert run("--if-empty") == ""

    assert list(User.objects.all()) == [person]
    assert not Team.objects.exists()


def test_removing_leaves_what_the_migrations_shipped(shipped, larkfield):
    severity = Severity.objects.get(pk=2)
    severity.examples = ["search finds nothing"]
    severity.save()

    removal.remove()

    assert rows() == shipped
    assert Severity.objects.get(pk=2).examples == ["search finds nothing"]
    assert Organisation.objects.get().fallback is None


def test_reset_loads_anew_says_what_it_deletes_and_leaves_the_timeline_append_only(larkfield):
    Incident.objects.update(title="changed by a visitor")
    UserFactory(email="visitor@example.com")

    with pytest.raises(CommandError, match="add --yes"):
        run("--reset")
    assert Incident.objects.filter(title="changed by a visitor").exists()
    said = run("--reset", "--yes")

    assert f"{len(loading.stories(due.database_now()))} incidents" in said
    assert "18 people" in said
    assert "1 of the people are not from the demo" in said
    assert not Incident.objects.filter(title="changed by a visitor").exists()
    assert User.objects.count() == 17
    assert Incident.objects.order_by("number")[0].number == 1
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        TimelineEntry.objects.all().delete()


def test_reset_refuses_an_organisation_that_is_not_the_demo(larkfield):
    Organisation.objects.update(name="Somebody's real shop")
    before = rows()

    with pytest.raises(CommandError, match="not the demo"):
        run("--reset", "--yes")

    assert rows() == before


def test_reset_of_a_foreign_organisation_wants_a_yes_even_without_a_terminal(larkfield):
    Organisation.objects.update(name="Somebody's real shop")
    TeamFactory()

    with pytest.raises(CommandError, match="--yes"):
        run("--reset", "--force")


def test_r74_the_worked_example_of_the_five_whys_ships(larkfield):
    document = Postmortem.objects.get(incident__title__startswith="Card payments fail: success rate")

    rows = Causes(document).rows

    assert [(node.depth, node.why.is_root_cause) for node in rows] == [
        (0, False),
        (1, False),
        (2, False),
        (3, False),
        (4, False),
        (5, True),
        (2, True),
    ]
    words = ["pool", "Slow queries", "index", "review took place", "no review process for SQL"]
    assert all(word in node.why.answer for word, node in zip(words, rows[1:], strict=False))
    assert [node.why.category for node in rows if node.why.is_root_cause] == ["process", "monitoring"]
