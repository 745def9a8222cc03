"""Does every path reach a verified human? Judged exactly, on the boundaries, for each policy and team. Pure.

A path is what a policy does for one team at one severity. It has a gap wherever none of its levels reaches anyone;
holes of a single schedule may be meant. Who has no verified contact method, or is away, is nobody here.

A ladder whose first level that asks reaches nobody turns to the next one in the same second. So all of its levels are
looked at for one instant: the one at which it starts to ask.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from incidents.business_hours import BusinessHours
from oncall import rota

Span = tuple[datetime, datetime]
Spans = tuple[Span, ...]  # in order and apart, none of them empty
Meant = Mapping[int, Spans]  # when each person is meant, reachable or not
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Target:
    """Whom a level means; ``kind`` is a value of ``TargetKind``."""

    kind: str
    schedule: int = 0
    user: int = 0
    rank: str = ""


@dataclass(frozen=True)
class Level:
    """What counts of a level: whom it means, at which hours, and whether it asks for an answer."""

    targets: tuple[Target, ...]
    asks: bool = True
    hours: str = ""


@dataclass(frozen=True)
class Rows:
    """Everything that decides, as ``oncall.holes`` reads it."""

    rosters: Mapping[int, rota.Schedule] = field(default_factory=dict)
    answering: Mapping[int, Sequence[int]] = field(default_factory=dict)  # team -> schedules that answer for it
    members: Mapping[int, Sequence[tuple[int, str]]] = field(default_factory=dict)  # team -> people with their ranks
    active: Collection[int] = frozenset()
    verified: Collection[int] = frozenset()  # who has a method that a page may use
    leave: Mapping[int, Sequence[Span]] = field(default_factory=dict)
    person_hours: Mapping[int, BusinessHours] = field(default_factory=dict)
    schedule_hours: Mapping[int, BusinessHours] = field(default_factory=dict)


@dataclass(frozen=True)
class Gap:
    """A stretch in which no level reaches anyone, and who would have been meant in it."""

    start: datetime
    end: datetime
    unverified: tuple[int, ...] = ()
    away: tuple[int, ...] = ()


class Coverage:
    """The answer for one window, each part of it worked out once."""

    def __init__(self, rows: Rows, start: datetime, end: datetime) -> None:
        self.rows = rows
        self.window: Spans = ((start, end),) if start < end else ()
        self._schedules: dict[int, Meant] = {}
        self._levels: dict[tuple[Level, int], Meant] = {}
        self._gaps: dict[tuple[tuple[Level, ...], int], tuple[Gap, ...]] = {}

    def gaps(self, levels: Sequence[Level], team: int) -> tuple[Gap, ...]:
        """The gaps of a ladder for a team's services; where no level asks, those that inform are judged."""
        asking = tuple(level for level in levels if level.asks) or tuple(levels)
        key = (asking, team)
        if key not in self._gaps:
            self._gaps[key] = tuple(self._find(asking, team))
        return self._gaps[key]

    def _find(self, levels: Sequence[Level], team: int) -> Iterable[Gap]:
        meant = _together(self._meant(level, team) for level in levels)
        reached = joined(span for person in meant for span in self._there(person, meant[person]))
        for start, end in without(self.window, reached):
            here = [person for person, spans in meant.items() if both(spans, ((start, end),))]
            silent = tuple(sorted(person for person in here if person not in self.rows.verified))
            yield Gap(start, end, silent, tuple(sorted(set(here) - set(silent))))

    def _there(self, person: int, spans: Spans) -> Spans:
        """When the person would be reached of the times at which they are meant."""
        if person not in self.rows.verified:
            return ()
        return without(spans, joined(self.rows.leave.get(person, ())))

    def _meant(self, level: Level, team: int) -> Meant:
        key = (level, team)
        if key not in self._levels:
            found = _together(self._of_target(target, level.hours, team) for target in level.targets)
            if level.hours == "person":
                found = {person: both(spans, self._at_work(person)) for person, spans in found.items()}
            self._levels[key] = {person: spans for person, spans in found.items() if person in self.rows.active}
        return self._levels[key]

    def _of_target(self, target: Target, hours: str, team: int) -> Meant:
        if target.kind in ("on_call", "schedule"):
            own = self.rows.answering.get(team, ()) if target.kind == "on_call" else (target.schedule,)
            return _together(self._on_call(schedule, hours) for schedule in own)
        if target.kind == "user":
            return {target.user: self.window}
        members = self.rows.members.get(team, ())
        return {person: self.window for person, rank in members if target.kind == "chain" or rank == target.rank}

    def _on_call(self, schedule: int, hours: str) -> Meant:
        """When each person is on call in the schedule; within its working hours alone where the level says so."""
        if schedule not in self._schedules:
            self._schedules[schedule] = self._final(schedule)
        if hours != "schedule":
            return self._schedules[schedule]
        open_hours = working(self.rows.schedule_hours[schedule], self.window)
        return {person: both(spans, open_hours) for person, spans in self._schedules[schedule].items()}

    def _final(self, schedule: int) -> Meant:
        found: dict[int, list[Span]] = {}
        roster = self.rows.rosters.get(schedule)
        for start, end in self.window if roster else ():
            for piece in rota.final(roster, start, end):  # type: ignore[arg-type]  # there is one
                for person in piece.people:
                    found.setdefault(person, []).append((piece.start, piece.end))
        return {person: joined(spans) for person, spans in found.items()}

    def _at_work(self, person: int) -> Spans:
        return self._working.setdefault(person, working(self.rows.person_hours[person], self.window))

    @cached_property
    def _working(self) -> dict[int, Spans]:
        return {}


def joined(spans: Iterable[Span]) -> Spans:
    """The same times in order; what overlaps or touches is one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return tuple(found)


def both(one: Spans, other: Spans) -> Spans:
    """The times that lie in both."""
    found, place = [], 0
    for start, end in one:
        while place < len(other) and other[place][1] <= start:
            place += 1
        for begins, ends in other[place:]:
            if begins >= end:
                break
            found.append((max(start, begins), min(end, ends)))
    return tuple(found)


def without(one: Spans, other: Spans) -> Spans:
    """The times of the first that do not lie in the second."""
    found = []
    for start, end in one:
        for begins, ends in both(((start, end),), other):
            if start < begins:
                found.append((start, begins))
            start = ends
        if start < end:
            found.append((start, end))
    return tuple(found)


def working(hours: BusinessHours, window: Spans) -> Spans:
    """The working time within the window."""
    found: list[Span] = []
    for start, end in window:
        day, last = start.astimezone(hours.zone).date(), end.astimezone(hours.zone).date()
        while day <= last:
            if hours.is_working_day(day):
                found.append((hours.opens(day), hours.closes(day)))
            day += DAY
    return both(joined(found), window)


def _together(parts: Iterable[Meant]) -> dict[int, Spans]:
    """When each person is meant by any of the parts."""
    found: dict[int, list[Spans]] = {}
    for part in parts:
        for person, spans in part.items():
            found.setdefault(person, []).append(spans)
    return {
        person: spans[0] if len(spans) == 1 else joined(span for some in spans for span in some)
        for person, spans in found.items()
    }
