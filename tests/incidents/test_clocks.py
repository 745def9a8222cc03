"""The contract as clocks: met at the very deadline, breached past it, judged again, waived."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents import due, lifecycle
from incidents.models import Clock, Severity
from tests.factories import ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 6, 1, 14, 2, tzinfo=UTC)


def declare(level):
    said = lifecycle.Declaration("Payments fail", ServiceFactory(), Severity.objects.get(level=level))
    return lifecycle.declare(said, by=None, at=T0)


def state(incident, rule):
    return str(Clock.objects.filter(incident=incident, rule=rule).latest("pk").state)


@pytest.mark.parametrize(("level", "deadline"), [(0, 5), (1, 15), (2, 60)])
def test_r13_c4_each_level_wants_its_acknowledgement_in_its_own_time(level, deadline):
    incident = declare(level)

    assert Clock.objects.get(incident=incident, rule="acknowledge").due_at == T0 + timedelta(minutes=deadline)


def test_c20_acknowledged_at_the_very_deadline_is_met():
    incident = declare(0)
    due.settle(T0 + timedelta(minutes=5))

    lifecycle.acknowledge(incident, by=UserFactory(), at=T0 + timedelta(minutes=5))

    assert state(incident, "acknowledge") == "met"


def test_a_deadline_that_passes_is_breached_once_and_told_on_the_timeline():
    incident = declare(0)

    due.settle(T0 + timedelta(minutes=5, seconds=1))
    due.settle(T0 + timedelta(minutes=6))

    assert state(incident, "acknowledge") == "breached"
    assert incident.timeline.filter(kind="clock", text="Nobody acknowledged in time.").count() == 1


def test_a_mitigation_dated_back_is_judged_again():
    incident = declare(0)
    due.settle(T0 + timedelta(minutes=16))
    assert state(incident, "mitigate") == "breached"

    at, occurred_at = T0 + timedelta(minutes=18), T0 + timedelta(minutes=14)
    lifecycle.mitigate(incident, what="rolled back", by=UserFactory(), at=at, occurred_at=occurred_at)

    assert state(incident, "mitigate") == "met"


@pytest.mark.parametrize(("level", "hours"), [(0, 24), (1, 48), (2, 48)])
def test_r75_c12_the_postmortem_is_due_from_the_resolution(level, hours):
    incident = lifecycle.resolve(declare(level), by=UserFactory(), at=T0 + timedelta(minutes=30))

    clock = Clock.objects.get(incident=incident, rule="postmortem")
    assert clock.due_at == T0 + timedelta(minutes=30, hours=hours)


def test_r29_an_optional_postmortem_has_no_clock_and_a_reopening_waives_one():
    minor = lifecycle.resolve(declare(3), by=UserFactory(), at=T0 + timedelta(minutes=30))
    assert not Clock.objects.filter(incident=minor, rule="postmortem").exists()

    severe = lifecycle.resolve(declare(1), by=UserFactory(), at=T0 + timedelta(minutes=30))
    lifecycle.reopen(severe, reason="it came back", by=UserFactory(), at=T0 + timedelta(minutes=40))
    assert state(severe, "postmortem") == "waived"


def test_a_drill_of_scale_sixty_has_clocks_of_a_sixtieth():
    said = lifecycle.Declaration("x", ServiceFactory(), Severity.objects.get(level=0), kind="drill", time_scale=60)
    incident = lifecycle.declare(said, by=None, at=T0)

    assert Clock.objects.get(incident=incident, rule="mitigate").due_at == T0 + timedelta(seconds=15)
