"""Layers that are read from foreign calendars: attach, refresh, end. The last good copy stays in force."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F, Q, QuerySet

from incidents import due
from incidents.models import Notice, User
from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import imported, rights, rosters, rota, sealing, telling, unfolding
from oncall.channels import outward
from oncall.channels.contract import DeliveryError
from oncall.models import ForeignCalendar, ForeignShift, Layer, Schedule

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=15)
LEASE = timedelta(minutes=2)  # a refresh that takes longer is begun anew
LONGEST_REST = timedelta(hours=1)  # after failures
AHEAD = timedelta(days=366)
TOLD_AHEAD = timedelta(days=28)  # whose shifts change within, hears of it
PATIENCE = 5  # failures in a row, a quarter of an hour, before people hear of it
LARGEST = 5_000_000  # bytes
LONGEST = 1000  # characters of an address


@transaction.atomic
def attach(schedule: Schedule, *, name: str, priority: int, url: str, by: User, at: datetime) -> ForeignCalendar:
    """Add a layer whose shifts are read from an address, soon and then every quarter of an hour.

    Raises:
        Conflict: the schedule is retired.
        Invalid: the name is taken, or the address is none.
        NotAllowed: they do not look after the team.
    """
    locked = rights.locked(schedule)
    _require_manager(by, locked)
    name, url = name.strip(), url.strip()
    if not name:
        raise Invalid("name", "Give the layer a name.")
    counting = locked.layers.filter(Q(effective_until=None) | Q(effective_until__gt=at))
    if counting.filter(name=name).exists():
        raise Invalid("name", f"Another layer is called “{name}” already.")
    layer = Layer(
        schedule=locked,
        name=name,
        priority=priority,
        time_zone=locked.time_zone,
        anchor=f"{at:%Y-%m-%dT%H:%M}",
        effective_from=at,
    )
    layer.full_clean()
    host = _host(url)
    layer.save(force_insert=True)
    calendar = ForeignCalendar.objects.create(
        layer=layer,
        sealed=sealing.seal(url),
        shown=f"{host[:80]} ({sealing.mark_of(url)})",
        by=by,
        due_at=at,
    )
    due.ring_on_commit()
    return calendar


@transaction.atomic
def detach(calendar: ForeignCalendar, *, by: User, at: datetime) -> None:
    """End the layer now; what it said of the past stays.

    Raises:
        Conflict: it has ended.
        NotAllowed: they do not look after the team.
    """
    schedule = rights.locked(calendar.layer.schedule)
    _require_manager(by, schedule)
    if not ForeignCalendar.objects.filter(pk=calendar.pk, ended_at=None).update(ended_at=at, sealed=""):
        raise Conflict("This calendar is not read any more.")
    Layer.objects.filter(pk=calendar.layer_id).update(effective_until=at)


@transaction.atomic
def ask_now(calendar: ForeignCalendar, *, by: User, at: datetime) -> None:
    """Have it read again at once.

    Raises:
        NotAllowed: they do not look after the team.
    """
    _require_manager(by, calendar.layer.schedule)
    ForeignCalendar.objects.filter(pk=calendar.pk, ended_at=None).update(due_at=at)
    due.ring_on_commit()


def waiting(at: datetime) -> QuerySet[ForeignCalendar]:
    """Calendars in use whose time has come."""
    return ForeignCalendar.objects.filter(ended_at=None, due_at__lte=at, layer__schedule__is_active=True)


def ring_due(at: datetime) -> due.Done:
    """Ring for each calendar to be read: the due source ``calendars``. The network is the task's affair."""
    ids = list(waiting(at).order_by("due_at", "pk").values_list("pk", flat=True)[: due.BATCH])
    claimed = [pk for pk in ids if waiting(at).filter(pk=pk).update(due_at=at + LEASE)]
    bells = {due.Bell("oncall.tasks.refresh_calendar", "bulk", (("calendar", str(pk)),)) for pk in claimed}
    return due.Done(rows=len(claimed), bells=bells)


def refresh(pk: int, at: datetime) -> bool:
    """Read a calendar anew; whatever goes wrong is noted and the copy stays in force. Tells whether it was read."""
    calendar = (
        ForeignCalendar.objects.select_related("layer__schedule__team", "by").filter(pk=pk, ended_at=None).first()
    )
    if calendar is None:
        return False
    try:
        body = outward.get("the calendar", sealing.unseal(calendar.sealed), limit=LARGEST)
        reading = unfolding.read(body, _people(), calendar.layer.time_zone, at - timedelta(days=1), at + AHEAD)
        _adopt(calendar, reading, at)
    except (DeliveryError, imported.Unusable, Conflict) as trouble:
        _failed(calendar, str(trouble), at)
    except sealing.Unreadable:
        _failed(calendar, "The address was kept under another SECRET_KEY. Enter it anew.", at)
    except Exception as trouble:  # whatever a library makes of what strangers write: the copy stays, the worker too
        log.error("calendar_not_understood", extra={"calendar": pk, "error": type(trouble).__name__})
        _failed(calendar, f"Something in it cannot be understood ({type(trouble).__name__}).", at)
    else:
        return True
    return False


