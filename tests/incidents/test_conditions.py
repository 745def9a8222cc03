"""Conditions on labels: how they are written, and when they are met."""

import pytest

from incidents import conditions

LABELS = {"host": "web-12", "team": "Payments", "alertname": "DiskFull"}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("host = web-12", True),
        ("host=web-12", True),
        ("team = payments", True),
        ("team != payments", False),
        ("host ~ web-*", True),
        ("host ~ web", False),
        ("host !~ db-*", True),
        ("zone =", True),
        ("zone != eu", True),
        ("zone ~ *", True),
        ("host = web-12\n\nteam = search", False),
        ("host ~ web-?2\nalertname = diskfull", True),
    ],
)
def test_conditions_are_met_by_labels(text, fits):
    assert conditions.all_fit(conditions.parse(text), LABELS) is fits


@pytest.mark.parametrize("text", ["host", "= web", "host web", "\n".join(["a = b"] * 21)])
def test_what_is_no_condition_is_refused_with_its_line(text):
    with pytest.raises(conditions.Unreadable):
        conditions.parse(text)


def test_what_an_alert_says_besides_counts_where_no_label_is_so_called():
    said = conditions.labels_of(
        {"service": "theirs"}, summary="Down", source="db", level="critical", integration="Prometheus", service="ours"
    )

    assert (said["service"], said["severity"], said["integration"]) == ("theirs", "critical", "Prometheus")


def test_a_pattern_with_many_stars_does_not_hold_up_the_engine():
    lines = conditions.parse(f"host ~ {'*a' * 40}b")

    assert not conditions.all_fit(lines, {"host": "a" * 1000})
