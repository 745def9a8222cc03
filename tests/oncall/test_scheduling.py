"""Edits of schedules: whatever is edited, the past stays and nobody loses the turn that they have (SCHEDULES P9)."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oncall import changes, rosters, rota, scheduling
from oncall.models import Layer, Schedule
from oncall.scheduling import Turns
from tests.factories import TeamFactory, UserFactory

pytestmark = pytest.mark.django_db

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def team():
    return TeamFactory()


@pytest.fixture
def people():
    return [person.pk for person in UserFactory.create_batch(5)]


def weekly(people, **fields):
    slots = tuple((person,) for person in people)
    given = Turns("Primary", 0, "Europe/Berlin", "2026-01-05T09:00", "week", 1, slots)
    return replace(given, **fields)


def made(team, *turns):
    return scheduling.create(Schedule(slug=f"s{Schedule.objects.count()}", name="S", team=team), turns)


def roster(schedule):
    return rosters.load([schedule.pk])[schedule.pk]


def on_call(schedule, at):
    return [row.person for row in rota.on_call(roster(schedule), at)]


slots = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=2, unique=True), min_size=1, max_size=4)
anchors = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 28)).map(lambda wall: f"{wall:%Y-%m-%dT%H:00}")
units = st.sampled_from([("hour", 1), ("hour", 13), ("day", 1), ("day", 3), ("week", 1), ("week", 2), ("month", 1)])
moments = st.integers(0, 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=slots, after=slots, anchor=anchors, units=st.tuples(units, units), zone=st.sampled_from(ZONES), at=moments
)
def test_p9_an_edit_changes_nothing_before_it_and_keeps_the_present_turn(
    team, people, before, after, anchor, units, zone, at
):
    (unit, length), (other_unit, other_length) = units
    turns = Turns("Primary", 0, zone, anchor, unit, length, named(before, people))
    schedule = made(team, turns)
    past = rota.final(roster(schedule), at - timedelta(days=40), at)
    holders = rota.on_call(roster(schedule), at)
    former = rosters.as_rota(Layer.objects.get(schedule=schedule))
    ends = rota.boundary(former, rota.turn_index(former, at) + 1)
    wanted = replace(turns, unit=other_unit, length=other_length, slots=named(after, people))
    was, seen = roster(schedule), scheduling.preview(schedule, [wanted], at=at)
    assert roster(schedule) == was

    scheduling.edit(schedule, at=at, layers=[wanted])

    assert seen == changes.between(was, roster(schedule), at, at + scheduling.AHEAD)
    assert rota.final(roster(schedule), at - timedelta(days=40), at) == past
    staying = {row.person for row in holders} & {person for slot in wanted.slots for person in slot}
    until_then = rota.final(roster(schedule), at, ends)
    if staying:
        assert all(staying & set(piece.people) for piece in until_then)
        assert len(until_then) == 1
    assert not rota.gaps(rota.final(roster(schedule), at, at + timedelta(days=60)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=slots, after=slots, anchor=anchors, units=st.tuples(units, units), zone=st.sampled_from(ZONES), at=moments
)
def test_after_an_edit_everybody_gets_one_turn_each_in_the_new_order(
    team, people, before, after, anchor, units, zone, at
):
    (unit, length), (other_unit, other_length) = units
    turns = Turns("Primary", 0, zone, anchor, unit, length, named(before, people))
    schedule = made(team, turns)
    wanted = replace(turns, unit=other_unit, length=other_length, slots=named(after, people))

    scheduling.edit(schedule, at=at, layers=[wanted])

    last = rosters.as_rota(Layer.objects.get(schedule=schedule, effective_until=None))
    assert (last.unit, last.length) == (other_unit, other_length)
    turned = [last.slots[place:] + last.slots[:place] for place in range(len(last.slots))]
    assert {frozenset(slot) for slot in last.slots} == {frozenset(slot) for slot in wanted.slots}
    assert any(list(map(set, order)) == list(map(set, wanted.slots)) for order in turned)


wishes = st.tuples(slots, units, st.sampled_from(ZONES), st.integers(1, 60 * 24 * 40))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=slots,
    anchor=anchors,
    unit=units,
    zone=st.sampled_from(ZONES),
    at=moments,
    edits=st.lists(wishes, max_size=3),
)
def test_p9_holds_for_edit_upon_edit_in_whatever_zone(team, people, before, anchor, unit, zone, at, edits):
    schedule = made(team, Turns("Primary", 0, zone, anchor, *unit, named(before, people)))
    for after, (other_unit, length), other_zone, minutes in edits:
        past = rota.final(roster(schedule), at - timedelta(days=40), at)
        holders = set(on_call(schedule, at))
        meant = rosters.as_rota(scheduling.layers_from(schedule, at)[0])
        wanted = Turns(
            "Primary", 0, other_zone, f"{meant.anchor:%Y-%m-%dT%H:%M}", other_unit, length, named(after, people)
        )

        scheduling.edit(schedule, at=at, layers=[wanted])

        assert rota.final(roster(schedule), at - timedelta(days=40), at) == past
        staying = holders & {person for slot in wanted.slots for person in slot}
        assert not staying or staying & set(on_call(schedule, at))
        assert not rota.gaps(rota.final(roster(schedule), at, at + timedelta(days=60)))
        at += timedelta(minutes=minutes)


def named(slots, people):
    return tuple(tuple(people[place] for place in slot) for slot in slots)


def test_a_shorter_turn_begins_when_the_present_one_ends(team, people):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b, c]))
    wednesday = datetime(2026, 1, 7, 12, tzinfo=UTC)

    scheduling.edit(schedule, at=wednesday, layers=[weekly([a, b, c], unit="day")])

    monday = datetime(2026, 1, 12, 8, tzinfo=UTC)
    assert on_call(schedule, monday - timedelta(seconds=1)) == [a]
    assert [on_call(schedule, monday + timedelta(days=day)) for day in range(4)] == [[b], [c], [a], [b]]


def test_the_next_in_the_old_order_takes_over_from_somebody_who_is_taken_out(team, people):
    a, b, c, d, _ = people
    schedule = made(team, weekly([a, b, c]))
    wednesday = datetime(2026, 1, 7, 12, tzinfo=UTC)

    scheduling.edit(schedule, at=wednesday, layers=[weekly([d, c, b])])

    assert on_call(schedule, wednesday) == [b]
    assert [on_call(schedule, wednesday + timedelta(weeks=week)) for week in (1, 2)] == [[d], [c]]


def test_a_new_anchor_is_taken_at_its_word(team, people):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b, c]))
    wednesday = datetime(2026, 1, 7, 12, tzinfo=UTC)

    scheduling.edit(schedule, at=wednesday, layers=[weekly([c, a, b], anchor="2026-01-06T10:00")])

    assert on_call(schedule, wednesday - timedelta(seconds=1)) == [a]
    assert on_call(schedule, wednesday) == [c]


@pytest.mark.parametrize(
    ("zone", "handoff"),
    [
        ("America/New_York", datetime(2026, 1, 12, 14, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 1, 12, 0, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("hours", [0.1, 3, 5.9, 50, 150])
def test_another_zone_moves_the_handoff_and_cuts_nobodys_turn(team, people, zone, handoff, hours):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b, c]))
    at = datetime(2026, 1, 5, 8, tzinfo=UTC) + timedelta(hours=hours)

    scheduling.edit(schedule, at=at, layers=[weekly([a, b, c], time_zone=zone)])

    assert [piece.people for piece in rota.final(roster(schedule), at, handoff)] == [(a,)]
    assert [on_call(schedule, handoff + timedelta(weeks=week)) for week in range(4)] == [[b], [c], [a], [b]]
    assert on_call(schedule, handoff + timedelta(days=7, seconds=-1)) == [b]


def test_a_turn_that_would_be_over_in_the_new_zone_ends_when_it_would_have(team, people):
    a, b, *_ = people
    schedule = made(team, weekly([a, b]))
    at = datetime(2026, 1, 12, 7, tzinfo=UTC)  # an hour before the handoff in Berlin, seven after it in Tokyo

    scheduling.edit(schedule, at=at, layers=[weekly([a, b], time_zone="Asia/Tokyo")])

    assert on_call(schedule, at + timedelta(minutes=59)) == [a]
    assert on_call(schedule, at + timedelta(hours=1)) == [b]
    assert on_call(schedule, datetime(2026, 1, 19, 0, tzinfo=UTC) - timedelta(seconds=1)) == [b]
    assert on_call(schedule, datetime(2026, 1, 19, 0, tzinfo=UTC)) == [a]


def test_an_edit_may_begin_later(team, people):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b]))
    now, later = datetime(2026, 1, 7, 12, tzinfo=UTC), datetime(2026, 1, 20, 12, tzinfo=UTC)

    scheduling.edit(schedule, at=now, layers=[weekly([a, b, c], effective_from=later)])

    assert on_call(schedule, later - timedelta(seconds=1)) == on_call(schedule, later) == [a]
    assert [on_call(schedule, later + timedelta(weeks=week)) for week in (1, 2)] == [[b], [c]]


def test_a_later_edit_replaces_what_an_earlier_one_had_planned(team, people):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b]))
    now = datetime(2026, 1, 7, 12, tzinfo=UTC)
    scheduling.edit(schedule, at=now, layers=[weekly([a, b], unit="day")])

    scheduling.edit(schedule, at=now + timedelta(hours=1), layers=[weekly([a, b, c])])

    assert [on_call(schedule, now + timedelta(weeks=week)) for week in range(4)] == [[a], [b], [c], [a]]
    counting = scheduling.layers_from(schedule, now + timedelta(hours=2))
    assert [(layer.unit, layer.effective_until) for layer in counting] == [("week", None)]


def test_what_is_meant_can_be_sent_back_while_a_turn_runs_out(team, people):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b, c], unit="day", anchor="2026-01-05T09:00"))
    now = datetime(2026, 1, 7, 12, tzinfo=UTC)
    scheduling.edit(schedule, at=now, layers=[weekly([a, b, c])])
    [meant] = scheduling.layers_from(schedule, now)
    rows = list(Layer.objects.values())
    read = weekly([c, b, a])
    same = replace(
        read,
        anchor=meant.anchor,
        effective_from=meant.effective_from,
        slots=rosters.as_rota(meant).slots,
    )

    scheduling.edit(schedule, at=now + timedelta(hours=1), layers=[same])
    assert list(Layer.objects.values()) == rows

    scheduling.edit(
        schedule, at=now + timedelta(hours=1), layers=[replace(same, effective_from=None, slots=read.slots)]
    )
    thursday = datetime(2026, 1, 8, 8, tzinfo=UTC)
    assert on_call(schedule, thursday - timedelta(seconds=1)) == [c]
    assert [on_call(schedule, thursday + timedelta(weeks=week)) for week in range(3)] == [[b], [a], [c]]


def test_the_same_wish_again_and_again_reshuffles_nobody(team, people):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b, c]))
    wish = weekly([a, b, c], unit="day")
    now = datetime(2026, 1, 7, 12, tzinfo=UTC)
    scheduling.edit(schedule, at=now, layers=[wish])
    expected = rota.final(roster(schedule), now, now + timedelta(days=30))

    for day in range(20):
        scheduling.edit(schedule, at=now + timedelta(days=day, hours=1), layers=[wish])

    assert rota.final(roster(schedule), now, now + timedelta(days=30)) == expected
    assert Layer.objects.filter(schedule=schedule).count() < 12


def test_windows_and_priority_are_edited_at_once(team, people):
    a, b, *_ = people
    schedule = made(team, weekly([a, b]))
    wednesday = datetime(2026, 1, 7, 12, tzinfo=UTC)
    thursdays = ((3, time(0), time(0)),)

    scheduling.edit(schedule, at=wednesday, layers=[weekly([a, b], restrictions=thursdays, priority=5)])

    assert on_call(schedule, wednesday) == []
    assert on_call(schedule, wednesday + timedelta(days=1)) == [a]
    assert [layer.priority for layer in scheduling.layers_from(schedule, wednesday)] == [5]


def test_an_end_is_kept(team, people):
    a, b, *_ = people
    schedule = made(team, weekly([a, b]))
    wednesday = datetime(2026, 1, 7, 12, tzinfo=UTC)
    friday = wednesday + timedelta(days=2)

    scheduling.edit(schedule, at=wednesday, layers=[weekly([b, a], unit="day", effective_until=friday)])

    assert on_call(schedule, friday - timedelta(seconds=1)) == [a]
    assert on_call(schedule, friday) == []


def test_the_same_again_writes_nothing(team, people):
    schedule = made(team, weekly(people))
    rows = list(Layer.objects.values())

    scheduling.edit(schedule, at=datetime(2026, 1, 7, 12, tzinfo=UTC), layers=[weekly(people[2:] + people[:2])])

    assert list(Layer.objects.values()) == rows


def test_a_preview_says_who_will_be_on_call_instead_of_whom_and_saves_nothing(team, people):
    a, b, c, *_ = people
    schedule = made(team, weekly([a, b]))
    wednesday = datetime(2026, 1, 7, 12, tzinfo=UTC)
    rows = list(Layer.objects.values())
    monday = datetime(2026, 1, 12, 8, tzinfo=UTC)

    seen = scheduling.preview(schedule, [weekly([a, c])], at=wednesday)

    assert [(change.start, change.before, change.after) for change in seen] == [
        (monday, (b,), (c,)),
        (monday + timedelta(weeks=2), (b,), (c,)),
    ]
    assert list(Layer.objects.values()) == rows


def test_a_preview_of_several_layers_is_what_the_edit_then_does(team, people):
    a, b, c, d, _ = people
    nights = ((2, time(22), time(6)), (3, time(22), time(6)))
    schedule = made(team, weekly([a, b]), weekly([c], name="Night", priority=5, restrictions=nights))
    now = datetime(2026, 1, 7, 12, tzinfo=UTC)
    scheduling.edit(schedule, at=now, layers=[weekly([a, b], unit="day"), weekly([c], name="Night", priority=5)])
    later = now + timedelta(hours=3)
    wishes = [weekly([d], name="Day", priority=9, effective_from=later + timedelta(days=3)), weekly([b, a, d])]
    was, seen = roster(schedule), scheduling.preview(schedule, wishes, at=later)

    scheduling.edit(schedule, at=later, layers=wishes)

    assert seen
    assert seen == changes.between(was, roster(schedule), later, later + scheduling.AHEAD)


def test_a_preview_of_a_schedule_that_is_not_there_yet_is_all_new(team, people):
    at = datetime(2026, 1, 7, 12, tzinfo=UTC)

    [change] = scheduling.preview(Schedule(slug="new", name="New", team=team), [weekly(people[:1])], at=at)

    assert (change.start, change.end, change.before, change.after) == (at, at + scheduling.AHEAD, (), (people[0],))


def test_a_preview_of_a_retired_schedule_changes_nothing(team, people):
    schedule = made(team, weekly(people))
    scheduling.edit(schedule, at=START, is_active=False)

    assert scheduling.preview(schedule, [weekly(people[:1])], at=START) == ()
