"""What each format says once it is read. No database: these are pure functions of a stored event."""

import json
from datetime import UTC, datetime

import pytest

from incidents.intake import alertmanager, generic, pagerduty, reading
from incidents.models import Integration, RawEvent
from tests.incidents.intake.senders import NOT_SET, event_of, firing, post_of, resolved


def raw(said, mapping=None, dedup_key=""):
    integration = Integration(name="Scripts", mapping=mapping or {})
    return RawEvent(integration=integration, body=json.dumps(said).encode(), dedup_key=dedup_key)


def test_alertmanager_gives_each_alert_its_own_status_and_identity():
    one, two = alertmanager.read(raw(post_of(firing("Disk", job="db"), resolved("Memory"), group="g")))

    assert (one.action, one.dedup_key, one.group_key) == ("trigger", "print-of-Disk", "g")
    assert (two.action, two.dedup_key, two.group_key) == ("resolve", "print-of-Memory", "g")
    assert (one.summary, one.source, one.level_word) == ("Disk is firing", "db", "critical")
    assert one.starts_at == datetime(2026, 3, 2, 14, 2, tzinfo=UTC)
    assert one.ended_at is None
    assert two.ended_at == datetime(2026, 3, 2, 14, 20, tzinfo=UTC)
    assert one.whole


def test_alertmanager_says_where_to_look_and_only_http_leads_there():
    alert = firing()
    alert["annotations"] |= {
        "runbook_url": "https://example.com/run",
        "dashboard_url": "javascript:alert(1)",
        "team": "x",
    }

    [signal] = alertmanager.read(raw(post_of(alert)))

    assert signal.links == [
        {"href": "https://example.com/run", "text": "Runbook"},
        {"href": "http://prometheus.example.com/graph", "text": "Source"},
        {"href": "http://alertmanager.example.com", "text": "Alertmanager"},
    ]
    assert signal.labels == {"alertname": "HighLatency", "severity": "critical", "team": "x"}


def test_alertmanager_that_leaves_alerts_out_does_not_tell_the_whole():
    [signal] = alertmanager.read(raw(post_of(firing(), left_out=1)))

    assert not signal.whole


def test_an_alert_without_a_fingerprint_has_one_by_its_labels():
    first, same, other = (
        firing("Disk", instance="a"),
        firing("Disk", instance="a", starts_at=NOT_SET),
        firing("Disk", instance="b"),
    )
    for alert in (first, same, other):
        del alert["fingerprint"]

    keys = [signal.dedup_key for signal in alertmanager.read(raw(post_of(first, same, other)))]

    assert keys[0] == keys[1] != keys[2]


def test_a_group_key_that_does_not_fit_stays_one_of_its_own():
    keys = {alertmanager.read(raw(post_of(firing(), group="g" * 400 + end)))[0].group_key for end in "ab"}

    assert len(keys) == 2
    assert {len(key) for key in keys} == {255}


def test_pagerduty_keeps_its_details_as_labels():
    details = {"load": 17.5, "nested": {"a": [1]}, "empty": None}
    [signal] = pagerduty.read(raw(event_of(component="db", custom_details=details), dedup_key="db-1"))

    assert (signal.dedup_key, signal.group_key) == ("db-1", "db-1")
    assert (signal.summary, signal.source, signal.level_word) == ("Database is down", "db-1", "critical")
    assert signal.labels == {"component": "db", "load": "17.5", "nested": '{"a": [1]}'}
    assert signal.starts_at is None  # its timestamp is that of the event, not of the trouble


@pytest.mark.parametrize("field", ["summary", "title", "message"])
def test_generic_json_finds_its_summary_where_senders_put_it(field):
    [signal] = generic.read(raw({field: "Backup failed", "severity": "error", "source": "cron", "labels": {"a": 1}}))

    assert (signal.summary, signal.level_word, signal.source) == ("Backup failed", "error", "cron")
    assert signal.labels == {"a": "1"}
    assert signal.dedup_key == signal.group_key


def test_a_mapping_leads_to_nested_values_and_into_lists():
    said = {"event": {"title": "Disk full", "tags": [{"level": "Critical"}], "id": 17, "state": "OK"}}
    mapping = {
        "summary": "event.title",
        "severity": "event.tags.0.level",
        "dedup_key": "event.id",
        "status": "event.state",
    }

    [signal] = generic.read(raw(said, mapping))

    assert (signal.action, signal.dedup_key, signal.summary, signal.level_word) == (
        "resolve",
        "17",
        "Disk full",
        "Critical",
    )


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("", "trigger"),
        ("firing", "trigger"),
        ("RESOLVED", "resolve"),
        ("ok", "resolve"),
        ("Acknowledged", "acknowledge"),
    ],
)
def test_generic_words_for_a_status(word, action):
    [signal] = generic.read(raw({"summary": "x", "status": word}))

    assert signal.action == action


def test_a_resolve_needs_a_key_and_no_summary():
    [signal] = generic.read(raw({"dedup_key": "a", "status": "resolved"}))

    assert (signal.action, signal.dedup_key) == ("resolve", "a")


def test_a_resolve_without_a_key_means_what_was_triggered_without_one():
    [trigger] = generic.read(raw({"summary": "x", "source": "y"}))
    [resolve] = generic.read(raw({"summary": "x", "source": "y", "status": "resolved"}))

    assert trigger.dedup_key == resolve.dedup_key


@pytest.mark.parametrize("mapping", [{"summary": "not.there"}, {"summary": 7}, ["summary"], {"status": "deep"}])
def test_o40_a_mapping_that_fails_gives_an_alert_that_says_so(mapping):
    [signal] = generic.read(raw({"summary": "x", "deep": {}} if mapping != ["summary"] else {"summary": "x"}, mapping))

    assert signal.dedup_key == signal.group_key == generic.DEFAULT_ROUTE
    assert signal.summary.startswith("An event of Scripts could not be read: ")
    assert signal.level_word == ""


@pytest.mark.parametrize(
    ("value", "kept"),
    [("a\x00b", "a\ufffdb"), ("\ud800", "?"), (" x ", "x"), (None, ""), (True, "true"), ("y" * 9, "yyyy…")],
)
def test_text_that_postgres_cannot_hold_or_that_does_not_fit_is_made_to_fit(value, kept):
    assert reading.text(value, 5) == kept


@pytest.mark.parametrize(
    "value", [None, 7, "noon", "2026-03-02", "2026-03-02T14:02:00", NOT_SET, "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_time_with_an_offset_is_no_time(value):
    assert reading.moment(value) is None


def test_nanoseconds_and_offsets_are_read():
    assert reading.moment("2026-03-02T15:02:00.123456789+01:00") == datetime(2026, 3, 2, 14, 2, 0, 123456, tzinfo=UTC)
