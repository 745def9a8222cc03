"""Running escalations: begin, park, resume, end, escalate now, follow another policy.

``oncall.climbing`` fires the levels.

Whoever writes a run holds the incident's lock; the hook holds it because the move does.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents import due, holding, moves, timeline
from incidents.models import EntryKind, Incident, Participant, User
from incidents.refusals import TransitionError
from incidents.states import Kind, Status
from oncall import mustering, paging, policies
from oncall.models import (
    Act,
    Condition,
    Escalation,
    EscalationPolicy,
    EscalationStep,
    Page,
    RunState,
    StepState,
    TargetKind,
)
from oncall.reach import Reach, Reached

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
    elif move == "unacknowledged":
        resume(incident, at)
    elif move == "mitigated":
        acknowledged(incident, at)
        mitigated(incident, at)
    elif move == "mustered":
        mustering.page(incident, current(incident), at)
    elif move == "released":
        mustering.rest(incident, at)
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
        resume_after=incident.scaled(policy.resume_after) if policy else timedelta(minutes=5),
        started_at=incident.contract_started_at,
        due_at=incident.contract_started_at,
    )
    steps = EscalationStep.objects.bulk_create(policies.steps(run, policy, incident)) if policy else []
    if steps:
        run.due_at = min(step.due_at for step in steps)
        run.save(update_fields=["due_at"])
    return run


def acknowledged(incident: Incident, at: datetime) -> None:
    """Somebody has it: a new generation, nothing waits on “unacknowledged”, and nobody is called again.

    Where a level wants everyone's answer, an answer stops only the person who gave it, until all have answered.
    """
    run = current(incident)
    if run is None:
        return
    timeout = incident.severity.acknowledgement_timeout
    run.generation += 1
    run.snoozed_until = run.asked_at = None
    run.check_at = at + incident.scaled(timeout) if timeout else None
    run.save(update_fields=["generation", "snoozed_until", "asked_at", "check_at"])
    paging.acknowledged_by(_who_answered(incident, at), incident, at)
    end_pages(run, [Condition.ALWAYS, Condition.UNACKNOWLEDGED], why="somebody acknowledged", at=at)
    if any(page.wants_everyone for page in Page.objects.filter(run=run, everyone=True)):
        settle(run)
    else:
        park(incident, [Condition.UNACKNOWLEDGED], "acknowledged")


def _who_answered(incident: Incident, at: datetime) -> set[int]:
    """Who has it in hand, and who joined in this very move."""
    joined = Participant.objects.filter(incident=incident, joined_at=at).values_list("user_id", flat=True)
    return {*joined, *([incident.held_by_id] if incident.held_by_id else [])}


def mitigated(incident: Incident, at: datetime) -> None:
    """The bleeding has stopped: what waits on “unmitigated” is parked, and those whom it asked may rest."""
    run = current(incident)
    if run is not None:
        Escalation.objects.filter(pk=run.pk).update(check_at=None)
        end_pages(run, [Condition.UNMITIGATED], why="mitigated", at=at)
        park(incident, [Condition.UNMITIGATED], "mitigated")


def end_pages(run: Escalation, conditions: list[Condition], *, why: str, at: datetime) -> None:
    """End the pages of levels with these conditions, and of the fallback; other levels go on asking."""
    levels = EscalationStep.objects.filter(run=run, condition__in=conditions).values("level")
    asked = Page.objects.filter(Q(level__in=levels) | Q(level=0) | Q(is_reminder=True), run=run, act=Act.PAGE)
    paging.end(asked.exclude(everyone=True, acknowledged_at=None), at=at, why=why)


def park(incident: Incident, conditions: list[Condition], why: str) -> None:
    """Park the steps that wait on the conditions; a run with nothing left to wait for is parked itself."""
    run = current(incident)
    if run is None:
        return
    waiting = EscalationStep.objects.filter(run=run, state=StepState.WAITING)
    waiting.filter(condition__in=conditions).update(state=StepState.PARKED, outcome=why)
    if waiting.exists():
        settle(run)
    else:
        run.state, run.why, run.due_at = RunState.PARKED, why, None
        run.save(update_fields=["state", "why", "due_at"])


def settle(run: Escalation, at: datetime | None = None) -> None:
    """Let the run wait for its next step; with none left it looks ``at`` what follows, if that is given."""
    steps = EscalationStep.objects.filter(run=run, state=StepState.WAITING)
    following = steps.order_by("due_at", "level").values_list("due_at", flat=True).first() or at or run.due_at
    if following is None:
        return
    run.state, run.why, run.due_at = RunState.ACTIVE, "", following
    run.save(update_fields=["state", "why", "due_at"])


def resume(incident: Incident, at: datetime, *, all_over: bool = False) -> None:
    """Nobody has it any more: a new generation climbs on at once, from the first level that has not fired.

    The levels that an answer had parked keep their distances; where there is none, those asked last are asked again.
    ``all_over`` (after a snooze) moves every level that waits, also those that wait on something else.
    """
    run = current(incident)
    if run is None:
        return
    run.generation += 1
    run.check_at = run.asked_at = run.snoozed_until = None
    paging.end(Page.objects.filter(run=run, is_reminder=True), at=at, why="given back")
    steps = EscalationStep.objects.filter(run=run, loop=run.loop)
    moved = list(steps.filter(state=StepState.PARKED, outcome="acknowledged").order_by("due_at", "level"))
    if all_over:
        moved = sorted([*moved, *steps.filter(state=StepState.WAITING)], key=lambda step: (step.due_at, step.level))
    first = moved[0].due_at if moved else at
    for step in moved:
        step.state, step.outcome, step.due_at = StepState.WAITING, "", at + (step.due_at - first)
    EscalationStep.objects.bulk_update(moved, ["state", "outcome", "due_at"])
    run.save(update_fields=["generation", "check_at", "asked_at", "snoozed_until"])
    if not moved:
        _ask_the_last_again(run, incident, at)
    settle(run, at)


def _ask_the_last_again(run: Escalation, incident: Incident, at: datetime) -> None:
    """Page those whom the last level that asked has reached: the next level may lie far ahead."""
    asked = Page.objects.filter(run=run, loop=run.loop, act=Act.PAGE, is_reminder=False)
    ladder = asked.filter(level__lt=mustering.LEVEL)  # a muster asks for itself
    level = ladder.order_by("-level").values_list("level", flat=True).first() or 0
    people = asked.filter(level=level).order_by("pk").values_list("person_id", flat=True)
    ask_again(run, incident, list(people), level, "asked again: nobody has it any more", at)


def ask_again(run: Escalation, incident: Incident, people: list[int], level: int, why: str, at: datetime) -> list[User]:
    """Page people anew in the run's present generation; return those who can be reached."""
    targets = [{"kind": TargetKind.USER, "user": pk} for pk in people]
    reach = Reach([incident], targets, at)
    found = [one for one in reach.people(incident, targets) if reach.methods(one.person)]
    wanted = [
        paging.Wanted(incident, run, level, Act.PAGE, Reached(one.person, why), is_reminder=True) for one in found
    ]
    paging.make(wanted, reach, at)
    return [one.person for one in found]


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
    run.check_at = run.asked_at = run.snoozed_until = None
    run.save(update_fields=["state", "why", "due_at", "ended_at", "check_at", "asked_at", "snoozed_until"])


