"""The properties that hold for every rota, sought where they break: within four hours of a change of the clock."""

import os
import time as process_time
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oncall import rota
from oncall.rota import FixedShift, Layer, Override, Piece, Restriction, Schedule, Temporary
from tests.oncall import rota_oracle
from tests.oncall.rota_oracle import MINUTE, Oracle

ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
    "UTC",
]
PEOPLE = st.integers(1, 6)
NEAR = st.integers(-240, 240).map(lambda minutes: minutes * MINUTE)
CROWDS = st.lists(PEOPLE, max_size=3).map(tuple)
HALF_DAY = st.integers(-720, 720).map(lambda minutes: minutes * MINUTE)
ROUND = st.sampled_from([time(0), time(1), time(2), time(2, 30), time(9), time(17), time(23, 59)])

thorough = settings(deadline=None, database=None, max_examples=150)
brief = settings(deadline=None, database=None, max_examples=60)


def mostly(usual, rare):
    return st.integers(0, 2).flatmap(lambda choice: rare if choice == 2 else usual)


@st.composite
def pivots(draw):
    """A zone and an instant at which its clock changes (any instant where it never does)."""
    zone = draw(st.sampled_from(ZONES))
    changes = rota_oracle.transitions(zone)
    if not changes:
        return zone, datetime(2026, 3, 29, 1, tzinfo=UTC) + draw(HALF_DAY)
    return zone, draw(st.sampled_from(changes))


def clock_near(draw, zone, pivot):
    """A wall-clock time up to four hours from the pivot; inside the gap or the repeated hour as often as not."""
    return rota_oracle.shown(zone, pivot - MINUTE) + draw(NEAR)


def any_clock(draw, zone, pivot):
    return draw(ROUND) if draw(st.booleans()) else clock_near(draw, zone, pivot).time()


@st.composite
def layers(draw, pivot, *, number=1, zone=None, unit=None):
    zone = zone or draw(st.sampled_from(ZONES))
    unit = unit or draw(st.sampled_from(["hour", "day", "week", "month"]))
    back = draw(st.integers(-400, 800)) if unit == "month" else draw(st.integers(-5, 30)) * (7 if unit == "week" else 1)
    day = clock_near(draw, zone, pivot) - timedelta(days=back)
    bound = mostly(st.none(), HALF_DAY.map(lambda delta: pivot + delta))
    return Layer(
        id=number,
        name=f"Layer {number}",
        priority=draw(st.integers(0, 2)),
        time_zone=zone,
        anchor=datetime.combine(day, any_clock(draw, zone, pivot)),
        unit=unit,
        length=draw(st.integers(1, 3)),
        slots=tuple(draw(st.lists(mostly(PEOPLE.map(lambda one: (one,)), CROWDS), max_size=4))),
        restrictions=tuple(draw(mostly(st.just([]), st.lists(restrictions(zone, pivot), max_size=3)))),
        effective_from=draw(bound),
        effective_until=draw(bound),
    )


@st.composite
def restrictions(draw, zone, pivot):
    weekday = (rota_oracle.shown(zone, pivot).weekday() + draw(st.integers(-1, 1))) % 7
    return Restriction(weekday, any_clock(draw, zone, pivot), any_clock(draw, zone, pivot))


@st.composite
def overrides(draw, pivot, *, number=1):
    start = pivot + draw(HALF_DAY)
    end = start + draw(st.integers(1, 900)) * MINUTE
    kind = draw(st.sampled_from(["add", "remove", "replace"]))
    return Override(number, start, end, kind, draw(PEOPLE), draw(PEOPLE) if kind == "replace" else None)


@st.composite
def temporaries(draw, pivot, *, number=1):
    """Fixed shifts around the pivot, some of them reaching beyond the range that they stand in."""
    start = pivot + draw(HALF_DAY)
    spans = draw(st.lists(st.tuples(PEOPLE, st.integers(-100, 500), st.integers(1, 500)), max_size=4))
    shifts = tuple(
        FixedShift(person, start + begins * MINUTE, start + (begins + length) * MINUTE)
        for person, begins, length in spans
    )
    return Temporary(number, start, start + draw(st.integers(1, 600)) * MINUTE, shifts)


@st.composite
def schedules(draw):
    """A schedule with everything a schedule can have, and the clock change that it is to be read around."""
    zone, pivot = draw(pivots())
    zones = [zone, *draw(st.lists(st.sampled_from([zone, *ZONES]), max_size=2))]
    departures = st.dictionaries(PEOPLE, st.none() | HALF_DAY.map(lambda delta: pivot + delta), max_size=2)
    return pivot, Schedule(
        id=1,
        time_zone=zone,
        layers=tuple(draw(layers(pivot, number=n, zone=each)) for n, each in enumerate(zones)),
        overrides=tuple(draw(overrides(pivot, number=n)) for n in range(draw(st.integers(0, 4)))),
        inactive=draw(departures),
        temporaries=tuple(draw(temporaries(pivot, number=n)) for n in range(draw(st.sampled_from([0, 0, 1, 2])))),
    )


