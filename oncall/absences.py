"""Leave: when a person is away. It takes nobody off a rota; it says which of their shifts somebody must cover."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.db import IntegrityError, transaction
from psycopg.errors import ExclusionViolation

from incidents.models import Membership, User
from incidents.refusals import Conflict, NotAllowed
from oncall import recheck, rights, rota
from oncall.models import Leave

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Need:
    """A stretch in which a person is on call and away."""

    person: int
    start: datetime
    end: datetime
    alone: bool  # nobody else who is on call then is there


@transaction.atomic
def take_leave(person: User, *, start: datetime, end: datetime, by: User, at: datetime, reason: str = "") -> Leave:
    """Note that a person is away. Leave that has begun is noted whole: somebody may fall ill at night.

    Raises:
        Conflict: they are on leave in that time already.
        Invalid: the range cannot be right, or the person is inactive.
        NotAllowed: it is neither one's own affair nor that of a manager of theirs or an administrator.
    """
    require_own(person, by)
    rights.require_active(person, "person")
    rights.begin(start, end, by=by, at=at)
    leave = Leave(person=person, start=start, end=end, reason=reason.strip(), by=by)
    try:
        with transaction.atomic():
            leave.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, ExclusionViolation):
            raise Conflict(f"{person} is on leave in a part of this time already.") from error
        raise
    recheck.soon()
    return leave


@transaction.atomic
def cancel_leave(leave: Leave, *, by: User, at: datetime) -> Leave | None:
    """End leave now, or take it away where it has not begun (None).

    Raises:
        Conflict: it is over.
        NotAllowed: it is neither one's own affair nor that of a manager of theirs or an administrator.
    """
    leave = Leave.objects.select_for_update(no_key=True, of=("self",)).select_related("person").get(pk=leave.pk)
    require_own(leave.person, by)
    if leave.end <= at:
        raise Conflict("This leave is over.")
    recheck.soon()
    if leave.start >= at:
        leave.delete()
        return None
    leave.end = at
    leave.save(update_fields=["end"])
    return leave


def require_own(person: User, by: User) -> None:
    """Let the person, the managers of their teams and administrators pass (at most 1 query).

    Raises:
        NotAllowed: somebody else asks.
    """
    if not may_see_reason(person, by):
        raise NotAllowed(f"Only {person}, a manager of their team or an administrator may do this.")


def may_see_reason(person: User, viewer: User) -> bool:
    """Tell whether the viewer may read why the person is away, and change it (at most 1 query)."""
    if viewer == person or viewer.is_administrator:
        return True
    managed = Membership.objects.filter(user=viewer, is_manager=True).values("team")
    return viewer.may_declare and Membership.objects.filter(user=person, team__in=managed).exists()


def is_away(person: User, start: datetime, end: datetime) -> bool:
    """Tell whether the person is on leave in a part of the range (1 query)."""
    return Leave.objects.filter(person=person, start__lt=end, end__gt=start).exists()


def leave_of(people: Collection[int], start: datetime, end: datetime) -> dict[int, list[Span]]:
    """When those people are away within the range, in order (1 query); who is not away is left out."""
    found: dict[int, list[Span]] = defaultdict(list)
    rows = Leave.objects.filter(person__in=people, start__lt=end, end__gt=start).order_by("start", "pk")
    for person, begins, ends in rows.values_list("person", "start", "end"):
        found[person].append((max(begins, start), min(ends, end)))
    return dict(found)


def in_need(pieces: Sequence[rota.Piece], leave: Mapping[int, Sequence[Span]]) -> list[Need]:
    """The stretches of a final schedule in which somebody on call is away; pure, in the order of time."""
    found = []
    for piece in pieces:
        spans = [span for person in piece.people for span in leave.get(person, ())]
        edges = {edge for span in spans for edge in span if piece.start < edge < piece.end}
        borders = sorted({piece.start, piece.end, *edges}) if spans else []
        for start, end in pairwise(borders):
            away = [person for person in piece.people if _covers(leave.get(person, ()), start)]
            found += [Need(person, start, end, len(away) == len(piece.people)) for person in away]
    return _joined(found)


def _covers(spans: Sequence[Span], at: datetime) -> bool:
    return any(start <= at < end for start, end in spans)


def _joined(needs: Sequence[Need]) -> list[Need]:
    """Neighbours of one person that say the same are one."""
    found: list[Need] = []
    last: dict[int, int] = {}
    for need in needs:
        place = last.get(need.person)
        if place is not None and (found[place].end, found[place].alone) == (need.start, need.alone):
            found[place] = Need(need.person, found[place].start, need.end, need.alone)
        else:
            last[need.person] = len(found)
            found.append(need)
    return found
