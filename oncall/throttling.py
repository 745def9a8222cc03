"""How often one number may be called or texted: two token buckets for each destination, in the database.

No bucket delays a P0, nor the first message of an incident to a person (I14); those take their tokens all the same.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from oncall.models import Bucket, Channel, Delivery, DeliveryState

SHORT, LONG = timedelta(minutes=15), timedelta(hours=1)
LIMITS = {Channel.VOICE: (3, 7), Channel.SMS: (5, 11)}  # tokens of the short and of the long bucket
FIRST = 4  # priorities up to here are first messages


def must_go(delivery: Delivery) -> bool:
    """Is it of a P0, or the first message of an incident to its person (its page and incident loaded)?"""
    return delivery.priority <= FIRST or (delivery.page is not None and delivery.page.incident.severity_id == 0)


def hold(delivery: Delivery, together: Sequence[Delivery], *, at: datetime) -> bool:
    """Put a leased delivery back until its destination may be disturbed again; tell whether that was needed.

    ``together`` are those that its message would carry too.
    """
    return delivery.channel in LIMITS and _hold(delivery, together, at)


@transaction.atomic
def _hold(delivery: Delivery, together: Sequence[Delivery], at: datetime) -> bool:
    until = take(delivery.channel, delivery.address, at=at, must=any(map(must_go, [delivery, *together])))
    if until is None:
        return False
    mine = Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease, state=DeliveryState.SENDING)
    mine.update(
        state=DeliveryState.PENDING,
        lease=None,
        lease_until=None,
        attempts=F("attempts") - 1,
        not_before=until,
        error=f"held until {until:%H:%M:%S} UTC: enough {_say(delivery.channel)} to this number for now",
    )
    return True


@transaction.atomic
def take(channel: str, address: str, *, at: datetime, must: bool) -> datetime | None:
    """Take a token of the destination; None = go on, else when there will be one. ``must`` goes on in any case."""
    if channel not in LIMITS:
        return None
    limits = LIMITS[Channel(channel)]
    Bucket.objects.bulk_create(
        [Bucket(channel=channel, address=address, short=limits[0], long=limits[1], filled_at=at)],
        ignore_conflicts=True,
    )
    bucket = Bucket.objects.select_for_update(no_key=True).get(channel=channel, address=address)
    passed = max(at - bucket.filled_at, timedelta(0))
    bucket.short = min(limits[0], bucket.short + limits[0] * (passed / SHORT))
    bucket.long = min(limits[1], bucket.long + limits[1] * (passed / LONG))
    bucket.filled_at = max(at, bucket.filled_at)
    missing = max((1 - bucket.short) / limits[0] * SHORT, (1 - bucket.long) / limits[1] * LONG)
    go = must or missing <= timedelta(0)
    if go:
        bucket.short, bucket.long = max(0.0, bucket.short - 1), max(0.0, bucket.long - 1)
    bucket.save(update_fields=["short", "long", "filled_at"])
    return None if go else at + missing + timedelta(milliseconds=1)


def _say(channel: str) -> str:
    return "calls" if channel == Channel.VOICE else "messages"