def current(incident: Incident) -> Escalation | None:
    """The run that has not ended, if there is one."""
    return Escalation.objects.filter(incident=incident).exclude(state=RunState.ENDED).first()


@transaction.atomic
def escalate_now(
    incident: Incident,
    *,
    by: User,
    at: datetime,
    note: str = "",
    version: int | None = None,
    generation: int | None = None,
) -> Escalation:
    """Bring the next level forward, whatever it waits for; the next tick pages it.

    An incident that somebody has in hand is triggered again: it is in nobody's hands until somebody answers (O03).
    ``generation`` is the one that a late answer saw.

    Raises:
        TransitionError: the incident is over, the ladder has no further level, or the answer comes too late.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    if not locked.is_open:
        raise TransitionError(f"{locked.ref} is {locked.get_status_display().lower()}: nobody is paged any more.")
    run = current(locked)
    if run and generation is not None and generation < run.generation:
        raise TransitionError(f"Somebody has answered for {locked.ref} since then. Nothing was changed.")
    step = next_step(run, parked_too=True) if run else None
    if run is None or step is None:
        raise TransitionError("The ladder has no further level: everyone it names has been paged.")
    if locked.acknowledged:
        holding.release(locked, f"Triggered again: {locked.held_by} asked or was asked for more hands.", by=by, at=at)
    if run.state != RunState.ACTIVE or run.check_at:
        resume(locked, at, all_over=run.snoozed_until is not None)
        run.refresh_from_db()
        step.refresh_from_db()
    step.state, step.by_hand, step.due_at = StepState.WAITING, True, min(step.due_at, at)
    step.save(update_fields=["state", "by_hand", "due_at"])
    settle(run)
    line = timeline.Line(locked, EntryKind.ESCALATION, f"Escalated to level {step.level} by hand.", by=by)
    timeline.write([line], at=at)
    moves.note(locked, note, by, at)
    locked.version += 1
    locked.save(update_fields=["timeline_seq", "version", "held_by", "held_since"])
    due.ring_on_commit()
    return run


@transaction.atomic
def apply_policy(incident: Incident, *, by: User, at: datetime, version: int | None = None) -> Escalation:
    """Follow the policy as it stands now; what the old copy has fired is not fired again (O14).

    Raises:
        TransitionError: the incident is over, nobody is paged for it, or its copy is what the policy says.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    run = current(locked)
    if run is None:
        raise TransitionError(f"Nobody is paged for {locked.ref}: there is no ladder to change.")
    if not differs(run, locked):
        raise TransitionError("The ladder that runs is the policy as it stands now.")
    fired = list(EscalationStep.objects.filter(run=run, loop=run.loop, fired_at__isnull=False))
    finish(locked, "superseded", at)
    fresh = begin(locked)
    if fresh is None:
        raise TransitionError(f"Nobody is paged for {locked.ref}.")
    _skip_what_fired(fresh, fired, at)
    moves.tell(locked, EntryKind.ESCALATION, f"The ladder now follows {fresh.policy_name} as it stands.", by, at)
    if locked.acknowledged:
        acknowledged(locked, at)
    if locked.mitigated_at:
        mitigated(locked, at)
    locked.version += 1
    locked.save(update_fields=["timeline_seq", "version"])
    due.ring_on_commit()
    return fresh


