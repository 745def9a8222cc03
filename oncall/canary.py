"""The canary: every five minutes a message that goes the whole way of a page, to nobody.

It is written by the tick, waits in the outbox, is rung for, leased, handed to a transport and recorded like any other.
When it does not arrive, pages do not either.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, QuerySet

from incidents import due
from incidents.models import EngineBeat
from oncall.models import Canary, Channel, Delivery

EVERY = timedelta(minutes=5)
PATIENCE = timedelta(seconds=60)  # after this a canary that has not arrived is lost
KEPT = timedelta(days=1)


def send_due(at: datetime) -> due.Done:
    """Send the next canary when its time has come: the due source ``canaries``."""
    return due.Done(rows=_send(at)) if waiting(at).exists() else due.Done()


def waiting(at: datetime) -> QuerySet[EngineBeat]:
    """The engine's row, while a canary is due."""
    return EngineBeat.objects.filter(~Exists(Canary.objects.filter(sent_at__gt=at - EVERY)))


@transaction.atomic
def _send(at: datetime) -> int:
    beat = EngineBeat.objects.select_for_update(skip_locked=True, no_key=True).first()
    if beat is None or Canary.objects.filter(sent_at__gt=at - EVERY).exists():
        return 0
    Canary.objects.filter(sent_at__lt=at - KEPT).delete()
    bird = Canary.objects.create(sent_at=at)
    Delivery.objects.create(
        canary=bird,
        channel=Channel.CANARY,
        address="nobody",
        dedupe_key=f"canary:{bird.pk}",
        priority=16,
        created_at=at,
        not_before=at,
        expires_at=at + EVERY,
    )
    return 1


def arrived(delivery: Delivery, at: datetime) -> None:
    """Note that the canary came through."""
    if delivery.canary_id is not None:
        Canary.objects.filter(pk=delivery.canary_id, arrived_at=None).update(arrived_at=at)


def seconds() -> float:
    """How long the last canary took; infinite while one is lost, 0 before the first (2 queries)."""
    last = Canary.objects.order_by("-sent_at", "-pk").first()
    if last is None:
        return 0.0
    if last.arrived_at:
        return (last.arrived_at - last.sent_at).total_seconds()
    return float("inf") if due.database_now() - last.sent_at > PATIENCE else 0.0


def trouble() -> str:
    """What readiness says of the canary: nothing while it is well."""
    return "The last canary did not arrive: pages may not go out." if seconds() == float("inf") else ""
