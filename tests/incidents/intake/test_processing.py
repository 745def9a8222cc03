"""How stored events are claimed, in which order, and what becomes of those that fail."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import due, moves
from incidents.intake import processing
from incidents.models import Alert, Incident, Notice, Organisation, RawEvent
from incidents.states import Status
from oncall.models import Escalation
from tests.factories import IntegrationFactory, UserFactory
from tests.incidents.intake.senders import event_of, firing, post_of, process, store


def poison(integration, **more):
    """An event that no reader knows: its processing raises."""
    raw = store(integration, event_of(), **more)
    RawEvent.objects.filter(pk=raw.pk).update(format="from-the-future")
    return raw


@pytest.mark.django_db
def test_i7_a_poison_payload_is_rejected_alone_after_five_failures(pagerduty):
    bad = poison(pagerduty)
    good = store(pagerduty, event_of(dedup_key="db-2"))
    at = due.database_now()

    for _ in range(5):
        processing.do(at)
        at += timedelta(minutes=2)

    bad.refresh_from_db()
    good.refresh_from_db()
    assert good.processed_at
    assert not good.attempts
    assert Alert.objects.get().dedup_key == "db-2"
    assert bad.attempts == 5
    assert bad.processed_at
    assert "from-the-future" in bad.rejected_because
    assert not processing.do(at).rows


@pytest.mark.django_db
def test_a_failure_rests_before_it_is_tried_again(pagerduty):
    bad = poison(pagerduty)
    at = due.database_now()

    processing.do(at)
    processing.do(at)

    bad.refresh_from_db()
    assert (bad.attempts, bad.not_before > at, bad.processed_at) == (1, True, None)


@pytest.mark.django_db
def test_the_fallback_contact_is_told_of_an_event_that_was_set_aside(pagerduty):
    contact = UserFactory()
    Organisation.objects.update(fallback=contact)
    poison(pagerduty)
    at = due.database_now()

    for _ in range(6):
        processing.do(at)
        at += timedelta(minutes=2)

    assert Notice.objects.get().person == contact


@pytest.mark.django_db
def test_a_resolve_waits_for_its_trigger_that_failed_and_rests(pagerduty):
    trigger = store(pagerduty, event_of())
    at = due.database_now()
    RawEvent.objects.filter(pk=trigger.pk).update(not_before=at + timedelta(seconds=2), attempts=1)
    end = store(pagerduty, event_of("resolve"))
    other = store(pagerduty, event_of(dedup_key="db-2"))

    processing.do(at)

    end.refresh_from_db()
    other.refresh_from_db()
    assert (end.processed_at, end.attempts) == (None, 0)
    assert other.processed_at

    processing.do(at + timedelta(seconds=3))

    assert Alert.objects.get(dedup_key="db-1").status == "resolved"


@pytest.mark.django_db
def test_what_the_door_would_refuse_is_rejected_with_the_reason(alertmanager):
    raw = store(alertmanager, b'{"alerts": 7}')

    process()

    raw.refresh_from_db()
    assert raw.processed_at
    assert "Send a list of alerts" in raw.rejected_because


@pytest.mark.django_db
def test_a_flood_on_one_service_delays_no_other(pagerduty):
    for number in range(due.BATCH + 10):
        store(pagerduty, event_of(dedup_key=f"flood-{number}"))
    other = store(IntegrationFactory(kind="pagerduty"), event_of(dedup_key="db-1"))

    processing.do(due.database_now())

    other.refresh_from_db()
    assert other.processed_at
    assert Incident.objects.count() == processing.MOST_DECLARED


@pytest.mark.django_db
def test_a_set_holds_no_more_bytes_than_it_may_but_always_one_event(generic, monkeypatch):
    monkeypatch.setattr(processing, "MOST_BYTES", 10)
    for name in "ab":
        store(generic, {"summary": f"Backup {name} failed"})

    assert processing.do(due.database_now()).rows == 1
    assert processing.do(due.database_now()).rows == 1


@pytest.mark.django_db
def test_o39_an_accepted_event_is_an_incident_with_an_escalation_after_one_tick(pagerduty):
    store(pagerduty, event_of())

    due.tick(rung=True)

    assert Escalation.objects.get().incident == Incident.objects.get()


@pytest.mark.django_db
def test_a_hook_that_raises_costs_no_incident(pagerduty, monkeypatch):
    def broken(*_):
        raise RuntimeError("an upper floor is broken")

    monkeypatch.setattr(moves, "HOOKS", [broken])
    store(pagerduty, event_of())

    process()

    assert Incident.objects.get().status == Status.OPEN


def test_i6_two_ticks_at_once_neither_double_an_alert_nor_swap_a_trigger_with_its_resolve(committed_db, pagerduty):
    first = store(pagerduty, event_of())
    second = store(pagerduty, event_of("resolve"))
    at = due.database_now()
    done_beside = []

    def beside():
        done_beside.append(processing._process([second.pk], at=at))
        connection.close()

    with transaction.atomic():
        processing._process([first.pk], at=at)
        other = threading.Thread(target=beside)
        other.start()
        other.join(10)
    assert done_beside == [0]  # the service is in other hands: the resolve waits

    process()

    assert Alert.objects.get().status == "resolved"
    assert Incident.objects.get().status == Status.RESOLVED


def test_i6_many_ticks_at_once_open_one_alert_for_each_key_and_one_incident_for_each_group(committed_db):
    integrations = [IntegrationFactory(kind="pagerduty") for _ in range(3)]
    for integration in integrations:
        for number in range(60):
            store(integration, event_of(dedup_key=f"db-{number % 5}"))

    def tick():
        process()
        connection.close()

    ticks = [threading.Thread(target=tick) for _ in range(4)]
    for thread in ticks:
        thread.start()
    for thread in ticks:
        thread.join(60)
    process()

    assert sorted(Alert.objects.values_list("status", "count")) == [("open", 12)] * 15
    assert Incident.objects.count() == 15
    assert not RawEvent.objects.filter(processed_at=None).exists()
    assert not RawEvent.objects.exclude(rejected_because="").exists()


def test_a_person_who_resolves_meanwhile_and_a_new_alert_make_no_deadlock_and_no_lost_alert(committed_db, alertmanager):
    store(alertmanager, post_of(firing("Disk")))
    process()
    store(alertmanager, post_of(firing("Memory")))
    incident = Incident.objects.get()
    tick = threading.Thread(target=lambda: (process(), connection.close()))

    with transaction.atomic():
        locked = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
        tick.start()
        tick.join(0.3)
        assert tick.is_alive()  # it waits for the lock, then reads again
        locked.status, locked.resolved_at = Status.RESOLVED, due.database_now()
        locked.save()
    tick.join(10)

    assert list(Incident.objects.order_by("number").values_list("status", flat=True)) == ["resolved", "open"]
    assert Incident.objects.last().alerts.get().dedup_key == "print-of-Memory"


ACTIONS = st.tuples(st.sampled_from(["trigger", "acknowledge", "resolve"]), st.sampled_from(["a", "b", "c"]))


@pytest.mark.django_db
@given(steps=st.lists(ACTIONS, max_size=12), cuts=st.sets(st.integers(0, 12)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_i6_i7_any_sequence_in_any_sets_ends_as_if_taken_one_by_one(steps, cuts):
    integration = IntegrationFactory(kind="pagerduty")
    opened, is_open = [], {}
    for place, (action, key) in enumerate(steps):
        store(integration, event_of(action, dedup_key=key))
        if action == "trigger" and not is_open.get(key):
            opened.append(key)
            is_open[key] = True
        elif action == "resolve":
            is_open[key] = False
        if place in cuts:
            process()

    process()

    alerts = Alert.objects.filter(integration=integration)
    assert list(alerts.order_by("pk").values_list("dedup_key", flat=True)) == opened
    assert set(alerts.filter(status="open").values_list("dedup_key", flat=True)) == {k for k, v in is_open.items() if v}
    incidents = Incident.objects.filter(service=integration.service)
    assert incidents.count() == len(opened)
    assert incidents.filter(status="open").count() == sum(is_open.values())
    raws = RawEvent.objects.filter(integration=integration)
    assert not raws.filter(processed_at=None).exists()
    assert not raws.exclude(rejected_because="").exists()


@pytest.mark.django_db
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["alerts", "labels", "status", "summary", "links", "payload", "severity", "event_action"]
                )
                | st.text(max_size=5),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_i7_junk_that_came_past_the_door_is_processed_or_rejected_and_never_raises(body):
    for kind in ("alertmanager", "pagerduty", "generic"):
        store(IntegrationFactory(kind=kind), json.dumps(body).encode(), dedup_key="junk")

    process()

    assert not RawEvent.objects.filter(processed_at=None).exists()
    assert not RawEvent.objects.filter(attempts__gt=0).exists()
