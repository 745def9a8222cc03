"""The days that a page of a schedule shows at once, on the wall clock of one zone. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from oncall import rota
from oncall.wording import city, enumerate_words

YEARS = range(2000, 2100)
WEEK = 7
FULL_DAY = timedelta(hours=24)


class Span(StrEnum):
    """How much a frame holds."""

    DAY = "day"
    WEEKS = "weeks"
    MONTH = "month"


SPAN_WORDS = {Span.DAY: "Day", Span.WEEKS: "Two weeks", Span.MONTH: "Month"}


@dataclass(frozen=True)
class Frame:
    """Whole days from ``first`` on."""

    span: Span
    first: date
    count: int
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """The instant at which the first day begins."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The instant at which the day after the last one begins."""
        return midnight(self.first + timedelta(days=self.count), self.zone)

    @property
    def days(self) -> list[date]:
        """The days in order."""
        return [self.first + timedelta(days=number) for number in range(self.count)]

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.count - 1)

    @property
    def earlier(self) -> date:
        """A day of the frame before this one."""
        return self.first - timedelta(days=1 if self.span == Span.MONTH else self.count)

    @property
    def later(self) -> date:
        """A day of the frame after this one."""
        return self.last + timedelta(days=1)

    @property
    def words(self) -> str:
        """“Mon 23 Nov 2026”, “23 Nov to 6 Dec 2026”, “November 2026”."""
        if self.span == Span.DAY:
            return f"{self.first:%a} {self.first.day} {self.first:%b %Y}"
        if self.span == Span.MONTH:
            return f"{self.first:%B %Y}"
        year = f" {self.first:%Y}" if self.first.year != self.last.year else ""
        return f"{self.first.day} {self.first:%b}{year} to {self.last.day} {self.last:%b %Y}"

    def whole_weeks(self) -> "Frame":
        """The same, filled up to whole weeks from Monday to Sunday."""
        before = self.first.weekday()
        count = before + self.count
        return replace(self, first=self.first - timedelta(days=before), count=count + -count % WEEK)

    def odd_days(self) -> str:
        """Say which days have other than 24 hours, because the clocks change; empty = none."""
        odd = []
        for day in self.days:
            length = midnight(day + timedelta(days=1), self.zone) - midnight(day, self.zone)
            if length != FULL_DAY:
                hours = f"{length / timedelta(hours=1):g}"
                odd.append(f"{day:%a} {day.day} {day:%b} has {hours} hours")
        return f"The clocks in {city(self.zone.key)} change: {enumerate_words(odd)}." if odd else ""


def around(span: Span, day: date, zone: ZoneInfo) -> Frame:
    """The frame that holds the day: two weeks begin on its Monday, a month on its first."""
    if span == Span.DAY:
        return Frame(span, day, 1, zone)
    if span == Span.WEEKS:
        return Frame(span, day - timedelta(days=day.weekday()), 2 * WEEK, zone)
    first = day.replace(day=1)
    return Frame(span, first, ((first + timedelta(days=31)).replace(day=1) - first).days, zone)


def read_day(text: str) -> date | None:
    """The day that an address names; None, where it names none that there is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins; the end of the gap where its midnight is skipped."""
    return rota.to_utc(datetime.combine(day, time.min), zone.key)


def hours(frame: Frame, every: int) -> list[tuple[datetime, str]]:
    """Each full hour of a one-day frame that ``every`` divides, with what the wall clock says then."""
    found, moment = [], frame.start
    while moment < frame.end:
        local = moment.astimezone(frame.zone)
        if local.hour % every == 0 and local.minute == 0:
            found.append((moment.astimezone(UTC), f"{local:%H:%M}"))
        moment += timedelta(minutes=30)  # Lord Howe moves by half an hour
    return found
