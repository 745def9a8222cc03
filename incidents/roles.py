"""Who holds which role: join, assign, hand over, release; the commander's one gesture. The only writer of holders."""

from datetime import datetime

from django.db import transaction

from incidents import briefing, clocks, grading, moves
from incidents.models import (
    HANDS_ON,
    EntryKind,
    Handover,
    Incident,
    Notice,
    Role,
    RoleCard,
    RoleHolder,
    Rule,
    Severity,
    User,
)
from incidents.refusals import Invalid, NotAllowed, TransitionError


@transaction.atomic
def join(incident: Incident, role: Role, *, by: User, at: datetime, version: int | None = None) -> Incident:
    """Take a role that nobody holds; whoever takes one has joined, and the first of all has acknowledged.

    Raises:
        TransitionError: it is over, or somebody holds the role.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    holder = current(locked, role)
    if holder:
        who = "You hold" if holder.person_id == by.pk else f"{holder.person} holds"
        raise TransitionError(f"{who} the role {role.label} already.")
    move = _step_in(locked, by, at)
    _give(locked, role, by, how="joined", by=by, at=at)
    return moves.finish(locked, move, at)


@transaction.atomic
def assign(
    incident: Incident, role: Role, person: User, *, by: User, at: datetime, version: int | None = None
) -> Incident:
    """Give a role to somebody at once; whoever held it holds it no longer. The person is told.

    Raises:
        Invalid: a person who is inactive, only reads, or may not see a private incident.
        TransitionError: it is over, or the person holds the role.
        StaleVersion: it changed since ``version``.
    """
    if person == by and current(incident, role) is None:
        return join(incident, role, by=by, at=at, version=version)
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    _check_person(locked, person)
    holder = current(locked, role)
    if holder and holder.person_id == person.pk:
        raise TransitionError(f"{person} holds the role {role.label} already.")
    _give(locked, role, person, how="assigned", by=by, at=at)
    if person != by:
        _notify(locked, person, f"you are {role.label}", f"{by} has made you {role.label}.", at)
    return moves.finish(locked, "role", at)


@transaction.atomic
def release(incident: Incident, role: Role, *, by: User, at: datetime, version: int | None = None) -> Incident:
    """Empty a role.

    Raises:
        TransitionError: nobody holds it.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    holder = current(locked, role)
    if holder is None:
        raise TransitionError(f"Nobody holds the role {role.label}.")
    _end(locked, holder, at)
    who = "" if holder.person_id == by.pk else f" {holder.person} is free."
    moves.tell(locked, EntryKind.ROLE, f"{role.label} is empty.{who}", by, at)
    return moves.finish(locked, "role", at)


