"""Weigh an override before it is saved: what would change, what to think of, and whom a page proposes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from incidents.models import User
from oncall import absences, changes, rosters, rota
from oncall.changes import Change
from oncall.models import Schedule
from oncall.overriding import Wish
from oncall.reach import usable_methods
from oncall.wording import say_span

REST = timedelta(hours=11)  # between two shifts of one person; less is told
NEAR = timedelta(days=7)
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Moved:
    """A stretch in which others would be on call than now."""

    start: datetime
    end: datetime
    before: tuple[User, ...]
    after: tuple[User, ...]


@dataclass(frozen=True)
class Weighed:
    """What an override would do, and what speaks against it. Warnings refuse nothing."""

    moved: tuple[Moved, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """What a form begins with."""

    start: datetime
    end: datetime
    kind: str
    replaces: int | None
    person: int | None


def people_of(schedule: Schedule) -> QuerySet[User]:
    """Whom a page offers: the active people of the schedule and of its team, by name."""
    in_layers = Q(pk__in=schedule.layers.values("people__user"))
    found = User.objects.filter(in_layers | Q(memberships__team=schedule.team_id), is_active=True)
    return found.distinct().order_by("name", "pk")


def weigh(schedule: Schedule, wish: Wish) -> Weighed:
    """Tell what the override would change and what to think of (about 10 queries); nothing is saved."""
    before = rosters.load([schedule.pk]).get(schedule.pk)
    if before is None:
        return Weighed((), ("The schedule is retired: it pages nobody.",))
    after = _with(before, wish)
    found = changes.between(before, after, wish.start, wish.end)
    people = User.objects.in_bulk({pk for change in found for pk in (*change.before, *change.after)})
    moved = tuple(
        Moved(one.start, one.end, tuple(map(people.__getitem__, one.before)), tuple(map(people.__getitem__, one.after)))
        for one in found
    )
    return Weighed(moved, tuple(_warnings(wish, found, after)))


def propose(schedule: Schedule, start: datetime, end: datetime, *, instead: int | None, by: User) -> Proposal:
    """Fill in a form for a stretch: who is on call alone then is replaced, by the reader or by who comes next."""
    roster = rosters.load([schedule.pk]).get(schedule.pk)
    begins = min(start + A_MINUTE, end)  # addresses round: what ends in the first minute is not meant
    pieces = rota.final(roster, begins, end + NEAR) if roster else ()
    there = pieces[0].people if pieces else ()
    if instead is None and len(there) == 1:
        instead = there[0]
    kind = "replace" if instead is not None else "add"
    others = [pk for piece in pieces for pk in piece.people if pk != instead]
    if by.pk != instead and by.pk not in there and people_of(schedule).filter(pk=by.pk).exists():
        others = [by.pk, *others]
    return Proposal(start, end, kind, instead, next((pk for pk in others if pk not in there), None))


def _with(schedule: rota.Schedule, wish: Wish) -> rota.Schedule:
    last = max((each.id for each in schedule.overrides), default=0)
    replaces = wish.replaces.pk if wish.replaces else None
    row = rota.Override(last + 1, wish.start, wish.end, wish.kind, wish.person.pk, replaces)  # type: ignore[arg-type]
    return replace(schedule, overrides=(*schedule.overrides, row))


def _warnings(wish: Wish, moved: Sequence[Change], after: rota.Schedule) -> list[str]:
    words = []
    if not moved:
        who = wish.replaces or wish.person
        state = "is on call then already" if wish.kind == "add" else "is not on call then"
        words.append(f"{who} {state}: nobody’s shift would change.")
    if any(not change.after for change in moved):
        words.append("It leaves a time in which nobody is on call.")
    if wish.kind == "remove":
        return words
    if absences.is_away(wish.person, wish.start, wish.end):
        words.append(f"{wish.person} is away in a part of this time.")
    if not usable_methods([wish.person.pk]):
        words.append(f"{wish.person} has no verified way to be reached: a page would not get through.")
    return words + _short_rests(wish, after)


def _short_rests(wish: Wish, after: rota.Schedule) -> list[str]:
    """Where the person would come from one shift of this schedule into another without much rest."""
    own = [piece for piece in rota.final(after, wish.start - NEAR, wish.end + NEAR) if wish.person.pk in piece.people]
    earlier = max((piece.end for piece in own if piece.end < wish.start), default=None)
    later = min((piece.start for piece in own if piece.start > wish.end), default=None)
    words = []
    if earlier and wish.start - earlier < REST:
        words.append(f"{wish.person} has had {say_span(wish.start - earlier)} of rest since the shift before.")
    if later and later - wish.end < REST:
        words.append(f"{wish.person} gets {say_span(later - wish.end)} of rest before the next shift.")
    return words
