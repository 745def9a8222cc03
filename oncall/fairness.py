"""How the burden of a rotation is spread: hours, nights, weekends, holidays, pages, beside each one's share. Pure.

Pages hurt more than hours, so both are told. Never a ranking: people come by name, and who may read what of whom is
the affair of ``oncall.burdens``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from oncall import rota
from oncall.coverage import Span, Spans, both, joined, without

NIGHT_FROM, NIGHT_UNTIL = time(22), time(7)
WORK_FROM, WORK_UNTIL = time(8), time(18)
WEEKEND = (5, 6)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Load:
    """What one person carried, or will, between two instants."""

    hours: float = 0
    nights: int = 0  # of 22 to 7 on the person's clock, in which they were on call at any time
    weekend_hours: float = 0
    holiday_hours: float = 0
    pages: int = 0
    out_of_hours: int = 0  # pages beside Monday to Friday, 8 to 18
    interrupted_nights: int = 0
    longest_streak: float = 0  # hours without a break
    expected_hours: float = 0


@dataclass(frozen=True)
class Member:
    """What is known of a person: their clock, how much of the turns is theirs, when they could have been on call."""

    zone: str
    weight: float = 1
    available: Spans = ()


class Calendar:
    """The nights, weekends and holidays of one clock between two instants."""

    def __init__(self, zone: str, start: datetime, end: datetime, holidays: Collection[date]) -> None:
        self.zone = zone
        first, last = (moment.astimezone(ZoneInfo(zone)).date() for moment in (start - DAY, end + DAY))
        self.days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        self.nights = [(self._at(day, NIGHT_FROM), self._at(day + DAY, NIGHT_UNTIL)) for day in self.days]
        self.weekends = self._whole(day for day in self.days if day.weekday() in WEEKEND)
        self.holidays = self._whole(day for day in self.days if day in holidays)
        self.work = joined(
            (self._at(day, WORK_FROM), self._at(day, WORK_UNTIL))
            for day in self.days
            if day.weekday() not in WEEKEND and day not in holidays
        )

    def nights_in(self, spans: Spans) -> int:
        """In how many nights the spans lie, wholly or in part."""
        return sum(bool(both((night,), spans)) for night in self.nights)

    def _whole(self, days: Iterable[date]) -> Spans:
        return joined((self._at(day, time()), self._at(day + DAY, time())) for day in days)

    def _at(self, day: date, clock: time) -> datetime:
        return rota.to_utc(datetime.combine(day, clock), self.zone)


def loads(
    pieces: Sequence[rota.Piece],
    members: Mapping[int, Member],
    pages: Mapping[int, Sequence[datetime]],
    holidays: Collection[date],
) -> dict[int, Load]:
    """What each member carries in the stretches of a final schedule, and their expected share of all its hours."""
    if not pieces:
        return {}
    start, end = pieces[0].start, pieces[-1].end
    calendars = {zone: Calendar(zone, start, end, holidays) for zone in {member.zone for member in members.values()}}
    own: dict[int, list[Span]] = {person: [] for person in members}
    for piece in pieces:
        for person in piece.people:
            own.setdefault(person, []).append((piece.start, piece.end))
    total = sum(hours(joined(own[person])) for person in members)
    claims = {person: member.weight * hours(member.available) for person, member in members.items()}
    whole = sum(claims.values())
    return {
        person: Load(
            **_measure(joined(own[person]), calendars[member.zone], pages.get(person, ())),
            expected_hours=total * claims[person] / whole if whole else 0,
        )
        for person, member in members.items()
    }


def _measure(spans: Spans, calendar: Calendar, pages: Sequence[datetime]) -> dict[str, Any]:
    """Everything but the share. A page counts while the person was on call."""
    mine = [moment for moment in pages if _holds(spans, moment)]
    by_night = joined((moment, moment + timedelta(microseconds=1)) for moment in mine)
    return {
        "hours": hours(spans),
        "nights": calendar.nights_in(spans),
        "weekend_hours": hours(both(spans, calendar.weekends)),
        "holiday_hours": hours(both(spans, calendar.holidays)),
        "pages": len(mine),
        "out_of_hours": sum(not _holds(calendar.work, moment) for moment in mine),
        "interrupted_nights": calendar.nights_in(by_night),
        "longest_streak": max((hours((span,)) for span in spans), default=0),
    }


@dataclass(frozen=True)
class Spread:
    """One measure over a team, without names."""

    least: float
    middle: float
    most: float


def spread(rows: Collection[Load]) -> dict[str, Spread]:
    """Each measure of a team; empty for nobody."""
    found = {}
    for one in fields(Load):
        values = [getattr(row, one.name) for row in rows]
        if values:
            found[one.name] = Spread(min(values), median(values), max(values))
    return found


def available(spans: Spans, leave: Sequence[Span]) -> Spans:
    """When a person could be on call: in a rotation, here, and not away."""
    return without(spans, joined(leave))


def hours(spans: Sequence[Span]) -> float:
    """How long they last together."""
    return sum(((end - start) / HOUR for start, end in spans), 0.0)


def _holds(spans: Sequence[Span], moment: datetime) -> bool:
    return any(start <= moment < end for start, end in spans)