@transaction.atomic
def offer(incident: Incident, role: Role, to: User, *, by: User, at: datetime, version: int | None = None) -> Handover:
    """Offer a role to somebody with a briefing of what stands now; it changes hands when they accept.

    Raises:
        Invalid: a person who cannot take it.
        NotAllowed: it is neither the holder nor the commander who offers.
        TransitionError: nobody holds it, it is over, or it is on offer.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    holder = current(locked, role)
    if holder is None:
        raise TransitionError(f"Nobody holds the role {role.label}: it can be joined.")
    if by.pk != holder.person_id and not _commands(locked, by) and not by.is_administrator:
        raise NotAllowed(f"{holder.person} or the commander hands over the role {role.label}.")
    _check_person(locked, to)
    if to.pk == holder.person_id:
        raise Invalid("person", f"{to} holds the role already.")
    waiting = Handover.objects.filter(incident=locked, role=role, settled_at=None).select_related("receiver").first()
    if waiting:
        raise TransitionError(f"{role.label} is on offer to {waiting.receiver} already.")
    text = briefing.write(locked, role, at)
    handover = Handover.objects.create(
        incident=locked, role=role, giver=holder.person, receiver=to, briefing=text, offered_at=at
    )
    moves.take_part(locked, to, why="added", at=at)
    moves.tell(locked, EntryKind.ROLE, f"{role.label} is offered to {to} with a briefing.", by, at)
    _notify(locked, to, f"take over {role.label}?", f"{by} asks you to take over.\n\n{text}", at)
    moves.finish(locked, "role", at)
    return handover


@transaction.atomic
def answer(incident: Incident, pk: int, *, accept: bool, by: User, at: datetime) -> Incident:
    """Accept or decline what was offered; whoever offered it, or the commander, may withdraw it by declining.

    Raises:
        NotAllowed: it was offered to somebody else.
        TransitionError: it is settled, or it is over.
    """
    locked = moves.lock(incident, None, at)
    offered = Handover.objects.filter(incident=locked, pk=pk).select_related("giver", "receiver").first()
    if offered is None or offered.settled_at:
        raise TransitionError("This hand-over is settled already.")
    mine = offered.receiver_id == by.pk
    if not mine and (accept or (offered.giver_id != by.pk and not _commands(locked, by))):
        raise NotAllowed(f"{offered.receiver} answers this.")
    role = Role(offered.role)
    offered.settled_at = at
    offered.outcome = "accepted" if accept else "declined" if mine else "withdrawn"
    offered.save(update_fields=["settled_at", "outcome"])
    if not accept:
        moves.tell(locked, EntryKind.ROLE, f"The hand-over of {role.label} is {offered.outcome}.", by, at)
        return moves.finish(locked, "role", at)
    moves.require_open(locked)
    move = _step_in(locked, by, at)
    _give(locked, role, by, how="handed over", by=by, at=at)
    return moves.finish(locked, move, at)


@transaction.atomic
def take_command(
    incident: Incident,
    *,
    severity: Severity,
    by: User,
    at: datetime,
    bridge: str = "",
    reason: str = "",
    version: int | None = None,
) -> Incident:
    """The commander's one gesture (R-59): confirm the level, open the room, ask for the roles.

    Raises:
        Invalid: another level without a reason.
        TransitionError: it is over, or somebody else commands.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    holder = current(locked, Role.COMMANDER)
    if holder and holder.person_id != by.pk:
        raise TransitionError(f"{holder.person} commands already. Ask for a hand-over, or join.")
    if severity.pk != locked.severity_id or locked.severity_assumed:
        confirmed = f"{severity.label} confirmed by the commander" if severity.pk == locked.severity_id else reason
        locked = grading.change_severity(locked, to=severity, reason=confirmed, by=by, at=at)
    else:
        moves.tell(locked, EntryKind.SEVERITY, f"{severity.label} is confirmed.", by, at)
    move = _step_in(locked, by, at)
    if holder is None:
        _give(locked, Role.COMMANDER, by, how="joined", by=by, at=at)
    locked.bridge = bridge.strip()[:300] or locked.bridge
    asked = _ask_for_roles(locked, by, at)
    where = f" People talk at {locked.bridge}." if locked.bridge else " People talk here, on this page."
    needs = f" Asked for: {asked}." if asked else ""
    moves.tell(locked, EntryKind.ROLE, f"The room is open.{where}{needs}", by, at)
    return moves.finish(locked, move, at)


@transaction.atomic
def work_on(incident: Incident, what: str, *, by: User, at: datetime) -> Incident:
    """Say what one is working on (R-57); empty = nothing in particular.

    Raises:
        Invalid: too long a text.
        TransitionError: it is over.
    """
    locked = moves.lock(incident, None, at)
    moves.require_open(locked)
    if len(what.strip()) > 160:
        raise Invalid("what", "Keep it to 160 characters.")
    move = _step_in(locked, by, at)
    part = moves.take_part(locked, by, why="joined", at=at)
    part.working_on = what.strip()
    part.save(update_fields=["working_on"])
    return moves.finish(locked, move, at)