def _skip_what_fired(run: Escalation, fired: list[EscalationStep], at: datetime) -> None:
    """Take for done what the old copy has fired with the same act and targets; what else is past comes now."""
    past = [(step.act, step.targets, step.fired_at) for step in fired]
    steps = list(EscalationStep.objects.filter(run=run))
    for step in steps:
        times = [fired_at for act, targets, fired_at in past if (act, targets) == (step.act, step.targets)]
        if times and step.due_at <= at:
            step.state, step.fired_at = StepState.FIRED, times[0]
            step.outcome = f"Level {step.level} fired before the policy was applied anew."
        else:
            step.due_at = max(step.due_at, at)
    EscalationStep.objects.bulk_update(steps, ["state", "fired_at", "outcome", "due_at"])
    settle(run, at)


def differs(run: Escalation, incident: Incident) -> bool:
    """Has the policy changed since the run copied it (4 queries)? ``incident`` with its service and team."""
    policy = policies.choose(policies.active(), incident)
    if policy is None:
        return False
    copied = EscalationStep.objects.filter(run=run, loop=0).order_by("level", "pk")
    mine = [_gist(step) for step in copied]
    return mine != [_gist(step) for step in policies.steps(run, policy, incident)]


def _gist(step: EscalationStep) -> tuple[object, ...]:
    """What a level does, whatever became of it."""
    whom = (step.targets, step.hours, step.everyone, step.round_robin)
    return (step.after, step.condition, step.act, *whom, step.task_title, step.proposes_id)


def next_step(run: Escalation, *, parked_too: bool = False) -> EscalationStep | None:
    """The step that comes next; ``parked_too`` counts those that an answer has parked."""
    states = [StepState.WAITING, StepState.PARKED] if parked_too else [StepState.WAITING]
    steps = EscalationStep.objects.filter(run=run, state__in=states, loop=run.loop)
    return steps.order_by("due_at", "level", "pk").first()


def begin_missing(at: datetime) -> due.Done:
    """Begin a run for each open incident that should have one and has none: the due source ``announcements``.

    A hook may be lost; the start of the contract tells which run belongs to it.
    """
    return due.do_set("announcements", without_run(at), _begin_missing, at)


def without_run(at: datetime) -> QuerySet[Incident]:
    """Open incidents that should have a run under their present contract and have none."""
    own = Escalation.objects.filter(incident=OuterRef("pk"), started_at=OuterRef("contract_started_at"))
    rows = Incident.objects.filter(~Exists(own), status=Status.OPEN).exclude(kind__in=Kind.silent)
    return rows.order_by("contract_started_at", "pk")


@transaction.atomic
def _begin_missing(ids: Sequence[int], at: datetime) -> int:
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
