"""Figures for Prometheus. Read from the rows when asked, so that every process tells the same."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from incidents import pulse
from incidents.models import Incident, RawEvent

Collect = Callable[[], Iterable[GaugeMetricFamily]]
COLLECTORS: list[Collect] = []


def register(collect: Collect) -> None:
    """Let an upper app add its own figures; called from ``AppConfig.ready()``."""
    if collect not in COLLECTORS:
        COLLECTORS.append(collect)


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything())  # type: ignore[arg-type]
    return generate_latest(registry)


class _Everything:
    def collect(self) -> Iterable[GaugeMetricFamily]:
        yield from _engine()
        yield from _incidents()
        for collect in COLLECTORS:
            yield from collect()


def _engine() -> Iterable[GaugeMetricFamily]:
    now = pulse.read()
    silence = float("inf") if now.silence is None else now.silence
    yield GaugeMetricFamily("tocsin_tick_age_seconds", "Time since the last tick of the engine.", silence)
    yield GaugeMetricFamily(
        "tocsin_oldest_due_seconds", "Lateness of the oldest due row at the last tick.", now.late_seconds
    )


def _incidents() -> Iterable[GaugeMetricFamily]:
    family = GaugeMetricFamily("tocsin_open_incidents", "Open incidents by severity.", labels=["severity"])
    counts = dict.fromkeys(range(5), 0)
    for level in Incident.objects.open().values_list("severity_id", flat=True):
        counts[level] += 1
    for level, count in counts.items():
        family.add_metric([f"P{level}"], count)
    yield family
    waiting = RawEvent.objects.filter(processed_at=None).count()
    yield GaugeMetricFamily("tocsin_raw_events_waiting", "Accepted events that are not processed yet.", waiting)
