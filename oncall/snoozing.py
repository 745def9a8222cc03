"""Silence an incident until a moment: nobody is called meanwhile, then the ladder goes on by itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from incidents import due, holding, moves
from incidents.models import EntryKind, Incident, User
from incidents.refusals import Invalid, TransitionError
from oncall import climbing, escalation, paging
from oncall.models import Escalation, Page, RunState

LONGEST = timedelta(days=7)


@transaction.atomic
def snooze(
    incident: Incident, *, until: datetime, by: User, at: datetime, note: str = "", version: int | None = None
) -> Escalation:
    """Call nobody before ``until`` (UTC); an acknowledgement, “escalate now” or another severity ends it earlier.

    Raises:
        Invalid: the end does not lie ahead, or more than a week.
        TransitionError: the incident is over, or nobody is paged for it.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    if not at < until <= at + LONGEST:
        raise Invalid("until", "Choose an end that lies ahead, within the next seven days.")
    run = escalation.current(locked)
    if run is None:
        raise TransitionError(f"Nobody is paged for {locked.ref}: there is nothing to silence.")
    paging.end(Page.objects.filter(run=run), at=at, why="snoozed")
    run.state, run.why, run.due_at, run.snoozed_until = RunState.PARKED, "snoozed", None, until
    run.check_at = run.asked_at = None
    run.save(update_fields=["state", "why", "due_at", "snoozed_until", "check_at", "asked_at"])
    text = f"Snoozed until {until:%Y-%m-%d %H:%M} UTC: nobody is called before, then the ladder goes on."
    moves.tell(locked, EntryKind.ESCALATION, text, by, at)
    moves.note(locked, note, by, at)
    locked.version += 1
    locked.save(update_fields=["timeline_seq", "version"])
    due.ring_on_commit()
    return run


@transaction.atomic
def unsnooze(incident: Incident, *, by: User, at: datetime, version: int | None = None) -> Incident:
    """End the silence now.

    Raises:
        TransitionError: it is not snoozed, or over.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    run = escalation.current(locked)
    if run is None or run.snoozed_until is None:
        raise TransitionError(f"{locked.ref} is not snoozed.")
    _wake(locked, by=by, at=at)
    due.ring_on_commit()
    return locked


def wake_due(at: datetime) -> due.Done:
    """End the silences whose time has come: the due source ``snoozes``."""
    ids = list(asleep(at).order_by("snoozed_until", "pk").values_list("incident", flat=True)[: due.BATCH])
    if not ids:
        return due.Done()
    return due.Done(
        rows=due.in_sets(
            ids,
            lambda some: wake(some, at),
            lambda row, error: climbing.blame(asleep(at).filter(incident=row), error, at),
        )
    )


def asleep(at: datetime) -> QuerySet[Escalation]:
    """Runs whose silence is over."""
    return Escalation.objects.filter(snoozed_until__lt=at).exclude(not_before__gt=at)


@transaction.atomic
def wake(incident_ids: Sequence[int], at: datetime) -> int:
    """Wake these incidents, locked first and read again."""
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    locked = rows.select_related("severity", "service__team").filter(pk__in=incident_ids).order_by("pk")
    incidents = {incident.pk: incident for incident in locked}
    done = 0
    for run in asleep(at).filter(incident__in=incidents):
        _wake(incidents[run.incident_id], by=None, at=at)
        done += 1
    return done


def _wake(incident: Incident, *, by: User | None, at: datetime) -> None:
    """The ladder goes on at once, and who had it in hand is asked for it anew."""
    why = "The snooze is over: the ladder goes on." if by is None else "Ended the snooze: the ladder goes on."
    if incident.acknowledged:
        holding.release(incident, why, by=by, at=at)
    else:
        moves.tell(incident, EntryKind.ESCALATION, why, by, at)
    escalation.resume(incident, at, all_over=True)
    incident.version += 1
    incident.save(update_fields=["timeline_seq", "version", "held_by", "held_since"])
