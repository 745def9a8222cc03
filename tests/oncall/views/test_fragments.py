"""The pager's parts of the incident page and the board: ladder, clock, pages, on call, what waits for me."""

from datetime import timedelta

import pytest
from django.urls import reverse

from incidents import grading, lifecycle
from incidents.models import Access, Severity
from oncall.models import ContactMethod, EscalationStep
from tests.factories import (
    MembershipFactory,
    UserFactory,
)
from tests.oncall.conftest import paged, reachable
from tests.oncall.views.conftest import settle, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox")]
HTMX = {"HX-Request": "true"}
OF_INCIDENT = ("escalation-card", "escalation-clock", "pages-card")


@pytest.fixture
def ada(client, chain):
    client.force_login(chain.ada)
    return chain.ada


def part(client, name, incident, **query):
    return client.get(reverse(f"oncall:{name}", args=[incident.number]), query)


def at(moment):
    return f"{moment:%H:%M:%S}"


# The ladder


def test_r71_the_card_says_the_level_who_was_reached_and_what_comes_when(client, ada, chain, now):
    incident = chain.declare(0, at=now)
    settle(now)

    answer = part(client, "escalation-card", incident)

    text = words(answer)
    assert "level 2 of 5" in text
    assert "The whole chain: Dan, Eli and 2 others told" in text
    assert f"On call: Ada paged {at(now)}, no answer yet" in text
    assert "Team leads in 04:5" in text
    assert f"if not mitigated by {at(now + timedelta(minutes=5))}; Lea" in text
    assert f"Directors and executives if not mitigated by {at(now + timedelta(minutes=15))}" in text
    assert "<html" not in answer.content.decode()


def test_r71_as_it_climbs_rows_turn_from_next_to_done(client, ada, chain, now):
    began = now - timedelta(minutes=6)
    incident = chain.declare(0, at=began)
    settle(began)
    settle(began + timedelta(minutes=5))
    lifecycle.acknowledge(incident, by=chain.ada, at=now - timedelta(seconds=30))

    text = words(part(client, "escalation-card", incident))

    assert "level 3 of 5" in text
    assert f"answered {at(now - timedelta(seconds=30))}" in text
    assert "Team leads: Lea paged" in text
    assert "Directors and executives in 08:5" in text


def test_who_has_it_stops_the_ladder_and_the_card_says_why(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)
    lifecycle.acknowledge(incident, by=chain.ada, at=now)

    text = words(part(client, "escalation-card", incident))

    assert "stopped at level 1 of 2" in text
    assert "Team leads not needed: acknowledged" in text
    assert f"Stopped: Ada has it since {at(now)} UTC." in text
    assert "Escalate now" in text  # one may still call for help


def test_an_empty_level_is_told_in_red(client, ada, chain, now):
    chain.schedule.layers.all().delete()
    incident = chain.declare(2, at=now)
    settle(now)

    answer = part(client, "escalation-card", incident)

    assert f"On call: nobody reached nobody at {at(now)}" in words(answer)
    assert '<span class="bad">' in answer.content.decode()
    assert f"Team leads: Lea paged {at(now)}" in words(answer)


def test_o05_when_nobody_can_be_reached_the_card_alarms(client, ada, chain, now, organisation):
    ContactMethod.objects.all().delete()
    incident = chain.declare(1, at=now)
    settle(now)

    text = words(part(client, "escalation-card", incident))

    assert "exhausted" in text
    assert "Nobody could be reached, and there is no fallback contact who can be reached. Nobody has been told" in text
    organisation.fallback = reachable("Fay")
    organisation.save()
    other = chain.declare(1, at=now)
    settle(now)
    text = words(part(client, "escalation-card", other))
    assert "Nobody could be reached. Only the fallback contact has been paged: call somebody." in text
    assert f"Fallback contact: Fay paged {at(now)}" in text


def test_rounds_are_counted_and_earlier_ones_are_kept(client, ada, chain, now):
    began = now - timedelta(minutes=31)
    incident = chain.declare(2, at=began)
    for minutes in (0, 15):
        settle(began + timedelta(minutes=minutes))

    waiting = words(part(client, "escalation-card", incident))
    settle(began + timedelta(minutes=30))
    settle(began + timedelta(minutes=30, seconds=1))
    again = words(part(client, "escalation-card", incident))

    assert "Round 2 of 3" in waiting
    assert "level 1 of 2, round 2 of 3" in again
    assert "Earlier, 2 steps" in again
    assert "Level 2 of 2 paged Lea (team lead of Payments)." in again


