"""The days that a page of a schedule shows at once."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from oncall import frames
from oncall.frames import Span

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("span", "first", "last", "words"),
    [
        (Span.DAY, date(2026, 3, 26), date(2026, 3, 26), "Thu 26 Mar 2026"),
        (Span.WEEKS, date(2026, 3, 23), date(2026, 4, 5), "23 Mar to 5 Apr 2026"),
        (Span.MONTH, date(2026, 3, 1), date(2026, 3, 31), "March 2026"),
    ],
)
def test_a_frame_holds_its_day_and_neighbours_meet(span, first, last, words):
    frame = frames.around(span, date(2026, 3, 26), BERLIN)

    assert (frame.first, frame.last, frame.words) == (first, last, words)
    assert frames.around(span, frame.later, BERLIN).start == frame.end
    assert frames.around(span, frame.earlier, BERLIN).end == frame.start


def test_two_weeks_over_new_year_name_both_years():
    assert frames.around(Span.WEEKS, date(2026, 12, 31), BERLIN).words == "28 Dec 2026 to 10 Jan 2027"


def test_a_month_is_filled_up_to_whole_weeks():
    weeks = frames.around(Span.MONTH, date(2026, 3, 1), BERLIN).whole_weeks()

    assert (weeks.first, weeks.last) == (date(2026, 2, 23), date(2026, 4, 5))
    assert frames.around(Span.MONTH, date(2027, 2, 1), BERLIN).whole_weeks().count == 28


@pytest.mark.parametrize(
    ("zone", "day", "words"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "The clocks in Berlin change: Sun 29 Mar has 23 hours."),
        ("Europe/Berlin", date(2026, 10, 25), "The clocks in Berlin change: Sun 25 Oct has 25 hours."),
        ("Australia/Lord_Howe", date(2026, 4, 5), "The clocks in Lord Howe change: Sun 5 Apr has 24.5 hours."),
        ("Pacific/Apia", date(2011, 12, 30), "The clocks in Apia change: Fri 30 Dec has 0 hours."),
        ("Asia/Kathmandu", date(2026, 3, 29), ""),
    ],
)
def test_a_day_of_other_than_24_hours_is_named(zone, day, words):
    assert frames.around(Span.DAY, day, ZoneInfo(zone)).odd_days() == words


def test_a_day_whose_midnight_is_skipped_begins_at_the_end_of_the_gap():
    cairo = frames.around(Span.DAY, date(2026, 4, 24), ZoneInfo("Africa/Cairo"))

    assert cairo.start.astimezone(cairo.zone).hour == 1
    assert cairo.end - cairo.start == timedelta(hours=23)


def test_hours_follow_the_wall_clock_over_the_change():
    frame = frames.around(Span.DAY, date(2026, 3, 29), BERLIN)

    assert frames.hours(frame, 3)[:2] == [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), "00:00"),
        (datetime(2026, 3, 29, 1, tzinfo=UTC), "03:00"),
    ]


@pytest.mark.parametrize("text", ["", "nonsense", "2026-02-30", "0001-01-01", "9999-12-31"])
def test_a_day_that_there_is_not_is_no_day(text):
    assert frames.read_day(text) is None