@transaction.atomic
def _adopt(calendar: ForeignCalendar, reading: imported.Reading, at: datetime) -> None:
    """Let the new copy be in force from now on; what was before stays as it was."""
    schedule = rights.locked(calendar.layer.schedule)
    if not ForeignCalendar.objects.select_for_update(no_key=True).filter(pk=calendar.pk, ended_at=None).exists():
        return
    before = rosters.load([schedule.pk], since=at).get(schedule.pk)
    mine = ForeignShift.objects.filter(layer=calendar.layer)
    is_first = calendar.read_at is None
    mine.filter(start__gte=at).delete()
    going_on = _go_on(list(mine.filter(start__lt=at, end__gt=at)), reading.shifts, at)
    fresh = [shift for shift in reading.shifts if shift not in going_on]
    ForeignShift.objects.bulk_create(_from_now(calendar.layer, fresh, at))
    ForeignCalendar.objects.filter(pk=calendar.pk).update(
        read_at=at, tried_at=at, due_at=at + EVERY, last_error="", failures=0, unknown=list(reading.unknown)[:50]
    )
    after = rosters.load([schedule.pk], since=at).get(schedule.pk)
    if before and after and not is_first:
        telling.tell_of_changes(
            schedule,
            before,
            after,
            until=at + TOLD_AHEAD,
            by=None,
            why=f"The calendar behind the layer {calendar.layer.name} has changed.",
            key=f"calendar:{calendar.pk}:{at.isoformat()}",
            at=at,
        )


def _go_on(running: Sequence[ForeignShift], shifts: Sequence[rota.FixedShift], at: datetime) -> set[rota.FixedShift]:
    """End the shifts that run when the new copy says, else now; return those of the copy that stand there already."""
    known = {shift.person: shift for shift in shifts if shift.start <= at < shift.end}
    for row in running:
        row.end = known[row.person_id].end if row.person_id in known else at
        row.save(update_fields=["end"])
    return {known[row.person_id] for row in running if row.person_id in known}


def _from_now(layer: Layer, shifts: Sequence[rota.FixedShift], at: datetime) -> list[ForeignShift]:
    return [
        ForeignShift(layer=layer, person_id=shift.person, start=max(shift.start, at), end=shift.end)
        for shift in shifts
        if shift.end > at
    ]


@transaction.atomic
def _failed(calendar: ForeignCalendar, why: str, at: datetime) -> None:
    """Note what went wrong and try again later: after 1, 2, 4 … minutes, an hour at most."""
    rest = min(LONGEST_REST, timedelta(minutes=2 ** min(calendar.failures, 6)))
    why = f"{why.rstrip('.')[:298]}."
    rows = ForeignCalendar.objects.filter(pk=calendar.pk, ended_at=None)
    rows.update(tried_at=at, last_error=why, failures=F("failures") + 1, due_at=at + rest)
    if calendar.failures + 1 >= PATIENCE:
        _tell_of_failure(calendar, why, at)


def _tell_of_failure(calendar: ForeignCalendar, why: str, at: datetime) -> None:
    """Owe a word to who added the calendar and to the managers, once until it has been read again."""
    layer, schedule = calendar.layer, calendar.layer.schedule
    people = {person.pk: person for person in rights.managers_of([schedule.team_id])[schedule.team_id]}
    if calendar.by and calendar.by.is_active:
        people[calendar.by.pk] = calendar.by
    stays = f"The copy of {calendar.read_at:%Y-%m-%d %H:%M} UTC stays in force." if calendar.read_at else ""
    Notice.objects.bulk_create(
        [
            Notice(
                person=person,
                subject=f"The calendar behind {layer.name} of {schedule} cannot be read"[:200],
                text=f"{why[:1].upper()}{why[1:]} {stays or 'There is no copy yet, so nobody is in this layer.'}",
                path=f"/on-call/schedules/{schedule.slug}/calendars/",
                due_at=at,
                dedupe_key=f"calendar:{calendar.pk}:failing:{calendar.read_at and calendar.read_at.isoformat()}:{pk}",
            )
            for pk, person in people.items()
        ],
        ignore_conflicts=True,
    )
    due.ring_on_commit()


def _people() -> dict[str, int]:
    """Active people by their addresses in small letters."""
    return {email.lower(): pk for pk, email in User.objects.filter(is_active=True).values_list("pk", "email")}


def _host(url: str) -> str:
    """The host of an address.

    Raises:
        Invalid: it is no web address.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme == "webcal":
        raise Invalid("url", "Write https instead of webcal.")
    if parts.scheme not in ("http", "https") or not host or len(url) > LONGEST:
        raise Invalid("url", "Enter a web address that begins with https:// or http://.")
    return host


def _require_manager(by: User, schedule: Schedule) -> None:
    if not rights.may_manage(by, schedule.team):
        raise NotAllowed(f"Only managers of {schedule.team} and administrators may do this.")
