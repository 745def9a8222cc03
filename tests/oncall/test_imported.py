"""What the events of a foreign calendar mean, and what a layer of such shifts does in the rota."""

import contextlib
from datetime import datetime

import pytest

from oncall import imported, rota, unfolding
from tests.oncall.calendar_files import ADA, BEN, END, PEOPLE, START, calendar, event
from tests.oncall.conftest import HOUR


def read(*events, zone="Europe/Berlin"):
    reading = imported.read(calendar(*events), PEOPLE, zone, START, END)
    return [(f"{one.start:%d %H:%M}", f"{one.end:%d %H:%M}", one.person) for one in reading.shifts]


def test_an_event_is_a_shift_of_whoever_is_invited_in_any_letter_case():
    assert read(event(who="Ada@Example.COM")) == [("24 08:00", "24 16:00", ADA)]


def test_a_recurring_event_over_the_clock_change_keeps_its_wall_clock():
    found = read(
        event(
            start=";TZID=Europe/Berlin:20260328T090000",
            end=";TZID=Europe/Berlin:20260328T170000",
            more="RRULE:FREQ=DAILY;COUNT=2",
        )
    )

    assert found == [("28 08:00", "28 16:00", ADA), ("29 07:00", "29 15:00", ADA)]


def test_a_left_out_occurrence_is_left_out():
    more = "RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20260325T080000Z"

    assert [start for start, _, _ in read(event(more=more))] == ["24 08:00", "26 08:00"]


def test_an_edited_occurrence_replaces_its_own_day_alone():
    series = event(more="RRULE:FREQ=DAILY;COUNT=3")
    edited = event(
        start="20260325T100000Z", end="20260325T120000Z", who="ben@example.com", more="RECURRENCE-ID:20260325T080000Z"
    )

    assert read(series, edited) == [
        ("24 08:00", "24 16:00", ADA),
        ("25 10:00", "25 12:00", BEN),
        ("26 08:00", "26 16:00", ADA),
    ]


def test_an_all_day_event_lasts_from_midnight_to_midnight_on_the_layers_clock():
    found = read(event(start=";VALUE=DATE:20260329", end=";VALUE=DATE:20260330"))

    assert found == [("28 23:00", "29 22:00", ADA)]  # a day of 23 hours


def test_a_cancelled_or_declined_event_does_not_count():
    declined = event(
        uid="2", who="", more="ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.com\r\nSUMMARY:ada@example.com"
    )

    assert read(event(more="STATUS:CANCELLED"), declined) == []


def test_an_address_in_the_title_counts_where_nobody_is_invited():
    assert read(event(who="", more="SUMMARY:Primary: BEN@example.com")) == [("24 08:00", "24 16:00", BEN)]


def test_a_time_without_a_zone_is_read_on_the_layers_clock():
    assert read(event(start="20260324T090000", end="20260324T170000")) == [("24 08:00", "24 16:00", ADA)]


def test_an_event_that_began_before_and_ends_within_counts_whole():
    assert read(event(start="20260320T080000Z", end="20260324T080000Z")) == [("20 08:00", "24 08:00", ADA)]


def test_addresses_that_belong_to_nobody_are_named():
    reading = imported.read(calendar(event(who="Zoe@example.com")), PEOPLE, "UTC", START, END)

    assert (reading.shifts, reading.unknown) == ((), ("zoe@example.com",))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>sign in</html>", "no iCalendar"),
        (b"", "no iCalendar"),
        (b"\xff\xfe\x00", "no iCalendar"),
        (calendar(event(more="RRULE:FREQ=SECONDLY")), "every minute or second"),
        (calendar(event(more="RRULE:FREQ=DAILY;BYMINUTE=1,2,3")), "every minute or second"),
        (calendar(*(event(uid=str(n), more="RRULE:FREQ=HOURLY") for n in range(21))), "by the hour"),
        (calendar(*(event(uid=str(n)) for n in range(5001))), "more than 5000 events"),
    ],
)
def test_what_is_broken_or_without_measure_is_refused_in_words(body, said):
    with pytest.raises(imported.Unusable, match=said):
        imported.read(body, PEOPLE, "UTC", START, END)


