"""Running escalations: begin, park, end, escalate now. ``oncall.climbing`` fires the levels.

Whoever writes a run holds the incident's lock; the hook holds it because the move does.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from incidents import due, moves, timeline
from incidents.models import EntryKind, Incident, User
from incidents.refusals import TransitionError
from incidents.states import Kind, Status
from oncall import paging, policies
from oncall.models import (
    Act,
    Condition,
    Escalation,
    EscalationPolicy,
    EscalationStep,
    Page,
    RunState,
    StepState,
)

OVER = {"resolved": "resolved", "declined": "declined", "closed": "closed", "merged": "merged"}


def on_move(incident: Incident, move: str, at: datetime) -> None:
    """The hook of the ground floor: keep the run in step with the incident, inside the move's transaction."""
    if move == "declared":
        begin(incident)
    elif move in {"reopened", "severity"}:
        supersede(incident, at)
        begin(incident)
    elif move in {"acknowledged", "joined"}:
        acknowledged(incident, at)
    elif move == "mitigated":
        acknowledged(incident, at)
        mitigated(incident, at)
    elif move in OVER:
        finish(incident, OVER[move], at)


def begin(incident: Incident, known: list[EscalationPolicy] | None = None) -> Escalation | None:
    """Start a run with its own copy of the policy that applies; silent kinds and ended incidents get none."""
    if incident.kind in Kind.silent or not incident.is_open:
        return None
    policy = policies.choose(policies.active() if known is None else known, incident)
    run = Escalation.objects.create(
        incident=incident,
        severity=incident.severity,
        policy_name=policy.name if policy else "none",
        repeat=policy.repeat if policy else 0,
        repeat_after=incident.scaled(policy.repeat_after) if policy else timedelta(0),
        falls_back=policy.falls_back if policy else True,
        started_at=incident.contract_started_at,
        due_at=incident.contract_started_at,
    )
    steps = EscalationStep.objects.bulk_create(policies.steps(run, policy, incident)) if policy else []
    if steps:
        run.due_at = min(step.due_at for step in steps)
        run.save(update_fields=["due_at"])
    return run


def acknowledged(incident: Incident, at: datetime) -> None:
    """Somebody has it: a new generation, nothing waits on “unacknowledged”, and nobody is called again."""
    run = current(incident)
    if run is None:
        return
    Escalation.objects.filter(pk=run.pk).update(generation=F("generation") + 1)
    if incident.held_by:
        paging.acknowledged_by(incident.held_by, incident, at)
    end_pages(run, [Condition.ALWAYS, Condition.UNACKNOWLEDGED], why="somebody acknowledged", at=at)
    park(incident, [Condition.UNACKNOWLEDGED], "acknowledged")


def mitigated(incident: Incident, at: datetime) -> None:
    """The bleeding has stopped: what waits on “unmitigated” is parked, and those whom it asked may rest."""
    run = current(incident)
    if run is not None:
        end_pages(run, [Condition.UNMITIGATED], why="mitigated", at=at)
        park(incident, [Condition.UNMITIGATED], "mitigated")


def end_pages(run: Escalation, conditions: list[Condition], *, why: str, at: datetime) -> None:
    """End the pages of levels with these conditions, and of the fallback; other levels go on asking."""
    levels = EscalationStep.objects.filter(run=run, condition__in=conditions).values("level")
    asked = Page.objects.filter(Q(level__in=levels) | Q(level=0), run=run, act=Act.PAGE)
    paging.end(asked, at=at, why=why)


def park(incident: Incident, conditions: list[Condition], why: str) -> None:
    """Park the steps that wait on the conditions; a run with nothing left to wait for is parked itself."""
    run = current(incident)
    if run is None:
        return
    waiting = EscalationStep.objects.filter(run=run, state=StepState.WAITING)
    waiting.filter(condition__in=conditions).update(state=StepState.PARKED, outcome=why)
    following = waiting.order_by("due_at", "level").values_list("due_at", flat=True).first()
    if following is None:
        run.state, run.why, run.due_at = RunState.PARKED, why, None
    else:
        run.due_at = following
    run.save(update_fields=["state", "why", "due_at"])


