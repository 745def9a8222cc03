"""Who has an incident in hand, given back: the first acknowledgement stays a fact, the ladder is climbed again."""

from datetime import datetime

from django.db import transaction

from incidents import moves
from incidents.models import EntryKind, Incident, User
from incidents.refusals import TransitionError


@transaction.atomic
def unacknowledge(
    incident: Incident, *, by: User | None, at: datetime, why: str = "", note: str = "", version: int | None = None
) -> Incident:
    """Say that nobody has it in hand any more; its ladder goes on. ``by`` None = the engine, which says ``why``.

    Raises:
        TransitionError: nobody has it in hand, or it is over.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    if not locked.acknowledged:
        raise TransitionError(f"Nobody has {locked.ref} in hand.")
    release(locked, why or "Nobody has it in hand now.", by=by, at=at)
    moves.note(locked, note, by, at)
    return moves.finish(locked, "unacknowledged", at)


def release(incident: Incident, why: str, *, by: User | None, at: datetime) -> None:
    """Take the locked incident out of its holder's hands; the caller saves it and runs what follows."""
    incident.held_by = incident.held_since = None
    moves.tell(incident, EntryKind.UNACKNOWLEDGED, why, by, at)
