"""Who has it and does nothing, gives it back or snoozes: when the ladder goes on."""

from datetime import timedelta

import pytest

from incidents import holding, lifecycle, timeline
from incidents.models import EntryKind, Incident, Severity
from incidents.refusals import Invalid, StaleVersion, TransitionError
from oncall import escalation, replies, snoozing
from oncall.models import (
    Escalation,
    EscalationLevel,
    EscalationPolicy,
    Page,
)
from tests.oncall.conftest import START, after, paged, settle
from tests.oncall.ladders import policy_of, waiting

pytestmark = pytest.mark.django_db


def held(chain, level=0):
    """An incident that Ada has acknowledged after two minutes and does nothing about."""
    incident = chain.declare(level)
    settle(seconds=0)
    return lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=2))


@pytest.mark.parametrize(("level", "minutes"), [(0, 30), (1, 60)])
def test_o15_who_acknowledged_and_does_nothing_is_paged_again_and_the_ladder_goes_on(chain, level, minutes):
    EscalationPolicy.objects.filter(severity=level).update(service=chain.service)
    EscalationLevel.objects.filter(policy__severity=level, position__gt=3).delete()
    incident = held(chain, level)
    before = len(paged(incident))
    settle(minutes=minutes + 1, seconds=59)
    known = [name for name in paged(incident) if name != "Ada"]
    assert paged(incident).count("Ada") == 1

    settle(minutes=minutes + 2)
    assert paged(incident)[-1] == "Ada"
    assert before < len(paged(incident))
    settle(minutes=minutes + 6, seconds=59)
    assert [name for name in paged(incident) if name != "Ada"] == known
    incident.refresh_from_db()
    assert incident.held_by == chain.ada

    settle(minutes=minutes + 7, seconds=1)
    incident.refresh_from_db()
    assert incident.held_by is None
    assert incident.timeline.filter(kind=EntryKind.UNACKNOWLEDGED).count() == 1
    assert Escalation.objects.get(incident=incident).state == "active"


def test_o15_a_ladder_that_resumes_goes_on_with_the_level_that_was_parked(chain):
    Severity.objects.filter(level=2).update(acknowledgement_timeout=timedelta(minutes=30))
    incident = held(chain, 2)

    settle(minutes=32)
    settle(minutes=37, seconds=1)
    settle(minutes=37, seconds=2)

    assert paged(incident) == ["Ada", "Ada", "Lea"]


@pytest.mark.parametrize("sign", ["a line", "an answer", "mitigated"])
def test_o15_a_sign_of_life_starts_the_time_anew(chain, sign):
    incident = held(chain, 1)
    settle(minutes=62)
    reminder = Page.objects.get(incident=incident, is_reminder=True)
    if sign == "a line":
        timeline.add(incident, kind="note", text="still here", by=chain.ada, at=after(minutes=64))
    elif sign == "an answer":
        replies.take(reminder, at=after(minutes=64), via="by link")
    else:
        lifecycle.mitigate(incident, what="rolled back", by=chain.ada, at=after(minutes=64))

    settle(minutes=67)
    settle(minutes=70)

    incident.refresh_from_db()
    assert incident.held_by == chain.ada
    reminder.refresh_from_db()
    assert reminder.ended_at or reminder.acknowledged_at


def test_o15_an_acknowledger_who_left_gives_it_back_at_once(chain):
    Severity.objects.filter(level=2).update(acknowledgement_timeout=timedelta(minutes=30))
    incident = held(chain, 2)
    chain.ada.is_active = False
    chain.ada.save()

    settle(minutes=32)
    settle(minutes=32, seconds=1)

    assert paged(incident) == ["Ada", "Lea"]


def test_a_lost_resume_is_repaired_by_the_tick(chain):
    incident = held(chain, 1)
    Incident.objects.filter(pk=incident.pk).update(held_by=None, held_since=None)  # as if the hook had raised

    settle(minutes=62)
    settle(minutes=62, seconds=1)

    assert "Lea" in paged(incident)


