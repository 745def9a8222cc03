"""What holds an alert back right now: planned maintenance of its service, or a silence that it fits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents import conditions
from incidents.models import Alert, AlertStatus, Maintenance, Quiet, Silence


@dataclass(frozen=True)
class Hold:
    """Until when (UTC) an alert pages nobody, and why."""

    until: datetime
    why: str


@dataclass(frozen=True)
class Quieted:
    """The quiet times of an instant, read once for a set of alerts."""

    maintenances: Mapping[int, Hold]  # by service
    silences: Mapping[int, tuple[tuple[tuple[conditions.Condition, ...], Hold], ...]]

    @classmethod
    def load(cls, at: datetime) -> "Quieted":
        """What runs at ``at`` (2 queries); of several windows of a service the last to end stands."""
        windows: dict[int, Hold] = {}
        rows = Maintenance.objects.running(at).order_by("end", "pk")
        for row in rows.values_list("services", "end", "title"):
            windows[row[0]] = Hold(row[1], f"Maintenance: {row[2]}")
        silences: dict[int, list[tuple[tuple[conditions.Condition, ...], Hold]]] = {}
        for silence in Silence.objects.running(at).order_by("-end", "pk"):
            silences.setdefault(silence.service_id, []).append((silence.lines, Hold(silence.end, silence.words)))
        return cls(windows, {service: tuple(found) for service, found in silences.items()})

    def hold(self, service_id: int, labels: Mapping[str, str]) -> Hold | None:
        """What holds back an alert of the service with these labels; the longest of all."""
        holds = [hold for lines, hold in self.silences.get(service_id, ()) if conditions.all_fit(lines, labels)]
        if window := self.maintenances.get(service_id):
            holds.append(window)
        return max(holds, key=lambda hold: hold.until, default=None)


def look_again(service_ids: list[int], at: datetime) -> None:
    """Let the next tick decide anew on every alert of the services that is held back: a quiet time has changed."""
    held = Alert.objects.filter(service__in=service_ids, status=AlertStatus.OPEN, held_until__gt=at)
    held.update(held_until=at)


def finish(row: Quiet, at: datetime) -> str:
    """End a locked quiet time that runs, call off one that has not begun; returns what came of it, or nothing.

    The row is not saved.
    """
    state = row.state(at)
    if state == "upcoming":
        row.cancelled_at = at
        return "called off"
    if state == "running":
        row.end = max(at, row.start + timedelta(microseconds=1))
        return "ended"
    return ""
