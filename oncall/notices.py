"""Turn the notices of every floor into deliveries."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from incidents import due, rewriting
from incidents.models import Notice
from oncall.models import Channel, ContactMethod, Delivery
from oncall.reach import usable_methods

EXPIRES_AFTER = timedelta(hours=2)
INTERRUPTS = {Channel.VOICE}  # a notice never calls


def dispatch_due(at: datetime) -> due.Done:
    """Write a delivery for each notice whose time has come: the due source ``notices``."""
    return due.do_set("notices", waiting(at), _dispatch, at)


def waiting(at: datetime) -> QuerySet[Notice]:
    """Notices whose time has come; one to somebody who has left waits for nothing."""
    return Notice.objects.filter(dispatched_at=None, due_at__lt=at, person__is_active=True).order_by("due_at", "pk")


@transaction.atomic
def _dispatch(ids: Sequence[int], at: datetime) -> int:
    rows = waiting(at).filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",))
    notices = list(rows)
    methods = usable_methods([notice.person_id for notice in notices])
    deliveries = []
    for notice in notices:
        notice.dispatched_at = at
        method = _choose(methods.get(notice.person_id, []), notice.channels)
        if method is None:
            notice.last_error = "no verified contact method"
            continue
        deliveries.append(
            Delivery(
                notice=notice,
                person_id=notice.person_id,
                method=method,
                channel=method.channel,
                address=method.address,
                dedupe_key=f"notice:{notice.pk}:{method.pk}",
                priority=15,
                created_at=at,
                not_before=at,
                expires_at=at + EXPIRES_AFTER,
            )
        )
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    rewriting.save(notices, ["dispatched_at", "last_error"])
    return len(notices)


def _choose(methods: Sequence[ContactMethod], channels: Sequence[str]) -> ContactMethod | None:
    quiet = [method for method in methods if method.channel not in INTERRUPTS]
    for channel in channels:
        for method in quiet:
            if method.channel == channel:
                return method
    return quiet[0] if quiet else (methods[0] if methods else None)
