"""Shifts for other programs: iCalendar under a secret address, a year ahead, in UTC, with ids that do not change."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import icalendar
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from incidents.models import User
from incidents.refusals import NotAllowed
from oncall import rights, rosters, rota
from oncall.models import CalendarFeed, Schedule

AHEAD = timedelta(days=366)
BEYOND = timedelta(days=62)  # looked at besides, so that the last shifts tell when they end
BACK = timedelta(days=366)  # looked at before, so that long shifts tell when they began
NOTED = timedelta(hours=1)  # how often it is written down that a feed was read
PREFIX = "cal_"


@dataclass(frozen=True)
class Stint:
    """One person's whole time on call in one schedule."""

    schedule: int
    person: int
    start: datetime
    end: datetime


@transaction.atomic
def make(by: User, *, at: datetime, schedule: Schedule | None = None) -> tuple[CalendarFeed, str]:
    """Make a feed of one's own shifts, or of a schedule; the secret is returned once and never stored."""
    secret = PREFIX + secrets.token_urlsafe(24)
    return CalendarFeed.objects.create(person=by, schedule=schedule, digest=_digest(secret), created_at=at), secret


@transaction.atomic
def revoke(feed: CalendarFeed, *, by: User, at: datetime) -> None:
    """End a feed: whoever asks with it is turned away from now on. Again does no harm.

    Raises:
        NotAllowed: it is neither one's own nor of a team that one looks after.
    """
    if not may_revoke(feed, by):
        raise NotAllowed("Only who made this address, a manager of the team or an administrator may revoke it.")
    CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=at)


def may_revoke(feed: CalendarFeed, person: User) -> bool:
    """Tell whether the person may end the feed (at most 1 query); ``feed`` with its schedule's team."""
    return feed.person_id == person.pk or (
        rights.may_manage(person, feed.schedule.team) if feed.schedule else person.is_administrator
    )


def valid() -> QuerySet[CalendarFeed]:
    """Feeds that answer: not revoked, and of a person who has not left."""
    return CalendarFeed.objects.filter(revoked_at=None, person__is_active=True)


def find(secret: str, at: datetime) -> CalendarFeed | None:
    """The feed of a secret, noted as read; None = there is none that answers."""
    feed = valid().filter(digest=_digest(secret)).select_related("person", "schedule").first()
    if feed and (feed.read_at is None or feed.read_at <= at - NOTED):
        CalendarFeed.objects.filter(pk=feed.pk).update(read_at=at)
    return feed


def write(feed: CalendarFeed, at: datetime) -> bytes:
    """The feed as iCalendar, the same to the byte for a day unless shifts change (at most 9 queries)."""
    schedules = {row.pk: row for row in Schedule.objects.filter(is_active=True).select_related("team").order_by("pk")}
    if feed.schedule_id:
        schedules = {pk: row for pk, row in schedules.items() if pk == feed.schedule_id}
    whom = None if feed.schedule_id else feed.person_id
    loaded = rosters.load(schedules)
    today = at.replace(hour=0, minute=0, second=0, microsecond=0)
    found = [stint for roster in loaded.values() for stint in stints(roster, today, today + AHEAD, whom)]
    people = User.objects.in_bulk({stint.person for stint in found})
    calendar = _calendar(feed)
    for stint in sorted(found, key=lambda one: (one.start, one.schedule, one.person)):
        schedule, person = schedules[stint.schedule], people[stint.person]
        title = f"On call: {schedule}" if whom else f"{person}: {schedule}"
        calendar.add_component(_event(stint, title, schedule, person, feed.created_at))
    return calendar.to_ical()


def stints(roster: rota.Schedule, start: datetime, end: datetime, person: int | None = None) -> list[Stint]:
    """Everybody's time, or one person's, that overlaps the range; each whole, whoever else comes and goes meanwhile."""
    if person is not None and person not in rota.members(roster):
        return []
    found: list[Stint] = []
    running: dict[int, datetime] = {}
    for piece in rota.final(roster, start - BACK, end + BEYOND):
        for gone in running.keys() - set(piece.people):
            found.append(Stint(roster.id, gone, running.pop(gone), piece.start))
        for here in piece.people:
            running.setdefault(here, piece.start)
    found += [Stint(roster.id, left, begun, end + BEYOND) for left, begun in running.items()]
    return [
        each for each in found if each.end > start and each.start < end and (person is None or each.person == person)
    ]


def address_of(secret: str) -> str:
    """Where a calendar program reads the feed."""
    return f"{settings.PUBLIC_URL}/calendar/{secret}.ics"


def feeds_of(person: User) -> list[CalendarFeed]:
    """The valid feeds that the person made, the newest first."""
    return list(valid().filter(person=person).select_related("schedule__team").order_by("-created_at", "-pk"))


def feeds_on(schedule: Schedule, viewer: User) -> list[CalendarFeed]:
    """The valid feeds of a schedule: one's own, for its managers everybody's."""
    rows = valid().filter(schedule=schedule).select_related("person", "schedule__team")
    if not rights.may_manage(viewer, schedule.team):
        rows = rows.filter(Q(person=viewer))
    return list(rows.order_by("-created_at", "-pk"))


def _calendar(feed: CalendarFeed) -> icalendar.Calendar:
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Tocsin//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"On call: {feed.schedule or feed.person}")
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    return calendar


def _event(stint: Stint, title: str, schedule: Schedule, person: User, stamp: datetime) -> icalendar.Event:
    event = icalendar.Event()
    host = urlsplit(settings.PUBLIC_URL).hostname or "tocsin"
    event.add("uid", f"{stint.schedule}-{stint.person}-{stint.start:%Y%m%dT%H%M%SZ}@{host}")
    event.add("dtstamp", stamp)
    event.add("dtstart", stint.start)
    event.add("dtend", stint.end)
    event.add("summary", title)
    event.add("description", f"{person} ({person.email}) is on call for {schedule.team}.")
    event.add("url", f"{settings.PUBLIC_URL}/on-call/schedules/{schedule.slug}/")
    event.add("transp", "TRANSPARENT")
    return event


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
