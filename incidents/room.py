"""What the incident page says of the incident: its phases, its clocks, and the reader's next step. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import FilteredRelation, Q, Subquery, prefetch_related_objects

from incidents import deciding, updates
from incidents.crew import Crew
from incidents.models import (
    Clock,
    DeadlineRule,
    Decision,
    Incident,
    PhaseEntry,
    PostmortemRule,
    Role,
    Rule,
    SeverityProposal,
    Task,
    User,
)
from incidents.states import ClockState, Kind, Phase

SOON_SHARE = 0.25  # of a clock's length
SOON_AT_LEAST = timedelta(seconds=60)
COUNTING = (ClockState.RUNNING, ClockState.BREACHED)
OWED_IN = {  # which late clock makes a phase late that was entered in time
    Phase.RESPOND: (Rule.ACKNOWLEDGE, Rule.RESPOND, Rule.COMMANDER),
    Phase.MITIGATE: (Rule.MITIGATE,),
    Phase.RESOLVE: (Rule.RESOLVE,),
    Phase.POSTMORTEM: (Rule.POSTMORTEM,),
}
MISSED = {
    Rule.ACKNOWLEDGE: "acknowledged late",
    Rule.RESPOND: "joined late",
    Rule.COMMANDER: "commander late",
    Rule.MITIGATE: "mitigation late",
    Rule.RESOLVE: "resolution late",
    Rule.POSTMORTEM: "postmortem late",
}
DUTIES = {
    Rule.ACKNOWLEDGE: "somebody has it in hand.",
    Rule.RESPOND: "somebody works on it.",
    Rule.COMMANDER: "a commander has joined.",
    Rule.UPDATE: "an update goes out, again and again until it is resolved.",
    Rule.MITIGATE: "the bleeding has stopped. This is a clock of the level; the phase bar counts from detection.",
    Rule.RESOLVE: "it is handled, in working time.",
    Rule.POSTMORTEM: "the postmortem is there.",
}


@dataclass(frozen=True)
class Step:
    """One of the five phases on the bar."""

    phase: Phase
    state: str  # done, now or next
    entered_at: datetime | None
    target_at: datetime | None
    late_by: timedelta | None
    missed: str = ""  # the duty of the phase that is late although the phase was entered in time
    counts: bool = False  # the next phase: its target is counted down
    overdue: bool = False  # the next phase should have been entered by now


@dataclass(frozen=True)
class Chip:
    """One clock of the row. ``look`` is met, run, soon, missed or wait."""

    rule: str
    label: str
    look: str
    icon: str
    words: str
    due_at: datetime | None
    explanation: str


@dataclass(frozen=True)
class NextStep:
    """The one thing the reader does next. ``deed`` is the URL name of its form, empty where there is nothing to do."""

    sentence: str
    deed: str
    verb: str
    icon: str
    due_at: datetime | None = None
    asks: bool = False  # the deed asks for facts first
    of: int | None = None  # the row that the deed is about


def phases(incident: Incident, found: list[Clock], at: datetime) -> list[Step]:
    """The bar: when each phase was entered, or when it should be (R-30, R-31: counted from detection)."""
    entered: dict[str, datetime] = {}
    for row in PhaseEntry.objects.filter(incident=incident).order_by("pk"):
        entered.setdefault(row.phase, row.entered_at)
    broken = {clock.rule: clock for clock in found if clock.state in COUNTING and _is_late(clock, at)}
    return [_step(incident, Phase(word), entered.get(word), broken, at) for word in Phase.order]


def _step(
    incident: Incident, phase: Phase, entered_at: datetime | None, broken: dict[str, Clock], at: datetime
) -> Step:
    now = Phase(incident.phase)
    state = "now" if phase == now else "done" if phase.position < now.position else "next"
    target_at = target_of(incident, phase)
    judged = entered_at if state != "next" else None
    late = judged - target_at if judged and target_at and judged > target_at else None
    missed = next((broken[rule] for rule in OWED_IN.get(phase, ()) if rule in broken), None)
    following = state == "next" and phase.position == now.position + 1 and incident.is_open
    return Step(
        phase=phase,
        state=state,
        entered_at=judged,
        target_at=target_at,
        late_by=late,
        missed="" if late or missed is None or state == "next" else MISSED[Rule(missed.rule)],
        counts=following and target_at is not None and phase != Phase.POSTMORTEM,
        overdue=following and target_at is not None and phase != Phase.POSTMORTEM and target_at < at,
    )


def target_of(incident: Incident, phase: Phase) -> datetime | None:
    """When the phase should be entered; where the level promises working time alone, its clocks say so, not the bar."""
    severity = incident.severity
    span = {
        Phase.DETECT: timedelta(0),
        Phase.RESPOND: severity.respond_target,
        Phase.MITIGATE: severity.mitigate_target,
        Phase.RESOLVE: severity.resolve_target,
        Phase.POSTMORTEM: severity.postmortem_target,
    }[phase]
    if severity.ack_rule != DeadlineRule.SPAN and phase not in {Phase.DETECT, Phase.POSTMORTEM}:
        return None
    return incident.detected_at + incident.scaled(span)


def chips(incident: Incident, found: list[Clock], at: datetime) -> list[Chip]:
    """The clocks row: of each duty the one that counts now, in the order of the duties."""
    latest = {clock.rule: clock for clock in found if clock.state != ClockState.SUPERSEDED}
    shown = [latest[rule] for rule in Rule.values if rule in latest]
    row = [_chip(clock, _earlier(clock, found), at) for clock in shown if _counts(clock)]
    if incident.is_open and Rule.POSTMORTEM not in {chip.rule for chip in row}:
        row += _postmortem_to_come(incident)
    return row


def _counts(clock: Clock) -> bool:
    """A duty that fell away is shown while it says something: an update, or a document of before, does not."""
    return clock.state != ClockState.WAIVED or clock.rule not in {Rule.UPDATE, Rule.POSTMORTEM}


def _postmortem_to_come(incident: Incident) -> list[Chip]:
    severity = incident.severity
    if severity.postmortem_rule == PostmortemRule.OPTIONAL or incident.kind == Kind.BACKFILL:
        return []
    text = f"A postmortem is {severity.get_postmortem_rule_display().lower()} at {severity.label}."
    words = f"{_in_words(severity.postmortem_due)} after resolve"
    return [Chip(Rule.POSTMORTEM, "Postmortem", "wait", "notebook-pen", words, None, text)]


def _chip(clock: Clock, earlier: list[Clock], at: datetime) -> Chip:
    look, icon, words, counts = _stand(clock, at)
    length = _in_words(clock.due_at - clock.started_at)
    rule = f"{clock.severity}: {DUTIES[Rule(clock.rule)]} Due {_moment(clock.due_at, at)}, {length} after "
    explanation = rule + f"{_moment(clock.started_at, at)}."
    if clock.why:
        explanation += f" Waived: {clock.why}."
    told = [f"{old.severity.label} {old.get_state_display().lower()}" for old in earlier]
    if told and clock.rule != Rule.UPDATE:
        explanation += f" Before: {', '.join(told)}."
    elif told:
        late = sum(old.state == ClockState.BREACHED for old in earlier)
        explanation += f" So far {len([old for old in earlier if old.met_at])} updates, {late} late."
    return Chip(clock.rule, Rule(clock.rule).label, look, icon, words, clock.due_at if counts else None, explanation)


def _stand(clock: Clock, at: datetime) -> tuple[str, str, str, bool]:
    """Look, icon and words of a clock, and whether its countdown is shown."""
    length = clock.due_at - clock.started_at
    of = f"of {_in_words(length)}"
    if clock.state == ClockState.WAIVED:
        return "wait", "circle-minus", "waived", False
    if clock.state == ClockState.MET and clock.met_at:
        return "met", "check", f"{_in_words(clock.met_at - clock.started_at)} {of}", False
    if clock.state == ClockState.BREACHED and clock.met_at:
        return "missed", "circle-alert", f"{_in_words(clock.met_at - clock.due_at)} late, {of}", False
    if _is_late(clock, at):
        return "missed", "circle-alert", of, True
    if clock.due_at - at <= max(length * SOON_SHARE, SOON_AT_LEAST):
        return "soon", "hourglass", f"left {of}", True
    return "run", "clock", f"left {of}", True


def _is_late(clock: Clock, at: datetime) -> bool:
    if clock.met_at:
        return clock.met_at > clock.due_at
    return clock.state == ClockState.BREACHED or clock.due_at < at


def _earlier(clock: Clock, found: list[Clock]) -> list[Clock]:
    return [other for other in found if other.rule == clock.rule and other.pk != clock.pk]


def _moment(moment: datetime, at: datetime) -> str:
    """A time for the explanation of a clock; with its day when that is another one."""
    day = "" if moment.date() == at.date() else f"{moment:%a} {moment.day} {moment:%b}, "
    return f"{day}{moment:%H:%M:%S} UTC"


def _in_words(span: timedelta) -> str:
    """A length as the clocks row writes it: 1:00, 15:00, 2 h 10 min, 3 days."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    if seconds < 48 * 3600:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{seconds // 86400} days"


