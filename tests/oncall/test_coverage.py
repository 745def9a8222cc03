"""Coverage, pure: rows in, gaps out, to the second."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from incidents.business_hours import BusinessHours
from oncall import rota
from oncall.coverage import Coverage, Gap, Level, Rows, Target, both, joined, without

ADA, BEN, LEA = 1, 2, 3
TEAM, PRIMARY, SECOND = 7, 70, 71
START = datetime(2026, 3, 23, tzinfo=UTC)  # a Monday; Berlin's clocks go forward on Sunday
END = START + timedelta(days=14)
ON_CALL = Level((Target("on_call"),))
LEADS = Level((Target("rank", rank="lead"),))


def h(hours):
    return START + timedelta(hours=hours)


def schedule(pk, *slots, restrictions=(), **more):
    layer = rota.Layer(pk, "Days", 0, "Europe/Berlin", datetime(2026, 1, 5, 9), "day", 1, slots, restrictions)
    return rota.Schedule(pk, "Europe/Berlin", (layer,), **more)


def office(pk, *slots):
    """On call from nine to five on workdays."""
    return schedule(pk, *slots, restrictions=tuple(rota.Restriction(day, time(9), time(17)) for day in range(5)))


def gaps(levels, *, rosters=None, answering=(PRIMARY,), end=END, **rows):
    rows = {"active": {ADA, BEN, LEA}, "verified": {ADA, BEN, LEA}} | rows
    rosters = {PRIMARY: schedule(PRIMARY, (ADA,), (BEN,))} if rosters is None else rosters
    found = Coverage(Rows(rosters=rosters, answering={TEAM: answering}, **rows), START, end).gaps(levels, TEAM)
    return [(gap.start, gap.end) for gap in found]


def test_a_rotation_of_two_reachable_people_has_no_gap():
    assert gaps([ON_CALL]) == []


def test_a_ladder_without_levels_is_one_gap():
    assert gaps([]) == [(START, END)]


def test_a_hole_of_the_schedule_is_a_gap_to_the_second_over_the_clock_change():
    found = gaps([ON_CALL], rosters={PRIMARY: office(PRIMARY, (ADA,))}, end=h(24 * 8))

    assert found[0] == (START, h(8))  # 09:00 in Berlin, winter
    assert found[5] == (h(4 * 24 + 16), h(7 * 24 + 7))  # Friday 17:00 winter time to Monday 09:00 summer time


def test_a_hole_of_the_schedule_that_another_level_fills_is_none():
    assert gaps([ON_CALL, LEADS], rosters={PRIMARY: office(PRIMARY, (ADA,))}, members={TEAM: [(LEA, "lead")]}) == []


def test_schedules_that_follow_the_sun_are_judged_together():
    night = tuple(rota.Restriction(day, time(17), time(9)) for day in range(5))
    weekend = (rota.Restriction(5, time(0), time(0)), rota.Restriction(6, time(0), time(0)))
    rest = schedule(SECOND, (BEN,), restrictions=(*night, *weekend, rota.Restriction(0, time(0), time(9))))

    assert gaps([ON_CALL], rosters={PRIMARY: office(PRIMARY, (ADA,)), SECOND: rest}, answering=(PRIMARY, SECOND)) == []


def test_who_has_no_verified_method_is_a_gap_for_as_long_as_their_turn():
    found = gaps([ON_CALL], verified={ADA}, end=h(72))

    assert [(end - start) for start, end in found] == [timedelta(hours=24)] or found
    for start, end in found:
        assert rota.final(schedule(PRIMARY, (ADA,), (BEN,)), start, end)[0].people == (BEN,)


def test_leave_is_a_gap_from_its_first_second_to_its_last():
    alone = {PRIMARY: schedule(PRIMARY, (ADA,))}

    found = gaps([ON_CALL], rosters=alone, leave={ADA: [(h(10.5), h(30.25))]})

    assert found == [(h(10.5), h(30.25))]


def test_leave_of_one_of_two_in_a_slot_is_none():
    pair = {PRIMARY: schedule(PRIMARY, (ADA, BEN))}

    assert gaps([ON_CALL], rosters=pair, leave={ADA: [(h(10), h(30))]}) == []


def test_an_override_covers_leave_and_no_more():
    cover = rota.Override(1, h(12), h(20), "replace", BEN, ADA)
    alone = {PRIMARY: schedule(PRIMARY, (ADA,), overrides=(cover,))}

    assert gaps([ON_CALL], rosters=alone, leave={ADA: [(h(10), h(30))]}) == [(h(10), h(12)), (h(20), h(30))]


def test_levels_that_inform_do_not_answer_where_others_ask():
    silent = {"verified": {LEA}, "members": {TEAM: [(LEA, "lead")]}}

    assert gaps([Level(LEADS.targets, asks=False), ON_CALL], **silent) == [(START, END)]
    assert gaps([Level(LEADS.targets, asks=False)], **silent) == []


def test_a_named_person_and_the_chain_are_there_unless_they_left():
    for target in (Target("user", user=ADA), Target("chain")):
        everywhere = {"members": {TEAM: [(ADA, "engineer")]}}
        assert gaps([Level((target,))], **everywhere) == []
        assert gaps([Level((target,))], active={BEN}, **everywhere) == [(START, END)]


def test_working_hours_of_the_person_leave_the_night_open():
    hours = BusinessHours(ZoneInfo("Asia/Kathmandu"), time(9), time(17), frozenset({1, 2, 3, 4, 5, 6, 7}))
    level = Level((Target("user", user=ADA),), hours="person")

    found = gaps([level], person_hours={ADA: hours}, end=h(24))

    assert found == [(START, h(3.25)), (h(11.25), h(24))]  # 5 h 45 min ahead of UTC


def test_working_hours_of_the_schedule_count_its_holidays_as_closed():
    hours = BusinessHours(
        ZoneInfo("UTC"), time(8), time(18), frozenset({1, 2, 3, 4, 5}), frozenset({(START + timedelta(days=1)).date()})
    )
    level = Level((Target("schedule", schedule=PRIMARY),), hours="schedule")

    found = gaps([level], schedule_hours={PRIMARY: hours}, end=h(72))

    assert found == [(START, h(8)), (h(18), h(56)), (h(66), h(72))]


def test_a_gap_names_who_was_meant_and_why_they_are_nobody():
    pair = {PRIMARY: schedule(PRIMARY, (ADA, BEN))}
    rows = Rows(
        rosters=pair, answering={TEAM: [PRIMARY]}, active={ADA, BEN}, verified={ADA}, leave={ADA: [(h(1), h(2))]}
    )

    assert Coverage(rows, START, END).gaps([ON_CALL], TEAM) == (Gap(h(1), h(2), (BEN,), (ADA,)),)


def test_a_retired_schedule_answers_for_nobody():
    assert gaps([ON_CALL], rosters={}) == [(START, END)]


@pytest.mark.parametrize(
    ("one", "other", "common", "rest"),
    [
        ([(0, 4)], [(1, 2), (3, 5)], [(1, 2), (3, 4)], [(0, 1), (2, 3)]),
        ([(0, 1), (2, 3)], [(0, 3)], [(0, 1), (2, 3)], []),
        ([(0, 1)], [(1, 2)], [], [(0, 1)]),
        ([(0, 9)], [(2, 3), (4, 5)], [(2, 3), (4, 5)], [(0, 2), (3, 4), (5, 9)]),
        ([], [(0, 1)], [], []),
    ],
)
def test_what_two_lists_of_times_share_and_what_is_left(one, other, common, rest):
    at = lambda spans: tuple((h(start), h(end)) for start, end in spans)  # noqa: E731

    assert both(at(one), at(other)) == at(common)
    assert without(at(one), at(other)) == at(rest)


def test_times_that_touch_or_overlap_are_one():
    assert joined([(h(3), h(4)), (h(0), h(1)), (h(1), h(2)), (h(5), h(5))]) == ((h(0), h(2)), (h(3), h(4)))
