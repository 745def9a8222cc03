"""The mechanics under every deed of ``incidents.lifecycle``: lock, tell, enter phases, run the hooks, announce."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.timesince import timesince

from incidents import clocks, due, timeline
from incidents.models import EntryKind, Impact, Incident, Participant, PhaseEntry, Rule, TimelineEntry, User
from incidents.models.timeline import DEEDS
from incidents.refusals import Invalid, StaleVersion, TransitionError
from incidents.signals import incident_moved
from incidents.states import Phase

log = logging.getLogger(__name__)

Hook = Callable[[Incident, str, datetime], None]
HOOKS: list[Hook] = []


def register_hook(hook: Hook) -> None:
    """Let an upper app act inside the transaction of each move: ``hook(incident, move, at)``; quick, no network.

    A hook that raises is rolled back alone and never refuses the move; a due source of its app repairs what it missed.
    """
    if hook not in HOOKS:
        HOOKS.append(hook)


Blocker = Callable[[Incident], list[str]]
BLOCKERS: list[Blocker] = []


def register_blocker(blocker: Blocker) -> None:
    """Let an upper app say why an incident cannot be closed yet: sentences fit for a user, none = it may be."""
    if blocker not in BLOCKERS:
        BLOCKERS.append(blocker)


def require_closable(incident: Incident) -> None:
    """Let incidents pass that nothing keeps open.

    Raises:
        TransitionError: something does; everything is named at once (I33).
    """
    reasons = [reason for blocker in BLOCKERS for reason in blocker(incident)]
    if reasons:
        raise TransitionError(f"{incident.ref} cannot be closed yet. {' '.join(reasons)}")


def lock(incident: Incident, version: int | None, at: datetime) -> Incident:
    """Lock the incident and read it again; every deed begins here.

    Raises:
        StaleVersion: it changed since ``version``.
    """
    locked = (
        Incident.objects.select_for_update(no_key=True, of=("self",))
        .select_related("severity", "peak_severity", "service__team", "held_by")
        .get(pk=incident.pk)
    )
    if version is not None and version > locked.version:
        raise StaleVersion(f"{locked.ref} has no version {version} yet; it is at {locked.version}. Read it again.")
    if version is not None and version < locked.version:
        raise StaleVersion(_who_was_first(locked, at))
    return locked


def _who_was_first(incident: Incident, at: datetime) -> str:
    last = (
        TimelineEntry.objects.filter(Q(kind__in=DEEDS) | Q(kind="escalation", actor__isnull=False), incident=incident)
        .select_related("actor")
        .order_by("-seq")
        .first()
    )
    if last is None:
        return f"{incident.ref} has changed. Look again, then decide."
    who = str(last.actor) if last.actor else "Tocsin"
    what, text = EntryKind(last.kind).label, last.text[:200].strip().rstrip(".")
    said = text if text.startswith(what) else f"{what}: {text}" if text else what
    return (
        f"{who} was first, {_ago(last.recorded_at, at)}. {said}. Nothing of yours was saved: look again, then decide."
    )


def _ago(moment: datetime, at: datetime) -> str:
    if at - moment < timedelta(minutes=1):
        return "a moment ago"
    return timesince(moment, at).replace("\xa0", " ") + " ago"


def require_open(incident: Incident) -> None:
    """Let open incidents pass.

    Raises:
        TransitionError: work on it is over.
    """
    if not incident.is_open:
        raise TransitionError(f"{incident.ref} is {incident.get_status_display().lower()}.")


def event_time(incident: Incident, occurred_at: datetime | None, at: datetime) -> datetime:
    """Return when the thing happened, which is now unless somebody says otherwise.

    Raises:
        Invalid: the time lies in the future or before the detection.
    """
    if occurred_at is None:
        return max(at, incident.detected_at)
    if occurred_at > at:
        raise Invalid("at", "This time lies in the future.")
    when = max(occurred_at, incident.detected_at) if _same_minute(occurred_at, incident.detected_at) else occurred_at
    if when < incident.detected_at:
        raise Invalid("at", f"This lies before the detection ({incident.detected_at:%Y-%m-%d %H:%M:%S} UTC).")
    return when


def after_resolution(incident: Incident, occurred_at: datetime | None, at: datetime) -> datetime:
    """Return when something happened that can only follow the resolution, if there was one.

    Raises:
        Invalid: the time lies in the future or before the resolution.
    """
    when = event_time(incident, occurred_at, at)
    if occurred_at and incident.resolved_at and when < incident.resolved_at:
        raise Invalid("at", f"This lies before the resolution ({incident.resolved_at:%Y-%m-%d %H:%M:%S} UTC).")
    return when


def _same_minute(one: datetime, other: datetime) -> bool:
    """People name minutes: 14:03 is not before 14:03:20."""
    return one.replace(second=0, microsecond=0) == other.replace(second=0, microsecond=0)


def acknowledged(incident: Incident, by: User, when: datetime, at: datetime, *, via: str = "") -> None:
    """Note who has it from now on, and the first acknowledgement; the phase and the clock follow."""
    incident.held_by, incident.held_since = by, when
    if incident.acknowledged_at is None:
        incident.acknowledged_at, incident.acknowledged_by = when, by
    take_part(incident, by, why="joined", at=at)
    if incident.phase == Phase.DETECT:
        enter(incident, Phase.RESPOND, when)
    clocks.meet(incident, Rule.ACKNOWLEDGE, when)
    if not via:
        clocks.meet(incident, Rule.RESPOND, when)  # at the page, not with a tap from bed
    tell(incident, EntryKind.ACKNOWLEDGED, f"Acknowledged {via}".strip() + ".", by, at, occurred_at=when)


def recovered(incident: Incident, when: datetime) -> None:
    """Note that users are well again, which ends the running impact."""
    incident.recovered_at = when
    Impact.objects.filter(incident=incident, ended_at=None).update(ended_at=when)


def enter(incident: Incident, phase: Phase, when: datetime) -> None:
    """Enter a phase, and on paper those that were skipped on the way."""
    entered = incident.enter(phase)
    PhaseEntry.objects.bulk_create([PhaseEntry(incident=incident, phase=step, entered_at=when) for step in entered])


def take_part(incident: Incident, user: User, *, why: str, at: datetime) -> Participant:
    """Make a person part of the incident, so that they see it when it is private; the first reason stands."""
    row, _ = Participant.objects.get_or_create(incident=incident, user=user, defaults={"why": why, "since": at})
    return row


def tell(
    incident: Incident,
    kind: EntryKind,
    text: str,
    by: User | None,
    at: datetime,
    *,
    occurred_at: datetime | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Write one line on the timeline."""
    timeline.write([timeline.Line(incident, kind, text, by=by, occurred_at=occurred_at, data=data or {})], at=at)


