"""Read a foreign calendar: who is on call when, by the e-mail addresses in its events. Pure.

Recurring events, edited and left-out occurrences are unfolded by a library; what would unfold without end is refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from oncall import rota

MOST_EVENTS = 5_000
MOST_SHIFTS = 5_000
MOST_OCCURRENCES = 50_000  # of events, whoever is meant by them
UNCLEAR = "An event in it cannot be understood."
STEP = timedelta(days=28)  # unfolded at a time
TOO_OFTEN = {"SECONDLY", "MINUTELY"}
MOST_HOURLY = 20  # events that repeat by the hour
EMAIL = re.compile(r"[A-Z0-9._%+'-]+@[A-Z0-9-]+(?:\.[A-Z0-9-]+)+", re.IGNORECASE)


class Unusable(Exception):
    """The calendar cannot be used; says why in words fit for a user."""


@dataclass(frozen=True)
class Reading:
    """What a calendar says of a range: the shifts, and addresses in it that belong to nobody here."""

    shifts: tuple[rota.FixedShift, ...]
    unknown: tuple[str, ...]


def read(body: bytes, people: Mapping[str, int], zone: str, start: datetime, end: datetime) -> Reading:
    """Find the shifts between two instants. ``people`` by e-mail in small letters; ``zone`` is for days without one.

    Raises:
        Unusable: it is no calendar, or unfolds without measure.
    """
    try:
        return _unfold(_parse(body), people, zone, start, end)
    except Unusable:
        raise
    except Exception:  # broken properties, times beyond what there is: the library finds them while it unfolds
        raise Unusable(UNCLEAR) from None


def _unfold(
    calendar: icalendar.Calendar, people: Mapping[str, int], zone: str, start: datetime, end: datetime
) -> Reading:
    found: set[tuple[datetime, datetime, int]] = set()
    unknown: set[str] = set()
    for event in _occurrences(calendar, start, end):
        span = _span(event, zone)
        emails = _emails(event)
        if span is None or not emails or span[0] >= span[1]:
            continue
        unknown |= {email for email in emails if email not in people}
        found |= {(*span, people[email]) for email in emails if email in people}
        if len(found) > MOST_SHIFTS:
            raise Unusable(f"It holds more than {MOST_SHIFTS} shifts within a year.")
    shifts = (rota.FixedShift(person, begins, ends) for begins, ends, person in sorted(found))
    return Reading(tuple(shifts), tuple(sorted(unknown)))


def _parse(body: bytes) -> icalendar.Calendar:
    try:
        calendar = icalendar.Calendar.from_ical(body)
    except Exception:  # whatever the library makes of nonsense
        raise Unusable("It is no iCalendar file.") from None
    events = list(calendar.walk("VEVENT"))
    if len(events) > MOST_EVENTS:
        raise Unusable(f"It holds more than {MOST_EVENTS} events.")
    rules = [rule for event in events for rule in _rules(event)]
    if any(_is_endless(rule) for rule in rules):
        raise Unusable("An event in it repeats every minute or second.")
    if sum(_is_hourly(rule) for rule in rules) > MOST_HOURLY:
        raise Unusable(f"More than {MOST_HOURLY} events in it repeat by the hour.")
    return calendar


def _is_endless(rule: Any) -> bool:
    """Repeats every minute, or at several minutes of an hour."""
    if any(number < 1 for number in rule.get("INTERVAL", ())):
        raise Unusable(UNCLEAR)  # which libraries unfold for ever
    return bool(TOO_OFTEN & set(rule.get("FREQ", ()))) or any(
        len(rule.get(part, ())) > 1 for part in ("BYMINUTE", "BYSECOND")
    )


def _is_hourly(rule: Any) -> bool:
    """Repeats every hour, or at several hours of a day."""
    return "HOURLY" in rule.get("FREQ", ()) or len(rule.get("BYHOUR", ())) > 1


def _rules(event: Any) -> list[Any]:
    rules = event.get("RRULE", [])
    rules = rules if isinstance(rules, list) else [rules]
    if not all(hasattr(rule, "get") for rule in rules):
        raise Unusable(UNCLEAR)
    return rules


def _occurrences(calendar: icalendar.Calendar, start: datetime, end: datetime) -> Iterator[Any]:
    """The single events of a range, a few weeks at a time; one that lasts longer comes more than once."""
    events, count = recurring_ical_events.of(calendar), 0
    while start < end:
        found = list(events.between(start, min(start + STEP, end)))
        count += len(found)
        if count > MOST_OCCURRENCES:
            raise Unusable(f"Its events occur more than {MOST_OCCURRENCES} times within a year.")
        yield from found
        start += STEP


def _span(event: Any, zone: str) -> tuple[datetime, datetime] | None:
    """From when to when, UTC; None = it does not count."""
    if str(event.get("STATUS", "")).upper() == "CANCELLED" or "DTSTART" not in event:
        return None
    begins = event["DTSTART"].dt
    if "DTEND" in event:
        ends = event["DTEND"].dt
    elif "DURATION" in event:
        ends = begins + event["DURATION"].dt
    else:
        ends = begins + timedelta(days=0 if isinstance(begins, datetime) else 1)
    return _instant(begins, zone), _instant(ends, zone)


def _instant(moment: date, zone: str) -> datetime:
    """An instant; days and times without a zone are read on the clock of the layer."""
    if not isinstance(moment, datetime):
        return rota.to_utc(datetime(moment.year, moment.month, moment.day), zone)  # noqa: DTZ001  # a wall-clock time
    return moment.astimezone(UTC) if moment.tzinfo else rota.to_utc(moment, zone)


def _emails(event: Any) -> set[str]:
    """Who is meant: those invited who have not declined, else the addresses in its title and text."""
    invited = event.get("ATTENDEE", [])
    invited = invited if isinstance(invited, list) else [invited]
    coming = [one for one in invited if str(getattr(one, "params", {}).get("PARTSTAT", "")).upper() != "DECLINED"]
    found = {email.lower() for one in coming for email in EMAIL.findall(str(one))}
    if invited:
        return found
    return {email.lower() for name in ("SUMMARY", "DESCRIPTION") for email in EMAIL.findall(str(event.get(name, "")))}
