"""The deeds on an incident: phases, times, reasons, refusals, and two people at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from incidents import grading, lifecycle, moves, timeline
from incidents.models import Clock, EntryKind, Impact, Severity, SeverityChange, TimelineEntry
from incidents.refusals import Invalid, StaleVersion, TransitionError
from incidents.states import Phase
from tests.factories import ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 6, 1, 14, 2, tzinfo=UTC)


def at(minutes=0, seconds=0):
    return T0 + timedelta(minutes=minutes, seconds=seconds)


def declare(level=1, **said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=level)} | said
    return lifecycle.declare(lifecycle.Declaration(**said), by=said.pop("by", None), at=T0)


@pytest.fixture
def ada(db):
    return UserFactory(name="Ada")


def phases(incident):
    return list(incident.phase_entries.order_by("pk").values_list("phase", "entered_at"))


def test_r01_r30_an_incident_goes_through_the_five_phases_and_keeps_when(ada):
    incident = declare(level=2)
    incident = lifecycle.acknowledge(incident, by=ada, at=at(1))
    incident = lifecycle.enter_phase(incident, to=Phase.MITIGATE, by=ada, at=at(4))
    incident = lifecycle.mitigate(incident, what="rolled back", by=ada, at=at(13), impact_over=True)
    incident = lifecycle.resolve(incident, by=ada, at=at(40), root_cause="no review of SQL")
    incident = lifecycle.close(incident, by=ada, at=at(60))

    assert phases(incident) == [
        ("detect", at(0)),
        ("respond", at(1)),
        ("mitigate", at(4)),
        ("resolve", at(13)),
        ("postmortem", at(40)),
    ]
    times = (
        incident.acknowledged_at,
        incident.mitigated_at,
        incident.recovered_at,
        incident.resolved_at,
        incident.closed_at,
    )
    assert times == (at(1), at(13), at(13), at(40), at(60))
    assert (incident.status, incident.version) == ("closed", 7)


def test_r07_an_incident_is_mitigated_without_any_root_cause_and_the_acknowledgement_follows(ada):
    incident = lifecycle.mitigate(declare(), what="failed over", by=ada, at=at(5), occurred_at=at(3))

    assert (incident.mitigated_at, incident.acknowledged_at, incident.acknowledged_by) == (at(3), at(3), ada)
    assert incident.recovered_at is None
    assert [phase for phase, _ in phases(incident)] == ["detect", "respond", "mitigate", "resolve"]


def test_r30_a_phase_that_lies_behind_is_not_entered_again(ada):
    incident = lifecycle.mitigate(declare(), what="failed over", by=ada, at=at(5))

    with pytest.raises(TransitionError, match=r"is past the phase Respond"):
        lifecycle.enter_phase(incident, to=Phase.RESPOND, by=ada, at=at(6))


def test_of_two_who_acknowledge_the_second_is_told_who_has_it(ada):
    incident = lifecycle.acknowledge(declare(), by=ada, at=at(1))

    with pytest.raises(TransitionError, match=rf"Ada has acknowledged {incident.ref} already\. You can join\."):
        lifecycle.acknowledge(incident, by=UserFactory(), at=at(2))


def test_i34_a_reopened_incident_has_a_second_impact_and_returns_to_mitigate(ada):
    incident = lifecycle.resolve(declare(), by=ada, at=at(30))
    incident = lifecycle.reopen(incident, reason="it came back", by=ada, at=at(150))

    impacts = list(Impact.objects.filter(incident=incident).order_by("pk").values_list("started_at", "ended_at"))
    assert impacts == [(at(0), at(30)), (at(150), None)]
    assert (incident.status, incident.phase, incident.resolved_at) == ("open", "mitigate", None)
    assert incident.contract_started_at == at(150)


@pytest.mark.parametrize("deed", [lifecycle.reopen, lifecycle.decline])
def test_reopening_and_declining_need_a_reason(deed, ada):
    incident = declare()
    if deed is lifecycle.reopen:
        incident = lifecycle.resolve(incident, by=ada, at=at(1))

    with pytest.raises(Invalid) as refusal:
        deed(incident, reason="  ", by=ada, at=at(2))

    assert refusal.value.field == "reason"


def test_r27_i05_a_severity_change_needs_a_reason_and_changes_nothing_without(ada):
    incident = declare(2)

    with pytest.raises(Invalid, match="Say why the severity changes"):
        grading.change_severity(incident, to=Severity.objects.get(level=0), reason="", by=ada, at=at(1))

    incident.refresh_from_db()
    assert (incident.severity_id, incident.version) == (2, 2)


def test_r27_i04_a_raised_severity_keeps_old_new_who_why_and_restarts_the_clocks(ada):
    incident = declare(2)
    worst = Severity.objects.get(level=0)

    incident = grading.change_severity(incident, to=worst, reason="all cards fail", by=ada, at=at(5))

    change = SeverityChange.objects.get()
    assert (change.old_id, change.new_id, change.reason, change.by, change.at) == (2, 0, "all cards fail", ada, at(5))
    entry = incident.timeline.get(kind=EntryKind.SEVERITY)
    assert (entry.text, entry.actor) == ("P2 → P0: all cards fail", ada)
    clocks = Clock.objects.filter(incident=incident).order_by("pk").values_list("rule", "state", "due_at")
    assert list(clocks) == [
        ("acknowledge", "superseded", at(60)),
        ("respond", "superseded", at(60)),
        ("update", "superseded", at(24 * 60)),
        ("acknowledge", "running", at(10)),
        ("respond", "running", at(10)),
        ("commander", "running", at(10)),
        ("update", "running", at(20)),
        ("mitigate", "running", at(20)),
    ]
    assert (incident.peak_severity, incident.urgency) == (worst, 150.0)


def test_r27_the_peak_stays_when_the_severity_is_lowered(ada):
    incident = declare(0)

    incident = grading.change_severity(
        incident, to=Severity.objects.get(level=3), reason="one user only", by=ada, at=at(5)
    )

    assert (incident.severity_id, incident.peak_severity_id) == (3, 0)


def test_r28_the_suggestion_and_the_choice_are_both_stored():
    suggested = Severity.objects.get(level=1)

    incident = declare(2, suggested_severity=suggested)

    assert (incident.suggested_severity, incident.severity_id) == (suggested, 2)


def test_r05_how_it_was_detected_is_recorded():
    for way in ("monitoring", "user_report", "inspection"):
        assert declare(detection=way).detection == way


def test_a_stale_version_says_each_thing_once_and_a_future_one_is_told_so(ada):
    incident = declare(2)
    seen = incident.version
    lifecycle.acknowledge(incident, by=ada, at=at(5))

    with pytest.raises(StaleVersion, match=r"^Ada was first, a moment ago\. Acknowledged\. Nothing of yours"):
        lifecycle.acknowledge(incident, by=UserFactory(), at=at(5), version=seen)
    with pytest.raises(StaleVersion, match="has no version 9 yet; it is at 3"):
        lifecycle.acknowledge(incident, by=UserFactory(), at=at(5), version=9)
    with pytest.raises(TransitionError, match="is open already"):
        lifecycle.reopen(incident, reason="x", by=ada, at=at(6))


def test_a_stale_version_is_told_who_did_what_and_when(ada):
    incident = declare(2)
    seen = incident.version
    grading.change_severity(incident, to=Severity.objects.get(level=0), reason="all cards fail", by=ada, at=at(5))

    with pytest.raises(StaleVersion) as refusal:
        lifecycle.mitigate(incident, what="x", by=UserFactory(), at=at(7), version=seen)

    assert str(refusal.value) == (
        "Ada was first, 2 minutes ago. Severity changed: P2 → P0: all cards fail. Nothing of yours was saved: "
        "look again, then decide."
    )
    incident.refresh_from_db()
    assert incident.mitigated_at is None


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"time_scale": 10}, "time_scale"),
        ({"kind": "drill", "time_scale": 101}, "time_scale"),
        ({"detected_at": T0 + timedelta(minutes=1)}, "detected_at"),
        ({"impact_started_at": T0 + timedelta(minutes=1)}, "impact_started_at"),
        ({"affected_percent": 101}, "affected_percent"),
    ],
)
def test_a_declaration_that_cannot_be_right_is_refused_by_its_field(said, field):
    with pytest.raises(Invalid) as refusal:
        declare(**said)

    assert refusal.value.field == field


def test_a_retired_service_takes_no_new_incident():
    with pytest.raises(Invalid, match="is retired"):
        declare(service=ServiceFactory(is_active=False))


def test_a_time_before_the_detection_is_refused_and_the_same_minute_is_not(ada):
    incident = lifecycle.declare(
        lifecycle.Declaration("Fails", ServiceFactory(), Severity.objects.get(level=1)), by=None, at=at(0, 40)
    )

    with pytest.raises(Invalid, match="before the detection"):
        lifecycle.acknowledge(incident, by=ada, at=at(9), occurred_at=at(-1))
    incident = lifecycle.acknowledge(incident, by=ada, at=at(9), occurred_at=at(0))

    assert incident.acknowledged_at == at(0, 40)


def test_r24_r25_urgency_follows_users_money_and_workaround():
    whole = declare(2, affected_percent=100)
    sliver = declare(1, affected_percent=1)
    paying = declare(1, affected_percent=1, service=ServiceFactory(revenue_path=True))
    helped = declare(4, workaround="use the phone")

    assert (whole.urgency, sliver.urgency, paying.urgency, helped.urgency) == (67.5, 35.7, 50.7, 0.0)


def test_i02_the_queue_is_ordered_by_urgency_and_an_open_p0_leads():
    sliver = declare(1, affected_percent=1)
    whole = declare(2, affected_percent=100)
    critical = declare(0, affected_percent=0, workaround="pay by bank")

    queue = list(type(whole).objects.open().by_urgency())

    assert queue == [critical, whole, sliver]


def test_i8_the_timeline_is_gapless_and_the_database_refuses_to_change_it(ada):
    incident = lifecycle.acknowledge(declare(), by=ada, at=at(1))

    assert list(incident.timeline.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3]
    for change in (lambda rows: rows.update(text="nothing happened"), lambda rows: rows.delete()):
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            change(TimelineEntry.objects.filter(incident=incident))


def test_i26_an_event_added_later_sorts_where_it_happened_and_says_when_it_was_added(ada):
    incident = declare()
    timeline.add(incident, kind="note", text="first", by=ada, at=at(10))

    entry = timeline.add(incident, kind="note", text="remembered", by=ada, at=at(38), occurred_at=at(3))

    assert [row.text for row in timeline.page_of(incident)][:2] == ["first", "remembered"]
    assert (entry.occurred_at, entry.recorded_at, entry.late) == (at(3), at(38), True)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"kind": "resolved"}, "kind"),
        ({"occurred_at": T0 + timedelta(hours=2)}, "occurred_at"),
    ],
)
def test_an_entry_that_cannot_be_right_is_refused_by_its_field(said, field, ada):
    with pytest.raises(Invalid) as refusal:
        timeline.add(declare(), **({"kind": "note", "text": "fine"} | said), by=ada, at=at(1))

    assert refusal.value.field == field


def test_a_hook_that_raises_is_rolled_back_alone_and_never_refuses_the_move(ada, monkeypatch):
    def broken(incident, move, at):
        timeline.write([timeline.Line(incident, EntryKind.NOTE, "half done")], at=at)
        raise RuntimeError("no")

    monkeypatch.setattr(moves, "HOOKS", [broken, *moves.HOOKS])

    incident = lifecycle.acknowledge(declare(), by=ada, at=at(1))

    assert incident.acknowledged_by == ada
    assert not incident.timeline.filter(text="half done").exists()
    assert list(incident.timeline.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_acknowledge_at_once_one_is_refused():
    incident = declare()
    people = [UserFactory(), UserFactory()]
    start, outcomes = threading.Barrier(2), []

    def acknowledge(person):
        try:
            start.wait()
            lifecycle.acknowledge(incident, by=person, at=at(1))
            outcomes.append("has it")
        except TransitionError:
            outcomes.append("refused")
        finally:
            connection.close()

    both = [threading.Thread(target=acknowledge, args=[person]) for person in people]
    [one.start() for one in both]
    [one.join() for one in both]

    assert sorted(outcomes) == ["has it", "refused"]
    assert incident.timeline.filter(kind=EntryKind.ACKNOWLEDGED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_who_write_at_once_leave_no_gap_in_the_timeline():
    incident, ada = declare(), UserFactory()

    def write(number):
        try:
            for _ in range(5):
                timeline.add(incident, kind="note", text=f"from {number}", by=ada, at=at(1))
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=[number]) for number in range(4)]
    [writer.start() for writer in writers]
    [writer.join() for writer in writers]

    assert list(incident.timeline.order_by("seq").values_list("seq", flat=True)) == list(range(1, 23))