def current(incident: Incident, role: Role) -> RoleHolder | None:
    """Who holds the role now, with the person."""
    rows = RoleHolder.objects.filter(incident=incident, role=role, until=None)
    return rows.select_related("person").first()


def _step_in(incident: Incident, by: User, at: datetime) -> str:
    """Count the person among those who work on it; return the move that this amounts to."""
    part = moves.take_part(incident, by, why="joined", at=at)
    fresh = part.joined_at is None
    if fresh:
        part.joined_at = at
        part.save(update_fields=["joined_at"])
    clocks.meet(incident, Rule.RESPOND, at)
    if incident.acknowledged:
        return "joined" if fresh else "role"
    moves.acknowledged(incident, by, at, at)
    return "acknowledged"


def _give(incident: Incident, role: Role, person: User, *, how: str, by: User, at: datetime) -> None:
    before = current(incident, role)
    if before:
        _end(incident, before, at)
    moves.take_part(incident, person, why="added", at=at)
    RoleHolder.objects.create(incident=incident, role=role, person=person, since=at, how=how, by=by)
    if role == Role.COMMANDER:
        clocks.meet(incident, Rule.COMMANDER, at)
    verb = {"joined": "takes", "assigned": "is given", "handed over": "has taken over"}[how]
    follows = f" from {before.person}" if before else ""
    moves.tell(incident, EntryKind.ROLE, f"{person} {verb} the role {role.label}{follows}.", by, at)
    _warn_of_two_hats(incident, person, role, at)


def _end(incident: Incident, holder: RoleHolder, at: datetime) -> None:
    holder.until = at
    holder.save(update_fields=["until"])
    Handover.objects.filter(incident=incident, role=holder.role, settled_at=None).update(
        settled_at=at, outcome="withdrawn"
    )


def _warn_of_two_hats(incident: Incident, person: User, role: Role, at: datetime) -> None:
    """A commander with their hands in the machine loses the overview: warn, log, never block (I19)."""
    held = set(RoleHolder.objects.filter(incident=incident, person=person, until=None).values_list("role", flat=True))
    if Role.COMMANDER in held and held & set(HANDS_ON):
        others = ", ".join(Role(word).label for word in Role.values if word in held and word != Role.COMMANDER)
        text = f"{person} wears two hats: {Role.COMMANDER.label} and {others}. Hand one over as soon as somebody can."
        moves.tell(incident, EntryKind.ROLE, text, None, at, data={"alarm": "two hats"})


def _ask_for_roles(incident: Incident, by: User, at: datetime) -> str:
    """Tell everybody who takes part which roles are wanted; return the roles in words."""
    held = set(RoleHolder.objects.filter(incident=incident, until=None).values_list("role", flat=True))
    cards = RoleCard.objects.filter(asked_to__gte=incident.severity_id).exclude(role__in=held).order_by("place")
    names = ", ".join(card.name for card in cards)
    if not names:
        return ""
    for part in incident.participants.select_related("user").exclude(user=by):
        if part.user.is_active and part.user.may_declare:
            _notify(incident, part.user, "roles are wanted", f"{by} commands and asks for: {names}.", at)
    return names


def _commands(incident: Incident, user: User) -> bool:
    holder = current(incident, Role.COMMANDER)
    return holder is not None and holder.person_id == user.pk


def _check_person(incident: Incident, person: User) -> None:
    if not person.may_declare:
        raise Invalid("person", f"{person} cannot take a role: the account is inactive or only reads.")


def _notify(incident: Incident, person: User, subject: str, text: str, at: datetime) -> None:
    Notice.objects.get_or_create(
        dedupe_key=f"role:{incident.pk}:{person.pk}:{incident.timeline_seq}",
        defaults={
            "person": person,
            "incident": incident,
            "subject": f"{incident.ref}: {subject}"[:200],
            "text": f"{incident.severity}: {incident.title}. {text}",
            "path": incident.get_absolute_url(),
            "channels": incident.severity.channels,
            "due_at": at,
        },
    )
