"""Several incidents that are one, one that is several, and those that have to do with one another.

Two incidents are locked in the order of their ids, so that two who merge crosswise wait instead of dying.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Min, Q, QuerySet

from incidents import clocks, lifecycle, moves
from incidents.lifecycle import Declaration
from incidents.models import (
    Alert,
    EntryKind,
    Impact,
    Incident,
    Participant,
    Relation,
    Service,
    Severity,
    SeverityProposal,
    TimelineEntry,
    User,
)
from incidents.models.incident import IncidentQuerySet
from incidents.refusals import Invalid, TransitionError
from incidents.states import Status


@transaction.atomic
def merge(
    incident: Incident, *, into: Incident, reason: str, by: User, at: datetime, version: int | None = None
) -> Incident:
    """Say that the incident is part of another: its alerts and people go there, its duties end, nobody is paged for it.

    Its own timeline stays where it is. Return the incident that goes on.

    Raises:
        Invalid: no reason, the incident itself, one that is over, or one that others may or may not see.
        TransitionError: it is closed, declined or merged already.
        StaleVersion: it changed since ``version``.
    """
    locked, target = _both(incident, into, version, at)
    _check(locked, target, reason)
    locked.move_to(Status.MERGED)
    moved = list(Alert.objects.filter(incident=locked).values_list("pk", flat=True))
    Alert.objects.filter(pk__in=moved).update(incident=target)
    for part in Participant.objects.filter(incident=locked).select_related("user"):
        moves.take_part(target, part.user, why="added", at=at)
    if locked.service_id != target.service_id:
        target.affected_services.add(locked.service)
    Impact.objects.filter(incident=locked, ended_at=None).update(ended_at=at)
    clocks.waive(locked, at=at, why=f"merged into {target.ref}")
    locked.merged_into, locked.ended_because = target, reason.strip()
    _propose_the_worse(locked, target, at)
    data = {"into": target.number, "alerts": moved}
    moves.tell(locked, EntryKind.MERGED, f"Into {target.ref}: {reason.strip()}", by, at, data=data)
    moves.tell(target, EntryKind.MERGED, f"{locked.ref} “{locked.title}” is part of this: {reason.strip()}", by, at)
    moves.finish(locked, "merged", at)
    return moves.finish(target, "merged_from", at)


@transaction.atomic
def unmerge(incident: Incident, *, reason: str, by: User, at: datetime, version: int | None = None) -> Incident:
    """Take an incident out of the one that it was merged into: it is open again, its alerts come back.

    Raises:
        Invalid: no reason.
        TransitionError: it is not merged.
        StaleVersion: it changed since ``version``.
    """
    if incident.merged_into is None:
        raise TransitionError(f"{incident.ref} is not merged into another incident.")
    locked, target = _both(incident, incident.merged_into, version, at)
    if locked.merged_into_id != target.pk:
        raise TransitionError(f"{locked.ref} is not merged into {target.ref} any more.")
    if not reason.strip():
        raise Invalid("reason", "Say why it is an incident of its own.")
    entries = TimelineEntry.objects.filter(incident=locked, kind=EntryKind.MERGED, data__has_key="alerts")
    last = entries.order_by("-seq").first()
    Alert.objects.filter(pk__in=last.data["alerts"] if last else [], incident=target).update(incident=locked)
    locked.merged_into = None
    locked.save(update_fields=["merged_into"])
    moves.tell(target, EntryKind.MERGED, f"{locked.ref} is an incident of its own again: {reason.strip()}", by, at)
    moves.finish(target, "merged_from", at)
    return lifecycle.reopen(locked, reason=f"Taken out of {target.ref}: {reason.strip()}", by=by, at=at)


@transaction.atomic
def split(
    incident: Incident,
    *,
    title: str,
    service: Service,
    severity: Severity,
    reason: str,
    by: User,
    at: datetime,
    alerts: Collection[int] = (),
    version: int | None = None,
) -> Incident:
    """Declare a part of the incident as one of its own, with the alerts of these ids. Return the new one.

    Raises:
        Invalid: no reason or title, a retired service.
        TransitionError: the incident is over.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    if not reason.strip():
        raise Invalid("reason", "Say why these are two.")
    mine = Alert.objects.filter(incident=locked, pk__in=alerts)
    said = Declaration(
        title=title,
        service=service,
        severity=severity,
        kind=locked.kind,
        time_scale=locked.time_scale,
        private=locked.private,
        detection=locked.detection,
        detected_at=mine.aggregate(first=Min("first_received_at"))["first"],
    )
    part = moves.lock(lifecycle.declare(said, by=by, at=at), None, at)
    mine.update(incident=part)
    if locked.private:
        for row in Participant.objects.filter(incident=locked).select_related("user"):
            moves.take_part(part, row.user, why="added", at=at)
    _relate(locked, part, by, at)
    moves.tell(locked, EntryKind.RELATED, f"{part.ref} “{part.title}” was split off: {reason.strip()}", by, at)
    moves.tell(part, EntryKind.RELATED, f"Split off from {locked.ref}: {reason.strip()}", by, at)
    moves.finish(locked, "split", at)
    return moves.keep(part)