def test_what_an_earlier_severity_did_stays_in_the_history(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)
    grading.change_severity(incident, to=_severity(1), reason="worse", by=chain.ada, at=now + timedelta(seconds=1))
    settle(now + timedelta(seconds=2))

    text = words(part(client, "escalation-card", incident))

    assert "level 1 of 3" in text
    assert "Earlier, 1 step" in text


def test_an_incident_that_is_over_says_so(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)
    lifecycle.resolve(incident, by=chain.ada, at=now)

    text = words(part(client, "escalation-card", incident))

    assert "Over: resolved." in text
    assert "Escalate now" not in text


def test_a_backfilled_incident_has_no_ladder(client, ada, chain, now):
    incident = chain.declare(2, at=now, kind="backfill")

    assert "Written down afterwards: nobody is paged." in words(part(client, "escalation-card", incident))
    assert "Escalation none" in words(part(client, "escalation-clock", incident))


@pytest.mark.parametrize("count", [1, 3])
def test_the_card_costs_the_same_for_one_round_and_three(client, ada, chain, count, django_assert_num_queries, now):
    incident = chain.declare(2, at=now)
    for number in range(count):
        person = reachable(f"Lead{number}")
        MembershipFactory(team=chain.team, user=person, rank="lead")
    settle(now)
    for number in range(1, count):
        grading.change_severity(
            incident, to=_severity(number % 2), reason="x", by=ada, at=now + timedelta(seconds=number)
        )
        settle(now + timedelta(seconds=number))

    # session, user, incident, affected services; runs, steps; pages; whom the next level would reach: affected
    # services, members, team and organisation fallback, schedules, names, roster (6), users, methods; the policy as
    # it is now (4)
    with django_assert_num_queries(25):
        part(client, "escalation-card", incident)


# Escalate now


def test_r71_escalate_now_brings_the_next_level_forward(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)

    answer = client.post(
        reverse("oncall:escalate", args=[incident.number]), {"version": incident.version}, headers=HTMX
    )
    settle(now + timedelta(minutes=1))

    assert answer.status_code == 200
    assert answer["HX-Trigger"] == "deed-done"
    assert 'id="escalation-card"' in answer.content.decode()
    assert "The next level is paged now." in words(answer)
    assert paged(incident) == ["Ada", "Lea"]


def test_a_plain_form_leads_back_to_the_incident(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)

    answer = client.post(reverse("oncall:escalate", args=[incident.number]), {"version": incident.version})

    assert answer.url == incident.get_absolute_url()
    assert client.get(reverse("oncall:escalate", args=[incident.number])).status_code == 405


def test_a_refusal_is_said_on_the_card(client, ada, chain, now):
    incident = chain.declare(4, at=now)
    settle(now)
    address = reverse("oncall:escalate", args=[incident.number])

    said = {"version": incident.version}
    by_htmx, plain = client.post(address, said, headers=HTMX), client.post(address, said, follow=True)
    alone = client.post(address, headers=HTMX)

    assert by_htmx.status_code == 422
    assert "The ladder has no further level: everyone it names has been paged." in words(by_htmx)
    assert "The ladder has no further level" in words(plain)
    assert (alone.status_code, "The page was not sent whole" in words(alone)) == (422, True)


def test_who_only_reads_is_refused(client, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)
    client.force_login(UserFactory(access=Access.VIEWER))

    answer = client.post(
        reverse("oncall:escalate", args=[incident.number]), {"version": incident.version}, headers=HTMX
    )

    assert answer.status_code == 422
    assert "You may read, not act." in words(answer)
    assert "Escalate now" not in words(answer)
    assert paged(incident) == ["Ada"]


# The clock


def clock_of(answer):
    return answer.content.decode().partition('<li class="')[2].partition('"')[0]


def test_the_clock_tells_level_and_time_and_turns_soon(client, ada, chain, now):
    incident = chain.declare(0, at=now)
    settle(now)
    answer = part(client, "escalation-clock", incident)
    assert clock_of(answer) == "run"
    assert "Escalation 2 of 5 team leads in 04:5" in words(answer)
    assert f"Default P0: next team leads at {at(now + timedelta(minutes=5))} if not mitigated." in words(answer)

    EscalationStep.objects.filter(level=3).update(due_at=now + timedelta(seconds=40))
    assert clock_of(part(client, "escalation-clock", incident)) == "soon"

    EscalationStep.objects.filter(level=3).update(due_at=now - timedelta(seconds=40))
    assert clock_of(part(client, "escalation-clock", incident)) == "missed"


def test_the_clock_is_met_when_somebody_has_it(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)
    lifecycle.acknowledge(incident, by=ada, at=now)

    answer = part(client, "escalation-clock", incident)

    assert clock_of(answer) == "met"
    assert "Escalation stopped acknowledged, level 1 of 2" in words(answer)