# In the rota


def layer(**more):
    shifts = (
        rota.FixedShift(ADA, START + HOUR, START + 5 * HOUR),
        rota.FixedShift(BEN, START + 3 * HOUR, START + 8 * HOUR),
    )
    return rota.Layer(1, "Foreign", 5, "UTC", datetime(2026, 1, 5), "week", 1, (), shifts=shifts, **more)


def test_the_shifts_of_a_layer_stand_in_the_place_of_turns_and_overlap_as_written():
    pieces = rota.final(rota.Schedule(1, "UTC", (layer(),)), START, START + 10 * HOUR)

    assert [((p.start - START) // HOUR, (p.end - START) // HOUR, p.people) for p in pieces] == [
        (0, 1, ()),
        (1, 3, (ADA,)),
        (3, 5, (ADA, BEN)),
        (5, 8, (BEN,)),
        (8, 10, ()),
    ]


def test_where_the_calendar_has_nobody_the_layer_below_answers():
    below = rota.Layer(2, "Below", 0, "UTC", datetime(2026, 1, 5), "week", 1, ((9,),))
    schedule = rota.Schedule(1, "UTC", (layer(effective_from=START + 2 * HOUR), below))

    assert [[one.person for one in rota.on_call(schedule, START + hour * HOUR)] for hour in (1, 2, 7, 8)] == [
        [9],
        [ADA],
        [BEN],
        [9],
    ]
    assert rota.members(schedule) == {ADA, BEN, 9}


# Beyond measure


@pytest.mark.parametrize(
    "more",
    [
        "DTSTART:20260325T080000Z",  # a second one
        "RRULE:FREQ=DAILY;INTERVAL=0",  # which libraries unfold for ever
        "RRULE:FREQ=DAILY;COUNT=-4",
        "RRULE:FREQ=YEARLY;BYDAY=99XX",
        "RRULE:FREQ=DAILY\r\nEXDATE:soon",
        "RECURRENCE-ID:soon",
        "DURATION:soon",
        "ATTENDEE;PARTSTAT=:\x00",
    ],
)
@pytest.mark.parametrize("end", ["20260324T160000Z", "", "99991231T235959Z"])
def test_whatever_is_broken_in_an_event_is_understood_or_refused(more, end):
    body = calendar(event(end=end, more=more))

    with contextlib.suppress(imported.Unusable):  # nothing else
        assert isinstance(imported.read(body, PEOPLE, "Europe/Berlin", START, END), imported.Reading)


def test_many_hours_of_a_day_are_counted_as_hourly_and_too_many_occurrences_are_refused():
    hours = ",".join(map(str, range(24)))
    often = event(who="nobody@example.com", more=f"RRULE:FREQ=DAILY;BYHOUR={hours}")

    with pytest.raises(imported.Unusable, match="by the hour"):
        imported.read(calendar(*[often] * 21), PEOPLE, "UTC", START, END)


def test_the_process_of_its_own_says_the_same():
    body = calendar(event(more="RRULE:FREQ=DAILY;COUNT=3"), event(uid="2", who="zoe@example.com"))
    asked = (body, PEOPLE, "Europe/Berlin", START, END)

    assert unfolding.read(*asked) == imported.read(*asked)
    with pytest.raises(imported.Unusable, match="no iCalendar"):
        unfolding.read(b"", *asked[1:])


def test_a_calendar_that_never_unfolds_is_left_in_time(monkeypatch):
    monkeypatch.setattr(unfolding, "SECONDS", 0.6)
    rule = "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"
    never = [event(uid=str(n), start="19000101T000000Z", end="19000101T010000Z", more=rule) for n in range(9)]

    with pytest.raises(imported.Unusable, match=r"within 0\.6 seconds"):
        unfolding.read(calendar(*never), PEOPLE, "UTC", START, END)
