"""What processed events make: alerts, incidents, lines."""

from datetime import timedelta

import pytest

from incidents import due, grading, lifecycle
from incidents.intake import processing
from incidents.models import (
    Alert,
    AlertLevel,
    AlertStatus,
    EntryKind,
    Incident,
    RawEvent,
    Severity,
    SeverityProposal,
    TimelineEntry,
)
from incidents.states import Status
from tests.factories import IntegrationFactory, UserFactory
from tests.incidents.intake.senders import (
    BEGAN,
    LATER,
    event_of,
    firing,
    post_of,
    process,
    resolved,
    store,
)

pytestmark = pytest.mark.django_db


def lines(kind=EntryKind.ALERT):
    return list(TimelineEntry.objects.filter(kind=kind).order_by("pk").values_list("text", flat=True))


def statuses():
    return list(Alert.objects.order_by("pk").values_list("dedup_key", "status", "count"))


def lower_by_hand(incident, to=3):
    severity = Severity.objects.get(pk=to)
    grading.change_severity(
        incident, to=severity, reason="Only one shop is slow", by=UserFactory(), at=due.database_now()
    )


def test_o32_two_identical_events_make_one_alert_with_count_2_and_one_incident(pagerduty, take):
    take(pagerduty, event_of(), event_of())

    assert statuses() == [("db-1", "open", 2)]
    assert Incident.objects.get().title == "Database is down"
    assert lines() == ["Checks: Database is down"]


def test_o32_identical_events_without_a_key_are_one_alert_too(generic, take):
    take(generic, {"summary": "Backup failed"}, {"summary": "Backup failed"}, {"summary": "Backup is slow"})

    assert sorted(Alert.objects.values_list("summary", "count")) == [("Backup failed", 2), ("Backup is slow", 1)]


def test_o34_a_close_for_an_unknown_key_creates_nothing_and_says_so(pagerduty, take):
    [raw, other] = take(pagerduty, event_of("resolve"), event_of("acknowledge"))

    assert not Alert.objects.exists()
    assert not Incident.objects.exists()
    assert raw.outcome == other.outcome == {"without an open alert": 1}
    assert raw.processed_at
    assert not raw.rejected_because


def test_o36_of_one_firing_and_one_resolved_alert_one_is_opened_and_the_other_closed(alertmanager, take):
    take(alertmanager, post_of(firing("Disk")))
    [raw] = take(alertmanager, post_of(firing("Memory"), resolved("Disk")))

    assert statuses() == [("print-of-Disk", "resolved", 1), ("print-of-Memory", "open", 1)]
    assert Incident.objects.get().status == Status.OPEN
    assert raw.outcome == {"opened": 1, "resolved": 1, "incidents": [Incident.objects.get().ref]}


def test_o36_a_resolved_alert_that_was_never_seen_opens_nothing(alertmanager, take):
    take(alertmanager, post_of(firing("Memory"), resolved("Disk")))

    assert statuses() == [("print-of-Memory", "open", 1)]


def test_an_incident_from_an_alert_says_when_it_began_when_it_was_noticed_and_by_what(alertmanager, take):
    [raw] = take(alertmanager, post_of(firing()))

    incident = Incident.objects.get()
    assert incident.detection == "monitoring"
    assert incident.detected_at == raw.received_at
    assert incident.impact_started_at.isoformat() == "2026-03-02T14:02:00+00:00"
    assert incident.declared_by is None
    assert (incident.severity_id, incident.severity_assumed) == (1, False)
    assert incident.service == alertmanager.service


def test_a_start_in_the_future_is_no_start_of_the_impact(alertmanager, take):
    take(alertmanager, post_of(firing(starts_at="2126-03-02T14:02:00Z")))

    assert Incident.objects.get().impact_started_at is None


@pytest.mark.parametrize("word", ["", "sev-banana"])
def test_a_level_that_nobody_names_or_knows_is_an_assumed_p2(alertmanager, take, word):
    take(alertmanager, post_of(firing(severity=word)))

    incident = Incident.objects.get()
    assert (incident.severity_id, incident.severity_assumed) == (2, True)
    assert (Alert.objects.get().level_word, Alert.objects.get().severity) == (word, None)


@pytest.mark.parametrize(("word", "level"), [("fatal", 0), ("Critical", 1), ("WARNING", 3)])
def test_c8_words_of_the_source_become_levels(alertmanager, take, word, level):
    take(alertmanager, post_of(firing(severity=word)))

    assert Incident.objects.get().severity_id == level