def next_step(
    incident: Incident,
    user: User,
    running: list[Chip],
    tasks: list[Task],
    crew: Crew,
    asked: Decision | None,
    at: datetime,
) -> NextStep:
    """The first that applies: take it, a hole to fill, what my role owes, stop the bleeding, resolve, a task, close."""
    due = {chip.rule: chip for chip in running}
    if not user.may_declare:
        return NextStep("You are reading. An administrator can make you a responder.", "", "", "eye")
    if incident.is_open:
        waits = _step_to_fill(incident, user, due, crew) or _step_to_decide(user, crew, asked, at)
        return waits or _step_of_mine(incident, user, due, crew, tasks, at)
    if mine := _task_of_mine(user, tasks):
        return mine
    if incident.status == "resolved":
        postmortem = due.get(Rule.POSTMORTEM)
        until = postmortem.due_at if postmortem else None
        return NextStep("Write the postmortem, then close", "close", "Close", "check", until)
    return NextStep("Nothing for you here: it is over", "reopen", "Reopen…", "undo-2", asks=True)


def _step_to_fill(incident: Incident, user: User, due: dict[str, Chip], crew: Crew) -> NextStep | None:
    """A hole: nobody has it, a role is offered to me, nobody commands where the level wants it, I have not joined."""
    if not incident.acknowledged:
        return NextStep(
            "Nobody has it yet. Take it", "acknowledge", "Acknowledge", "user-check", _until(due, Rule.ACKNOWLEDGE)
        )
    if offer := crew.offer_to(user):
        sentence = f"{offer.giver} asks you to take over: {offer.get_role_display()}"
        return NextStep(sentence, "answer-handover", "Read the briefing…", "user-check", asks=True, of=offer.pk)
    if incident.severity.commander_by is not None and crew.is_empty(Role.COMMANDER):
        until = _until(due, Rule.COMMANDER)
        return NextStep("Nobody commands yet", "take-command", "Take command…", "hard-hat", until, asks=True)
    if not crew.has_joined(user):
        commander = crew.holder_of(Role.COMMANDER)
        who = f"{commander} commands" if commander else f"{incident.held_by} has it"
        return NextStep(f"{who}. Join if you can help", "join", "Join", "user-plus")
    joined = due.get(Rule.RESPOND)
    if incident.held_by_id == user.pk and joined and joined.due_at:
        return NextStep("You have it. Say when you are at it", "join", "Join", "user-plus", joined.due_at)
    return None


