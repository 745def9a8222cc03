"""The outbox: lease deliveries, renew the lease, finish by compare-and-set on it.

A lease is a promise to hand over within half a minute; who comes later finds that another has taken over.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest, Now

from oncall.models import Attempt, Delivery, DeliveryState

LEASE = timedelta(seconds=30)  # longer than any transport's timeout
ORDER = ("priority", "place", "not_before", "pk")  # the most urgent first; no service waits behind another
CLAIM = 20  # deliveries of one lease


@transaction.atomic
def lease(channel: str, *, at: datetime) -> list[Delivery]:
    """Take a few due deliveries for half a minute, the most urgent first; those whose lease ran out as well."""
    ready = Q(state=DeliveryState.PENDING, not_before__lte=at) | Q(state=DeliveryState.SENDING, lease_until__lt=at)
    rows = Delivery.objects.select_for_update(skip_locked=True, no_key=True).filter(ready, channel=channel)
    claimed = list(rows.order_by(*ORDER)[:CLAIM])
    if not claimed:
        return []
    lost = [row for row in claimed if row.state == DeliveryState.SENDING]
    Attempt.objects.bulk_create(
        [Attempt(delivery=row, number=row.attempts, transport="", at=at, outcome="lease expired") for row in lost]
    )
    name = uuid.uuid4()
    Delivery.objects.filter(pk__in=[row.pk for row in claimed]).update(
        state=DeliveryState.SENDING, lease=name, lease_until=at + LEASE, attempts=F("attempts") + 1
    )
    return list(loaded().filter(lease=name, pk__in=[row.pk for row in claimed]).order_by(*ORDER))


def renew(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Lease them anew and return, as its rows stand now, each that nobody has taken over (2 queries)."""
    wanted = list(deliveries)
    mine = leased(wanted)
    mine.update(lease_until=Greatest(F("lease_until"), Now() + LEASE))
    found = {row.pk: row for row in loaded().filter(pk__in=mine.values("pk"))}
    return [found[row.pk] for row in wanted if row.pk in found]


def leased(deliveries: Iterable[Delivery]) -> QuerySet[Delivery]:
    """Those of them whose lease is still ours."""
    rows = list(deliveries)
    return Delivery.objects.filter(
        pk__in=[row.pk for row in rows], lease__in={row.lease for row in rows}, state=DeliveryState.SENDING
    )


def finish(delivery: Delivery, **changes: object) -> bool:
    """Finish by compare-and-set: nothing happens when the lease is no longer ours."""
    return leased([delivery]).update(lease=None, lease_until=None, **changes) == 1


def record(attempts: Sequence[Attempt]) -> None:
    """Take down what came of attempts; nothing here is ever changed."""
    for attempt in attempts:
        attempt.detail = attempt.detail[:1000]
    Attempt.objects.bulk_create(attempts)


def loaded() -> QuerySet[Delivery]:
    """Deliveries with all that is read to compose, check and record them."""
    return Delivery.objects.select_related(
        "page__incident__severity",
        "page__incident__service",
        "page__run",
        "page__person",
        "notice__incident",
        "probe",
        "person",
        "method",
    )
