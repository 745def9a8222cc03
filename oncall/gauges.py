"""The pager's figures for Prometheus."""

from collections.abc import Iterable

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily, Metric

from oncall import canary
from oncall.models import Delivery, Escalation, Provider, RunState


def collect() -> Iterable[Metric]:
    """Deliveries by channel and state, runs by state, providers that fail, the last canary (5 queries)."""
    family = GaugeMetricFamily("tocsin_deliveries", "Deliveries by channel and state.", labels=["channel", "state"])
    for row in Delivery.objects.values("channel", "state").annotate(number=Count("pk")).order_by("channel", "state"):
        family.add_metric([row["channel"], row["state"]], row["number"])
    yield family
    runs = GaugeMetricFamily("tocsin_escalations", "Escalations by state.", labels=["state"])
    for state, number in Escalation.objects.values_list("state").annotate(Count("pk")).order_by("state"):
        runs.add_metric([state], number)
    yield runs
    resting = Escalation.objects.filter(attempts__gt=0).exclude(state=RunState.ENDED).count()
    yield GaugeMetricFamily("tocsin_escalations_resting", "Escalations that failed and rest.", resting)
    failing = GaugeMetricFamily("tocsin_provider_failures", "Failures in a row of each provider.", labels=["provider"])
    for name, failures in Provider.objects.order_by("name").values_list("name", "failures"):
        failing.add_metric([name], failures)
    yield failing
    text = "From the canary's start to its arrival; +Inf while it is lost."
    yield GaugeMetricFamily("tocsin_canary_seconds", text, canary.seconds())
