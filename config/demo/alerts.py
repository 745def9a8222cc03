"""The alerts behind the stories, with the requests that brought them."""

import json
from datetime import datetime

from django.utils.text import slugify

from config.demo.story import Story
from incidents import timeline
from incidents.intake.episodes import Verdict
from incidents.models import (
    Alert,
    AlertLevel,
    AlertStatus,
    EntryKind,
    Incident,
    Integration,
    IntegrationKind,
    RawEvent,
    Severity,
)


def group_of(story: Story) -> str:
    """The group that the story's alert belongs to."""
    return slugify(story.title)[:60]


def receive(story: Story, incident: Incident, door: Integration, at: datetime) -> Alert | None:
    """Write the alert that opened the incident, and the request it came in; None where a person noticed it."""
    signal = story.alert
    if signal is None:
        return None
    key = group_of(story)
    raw = RawEvent.objects.create(
        integration=door,
        format=door.kind,
        body=json.dumps(_payload(story, door, at)).encode(),
        dedup_key=key,
        received_at=at,
        processed_at=at,
        outcome={Verdict.OPEN: 1, "incidents": [incident.ref]},
    )
    alert = Alert.objects.create(
        service=door.service,
        integration=door,
        incident=incident,
        dedup_key=key,
        group_key=key,
        summary=signal.summary,
        source=signal.source,
        level_word=signal.level,
        severity=_severity(signal.level),
        labels=signal.labels,
        count=signal.count,
        starts_at=incident.impact_started_at,
        first_received_at=at,
        last_received_at=at,
        raw_event=raw,
    )
    _tell(incident, alert, f"{door.name}: {signal.summary}", at, role=signal.role)
    return alert


def end(alert: Alert | None, incident: Incident, at: datetime) -> None:
    """Let the source say that it is over; nothing happens where there is no alert or it is over already."""
    if alert is None or alert.status != AlertStatus.OPEN:
        return
    alert.status, alert.resolved_at, alert.last_received_at = AlertStatus.RESOLVED, at, at
    alert.save(update_fields=["status", "resolved_at", "last_received_at"])
    _tell(incident, alert, f"{alert.integration.name} says that it is over: {alert.summary}", at)


def _severity(word: str) -> Severity | None:
    level = AlertLevel.objects.filter(word=word).select_related("severity").first()
    return level.severity if level else None


def _tell(incident: Incident, alert: Alert, text: str, at: datetime, role: str = "") -> None:
    locked = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    line = timeline.Line(locked, EntryKind.ALERT, text, role=role, data={"alert": alert.pk})
    timeline.write([line], at=at)
    locked.save(update_fields=["timeline_seq"])


def _payload(story: Story, door: Integration, at: datetime) -> dict[str, object]:
    """What the sender of this kind of door would have posted."""
    signal = story.alert
    if signal is None:
        return {}
    if door.kind == IntegrationKind.ALERTMANAGER:
        labels = {"alertname": group_of(story), "severity": signal.level, "instance": signal.source, **signal.labels}
        alert = {
            "status": "firing",
            "labels": labels,
            "annotations": {"summary": signal.summary},
            "startsAt": at.isoformat(),
        }
        return {"version": "4", "status": "firing", "groupLabels": {"service": story.service}, "alerts": [alert]}
    if door.kind == IntegrationKind.PAGERDUTY:
        payload = {"summary": signal.summary, "source": signal.source, "severity": signal.level or "error"}
        return {
            "routing_key": door.key,
            "event_action": "trigger",
            "dedup_key": group_of(story),
            "payload": payload,
        }
    return _along(door.mapping, {"summary": signal.summary, "severity": signal.level, "dedup_key": group_of(story)})


def _along(mapping: dict[str, str], values: dict[str, str]) -> dict[str, object]:
    """Put each value where the door's mapping will look for it."""
    body: dict[str, object] = {}
    for name, path in mapping.items():
        *ways, last = path.split(".")
        here = body
        for way in ways:
            here = here.setdefault(way, {})  # type: ignore[assignment]
        here[last] = values.get(name, "firing")
    return body
