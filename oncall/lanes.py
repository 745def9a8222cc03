"""A schedule drawn over time: the final line on top, then what changes it by hand, then each layer by itself.

Positions are parts of the width in percent, as the attributes of a drawing take them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from incidents.models import User
from incidents.templatetags.tocsin import initials, tint
from oncall import frames, rota
from oncall.agenda import Agenda, say_override, say_restrictions, say_rhythm
from oncall.frames import Frame, Span
from oncall.models import Layer, Leave

NARROWEST_LINK = 2.9  # percent: below, a finger or a keyboard finds the shift in the list
WIDTH = 850  # pixels of the drawing where it is narrowest
LETTER = 7.5  # pixels
HOURS_APART = 3


@dataclass(frozen=True)
class Bar:
    """A stretch of one person, or of nobody."""

    start: datetime
    end: datetime
    x: str
    width: str
    text: str
    title: str
    look: str  # of who-1 to who-6, gap, away
    person: User | None = None
    mark: str = ""
    is_wide: bool = False  # enough to be a link


@dataclass(frozen=True)
class Lane:
    """One line of the drawing; bars that overlap stand in tracks of their own."""

    key: str
    label: str
    hint: str
    tracks: tuple[tuple[Bar, ...], ...]


@dataclass(frozen=True)
class Tick:
    """A day, or an hour, of the head."""

    x: str
    name: str
    strong: bool
    is_today: bool


@dataclass(frozen=True)
class Drawing:
    """Everything that stands on one screen."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    now: str  # where the line of the present stands; empty = outside


class _Scale:
    """From instants to places."""

    def __init__(self, frame: Frame, at: datetime) -> None:
        self.frame, self.at = frame, at
        self.start, self.end = frame.start, frame.end

    def place(self, moment: datetime) -> str:
        return f"{self._share(moment):.3f}%"

    def bar(
        self, start: datetime, end: datetime, person: User | None, *, look: str = "", mark: str = "", note: str = ""
    ) -> Bar:
        """A bar of what lies in the frame; its title tells the whole stretch."""
        left, right = max(start, self.start), min(end, self.end)
        share = self._share(right) - self._share(left)
        name = str(person) if person else "Nobody"
        words = f"{name}: {self._moment(start)} to {self._moment(end)}"
        room = share / 100 * WIDTH
        short = initials(person) if person else ""
        fitting = [one for one in (name, short) if one and len(one) * LETTER + 8 <= room]
        return Bar(
            start=start,
            end=end,
            x=f"{self._share(left):.3f}%",
            width=f"{share:.3f}%",
            text=fitting[0] if fitting else "",
            title=f"{words}{f', {note}' if note else ''}",
            look=look or (f"who-{tint(person)}" if person else "gap"),
            person=person,
            mark=mark,
            is_wide=share >= NARROWEST_LINK,
        )

    def ticks(self) -> Iterable[Tick]:
        if self.frame.span == Span.DAY:
            for moment, name in frames.hours(self.frame, HOURS_APART):
                yield Tick(self.place(moment), name, name == "00:00", is_today=False)
            return
        today = self.at.astimezone(self.frame.zone).date()
        for day in self.frame.days:
            name = f"{day.day}" if self.frame.span == Span.MONTH else f"{day:%a} {day.day}"
            moment = frames.midnight(day, self.frame.zone)
            yield Tick(self.place(moment), name, day.weekday() == 0, is_today=day == today)

    def _share(self, moment: datetime) -> float:
        return (moment - self.start) / (self.end - self.start) * 100

    def _moment(self, moment: datetime) -> str:
        local = moment.astimezone(self.frame.zone)
        return f"{local:%a} {local.day} {local:%b} {local:%H:%M}"


def draw(agenda: Agenda, frame: Frame) -> Drawing:
    """The schedule in the frame; no queries beyond those of the agenda."""
    scale = _Scale(frame, agenda.at)
    lanes = [
        _final(agenda, scale),
        _by_hand(agenda, scale),
        *_fixed(agenda, scale),
        *_layers(agenda, scale),
        _away(agenda.leave, scale),
    ]
    present = frame.start <= agenda.at < frame.end
    return Drawing(
        lanes=tuple(lane for lane in lanes if lane and lane.tracks),
        ticks=tuple(scale.ticks()),
        now=scale.place(agenda.at) if present else "",
    )