def note(incident: Incident, note: str, by: User | None, at: datetime) -> None:
    """Write the note that came with a deed, if there is one."""
    if note.strip():
        tell(incident, EntryKind.NOTE, note.strip(), by, at)


def keep(incident: Incident) -> Incident:
    """Save a locked incident of which only the timeline grew: ticks, tasks, decisions.

    The version stays, so that nobody who has a form open is refused for it.
    """
    incident.save(update_fields=["timeline_seq"])
    due.ring_on_commit()
    return incident


def finish(incident: Incident, move: str, at: datetime) -> Incident:
    """Run the hooks, save the locked incident, announce on commit, ring for what became due."""
    incident.version += 1
    run_hooks(incident, move, at)
    incident.save()
    status = incident.status
    transaction.on_commit(
        lambda: incident_moved.send_robust(sender=Incident, incident_id=incident.pk, move=move, status=status)
    )
    due.ring_on_commit()
    return incident


def run_hooks(incident: Incident, move: str, at: datetime) -> None:
    """Let the floors above act on a move of the locked incident; the caller saves it."""
    for hook in HOOKS:
        seq = incident.timeline_seq
        try:
            with transaction.atomic():
                hook(incident, move, at)
        except Exception:
            incident.timeline_seq = seq
            log.exception("a hook failed on %s of %s; the next tick repairs it", move, incident.ref)
