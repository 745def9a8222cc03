"""Alertmanager's webhook, version 4: one post tells of several alerts of one group, each with a status of its own."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from incidents.intake import reading
from incidents.intake.reading import Action, Fault, NotJson, Signal
from incidents.models import RawEvent

LONGEST_BODY = 10 * 1024 * 1024  # bytes; Alertmanager never repeats what was refused with a 4xx
VERSION = "4"
ACTIONS = {"firing": Action.TRIGGER, "resolved": Action.RESOLVE}
SUMMARIES = ("summary", "title", "message", "description")
LINKS = (("runbook_url", "Runbook"), ("dashboard_url", "Dashboard"))
OUR_OWN = {*SUMMARIES, *(name for name, _ in LINKS)}


def check(body: bytes) -> None:
    """Look at a post before it is taken.

    Raises:
        Refused: 400 where it is no JSON, 422 where it is no webhook of version 4.
    """
    checked(body)


def checked(body: bytes, version: str = VERSION, what: str = "Alertmanager webhook") -> dict[str, Any]:
    """The post, once it is one.

    Raises:
        Refused: 400 where it is no JSON, 422 where it is no post of this version.
    """
    try:
        said = reading.parse(body)
    except NotJson as error:
        raise reading.problem(400, str(error)) from None
    if faults := list(islice(_faults(said, version), reading.MOST_FAULTS)):
        raise reading.problem(422, f"This is no {what} of version {version}; errors names each field.", faults)
    return dict(said)


def _faults(said: Any, version: str) -> Iterator[Fault]:
    if not isinstance(said, dict):
        yield Fault("", "Send an object.")
        return
    if said.get("version", version) != version:
        yield Fault("version", f"Only version {version} is read here; send the text “{version}”.")
    if not isinstance(said.get("groupKey") or "", str):
        yield Fault("groupKey", "Use text.")
    left_out = said.get("truncatedAlerts") or 0
    if isinstance(left_out, bool) or not isinstance(left_out, int) or left_out < 0:
        yield Fault("truncatedAlerts", "Use a whole number, 0 or more.")
    alerts = said.get("alerts")
    if not isinstance(alerts, list):
        yield Fault("alerts", "Send a list of alerts.")
        return
    for place, alert in enumerate(alerts):
        yield from _alert_faults(f"alerts[{place}]", alert)


def _alert_faults(place: str, alert: Any) -> Iterator[Fault]:
    if not isinstance(alert, dict):
        yield Fault(place, "Use an object.")
        return
    if alert.get("status") not in ("firing", "resolved"):
        yield Fault(f"{place}.status", "Use “firing” or “resolved”.")
    if not isinstance(alert.get("labels"), dict):
        yield Fault(f"{place}.labels", "Use an object of texts.")
    if not isinstance(alert.get("annotations") or {}, dict):
        yield Fault(f"{place}.annotations", "Use an object of texts.")
    if not isinstance(alert.get("fingerprint") or "", str):
        yield Fault(f"{place}.fingerprint", "Use text.")
    for name in ("startsAt", "endsAt"):
        if alert.get(name) and not _is_time(alert[name]):
            yield Fault(f"{place}.{name}", "Use a time such as 2026-03-29T01:30:00Z.")


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and (value.startswith("0001-01-01") or reading.moment(value) is not None)


def read(raw: RawEvent) -> list[Signal]:
    """What a stored post says of each of its alerts, in its order.

    Raises:
        Refused: it is not what ``check`` lets in.
    """
    said = checked(bytes(raw.body))
    return [signal_of(alert, said) for alert in said["alerts"]]


def signal_of(alert: dict[str, Any], post: dict[str, Any]) -> Signal:
    """What a post says of one of its alerts."""
    labels, notes = alert["labels"], alert.get("annotations") or {}
    dedup_key = reading.key(alert.get("fingerprint") or _fingerprint(labels))
    firing = alert["status"] == "firing"
    return Signal(
        action=ACTIONS[alert["status"]],
        dedup_key=dedup_key,
        group_key=reading.key(post.get("groupKey") or dedup_key),
        summary=_summary(labels, notes),
        source=reading.line(labels.get("instance") or labels.get("job"), reading.LONGEST_SOURCE),
        level_word=reading.line(labels.get("severity"), reading.LONGEST_LEVEL_WORD),
        labels=reading.labels([*labels.items(), *((name, notes[name]) for name in notes if name not in OUR_OWN)]),
        links=reading.links(
            [
                *((notes.get(name), label) for name, label in LINKS),
                (alert.get("generatorURL"), "Source"),
                (post.get("externalURL"), "Alertmanager"),
            ]
        ),
        starts_at=reading.moment(alert.get("startsAt")),
        ended_at=None if firing else reading.moment(alert.get("endsAt")),
        whole=not post.get("truncatedAlerts"),
    )


def _summary(labels: dict[str, Any], notes: dict[str, Any]) -> str:
    for words in (*(notes.get(name) for name in SUMMARIES), labels.get("alertname")):
        if summary := reading.line(words, reading.LONGEST_SUMMARY):
            return summary
    return "Alert without a name"


def _fingerprint(labels: dict[str, Any]) -> str:
    """The identity that an alert has by its labels, for senders that give no fingerprint."""
    pairs = sorted((str(name), reading.text(value, reading.LONGEST_LABEL)) for name, value in labels.items())
    return reading.fingerprint(*(part for pair in pairs for part in pair))
