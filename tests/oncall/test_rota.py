import ast
import time as stopwatch
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from oncall import rota
from oncall.rota import FixedShift, Layer, OnCall, Override, Piece, Restriction, Schedule, Temporary

NEW_YORK = ZoneInfo("America/New_York")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOON = datetime(2025, 6, 4, 12, tzinfo=UTC)  # a Wednesday
WORKDAYS = tuple(Restriction(weekday, time(9), time(17)) for weekday in range(5))


def layer(**changes):
    """Ada (1), Ben (2) and Cy (3) in turns of a day from midnight UTC; on Wednesday 4 June 2025 it is Ada's."""
    given = {"id": 1, "name": "Primary", "priority": 1, "time_zone": "UTC", "unit": "day", "length": 1}
    return Layer(**(given | {"anchor": datetime(2025, 6, 4), "slots": ((1,), (2,), (3,))} | changes))


def schedule(*layers, **changes):
    return Schedule(1, "UTC", layers, **changes)


def people(given, at=NOON):
    return [each.person for each in rota.on_call(given, at)]


def local(layer, numbers):
    return [f"{rota.boundary(layer, k).astimezone(ZoneInfo(layer.time_zone)):%m-%d %H:%M}" for k in numbers]


# --- turns ---


@pytest.mark.parametrize("weekend", [datetime(2025, 3, 8, 9), datetime(2025, 11, 1, 9)])
def test_o45_a_daily_handoff_at_nine_in_new_york_stays_at_nine_on_both_clock_change_weekends(weekend):
    rotation = schedule(layer(time_zone="America/New_York", anchor=datetime(2025, 1, 1, 9)))
    start = weekend.replace(tzinfo=NEW_YORK)

    pieces = rota.final(rotation, start, start + 3 * DAY)  # same-zone arithmetic: three days on the wall

    assert [f"{piece.start.astimezone(NEW_YORK):%d %H:%M}" for piece in pieces] == [
        f"{weekend + n * DAY:%d %H:%M}" for n in range(3)
    ]
    assert rota.gaps(pieces) == ()
    lengths = [(piece.end - piece.start) // HOUR for piece in pieces]
    assert lengths == ([23, 24, 24] if weekend.month == 3 else [25, 24, 24])


def test_a_month_is_counted_from_the_anchor_and_clamped_to_its_last_day():
    monthly = layer(unit="month", anchor=datetime(2025, 1, 31, 9))

    assert local(monthly, range(-2, 5)) == [
        "11-30 09:00",
        "12-31 09:00",
        "01-31 09:00",
        "02-28 09:00",
        "03-31 09:00",
        "04-30 09:00",
        "05-31 09:00",
    ]


def test_the_29th_of_february_comes_back_in_the_next_leap_year():
    yearly = layer(unit="month", length=12, anchor=datetime(2024, 2, 29))

    assert local(yearly, range(5)) == ["02-29 00:00", "02-28 00:00", "02-28 00:00", "02-28 00:00", "02-29 00:00"]


def test_hours_are_elapsed_time_and_so_drift_on_the_wall():
    half_days = layer(unit="hour", length=12, time_zone="America/New_York", anchor=datetime(2025, 3, 8, 20))

    assert local(half_days, range(3)) == ["03-08 20:00", "03-09 09:00", "03-09 21:00"]


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("America/New_York", datetime(2025, 3, 9, 2), "2025-03-09T07:00"),
        ("America/New_York", datetime(2025, 3, 9, 2, 30), "2025-03-09T07:00"),
        ("America/New_York", datetime(2025, 3, 9, 2, 59, 59, 999999), "2025-03-09T07:00"),
        ("America/New_York", datetime(2025, 3, 9, 3), "2025-03-09T07:00"),
        ("Australia/Lord_Howe", datetime(2025, 10, 5, 2, 15), "2025-10-04T15:30"),
        ("Africa/Cairo", datetime(2025, 4, 25, 0), "2025-04-24T22:00"),
        ("America/Santiago", datetime(2025, 9, 7, 0), "2025-09-07T04:00"),
        ("America/Sao_Paulo", datetime(2018, 11, 4, 0), "2018-11-04T03:00"),
        ("Asia/Beirut", datetime(2025, 3, 30, 0), "2025-03-29T22:00"),
        ("Pacific/Apia", datetime(2011, 12, 30, 12), "2011-12-30T10:00"),
        ("Asia/Kathmandu", datetime(2025, 1, 1, 5, 45), "2025-01-01T00:00"),
    ],
)
def test_a_time_that_the_clock_skips_counts_as_the_end_of_the_gap(zone, wall, instant):
    assert rota.to_utc(wall, zone) == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert rota.to_utc(wall, zone, last=True) == rota.to_utc(wall, zone)


