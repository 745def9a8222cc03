"""The circuit breaker: a provider that keeps failing is not asked for a minute, and another way is used meanwhile.

The state is a row that all workers share. After the minute one message is let through; its failure starts the next.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from oncall.models import Provider

PATIENCE = 5  # failures in a row
REST = timedelta(minutes=1)
NOTED = timedelta(minutes=1)  # how often a success is written down


def rests_until(name: str, at: datetime) -> datetime | None:
    """Until when the provider is left alone; None = it may be asked (1 query; none for this house itself)."""
    if not name:
        return None
    resting = Provider.objects.filter(name=name[:100], rests_until__gt=at)
    return resting.values_list("rests_until", flat=True).first()


def worked(name: str, at: datetime) -> None:
    """It took a message."""
    if not name:
        return
    row = Provider.objects.filter(name=name[:100])
    stale = Q(failures__gt=0) | Q(worked_at=None) | Q(worked_at__lt=at - NOTED)
    if not row.filter(stale).update(failures=0, rests_until=None, worked_at=at):
        Provider.objects.get_or_create(name=name[:100], defaults={"worked_at": at})


@transaction.atomic
def failed(name: str, error: str, at: datetime) -> None:
    """It did not; the fifth time in a row it is left alone for a minute."""
    if not name:
        return
    Provider.objects.get_or_create(name=name[:100])
    row = Provider.objects.select_for_update().get(name=name[:100])
    row.failures += 1
    row.failed_at, row.last_error = at, error[:1000]
    if row.failures >= PATIENCE:
        row.rests_until = at + REST
    row.save()
