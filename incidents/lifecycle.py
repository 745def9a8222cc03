"""What can be done to an incident: the only writer of its state.

Each deed locks the incident, reads it again, decides, writes its timeline and runs the hooks of the floors above inside
the same transaction; ``incident_moved`` follows on commit.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from incidents import clocks, moves, questions
from incidents.models import (
    EntryKind,
    Impact,
    Incident,
    PhaseEntry,
    Rule,
    Service,
    Severity,
    User,
)
from incidents.refusals import Invalid, TransitionError
from incidents.states import Detection, Kind, Phase, Status


@dataclass(frozen=True)
class Declaration:
    """What is said when an incident is declared. Times are aware and UTC; None = unknown or now."""

    title: str
    service: Service
    severity: Severity
    kind: str = Kind.REAL
    time_scale: int = 1
    affected_services: tuple[Service, ...] = ()
    detected_at: datetime | None = None
    impact_started_at: datetime | None = None
    affected_percent: int | None = None
    workaround: str = ""
    private: bool = False
    detection: str = Detection.USER_REPORT
    suggested_severity: Severity | None = None
    assessment: dict[str, str] = field(default_factory=dict)
    severity_assumed: bool = False
    group_key: str = ""
    policy: str = ""  # slug; empty = the one of the service and severity
    summary: str = ""


@transaction.atomic
def declare(said: Declaration, *, by: User | None, at: datetime) -> Incident:
    """Open an incident and start its contract; ``by`` None = a monitoring system did.

    Raises:
        Invalid: an empty title, a retired service, a time in the future, a scale outside drills.
    """
    _check(said, at)
    detected_at = said.detected_at or at
    suggestion = questions.suggest(said.assessment)
    incident = Incident(
        number=_next_number(),
        title=said.title.strip(),
        kind=said.kind,
        severity=said.severity,
        peak_severity=said.severity,
        suggested_severity=said.suggested_severity or (suggestion.severity if suggestion else None),
        suggested_because=suggestion.because[:600] if suggestion else "",
        assessment=said.assessment,
        severity_assumed=said.severity_assumed,
        contract_started_at=at,
        service=said.service,
        affected_percent=said.affected_percent,
        workaround=said.workaround.strip(),
        private=said.private,
        time_scale=said.time_scale,
        detection=said.detection,
        summary=said.summary.strip(),
        impact_started_at=said.impact_started_at,
        detected_at=detected_at,
        declared_at=at,
        declared_by=by,
        group_key=said.group_key,
        policy=said.policy,
    )
    incident.refresh_urgency()
    incident.save(force_insert=True)
    incident.affected_services.set(said.affected_services)
    PhaseEntry.objects.create(incident=incident, phase=Phase.DETECT, entered_at=detected_at)
    Impact.objects.create(incident=incident, started_at=said.impact_started_at or detected_at)
    if by:
        moves.take_part(incident, by, why="declared", at=at)
    moves.tell(
        incident,
        EntryKind.DETECTED,
        f"by {incident.get_detection_display().lower()}",
        None,
        at,
        occurred_at=detected_at,
    )
    moves.tell(incident, EntryKind.DECLARED, f"{incident.severity} on {incident.service}: {incident.title}", by, at)
    if suggestion and suggestion.severity != said.severity:
        text = f"{suggestion.severity.label} was suggested ({suggestion.because}); {said.severity.label} was chosen."
        moves.tell(incident, EntryKind.SEVERITY, text, by, at)
    clocks.start_contract(incident)
    return moves.finish(incident, "declared", at)


@transaction.atomic
def acknowledge(
    incident: Incident,
    *,
    by: User,
    at: datetime,
    occurred_at: datetime | None = None,
    note: str = "",
    version: int | None = None,
    via: str = "",
) -> Incident:
    """Take the incident in hand: what waits on “unacknowledged” is parked. ``via`` names the way, such as “by phone”.

    Raises:
        TransitionError: somebody has it in hand already, or it is over.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    if locked.acknowledged:
        raise TransitionError(f"{locked.held_by} has acknowledged {locked.ref} already. You can join.")
    moves.acknowledged(locked, by, moves.event_time(locked, occurred_at, at), at, via=via)
    moves.note(locked, note, by, at)
    return moves.finish(locked, "acknowledged", at)


