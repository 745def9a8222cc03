"""What decides who is on call, as plain values: what ``oncall.rosters`` reads from the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Literal

Slot = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Restriction:
    """A weekly window in which a layer is in force; it ends on the next day unless ``end`` is later than ``start``."""

    weekday: int  # the day on which the window starts, Monday 0
    start: time
    end: time  # equal to start: a full day


@dataclass(frozen=True, slots=True)
class FixedShift:
    """A person on call from one instant to another."""

    person: int
    start: datetime
    end: datetime


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
    shifts: tuple[FixedShift, ...] = ()  # read from a foreign calendar; they stand in the place of turns


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
class Temporary:
    """Shifts written down one by one; between its start and its end nothing else counts, overrides included."""

    id: int
    start: datetime
    end: datetime
    shifts: tuple[FixedShift, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that decides who is on call. The time zone is for display; each layer keeps its own."""

    id: int
    time_zone: str
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    inactive: Mapping[int, datetime | None] = field(default_factory=dict)  # user id -> since when; None: always
    temporaries: tuple[Temporary, ...] = ()  # where two should overlap, the one with the larger id counts


@dataclass(frozen=True, slots=True)
class OnCall:
    """One person on call and why."""

    person: int
    layer: int | None  # None: put there by an override alone, or by a temporary schedule
    layer_name: str
    override: int | None
    until: datetime | None  # when they next cease to be on call; None: not within the look-ahead of a year
    temporary: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch in which the same people are on call; without people it is a gap."""

    start: datetime
    end: datetime
    people: tuple[int, ...]  # ascending
