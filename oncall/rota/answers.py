"""A whole schedule: layers by priority, overrides, temporary schedules, people who left."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Generic, TypeVar

from oncall.rota.rows import Layer, OnCall, Override, Piece, Schedule, Slot, Temporary
from oncall.rota.turns import course

LOOK_AHEAD = timedelta(days=366)  # how far OnCall.until is sought

Origin = tuple[Layer | None, int | None, int | None]  # the layer, the override, the temporary schedule
Roster = dict[int, Origin]
Value = TypeVar("Value")


def on_call(schedule: Schedule, at: datetime) -> tuple[OnCall, ...]:
    """Everyone on call at the instant, by ascending user id."""
    at = at.astimezone(UTC)
    walk = _walk(schedule, at, at + LOOK_AHEAD)
    _, roster = next(walk)
    ends = _ends(roster, walk)
    return tuple(
        OnCall(person, layer.id if layer else None, layer.name if layer else "", override, ends.get(person), temporary)
        for person, (layer, override, temporary) in sorted(roster.items(), key=itemgetter(0))
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


def members(schedule: Schedule) -> set[int]:
    """Everyone whom the schedule may ever put on call, in the past as well."""
    in_layers = {person for layer in schedule.layers for slot in layer.slots for person in slot}
    written_down = {shift.person for each in schedule.temporaries for shift in each.shifts}
    in_layers |= {shift.person for layer in schedule.layers for shift in layer.shifts}
    return in_layers | written_down | {each.person for each in schedule.overrides if each.kind != "remove"}


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
        self.fixed = _Steps(_fixed(schedule.temporaries, start, end)) if schedule.temporaries else None
        self.base: Roster = {}
        self.base_change: datetime | None = start

    def look(self, at: datetime) -> tuple[Roster, datetime | None]:
        """Who is on call at the instant, and the next instant at which that may change."""
        fixed, fixed_change = self.fixed.look(at) if self.fixed else (None, None)
        if fixed is not None:
            _, change = self.departures.look(at)
            return self._written_down(fixed, at), _earliest(change, fixed_change)
        if self.base_change and self.base_change <= at:
            self.base, self.base_change = self._winner(at)
        overrides, change = self.overrides.look(at)
        roster = self.base
        if overrides:
            roster = roster.copy()
            for override in overrides:
                self._apply(override, roster, at)
        change = _earliest(change, self.base_change)
        return roster, _earliest(change, fixed_change) if fixed_change else change

    def _written_down(self, temporary: Temporary, at: datetime) -> Roster:
        """The people of a temporary schedule; one who was deactivated leaves a gap."""
        people = [shift.person for shift in temporary.shifts if shift.start <= at < shift.end]
        return {person: (None, None, temporary.id) for person in people if self._active(person, at)}

    def _winner(self, at: datetime) -> tuple[Roster, datetime | None]:
        """The people of the highest layer that has anyone, and the next change of it or of what may displace it."""
        _, change = self.departures.look(at)
        for rank, layer in enumerate(self.layers):
            if rank == len(self.courses):
                self.courses.append(_Steps(course(layer, at, self.end)))
            slot, following = self.courses[rank].look(at)
            change = _earliest(change, following)
            people = [person for person in slot if self._active(person, at)]
            if people:
                return dict.fromkeys(people, (layer, None, None)), change
        return {}, change

    def _apply(self, override: Override, roster: Roster, at: datetime) -> None:
        """Let one override act on the roster; a deactivated person can neither be added nor take a place."""
        if override.kind == "remove":
            roster.pop(override.person, None)
        elif not self._active(override.person, at):
            return
        elif override.kind == "add":
            roster.setdefault(override.person, (None, override.id, None))
        elif override.replaces in roster:
            layer, *_ = roster.pop(override.replaces)
            roster.setdefault(override.person, (layer, override.id, None))

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
    if one is None:
        return other
    return one if other is None or one <= other else other


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
    if inactive:
        for since in sorted(since for since in inactive.values() if since and start < since < end):
            yield since, None


def _standing(
    overrides: Sequence[Override], start: datetime, end: datetime
) -> Iterator[tuple[datetime, list[Override]]]:
    """The overrides in force, by id, at ``start`` and from each change before ``end``."""
    near = [each for each in overrides if each.end > start and each.start < end]
    near.sort(key=attrgetter("id"))
    yield start, [each for each in near if each.start <= start]
    edges = {each.start for each in near} | {each.end for each in near}
    for moment in sorted(edges):
        if start < moment < end:
            yield moment, [each for each in near if each.start <= moment < each.end]


def _fixed(
    temporaries: Sequence[Temporary], start: datetime, end: datetime
) -> Iterator[tuple[datetime, Temporary | None]]:
    """The temporary schedule in force, at ``start`` and from each change of it or of its shifts before ``end``."""
    near = sorted([each for each in temporaries if each.end > start and each.start < end], key=attrgetter("id"))
    edges = {edge for each in near for edge in (each.start, each.end)}
    edges |= {edge for each in near for shift in each.shifts for edge in (shift.start, shift.end)}
    for moment in sorted({start, *(edge for edge in edges if start < edge < end)}):
        yield moment, next((each for each in reversed(near) if each.start <= moment < each.end), None)