@transaction.atomic
def join(incident: Incident, *, by: User, at: datetime) -> Incident:
    """Begin to work on the incident; the first who joins has acknowledged it.

    Raises:
        TransitionError: it is over, or the person has joined already.
    """
    locked = moves.lock(incident, None, at)
    moves.require_open(locked)
    taking_part = moves.take_part(locked, by, why="joined", at=at)
    if taking_part.joined_at:
        raise TransitionError(f"You have joined {locked.ref} already.")
    taking_part.joined_at = at
    taking_part.save(update_fields=["joined_at"])
    clocks.meet(locked, Rule.RESPOND, at)
    if not locked.acknowledged:
        moves.acknowledged(locked, by, at, at)
        return moves.finish(locked, "acknowledged", at)
    moves.tell(locked, EntryKind.JOINED, "Joined.", by, at)
    return moves.finish(locked, "joined", at)


@transaction.atomic
def enter_phase(incident: Incident, *, to: Phase, by: User, at: datetime, version: int | None = None) -> Incident:
    """Go on to respond or mitigate; later phases are entered by marking mitigated and by resolving.

    Raises:
        TransitionError: the phase lies behind, or another deed leads there.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    if to not in {Phase.RESPOND, Phase.MITIGATE}:
        raise TransitionError(f"The phase {to.label} is entered by marking the incident mitigated or resolved.")
    if not locked.acknowledged:
        moves.acknowledged(locked, by, at, at)
    clocks.meet(locked, Rule.RESPOND, at)
    if to != locked.phase:
        moves.enter(locked, to, at)
        moves.tell(locked, EntryKind.PHASE, f"Entered {to.label}.", by, at)
    return moves.finish(locked, "acknowledged", at)


@transaction.atomic
def mitigate(
    incident: Incident,
    *,
    what: str,
    by: User,
    at: datetime,
    occurred_at: datetime | None = None,
    impact_over: bool = False,
    note: str = "",
    version: int | None = None,
) -> Incident:
    """Record that the bleeding stopped, when and by what; ``impact_over`` = users are well again as well.

    Raises:
        Invalid: nothing is said of what worked, or the time cannot be right.
        TransitionError: it is mitigated already, or over.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    if locked.mitigated_at:
        raise TransitionError(f"{locked.ref} is mitigated already.")
    if not what.strip():
        raise Invalid("what", "Say what stopped it, in a few words.")
    when = moves.event_time(locked, occurred_at, at)
    if not locked.acknowledged:
        moves.acknowledged(locked, by, when, at)
    locked.mitigated_at, locked.mitigation = when, what.strip()[:500]
    if impact_over:
        moves.recovered(locked, when)
    moves.enter(locked, Phase.RESOLVE, when)
    clocks.meet(locked, Rule.RESPOND, when)
    clocks.meet(locked, Rule.MITIGATE, when)
    over = f"{locked.mitigation.rstrip('.')}. Users are well again."
    moves.tell(locked, EntryKind.MITIGATED, over if impact_over else locked.mitigation, by, at, occurred_at=when)
    moves.note(locked, note, by, at)
    return moves.finish(locked, "mitigated", at)


