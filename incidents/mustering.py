"""All hands: call the teams that own affected services together, keep the roll-call, let people go (R-19, C-17).

The deeds write who is called; ``oncall`` pages them by its hook. At P0 it happens by itself after five minutes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, DurationField, Exists, ExpressionWrapper, F, OuterRef, QuerySet, Value

from incidents import due, moves
from incidents.models import EntryKind, Incident, Membership, Muster, MusterCall, Participant, Rank, Team, User
from incidents.refusals import Invalid, TransitionError
from incidents.states import Kind, Status

BY_ITSELF_AFTER = timedelta(minutes=5)
HANDS = (Rank.ENGINEER, Rank.LEAD, Rank.EXPERT)  # the ladder calls directors and executives at their time


@dataclass(frozen=True)
class Line:
    """One person of the roll-call. ``state`` is called, joined or released."""

    call: MusterCall
    state: str


@transaction.atomic
def call(
    incident: Incident, *, by: User | None, at: datetime, teams: Collection[Team] = (), version: int | None = None
) -> Incident:
    """Call everybody of the teams that own affected services, and of ``teams``; ``by`` None = it came due.

    Raises:
        TransitionError: it is over, nobody could be called, or all hands are called already.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    known = Muster.objects.filter(incident=locked, contract_started_at=locked.contract_started_at).first()
    if known and known.called_at:
        raise TransitionError("All hands are called already.")
    if known is None:
        known = Muster(incident=locked, contract_started_at=locked.contract_started_at)
    known.called_at, known.by, known.declined_because = at, by, ""
    known.save()
    called = _call_members(known, _teams_of(locked) | {team.pk for team in teams}, at)
    text = f"All hands: {called or 'nobody can be called'}."
    moves.tell(locked, EntryKind.MUSTER, text if by else f"{text} It came due five minutes after the start.", by, at)
    return moves.finish(locked, "mustered", at)


@transaction.atomic
def decline(incident: Incident, *, reason: str, by: User, at: datetime, version: int | None = None) -> Incident:
    """Say that all hands are not needed.

    Raises:
        Invalid: no reason.
        TransitionError: it is over, or it is decided already.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    if not reason.strip():
        raise Invalid("reason", "Say why all hands are not needed.")
    if Muster.objects.filter(incident=locked, contract_started_at=locked.contract_started_at).exists():
        raise TransitionError("It is decided already.")
    Muster.objects.create(
        incident=locked,
        contract_started_at=locked.contract_started_at,
        declined_because=reason.strip()[:300],
        by=by,
    )
    moves.tell(locked, EntryKind.MUSTER, f"All hands are not needed: {reason.strip()}", by, at)
    return moves.finish(locked, "muster declined", at)


@transaction.atomic
def release(incident: Incident, *, by: User, at: datetime, person: int | None = None) -> Incident:
    """Let one person go, by key, or everybody (None).

    Raises:
        TransitionError: nobody is left to be released.
    """
    locked = moves.lock(incident, None, at)
    calls = MusterCall.objects.filter(muster__incident=locked, released_at=None).select_related("person")
    chosen = list((calls.filter(person=person) if person is not None else calls).order_by("pk"))
    if not chosen:
        raise TransitionError("Nobody is left to be released.")
    calls.filter(pk__in=[row.pk for row in chosen]).update(released_at=at)
    if not calls.exists():
        Muster.objects.filter(incident=locked, ended_at=None, called_at__isnull=False).update(ended_at=at)
    names = ", ".join(str(row.person) for row in chosen) if len(chosen) < 4 else f"{len(chosen)} people"
    moves.tell(locked, EntryKind.MUSTER, f"Released: {names}.", by, at)
    return moves.finish(locked, "released", at)


def present(incident: Incident) -> Muster | None:
    """What was decided under the present contract, or still runs from an earlier one."""
    rows = Muster.objects.filter(incident=incident).select_related("by").order_by("-pk")
    return next(
        (row for row in rows if row.contract_started_at == incident.contract_started_at or not row.ended_at), None
    )


def roll_call(muster: Muster) -> dict[str, list[Line]]:
    """Team -> its people with what became of them (2 queries)."""
    joined = set(
        Participant.objects.filter(incident=muster.incident_id, joined_at__isnull=False).values_list("user", flat=True)
    )
    rows = MusterCall.objects.filter(muster=muster).select_related("team", "person").order_by("team__name", "pk")
    found: dict[str, list[Line]] = {}
    for row in rows:
        state = "released" if row.released_at else "joined" if row.person_id in joined else "called"
        found.setdefault(row.team.name, []).append(Line(row, state))
    return found


def comes_at(incident: Incident) -> datetime | None:
    """When all hands are called by themselves; None where they are not."""
    if incident.severity_id != 0 or not incident.is_open or incident.mitigated_at or incident.kind in Kind.silent:
        return None
    return incident.due(BY_ITSELF_AFTER)


def call_due(at: datetime) -> due.Done:
    """Call all hands where five minutes of a P0 have passed undecided: the due source ``musters``."""
    return due.do_set("musters", waiting(at), call_set, at)


def waiting(at: datetime) -> QuerySet[Incident]:
    """Open, unmitigated P0 whose five minutes are over and whose commander decided nothing."""
    decided = Muster.objects.filter(incident=OuterRef("pk"), contract_started_at=OuterRef("contract_started_at"))
    wait = ExpressionWrapper(Value(BY_ITSELF_AFTER) / F("time_scale"), output_field=DurationField())
    comes = ExpressionWrapper(F("contract_started_at") + wait, output_field=DateTimeField())
    rows = Incident.objects.filter(~Exists(decided), status=Status.OPEN, severity=0, mitigated_at=None)
    rows = rows.exclude(kind__in=Kind.silent).annotate(comes=comes).filter(comes__lt=at)
    return rows.order_by("contract_started_at", "pk")


@transaction.atomic
def call_set(ids: Sequence[int], at: datetime) -> int:
    """Call all hands of these incidents where it is time, locked first and read again."""
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    locked = list(rows.filter(pk__in=ids).order_by("pk"))
    fresh = set(waiting(at).filter(pk__in=[row.pk for row in locked]).values_list("pk", flat=True))
    for incident in locked:
        if incident.pk in fresh:
            call(incident, by=None, at=at)
    return len(fresh)


def _teams_of(incident: Incident) -> set[int]:
    return {incident.service.team_id, *incident.affected_services.values_list("team", flat=True)}


def _call_members(muster: Muster, team_ids: set[int], at: datetime) -> str:
    """Write the roll-call; return the teams with their numbers in words."""
    members = Membership.objects.filter(team__in=team_ids, rank__in=HANDS, user__is_active=True)
    calls: dict[int, MusterCall] = {}
    for row in members.select_related("team", "user").order_by("team__name", "pk"):
        if row.user.may_declare:
            new = MusterCall(muster=muster, team=row.team, person=row.user, called_at=at)
            calls.setdefault(row.user_id, new)
    MusterCall.objects.bulk_create(calls.values(), ignore_conflicts=True)
    counts: dict[str, int] = {}
    for made in calls.values():
        moves.take_part(muster.incident, made.person, why="added", at=at)
        counts[made.team.name] = counts.get(made.team.name, 0) + 1
    return ", ".join(f"{name} ({count})" for name, count in counts.items())
