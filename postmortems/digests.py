"""One letter a week to each person who owns action items: what is late, what comes, what others learned meanwhile."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from incidents import due
from incidents.models import Incident, Notice, User
from incidents.states import Kind
from postmortems.models import ActionItem, ActionStatus, Digest, DocumentStatus, Postmortem

MORNING, MONDAY = time(9), 0  # on the person's own clock
CHANNELS = ["email", "in_app"]
MOST = 10  # lines of each kind
WEEK = timedelta(days=7)


def next_letter(person: User, after: datetime) -> datetime:
    """The next Monday at nine on the person's own clock, in UTC."""
    zone = ZoneInfo(person.time_zone)
    day = after.astimezone(zone).date()
    monday = day + timedelta(days=(MONDAY - day.weekday()) % 7)
    moment = datetime.combine(monday, MORNING, zone)
    return moment if moment > after else datetime.combine(monday + WEEK, MORNING, zone)


def begin(person: User | None, at: datetime) -> None:
    """See to it that an owner gets the letter (1 query)."""
    if person is not None:
        Digest.objects.bulk_create([Digest(person=person, due_at=next_letter(person, at))], ignore_conflicts=True)


def waiting(at: datetime) -> QuerySet[Digest]:
    """Letters whose time has come."""
    return Digest.objects.filter(due_at__lte=at)


def write_due(at: datetime) -> due.Done:
    """Write the letters of the week: the due source ``digests``."""
    return due.do_set("digests", waiting(at).order_by("due_at", "pk"), _write, at)


@transaction.atomic
def _write(ids: Sequence[int], at: datetime) -> int:
    rows = waiting(at).filter(pk__in=ids).select_for_update(no_key=True, skip_locked=True, of=("self",))
    digests = list(rows.select_related("person").order_by("pk"))
    items: dict[int, list[ActionItem]] = {}
    mine = ActionItem.objects.filter(owner__in=[row.pk for row in digests], status__in=ActionStatus.unfinished)
    for item in mine.select_related("incident").order_by("due_date", "pk"):
        items.setdefault(item.owner_id or 0, []).append(item)
    for digest in digests:
        if digest.pk not in items or not digest.person.is_active:
            digest.delete()
            continue
        _send(digest, items[digest.pk], at)
        digest.due_at = next_letter(digest.person, at)
        digest.save(update_fields=["due_at"])
    return len(digests)


def _send(digest: Digest, items: Sequence[ActionItem], at: datetime) -> None:
    person = digest.person
    today = at.astimezone(ZoneInfo(person.time_zone)).date()
    late = sum(item.due_date < today for item in items)
    head = f"You own {len(items)} action item{'s' if len(items) > 1 else ''}, {late or 'none'} late"
    Notice.objects.get_or_create(
        dedupe_key=f"digest:{person.pk}:{digest.due_at:%Y%m%d%H}",
        defaults={
            "person": person,
            "subject": head,
            "text": "\n".join([f"{head}.", *_lines(items, today), *_learned(person, at)]),
            "path": "/action-items/?show=mine",
            "channels": CHANNELS,
            "due_at": at,
        },
    )


def _lines(items: Sequence[ActionItem], today: date) -> list[str]:
    lines = [
        f"- {item.due_date}{' (late)' if item.due_date < today else ''}: {item.incident.prefix}{item.title}"
        f" ({item.incident.ref})"
        for item in items[:MOST]
    ]
    return [*lines, f"- and {len(items) - MOST} more"] if len(items) > MOST else lines


def _learned(person: User, at: datetime) -> list[str]:
    """What was published in the week before, as far as the person may see it (1 query)."""
    rows = Postmortem.objects.filter(
        status=DocumentStatus.PUBLISHED, published_at__gt=at - WEEK, incident__in=Incident.objects.visible_to(person)
    )
    fresh = (
        rows.exclude(incident__kind__in=Kind.scaled).select_related("incident").order_by("-published_at", "pk")[:MOST]
    )
    lines = [f"- {document.incident.ref}: {document.incident.title}" for document in fresh]
    return ["Published this week:", *lines] if lines else []
