"""One schedule in words and days: who has it when, by which turns, changed by which overrides."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from incidents.models import User
from oncall import absences, changes, rosters, rota
from oncall.absences import Need, Span
from oncall.frames import Frame
from oncall.models import (
    Layer,
    Leave,
    Override,
    OverrideKind,
    Restriction,
    Schedule,
    Swap,
    SwapState,
    TemporarySchedule,
    Unit,
)
from oncall.wording import city, enumerate_words

DAYS = 14
LOOK_ROUND = timedelta(days=35)  # beyond the days shown, so that long shifts tell when they really begin and end
ADJECTIVES = {Unit.DAY: "Daily", Unit.WEEK: "Weekly", Unit.MONTH: "Monthly"}
NEVER_ENDS = None


@dataclass(frozen=True)
class Row:
    """One shift on the day it begins (or the day itself, inside a longer one). No people = a gap."""

    when: str
    brief: str  # the same as a cell of a calendar has it; empty = the whole day
    people: tuple[User, ...]
    running: bool
    mark: str  # how it was changed by hand: override, swap, temporary; empty = not
    begins: bool  # False: the shift began on an earlier day
    start: datetime  # what of the shift lies in the day
    end: datetime
    away: frozenset[int] = frozenset()  # who of the people is on leave in a part of it, by primary key

    @property
    def by_override(self) -> bool:
        """Somebody has changed it by hand."""
        return bool(self.mark)


@dataclass(frozen=True)
class Day:
    """A day of the agenda on the wall clock of its zone."""

    date: date
    is_today: bool
    rows: tuple[Row, ...]
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Shift:
    """A stretch of the final schedule, whole. ``end`` None = it goes on beyond what was looked at."""

    start: datetime
    end: datetime | None
    people: tuple[User, ...]
    mark: str  # how it was changed by hand: override, swap, temporary; empty = not


@dataclass(frozen=True)
class LayerInWords:
    """One layer in words."""

    layer: Layer
    rhythm: str
    hours: str
    slots: tuple[tuple[User, ...], ...]
    turn: int  # index of the slot whose turn it is; -1 = the layer has nobody
    in_force: bool  # it puts somebody on call at this moment, unless a layer above does
    is_foreign: bool = False  # its shifts come from a foreign calendar


class Agenda:
    """A schedule at one instant, seen on the wall clock of a zone (at most 16 queries).

    With a frame, its days are those of the frame, past shifts included; else the coming ones.
    """

    def __init__(self, schedule: Schedule, at: datetime, zone: ZoneInfo, frame: Frame | None = None) -> None:
        self.schedule, self.at, self.zone, self.frame = schedule, at, zone, frame
        roster = rosters.load([schedule.pk]).get(schedule.pk)
        self.roster = roster or rota.Schedule(schedule.pk, schedule.time_zone)
        self._rows = list(
            Layer.objects.filter(schedule=schedule)
            .prefetch_related("people__user", "restrictions")
            .order_by("-priority", "pk")
        )
        since = min(at, frame.start) if frame else at
        rows = Override.objects.filter(schedule=schedule, end__gt=since).select_related("person", "replaces", "by")
        self.shown_overrides = list(rows.order_by("start", "pk"))
        self.overrides = [row for row in self.shown_overrides if row.end > at]
        fixed = TemporarySchedule.objects.filter(schedule=schedule, end__gt=since).select_related("by")
        self.temporaries = list(fixed.order_by("start", "pk"))
        self._know_people()
        self.leave = _leave(rota.members(self.roster), frame) if frame else []
        self.shifts = [one for one in self._between(at, at + timedelta(days=DAYS)) if one.end is None or one.end > at]
        self.shown = self._between(frame.start, frame.end) if frame else self.shifts

    def _know_people(self) -> None:
        self.people = {row.user_id: row.user for layer in self._rows for row in layer.people.all()}
        self.people |= {row.person_id: row.person for row in self.shown_overrides}
        if others := rota.members(self.roster) - self.people.keys():
            self.people |= User.objects.in_bulk(others)

    @property
    def present(self) -> Shift | None:
        """The shift that runs now, a gap included; None = the schedule never has anybody."""
        return next(
            (one for one in self.shifts if one.start <= self.at and (one.end is None or self.at < one.end)), None
        )

    @property
    def following(self) -> Shift | None:
        """The shift after the present one."""
        present = self.present
        return next((one for one in self.shifts if present and present.end and one.start >= present.end), None)

    def gaps(self) -> list[Shift]:
        """The stretches of the coming days in which nobody is on call."""
        last = self.at + timedelta(days=DAYS)
        return [one for one in self.shifts if not one.people and one.start < last]

    def days(self) -> list[Day]:
        """Each day with the shifts that begin on it; a day inside a longer shift names it again."""
        today = self.at.astimezone(self.zone).date()
        days = self.frame.days if self.frame else [today + timedelta(days=ahead) for ahead in range(DAYS)]
        return [self._day(day, today, whole=len(days) == 1) for day in days]

    def weeks(self) -> list[list[Day]]:
        """The frame in weeks from Monday to Sunday, each day with every shift that touches it."""
        if self.frame is None:
            return []
        today = self.at.astimezone(self.zone).date()
        days = [self._day(day, today, whole=True) for day in self.frame.days]
        return [days[first : first + 7] for first in range(0, len(days), 7)]

    def layer_rows(self) -> list[Layer]:
        """Every version of every layer, the most important first."""
        return self._rows

    def final(self) -> tuple[rota.Piece, ...]:
        """The final schedule of the frame."""
        return rota.final(self.roster, self.frame.start, self.frame.end) if self.frame else ()

    def needs(self) -> list[Need]:
        """The stretches to come of the frame in which somebody on call is away."""
        away: dict[int, list[Span]] = {}
        for row in self.leave:
            away.setdefault(row.person_id, []).append((row.start, row.end))
        return [need for need in absences.in_need(self.final(), away) if need.end > self.at]

    def open_swaps(self) -> list[Swap]:
        """The shifts for which somebody looks for another (1 query)."""
        rows = Swap.objects.filter(schedule=self.schedule, state=SwapState.OPEN, expires_at__gt=self.at)
        return list(rows.select_related("asked_by", "asked").order_by("start", "pk"))

    def overrides_in_words(self) -> list[tuple[Override, str]]:
        """The overrides in force or to come, each with what it does."""
        return [(row, say_override(row)) for row in self.overrides]

    def layers(self) -> list[LayerInWords]:
        """The layers in the order in which they win; versions that are over are left out."""
        rows = (row for row in self._rows if row.effective_until is None or row.effective_until > self.at)
        return [self._in_words(layer) for layer in rows]

    def _between(self, start: datetime, end: datetime) -> list[Shift]:
        """The final schedule around a range, so that long shifts tell when they really begin and end."""
        start, end = start - LOOK_ROUND, end + LOOK_ROUND
        by_layers_alone = replace(self.roster, overrides=(), temporaries=())
        moved = changes.between(by_layers_alone, self.roster, start, end) if self.roster != by_layers_alone else ()
        return [
            Shift(
                piece.start,
                piece.end if piece.end < end else NEVER_ENDS,
                tuple(self.people[pk] for pk in piece.people if pk in self.people),
                self._mark(piece, moved),
            )
            for piece in rota.final(self.roster, start, end)
        ]

    def _mark(self, piece: rota.Piece, moved: Sequence[changes.Change]) -> str:
        """How the piece was changed by hand, if without that others would be on call in a part of it."""
        if not any(change.start < piece.end and change.end > piece.start for change in moved):
            return ""
        if any(row.start < piece.end and row.end > piece.start for row in self.temporaries):
            return "temporary"
        near = [row for row in self.shown_overrides if row.start < piece.end and row.end > piece.start]
        return "swap" if any(row.swap_id is not None and row.person_id in piece.people for row in near) else "override"

    def _day(self, day: date, today: date, *, whole: bool = False) -> Day:
        begin, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        starting = [one for one in self.shown if begin <= one.start < end]
        inside = [one for one in self.shown if one.start < begin and (one.end is None or one.end > begin)]
        rows = [self._row(one, day, begin, end) for one in starting]
        if whole or day == today or not starting:
            rows = [self._row(one, day, begin, end) for one in inside] + rows
        return Day(day, day == today, tuple(rows), begin, end)

    def _midnight(self, day: date) -> datetime:
        return rota.to_utc(datetime.combine(day, time.min), self.zone.key)

    def _row(self, shift: Shift, day: date, begin: datetime, end: datetime) -> Row:
        begin, end = max(shift.start, begin), min(shift.end or end, end)
        return Row(
            when=self._when(shift, day),
            brief=self._brief(shift, day),
            people=shift.people,
            running=shift.start <= self.at and (shift.end is None or self.at < shift.end),
            mark=shift.mark,
            begins=shift.start.astimezone(self.zone).date() == day,
            start=begin,
            end=end,
            away=frozenset(row.person_id for row in self.leave if row.start < end and row.end > begin),
        )

    def _brief(self, shift: Shift, day: date) -> str:
        """“09:00”, “until 18:00”, both with a dash between them; empty for the whole day."""
        start = shift.start.astimezone(self.zone)
        end = shift.end.astimezone(self.zone) if shift.end else None
        first = f"{start:%H:%M}" if start.date() == day and start.time() != time.min else ""
        last = f"{end:%H:%M}" if end and end.date() == day else ""
        return f"{first}–{last}" if first and last else first or (last and f"until {last}")

    def _when(self, shift: Shift, day: date) -> str:
        """The hours of a shift as its day tells them: 08:00 to 18:00; longer ones name the day of their end."""
        start = shift.start.astimezone(self.zone)
        end = shift.end.astimezone(self.zone) if shift.end else None
        if start.date() != day and (end is None or end.date() > day):
            return "all day"
        first = f"{start:%H:%M}" if start.date() == day else ""
        if end is None:
            return f"from {first}"
        if end.date() == day or (first and end.date() == day + timedelta(days=1) and end - start < timedelta(days=1)):
            return f"{first}–{end:%H:%M}" if first else f"until {end:%H:%M}"
        return f"{first} to {end:%a} {end.day} {end:%b}, {end:%H:%M}"

    def as_rota(self, layer: Layer) -> rota.Layer:
        """A layer as the rota reads it, the shifts of a foreign calendar included."""
        loaded = {one.id: one for one in self.roster.layers}
        return loaded.get(layer.pk) or rosters.as_rota(layer)

    def _in_words(self, layer: Layer) -> LayerInWords:
        own = self.as_rota(layer)
        alone = rota.Schedule(0, layer.time_zone, (own,), inactive=self.roster.inactive)
        return LayerInWords(
            layer=layer,
            rhythm=say_rhythm(layer) if not own.shifts else "Read from a foreign calendar",
            hours=say_restrictions(list(layer.restrictions.all())),
            slots=tuple(tuple(self.people[pk] for pk in slot) for slot in own.slots),
            turn=rota.turn_index(own, self.at) % len(own.slots) if own.slots else -1,
            in_force=bool(rota.on_call(alone, self.at)),
            is_foreign=bool(own.shifts),
        )


def _leave(people: Collection[int], frame: Frame) -> list[Leave]:
    """When the people are away in the frame (1 query)."""
    rows = Leave.objects.filter(person__in=people, start__lt=frame.end, end__gt=frame.start)
    return list(rows.select_related("person").order_by("start", "pk"))


def say_rhythm(layer: Layer) -> str:
    """Say how the turns of a layer go: “Weekly turns, handoff on Monday at 09:00 Lisbon”."""
    anchor = datetime.fromisoformat(layer.anchor)
    clock = f"{anchor:%H:%M} {city(layer.time_zone)}"
    if layer.length > 1 or layer.unit == Unit.HOUR:
        units = layer.unit if layer.length == 1 else f"{layer.unit}s"
        return f"Turns of {layer.length} {units}, counted from {anchor:%a} {anchor.day} {anchor:%b %Y}, {clock}"
    handoff = {
        Unit.DAY: f"at {clock}",
        Unit.WEEK: f"on {anchor:%A} at {clock}",
        Unit.MONTH: f"on day {anchor.day} at {clock}",
    }
    return f"{ADJECTIVES[Unit(layer.unit)]} turns, handoff {handoff[Unit(layer.unit)]}"


def say_restrictions(restrictions: Sequence[Restriction]) -> str:
    """Say when a layer is in force: “Mon to Fri” with its hours; “at all times” without restrictions."""
    by_hours: dict[str, list[int]] = {}
    for row in sorted(restrictions, key=lambda row: (row.weekday, row.start)):
        hours = "all day" if row.start == row.end else f"{row.start:%H:%M}–{row.end:%H:%M}"
        by_hours.setdefault(hours, []).append(row.weekday)
    return enumerate_words([f"{_say_weekdays(days)} {hours}" for hours, days in by_hours.items()]) or "at all times"


def _say_weekdays(days: Iterable[int]) -> str:
    """“Mon to Fri”, “Sat and Sun”, “Mon, Wed and Fri”; Monday 0."""
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    runs = [[day for _, day in run] for _, run in groupby(enumerate(sorted(set(days))), lambda pair: pair[1] - pair[0])]
    words: list[str] = []
    for run in runs:
        words += [f"{names[run[0]]} to {names[run[-1]]}"] if len(run) > 2 else [names[day] for day in run]
    return enumerate_words(words)


def say_override(override: Override) -> str:
    """Say what an override does: “Jonas Berg instead of Amira Haddad”."""
    words: Mapping[str, str] = {
        OverrideKind.ADD: f"{override.person} as well",
        OverrideKind.REMOVE: f"without {override.person}",
        OverrideKind.REPLACE: f"{override.person} instead of {override.replaces}",
    }
    return words[override.kind]
