"""Read action items: which a person may see, what is late, in which order they stand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Case, Count, F, Prefetch, Q, QuerySet, When

from incidents.models import Incident, User
from postmortems.commenting import Thread
from postmortems.models import ActionItem, ActionStatus, Why

DONE_SHOWN = 20  # of the board's last column


@dataclass(frozen=True)
class Lane:
    """A column of the board."""

    status: str
    label: str
    items: list[ActionItem]


def visible_to(user: User) -> QuerySet[ActionItem]:
    """What the person may see, with what a row shows (2 queries); what is due first on top, what is over last."""
    causes = Prefetch("root_causes", Why.objects.order_by("pk"))
    return (
        ActionItem.objects.filter(incident__in=Incident.objects.visible_to(user))
        .select_related("incident__severity", "incident__service__team", "owner")
        .prefetch_related(causes)
        .order_by(Case(When(status__in=ActionStatus.unfinished, then=0), default=1), "due_date", "pk")
    )


def unfinished() -> Q:
    """Items that somebody still has to do."""
    return Q(status__in=ActionStatus.unfinished)


def late(at: datetime) -> Q:
    """Unfinished items whose day is over (UTC)."""
    return unfinished() & Q(due_date__lt=at.astimezone(UTC).date())


def mark(items: Iterable[ActionItem], at: datetime) -> list[ActionItem]:
    """The items, each with ``days_left`` (negative = late) and ``due_words``."""
    today = at.astimezone(UTC).date()
    found = list(items)
    for item in found:
        left = (item.due_date - today).days
        days = f"{abs(left)} day{'s' if abs(left) != 1 else ''}"
        item.days_left = left  # type: ignore[attr-defined]
        item.due_words = f"{days} late" if left < 0 else f"in {days}" if left else "today"  # type: ignore[attr-defined]
    return found


def of(incident: Incident, at: datetime, threads: Mapping[str, Sequence[Thread]] | None = None) -> list[ActionItem]:
    """The action items of one incident (2 queries); ``threads`` are counted on them as ``comments_open``."""
    rows = ActionItem.objects.filter(incident=incident).select_related("owner")
    rows = rows.prefetch_related(Prefetch("root_causes", Why.objects.order_by("pk")))
    ordered = rows.order_by(Case(When(status=ActionStatus.DROPPED, then=1), default=0), "due_date", "pk")
    found = mark(ordered, at)
    for item in found:
        mine = (threads or {}).get(f"action-{item.pk}", ())
        item.comments_open = sum(thread.first.is_open for thread in mine)  # type: ignore[attr-defined]
    return found


def lanes(items: QuerySet[ActionItem], at: datetime) -> list[Lane]:
    """The board: open, in progress, and what was done last (6 queries)."""
    columns = []
    for status in (ActionStatus.OPEN, ActionStatus.IN_PROGRESS, ActionStatus.DONE):
        rows = items.filter(status=status)
        if status == ActionStatus.DONE:
            rows = rows.order_by(F("closed_at").desc(), "pk")[:DONE_SHOWN]
        columns.append(Lane(status.value, str(status.label), mark(rows, at)))
    return columns


def headline(user: User, at: datetime) -> str:
    """One sentence on what is owed (1 query)."""
    mine = visible_to(user).order_by().prefetch_related(None)
    owed = mine.aggregate(
        open=Count("pk", filter=unfinished()),
        late=Count("pk", filter=late(at)),
        own=Count("pk", filter=unfinished() & Q(owner=user)),
    )
    if not owed["open"]:
        return "Nothing is to be done"
    things = "action item is" if owed["open"] == 1 else "action items are"
    late_words = f", {owed['late']} late" if owed["late"] else ", none is late"
    return f"{owed['open']} {things} open{late_words}, {owed['own'] or 'none'} of them yours"