def test_the_clock_of_a_p4_waits_for_nothing(client, ada, chain, now):
    incident = chain.declare(4, at=now)
    settle(now)

    answer = part(client, "escalation-clock", incident)

    assert clock_of(answer) == "wait"
    assert "Escalation 1 of 1 goes no further" in words(answer)


def test_the_clock_of_an_exhausted_ladder_is_missed(client, ada, chain, now):
    ContactMethod.objects.all().delete()
    incident = chain.declare(1, at=now)
    settle(now)

    assert clock_of(part(client, "escalation-clock", incident)) == "missed"


def test_the_clock_renews_itself_in_its_place(client, ada, chain, now):
    incident = chain.declare(2, at=now)

    page = part(client, "escalation-clock", incident).content.decode()

    assert 'id="escalation-clock"' in page
    assert f'hx-get="{reverse("oncall:escalation-clock", args=[incident.number])}"' in page
    assert "hx-preserve" not in page  # else its own answer would be thrown away


@pytest.mark.parametrize("count", [1, 3])
def test_the_clock_costs_the_same_for_one_run_and_three(client, ada, chain, count, django_assert_num_queries, now):
    incident = chain.declare(2, at=now)
    settle(now)
    for number in range(1, count):
        grading.change_severity(
            incident, to=_severity(number % 2), reason="x", by=ada, at=now + timedelta(seconds=number)
        )

    # session, user, incident, affected services, runs, steps
    with django_assert_num_queries(6):
        part(client, "escalation-clock", incident)


# Pages


def test_the_pages_card_names_everybody_with_ways_states_and_attempts(client, ada, chain, now):
    incident = chain.declare(0, at=now)
    settle(now)
    lifecycle.acknowledge(incident, by=chain.ada, at=now + timedelta(seconds=42))

    text = words(part(client, "pages-card", incident))

    assert "1 of 1 answered" in text
    assert "Ada Paged" in text
    assert "on call, Payments weekly, Primary in 00:4" in text
    assert "Phone, SMS, chat, e-mail: delivered" in text
    assert "Lea Told" in text
    assert "SMS, chat, e-mail, in Tocsin: delivered" in text


def test_a_message_that_failed_tells_each_try(client, ada, chain, now, settings):
    settings.SANDBOX = False
    incident = chain.declare(2, at=now)
    settle(now)

    text = words(part(client, "pages-card", incident))

    assert "Chat: failed (no provider for Chat is set up)" in text
    assert "Chat, try 1," in text
    assert "permanent, no provider for Chat is set up" in text


def test_the_list_alone_is_served_for_the_open_fold(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)

    whole, alone = part(client, "pages-card", incident), part(client, "pages-card", incident, list="")

    assert "<details" in whole.content.decode()
    assert 'hx-preserve="true"' in whole.content.decode()
    assert "<details" not in alone.content.decode()
    assert "Ada Paged" in words(alone)


def test_before_anybody_is_paged_the_card_says_so(client, ada, chain, now):
    incident = chain.declare(2, at=now)

    assert "Nobody has been paged or told yet." in words(part(client, "pages-card", incident))


@pytest.mark.parametrize("count", [1, 3])
def test_the_pages_card_costs_the_same_for_one_page_and_three(
    client, ada, chain, count, django_assert_num_queries, now
):
    for number in range(count - 1):
        MembershipFactory(team=chain.team, user=reachable(f"Lead{number}"), rank="lead")
    incident = chain.declare(0, at=now)
    settle(now)
    settle(now + timedelta(minutes=5))

    # session, user, incident, affected services, pages with people, deliveries, attempts
    with django_assert_num_queries(7):
        part(client, "pages-card", incident)


# Visibility


@pytest.mark.parametrize("name", OF_INCIDENT)
def test_the_parts_of_a_private_incident_do_not_exist_for_others(client, chain, name, now):
    incident = chain.declare(2, at=now, private=True)
    settle(now)
    client.force_login(UserFactory())
    assert part(client, name, incident).status_code == 404

    client.force_login(chain.ada)
    assert part(client, name, incident).status_code == 200


def test_nobody_escalates_a_private_incident_that_is_not_theirs(client, chain, now):
    incident = chain.declare(2, at=now, private=True)
    settle(now)
    client.force_login(UserFactory())

    assert (
        client.post(reverse("oncall:escalate", args=[incident.number]), {"version": incident.version}).status_code
        == 404
    )
    assert paged(incident) == ["Ada"]


def _severity(level):
    return Severity.objects.get(level=level)