@transaction.atomic
def relate(incident: Incident, other: Incident, *, related: bool, by: User, at: datetime) -> None:
    """Note that two incidents have to do with one another, or with ``related`` False that they have not.

    Where one is private, only its own timeline tells of it.

    Raises:
        Invalid: it is one and the same.
    """
    locked, second = _both(incident, other, None, at)
    if locked.pk == second.pk:
        raise Invalid("other", "An incident is always related to itself. Name another one.")
    changed = _relate(locked, second, by, at) if related else bool(_relation(locked, second).delete()[0])
    word = "Related to" if related else "Not related any more to"
    for here, there in ((locked, second), (second, locked)):
        if changed and (here.private or not there.private):
            moves.tell(here, EntryKind.RELATED, f"{word} {there.ref}", by, at)
            moves.keep(here)


def related_to(incident: Incident, user: User) -> IncidentQuerySet:
    """What has to do with the incident, was merged into it or is what it was merged into, as the person may see."""
    ahead = Relation.objects.filter(incident=incident).values("other")
    behind = Relation.objects.filter(other=incident).values("incident")
    near = Q(pk__in=ahead) | Q(pk__in=behind) | Q(merged_into=incident) | Q(pk=incident.merged_into_id)
    return Incident.objects.visible_to(user).filter(near).select_related("severity", "service").order_by("-number")


def _both(one: Incident, other: Incident, version: int | None, at: datetime) -> tuple[Incident, Incident]:
    found: dict[int, Incident] = {}
    for row in sorted({one.pk: one, other.pk: other}.values(), key=lambda row: row.pk):
        found[row.pk] = moves.lock(row, version if row.pk == one.pk else None, at)
    return found[one.pk], found[other.pk]


def _check(locked: Incident, target: Incident, reason: str) -> None:
    if locked.pk == target.pk:
        raise Invalid("into", "An incident cannot be merged into itself.")
    if not reason.strip():
        raise Invalid("reason", "Say why they are one.")
    if target.status not in {Status.OPEN, Status.RESOLVED}:
        now = target.get_status_display().lower()
        raise Invalid("into", f"{target.ref} is {now}. Choose an incident that is open or resolved.")
    if locked.private != target.private:
        raise Invalid("into", "One of the two is private: merging them would show it to others, or hide the other.")
    if locked.kind != target.kind:
        raise Invalid("into", "A drill and a real incident stay apart.")


def _propose_the_worse(locked: Incident, target: Incident, at: datetime) -> None:
    if locked.severity_id < target.severity_id:
        because = f"{locked.ref}, which is part of this, is {locked.severity.label}"
        proposed = {"severity": locked.severity, "because": because, "at": at}
        SeverityProposal.objects.get_or_create(incident=target, settled_at=None, defaults=proposed)


def _relate(one: Incident, other: Incident, by: User, at: datetime) -> bool:
    older, newer = sorted((one, other), key=lambda row: row.pk)
    _, made = Relation.objects.get_or_create(incident=older, other=newer, defaults={"by": by, "at": at})
    return made


def _relation(one: Incident, other: Incident) -> QuerySet[Relation]:
    older, newer = sorted((one, other), key=lambda row: row.pk)
    return Relation.objects.filter(incident=older, other=newer)