def test_c8_what_a_word_means_is_data(alertmanager, take):
    AlertLevel.objects.create(word="sev-banana", severity_id=4)

    take(alertmanager, post_of(firing(severity="SEV-Banana")))

    assert Incident.objects.get().severity_id == 4


def test_the_most_severe_alert_of_a_post_gives_the_level_and_the_title(alertmanager, take):
    take(alertmanager, post_of(firing("Slow", severity="warning"), firing("Down", severity="fatal")))

    incident = Incident.objects.get()
    assert (incident.severity_id, incident.title) == (0, "Down is firing")
    assert not SeverityProposal.objects.exists()


def test_alerts_of_one_group_share_an_incident_and_leave_one_line_each(alertmanager, take):
    take(alertmanager, post_of(firing("Disk")), post_of(firing("Disk"), firing("Memory")), post_of(firing("Disk")))

    assert Incident.objects.count() == 1
    assert statuses() == [("print-of-Disk", "open", 3), ("print-of-Memory", "open", 1)]
    assert lines() == ["Prometheus: Disk is firing", "Prometheus: Memory is firing"]


def test_other_groups_and_other_services_have_incidents_of_their_own(alertmanager, take):
    other = IntegrationFactory(kind="alertmanager")
    take(alertmanager, post_of(firing("Disk"), group="a"), post_of(firing("Memory"), group="b"))
    take(other, post_of(firing("Disk"), group="a"))

    assert Incident.objects.count() == 3


def test_two_integrations_of_one_service_share_the_incident_of_a_group(alertmanager, take):
    other = IntegrationFactory(kind="alertmanager", service=alertmanager.service)
    take(alertmanager, post_of(firing("Disk")))
    take(other, post_of(firing("Disk")))

    assert Incident.objects.get().alerts.count() == 2


