"""A stored event as intake works on it: what it says, what was made of it, and what its words mean here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from incidents.intake.reading import Signal
from incidents.models import Alert, AlertLevel, RawEvent, Route, Service, Severity

ASSUMED_LEVEL = 2  # of an alert that names no level that we know: P2

Key = tuple[int, str]  # integration, dedup key
Group = tuple[int, str]  # service, group key


@dataclass
class Event:
    """A stored event, what it says, and what was made of it."""

    raw: RawEvent
    signals: Sequence[Signal]
    services: dict[str, Service] = field(default_factory=dict)  # by dedup key, where a route leads elsewhere
    routes: dict[str, Route] = field(default_factory=dict)  # by dedup key
    made: Counter[str] = field(default_factory=Counter)
    incidents: set[str] = field(default_factory=set)
    closing: set[int] = field(default_factory=set)  # incidents that may be over with this event
    worse: dict[int, Alert] = field(default_factory=dict)  # by incident: its most severe alert above the level it has

    @property
    def keys(self) -> set[Key]:
        """The alerts that it is about."""
        return {(self.raw.integration_id, signal.dedup_key) for signal in self.signals}

    def group(self, signal: Signal) -> Group:
        """Alerts of one service and group share an incident."""
        return self.service_of(signal).pk, signal.group_key

    def service_of(self, signal: Signal) -> Service:
        """Whose alert it is."""
        return self.services.get(signal.dedup_key, self.raw.integration.service)

    def route_of(self, signal: Signal) -> Route | None:
        """The route that it takes; None = none fits, or there is none."""
        return self.routes.get(signal.dedup_key)

    @property
    def outcome(self) -> dict[str, Any]:
        """What was made of it, for people who look for it later."""
        said: dict[str, Any] = dict(self.made)
        if self.routes:
            said["routes"] = sorted({route.name for route in self.routes.values()})
        return said | ({"incidents": sorted(self.incidents)} if self.incidents else {})


@dataclass
class Ranks:
    """The severities and the words for them."""

    words: dict[str, Severity]
    assumed: Severity

    @classmethod
    def load(cls) -> "Ranks":
        """Read them once for a set."""
        words = {level.word: level.severity for level in AlertLevel.objects.select_related("severity")}
        return cls(words, Severity.objects.get(pk=ASSUMED_LEVEL))

    def of(self, event: Event, signal: Signal) -> Severity | None:
        """The route's level, else the one that the source's word means here; None = it names none that is known."""
        route = event.route_of(signal)
        return (route.severity if route else None) or self.words.get(signal.level_word.lower())