@transaction.atomic
def resolve(
    incident: Incident,
    *,
    by: User | None,
    at: datetime,
    occurred_at: datetime | None = None,
    recovered_at: datetime | None = None,
    root_cause: str = "",
    not_yet_because: str = "",
    note: str = "",
    version: int | None = None,
) -> Incident:
    """End the work; ``by`` None = the source says it is over. A missing root cause never blocks (R-35, I32).

    Raises:
        Invalid: a time that cannot be right.
        TransitionError: it is not open.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    when = moves.event_time(locked, occurred_at, at)
    locked.move_to(Status.RESOLVED)
    if by and not locked.acknowledged:
        moves.acknowledged(locked, by, when, at)
    if recovered_at and not locked.detected_at <= recovered_at <= when:
        raise Invalid("recovered_at", "Users recovered between the detection and the resolution. Check the time.")
    if locked.recovered_at is None:
        moves.recovered(locked, recovered_at or when)
    locked.resolved_at = when
    locked.root_cause, locked.not_yet_because = root_cause.strip(), not_yet_because.strip()
    moves.enter(locked, Phase.POSTMORTEM, when)
    clocks.meet(locked, Rule.MITIGATE, when)
    clocks.meet(locked, Rule.RESOLVE, when)
    clocks.waive(locked, at=at, why="resolved")
    clocks.start_postmortem(locked, when)
    text = locked.root_cause or ("The source says that it is over." if by is None else "No root cause is named yet.")
    moves.tell(locked, EntryKind.RESOLVED, text, by, at, occurred_at=when)
    moves.note(locked, note, by, at)
    return moves.finish(locked, "resolved", at)


@transaction.atomic
def reopen(
    incident: Incident,
    *,
    reason: str,
    by: User | None,
    at: datetime,
    occurred_at: datetime | None = None,
    note: str = "",
    version: int | None = None,
) -> Incident:
    """Take the work up again: a second impact begins when it came back, the contract and the ladder start anew now.

    Nobody has it in hand until somebody says so; the first acknowledgement stays on record.

    Raises:
        Invalid: no reason, or a time that cannot be right.
        TransitionError: it is open.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    if locked.merged_into_id:
        raise TransitionError(f"{locked.ref} is merged into another incident. Take it out of there again.")
    locked.move_to(Status.OPEN)
    if not reason.strip():
        raise Invalid("reason", "Say why it is open again.")
    when = moves.after_resolution(locked, occurred_at, at)
    locked.resolved_at = locked.closed_at = locked.mitigated_at = locked.recovered_at = None
    locked.mitigation = locked.ended_because = ""
    locked.held_by = locked.held_since = None
    locked.contract_started_at = at
    Impact.objects.get_or_create(incident=locked, ended_at=None, defaults={"started_at": when})
    if Phase(locked.phase).may_become(Phase.MITIGATE):
        moves.enter(locked, Phase.MITIGATE, when)
    clocks.waive(locked, Rule.POSTMORTEM, at=at, why="reopened")
    clocks.restart_contract(locked, at=at, why="reopened")
    moves.tell(locked, EntryKind.REOPENED, reason.strip(), by, at, occurred_at=when)
    moves.note(locked, note, by, at)
    return moves.finish(locked, "reopened", at)


@transaction.atomic
def close(
    incident: Incident,
    *,
    by: User,
    at: datetime,
    occurred_at: datetime | None = None,
    note: str = "",
    version: int | None = None,
) -> Incident:
    """Say that all duties are done.

    Raises:
        Invalid: a time that cannot be right.
        TransitionError: it is not resolved, or a duty is not done: all of them are named.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    locked.move_to(Status.CLOSED)
    locked.closed_at = moves.after_resolution(locked, occurred_at, at)
    moves.require_closable(locked)
    moves.tell(locked, EntryKind.CLOSED, "Closed.", by, at, occurred_at=locked.closed_at)
    moves.note(locked, note, by, at)
    return moves.finish(locked, "closed", at)


@transaction.atomic
def decline(incident: Incident, *, reason: str, by: User, at: datetime, version: int | None = None) -> Incident:
    """Say that it was no incident: a false alarm.

    Raises:
        Invalid: no reason.
        TransitionError: it is not open.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    locked.move_to(Status.DECLINED)
    if not reason.strip():
        raise Invalid("reason", "Say why this was no incident.")
    locked.ended_because = reason.strip()
    Impact.objects.filter(incident=locked, ended_at=None).update(ended_at=at)
    clocks.waive(locked, at=at, why="declined")
    moves.tell(locked, EntryKind.DECLINED, locked.ended_because, by, at)
    return moves.finish(locked, "declined", at)


def _check(said: Declaration, at: datetime) -> None:
    if not said.title.strip():
        raise Invalid("title", "Say what is wrong, in a few words.")
    if len(said.title.strip()) > 200:
        raise Invalid("title", "Keep it to 200 characters; the timeline takes the rest.")
    if not said.service.is_active:
        raise Invalid("service", f"{said.service} is retired. Choose the service that took its place.")
    if said.time_scale != 1 and said.kind not in Kind.scaled:
        raise Invalid("time_scale", "Only a drill runs faster than time.")
    if not 1 <= said.time_scale <= 100:
        raise Invalid("time_scale", "Use a whole number from 1 to 100.")
    if said.affected_percent is not None and not 0 <= said.affected_percent <= 100:
        raise Invalid("affected_percent", "Use a percentage from 0 to 100.")
    for name in ("detected_at", "impact_started_at"):
        moment = getattr(said, name)
        if moment and moment > at:
            raise Invalid(name, "This time lies in the future.")


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('incidents_incident_number')")
        return int(cursor.fetchone()[0])
