"""Grafana's alerting webhook: the post of Alertmanager in a version of its own, with links to its pages."""

from dataclasses import replace
from typing import Any

from incidents.intake import alertmanager, reading
from incidents.intake.reading import Signal
from incidents.models import RawEvent

LONGEST_BODY = alertmanager.LONGEST_BODY
VERSION = "1"
LINKS = (
    ("dashboardURL", "Dashboard"),
    ("panelURL", "Panel"),
    ("generatorURL", "Alert rule"),
    ("silenceURL", "Silence in Grafana"),
    ("imageURL", "Picture"),
)


def check(body: bytes) -> None:
    """Look at a post before it is taken.

    Raises:
        Refused: 400 where it is no JSON, 422 where it is no webhook of Grafana's alerting.
    """
    alertmanager.checked(body, VERSION, "Grafana webhook")


def read(raw: RawEvent) -> list[Signal]:
    """What a stored post says of each of its alerts, in its order.

    Raises:
        Refused: it is not what ``check`` lets in.
    """
    said = alertmanager.checked(bytes(raw.body), VERSION, "Grafana webhook")
    return [_signal(alert, said) for alert in said["alerts"]]


def _signal(alert: dict[str, Any], post: dict[str, Any]) -> Signal:
    signal = alertmanager.signal_of(alert, post)
    notes = alert.get("annotations") or {}
    links = [
        (notes.get("runbook_url"), "Runbook"),
        *((alert.get(name), label) for name, label in LINKS),
        (post.get("externalURL"), "Grafana"),
    ]
    return replace(signal, links=reading.links(links))
