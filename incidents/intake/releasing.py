"""The due source of alerts that were held back: what is still open at the end of a quiet time pages like new."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from incidents import due
from incidents.intake.alerts import Alerts
from incidents.intake.processing import MOST_DECLARED
from incidents.models import Alert, AlertStatus, Service


def source() -> due.Source:
    """What ``due.register`` wants."""
    return due.Source("held_alerts", do, waiting, "held_until")


def waiting(at: datetime) -> QuerySet[Alert]:
    """Open alerts whose quiet time is over."""
    return Alert.objects.filter(status=AlertStatus.OPEN, held_until__lte=at).order_by("held_until", "pk")


def do(at: datetime) -> due.Done:
    """Decide anew on a set of them."""
    return due.do_set("held_alerts", waiting(at), _release, at)


@transaction.atomic
def _release(ids: Sequence[int], at: datetime) -> int:
    """Services first, as all intake does; a service that another tick works on waits for the next round."""
    wanted = waiting(at).filter(pk__in=ids)
    pairs = wanted.order_by().values_list("service", "integration__service")
    rows = Service.objects.select_for_update(no_key=True, skip_locked=True).filter(
        pk__in={pk for pair in pairs for pk in pair}
    )
    services = list(rows.order_by("pk").values_list("pk", flat=True))
    alerts = wanted.filter(service__in=services, integration__service__in=services).select_related(
        "integration", "service__team", "severity", "incident"
    )
    work, done = Alerts([], at), 0
    for alert in alerts:
        if work.declared >= MOST_DECLARED:
            break
        work.release(alert)
        done += 1
    work.write()
    return done
