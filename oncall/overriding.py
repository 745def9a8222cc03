"""Override a schedule by hand: add, remove or replace a person for a while, and lift that again.

Every deed first locks the schedule's row, so that of two editors who contradict each other the second reads what the
first has saved and is refused. The exclusion constraints of ``Override`` hold against writers who take another way.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError, transaction
from psycopg.errors import ExclusionViolation

from incidents.models import User
from incidents.refusals import Conflict, Invalid
from oncall import recheck, rights, rosters, telling
from oncall.models import Override, OverrideKind, Schedule, Swap, TemporarySchedule

CLASH = "Somebody has just saved something that contradicts this. Look again, then decide."


@dataclass(frozen=True)
class Wish:
    """An override as somebody wants it; ``replaces`` is whose place the person takes."""

    kind: str
    person: User
    start: datetime
    end: datetime
    replaces: User | None = None
    reason: str = ""


@transaction.atomic
def override(schedule: Schedule, wish: Wish, *, by: User, at: datetime) -> Override:
    """Override the schedule and tell those whose shifts it moves.

    A range that has begun counts from now on; administrators may correct the past. An override of somebody who is not
    on call does nothing for as long as they are not.

    Raises:
        Conflict: another override contradicts it, or the schedule is retired.
        Invalid: one of the answers cannot be right.
        NotAllowed: the person is neither of the team nor an administrator.
    """
    schedule = rights.locked_for(by, schedule)
    wish = check(schedule, wish, by=by, at=at)
    before = rosters.load([schedule.pk])[schedule.pk]
    row = write(schedule, wish, by=by)
    after = rosters.load([schedule.pk])[schedule.pk]
    why = f"{by} overrode the schedule{f': {wish.reason}' if wish.reason else '.'}"
    telling.tell_of_changes(
        schedule, before, after, until=wish.end, by=by, why=why, key=f"override:{row.pk}:made", at=at
    )
    return row


@transaction.atomic
def lift(row: Override, *, by: User, at: datetime) -> Override | None:
    """End an override now, or take it away where it has not begun (None); the past stays. Tell those concerned.

    Raises:
        Conflict: it has ended, or the schedule is retired.
        NotAllowed: the person is neither of the team nor an administrator.
    """
    schedule = rights.locked_for(by, row.schedule)
    row = Override.objects.select_for_update(no_key=True).get(pk=row.pk)
    if row.end <= at:
        raise Conflict(f"This override ended at {row.end:%Y-%m-%d %H:%M} UTC. What was stays.")
    before, until, key = rosters.load([schedule.pk])[schedule.pk], row.end, f"override:{row.pk}:lifted"
    if row.start < at:
        row.end = at
        row.save(update_fields=["end"])
    else:
        row.delete()
    after = rosters.load([schedule.pk])[schedule.pk]
    telling.tell_of_changes(schedule, before, after, until=until, by=by, why=f"{by} ended an override.", key=key, at=at)
    recheck.soon()
    return row if row.pk else None


def check(schedule: Schedule, wish: Wish, *, by: User, at: datetime) -> Wish:
    """Return the wish as it would be saved; forms ask here before they save (at most 3 queries).

    Raises:
        Conflict: another override contradicts it.
        Invalid: one of the answers cannot be right.
    """
    _check_people(wish)
    wish = replace(wish, start=rights.begin(wish.start, wish.end, by=by, at=at), reason=wish.reason.strip())
    refuse_fixed(schedule, wish.start, wish.end)
    near = Override.objects.filter(schedule=schedule, start__lt=wish.end, end__gt=wish.start)
    for row in near.select_related("person", "replaces").order_by("start", "pk"):
        if _contradicts(row, wish):
            raise Conflict(f"{_say(row)}. End that override first, or choose another time.")
    return wish


def refuse_fixed(schedule: Schedule, start: datetime, end: datetime) -> None:
    """Refuse a change that a temporary schedule would swallow whole.

    Raises:
        Invalid: one covers the range.
    """
    fixed = TemporarySchedule.objects.filter(schedule=schedule, start__lte=start, end__gte=end).first()
    if fixed:
        raise Invalid("start", f"A temporary schedule stands from {fixed}, and nothing else counts in it. Change that.")


def write(schedule: Schedule, wish: Wish, *, by: User, swap: Swap | None = None) -> Override:
    """Save an override that has been checked.

    Raises:
        Conflict: the database knows one that contradicts it.
    """
    row = Override(
        schedule=schedule,
        start=wish.start,
        end=wish.end,
        kind=wish.kind,
        person=wish.person,
        replaces=wish.replaces,
        by=by,
        reason=wish.reason,
        swap=swap,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, ExclusionViolation):
            raise Conflict(CLASH) from error
        raise
    recheck.soon()
    return row


def _check_people(wish: Wish) -> None:
    if wish.kind not in OverrideKind.values:
        raise Invalid("kind", "Choose add, remove or replace.")
    if wish.kind == OverrideKind.REPLACE and wish.replaces is None:
        raise Invalid("replaces", "Say who is replaced.")
    if wish.kind != OverrideKind.REPLACE and wish.replaces is not None:
        raise Invalid("replaces", "Only a replacement names whom. Leave this empty.")
    if wish.person == wish.replaces:
        raise Invalid("replaces", "Nobody replaces themselves.")
    if wish.kind != OverrideKind.REMOVE:
        rights.require_active(wish.person, "person")


def _contradicts(row: Override, wish: Wish) -> bool:
    """The rules that ``Override`` states; here a swap's replacement counts as any other."""
    taken_off = None if wish.kind == OverrideKind.ADD else wish.replaces or wish.person
    if taken_off is not None and row.kind != OverrideKind.ADD and (row.replaces or row.person) == taken_off:
        return True
    return OverrideKind.REPLACE not in {row.kind, wish.kind} and row.person == wish.person


def _say(row: Override) -> str:
    words = {
        OverrideKind.ADD: f"{row.person} is added",
        OverrideKind.REMOVE: f"{row.person} is removed",
        OverrideKind.REPLACE: f"{row.replaces} is replaced by {row.person}",
    }
    return f"{words[OverrideKind(row.kind)]} from {row.start:%Y-%m-%d %H:%M} to {row.end:%Y-%m-%d %H:%M} UTC already"