def supersede(incident: Incident, at: datetime) -> None:
    """End the run of the old level; the new level's own run follows (R-27)."""
    finish(incident, "superseded", at)


def finish(incident: Incident, why: str, at: datetime) -> None:
    """End the run with its steps and pages."""
    run = current(incident)
    if run is None:
        return
    EscalationStep.objects.filter(run=run, state__in=[StepState.WAITING, StepState.PARKED]).update(
        state=StepState.CANCELLED, outcome=why
    )
    paging.end(Page.objects.filter(run=run), at=at, why=why)
    run.state, run.why, run.due_at, run.ended_at = RunState.ENDED, why, None, at
    run.save(update_fields=["state", "why", "due_at", "ended_at"])


def current(incident: Incident) -> Escalation | None:
    """The run that has not ended, if there is one."""
    return Escalation.objects.filter(incident=incident).exclude(state=RunState.ENDED).first()


@transaction.atomic
def escalate_now(
    incident: Incident, *, by: User, at: datetime, note: str = "", version: int | None = None
) -> Escalation:
    """Bring the next level forward, whatever it waits for; the next tick pages it.

    Raises:
        TransitionError: the incident is over, or the ladder has no further level.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    if not locked.is_open:
        raise TransitionError(f"{locked.ref} is {locked.get_status_display().lower()}: nobody is paged any more.")
    run = current(locked)
    step = next_step(run, parked_too=True) if run else None
    if run is None or step is None:
        raise TransitionError("The ladder has no further level: everyone it names has been paged.")
    step.state, step.condition, step.due_at = StepState.WAITING, Condition.ALWAYS, min(step.due_at, at)
    step.save(update_fields=["state", "condition", "due_at"])
    run.state, run.why, run.due_at = RunState.ACTIVE, "", step.due_at
    run.save(update_fields=["state", "why", "due_at"])
    line = timeline.Line(locked, EntryKind.ESCALATION, f"Escalated to level {step.level} by hand.", by=by)
    timeline.write([line], at=at)
    moves.note(locked, note, by, at)
    locked.version += 1
    locked.save(update_fields=["timeline_seq", "version"])
    due.ring_on_commit()
    return run


def next_step(run: Escalation, *, parked_too: bool = False) -> EscalationStep | None:
    """The step that comes next; ``parked_too`` counts those that an answer has parked."""
    states = [StepState.WAITING, StepState.PARKED] if parked_too else [StepState.WAITING]
    steps = EscalationStep.objects.filter(run=run, state__in=states, loop=run.loop)
    return steps.order_by("due_at", "level", "pk").first()


def begin_missing(at: datetime) -> due.Done:
    """Begin a run for each open incident that should have one and has none: the due source ``announcements``.

    A hook may be lost; the start of the contract tells which run belongs to it.
    """
    ids = list(without_run(at).values_list("pk", flat=True)[: due.BATCH])
    return due.Done(rows=_begin_missing(ids, at)) if ids else due.Done()


def without_run(at: datetime) -> QuerySet[Incident]:
    """Open incidents that should have a run under their present contract and have none."""
    own = Escalation.objects.filter(incident=OuterRef("pk"), started_at=OuterRef("contract_started_at"))
    rows = Incident.objects.filter(~Exists(own), status=Status.OPEN).exclude(kind__in=Kind.silent)
    return rows.order_by("contract_started_at", "pk")


@transaction.atomic
def _begin_missing(ids: list[int], at: datetime) -> int:
    locked = (
        Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("severity", "service__team")
        .filter(pk__in=ids)
        .order_by("pk")
    )
    known = policies.active()
    done = 0
    for incident in locked:
        if Escalation.objects.filter(incident=incident, started_at=incident.contract_started_at).exists():
            continue
        supersede(incident, at)
        begin(incident, known)
        done += 1
    return done
