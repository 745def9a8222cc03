"""Decisions: at once, or after asking “strong objections?” for a minute; the commander decides (I23, R-60)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from incidents import due, live, moves, rewriting, timeline
from incidents.models import Decision, EntryKind, Incident, Notice, Objection, Role, RoleHolder, User
from incidents.refusals import Conflict, Invalid, NotAllowed, TransitionError
from incidents.states import Status

WINDOW = timedelta(seconds=60)  # for strong objections


@transaction.atomic
def decide(incident: Incident, text: str, *, by: User, at: datetime, occurred_at: datetime | None = None) -> Decision:
    """Decide at once; ``occurred_at`` = when it was said.

    Raises:
        Invalid: no decision, too long a one, or a time that cannot be right.
        NotAllowed: somebody else commands.
        TransitionError: the incident is over.
    """
    locked = moves.lock(incident, None, at)
    moves.require_open(locked)
    _require_commander(locked, by)
    when = moves.event_time(locked, occurred_at, at)
    decision = Decision.objects.create(incident=locked, text=_checked(text), decided_at=when, decided_by=by)
    _tell(locked, EntryKind.DECISION, decision.text, by, at, decision, occurred_at=when)
    moves.keep(locked)
    return decision


@transaction.atomic
def ask(incident: Incident, text: str, *, by: User, at: datetime) -> Decision:
    """Ask everybody whether they object strongly; a minute later, or before, the commander decides.

    Raises:
        Invalid: no decision, or too long a one.
        TransitionError: another one is being asked, or the incident is over.
    """
    locked = moves.lock(incident, None, at)
    moves.require_open(locked)
    if open_one := asked(locked):
        raise TransitionError(f"One question at a time: “{open_one.text}” waits for a decision.")
    until = at + locked.scaled(WINDOW)
    decision = Decision.objects.create(
        incident=locked, text=_checked(text), asked_at=at, asked_by=by, objections_until=until
    )
    _tell(locked, EntryKind.ASKED, f"{decision.text}\n\nUntil {until:%H:%M:%S} UTC.", by, at, decision)
    moves.keep(locked)
    return decision


@transaction.atomic
def object_to(incident: Incident, pk: int, why: str, *, by: User, at: datetime) -> Objection:
    """Object strongly, with the reason; also after the minute, as long as nothing is decided.

    Raises:
        Invalid: no reason, or too long a one.
        TransitionError: it is decided or withdrawn, or there is no such question.
    """
    locked = moves.lock(incident, None, at)
    decision = _waiting(locked, pk)
    if not why.strip() or len(why.strip()) > 500:
        raise Invalid("why", "Say in at most 500 characters what would go wrong.")
    objection = Objection.objects.create(decision=decision, person=by, text=why.strip(), at=at)
    _tell(locked, EntryKind.OBJECTION, objection.text, by, at, decision)
    moves.keep(locked)
    return objection


@transaction.atomic
def settle(incident: Incident, pk: int, *, by: User, at: datetime, heard: int | None = None) -> Decision:
    """Decide what was asked. ``heard`` is how many objections the commander has read: one more refuses.

    Raises:
        Conflict: an objection came in since.
        NotAllowed: somebody else commands.
        TransitionError: it is decided or withdrawn, or there is no such question, or the incident is over.
    """
    locked = moves.lock(incident, None, at)
    moves.require_open(locked)
    decision = _waiting(locked, pk)
    _require_commander(locked, by)
    objections = list(decision.objections.select_related("person").order_by("at", "pk"))
    if heard is not None and len(objections) > heard:
        last = objections[-1]
        raise Conflict(f"{last.person} objects: {last.text.rstrip('.')}. Read it, then decide.")
    decision.decided_at, decision.decided_by = at, by
    decision.save(update_fields=["decided_at", "decided_by"])
    names = ", ".join(dict.fromkeys(str(row.person) for row in objections))
    heard_of = f"Against the objection of {names}." if names else "Nobody objected strongly."
    _tell(locked, EntryKind.DECISION, f"{decision.text}\n\n{heard_of}", by, at, decision)
    moves.keep(locked)
    return decision


@transaction.atomic
def withdraw(incident: Incident, pk: int, *, by: User, at: datetime) -> Decision:
    """Take a question back without a decision: whoever asked it, or the commander.

    Raises:
        NotAllowed: it is neither of them.
        TransitionError: it is decided or withdrawn, or there is no such question.
    """
    locked = moves.lock(incident, None, at)
    decision = _waiting(locked, pk)
    if decision.asked_by_id != by.pk:
        _require_commander(locked, by)
    decision.withdrawn_at = at
    decision.save(update_fields=["withdrawn_at"])
    _tell(locked, EntryKind.ASKED, f"Withdrawn: {decision.text}", by, at, decision)
    moves.keep(locked)
    return decision


def undecided(of: str = "") -> Q:
    """A question that waits for its decision; ``of`` is the way to it from another row, such as ``decisions__``."""
    return Q(**{f"{of}decided_at": None, f"{of}withdrawn_at": None})


def asked(incident: Incident) -> Decision | None:
    """The question that waits for its decision, with its objections and their people (at most 2 queries)."""
    rows = Decision.objects.filter(undecided(), incident=incident)
    return rows.select_related("asked_by").prefetch_related("objections__person").first()


def waiting(at: datetime) -> QuerySet[Decision]:
    """Questions on open incidents whose time for objections is over, and whose commander has not been told."""
    rows = Decision.objects.filter(undecided(), prompted_at=None, objections_until__lte=at)
    return rows.filter(incident__status=Status.OPEN).order_by("objections_until", "pk")


def prompt_due(at: datetime) -> due.Done:
    """Tell each commander that the time for objections is over: the due source ``questions``."""
    return due.do_set("questions", waiting(at), _prompt, at)


@transaction.atomic
def _prompt(ids: Sequence[int], at: datetime) -> int:
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("severity")
    wanted = Decision.objects.filter(pk__in=ids).values("incident")
    incidents = {row.pk: row for row in rows.filter(pk__in=wanted).order_by("pk")}
    found = list(
        waiting(at)
        .filter(pk__in=ids, incident__in=incidents)
        .annotate(heard=Count("objections"))
        .select_related("asked_by")
    )
    held = RoleHolder.objects.filter(incident__in=incidents, role=Role.COMMANDER, until=None).select_related("person")
    commanders = {row.incident_id: row.person for row in held}
    notices = []
    for question in found:
        question.prompted_at = at
        incident, person = incidents[question.incident_id], commanders.get(question.incident_id) or question.asked_by
        if person and person.is_active:
            notices.append(_notice(incident, question, person, at))
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    rewriting.save(found, ["prompted_at"])
    live.announce({row.pk: row.timeline_seq for row in incidents.values()})
    return len(found)


def _notice(incident: Incident, question: Decision, person: User, at: datetime) -> Notice:
    heard: int = question.heard  # type: ignore[attr-defined]
    objections = (
        "Nobody objected" if not heard else "There is one objection" if heard == 1 else f"There are {heard} objections"
    )
    return Notice(
        person=person,
        incident=incident,
        subject=f"{incident.ref}: decide now",
        text=f"{incident.severity}: {incident.title}. The time for objections is over. {objections}: {question.text}",
        path=incident.get_absolute_url(),
        channels=incident.severity.channels,
        due_at=at,
        dedupe_key=f"question:{question.pk}:{person.pk}",
    )


def of(incident: Incident) -> list[Decision]:
    """All decisions and questions, the oldest first, with their people."""
    rows = Decision.objects.filter(incident=incident).select_related("asked_by", "decided_by")
    return list(rows.prefetch_related("objections__person").order_by("pk"))


def may_decide(incident: Incident, user: User) -> bool:
    """The person commands, or nobody does."""
    commander = _commander(incident)
    return user.may_declare and (commander is None or commander.pk == user.pk)


def _commander(incident: Incident) -> User | None:
    row = RoleHolder.objects.filter(incident=incident, role=Role.COMMANDER, until=None).select_related("person").first()
    return row.person if row else None


def _require_commander(incident: Incident, by: User) -> None:
    commander = _commander(incident)
    if commander and commander.pk != by.pk:
        raise NotAllowed(f"{commander} commands and decides. Ask for strong objections: {commander} sees it at once.")


def _waiting(incident: Incident, pk: int) -> Decision:
    decision = Decision.objects.filter(incident=incident, pk=pk).select_related("decided_by").first()
    if decision is None:
        raise TransitionError(f"{incident.ref} has no such question.")
    if decision.decided_at:
        raise TransitionError(f"{decision.decided_by} has decided it already.")
    if decision.withdrawn_at:
        raise TransitionError("It was withdrawn.")
    return decision


def _checked(text: str) -> str:
    if not text.strip() or len(text.strip()) > 1000:
        raise Invalid("text", "Say in at most 1000 characters what is to be done.")
    return text.strip()


def _tell(
    incident: Incident, kind: EntryKind, text: str, by: User, at: datetime, decision: Decision, **more: Any
) -> None:
    data = {"decision": decision.pk}
    timeline.write([timeline.Line(incident, kind, text, by=by, data=data, **more)], at=at)