def _final(agenda: Agenda, scale: _Scale) -> Lane:
    bars, end = [], scale.end + timedelta(days=1)
    inside = [one for one in agenda.shown if one.start < scale.end and (one.end or end) > scale.start]
    for shift in inside:
        note = shift.mark and f"{shift.mark} in a part of it" if shift.mark != "temporary" else "temporary schedule"
        for person in shift.people or (None,):
            bars.append(scale.bar(shift.start, shift.end or end, person, mark=shift.mark, note=note))
    return Lane("final", "On call", "as it will be", pack(_joined(bars, scale)))


def _joined(bars: Sequence[Bar], scale: _Scale) -> list[Bar]:
    """Neighbours of one person that differ in their colleagues alone are one bar."""
    found: list[Bar] = []
    for bar in sorted(bars, key=lambda bar: (bar.person.pk if bar.person else 0, bar.start)):
        last = found[-1] if found else None
        if last and (last.person, last.mark, last.end) == (bar.person, bar.mark, bar.start):
            note = bar.title.partition(", ")[2]
            found[-1] = scale.bar(last.start, bar.end, bar.person, mark=bar.mark, note=note)
        else:
            found.append(bar)
    return found


def _by_hand(agenda: Agenda, scale: _Scale) -> Lane:
    rows = [row for row in agenda.shown_overrides if row.start < scale.end and row.end > scale.start]
    bars = []
    for row in rows:
        word = "swap" if row.swap_id is not None else "override"
        note = f"{word}: {say_override(row)}{f' ({row.reason})' if row.reason else ''}"
        look = "away" if row.kind == "remove" else ""
        bars.append(scale.bar(row.start, row.end, row.person, look=look, mark=word, note=note))
    return Lane("hand", "Overrides", "and swaps; they win", pack(bars))


def _fixed(agenda: Agenda, scale: _Scale) -> list[Lane]:
    """A temporary schedule: its shifts one by one, red where it leaves a hole."""
    bars: list[Bar] = []
    for each in agenda.roster.temporaries:
        if each.start < scale.end and each.end > scale.start:
            alone = rota.Schedule(0, agenda.roster.time_zone, inactive=agenda.roster.inactive, temporaries=(each,))
            bars += _bars(rota.final(alone, each.start, each.end), agenda, scale, with_gaps=True)
    return [Lane("fixed", "Temporary", "nothing else counts in it", pack(bars))]


def _layers(agenda: Agenda, scale: _Scale) -> list[Lane]:
    """Each layer by itself, all its versions in one lane."""
    lanes = []
    for (_, name), versions in groupby(_in_order(agenda.layer_rows(), scale), key=lambda row: (row.priority, row.name)):
        rows = list(versions)
        own = rota.Schedule(0, rows[0].time_zone, tuple(map(agenda.as_rota, rows)), inactive=agenda.roster.inactive)
        hint = say_restrictions(list(rows[-1].restrictions.all()))
        bars = _bars(rota.final(own, scale.start, scale.end), agenda, scale, with_gaps=False)
        lanes.append(Lane("layer", name, hint if hint != "at all times" else say_rhythm(rows[-1]), pack(bars)))
    return lanes


def _in_order(layers: Iterable[Layer], scale: _Scale) -> list[Layer]:
    """Those versions that touch the frame, by priority, name and time."""
    near = [
        row
        for row in layers
        if (row.effective_from is None or row.effective_from < scale.end)
        and (row.effective_until is None or row.effective_until > scale.start)
    ]
    return sorted(near, key=lambda row: (-row.priority, row.name, row.pk))


def _bars(pieces: Iterable[rota.Piece], agenda: Agenda, scale: _Scale, *, with_gaps: bool) -> list[Bar]:
    bars = []
    for piece in pieces:
        if piece.start < scale.end and piece.end > scale.start and (piece.people or with_gaps):
            for person in [agenda.people.get(pk) for pk in piece.people] or [None]:
                bars.append(scale.bar(piece.start, piece.end, person))
    return bars


def _away(leave: Sequence[Leave], scale: _Scale) -> Lane:
    bars = [scale.bar(row.start, row.end, row.person, look="away", note="away") for row in leave]
    return Lane("away", "Away", "on leave; moves nobody", pack(bars))


def pack(bars: Iterable[Bar]) -> tuple[tuple[Bar, ...], ...]:
    """Bars in as few tracks as keep them apart, the earliest first."""
    tracks: list[list[Bar]] = []
    for bar in sorted(bars, key=attrgetter("start", "end", "title")):
        free = next((track for track in tracks if track[-1].end <= bar.start), None)
        if free is None:
            tracks.append([bar])
        else:
            free.append(bar)
    return tuple(map(tuple, tracks))
