"""Where the escalation of an incident stands: how far it has climbed, what comes next, what it has done. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from incidents.models import Incident
from oncall.models import Act, Condition, Escalation, EscalationStep, RunState, StepState
from oncall.reach import Reach, Reached, Target
from oncall.wording import Names, names_in, say_condition, say_targets

NONE = "none"  # no run has begun
DONE = (StepState.FIRED, StepState.SKIPPED)


@dataclass(frozen=True)
class Rung:
    """One level of the ladder, as a run keeps it, with whom and on what in words."""

    step: EscalationStep
    whom: str
    condition: str


@dataclass(frozen=True)
class Next:
    """What the run does next. Level 0 = the fallback contact; a round begins again at its first level that pages."""

    what: str  # level, round or fallback
    level: int
    due_at: datetime
    condition: str
    act: str
    targets: list[Target]
    whom: str


@dataclass(frozen=True)
class Standing:
    """The present run, or the last one of an incident that has ended."""

    run: Escalation | None
    state: str  # active, parked, exhausted, ended, or none
    why: str
    level: int  # the highest that fired in this round; 0 = none yet
    levels: int
    round: int  # from 1
    rounds: int
    next: Next | None
    rungs: tuple[Rung, ...]  # of the present run, by round and level
    history: tuple[EscalationStep, ...]  # what fired or was skipped in all runs of the incident, in the order of time
    may_climb: bool  # “escalate now” finds a further level

    @property
    def present(self) -> tuple[Rung, ...]:
        """The rungs of the present round."""
        return tuple(rung for rung in self.rungs if rung.step.loop == self.round - 1)


def of(incident: Incident) -> Standing:
    """Read where the incident's escalation stands (at most 4 queries)."""
    runs = list(Escalation.objects.filter(incident=incident).select_related("severity").order_by("started_at", "pk"))
    if not runs:
        return Standing(None, NONE, "", 0, 0, 1, 1, None, (), (), may_climb=False)
    run = next((one for one in runs if one.state != RunState.ENDED), runs[-1])
    every = list(EscalationStep.objects.filter(run__in=runs).order_by("loop", "level", "pk"))
    steps = [step for step in every if step.run_id == run.pk]
    names = names_in(target for step in steps for target in step.targets)
    here = [step for step in steps if step.loop == run.loop]
    waiting = [step for step in here if step.state in (StepState.WAITING, StepState.PARKED)]
    return Standing(
        run=run,
        state=run.state,
        why=run.why,
        level=max((step.level for step in here if step.state in DONE), default=0),
        levels=max((step.level for step in steps), default=0),
        round=run.loop + 1,
        rounds=run.repeat + 1,
        next=_next(run, steps, names),
        rungs=tuple(Rung(step, say_targets(step.targets, names), say_condition(step.condition)) for step in steps),
        history=tuple(sorted((step for step in every if step.fired_at), key=lambda step: (step.fired_at, step.pk))),
        may_climb=incident.is_open and run.state != RunState.ENDED and bool(waiting),
    )


def expected(incident: Incident, coming: Next, at: datetime) -> list[Reached]:
    """The people whom the next act would reach if it came now; ``incident`` with its service."""
    reach = Reach([incident], coming.targets, at)
    if coming.what == "fallback":
        return reach.fallback(incident)
    return [one for one in reach.people(incident, coming.targets) if reach.methods(one.person)]


def _next(run: Escalation, steps: Sequence[EscalationStep], names: Names) -> Next | None:
    """The next step, round or fallback of an active run."""
    if run.state != RunState.ACTIVE or run.due_at is None:
        return None
    waiting = sorted((step for step in steps if step.state == StepState.WAITING), key=lambda step: step.due_at)
    if waiting:
        return _as_next("level", waiting[0], waiting[0].due_at, names)
    asking = [step for step in steps if step.loop == 0 and step.act == Act.PAGE]
    if asking and run.loop < run.repeat:
        first = _as_next("round", asking[0], run.due_at, names)
        return replace(first, condition=Condition.UNACKNOWLEDGED)
    if run.falls_back:
        return Next("fallback", 0, run.due_at, Condition.UNACKNOWLEDGED, Act.PAGE, [], "the fallback contact")
    return None


def _as_next(what: str, step: EscalationStep, due_at: datetime, names: Names) -> Next:
    return Next(what, step.level, due_at, step.condition, step.act, step.targets, say_targets(step.targets, names))
