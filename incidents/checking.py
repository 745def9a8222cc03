"""The checklists of the phases: what is ticked by whom and when (R-33). They remind, they never block."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from incidents import moves
from incidents.models import ChecklistItem, ChecklistTick, EntryKind, Incident, User
from incidents.refusals import TransitionError
from incidents.states import Phase


@dataclass(frozen=True)
class Line:
    """An item of an incident, ticked or not."""

    item: ChecklistItem
    tick: ChecklistTick | None


@transaction.atomic
def tick(incident: Incident, pk: int, *, ticked: bool, by: User, at: datetime) -> Incident:
    """Say that an item is done, or that it is not; both stand on the timeline. Said twice it changes nothing.

    Raises:
        TransitionError: the incident's level does not ask for such an item.
    """
    locked = moves.lock(incident, None, at)
    item = ChecklistItem.objects.filter(_asked(locked) | Q(pk__in=_ticked(locked)), pk=pk).first()
    if item is None:
        raise TransitionError(f"The checklist of {locked.ref} has no such line.")
    known = ChecklistTick.objects.filter(incident=locked, item=item).first()
    if ticked == (known is not None):
        return locked
    if known:
        known.delete()
    else:
        ChecklistTick.objects.create(incident=locked, item=item, by=by, at=at)
    text = f"{Phase(item.phase).label}: {item.text.rstrip('.')}." if ticked else f"Not done after all: {item.text}"
    moves.tell(locked, EntryKind.CHECK, text, by, at, data={"item": str(item.pk), "phase": item.phase})
    return moves.keep(locked)


def of(incident: Incident) -> dict[str, list[Line]]:
    """Phase -> its lines in their order: what the level asks for, and whatever was ticked under another (2 queries)."""
    rows = ChecklistTick.objects.filter(incident=incident).select_related("by")
    ticks = {row.item_id: row for row in rows.order_by("pk")}
    found: dict[str, list[Line]] = {phase: [] for phase in Phase.order}
    items = ChecklistItem.objects.filter(_asked(incident) | Q(pk__in=ticks)).order_by("place", "pk")
    for item in items:
        found[item.phase].append(Line(item, ticks.get(item.pk)))
    return found


def _asked(incident: Incident) -> Q:
    return Q(is_active=True, asked_to__gte=incident.severity_id)


def _ticked(incident: Incident) -> list[int]:
    return list(ChecklistTick.objects.filter(incident=incident).values_list("item", flat=True))
