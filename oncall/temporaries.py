"""Write shifts down one by one for a while: within a temporary schedule nothing else counts, overrides included."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError, transaction
from psycopg.errors import ExclusionViolation

from incidents.models import User
from incidents.refusals import Conflict, Invalid
from oncall import recheck, rights, rosters, telling
from oncall.models import Schedule, TemporarySchedule, TemporaryShift

MOST = 1000  # shifts of one


@dataclass(frozen=True)
class Fixed:
    """One person's time."""

    person: User
    start: datetime
    end: datetime


@transaction.atomic
def fix(
    schedule: Schedule,
    *,
    start: datetime,
    end: datetime,
    shifts: Sequence[Fixed],
    by: User,
    at: datetime,
    reason: str = "",
) -> TemporarySchedule:
    """Write down who is on call in that range, and tell those whose shifts it moves. A time without a shift is a gap.

    A range that has begun counts from now on; administrators may correct the past.

    Raises:
        Conflict: another temporary schedule stands in that time, or the schedule is retired.
        Invalid: one of the answers cannot be right.
        NotAllowed: the person is neither of the team nor an administrator.
    """
    schedule = rights.locked_for(by, schedule)
    start = rights.begin(start, end, by=by, at=at)
    shifts = checked(shifts, start, end)
    before = rosters.load([schedule.pk])[schedule.pk]
    row = _save(TemporarySchedule(schedule=schedule, start=start, end=end, by=by, reason=reason.strip()), shifts)
    after = rosters.load([schedule.pk])[schedule.pk]
    why = f"{by} wrote down who is on call{f': {row.reason}' if row.reason else '.'}"
    telling.tell_of_changes(schedule, before, after, until=end, by=by, why=why, key=f"temporary:{row.pk}:made", at=at)
    recheck.soon()
    return row


@transaction.atomic
def refix(
    row: TemporarySchedule,
    *,
    start: datetime,
    end: datetime,
    shifts: Sequence[Fixed],
    by: User,
    at: datetime,
    reason: str = "",
) -> TemporarySchedule:
    """Change a temporary schedule from now on; what has passed of it stays, as a row of its own.

    Raises:
        Conflict: it is over, another one stands in that time, or the schedule is retired.
        Invalid: one of the answers cannot be right.
        NotAllowed: the person is neither of the team nor an administrator.
    """
    schedule = rights.locked_for(by, row.schedule)
    row = _locked(row, at)
    if end <= start or end <= at:
        raise Invalid("end", "Choose an end after the start, and after now. To end it now, end it.")
    before, until = rosters.load([schedule.pk])[schedule.pk], max(end, row.end)
    start = max(start, at) if min(start, row.start) < at else start
    shifts = checked(shifts, rights.begin(start, end, by=by, at=at), end)
    _cut(row, at)
    fresh = _save(TemporarySchedule(schedule=schedule, start=start, end=end, by=by, reason=reason.strip()), shifts)
    after = rosters.load([schedule.pk])[schedule.pk]
    why = f"{by} changed who is on call{f': {fresh.reason}' if fresh.reason else '.'}"
    key = f"temporary:{fresh.pk}:made"
    telling.tell_of_changes(schedule, before, after, until=until, by=by, why=why, key=key, at=at)
    recheck.soon()
    return fresh


@transaction.atomic
def unfix(row: TemporarySchedule, *, by: User, at: datetime) -> TemporarySchedule | None:
    """End a temporary schedule now, or take it away where it has not begun (None). Tell those concerned.

    Raises:
        Conflict: it is over, or the schedule is retired.
        NotAllowed: the person is neither of the team nor an administrator.
    """
    schedule = rights.locked_for(by, row.schedule)
    row = _locked(row, at)
    before, until, key = rosters.load([schedule.pk])[schedule.pk], row.end, f"temporary:{row.pk}:ended"
    kept = _cut(row, at)
    after = rosters.load([schedule.pk])[schedule.pk]
    why = f"{by} ended a temporary schedule."
    telling.tell_of_changes(schedule, before, after, until=until, by=by, why=why, key=key, at=at)
    recheck.soon()
    return kept


def _locked(row: TemporarySchedule, at: datetime) -> TemporarySchedule:
    found = TemporarySchedule.objects.select_for_update(no_key=True).filter(pk=row.pk).first()
    if found is None or found.end <= at:
        raise Conflict("This temporary schedule is over. What was stays.")
    return found


def checked(shifts: Sequence[Fixed], start: datetime, end: datetime) -> list[Fixed]:
    """Return the shifts inside the range; one that begins before it is cut. Forms ask here before they save.

    Raises:
        Invalid: one of them cannot be right.
    """
    if not shifts:
        raise Invalid("shifts", "Write down at least one shift.")
    if len(shifts) > MOST:
        raise Invalid("shifts", f"Write down {MOST} shifts at most.")
    kept: list[Fixed] = []
    for place, shift in enumerate(shifts):
        field = f"shifts.{place}"
        rights.require_active(shift.person, f"{field}.person")
        if shift.end <= shift.start:
            raise Invalid(f"{field}.end", "The shift must end after it starts.")
        if shift.end > end:
            raise Invalid(f"{field}.end", "The shift ends after the temporary schedule does.")
        if shift.end > start:
            kept.append(replace(shift, start=max(shift.start, start)))
    _refuse_doubles(kept)
    return kept


def _refuse_doubles(shifts: Sequence[Fixed]) -> None:
    """Refuse two shifts of one person that overlap.

    Raises:
        Invalid: there are such.
    """
    last: dict[int, Fixed] = {}
    for shift in sorted(shifts, key=lambda shift: shift.start):
        former = last.get(shift.person.pk)
        if former and former.end > shift.start:
            raise Invalid("shifts", f"{shift.person} has two shifts at {shift.start:%Y-%m-%d %H:%M} UTC.")
        last[shift.person.pk] = shift


def _save(row: TemporarySchedule, shifts: Sequence[Fixed]) -> TemporarySchedule:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, ExclusionViolation):
            raise Conflict("Another temporary schedule stands in this time. Change that one.") from error
        raise
    rows = [TemporaryShift(temporary=row, person=each.person, start=each.start, end=each.end) for each in shifts]
    TemporaryShift.objects.bulk_create(rows)
    return row


def _cut(row: TemporarySchedule, at: datetime) -> TemporarySchedule | None:
    """Let the row end now with its shifts; None = nothing of it has passed, and it is gone."""
    if row.start >= at:
        row.delete()
        return None
    row.shifts.filter(start__gte=at).delete()
    row.shifts.filter(end__gt=at).update(end=at)
    row.end = at
    row.save(update_fields=["end"])
    return row