def test_a_time_that_the_clock_shows_twice_is_its_first_or_if_wanted_its_last():
    twice = datetime(2025, 11, 2, 1, 30)

    assert rota.to_utc(twice, "America/New_York") == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)
    assert rota.to_utc(twice, "America/New_York", last=True) == datetime(2025, 11, 2, 6, 30, tzinfo=UTC)


def test_the_day_that_apia_never_had_is_a_turn_without_length_and_is_dropped():
    daily = layer(time_zone="Pacific/Apia", anchor=datetime(2011, 12, 29))
    start = rota.boundary(daily, 0)

    pieces = rota.final(schedule(daily), start, start + 2 * DAY)

    assert rota.boundary(daily, 1) == rota.boundary(daily, 2) == start + DAY
    assert pieces == (Piece(start, start + DAY, (1,)), Piece(start + DAY, start + 2 * DAY, (3,)))


def test_turns_run_before_the_anchor_as_well():
    assert [people(schedule(layer()), NOON - n * DAY) for n in range(4)] == [[1], [3], [2], [1]]


# --- layers ---


def test_the_highest_layer_that_has_anyone_wins():
    base = layer(id=1, slots=((1,),))
    hours = layer(id=2, priority=9, slots=((2,),), restrictions=WORKDAYS)
    midnight = NOON.replace(hour=0)

    pieces = rota.final(schedule(base, hours), midnight, midnight + DAY)

    nine, five = midnight + 9 * HOUR, midnight + 17 * HOUR
    assert pieces == (Piece(midnight, nine, (1,)), Piece(nine, five, (2,)), Piece(five, midnight + DAY, (1,)))


def test_of_two_layers_with_one_priority_the_elder_goes_first():
    assert people(schedule(layer(id=2, slots=((2,),)), layer(id=1, slots=((1,),)))) == [1]


def test_a_layer_answers_only_within_its_effective_range():
    bounded = schedule(layer(effective_from=NOON, effective_until=NOON + HOUR))

    assert [people(bounded, NOON + n * HOUR / 2) for n in (-1, 0, 1, 2)] == [[], [1], [1], []]


@pytest.mark.parametrize("slots", [(), ((),), ((), (), ())])
def test_a_rotation_without_people_and_a_schedule_without_layers_have_nobody(slots):
    assert rota.on_call(schedule(layer(slots=slots)), NOON) == ()
    assert rota.final(schedule(), NOON, NOON + DAY) == (Piece(NOON, NOON + DAY, ()),)


def test_a_window_may_cross_midnight_and_the_end_of_the_week():
    nights = layer(slots=((1,),), restrictions=(Restriction(6, time(22), time(6)),))
    sunday = datetime(2025, 6, 8, tzinfo=UTC)

    pieces = rota.final(schedule(nights), sunday, sunday + 2 * DAY)

    assert [(piece.start, piece.end) for piece in pieces if piece.people] == [(sunday + 22 * HOUR, sunday + 30 * HOUR)]


def test_a_window_that_ends_where_it_starts_is_a_full_day_and_seven_of_them_are_always():
    days = tuple(Restriction(weekday, time(9), time(9)) for weekday in range(7))
    year = NOON + 365 * DAY

    assert rota.final(schedule(layer(slots=((1,),), restrictions=days)), NOON, year) == (Piece(NOON, year, (1,)),)


@pytest.mark.parametrize(
    ("sunday", "opens", "closes"),
    [("2025-11-02", "05:30", "06:45"), ("2025-03-09", "06:30", "07:00")],
)
def test_a_window_at_a_clock_change_overlaps_rather_than_leaves_a_hole(sunday, opens, closes):
    end = time(1, 45) if sunday == "2025-11-02" else time(2, 45)
    window = layer(time_zone="America/New_York", slots=((1,),), restrictions=(Restriction(6, time(1, 30), end),))
    start = datetime.fromisoformat(sunday).replace(tzinfo=UTC)

    (shift,) = [piece for piece in rota.final(schedule(window), start, start + DAY) if piece.people]

    assert (f"{shift.start:%H:%M}", f"{shift.end:%H:%M}") == (opens, closes)


# --- people who leave ---


