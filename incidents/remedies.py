"""Mitigation actions: what is tried to stop the bleeding, by whom, and whether it worked (R-34)."""

from datetime import datetime

from django.db import transaction

from incidents import moves, timeline
from incidents.models import EntryKind, Incident, MitigationAction, Remedy, User, Worked
from incidents.refusals import Invalid, TransitionError


@transaction.atomic
def start(
    incident: Incident,
    *,
    remedy: str,
    text: str,
    owner: User,
    by: User,
    at: datetime,
    occurred_at: datetime | None = None,
) -> MitigationAction:
    """Say what is tried now, or was begun at ``occurred_at``.

    Raises:
        Invalid: nothing is said, an unknown kind, a person who cannot act, a time that cannot be right.
        TransitionError: the incident is over.
    """
    locked = moves.lock(incident, None, at)
    moves.require_open(locked)
    text = text.strip()
    if not text or len(text) > 300:
        raise Invalid("text", "Say in at most 300 characters what is tried.")
    if remedy not in Remedy.values:
        raise Invalid("remedy", f"Use one of: {', '.join(Remedy.values)}.")
    if not owner.may_declare:
        raise Invalid("owner", f"{owner} cannot act: the account is inactive or only reads.")
    when = moves.event_time(locked, occurred_at, at)
    moves.take_part(locked, owner, why="added", at=at)
    action = MitigationAction.objects.create(incident=locked, remedy=remedy, text=text, owner=owner, started_at=when)
    whose = "" if owner == by else f" {owner} does it."
    _tell(locked, action, f"{_named(action)}: {_ended(text)}{whose}", by, at, when)
    moves.keep(locked)
    return action


@transaction.atomic
def finish(
    incident: Incident,
    pk: int,
    *,
    worked: str,
    by: User,
    at: datetime,
    outcome: str = "",
    occurred_at: datetime | None = None,
) -> MitigationAction:
    """Say what came of it: ``yes``, ``no`` or ``unknown``. What was unclear may become clear later.

    Raises:
        Invalid: none of the three, too long an outcome, a time that cannot be right or lies before the start.
        TransitionError: it is judged already, or there is no such action here.
    """
    locked = moves.lock(incident, None, at)
    action = MitigationAction.objects.filter(incident=locked, pk=pk).select_related("owner").first()
    if action is None:
        raise TransitionError(f"{locked.ref} has no such action.")
    if action.worked in {Worked.YES, Worked.NO}:
        raise TransitionError(f"It is judged already: {action.get_worked_display().lower()}.")
    if worked not in Worked.values:
        raise Invalid("worked", "Say whether it worked: yes, no or unknown.")
    if len(outcome.strip()) > 300:
        raise Invalid("outcome", "Keep it to 300 characters; the timeline takes the rest.")
    when = moves.event_time(locked, occurred_at, at)
    if when < action.started_at:
        raise Invalid("occurred_at", f"This lies before it was begun ({action.started_at:%H:%M:%S} UTC).")
    action.finished_at, action.worked, action.outcome = when, worked, outcome.strip()
    action.save(update_fields=["finished_at", "worked", "outcome"])
    seen = f" {_ended(action.outcome)}" if action.outcome else ""
    _tell(locked, action, f"{action.get_worked_display()}: {_ended(action.text)}{seen}", by, at, when)
    moves.keep(locked)
    return action


def of(incident: Incident) -> list[MitigationAction]:
    """What was tried, what is under way last."""
    rows = MitigationAction.objects.filter(incident=incident).select_related("owner")
    return list(rows.order_by("started_at", "pk"))


def what_worked(incident: Incident) -> MitigationAction | None:
    """The last action that worked: the first guess at what stopped the bleeding."""
    rows = MitigationAction.objects.filter(incident=incident, worked=Worked.YES)
    return rows.order_by("-finished_at", "-pk").first()


def _named(action: MitigationAction) -> str:
    return "Trying" if action.remedy == Remedy.OTHER else action.get_remedy_display()


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _tell(
    incident: Incident, action: MitigationAction, text: str, by: User, at: datetime, occurred_at: datetime
) -> None:
    data = {"action": action.pk, "worked": action.worked}
    line = timeline.Line(incident, EntryKind.ACTION, text, by=by, occurred_at=occurred_at, data=data)
    timeline.write([line], at=at)
