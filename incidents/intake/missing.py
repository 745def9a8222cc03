"""The due source of heartbeats that were not heard of: each becomes an event of its own, which intake works on."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from incidents import due
from incidents.intake import heartbeat
from incidents.intake.reading import Format
from incidents.models import Heartbeat, RawEvent


def source() -> due.Source:
    """What ``due.register`` wants."""
    return due.Source("heartbeats", do, waiting, "due_at")


def waiting(at: datetime) -> QuerySet[Heartbeat]:
    """Heartbeats whose time is over; a sign that has come and is still to be worked on speaks first."""
    unread = RawEvent.objects.filter(integration=OuterRef("integration"), processed_at=None)
    rows = Heartbeat.objects.filter(~Exists(unread), due_at__lt=at, muted=False)
    return rows.filter(integration__is_active=True, integration__service__is_active=True).order_by("due_at", "pk")


def do(at: datetime) -> due.Done:
    """Write down a set of them."""
    return due.do_set("heartbeats", waiting(at), _miss, at)


@transaction.atomic
def _miss(ids: Sequence[int], at: datetime) -> int:
    rows = list(waiting(at).filter(pk__in=ids).select_for_update(no_key=True, skip_locked=True, of=("self",)))
    RawEvent.objects.bulk_create(
        RawEvent(
            integration_id=row.integration_id,
            format=Format.HEARTBEAT,
            body=heartbeat.missed_body(row.started_at or row.heard_at or at),
            dedup_key=heartbeat.Sign.MISSED,
            received_at=at,
        )
        for row in rows
    )
    Heartbeat.objects.filter(pk__in=[row.pk for row in rows]).update(missed_at=at, due_at=None)
    return len(rows)
