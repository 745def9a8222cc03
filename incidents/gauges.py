"""Figures for Prometheus. Read from the rows when asked, so that every process tells the same."""

from collections.abc import Callable, Iterable

from django.db.models import Count
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from incidents import due, pulse
from incidents.models import EngineBeat, Incident, LatenessBucket, RawEvent, Setback
from incidents.states import Kind

Collect = Callable[[], Iterable[Metric]]
COLLECTORS: list[Collect] = []


def register(collect: Collect) -> None:
    """Let an upper app add its own figures; called from ``AppConfig.ready()``."""
    if collect not in COLLECTORS:
        COLLECTORS.append(collect)


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything())
    return generate_latest(registry)


class _Everything:
    def collect(self) -> Iterable[Metric]:
        yield from _engine()
        yield from _incidents()
        for collect in COLLECTORS:
            yield from collect()


def _engine() -> Iterable[Metric]:
    now = pulse.read()
    silence = float("inf") if now.silence is None else now.silence
    yield GaugeMetricFamily("tocsin_tick_age_seconds", "Time since the last tick of the engine.", silence)
    text = "Lateness of the oldest due row at the last tick."
    yield GaugeMetricFamily("tocsin_oldest_due_seconds", text, now.late_seconds)
    yield _lateness()
    backlog = GaugeMetricFamily("tocsin_due_backlog", "Rows that are due now.", labels=["source"])
    for source in due.SOURCES:
        backlog.add_metric([source.name], source.backlog(now.at)[0])
    yield backlog
    setbacks = GaugeMetricFamily("tocsin_setbacks", "Rows that failed and rest.", labels=["source"])
    failing = Setback.objects.values_list("source").annotate(Count("pk")).order_by("source")
    own = RawEvent.objects.filter(processed_at=None, attempts__gt=0).count()
    for name, count in [("raw_events", own), *failing]:
        setbacks.add_metric([name], count)
    yield setbacks


def _lateness() -> HistogramMetricFamily:
    """How late the oldest due row was, over all ticks."""
    ticks, total = EngineBeat.objects.values_list("ticks", "late_sum").first() or (0, 0.0)
    rows = LatenessBucket.objects.order_by("upper_seconds").values_list("upper_seconds", "count")
    buckets = [(f"{upper:g}", float(count)) for upper, count in rows] + [("+Inf", float(ticks))]
    family = HistogramMetricFamily("tocsin_lateness_seconds", "Lateness of the oldest due row, of every tick.")
    family.add_metric([], buckets, total)
    return family


def _incidents() -> Iterable[Metric]:
    family = GaugeMetricFamily(
        "tocsin_open_incidents", "Open real incidents by severity, private ones left out.", labels=["severity"]
    )
    counts = dict.fromkeys(range(5), 0)
    shown = Incident.objects.open().filter(private=False, kind=Kind.REAL)
    for level in shown.values_list("severity_id", flat=True):
        counts[level] += 1
    for level, count in counts.items():
        family.add_metric([f"P{level}"], count)
    yield family
    newest = RawEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    yield CounterMetricFamily("tocsin_raw_events", "Events accepted since the beginning.", newest)
