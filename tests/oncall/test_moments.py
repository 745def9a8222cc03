"""One-off times on a wall clock: what does not exist is refused, what comes twice is asked back."""

from datetime import UTC, datetime

import pytest

from incidents.refusals import Invalid
from oncall import moments

TRANSITIONS = [  # a skipped wall time, with the last one before and the first one after the gap
    ("Europe/Berlin", "2026-03-29T02:30", "01:30", "03:30"),
    ("America/New_York", "2025-03-09T02:30", "01:30", "03:30"),
    ("Australia/Lord_Howe", "2026-10-04T02:15", "01:45", "02:45"),
    ("Africa/Cairo", "2026-04-24T00:30", "23:30", "01:30"),
    ("America/Santiago", "2026-09-06T00:10", "23:10", "01:10"),
]


@pytest.mark.parametrize(("zone", "wall", "before", "after"), TRANSITIONS)
def test_a_time_that_does_not_exist_is_refused_in_words(zone, wall, before, after):
    with pytest.raises(Invalid) as refused:
        moments.read(datetime.fromisoformat(wall), zone, field="start")

    assert refused.value.field == "start"
    assert "does not exist in" in str(refused.value)
    assert f"Choose {before} or earlier, or {after} or later." in str(refused.value)


@pytest.mark.parametrize(
    ("zone", "wall", "first", "second"),
    [
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30", "2026-10-25T01:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45", "2026-04-04T15:15"),
        ("Africa/Cairo", "2026-10-29T23:30", "2026-10-29T20:30", "2026-10-29T21:30"),
    ],
)
def test_a_time_that_comes_twice_is_asked_back(zone, wall, first, second):
    local = datetime.fromisoformat(wall)
    with pytest.raises(moments.Twice) as asked:
        moments.read(local, zone, field="end")

    expected = [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (first, second)]
    assert [one.instant for one in asked.value.choices] == expected
    assert "comes twice" in str(asked.value)
    assert [moments.read(local, zone, field="end", which=key) for key in ("first", "second")] == expected


@pytest.mark.parametrize("wall", ["2026-03-29T01:59", "2026-03-29T03:00", "2026-10-25T01:59", "2026-10-25T03:00"])
def test_beside_the_change_a_time_means_one_instant_whatever_is_said(wall):
    local = datetime.fromisoformat(wall)

    assert moments.choices_of(local, "Europe/Berlin") == ()
    assert moments.read(local, "Europe/Berlin", field="start") == moments.read(
        local, "Europe/Berlin", field="start", which="second"
    )


def test_a_skipped_time_has_no_choices():
    assert moments.choices_of(datetime(2026, 3, 29, 2, 30), "Europe/Berlin") == ()
