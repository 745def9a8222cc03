"""Planned maintenance: plan it, change it, end it. Alerts of its services are stored meanwhile and page nobody."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from incidents import due, quieting, visibility
from incidents.models import Maintenance, Service, User
from incidents.refusals import Invalid, NotAllowed, TransitionError

LONGEST = timedelta(days=31)


@transaction.atomic
def plan(
    *, title: str, services: Collection[Service], start: datetime, end: datetime, by: User, at: datetime, note: str = ""
) -> Maintenance:
    """Plan a window; one that begins in the past begins now, since what was paged stays paged.

    Raises:
        Invalid: no title, no service, or times that cannot be right.
        NotAllowed: the person manages not all owning teams.
    """
    row = Maintenance(by=by, created_at=at)
    _fill(row, title, services, max(start, at), end, note, at)
    _require_manager(by, services)
    row.save(force_insert=True)
    row.services.set(services)
    due.ring_on_commit()
    return row


@transaction.atomic
def change(
    row: Maintenance,
    *,
    title: str,
    services: Collection[Service],
    start: datetime,
    end: datetime,
    by: User,
    at: datetime,
    note: str = "",
) -> Maintenance:
    """Change a window that is not over; the start of one that runs stays.

    Raises:
        Invalid: as for ``plan``.
        NotAllowed: the person manages not all owning teams, of before and after.
        TransitionError: it is over or called off.
    """
    locked = _lock(row)
    before = list(locked.services.all())
    _require_manager(by, [*before, *services])
    state = locked.state(at)
    if state not in {"upcoming", "running"}:
        raise TransitionError(f"“{locked}” is over: what was, stays as it was. Plan another one.")
    _fill(locked, title, services, locked.start if state == "running" else max(start, at), end, note, at)
    locked.save()
    locked.services.set(services)
    quieting.look_again([service.pk for service in [*before, *services]], at)
    due.ring_on_commit()
    return locked


@transaction.atomic
def end(row: Maintenance, *, by: User, at: datetime) -> str:
    """End a window now, or call it off; what is open pages with the next tick. Returns “ended” or “called off”.

    Raises:
        NotAllowed: the person manages not all owning teams.
        TransitionError: it is over already.
    """
    locked = _lock(row)
    services = list(locked.services.all())
    _require_manager(by, services)
    came = quieting.finish(locked, at)
    if not came:
        raise TransitionError(f"“{locked}” is over already.")
    locked.save(update_fields=["end", "cancelled_at"])
    quieting.look_again([service.pk for service in services], at)
    due.ring_on_commit()
    return came


def may_change(person: User, services: Collection[Service]) -> bool:
    """Tell whether the person manages the owners of all the services."""
    return all(visibility.manages(person, team_id) for team_id in {service.team_id for service in services})


def _lock(row: Maintenance) -> Maintenance:
    return Maintenance.objects.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)


def _require_manager(by: User, services: Collection[Service]) -> None:
    if not may_change(by, services):
        raise NotAllowed("Only managers of all owning teams and administrators may plan or change this maintenance.")


def _fill(
    row: Maintenance,
    title: str,
    services: Collection[Service],
    start: datetime,
    end: datetime,
    note: str,
    at: datetime,
) -> None:
    if not title.strip():
        raise Invalid("title", "Say what is done, in a few words.")
    if len(title.strip()) > 120:
        raise Invalid("title", "Keep it to 120 characters.")
    if not services:
        raise Invalid("services", "Choose at least one service.")
    if end <= max(start, at):
        raise Invalid("end", "The end lies ahead, and after the start.")
    if end - start > LONGEST:
        raise Invalid("end", f"{LONGEST.days} days are the most: plan a second window after it.")
    row.title, row.start, row.end, row.note = title.strip(), start, end, note.strip()
