"""Why an event went where it went: what it says, which routes it was held against, and what it stands for now."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from incidents import routing
from incidents.intake import directing, processing
from incidents.intake.events import Event, Ranks
from incidents.intake.reading import Format, Refused, Signal
from incidents.models import Alert, Incident, RawEvent, Route, Service, Severity, User

LONGEST_BODY = 20_000  # characters of a raw event that are shown
MOST_SIGNALS = 100  # of one event that are explained


@dataclass(frozen=True)
class Told:
    """What an event says of one alert, and the way that this takes by the rules as they are now."""

    signal: Signal
    labels: dict[str, str]
    severity: Severity
    assumed: bool  # it names no level that is known
    steps: list[routing.Looked]
    route: Route | None
    service: Service
    alert: Alert | None  # the newest of its key


@dataclass(frozen=True)
class Explained:
    """The whole event. ``unreadable`` says why nothing could be read in it."""

    told: list[Told]
    more: int = 0  # alerts of it that are left out here
    unreadable: str = ""


def explain(raw: RawEvent) -> Explained:
    """Hold a stored event against the routes as they are now (5 queries); its integration and service are loaded."""
    if raw.format == Format.CHANGE:
        return Explained([])
    try:
        signals = processing.signals_of(raw)
    except Refused as refusal:
        return Explained([], unreadable=json.dumps(refusal.body)[:500])
    except Exception as error:  # what broke its processing breaks its explanation
        return Explained([], unreadable=f"{type(error).__name__}: {error}"[:500])
    shown, ranks = signals[:MOST_SIGNALS], Ranks.load()
    routes = routing.of(raw.integration)
    event = directing.directed(raw, shown, [route for route in routes if route.is_active])
    alerts = _alerts_of(raw, shown)
    told = [_tell(raw, event, signal, ranks, routes, alerts) for signal in event.signals]
    return Explained(told, more=len(signals) - len(shown))


def _tell(
    raw: RawEvent, event: Event, signal: Signal, ranks: Ranks, routes: Sequence[Route], alerts: dict[str, Alert]
) -> Told:
    labels, level = directing.labels_of(raw, signal), ranks.of(event, signal)
    return Told(
        signal=signal,
        labels=labels,
        severity=level or ranks.assumed,
        assumed=level is None,
        steps=routing.look(routes, labels),
        route=event.route_of(signal),
        service=event.service_of(signal),
        alert=alerts.get(signal.dedup_key),
    )


def _alerts_of(raw: RawEvent, signals: Sequence[Signal]) -> dict[str, Alert]:
    rows = Alert.objects.filter(integration=raw.integration_id, dedup_key__in={one.dedup_key for one in signals})
    rows = rows.select_related("incident", "service", "severity", "integration").order_by("dedup_key", "-pk")
    return {alert.dedup_key: alert for alert in rows.distinct("dedup_key")}


def body_of(raw: RawEvent) -> str:
    """The body as text, without the integration's key."""
    text = bytes(raw.body).decode(errors="replace").replace(raw.integration.key, "(key)")
    return f"{text[:LONGEST_BODY]} … ({len(text)} characters)" if len(text) > LONGEST_BODY else text


def pretty(raw: RawEvent) -> str:
    """The body laid out where it is JSON, else as it came."""
    try:
        text = json.dumps(json.loads(bytes(raw.body)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body_of(raw)
    text = text.replace(raw.integration.key, "(key)")
    return f"{text[:LONGEST_BODY]} …" if len(text) > LONGEST_BODY else text


def visible_to(person: User) -> QuerySet[RawEvent]:
    """The events that the person may look at: those of private incidents are for those who take part (1 query)."""
    rows = RawEvent.objects.select_related("integration__service__team")
    if person.is_administrator:
        return rows
    seen = Incident.objects.visible_to(person).values("pk")
    hidden = Incident.objects.filter(private=True).exclude(pk__in=seen)
    numbers = list(hidden.values_list("number", flat=True))
    if not numbers:
        return rows
    of_hidden = Alert.objects.filter(incident__in=hidden).values("raw_event")
    refs = [f"INC-{number}" for number in numbers]
    return rows.exclude(Q(outcome__incidents__has_any_keys=refs) | Q(pk__in=of_hidden.exclude(raw_event=None)))
