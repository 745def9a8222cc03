"""Raise or lower the level of an incident, and take a slip back within a minute; each starts the contract anew."""

from datetime import datetime, timedelta

from django.db import transaction

from incidents import clocks, moves
from incidents.models import EntryKind, Incident, Severity, SeverityChange, SeverityProposal, User
from incidents.refusals import Invalid, TransitionError
from incidents.states import Status

UNDO_WITHIN = timedelta(seconds=60)


@transaction.atomic
def change_severity(
    incident: Incident,
    *,
    to: Severity,
    reason: str,
    by: User | None,
    at: datetime,
    occurred_at: datetime | None = None,
    note: str = "",
    version: int | None = None,
) -> Incident:
    """Raise or lower the level; clocks and escalation of the new level start now (R-27, C-20).

    ``by`` is None where monitoring raises what monitoring has set.

    Raises:
        Invalid: no reason, the level that it has, or a time that cannot be right.
        TransitionError: it is closed, merged or declined.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    old = locked.severity
    if locked.status not in {Status.OPEN, Status.RESOLVED}:
        raise TransitionError(f"{locked.ref} is {locked.get_status_display().lower()}: its severity stays.")
    if to == old and not locked.severity_assumed:
        raise Invalid("severity", f"{locked.ref} is {old} already.")
    if not reason.strip():
        raise Invalid("reason", "Say why the severity changes.")
    when = moves.event_time(locked, occurred_at, at)
    SeverityChange.objects.create(incident=locked, old=old, new=to, reason=reason.strip(), by=by, at=when)
    _come_under(locked, to, at)
    if to.level < locked.peak_severity_id:
        locked.peak_severity = to
    SeverityProposal.objects.filter(incident=locked, settled_at=None).update(settled_at=at)
    data = {"old": old.label, "new": to.label}
    text = f"{old.label} → {to.label}: {reason.strip()}"
    moves.tell(locked, EntryKind.SEVERITY, text, by, at, occurred_at=when, data=data)
    moves.note(locked, note, by, at)
    return moves.finish(locked, "severity", at)


@transaction.atomic
def undo_severity(incident: Incident, *, by: User, at: datetime) -> Incident:
    """Take back the last change of the level within a minute: a new change that puts the old level back.

    Raises:
        TransitionError: there is none, it was longer ago, or it was taken back already.
    """
    locked = moves.lock(incident, None, at)
    change = last_change(locked, at)
    if change is None or locked.status not in {Status.OPEN, Status.RESOLVED}:
        raise TransitionError("A change of the severity can be undone for 60 seconds. Change it again, with a reason.")
    SeverityChange.objects.create(
        incident=locked, old=change.new, new=change.old, reason="Undone.", by=by, at=at, undoes=change
    )
    _come_under(locked, change.old, at)
    locked.peak_severity = _peak_without(locked, change)
    data = {"old": change.new.label, "new": change.old.label}
    text = f"{change.new.label} → {change.old.label}: undone, the change of a moment ago was a slip."
    moves.tell(locked, EntryKind.SEVERITY, text, by, at, data=data)
    return moves.finish(locked, "severity", at)


def last_change(incident: Incident, at: datetime) -> SeverityChange | None:
    """The change of the level that may still be undone (no query once the minute is over)."""
    if at - incident.contract_started_at > UNDO_WITHIN:
        return None
    rows = SeverityChange.objects.filter(incident=incident).select_related("old", "new", "by").order_by("-pk")
    change = rows.first()
    return change if change and change.undoes_id is None and change.new_id == incident.severity_id else None


def _come_under(incident: Incident, severity: Severity, at: datetime) -> None:
    """Put the incident under a level from ``at`` on: its clocks start, its urgency is counted anew."""
    old = incident.severity
    incident.severity, incident.severity_assumed, incident.contract_started_at = severity, False, at
    incident.refresh_urgency()
    why = f"{old.label} → {severity.label}"
    if incident.is_open:
        clocks.restart_contract(incident, at=at, why=why, lowered=severity.level > old.level)
    else:
        clocks.judge_postmortem_anew(incident, at=at, why=why)


def _peak_without(incident: Incident, undone: SeverityChange) -> Severity:
    """The most severe level that the incident had apart from a slip."""
    slips = SeverityChange.objects.filter(incident=incident, undone_by__isnull=False).values("pk")
    meant = SeverityChange.objects.filter(incident=incident, undoes=None).exclude(pk__in=slips)
    levels = {pk for pair in meant.values_list("old", "new") for pk in pair} | {undone.old_id}
    return Severity.objects.get(level=min(levels))
