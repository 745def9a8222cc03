"""What senders say, as small as it may be."""

import json

from incidents import due
from incidents.intake import processing
from incidents.models import RawEvent

BEGAN = "2026-03-02T14:02:00Z"
LATER = "2026-03-02T15:30:00Z"
NOT_SET = "0001-01-01T00:00:00Z"


def firing(name="HighLatency", *, starts_at=BEGAN, fingerprint=None, severity="critical", **labels):
    return {
        "status": "firing",
        "labels": {"alertname": name, **({"severity": severity} if severity else {}), **labels},
        "annotations": {"summary": f"{name} is firing"},
        "startsAt": starts_at,
        "endsAt": NOT_SET,
        "generatorURL": "http://prometheus.example.com/graph",
        "fingerprint": fingerprint or f"print-of-{name}",
    }


def resolved(name="HighLatency", *, starts_at=BEGAN, ends_at="2026-03-02T14:20:00Z", **more):
    return firing(name, starts_at=starts_at, **more) | {"status": "resolved", "endsAt": ends_at}


def post_of(*alerts, group='{}:{job="api"}', left_out=0):
    """An Alertmanager webhook with these alerts."""
    status = "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved"
    return {
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": left_out,
        "status": status,
        "receiver": "tocsin",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.com",
        "alerts": list(alerts),
    }


def event_of(action="trigger", *, key="0" * 32, dedup_key="db-1", severity="critical", **payload):
    """A PagerDuty event."""
    said = {"routing_key": key, "event_action": action, "dedup_key": dedup_key}
    if action == "trigger":
        said["payload"] = {"summary": "Database is down", "source": "db-1", "severity": severity, **payload}
    return said


def store(integration, said, *, received_at=None, dedup_key=""):
    """Store an event as the door does, without the door."""
    if integration.kind == "pagerduty":
        dedup_key = dedup_key or said["dedup_key"]
    return RawEvent.objects.create(
        integration=integration,
        format=integration.kind,
        body=said if isinstance(said, bytes) else json.dumps(said).encode(),
        dedup_key=dedup_key,
        received_at=received_at or due.database_now(),
    )


def process():
    """Process what waits, as ticks do."""
    while processing.do(due.database_now()).rows:
        pass
