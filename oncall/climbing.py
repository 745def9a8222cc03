"""Fire the levels whose time has come: claimed in sets, the incident locked first, its state read after the lock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from incidents import due, rewriting, setbacks, timeline
from incidents.models import EntryKind, Incident, Role, SeverityProposal, Task
from oncall import paging
from oncall.models import Act, Condition, Escalation, EscalationStep, Page, RunState, StepState, Turn
from oncall.reach import Reach, Reached

LATE = timedelta(seconds=30)  # from here on the timeline tells how late a level fired
ANSWER = ("everyone", "acknowledged_at", "ended_at")  # what tells of a page whether it is answered
UNREACHED = "Nobody could be reached"
NOBODY_ELSE = "nobody else is ever paged at this severity"
LAST_TO_FALL_BACK = 2  # P0 to P2: somebody is always told (I13); P3 and P4 stay with the one on call
LONG_AGO = timedelta(days=36500)
TICK = timedelta(microseconds=1)  # keeps apart the turns that one set takes


@dataclass
class Asked:
    """The answers that a run has asked for."""

    has_paged: bool = False
    is_missing_somebody: bool = False  # where everyone must answer
    done: set[int] = field(default_factory=set)  # people who have answered there


@dataclass
class Outcome:
    """What a set of runs comes to, written at the end in a few statements."""

    wanted: list[paging.Wanted] = field(default_factory=list)
    lines: list[timeline.Line] = field(default_factory=list)
    steps: list[EscalationStep] = field(default_factory=list)
    fresh: list[EscalationStep] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    proposals: list[SeverityProposal] = field(default_factory=list)
    turns: dict[tuple[int, int], Turn] = field(default_factory=dict)  # by level and person
    taken: set[tuple[int, int]] = field(default_factory=set)  # turns that this set took


def fire_due(at: datetime) -> due.Done:
    """Fire what is due: the due source ``escalations``. At most one level per tick and run, empty ones aside."""
    ids = list(due_runs(at).order_by("due_at", "pk").values_list("incident", flat=True)[: due.BATCH])
    if not ids:
        return due.Done()
    return due.Done(
        rows=due.in_sets(
            ids, lambda some: fire(some, at), lambda row, error: blame(due_runs(at).filter(incident=row), error, at)
        )
    )


def due_runs(at: datetime) -> QuerySet[Escalation]:
    """Active runs whose time has come and that do not rest after a failure."""
    rested = Q(not_before=None) | Q(not_before__lte=at)
    return Escalation.objects.filter(rested, state=RunState.ACTIVE, due_at__lt=at)


@transaction.atomic
def fire(incident_ids: Sequence[int], at: datetime) -> int:
    """Fire what is due of these incidents, locked first and read again; one level of each run."""
    locked = (
        Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("severity", "service__team")
        .filter(pk__in=incident_ids)
        .order_by("pk")
    )
    incidents = {incident.pk: incident for incident in locked}
    runs = list(due_runs(at).filter(incident__in=incidents).order_by("due_at", "pk"))
    steps: dict[int, list[EscalationStep]] = {run.pk: [] for run in runs}
    for step in EscalationStep.objects.filter(run__in=runs).order_by("loop", "due_at", "level", "pk"):
        steps[step.run_id].append(step)
    targets = [target for mine in steps.values() for step in mine for target in step.targets]
    reach = Reach([incidents[run.incident_id] for run in runs], targets, at)
    asked = _asked(runs)
    outcome = Outcome(turns=_turns([step for mine in steps.values() for step in mine]))
    for run in runs:
        Climb(run, incidents[run.incident_id], steps[run.pk], reach, outcome, at, asked[run.pk]).step_up()
    _write(outcome, runs, incidents, reach, at)
    return len(runs)


def _asked(runs: Sequence[Escalation]) -> dict[int, Asked]:
    """What each run has asked for so far (1 query)."""
    asked = {run.pk: Asked() for run in runs}
    for page in Page.objects.filter(run__in=runs, act=Act.PAGE).only("run", "person", *ANSWER):
        mine = asked[page.run_id]
        mine.has_paged = True
        mine.is_missing_somebody |= page.wants_everyone
        if page.everyone and page.acknowledged_at:
            mine.done.add(page.person_id)
    return asked


def _turns(steps: Sequence[EscalationStep]) -> dict[tuple[int, int], Turn]:
    """Who had their turn when on the round-robin levels among these (1 query, none where there is no such level)."""
    levels = {step.origin_id for step in steps if step.round_robin}
    rows = Turn.objects.filter(level__in=levels) if levels else []
    return {(row.level_id, row.person_id): row for row in rows}


def _write(
    outcome: Outcome, runs: list[Escalation], incidents: dict[int, Incident], reach: Reach, at: datetime
) -> None:
    """Pages first: they are what must not be lost; all of it commits together."""
    paging.make(outcome.wanted, reach, at)
    rewriting.save(outcome.steps, ["state", "fired_at", "outcome"])
    EscalationStep.objects.bulk_create(outcome.fresh)
    Turn.objects.bulk_create(
        [outcome.turns[pair] for pair in sorted(outcome.taken)],
        update_conflicts=True,
        unique_fields=["level", "person"],
        update_fields=["paged_at"],
    )
    rewriting.save(runs, ["state", "why", "due_at", "loop", "ended_at", "attempts", "last_error", "not_before"])
    Task.objects.bulk_create(outcome.tasks)
    SeverityProposal.objects.bulk_create(outcome.proposals, ignore_conflicts=True)
    timeline.write(outcome.lines, at=at)
    touched = {line.incident.pk: line.incident for line in outcome.lines}
    rewriting.save(touched.values(), ["timeline_seq"])


@dataclass
class Climb:
    """One run at one instant. ``steps`` are all of the run's, in order."""

    run: Escalation
    incident: Incident
    steps: list[EscalationStep]
    reach: Reach
    outcome: Outcome
    at: datetime
    asked: Asked

    @property
    def answered(self) -> bool:
        """Somebody has it in hand, and nobody is missing where everyone must answer."""
        return self.incident.acknowledged and not self.asked.is_missing_somebody

    def step_up(self) -> None:
        """Fire what is due of the ladder; skip what is empty; then find out what the run waits for next."""
        self.run.attempts, self.run.last_error, self.run.not_before = 0, "", None
        if not self.incident.is_open:
            self._stop(RunState.ENDED, self.incident.get_status_display().lower())
            return
        waiting = self._waiting()
        if not waiting:
            self._end_of_round()
            return
        together = [step for step in waiting if step.due_at == waiting[0].due_at]
        self._fire_together(together)
        self._settle()

    def _waiting(self) -> list[EscalationStep]:
        return [step for step in self.steps if step.state == StepState.WAITING]

    def _fire_together(self, steps: list[EscalationStep]) -> None:
        """Fire the steps of one instant: pages first, so that nobody is both paged and informed."""
        asked = [step for step in steps if step.act == Act.PAGE and self._holds(step)]
        told = [step for step in steps if step.act == Act.INFORM and self._holds(step)]
        paged: set[int] = set()
        for step in asked:
            paged |= self._fire_step(step, without=set())
        for step in told:
            self._fire_step(step, without=paged)
        if asked and not paged:
            self._bring_forward()

    def _bring_forward(self) -> None:
        """A level that asks reached nobody: the next one that does is fired at once (O05)."""
        for step in self._waiting():
            if step.act == Act.PAGE and self._holds(step) and self._fire_step(step, without=set()):
                return

    def _holds(self, step: EscalationStep) -> bool:
        """Check the step's condition now; one that does not hold is parked."""
        reason = {
            Condition.UNACKNOWLEDGED: "acknowledged" if self.answered else "",
            Condition.UNMITIGATED: "mitigated" if self.incident.mitigated_at else "",
        }.get(Condition(step.condition), "")
        if reason and not step.by_hand:
            step.state, step.outcome = StepState.PARKED, reason
            self.outcome.steps.append(step)
            return False
        return True

    def _fire_step(self, step: EscalationStep, *, without: set[int]) -> set[int]:
        """Make the step's pages; return the people it reached."""
        meant = self.reach.people(self.incident, step.targets, step.hours)
        without = without | self.asked.done if step.everyone else without
        people = [one for one in meant if one.person.pk not in without and self.reach.methods(one.person)]
        unreachable = [str(one.person) for one in meant if not self.reach.methods(one.person)]
        if step.round_robin:
            people = self._whose_turn(step, people)
        self._want(people, level=step.level, act=step.act, everyone=step.everyone)
        self._tell(step, people, unreachable, spoken_for=bool(meant) and not people and not unreachable)
        if step.task_title:
            self._create_task(step)
        if step.proposes_id is not None:
            self._propose(step, step.proposes_id)
        step.fired_at = self.at
        step.state = StepState.FIRED if people or step.act == Act.INFORM else StepState.SKIPPED
        self.outcome.steps.append(step)
        return {one.person.pk for one in people}

    def _whose_turn(self, step: EscalationStep, people: list[Reached]) -> list[Reached]:
        """The one whom the level paged longest ago, or never; the order of its targets decides between equals."""
        if not people or step.origin_id is None:
            return people[:1]
        turns = self.outcome.turns
        never = self.at - LONG_AGO

        def since(one: Reached) -> datetime:
            turn = turns.get((step.origin_id or 0, one.person.pk))
            return turn.paged_at if turn else never

        chosen = min(people, key=since)
        pair = (step.origin_id, chosen.person.pk)
        last = max((turn.paged_at for (level, _), turn in turns.items() if level == step.origin_id), default=never)
        turns[pair] = Turn(level_id=pair[0], person_id=pair[1], paged_at=max(self.at, last + TICK))
        self.outcome.taken.add(pair)
        return [chosen]

    def _want(self, people: list[Reached], *, level: int, act: str, everyone: bool = False) -> None:
        self.outcome.wanted += [paging.Wanted(self.incident, self.run, level, act, one, everyone) for one in people]
        self.asked.has_paged |= act == Act.PAGE and bool(people)
        self.asked.is_missing_somebody |= everyone and bool(people)

    def _tell(self, step: EscalationStep, people: list[Reached], unreachable: list[str], *, spoken_for: bool) -> None:
        """Write what the level came to, once for people to read and once on the step."""
        which = f"Level {step.level} of {self._levels()}"
        if people:
            verb = "paged" if step.act == Act.PAGE else "informed"
            names = ", ".join(f"{one.person} ({one.reason})" for one in people)
            text = f"{which} {verb} {names}."
        elif spoken_for:
            text = f"{which} reaches only people who are being paged."
        else:
            text = f"{which} was empty: it reaches nobody{self._say_hours(step)}."
        if unreachable:
            text += f" No verified contact method: {', '.join(unreachable)}."
        if self.at - step.due_at > LATE and step.due_at >= self.run.started_at:
            text += f" {int((self.at - step.due_at).total_seconds())} s late: the engine was away."
        data = {"level": step.level, "act": step.act, "people": [one.person.pk for one in people]}
        step.outcome = text[:200]
        self.outcome.lines.append(timeline.Line(self.incident, EntryKind.ESCALATION, text, data=data))

    def _say_hours(self, step: EscalationStep) -> str:
        """Say that somebody would be reached at another hour."""
        if not step.hours or not self.reach.people(self.incident, step.targets):
            return ""
        return " in working hours now"

    def _create_task(self, step: EscalationStep) -> None:
        self.outcome.tasks.append(
            Task(incident=self.incident, title=step.task_title, role=Role.COMMUNICATIONS, created_at=self.at)
        )
        text = f"Task for the {Role.COMMUNICATIONS.label}: {step.task_title}."
        self.outcome.lines.append(timeline.Line(self.incident, EntryKind.TASK, text))

    def _propose(self, step: EscalationStep, level: int) -> None:
        because = "open for 30 minutes of working time" if self.incident.severity_id == 3 else step.outcome
        self.outcome.proposals.append(
            SeverityProposal(incident=self.incident, severity_id=level, because=because[:200], at=self.at)
        )
        text = f"Proposed P{level}: {because}. A person accepts it with a reason, or leaves it."
        self.outcome.lines.append(timeline.Line(self.incident, EntryKind.SEVERITY, text))

    def _settle(self) -> None:
        """Find what the run waits for: the next step, the next round, or nothing."""
        waiting = self._waiting()
        if waiting:
            self.run.due_at = waiting[0].due_at
        elif self.answered:
            self._stop(RunState.PARKED, "acknowledged")
        elif not self.asked.has_paged and self._may_fall_back():
            self._fall_back(UNREACHED)
        elif not self.run.falls_back:
            self._stop(RunState.PARKED, NOBODY_ELSE)
        else:
            last = max(step.due_at for step in self.steps)
            self.run.due_at = max(last, self.run.started_at) + self.run.repeat_after

    def _end_of_round(self) -> None:
        """The ladder is climbed and nobody answered: begin again, or turn to the fallback contact (O10)."""
        if self.answered:
            self._stop(RunState.PARKED, "acknowledged")
        elif self.run.loop < self.run.repeat and any(step.act == Act.PAGE for step in self.steps):
            self._next_round()
        elif self._may_fall_back():
            self._fall_back("Nobody acknowledged" if self.asked.has_paged else UNREACHED)
        else:
            self._stop(RunState.PARKED, NOBODY_ELSE)

    def _may_fall_back(self) -> bool:
        """The policy says so; and where nobody could be reached, P0 to P2 always do (I13)."""
        must = self.incident.severity_id <= LAST_TO_FALL_BACK and not self.asked.has_paged
        return self.run.falls_back or must

    def _next_round(self) -> None:
        began = self.run.due_at or self.at
        self.run.loop += 1
        first = [step for step in self.steps if step.loop == 0 and step.act == Act.PAGE]
        fresh = [
            EscalationStep(
                run=self.run,
                loop=self.run.loop,
                level=step.level,
                due_at=began + _after(step),
                after=_after(step),
                condition=step.condition,
                act=step.act,
                targets=step.targets,
                hours=step.hours,
                everyone=step.everyone,
                round_robin=step.round_robin,
                origin_id=step.origin_id,
            )
            for step in first
        ]
        self.outcome.fresh += fresh
        self.run.due_at = min(step.due_at for step in fresh)
        text = f"Nobody acknowledged: round {self.run.loop + 1} of {self.run.repeat + 1} of the ladder begins."
        self.outcome.lines.append(timeline.Line(self.incident, EntryKind.ESCALATION, text))

    def _fall_back(self, why: str) -> None:
        people = self.reach.fallback(self.incident)
        self._want(people, level=0, act=Act.PAGE)
        if people:
            text = f"{why}. Paged {', '.join(f'{one.person} ({one.reason})' for one in people)}."
        else:
            text = f"{why}, and no fallback contact can be reached. Nobody has been told of this incident."
        line = timeline.Line(self.incident, EntryKind.ESCALATION, f"Exhausted. {text}", data={"alarm": True})
        self.outcome.lines.append(line)
        self._stop(RunState.EXHAUSTED, why)

    def _stop(self, state: RunState, why: str) -> None:
        self.run.state, self.run.why, self.run.due_at = state, why, None
        if state == RunState.ENDED:
            self.run.ended_at = self.at

    def _levels(self) -> int:
        return max(step.level for step in self.steps)


def _after(step: EscalationStep) -> timedelta:
    """How long after the start of its round a level comes; runs that are older than the column tell by their time."""
    return step.due_at - step.run.started_at if step.after is None else step.after


def blame(runs: QuerySet[Escalation], error: Exception, at: datetime) -> None:
    """Let runs that raise rest, visibly; after five failures the fallback contact is told."""
    for run in runs.select_related("incident__service__team", "incident__severity"):
        due.blame_row(Escalation, run.pk, error, at)
        if run.attempts + 1 == setbacks.ALARM_AFTER:
            incident = run.incident
            people = [one.person for one in Reach([incident], [], at).fallback(incident)]
            setbacks.alarm(
                f"run:{run.pk}", f"The escalation of {incident.ref} fails", error, people, at, incident=incident
            )