def test_who_gives_it_back_makes_the_ladder_go_on_at_once(chain):
    incident = held(chain, 2)

    given = holding.unacknowledge(incident, by=chain.ada, at=after(minutes=4), note="I have no access")
    settle(minutes=4)

    assert (given.held_by, given.acknowledged_by, given.acknowledged_at) == (None, chain.ada, after(minutes=2))
    assert paged(incident) == ["Ada", "Lea"]
    with pytest.raises(TransitionError, match="Nobody has"):
        holding.unacknowledge(incident, by=chain.ada, at=after(minutes=5))


def test_given_back_with_no_level_left_those_asked_last_are_asked_again(chain):
    policy_of(chain, (0, [chain.ada], {}), (90, [chain.dan], {"condition": "unresolved"}))
    incident = held(chain, 2)

    holding.unacknowledge(incident, by=chain.ada, at=after(minutes=4))
    settle(minutes=5)

    assert paged(incident) == ["Ada", "Ada"]
    settle(minutes=90)
    assert paged(incident) == ["Ada", "Ada", "Dan"]


def test_a_snooze_silences_until_its_end_and_then_the_ladder_goes_on(chain):
    incident = chain.declare(1)
    settle(seconds=0)

    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))
    assert waiting(incident) == []
    for minute in (5, 30, 44):
        settle(minutes=minute)
    assert paged(incident) == ["Ada"]
    run = Escalation.objects.get(incident=incident)
    assert (run.state, run.why, run.snoozed_until) == ("parked", "snoozed", after(minutes=45))

    settle(minutes=45)
    settle(minutes=45, seconds=1)
    assert paged(incident) == ["Ada", "Lea"]
    settle(minutes=69)
    assert paged(incident) == ["Ada", "Lea"]
    settle(minutes=70, seconds=1)
    assert paged(incident) == ["Ada", "Lea", "Dan"]


def test_a_snoozed_incident_that_somebody_had_is_asked_for_anew(chain):
    incident = held(chain, 2)
    snoozing.snooze(incident, until=after(minutes=60), by=chain.ada, at=after(minutes=3))

    settle(minutes=60)
    settle(minutes=60, seconds=1)

    incident.refresh_from_db()
    assert incident.held_by is None
    assert paged(incident) == ["Ada", "Lea"]


def test_an_acknowledgement_ends_a_snooze(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))

    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=3))

    run = Escalation.objects.get(incident=incident)
    assert (run.snoozed_until, run.state, run.due_at) == (None, "active", after(minutes=30))


def test_a_snooze_ends_when_somebody_says_so(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))

    snoozing.unsnooze(incident, by=chain.lea, at=after(minutes=5))
    settle(minutes=5)

    assert paged(incident) == ["Ada", "Lea"]
    with pytest.raises(TransitionError, match="is not snoozed"):
        snoozing.unsnooze(incident, by=chain.lea, at=after(minutes=6))


@pytest.mark.parametrize("until", [START, START + timedelta(days=8)])
def test_a_snooze_has_an_end_within_a_week(chain, until):
    incident = chain.declare(2)

    with pytest.raises(Invalid):
        snoozing.snooze(incident, until=until, by=chain.ada, at=after(minutes=2))


def test_two_who_steer_at_once_do_not_overwrite_each_other(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    incident.refresh_from_db()
    seen = incident.version
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2), version=seen)

    with pytest.raises(StaleVersion):
        snoozing.unsnooze(incident, by=chain.lea, at=after(minutes=3), version=seen)


def test_escalating_a_snoozed_incident_ends_the_snooze(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))

    escalation.escalate_now(incident, by=chain.ada, at=after(minutes=3))
    settle(minutes=3)

    assert paged(incident) == ["Ada", "Lea"]
    assert Escalation.objects.get(incident=incident).snoozed_until is None