@st.composite
def readings(draw):
    """A schedule, an instant, and the window around that instant."""
    pivot, schedule = draw(schedules())
    at = pivot + draw(NEAR)
    return schedule, at, at - draw(st.integers(0, 400)) * MINUTE, at + draw(st.integers(1, 400)) * MINUTE


@st.composite
def turns(draw, unit=None):
    """A layer and an instant close to a change of its zone's clock."""
    zone, pivot = draw(pivots())
    return draw(layers(pivot, zone=zone, unit=unit)), pivot + draw(NEAR)


def people_at(schedule, at):
    return tuple(each.person for each in rota.on_call(schedule, at))


def merged(pieces):
    """Pieces with neighbours of the same people made one."""
    runs = [list(run) for _, run in groupby(pieces, key=lambda piece: piece.people)]
    return tuple(Piece(run[0].start, run[-1].end, run[0].people) for run in runs)


@thorough
@given(turns())
def test_p1_every_instant_lies_in_exactly_one_turn(turn):
    layer, at = turn

    k = rota.turn_index(layer, at)

    starts = {n: rota.boundary(layer, n) for n in range(k - 40, k + 42)}
    assert [n for n in range(k - 40, k + 41) if starts[n] <= at < starts[n + 1]] == [k]


@thorough
@given(turns())
def test_p2_boundaries_never_decrease(turn):
    layer, at = turn
    k = rota.turn_index(layer, at)

    starts = [rota.boundary(layer, n) for n in range(k - 60, k + 60)]

    assert all(one <= other for one, other in pairwise(starts))


@thorough
@given(st.sampled_from(["day", "week", "month"]).flatmap(turns), st.integers(-2, 2))
def test_p3_the_local_handoff_clock_is_the_configured_one_except_inside_a_gap(turn, step):
    layer, at = turn
    k = rota.turn_index(layer, at) + step

    shown = rota_oracle.shown(layer.time_zone, rota.boundary(layer, k))

    wanted = rota_oracle.handoff(layer, k)
    if rota_oracle.exists(layer.time_zone, wanted):
        assert shown == wanted
    else:
        assert rota.boundary(layer, k) in rota_oracle.transitions(layer.time_zone)
        assert shown > wanted


@thorough
@given(turns(unit="hour"))
def test_hours_are_elapsed_time(turn):
    layer, at = turn
    k = rota.turn_index(layer, at)

    assert rota.boundary(layer, k + 1) - rota.boundary(layer, k) == timedelta(hours=layer.length)


@thorough
@given(readings())
def test_p4_who_is_on_call_is_who_the_rendering_of_any_window_shows(reading):
    schedule, at, start, end = reading

    (shift,) = [piece for piece in rota.final(schedule, start, end) if piece.start <= at < piece.end]

    assert people_at(schedule, at) == shift.people


@thorough
@given(readings())
def test_until_is_when_the_rendering_first_lacks_the_person(reading):
    schedule, at, _, _ = reading
    pieces = rota.final(schedule, at, at + rota.LOOK_AHEAD)

    for each in rota.on_call(schedule, at):
        assert each.until == next((piece.start for piece in pieces if each.person not in piece.people), None)


@thorough
@given(readings())
def test_p5_two_renderings_side_by_side_merge_into_the_one_of_both(reading):
    schedule, middle, start, end = reading

    halves = rota.final(schedule, start, middle) + rota.final(schedule, middle, end)

    assert merged(halves) == rota.final(schedule, start, end)


@thorough
@given(readings())
def test_p6_coverage_and_gaps_fill_the_window_without_a_seam(reading):
    schedule, _, start, end = reading

    pieces = rota.final(schedule, start, end)

    assert (pieces[0].start, pieces[-1].end) == (start, end)
    assert all(one.end == other.start and one.people != other.people for one, other in pairwise(pieces))
    assert all(piece.start < piece.end for piece in pieces)
    covered = {piece for piece in pieces if piece.people}
    assert covered | set(rota.gaps(pieces)) == set(pieces)
    assert not covered & set(rota.gaps(pieces))


@thorough
@given(readings(), st.data())
def test_p7_o48_an_override_touches_only_its_persons_and_time_and_leaves_no_trace(reading, data):
    schedule, at, start, end = reading
    override = data.draw(overrides(at, number=99))
    before = rota.final(schedule, start, end)

    changed = replace(schedule, overrides=(*schedule.overrides, override))

    difference = set(people_at(changed, at)) ^ set(people_at(schedule, at))
    named = {override.person, override.replaces} if override.start <= at < override.end else set()
    assert difference <= named
    without = tuple(each for each in changed.overrides if each.id != override.id)
    assert rota.final(replace(changed, overrides=without), start, end) == before