def _step_to_decide(user: User, crew: Crew, asked: Decision | None, at: datetime) -> NextStep | None:
    """What the commander asked everybody, or was asked: when the time for objections is over it waits for them."""
    if asked is None or user != crew.holder_of(Role.COMMANDER):
        return None
    until = asked.objections_until if asked.objections_until and asked.objections_until > at else None
    return NextStep(f"Decide: {asked.text}", "question", "Look and decide…", "gavel", until, asks=True, of=asked.pk)


def _step_of_mine(
    incident: Incident, user: User, due: dict[str, Chip], crew: Crew, tasks: list[Task], at: datetime
) -> NextStep:
    """What I owe: an update that is late or soon due where updates are mine, a task, else the work itself."""
    update = due.get(Rule.UPDATE)
    speaks = Role.COMMUNICATIONS if not crew.is_free(Role.COMMUNICATIONS) else Role.COMMANDER
    if update and update.look in {"soon", "missed"} and update.due_at and speaks in crew.held_by(user):
        return NextStep("Say how it stands", "post-update", "Post update…", "megaphone", update.due_at, asks=True)
    if waits := _task_to_ask_about(user, tasks, at) or _task_of_mine(user, tasks):
        return waits
    if incident.mitigated_at is None:
        until = _until(due, Rule.MITIGATE)
        return NextStep("Stop the bleeding", "mitigate", "Mark mitigated…", "shield-check", until, asks=True)
    return NextStep("Remove the cause, then resolve", "resolve", "Resolve…", "check", asks=True)


