"""Which way the alerts of an event take: the first route of its integration that fits each of them."""

from collections.abc import Sequence
from dataclasses import replace

from incidents import conditions, routing
from incidents.intake import reading
from incidents.intake.events import Event
from incidents.intake.reading import Signal
from incidents.models import RawEvent, Route


def labels_of(raw: RawEvent, signal: Signal) -> dict[str, str]:
    """What routes are held against."""
    return conditions.labels_of(
        signal.labels,
        summary=signal.summary,
        source=signal.source,
        level=signal.level_word,
        integration=raw.integration.name,
        service=raw.integration.service.slug,
    )


def directed(raw: RawEvent, signals: Sequence[Signal], routes: Sequence[Route]) -> Event:
    """The event with the way of each of its alerts; a route may also group them anew."""
    event = Event(raw, signals)
    if not routes:
        return event
    sorted_signals = []
    for signal in signals:
        labels = labels_of(raw, signal)
        route = routing.first(routes, labels)
        if route:
            event.routes[signal.dedup_key] = route
            if route.service:
                event.services[signal.dedup_key] = route.service
            if key := routing.group_key(route, labels):
                signal = replace(signal, group_key=reading.key(key))
        sorted_signals.append(signal)
    event.signals = sorted_signals
    return event