@thorough
@given(readings(), st.data())
def test_p8_a_swap_keeps_everyone_elses_hours(reading, data):
    schedule, _, start, end = reading
    held = [(piece, person) for piece in rota.final(schedule, start, end) for person in piece.people]
    assume(held)
    piece, asker = data.draw(st.sampled_from(held))
    begins, last = sorted(data.draw(st.tuples(minutes_of(piece), minutes_of(piece))))
    assume(begins < last)
    taker = data.draw(PEOPLE.filter(lambda person: person not in piece.people))
    assume(taker not in schedule.inactive)
    assume(not any(each.start < last and each.end > begins for each in schedule.temporaries))
    swap = Override(99, begins, last, "replace", taker, asker)

    after = hours(rota.final(replace(schedule, overrides=(*schedule.overrides, swap)), start, end))

    before = hours(rota.final(schedule, start, end))
    moved = {person: after.get(person, 0 * MINUTE) - before.get(person, 0 * MINUTE) for person in {*before, *after}}
    assert {person: by for person, by in moved.items() if by} == {asker: begins - last, taker: last - begins}


def minutes_of(piece):
    """Whole minutes of a piece, its ends included."""
    return st.integers(0, (piece.end - piece.start) // MINUTE).map(lambda minutes: piece.start + minutes * MINUTE)


def hours(pieces):
    """How long each person is on call."""
    total = {}
    for piece in pieces:
        for person in piece.people:
            total[person] = total.get(person, 0 * MINUTE) + (piece.end - piece.start)
    return total


@thorough
@given(turns(), st.integers(1, 6), st.integers(-3, 3))
def test_p10_of_m_people_over_m_full_turns_each_gets_one(turn, m, step):
    layer, at = turn
    layer = replace(layer, slots=tuple((person,) for person in range(m)), restrictions=())
    schedule = Schedule(1, "UTC", (replace(layer, effective_from=None, effective_until=None),))
    first = rota.turn_index(layer, at) + step
    starts = [rota.boundary(layer, k) for k in range(first, first + m + 1)]
    assume(all(one < other for one, other in pairwise(starts)))

    assert sorted(people_at(schedule, start) for start in starts[:-1]) == [(person,) for person in range(m)]


@thorough
@given(readings())
def test_p12_nobody_appears_from_the_instant_of_their_deactivation_on(reading):
    schedule, _, start, end = reading

    for piece in rota.final(schedule, start, end):
        for person in piece.people:
            since = schedule.inactive.get(person, end)
            assert since is not None
            assert piece.end <= since


@brief
@given(readings(), st.none() | st.sampled_from(ZONES))
def test_p13_the_zone_of_the_viewer_and_of_the_display_changes_no_instant(reading, zone):
    schedule, at, start, end = reading
    viewer = ZoneInfo(zone or schedule.time_zone)
    elsewhere = replace(schedule, time_zone=zone or "UTC")

    seen = rota.final(elsewhere, start.astimezone(viewer), end.astimezone(viewer))

    assert seen == rota.final(schedule, start, end)
    assert {moment.tzinfo for piece in seen for moment in (piece.start, piece.end)} == {UTC}
    assert rota.on_call(elsewhere, at.astimezone(viewer)) == rota.on_call(schedule, at)


@pytest.fixture
def process_zone():
    """Move the whole process to another zone; the one it was in comes back afterwards."""
    before = os.environ.get("TZ")

    def move(zone):
        os.environ["TZ"] = zone
        process_time.tzset()

    yield move
    os.environ.pop("TZ")
    os.environ.update({"TZ": before} if before else {})
    process_time.tzset()


def test_p14_the_zone_of_the_process_changes_nothing(process_zone):
    @brief
    @given(readings(), st.sampled_from(["Pacific/Apia", "America/New_York", "Australia/Lord_Howe"]))
    def holds(reading, zone):
        schedule, at, start, end = reading
        process_zone("UTC")
        at_home = rota.on_call(schedule, at), rota.final(schedule, start, end)

        process_zone(zone)
        rota.to_utc.cache_clear()

        assert (rota.on_call(schedule, at), rota.final(schedule, start, end)) == at_home

    holds()


@thorough
@given(readings())
def test_p4_every_minute_agrees_with_the_clock_on_the_wall(reading):
    schedule, at, start, end = reading
    oracle = Oracle(schedule, start, end)

    for piece in rota.final(schedule, start, end):
        minute = piece.start
        while minute < piece.end:
            assert oracle.people(minute) == set(piece.people), minute
            minute += MINUTE
    assert oracle.people(at) == set(people_at(schedule, at))
