"""Remind owners of what is due: a row says when the next reminder is due, a due source carries it out."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from incidents import due
from incidents.models import Notice, PostmortemRule
from postmortems.models import ActionItem, ActionStatus, Postmortem, Section

CHANNELS = ["email", "in_app", "chat"]  # nothing here wakes anybody
MORNING = time(9)  # on the owner's own clock
AHEAD = timedelta(days=3)
NAGS = timedelta(days=7)
DAY = timedelta(days=1)


def next_reminder(item: ActionItem, *, after: datetime) -> datetime:
    """The next morning on which to remind the owner: three days before, that day, the day after, then weekly."""
    return next(moment for moment in _mornings(item) if moment > after)


def _mornings(item: ActionItem) -> Iterator[datetime]:
    zone = ZoneInfo(item.owner.time_zone) if item.owner else UTC
    due_at = datetime.combine(item.due_date, MORNING, zone)
    yield (due_at - AHEAD).astimezone(UTC)
    yield due_at.astimezone(UTC)
    late = due_at + timedelta(days=1)
    while True:
        yield late.astimezone(UTC)
        late += NAGS


def remind_due(at: datetime) -> due.Done:
    """Remind the owners of action items: the due source ``action_reminders``."""
    return due.do_set("action_reminders", waiting(at).order_by("remind_at", "pk"), _remind, at)


def waiting(at: datetime) -> QuerySet[ActionItem]:
    """Unfinished items whose owner is to be reminded by now."""
    return ActionItem.objects.filter(status__in=ActionStatus.unfinished, remind_at__isnull=False, remind_at__lt=at)


@transaction.atomic
def _remind(ids: Sequence[int], at: datetime) -> int:
    rows = waiting(at).filter(pk__in=ids).select_for_update(no_key=True, skip_locked=True, of=("self",))
    items = list(rows.select_related("incident", "owner").order_by("pk"))
    notices = [_notice(item, at) for item in items if item.owner_id]
    for item in items:
        item.remind_at = next_reminder(item, after=at)
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    ActionItem.objects.bulk_update(items, ["remind_at"])
    return len(items)


def _notice(item: ActionItem, at: datetime) -> Notice:
    zone = ZoneInfo(item.owner.time_zone) if item.owner else UTC
    left = (item.due_date - at.astimezone(zone).date()).days
    days = f"{abs(left)} day{'s' if abs(left) > 1 else ''}"
    when = f"due in {days}" if left > 0 else f"{days} late" if left < 0 else "due today"
    return Notice(
        person=item.owner,
        incident=item.incident,
        subject=f"{item.incident.prefix}Action item {when}: {item.title}"[:200],
        text=f"{item.title} ({item.incident.ref}) is {when}, by {item.due_date}. Close it with how it was verified.",
        path=f"/action-items/{item.pk}/",
        channels=CHANNELS,
        due_at=at,
        dedupe_key=f"action:{item.pk}:{item.remind_at:%Y%m%d%H}",
    )


def next_nag(document: Postmortem, *, after: datetime) -> datetime:
    """When the owner of a postmortem is reminded next (R-75): in its last quarter, when it is due, then every day."""
    length = document.due_at - (document.incident.resolved_at or document.created_at)
    for moment in (document.due_at - length / 4, document.due_at):
        if moment > after:
            return moment
    return document.due_at + DAY * ((after - document.due_at) // DAY + 1)


def owed(at: datetime) -> QuerySet[Postmortem]:
    """Postmortems whose owner is to be reminded by now."""
    return Postmortem.objects.filter(remind_at__isnull=False, remind_at__lt=at)


def nag_due(at: datetime) -> due.Done:
    """Remind the owners of postmortems: the due source ``postmortem_reminders``."""
    return due.do_set("postmortem_reminders", owed(at).order_by("remind_at", "pk"), _nag, at)


@transaction.atomic
def _nag(ids: Sequence[int], at: datetime) -> int:
    rows = owed(at).filter(pk__in=ids).select_for_update(no_key=True, skip_locked=True, of=("self",))
    documents = list(rows.select_related("incident__severity", "owner").order_by("pk"))
    begun = set(Section.objects.filter(postmortem__in=documents, version__gt=1).values_list("postmortem", flat=True))
    notices = []
    for document in documents:
        incident = document.incident
        asked_for = document.pk in begun or incident.severity.postmortem_rule != PostmortemRule.OPTIONAL
        if document.owner and asked_for and not incident.is_open:
            notices.append(_nagging(document, at))
        document.remind_at = None if incident.is_open else next_nag(document, after=at)
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    Postmortem.objects.bulk_update(documents, ["remind_at"])
    return len(documents)


def _nagging(document: Postmortem, at: datetime) -> Notice:
    incident = document.incident
    is_late = at > document.due_at
    when = (
        f"was due {document.due_at:%Y-%m-%d %H:%M} UTC" if is_late else f"is due {document.due_at:%Y-%m-%d %H:%M} UTC"
    )
    return Notice(
        person=document.owner,
        incident=incident,
        subject=f"{incident.prefix}Postmortem of {incident.ref} {'is late' if is_late else 'is due soon'}"[:200],
        text=f"The postmortem of {incident.ref} “{incident.title}” {when}. Its page lists what is missing.",
        path=f"/postmortems/{incident.number}/",
        channels=CHANNELS,
        due_at=at,
        dedupe_key=f"postmortem:{document.pk}:{document.remind_at:%Y%m%d%H%M}",
    )
