"""The rhythm of an incident: how often an update is promised."""

from datetime import datetime, timedelta

from django.db import transaction

from incidents import clocks, moves
from incidents.models import EntryKind, Incident, User
from incidents.refusals import Invalid

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)  # between two updates


@transaction.atomic
def set_cadence(
    incident: Incident,
    *,
    every: timedelta | None,
    by: User,
    at: datetime,
    reason: str = "",
    version: int | None = None,
) -> Incident:
    """Promise an update so often (R-62); None = as the level has it.

    Shorter is free; longer than the level's needs a reason, and at P0 it is refused (C-14).

    Raises:
        Invalid: a span that makes no sense, or too long a one.
        TransitionError: it is over.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    level = locked.severity.update_every
    if every is not None:
        _check_cadence(locked, every, level, reason)
    old, locked.update_every = clocks.cadence(locked), every
    new = clocks.cadence(locked)
    if new == old:
        raise Invalid("every", f"The next update is promised {_every(old)} already.")
    clocks.follow_cadence(locked, at=at, why="cadence changed")
    because = f": {reason.strip()}" if reason.strip() else "."
    moves.tell(locked, EntryKind.CLOCK, f"Updates {_every(old)} → {_every(new)}{because}", by, at)
    return moves.finish(locked, "cadence", at)


def _check_cadence(incident: Incident, every: timedelta, level: timedelta | None, reason: str) -> None:
    if not SHORTEST <= every <= LONGEST:
        raise Invalid("every", "Use between 1 minute and 7 days.")
    if level is None or every <= level:
        return
    if incident.severity.level == 0:
        raise Invalid("every", f"At P0 an update is owed {_every(level)} at the latest. Shorter is free.")
    if not reason.strip():
        raise Invalid("reason", f"{incident.severity.label} asks for one {_every(level)}. Say why longer will do.")


def _every(span: timedelta | None) -> str:
    if span is None:
        return "not asked for"
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    if seconds or minutes < 120 or minutes % 60:
        return f"every {minutes} min" if not seconds else f"every {minutes * 60 + seconds} s"
    return f"every {minutes // 60} h" if minutes < 48 * 60 else f"every {minutes // 1440} days"
