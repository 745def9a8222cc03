"""Rows that raise when their time comes: they rest, each time longer, and after five failures somebody is told.

Sources whose rows keep their own failures (events, escalations) use ``back_off`` and ``alarm`` alone.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from incidents.models import Access, Incident, Notice, Organisation, Setback, Severity, User

LONGEST_BACK_OFF = timedelta(minutes=1)
ALARM_AFTER = 5  # failures of one row until the fallback contact is told


def back_off(attempts: int) -> timedelta:
    """How long a row that failed so often waits: 1, 2, 4 … seconds, a minute at most."""
    return min(LONGEST_BACK_OFF, timedelta(seconds=2 ** min(attempts, 6)))


def resting(source: str, at: datetime) -> QuerySet[Setback, int]:
    """Keys of the source's rows that are left alone now, for an ``exclude``."""
    return Setback.objects.filter(source=source, not_before__gt=at).values_list("row", flat=True)


@transaction.atomic
def note(source: str, row: int, error: Exception, at: datetime) -> None:
    """Count a failure of the row; the fifth is told to the fallback contact."""
    Setback.objects.get_or_create(source=source, row=row, defaults={"since": at, "not_before": at})
    back = Setback.objects.select_for_update(no_key=True).get(source=source, row=row)
    back.not_before = at + back_off(back.attempts)
    back.attempts += 1
    back.last_error = str(error)[:1000]
    back.save(update_fields=["not_before", "attempts", "last_error"])
    if back.attempts == ALARM_AFTER:
        alarm(f"{source}:{row}", f"A row of the engine fails: {source} {row}", error, fallback(), at)


def forget(source: str, rows: Sequence[int], at: datetime) -> None:
    """Drop what is known of rows that were done (those that failed just now rest)."""
    Setback.objects.filter(source=source, row__in=rows, not_before__lte=at).delete()


def alarm(
    key: str, subject: str, error: Exception, people: Iterable[User], at: datetime, incident: Incident | None = None
) -> None:
    """Tell people once that a row failed five times, on the channels of a P0; ``key`` names the row."""
    channels = Severity.objects.filter(level=0).values_list("channels", flat=True).first() or []
    for person in people:
        Notice.objects.get_or_create(
            dedupe_key=f"row-fails:{key}:{person.pk}"[:120],
            defaults={
                "person": person,
                "incident": incident,
                "subject": subject[:200],
                "text": f"It failed {ALARM_AFTER} times and is tried again each minute. What it should have done, a "
                f"person must do now. Error: {error}"[:2000],
                "path": incident.get_absolute_url() if incident else "/engine/",
                "channels": channels,
                "due_at": at,
            },
        )


def fallback() -> list[User]:
    """The organisation's fallback contact, else every administrator (2 queries)."""
    named = User.objects.filter(pk__in=Organisation.objects.values("fallback"), is_active=True)
    return list(named) or list(User.objects.filter(access=Access.ADMINISTRATOR, is_active=True).order_by("pk"))
