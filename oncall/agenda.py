"""One schedule in words and days: who has it when, by which turns, changed by which overrides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from incidents.models import User
from oncall import rosters, rota
from oncall.models import Layer, Override, OverrideKind, Restriction, Schedule, Unit
from oncall.wording import city, enumerate_words

DAYS = 14
LOOK_ROUND = timedelta(days=35)  # beyond the days shown, so that long shifts tell when they really begin and end
ADJECTIVES = {Unit.DAY: "Daily", Unit.WEEK: "Weekly", Unit.MONTH: "Monthly"}
NEVER_ENDS = None


@dataclass(frozen=True)
class Row:
    """One shift on the day it begins (or the day itself, inside a longer one). No people = a gap."""

    when: str
    people: tuple[User, ...]
    running: bool
    by_override: bool
    begins: bool  # False: the shift began on an earlier day


@dataclass(frozen=True)
class Day:
    """A day of the agenda on the wall clock of its zone."""

    date: date
    is_today: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Shift:
    """A stretch of the final schedule, whole. ``end`` None = it goes on beyond what was looked at."""

    start: datetime
    end: datetime | None
    people: tuple[User, ...]
    by_override: bool


@dataclass(frozen=True)
class LayerInWords:
    """One layer in words."""

    layer: Layer
    rhythm: str
    hours: str
    slots: tuple[tuple[User, ...], ...]
    turn: int  # index of the slot whose turn it is; -1 = the layer has nobody
    in_force: bool  # it puts somebody on call at this moment, unless a layer above does


class Agenda:
    """A schedule at one instant, seen on the wall clock of a zone (at most 12 queries)."""

    def __init__(self, schedule: Schedule, at: datetime, zone: ZoneInfo) -> None:
        self.schedule, self.at, self.zone = schedule, at, zone
        roster = rosters.load([schedule.pk]).get(schedule.pk)
        self.roster = roster or rota.Schedule(schedule.pk, schedule.time_zone)
        self._rows = list(
            Layer.objects.filter(schedule=schedule)
            .prefetch_related("people__user", "restrictions")
            .order_by("-priority", "pk")
        )
        self.overrides = list(
            Override.objects.filter(schedule=schedule, end__gt=at)
            .select_related("person", "replaces", "by")
            .order_by("start", "pk")
        )
        self.people = {row.user_id: row.user for layer in self._rows for row in layer.people.all()}
        self.people |= {row.person_id: row.person for row in self.overrides}
        if others := rota.members(self.roster) - self.people.keys():
            self.people |= User.objects.in_bulk(others)
        self.shifts = self._shifts()

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
        """The coming days, each with the shifts that begin on it; a day inside a longer shift names it again."""
        today = self.at.astimezone(self.zone).date()
        return [self._day(today + timedelta(days=ahead), today) for ahead in range(DAYS)]

    def overrides_in_words(self) -> list[tuple[Override, str]]:
        """The overrides in force or to come, each with what it does."""
        return [(row, say_override(row)) for row in self.overrides]

    def layers(self) -> list[LayerInWords]:
        """The layers in the order in which they win; versions that are over are left out."""
        rows = (row for row in self._rows if row.effective_until is None or row.effective_until > self.at)
        return [self._in_words(layer) for layer in rows]

    def _shifts(self) -> list[Shift]:
        """The final schedule around the days shown; what is over is left out."""
        start, end = self.at - LOOK_ROUND, self.at + timedelta(days=DAYS) + LOOK_ROUND
        return [
            Shift(
                piece.start,
                piece.end if piece.end < end else NEVER_ENDS,
                tuple(self.people[pk] for pk in piece.people if pk in self.people),
                self._touched(piece),
            )
            for piece in rota.final(self.roster, start, end)
            if piece.end > self.at
        ]

    def _touched(self, piece: rota.Piece) -> bool:
        near = (row for row in self.overrides if row.start < piece.end and row.end > piece.start)
        return any(row.kind == OverrideKind.REMOVE or row.person_id in piece.people for row in near)

    def _day(self, day: date, today: date) -> Day:
        begin, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        starting = [one for one in self.shifts if begin <= one.start < end]
        inside = [one for one in self.shifts if one.start < begin and (one.end is None or one.end > begin)]
        rows = [self._row(one, day) for one in starting]
        if day == today or not starting:
            rows = [self._row(one, day) for one in inside] + rows
        return Day(day, day == today, tuple(rows))

    def _midnight(self, day: date) -> datetime:
        return rota.to_utc(datetime.combine(day, time.min), self.zone.key)

    def _row(self, shift: Shift, day: date) -> Row:
        running = shift.start <= self.at and (shift.end is None or self.at < shift.end)
        return Row(
            self._when(shift, day),
            shift.people,
            running,
            shift.by_override,
            shift.start.astimezone(self.zone).date() == day,
        )

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

    def _in_words(self, layer: Layer) -> LayerInWords:
        own = rosters.as_rota(layer)
        alone = rota.Schedule(0, layer.time_zone, (own,), inactive=self.roster.inactive)
        return LayerInWords(
            layer=layer,
            rhythm=say_rhythm(layer),
            hours=say_restrictions(list(layer.restrictions.all())),
            slots=tuple(tuple(self.people[pk] for pk in slot) for slot in own.slots),
            turn=rota.turn_index(own, self.at) % len(own.slots) if own.slots else -1,
            in_force=bool(rota.on_call(alone, self.at)),
        )


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
