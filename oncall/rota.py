"""Who is on call: the one pure function behind the pager, the pages, the feeds and the reports.

It takes rows and an instant, reads no clock and writes nothing. Shifts are computed, never stored: every turn comes
straight from its layer's anchor, so a changed rule or time-zone database changes the future at once.

Instants are aware and come back in UTC; wall-clock times are naive and belong to the layer's time zone. All ranges are
half-open. Where a turn or the look-ahead would leave the calendar (years 1 to 9999), ``OverflowError`` or
``ValueError`` is raised: the edges admit no such instants.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAYS_PER_UNIT = {"day": 1, "week": 7}
LOOK_AHEAD = 366 * DAY  # how far OnCall.until is sought
MARGIN = 2 * DAY  # a clock change moves a wall-clock time by no more than a day; a window lasts no longer than one

Slot = tuple[int, ...]
Origin = tuple["Layer | None", "int | None"]  # the layer and the override that put a person on call
Roster = dict[int, Origin]
Value = TypeVar("Value")

_zone = lru_cache(maxsize=None)(ZoneInfo)  # zoneinfo itself holds on to eight and would read the others anew


@dataclass(frozen=True, slots=True)
class Restriction:
    """A weekly window in which a layer is in force; it ends on the next day unless ``end`` is later than ``start``."""

    weekday: int  # the day on which the window starts, Monday 0
    start: time
    end: time  # equal to start: a full day


@dataclass(frozen=True, slots=True)
class Layer:
    """One version of a rotation: its slots take turns of ``length`` units each, before the anchor as well as after it.

    The effective range alone bounds it. Of two layers of the same priority the one with the smaller id goes first.
    """

    id: int
    name: str
    priority: int  # larger wins
    time_zone: str  # IANA name
    anchor: datetime  # naive wall clock at which turn 0 begins
    unit: Literal["hour", "day", "week", "month"]
    length: int  # units per turn, at least 1
    slots: tuple[Slot, ...]  # user ids, in the order of the turns
    restrictions: tuple[Restriction, ...] = ()
    effective_from: datetime | None = None
    effective_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A change by hand; where several stand at once, each acts on what those with smaller ids have left."""

    id: int
    start: datetime
    end: datetime
    kind: Literal["add", "remove", "replace"]
    person: int  # who is added, removed, or takes the place
    replaces: int | None = None  # whose place; nothing happens while that person is not on call


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that decides who is on call. The time zone is for display; each layer keeps its own."""

    id: int
    time_zone: str
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    inactive: Mapping[int, datetime | None] = field(default_factory=dict)  # user id -> since when; None: always


@dataclass(frozen=True, slots=True)
class OnCall:
    """One person on call and why."""

    person: int
    layer: int | None  # None: put there by an override alone
    layer_name: str
    override: int | None
    until: datetime | None  # when they next cease to be on call; None: not within the look-ahead of a year


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch in which the same people are on call; without people it is a gap."""

    start: datetime
    end: datetime
    people: tuple[int, ...]  # ascending


def on_call(schedule: Schedule, at: datetime) -> tuple[OnCall, ...]:
    """Everyone on call at the instant, by ascending user id."""
    at = at.astimezone(UTC)
    walk = _walk(schedule, at, at + LOOK_AHEAD)
    _, roster = next(walk)
    ends = _ends(roster, walk)
    return tuple(
        OnCall(person, layer.id if layer else None, layer.name if layer else "", override, ends.get(person))
        for person, (layer, override) in sorted(roster.items(), key=itemgetter(0))
    )


def final(schedule: Schedule, start: datetime, end: datetime) -> tuple[Piece, ...]:
    """The final schedule from ``start`` to ``end``, gaps included; no two neighbours have the same people."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)  # before any comparison: one zone ignores its own shifts
    if start >= end:
        return ()
    moments = ((moment, tuple(sorted(roster))) for moment, roster in _walk(schedule, start, end))
    changes = [next(same) for _, same in groupby(moments, key=itemgetter(1))]
    borders = [moment for moment, _ in changes[1:]] + [end]
    return tuple(Piece(begin, border, people) for (begin, people), border in zip(changes, borders, strict=True))


def gaps(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Those pieces of a final schedule in which nobody is on call."""
    return tuple(piece for piece in pieces if not piece.people)


