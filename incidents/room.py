"""What the incident page says of the incident: its phases, its clocks, and the reader's next step. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from incidents import clocks
from incidents.models import Clock, Incident, Participant, PhaseEntry, Rule, SeverityProposal, Task, User
from incidents.states import ClockState, Phase

SOON_SHARE = 0.25  # of a clock's length
SOON_AT_LEAST = timedelta(seconds=60)


@dataclass(frozen=True)
class Step:
    """One of the five phases on the bar."""

    phase: Phase
    state: str  # done, now or next
    entered_at: datetime | None
    target_at: datetime | None
    late_by: timedelta | None


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


def phases(incident: Incident) -> list[Step]:
    """The bar: when each phase was entered, or when it should be (R-30, R-31: counted from detection)."""
    entered: dict[str, datetime] = {}
    for row in PhaseEntry.objects.filter(incident=incident).order_by("pk"):
        entered.setdefault(row.phase, row.entered_at)
    now = Phase(incident.phase)
    return [_step(incident, Phase(word), now, entered.get(word)) for word in Phase.order]


def _step(incident: Incident, phase: Phase, now: Phase, entered_at: datetime | None) -> Step:
    severity = incident.severity
    span = {
        Phase.DETECT: timedelta(0),
        Phase.RESPOND: severity.respond_target,
        Phase.MITIGATE: severity.mitigate_target,
        Phase.RESOLVE: severity.resolve_target,
        Phase.POSTMORTEM: severity.postmortem_target,
    }[phase]
    target_at = incident.detected_at + incident.scaled(span)
    late = entered_at - target_at if entered_at and entered_at > target_at else None
    state = "now" if phase == now else "done" if phase.position < now.position else "next"
    return Step(phase, state, entered_at if state != "next" else None, target_at, late if state != "next" else None)


def chips(incident: Incident, at: datetime) -> list[Chip]:
    """The clocks row, in the order in which the duties begin."""
    found = [_chip(clock, at) for clock in clocks.of(incident) if clock.state != ClockState.WAIVED]
    if incident.is_open and incident.severity.postmortem_rule != "optional":
        span = _in_words(incident.severity.postmortem_due)
        text = (
            f"A postmortem is {incident.severity.get_postmortem_rule_display().lower()} at {incident.severity.label}."
        )
        found.append(Chip("postmortem", "Postmortem", "wait", "notebook-pen", f"{span} after resolve", None, text))
    return found


def _chip(clock: Clock, at: datetime) -> Chip:
    length = clock.due_at - clock.started_at
    of = f"of {_in_words(length)}"
    explanation = (
        f"{clock.severity}: due {clock.due_at:%H:%M:%S} UTC, {_in_words(length)} after {clock.started_at:%H:%M:%S} UTC."
    )
    if clock.state == ClockState.MET and clock.met_at:
        return Chip(
            clock.rule,
            _label(clock),
            "met",
            "check",
            f"{_in_words(clock.met_at - clock.started_at)} {of}",
            None,
            explanation,
        )
    if clock.state == ClockState.BREACHED and clock.met_at:
        words = f"{_in_words(clock.met_at - clock.due_at)} late, {of}"
        return Chip(clock.rule, _label(clock), "missed", "circle-alert", words, None, explanation)
    if clock.state == ClockState.BREACHED or clock.due_at < at:
        return Chip(clock.rule, _label(clock), "missed", "circle-alert", of, clock.due_at, explanation)
    soon = clock.due_at - at <= max(length * SOON_SHARE, SOON_AT_LEAST)
    return Chip(
        clock.rule,
        _label(clock),
        "soon" if soon else "run",
        "hourglass" if soon else "clock",
        f"left {of}",
        clock.due_at,
        explanation,
    )


def _label(clock: Clock) -> str:
    return Rule(clock.rule).label


def _in_words(span: timedelta) -> str:
    """A length as the clocks row writes it: 1:00, 15:00, 2 h 10 min, 3 days."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    if seconds < 48 * 3600:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{seconds // 86400} days"


def next_step(incident: Incident, user: User, running: list[Chip], tasks: list[Task]) -> NextStep:
    """The first that applies: take it, join, stop the bleeding, resolve, a task, close; else nothing."""
    due = {chip.rule: chip.due_at for chip in running}
    if not user.may_declare:
        return NextStep("You are reading. An administrator can make you a responder.", "", "", "eye")
    if incident.is_open:
        return _step_while_open(incident, user, due)
    for task in tasks:
        if task.owner_id == user.pk and task.done_at is None:
            return NextStep(task.title, "", "", "check")
    if incident.status == "resolved":
        return NextStep("Write the postmortem, then close", "close", "Close", "check", due.get("postmortem"))
    return NextStep("Nothing for you here: it is over", "reopen", "Reopen…", "undo-2", asks=True)


def _step_while_open(incident: Incident, user: User, due: dict[str, datetime | None]) -> NextStep:
    if not incident.acknowledged:
        return NextStep(
            "Nobody has it yet. Take it", "acknowledge", "Acknowledge", "user-check", due.get("acknowledge")
        )
    if incident.held_by_id != user.pk and not _has_joined(incident, user):
        return NextStep(f"{incident.held_by} has it. Join if you can help", "join", "Join", "user-plus")
    if incident.mitigated_at is None:
        return NextStep(
            "Stop the bleeding", "mitigate", "Mark mitigated…", "shield-check", due.get("mitigate"), asks=True
        )
    return NextStep("Remove the cause, then resolve", "resolve", "Resolve…", "check", asks=True)


def _has_joined(incident: Incident, user: User) -> bool:
    return incident.participants.filter(user=user, joined_at__isnull=False).exists()


def responders_of(incident: Incident) -> list[Participant]:
    """Who has it first, then those who joined, in their order."""
    working = Q(joined_at__isnull=False) | Q(user=incident.held_by_id)
    parts = Participant.objects.filter(working, incident=incident).select_related("user").order_by("joined_at", "pk")
    return sorted(parts, key=lambda part: part.user_id != incident.held_by_id)


def tasks_of(incident: Incident) -> list[Task]:
    """The incident's tasks, open ones first."""
    rows = Task.objects.filter(incident=incident).select_related("owner", "done_by")
    return list(rows.order_by("done_at", "created_at", "pk"))


def proposal_of(incident: Incident) -> SeverityProposal | None:
    """The severity that is proposed and waits for an answer."""
    return SeverityProposal.objects.filter(incident=incident, settled_at=None).select_related("severity").first()
