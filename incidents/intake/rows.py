"""The rows under a set of events: alerts and incidents, read, locked and written in few statements."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from incidents.intake.events import Group, Key
from incidents.models import Alert, AlertStatus, Incident
from incidents.states import Kind, Status

# One statement for a whole set: the ORM's own costs five times as much, and a flood consists of nothing else.
UPDATE = """
    UPDATE incidents_alert AS alert
    SET status = new.status, count = new.count, last_received_at = new.received, acknowledged_at = new.acknowledged,
        resolved_at = new.resolved, level_word = new.word, severity_id = new.severity, incident_id = new.incident,
        held_until = new.held, held_because = new.because
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
                %s::text[], %s::smallint[], %s::bigint[], %s::timestamptz[], %s::text[])
        AS new (id, status, count, received, acknowledged, resolved, word, severity, incident, held, because)
    WHERE alert.id = new.id
"""


def update(alerts: Sequence[Alert]) -> None:
    """Write what events change of alerts."""
    if not alerts:
        return
    columns: list[Any] = [
        [alert.pk for alert in alerts],
        [str(alert.status) for alert in alerts],
        [alert.count for alert in alerts],
        [alert.last_received_at for alert in alerts],
        [alert.acknowledged_at for alert in alerts],
        [alert.resolved_at for alert in alerts],
        [alert.level_word for alert in alerts],
        [alert.severity_id for alert in alerts],
        [alert.incident_id for alert in alerts],
        [alert.held_until for alert in alerts],
        [alert.held_because for alert in alerts],
    ]
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, columns)


def newest_alerts(keys: set[Key]) -> dict[Key, Alert]:
    """The newest alert of each key, with its incident and integration."""
    by_integration: dict[int, set[str]] = {}
    for integration_id, dedup_key in keys:
        by_integration.setdefault(integration_id, set()).add(dedup_key)
    wanted = Q(pk__in=())
    for integration_id, dedup_keys in by_integration.items():
        wanted |= Q(integration=integration_id, dedup_key__in=dedup_keys)
    alerts = (
        Alert.objects.filter(wanted)
        .select_related("incident", "severity")
        .order_by("integration_id", "dedup_key", "-pk")
        .distinct("integration_id", "dedup_key")
    )
    return {(alert.integration_id, alert.dedup_key): alert for alert in alerts}


def lock_incidents(known: set[int], groups: Iterable[Group]) -> list[Incident]:
    """Lock the incidents by number, and those that are open for the groups."""
    services = {service_id for service_id, _ in groups}
    words = {group_key for _, group_key in groups}
    of_groups = Q(status=Status.OPEN, kind=Kind.REAL, service__in=services, group_key__in=words)
    return list(
        Incident.objects.select_for_update(no_key=True, of=("self",))
        .select_related("severity", "peak_severity", "service__team")
        .filter(Q(pk__in=known) | of_groups)
        .order_by("pk")
    )


def just_resolved(group: Group, since: datetime) -> int | None:
    """The newest incident of the group that was resolved since then (1 query)."""
    service_id, group_key = group
    found = Incident.objects.filter(
        kind=Kind.REAL, status=Status.RESOLVED, service=service_id, group_key=group_key, resolved_at__gte=since
    )
    return found.order_by("-resolved_at", "-pk").values_list("pk", flat=True).first()


def open_alerts(service_id: int) -> int:
    """How many alerts of the service are open and not held back (1 query)."""
    return Alert.objects.filter(service=service_id, status=AlertStatus.OPEN, held_until=None).count()