def boundary(layer: Layer, k: int) -> datetime:
    """The instant at which turn ``k`` of the layer begins, whatever its effective range or restrictions."""
    count = k * layer.length
    if layer.unit == "hour":
        return to_utc(layer.anchor, layer.time_zone) + count * HOUR
    if layer.unit == "month":
        return to_utc(_months_after(layer.anchor, count), layer.time_zone)
    return to_utc(layer.anchor + timedelta(days=count * DAYS_PER_UNIT[layer.unit]), layer.time_zone)


def turn_index(layer: Layer, at: datetime) -> int:
    """The one turn ``k`` with boundary(k) <= at < boundary(k + 1); turns without length are never it."""
    k = _estimate(layer, at)
    while boundary(layer, k) > at:
        k -= 1
    while boundary(layer, k + 1) <= at:
        k += 1
    return k


@lru_cache(maxsize=1 << 15)
def to_utc(wall: datetime, time_zone: str, *, last: bool = False) -> datetime:
    """The instant of a wall-clock time: the end of the gap for one that is skipped, the first (or last) of two."""
    zone = _zone(time_zone)
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    if first.utcoffset() < second.utcoffset():  # type: ignore[operator]  # a zone always knows its offset
        return _end_of_gap(wall, second.astimezone(UTC), first.astimezone(UTC), zone)
    return (second if last else first).astimezone(UTC)


def _end_of_gap(wall: datetime, before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first whole second between the two at which the local clock has passed ``wall``."""
    low, high = before.replace(microsecond=0), after.replace(microsecond=0)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // timedelta(seconds=2) * timedelta(seconds=1)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            high = middle
        else:
            low = middle
    return high


def _months_after(wall: datetime, count: int) -> datetime:
    """The same day and clock so many months on; the last day of the month where it has no such day."""
    years, month = divmod(wall.month - 1 + count, 12)
    year = wall.year + years
    return wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))


def _estimate(layer: Layer, at: datetime) -> int:
    """The turn as the local clock has it, at most a few turns off beside a clock change or a month's end."""
    if layer.unit == "hour":
        return (at - to_utc(layer.anchor, layer.time_zone)) // (layer.length * HOUR)
    local = at.astimezone(_zone(layer.time_zone)).replace(tzinfo=None)
    if layer.unit == "month":
        months = (local.year - layer.anchor.year) * 12 + local.month - layer.anchor.month
        return months // layer.length
    return (local - layer.anchor) // timedelta(days=layer.length * DAYS_PER_UNIT[layer.unit])


class _Steps(Generic[Value]):
    """A value that holds from each of its instants until the next; asked in the order of time, unrolled no further."""

    def __init__(self, steps: Iterator[tuple[datetime, Value]]) -> None:
        _, self.value = next(steps)
        self.steps = steps
        self.following = next(steps, None)

    def look(self, at: datetime) -> tuple[Value, datetime | None]:
        """The value at the instant, and when it may change next. Of equal instants the last one counts."""
        while self.following and self.following[0] <= at:
            self.value = self.following[1]
            self.following = next(self.steps, None)
        return self.value, self.following and self.following[0]


class _Window:
    """A schedule between two instants. A layer is unrolled only once no layer above it has anyone."""

    def __init__(self, schedule: Schedule, start: datetime, end: datetime) -> None:
        self.inactive = schedule.inactive
        self.end = end
        self.layers = sorted(schedule.layers, key=lambda layer: (-layer.priority, layer.id))
        self.courses: list[_Steps[Slot]] = []
        self.overrides = _Steps(_standing(schedule.overrides, start, end))
        self.departures = _Steps(_departures(schedule.inactive, start, end))
        self.base: Roster = {}
        self.base_change: datetime | None = start

    def look(self, at: datetime) -> tuple[Roster, datetime | None]:
        """Who is on call at the instant, and the next instant at which that may change."""
        if self.base_change and self.base_change <= at:
            self.base, self.base_change = self._winner(at)
        overrides, change = self.overrides.look(at)
        roster = self.base.copy()
        for override in overrides:
            self._apply(override, roster, at)
        return roster, _earliest(change, self.base_change)

    def _winner(self, at: datetime) -> tuple[Roster, datetime | None]:
        """The people of the highest layer that has anyone, and the next change of it or of what may displace it."""
        _, change = self.departures.look(at)
        for rank, layer in enumerate(self.layers):
            if rank == len(self.courses):
                self.courses.append(_Steps(_course(layer, at, self.end)))
            slot, following = self.courses[rank].look(at)
            change = _earliest(change, following)
            people = [person for person in slot if self._active(person, at)]
            if people:
                return dict.fromkeys(people, (layer, None)), change
        return {}, change

    def _apply(self, override: Override, roster: Roster, at: datetime) -> None:
        """Let one override act on the roster; a deactivated person can neither be added nor take a place."""
        if override.kind == "remove":
            roster.pop(override.person, None)
        elif not self._active(override.person, at):
            return
        elif override.kind == "add":
            roster.setdefault(override.person, (None, override.id))
        elif override.replaces in roster:
            layer, _ = roster.pop(override.replaces)
            roster.setdefault(override.person, (layer, override.id))

    def _active(self, person: int, at: datetime) -> bool:
        if person not in self.inactive:
            return True
        since = self.inactive[person]
        return since is not None and at < since


def _walk(schedule: Schedule, start: datetime, end: datetime) -> Iterator[tuple[datetime, Roster]]:
    """Every instant from ``start`` on, before ``end``, at which the answer may change, with the answer."""
    window = _Window(schedule, start, end)
    moment: datetime | None = start
    while moment is not None and moment < end:
        roster, following = window.look(moment)
        yield moment, roster
        moment = following


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _ends(roster: Roster, walk: Iterator[tuple[datetime, Roster]]) -> dict[int, datetime]:
    """When each person of the roster is first missing from the walk; those who stay throughout are left out."""
    ends: dict[int, datetime] = {}
    staying = set(roster)
    while staying and (step := next(walk, None)):
        moment, later = step
        ends.update(dict.fromkeys(staying - later.keys(), moment))
        staying &= later.keys()
    return ends


def _departures(
    inactive: Mapping[int, datetime | None], start: datetime, end: datetime
) -> Iterator[tuple[datetime, None]]:
    """The instants at which somebody is deactivated, between the two."""
    yield start, None
    for since in sorted(since for since in inactive.values() if since and start < since < end):
        yield since, None


def _standing(
    overrides: Sequence[Override], start: datetime, end: datetime
) -> Iterator[tuple[datetime, list[Override]]]:
    """The overrides in force, by id, at ``start`` and from each change before ``end``."""
    near = sorted((each for each in overrides if each.start < end and each.end > start), key=attrgetter("id"))
    edges = {edge for each in near for edge in (each.start, each.end) if start < edge < end}
    for moment in sorted({start, *edges}):
        yield moment, [each for each in near if each.start <= moment < each.end]


def _course(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, Slot]]:
    """The layer between two instants: which slot has the turn, and the empty one while it is not in force."""
    yield start, ()
    if not any(layer.slots):
        return
    start = max(start, layer.effective_from or start)
    end = min(end, layer.effective_until or end)
    for opens, closes in _open_spans(layer, start, end):
        yield from _turns(layer, opens, closes)
        yield closes, ()