def test_o47_when_the_one_on_call_is_taken_out_of_the_rotation_the_next_takes_over():
    before = layer(effective_until=NOON)
    after = layer(id=2, slots=((2,), (3,)), effective_from=NOON)

    pieces = rota.final(schedule(before, after), NOON - 12 * HOUR, NOON + 36 * HOUR)

    assert [(piece.people, (piece.end - piece.start) // HOUR) for piece in pieces] == [
        ((1,), 12),
        ((2,), 12),
        ((3,), 24),
    ]


def test_o47_when_another_leaves_the_one_on_call_stays_and_so_does_everyone_elses_turn():
    start = NOON - 12 * HOUR
    whole = schedule(layer())

    for gone in (2, 3):
        pieces = rota.final(replace(whole, inactive={gone: NOON}), start, start + 3 * DAY)
        kept = [piece for piece in rota.final(whole, start, start + 3 * DAY) if piece.people != (gone,)]
        assert [piece for piece in pieces if piece.people] == kept


def test_a_slot_of_deactivated_people_falls_through_to_the_layer_below_from_that_instant_on():
    backup = layer(id=2, priority=0, slots=((7,),))
    rotation = schedule(layer(), backup, inactive={1: NOON})

    assert [people(rotation, NOON - HOUR), people(rotation, NOON), people(rotation, NOON + DAY)] == [[1], [7], [2]]


def test_of_two_in_a_slot_the_one_who_stays_carries_on_alone():
    assert people(schedule(layer(slots=((2, 1),)))) == [1, 2]
    assert people(schedule(layer(slots=((2, 1),)), inactive={2: None})) == [1]


# --- overrides ---


def overridden(*overrides, **changes):
    """The named changes from 11:00 to 13:00, on Ada's day."""
    rows = (Override(n, NOON - HOUR, NOON + HOUR, *given) for n, given in enumerate(overrides, start=1))
    return schedule(layer(), overrides=tuple(rows), **changes)


@pytest.mark.parametrize(
    ("override", "expected"),
    [(("add", 2), (1, 2)), (("remove", 1), ()), (("replace", 3, 1), (3,))],
)
def test_o48_an_override_changes_only_the_named_person_and_time(override, expected):
    midnight = NOON.replace(hour=0)

    pieces = rota.final(overridden(override), midnight, midnight + DAY)

    assert pieces == (
        Piece(midnight, NOON - HOUR, (1,)),
        Piece(NOON - HOUR, NOON + HOUR, expected),
        Piece(NOON + HOUR, midnight + DAY, (1,)),
    )


@pytest.mark.parametrize("override", [("replace", 3, 2), ("remove", 2), ("add", 1)])
def test_o48_a_replace_or_removal_of_somebody_not_on_call_and_an_add_of_somebody_who_is_do_nothing(override):
    assert rota.on_call(overridden(override), NOON) == rota.on_call(schedule(layer()), NOON)


def test_o48_a_removal_leaves_a_gap_and_does_not_wake_the_layer_below():
    backup = layer(id=2, priority=0, slots=((7,),))
    rotation = overridden(("remove", 1))

    assert people(replace(rotation, layers=(*rotation.layers, backup))) == []


def test_each_override_acts_on_what_the_earlier_ones_left():
    assert people(overridden(("replace", 2, 1), ("replace", 3, 2))) == [3]
    assert people(overridden(("remove", 1), ("add", 1))) == [1]


def test_nobody_deactivated_is_added_and_nobody_loses_their_place_to_them():
    for override in (("add", 9), ("replace", 9, 1)):
        assert people(overridden(override, inactive={9: NOON - DAY})) == [1]


def test_on_call_says_why_and_until_when():
    rotation = overridden(("add", 2), ("replace", 3, 1))

    assert rota.on_call(rotation, NOON) == (
        OnCall(2, None, "", 1, NOON + HOUR),
        OnCall(3, 1, "Primary", 2, NOON + HOUR),
    )
    assert rota.on_call(rotation, NOON + HOUR) == (OnCall(1, 1, "Primary", None, NOON + 12 * HOUR),)


def test_until_passes_over_handoffs_to_oneself_and_is_none_when_no_end_is_in_sight():
    assert [each.until for each in rota.on_call(schedule(layer(slots=((1,),))), NOON)] == [None]
    twice = schedule(layer(slots=((1,), (1, 2), (3,))))
    assert [each.until for each in rota.on_call(twice, NOON)] == [NOON + 36 * HOUR]


# --- temporary schedules ---


def test_inside_a_temporary_schedule_nothing_else_counts_and_a_time_without_a_shift_is_a_gap():
    shifts = (FixedShift(7, NOON - HOUR, NOON), FixedShift(8, NOON - HOUR / 2, NOON + 9 * HOUR))
    fixed = Temporary(5, NOON - 2 * HOUR, NOON + HOUR, shifts)
    rotation = overridden(("add", 2), temporaries=(fixed,))
    midnight = NOON.replace(hour=0)

    assert rota.final(rotation, midnight, midnight + DAY) == (
        Piece(midnight, NOON - 2 * HOUR, (1,)),
        Piece(NOON - 2 * HOUR, NOON - HOUR, ()),
        Piece(NOON - HOUR, NOON - HOUR / 2, (7,)),
        Piece(NOON - HOUR / 2, NOON, (7, 8)),
        Piece(NOON, NOON + HOUR, (8,)),
        Piece(NOON + HOUR, midnight + DAY, (1,)),
    )
    assert rota.on_call(rotation, NOON) == (OnCall(8, None, "", None, NOON + HOUR, temporary=5),)


def test_of_two_temporary_schedules_the_newer_counts():
    span = (NOON - HOUR, NOON + HOUR)
    older, newer = (Temporary(n, *span, (FixedShift(person, *span),)) for n, person in ((1, 7), (2, 8)))

    assert people(schedule(layer(), temporaries=(newer, older))) == [8]


def test_everyone_whom_a_schedule_may_put_on_call_is_a_member():
    fixed = Temporary(1, NOON, NOON + HOUR, (FixedShift(8, NOON, NOON + HOUR),))

    rotation = overridden(("add", 6), ("remove", 5), ("replace", 7, 1), temporaries=(fixed,))

    assert rota.members(rotation) == {1, 2, 3, 6, 7, 8}


# --- the function itself ---


def test_an_empty_window_has_no_pieces():
    assert rota.final(schedule(layer()), NOON, NOON) == ()


def test_a_window_inside_the_repeated_hour_is_not_taken_for_an_empty_one():
    start = datetime(2025, 11, 2, 1, 45, tzinfo=NEW_YORK)
    end = datetime(2025, 11, 2, 1, 15, fold=1, tzinfo=NEW_YORK)  # half an hour later, though the clock says earlier

    (piece,) = rota.final(schedule(layer()), start, end)

    assert (piece.end - piece.start, piece.people) == (HOUR / 2, (2,))


@pytest.mark.parametrize("path", sorted(Path(rota.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_p14_rota_knows_neither_django_nor_the_clock(path):
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    known = {"calendar", "collections.abc", "dataclasses", "datetime", "functools", "itertools", "operator", "typing"}
    parts = {f"oncall.rota.{part}" for part in ("answers", "rows", "turns", "walls")}
    assert imported <= known | parts | {"zoneinfo"}
    assert not called & {"now", "utcnow", "today", "fromtimestamp"}


def shortest(deed, tries=5):
    """The seconds of the best of a few tries, since the machine may be busy with something else."""
    spent = []
    for _ in range(tries):
        begun = stopwatch.perf_counter()
        deed()
        spent.append(stopwatch.perf_counter() - begun)
    return min(spent)


def test_a_thousand_schedules_and_a_year_are_answered_quickly():
    zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "Asia/Kolkata", "America/Sao_Paulo"]
    zones += ["UTC", "Europe/London", "Africa/Cairo", "America/Santiago", "Asia/Beirut", "Pacific/Apia"]
    slots = tuple((person,) for person in range(5))
    many = [
        schedule(
            layer(id=1, priority=0, unit="month", time_zone=zones[n % 12], slots=slots),
            layer(id=2, unit="week", time_zone=zones[n % 11], anchor=datetime(2024, 1, 1 + n % 28, 9), slots=slots),
            layer(id=3, priority=2, time_zone=zones[n % 7], slots=slots, effective_until=NOON),
            overrides=tuple(Override(k, NOON + k * DAY, NOON + k * DAY + HOUR, "add", k) for k in range(-5, 5)),
        )
        for n in range(1000)
    ]
    busy = schedule(*(replace(each, restrictions=WORKDAYS) for each in many[0].layers), layer(id=9, priority=-1))

    # Five times what an idle machine needs: this guards the order of growth, `make bench` the figure.
    assert shortest(lambda: [rota.on_call(each, NOON) for each in many]) < 0.25
    assert shortest(lambda: rota.final(busy, NOON, NOON + 365 * DAY)) < 0.25