def _task_of_mine(user: User, tasks: list[Task]) -> NextStep | None:
    """My open task whose box ends first, or the oldest."""
    for task in tasks:
        if task.is_open and task.owner_id == user.pk:
            return NextStep(task.title, "task", "Say what came of it…", "check", task.due_at, asks=True, of=task.pk)
    return None


def _task_to_ask_about(user: User, tasks: list[Task], at: datetime) -> NextStep | None:
    """A task that I gave to somebody whose box has ended (I22)."""
    for task in tasks:
        if task.is_open and task.created_by_id == user.pk != task.owner_id and task.due_at and task.due_at <= at:
            sentence = f"Time is up: {task.title}. Ask {task.whose}"
            return NextStep(sentence, "task", "Decide…", "hourglass", task.due_at, asks=True, of=task.pk)
    return None


def _until(due: dict[str, Chip], rule: Rule) -> datetime | None:
    return due[rule].due_at if rule in due else None


@dataclass(frozen=True)
class LastUpdate:
    """The update that counts now; ``actor`` is empty where nobody wrote it."""

    seq: int
    occurred_at: datetime
    actor: str


@dataclass(frozen=True)
class Waiting:
    """What waits for a person's word, and what was said last."""

    proposal: SeverityProposal | None
    asked: Decision | None
    update: LastUpdate | None


def waiting(incident: Incident) -> Waiting:
    """The proposed severity, the question, the last update (1 query; 2 more for the objections to a question)."""
    said = updates.story(incident)
    unsettled, undecided = Q(proposals__settled_at=None), deciding.undecided("decisions__")
    row: Any = (
        Incident.objects.filter(pk=incident.pk)
        .annotate(proposal=FilteredRelation("proposals", condition=unsettled))
        .annotate(asked=FilteredRelation("decisions", condition=undecided))
        .annotate(update_seq=Subquery(said.values("seq")[:1]), update_at=Subquery(said.values("occurred_at")[:1]))
        .annotate(update_by=Subquery(said.values("actor__name")[:1]))
        .select_related("proposal__severity", "asked__asked_by")  # type: ignore[misc]
        .get()
    )
    proposal, asked = getattr(row, "proposal", None), getattr(row, "asked", None)  # set where there is one
    if asked:
        prefetch_related_objects([asked], "objections__person")
    update = LastUpdate(row.update_seq, row.update_at, row.update_by or "") if row.update_seq else None
    return Waiting(proposal, asked, update)
