"""Heartbeats: what is missed opens an incident, what beats again ends it, what is muted stays silent."""

from datetime import timedelta

import pytest

from incidents import due, heartbeats
from incidents.models import Heartbeat, Incident, RawEvent
from incidents.refusals import Invalid, NotAllowed
from tests.factories import AdministratorFactory, IntegrationFactory, UserFactory

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def backup(db):
    return IntegrationFactory(kind="heartbeat", name="Nightly backup")


@pytest.fixture
def root():
    return AdministratorFactory()


def beat(integration, at, sign="", body=b""):
    RawEvent.objects.create(integration=integration, format="heartbeat", body=body, dedup_key=sign, received_at=at)
    due.settle(at)


def test_o42_a_missed_heartbeat_opens_an_incident_that_ends_when_it_beats_again(backup):
    at = due.database_now()
    beat(backup, at)

    due.settle(at + 6 * MINUTE)
    assert not Incident.objects.exists()
    late = at + 6 * MINUTE + timedelta(seconds=1)
    due.settle(late)

    incident = Incident.objects.get()
    assert "No sign of life from Nightly backup since" in incident.title
    assert Heartbeat.objects.get().state(late) == "missing"
    beat(backup, late + MINUTE)
    incident.refresh_from_db()
    assert not incident.is_open
    assert Heartbeat.objects.get().state(late + MINUTE) == "on time"


def test_o42_a_muted_heartbeat_stays_silent(backup, root):
    at = due.database_now()
    beat(backup, at)
    heartbeats.configure(backup, period=MINUTE, grace=MINUTE, muted=True, by=root, at=at)

    due.settle(at + timedelta(days=1))
    beat(backup, at + timedelta(days=1), "fail")

    assert not Incident.objects.exists()


def test_a_missed_heartbeat_is_told_once(backup):
    at = due.database_now()
    beat(backup, at)

    for minutes in (7, 8, 60):
        due.settle(at + minutes * MINUTE)

    assert RawEvent.objects.filter(dedup_key="missed").count() == 1


def test_a_failure_opens_an_incident_at_once_with_what_the_job_said(backup):
    beat(backup, due.database_now(), "fail", b"disk full\nat once")

    assert Incident.objects.get().title == "Nightly backup reports a failure: disk full at once"


def test_a_run_that_started_and_does_not_end_within_its_grace_is_missed(backup):
    at = due.database_now()
    beat(backup, at)
    beat(backup, at + MINUTE, "start")

    due.settle(at + 2 * MINUTE)
    assert not Incident.objects.exists()
    due.settle(at + 2 * MINUTE + timedelta(seconds=1))

    assert Incident.objects.exists()


def test_a_heartbeat_that_was_never_heard_of_is_not_missed(backup, root):
    at = due.database_now()
    heartbeats.configure(backup, period=MINUTE, grace=MINUTE, muted=False, by=root, at=at)

    due.settle(at + timedelta(days=1))

    assert not Incident.objects.exists()


def test_a_sign_that_has_come_and_waits_speaks_before_the_clock(backup):
    at = due.database_now()
    beat(backup, at)
    RawEvent.objects.create(
        integration=backup, format="heartbeat", body=b"", received_at=at + 5 * MINUTE, not_before=at + 60 * MINUTE
    )

    due.settle(at + 7 * MINUTE)

    assert not Incident.objects.exists()


def test_a_sign_that_comes_out_of_order_moves_nothing_back(backup):
    at = due.database_now()
    beat(backup, at)
    beat(backup, at - 10 * MINUTE)

    assert Heartbeat.objects.get().heard_at == at


def test_a_shorter_period_leaves_the_grace_before_it_is_missed(backup, root):
    at = due.database_now()
    beat(backup, at)

    later = at + 5 * MINUTE
    row = heartbeats.configure(backup, period=MINUTE, grace=MINUTE, muted=False, by=root, at=later)

    assert row.due_at == later + MINUTE


def test_heartbeats_are_configured_by_managers_within_reason(backup, root):
    said = {"period": MINUTE, "grace": MINUTE, "muted": False, "at": due.database_now()}

    with pytest.raises(NotAllowed):
        heartbeats.configure(backup, **said, by=UserFactory())
    with pytest.raises(Invalid):
        heartbeats.configure(backup, **said | {"period": timedelta(seconds=1)}, by=root)
    with pytest.raises(Invalid):
        heartbeats.configure(IntegrationFactory(), **said, by=root)
