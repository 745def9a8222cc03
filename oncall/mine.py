"""What concerns one person on call: the shifts to come, what others ask of them, their requests, their leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from incidents.models import User
from oncall import absences, rosters, rota, shifts
from oncall.models import Leave, Schedule, Swap, SwapState
from oncall.shifts import MyShift

HORIZON = timedelta(days=90)
LOOK_ON = timedelta(days=35)  # beyond it, so that the last shifts tell when they end
MOST = 60  # shifts on the page


@dataclass(frozen=True)
class Own:
    """A shift of mine with what is going on about it."""

    shift: MyShift
    running: bool
    asked: Swap | None  # the request for it, or for a part of it, that is still open
    away: bool  # I am on leave in a part of it


@dataclass(frozen=True)
class Cover:
    """A time in which I am on call and away."""

    schedule: Schedule
    start: datetime
    end: datetime
    alone: bool  # nobody else of the schedule is there then


def upcoming(person: User, schedules: Sequence[Schedule], at: datetime) -> list[Own]:
    """The person's shifts of the coming 90 days, running ones first (8 queries)."""
    watch = rosters.load([schedule.pk for schedule in schedules], since=at)
    found: list[MyShift] = []
    for schedule in schedules:
        roster = watch.get(schedule.pk)
        if roster and person.pk in rota.members(roster):
            last = at + HORIZON + LOOK_ON
            own = shifts.own_stretches(schedule, rota.final(roster, at, last), person, last)
            found += [shift for shift in own if shift.start < at + HORIZON]
    asked, leave = my_requests(person, at), leave_to_come(person, at)
    found.sort(key=lambda shift: (shift.start, shift.schedule.pk))
    return [_own(shift, asked, leave, at) for shift in found[:MOST]]


def _own(shift: MyShift, asked: Sequence[Swap], leave: Sequence[Leave], at: datetime) -> Own:
    end = shift.end or at + HORIZON
    return Own(
        shift=shift,
        running=shift.start <= at,
        asked=next(
            (one for one in asked if one.schedule == shift.schedule and one.start < end and one.end > shift.start), None
        ),
        away=any(row.start < end and row.end > shift.start for row in leave),
    )


def my_requests(person: User, at: datetime) -> list[Swap]:
    """What the person asks others to take, and nobody has taken yet (1 query)."""
    rows = Swap.objects.filter(asked_by=person, state=SwapState.OPEN, expires_at__gt=at)
    return list(rows.select_related("schedule", "asked").order_by("start", "pk"))


def offers(person: User, at: datetime) -> list[Swap]:
    """What others ask of the person, or of anyone of a schedule or team of theirs (1 query)."""
    of_schedule = Q(schedule__layers__people__user=person) | Q(schedule__team__memberships__user=person)
    rows = Swap.objects.filter(Q(asked=person) | Q(of_schedule, asked=None), state=SwapState.OPEN, expires_at__gt=at)
    rows = rows.exclude(asked_by=person).filter(schedule__is_active=True).distinct()
    return list(rows.select_related("schedule", "asked_by", "asked").order_by("start", "pk"))


def leave_to_come(person: User, at: datetime) -> list[Leave]:
    """The person's leave that is not over (1 query)."""
    return list(Leave.objects.filter(person=person, end__gt=at).select_related("by").order_by("start", "pk"))


def to_cover(person: User, start: datetime, end: datetime) -> list[Cover]:
    """What of the person's shifts lies in a leave from start to end, and whether others are there (8 queries)."""
    schedules = {schedule.pk: schedule for schedule in shifts.active_schedules()}
    loaded = rosters.load(list(schedules), since=start)
    mine = {pk: roster for pk, roster in loaded.items() if person.pk in rota.members(roster)}
    others = {other for roster in mine.values() for other in rota.members(roster)}
    leave = absences.leave_of(others, start, end) | {person.pk: [(start, end)]}
    found = []
    for pk, roster in mine.items():
        for need in absences.in_need(rota.final(roster, start, end), leave):
            if need.person == person.pk:
                found.append(Cover(schedules[pk], need.start, need.end, need.alone))
    return sorted(found, key=lambda one: (one.start, one.schedule.pk))
