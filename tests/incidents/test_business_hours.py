"""Working time: ends of days and weeks, holidays, nights on which clocks change (C-6)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.business_hours import BusinessHours

WEEK = frozenset({1, 2, 3, 4, 5})
BERLIN = BusinessHours(
    ZoneInfo("Europe/Berlin"), time(9), time(17), WEEK, frozenset({date(2026, 4, 3), date(2026, 4, 6)})
)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-03-25 10:00", "2026-03-25 16:00"),  # Wednesday in winter time
        ("2026-03-25 16:00", "2026-03-26 16:00"),  # at closing time the next day counts
        ("2026-03-27 20:00", "2026-03-30 15:00"),  # Friday night: Monday, in summer time
        ("2026-04-02 20:00", "2026-04-07 15:00"),  # over the holidays
    ],
)
def test_c6_the_end_of_the_business_day(at, end):
    assert BERLIN.end_of_day(utc(at)) == utc(end)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-03-24 10:00", "2026-03-27 16:00"),
        ("2026-03-27 10:59", "2026-03-27 16:00"),  # Friday 11:59
        ("2026-03-27 11:00", "2026-04-02 15:00"),  # Friday noon: the next week, whose Friday is a holiday
        ("2026-03-29 12:00", "2026-04-02 15:00"),  # Sunday
    ],
)
def test_c6_the_end_of_the_working_week(at, end):
    assert BERLIN.end_of_week(utc(at)) == utc(end)


def test_c8_a_span_of_working_time_stops_at_night_and_over_the_weekend():
    assert BERLIN.after(utc("2026-03-27 15:50"), timedelta(minutes=30)) == utc("2026-03-30 07:20")


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(0), timedelta(hours=60)),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "Asia/Kathmandu"]),
)
def test_working_time_only_goes_forward_and_ends_inside_working_hours(at, span, zone):
    hours = BusinessHours(ZoneInfo(zone), time(9), time(17), WEEK)

    end = hours.after(at, span)
    local = end.astimezone(hours.zone)

    assert end >= at
    assert local.isoweekday() in WEEK
    assert time(9) <= local.time() <= time(17)
    assert hours.end_of_day(at) > at
    assert hours.end_of_week(at) > at
