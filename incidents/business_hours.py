"""Working time of a team: when the day and the week end, and when a span of working time is over. Pure."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FRIDAY_NOON = time(12)
LONGEST_SEARCH = 400  # days; a team that never works gets no deadline


@dataclass(frozen=True)
class BusinessHours:
    """A team's working week. ``days`` are ISO weekdays (1 = Monday)."""

    zone: ZoneInfo
    start: time
    end: time
    days: frozenset[int]
    holidays: frozenset[date] = field(default_factory=frozenset)

    def is_working_day(self, day: date) -> bool:
        """Tell whether anybody works that day."""
        return day.isoweekday() in self.days and day not in self.holidays

    def opens(self, day: date) -> datetime:
        """Start of work that day, UTC."""
        return datetime.combine(day, self.start, self.zone).astimezone(UTC)

    def closes(self, day: date) -> datetime:
        """End of work that day, UTC."""
        return datetime.combine(day, self.end, self.zone).astimezone(UTC)

    def covers(self, at: datetime) -> bool:
        """Tell whether it is working time."""
        day = at.astimezone(self.zone).date()
        return self.is_working_day(day) and self.opens(day) <= at < self.closes(day)

    def next_working_day(self, day: date) -> date:
        """The first working day on or after the given one."""
        for ahead in range(LONGEST_SEARCH):
            if self.is_working_day(day + timedelta(days=ahead)):
                return day + timedelta(days=ahead)
        return day

    def end_of_day(self, at: datetime) -> datetime:
        """End of the present business day, or after hours of the next one (C-6), UTC."""
        day = self.next_working_day(at.astimezone(self.zone).date())
        if at >= self.closes(day):
            day = self.next_working_day(day + timedelta(days=1))
        return self.closes(day)

    def end_of_week(self, at: datetime) -> datetime:
        """End of the working week, from Friday noon of the next one (C-6), UTC."""
        local = at.astimezone(self.zone)
        monday = local.date() - timedelta(days=local.weekday())
        past_friday_noon = local.isoweekday() > 5 or (local.isoweekday() == 5 and local.time() >= FRIDAY_NOON)
        if past_friday_noon:
            monday += timedelta(days=7)
        while not (working := [day for day in _week(monday) if self.is_working_day(day) and self.closes(day) > at]):
            monday += timedelta(days=7)
            if monday - local.date() > timedelta(days=LONGEST_SEARCH):
                return at + timedelta(days=7)
        return self.closes(working[-1])

    def after(self, at: datetime, span: timedelta) -> datetime:
        """The instant at which ``span`` of working time has passed since ``at``, UTC."""
        day = at.astimezone(self.zone).date()
        for _ in range(LONGEST_SEARCH):
            day = self.next_working_day(day)
            begins = max(at, self.opens(day))
            if begins + span <= self.closes(day):
                return begins + span
            span -= max(timedelta(0), self.closes(day) - begins)
            day += timedelta(days=1)
        return at + span


def _week(monday: date) -> list[date]:
    return [monday + timedelta(days=ahead) for ahead in range(7)]
