"""An acknowledgement that nothing follows: its person is paged again, and after the grace the ladder goes on (O15)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from incidents import due, holding, moves
from incidents.models import EntryKind, Incident, TimelineEntry
from oncall import climbing, escalation, paging
from oncall.models import Escalation, EscalationStep, Page, RunState, StepState
from oncall.wording import say_span


def check_due(at: datetime) -> due.Done:
    """See whether those who acknowledged are still at it: the due source ``acknowledgements``."""
    ids = list(unchecked(at).order_by("check_at", "pk").values_list("incident", flat=True)[: due.BATCH])
    if not ids:
        return due.Done()
    return due.Done(
        rows=due.in_sets(
            ids,
            lambda some: check(some, at),
            lambda row, error: climbing.blame(unchecked(at).filter(incident=row), error, at),
        )
    )


def unchecked(at: datetime) -> QuerySet[Escalation]:
    """Runs whose acknowledgement has had its time and that do not rest after a failure."""
    rested = Q(not_before=None) | Q(not_before__lte=at)
    return Escalation.objects.filter(rested, check_at__lt=at).exclude(state=RunState.ENDED)


@transaction.atomic
def check(incident_ids: Sequence[int], at: datetime) -> int:
    """Look at these incidents, locked first and read again."""
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    locked = rows.select_related("severity", "service__team", "held_by").filter(pk__in=incident_ids).order_by("pk")
    incidents = {incident.pk: incident for incident in locked}
    runs = list(unchecked(at).filter(incident__in=incidents).order_by("check_at", "pk"))
    for run in runs:
        _look(run, incidents[run.incident_id], at)
    return len(runs)


def _look(run: Escalation, incident: Incident, at: datetime) -> None:
    timeout = incident.severity.acknowledgement_timeout
    if incident.is_open and not incident.acknowledged:  # the hook that resumes the run was lost
        escalation.resume(incident, at)
        return
    if not incident.is_open or incident.mitigated_at or timeout is None:
        _wait(run, until=None)
        return
    span = incident.scaled(timeout)
    began = run.asked_at or (run.check_at or at) - span
    sign = _last_sign(run, incident)
    if sign and sign > began:
        paging.end(Page.objects.filter(run=run, is_reminder=True), at=at, why="answered")
        _wait(run, until=sign + span)
    elif run.asked_at is None:
        _ask(run, incident, span, at)
    else:
        why = f"{incident.held_by} did not answer the reminder: nobody has it in hand, and the ladder goes on."
        holding.unacknowledge(incident, by=None, at=at, why=why)


def _last_sign(run: Escalation, incident: Incident) -> datetime | None:
    """The last thing that shows that the holder is at it: a line of theirs, or an answer to the reminder."""
    person = incident.held_by
    lines = TimelineEntry.objects.filter(incident=incident, actor=person).aggregate(last=Max("recorded_at"))["last"]
    answers = Page.objects.filter(run=run, person=person, is_reminder=True).aggregate(last=Max("acknowledged_at"))
    return max((moment for moment in (lines, answers["last"]) if moment), default=None)


def _ask(run: Escalation, incident: Incident, span: timedelta, at: datetime) -> None:
    """Page the holder again in a new generation; one who cannot be reached gives it back at once."""
    run.generation += 1
    run.save(update_fields=["generation"])
    fired = EscalationStep.objects.filter(run=run, loop=run.loop, state=StepState.FIRED)
    level = fired.aggregate(last=Max("level"))["last"] or 0
    holders = [incident.held_by_id] if incident.held_by_id else []
    why = f"asked again: nothing was heard for {say_span(span)}"
    if not escalation.ask_again(run, incident, holders, level, why, at):
        holding.unacknowledge(incident, by=None, at=at, why=f"{incident.held_by} cannot be reached any more.")
        return
    text = (
        f"Nothing was heard of {incident.held_by} for {say_span(span)}: paged again. "
        f"Without an answer the ladder goes on in {say_span(run.resume_after)}."
    )
    moves.tell(incident, EntryKind.ESCALATION, text, None, at)
    incident.save(update_fields=["timeline_seq"])
    _wait(run, until=at + run.resume_after, asked_at=at)


def _wait(run: Escalation, *, until: datetime | None, asked_at: datetime | None = None) -> None:
    run.check_at, run.asked_at = until, asked_at
    run.attempts, run.last_error, run.not_before = 0, "", None
    run.save(update_fields=["check_at", "asked_at", "attempts", "last_error", "not_before"])