def _open_spans(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches between two instants that the layer's restrictions leave open, in order and apart."""
    if start >= end:
        return
    if not layer.restrictions:
        yield start, end
        return
    span: tuple[datetime, datetime] | None = None
    for opens, closes in _occurrences(layer, start, end):
        if span and opens <= span[1]:
            span = (span[0], max(closes, span[1]))
        else:
            if span:
                yield span
            span = (opens, closes)
    if span:
        yield span


def _occurrences(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Each single window of the layer's restrictions by its start, cut to the two instants; none without length."""
    zone = _zone(layer.time_zone)
    day = (start - MARGIN).astimezone(zone).date()
    last = (end + MARGIN).astimezone(zone).date()
    while day <= last:
        weekday = day.weekday()
        today = [_on(day, each, layer.time_zone) for each in layer.restrictions if each.weekday == weekday]
        for opens, closes in sorted(today):
            if max(opens, start) < min(closes, end):
                yield max(opens, start), min(closes, end)
        day += DAY


def _on(day: date, restriction: Restriction, time_zone: str) -> tuple[datetime, datetime]:
    """One window by its starting day; where the clock goes back it rather overlaps than leaves a hole."""
    opens = datetime.combine(day, restriction.start)
    closes = datetime.combine(day if restriction.end > restriction.start else day + DAY, restriction.end)
    return to_utc(opens, time_zone), to_utc(closes, time_zone, last=True)


def _turns(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, Slot]]:
    """Which slot has the turn from ``start`` on, and at each handoff before ``end``."""
    k = turn_index(layer, start)
    yield start, layer.slots[k % len(layer.slots)]
    if len(set(layer.slots)) == 1:
        return
    while (moment := boundary(layer, k := k + 1)) < end:
        yield moment, layer.slots[k % len(layer.slots)]