def test_the_numbers_of_the_timeline_have_no_gap(alertmanager, take):
    take(alertmanager, post_of(firing("Disk")), post_of(firing("Memory")), post_of(resolved("Disk")))
    take(alertmanager, post_of(firing("Network")))

    seqs = list(TimelineEntry.objects.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert Incident.objects.get().timeline_seq == len(seqs)


def test_a_more_severe_alert_that_joins_raises_what_monitoring_alone_has_set(alertmanager, take):
    take(alertmanager, post_of(firing("Slow", severity="warning")))
    [raw, _] = take(
        alertmanager,
        post_of(firing("Half", severity="critical"), firing("Down", severity="fatal")),
        post_of(firing("Late", severity="critical")),
    )

    incident = Incident.objects.get()
    assert (incident.severity_id, incident.peak_severity_id) == (0, 0)
    assert lines(EntryKind.SEVERITY) == ["P3 → P0: An alert says “fatal”: Down is firing"]
    assert raw.outcome["severity raised"] == 1
    assert not SeverityProposal.objects.exists()
    assert lines() == [f"Prometheus: {name} is firing" for name in ("Slow", "Half", "Down", "Late")]


def test_a_repeat_that_names_a_more_severe_level_raises_it_and_a_milder_one_does_nothing(pagerduty, take):
    take(pagerduty, event_of(severity="warning"), event_of(severity="critical"), event_of(severity="warning"))

    assert Alert.objects.get().level_word == "critical"
    assert Incident.objects.get().severity_id == 1
    assert lines() == ["Checks: Database is down"]


def test_a_raised_incident_is_resolved_by_the_post_that_ends_its_alerts(alertmanager, take):
    take(alertmanager, post_of(firing("Slow", severity="warning")), post_of(firing("Slow", severity="fatal")))
    take(alertmanager, post_of(resolved("Slow")))

    incident = Incident.objects.get()
    assert (incident.status, incident.severity_id) == (Status.RESOLVED, 0)


def test_a_level_that_a_person_has_set_is_only_proposed_against(alertmanager, take):
    take(alertmanager, post_of(firing("Slow", severity="critical")))
    lower_by_hand(Incident.objects.get())

    take(alertmanager, post_of(firing("Down", severity="fatal")), post_of(firing("Half", severity="critical")))

    assert Incident.objects.get().severity_id == 3
    proposal = SeverityProposal.objects.get()
    assert (proposal.severity_id, proposal.settled_at) == (0, None)
    assert proposal.because == "An alert says “fatal”: Down is firing"


def test_a_still_more_severe_alert_takes_the_place_of_the_proposal(alertmanager, take):
    take(alertmanager, post_of(firing("Slow", severity="warning")))
    lower_by_hand(Incident.objects.get(), to=4)
    take(alertmanager, post_of(firing("Half", severity="critical")))
    take(alertmanager, post_of(firing("Down", severity="fatal")))

    assert list(SeverityProposal.objects.filter(settled_at=None).values_list("severity", flat=True)) == [0]


def test_nothing_is_proposed_on_an_incident_that_has_ended(generic, take):
    said = {"summary": "Backup failed", "starts_at": BEGAN, "severity": "warning"}
    take(generic, said)
    lifecycle.resolve(Incident.objects.get(), by=UserFactory(), at=due.database_now())

    take(generic, said | {"severity": "fatal"})

    assert Alert.objects.get().level_word == "fatal"
    assert not SeverityProposal.objects.exists()


def test_the_incident_is_resolved_when_its_last_alert_is_over(alertmanager, take):
    take(alertmanager, post_of(firing("Disk"), firing("Memory")))
    take(alertmanager, post_of(resolved("Disk")))
    assert Incident.objects.get().status == Status.OPEN

    take(alertmanager, post_of(resolved("Memory")))

    incident = Incident.objects.get()
    assert (incident.status, incident.acknowledged_at) == (Status.RESOLVED, None)
    assert lines()[-2:] == [
        "Prometheus says that it is over: Disk is firing",
        "Prometheus says that it is over: Memory is firing",
    ]


def test_a_post_that_ends_all_known_alerts_and_opens_another_leaves_the_incident_open(alertmanager, take):
    take(alertmanager, post_of(firing("Disk")))
    take(alertmanager, post_of(resolved("Disk"), firing("Memory")))

    assert Incident.objects.get().status == Status.OPEN


def test_an_integration_that_does_not_resolve_leaves_that_to_people(alertmanager, take):
    alertmanager.auto_resolve = False
    alertmanager.save()
    take(alertmanager, post_of(firing()), post_of(resolved()))

    assert Alert.objects.get().status == AlertStatus.RESOLVED
    assert Incident.objects.get().status == Status.OPEN


def test_a_post_that_leaves_alerts_out_says_nothing_about_them(alertmanager, take):
    take(alertmanager, post_of(firing("Disk"), left_out=3))
    take(alertmanager, post_of(resolved("Disk"), left_out=3))
    assert Alert.objects.get().status == AlertStatus.RESOLVED
    assert Incident.objects.get().status == Status.OPEN

    take(alertmanager, post_of(resolved("Disk")))

    assert Incident.objects.get().status == Status.RESOLVED


def test_a_post_without_an_alert_does_not_end_it(alertmanager, take):
    take(alertmanager, post_of(firing("Disk"), firing("Memory")))
    take(alertmanager, post_of(firing("Memory")))

    assert Alert.objects.filter(status="open").count() == 2


def test_a_later_start_is_a_new_episode_and_a_new_incident(alertmanager, take):
    take(alertmanager, post_of(firing()), post_of(resolved()), post_of(firing(starts_at=LATER)))

    assert [status for _, status, _ in statuses()] == ["resolved", "open"]
    assert list(Incident.objects.order_by("number").values_list("status", flat=True)) == ["resolved", "open"]


def test_a_later_start_whose_end_before_was_missed_joins_the_incident_that_is_open(alertmanager, take):
    take(alertmanager, post_of(firing()), post_of(firing(starts_at=LATER)))

    assert [status for _, status, _ in statuses()] == ["resolved", "open"]
    assert Incident.objects.get().status == Status.OPEN


@pytest.mark.parametrize("again", [firing(), resolved()])
def test_an_old_message_sent_again_does_not_reopen_what_is_over(alertmanager, take, again):
    take(alertmanager, post_of(firing()), post_of(resolved()))

    take(alertmanager, post_of(again))

    assert statuses() == [("print-of-HighLatency", "resolved", 1)]
    assert Incident.objects.get().status == Status.RESOLVED


def test_the_end_of_an_old_episode_told_late_does_not_end_the_present_one(alertmanager, take):
    take(alertmanager, post_of(firing()), post_of(resolved()), post_of(firing(starts_at=LATER)))

    [raw] = take(alertmanager, post_of(resolved()))

    assert Alert.objects.filter(status="open").count() == 1
    assert raw.outcome["of an episode that is over"] == 1


def test_an_end_after_the_present_start_ends_it_though_its_sender_saw_an_earlier_beginning(alertmanager, take):
    take(alertmanager, post_of(firing(starts_at=LATER)))
    take(alertmanager, post_of(resolved(starts_at=BEGAN, ends_at="2026-03-02T16:00:00Z")))

    assert Alert.objects.get().status == AlertStatus.RESOLVED


def test_the_same_start_long_after_the_end_is_no_echo(alertmanager, take):
    take(alertmanager, post_of(firing()), post_of(resolved()))

    take(alertmanager, post_of(firing()), received_at=due.database_now() + timedelta(hours=2))

    assert [status for _, status, _ in statuses()] == ["resolved", "open"]


def test_a_trigger_after_the_resolve_is_a_new_alert_and_a_new_incident(pagerduty, take):
    take(pagerduty, event_of(), event_of("resolve"), event_of())

    assert [status for _, status, _ in statuses()] == ["resolved", "open"]
    assert Incident.objects.count() == 2


def test_a_trigger_after_a_person_resolved_the_incident_is_a_new_one(pagerduty, take):
    take(pagerduty, event_of())
    lifecycle.resolve(Incident.objects.get(), by=UserFactory(), at=due.database_now())

    take(pagerduty, event_of())

    assert [status for _, status, _ in statuses()] == ["resolved", "open"]
    assert list(Incident.objects.order_by("number").values_list("status", flat=True)) == ["resolved", "open"]


def test_a_repeat_of_the_same_episode_does_not_open_again_what_a_person_resolved(alertmanager, take):
    take(alertmanager, post_of(firing()))
    lifecycle.resolve(Incident.objects.get(), by=UserFactory(), at=due.database_now())

    take(alertmanager, post_of(firing()))

    assert statuses() == [("print-of-HighLatency", "open", 2)]
    assert Incident.objects.get().status == Status.RESOLVED


def test_another_alert_of_the_group_after_a_person_resolved_the_incident_is_a_new_one(alertmanager, take):
    take(alertmanager, post_of(firing("Disk")))
    lifecycle.resolve(Incident.objects.get(), by=UserFactory(), at=due.database_now())

    take(alertmanager, post_of(firing("Disk"), firing("Memory")))

    assert list(Incident.objects.order_by("number").values_list("status", flat=True)) == ["resolved", "open"]


def test_a_sources_acknowledgement_is_noted_and_is_not_a_persons(pagerduty, take):
    take(pagerduty, event_of(), event_of("acknowledge"), event_of("acknowledge"))

    assert Alert.objects.get().acknowledged_at
    assert Incident.objects.get().acknowledged_at is None
    assert lines()[1:] == ["Checks acknowledged it; people are still paged: Database is down"]


def test_a_source_may_end_what_a_person_resolved_before_it(pagerduty, take):
    take(pagerduty, event_of())
    lifecycle.resolve(Incident.objects.get(), by=UserFactory(), at=due.database_now())

    take(pagerduty, event_of("resolve"))

    assert Alert.objects.get().status == AlertStatus.RESOLVED
    assert Incident.objects.get().status == Status.RESOLVED


def test_a_retired_service_gets_an_alert_and_no_incident(pagerduty, take):
    pagerduty.service.is_active = False
    pagerduty.service.save()

    [first, second] = take(pagerduty, event_of(), event_of())

    assert statuses() == [("db-1", "open", 2)]
    assert first.outcome == {"opened": 1, "without an incident, since the service is retired": 1}
    assert second.outcome == {"repeated": 1}
    assert not Incident.objects.exists()


def test_a_change_is_recorded_and_alerts_nobody(pagerduty):
    raw = store(pagerduty, {"routing_key": "0" * 32, "payload": {"summary": "Release 7"}}, dedup_key="-")
    RawEvent.objects.update(format="pagerduty-change")

    process()

    raw.refresh_from_db()
    assert raw.outcome == {"change recorded": 1}
    assert not Alert.objects.exists()


def test_o40_a_mapping_that_fails_is_routed_to_the_default_route_and_never_lost(generic, take):
    generic.mapping = {"summary": "event.title"}
    generic.save()

    [raw, _] = take(generic, {"title": "not where the mapping looks"}, {"event": {"title": {"en": "no text"}}})

    assert bytes(raw.body) == b'{"title": "not where the mapping looks"}'
    alert = Alert.objects.get()
    assert alert.summary == "An event of Scripts could not be read: it has no summary at “event.title”."
    assert alert.count == 2
    incident = Incident.objects.get()
    assert (incident.severity_id, incident.severity_assumed) == (2, True)


def test_a_flood_of_one_key_costs_one_row(pagerduty, django_assert_num_queries):
    store(pagerduty, event_of())
    process()
    for _ in range(100):
        store(pagerduty, event_of())

    # now, what waits, begin, doors, services, events, resting, words, P2, newest alerts, alert, events noted, end
    with django_assert_num_queries(13):
        processing.do(due.database_now())

    assert statuses() == [("db-1", "open", 101)]
    assert lines() == ["Checks: Database is down"]
