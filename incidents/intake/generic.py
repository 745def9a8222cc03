"""Generic JSON: any object; the integration's mapping says where in it our fields lie."""

from typing import Any

from incidents.intake import reading
from incidents.intake.reading import Action, Fault, NotJson, Signal
from incidents.models import RawEvent

LONGEST_BODY = 10 * 1024 * 1024  # bytes
DEFAULTS = {
    "summary": ("summary", "title", "message"),
    "severity": ("severity",),
    "status": ("status",),
    "dedup_key": ("dedup_key",),
    "group_key": ("group_key",),
    "source": ("source",),
    "links": ("links",),
    "labels": ("labels",),
    "starts_at": ("starts_at",),
}
ACKNOWLEDGED = {"ack", "acknowledge", "acknowledged"}
RESOLVED = {
    "resolve",
    "resolved",
    "ok",
    "up",
    "normal",
    "closed",
    "close",
    "cleared",
    "recovered",
    "recovery",
    "success",
}
DEFAULT_ROUTE = "unread-event"  # dedup key of what a failing mapping leaves: one open alert per integration


class MappingFails(Exception):
    """The mapping does not lead to what an alert needs; the text says where it ended."""


def check(body: bytes) -> None:
    """Look at an event before it is taken; whether its mapping leads anywhere is found out later.

    Raises:
        Refused: 400 where it is no JSON, 422 where it is no object.
    """
    _checked(body)


def _checked(body: bytes) -> dict[str, Any]:
    try:
        said = reading.parse(body)
    except NotJson as error:
        raise reading.problem(400, str(error)) from None
    if not isinstance(said, dict):
        raise reading.problem(422, "Send one event as a JSON object.", [Fault("", "Use an object.")])
    return said


def read(raw: RawEvent) -> list[Signal]:
    """What a stored event says by its integration's mapping; where that fails, an alert that says so.

    Raises:
        Refused: it is not what ``check`` lets in.
    """
    said = _checked(bytes(raw.body))
    try:
        return [_signal(said, raw.integration.mapping)]
    except MappingFails as error:
        return [default_route(f"An event of {raw.integration.name} could not be read: {error}")]


def default_route(summary: str) -> Signal:
    """The alert for an event that nobody can read: it names no level, so the generic policy applies."""
    return Signal(Action.TRIGGER, DEFAULT_ROUTE, DEFAULT_ROUTE, summary=reading.line(summary, reading.LONGEST_SUMMARY))


def _signal(said: dict[str, Any], mapping: Any) -> Signal:
    found = {name: _find(said, name, mapping) for name in DEFAULTS}
    action = _action(_plain("status", found["status"], reading.LONGEST_LABEL))
    summary = _plain("summary", found["summary"], reading.LONGEST_SUMMARY)
    source = _plain("source", found["source"], reading.LONGEST_SOURCE)
    dedup_key = _key("dedup_key", found)
    if not summary and (action is Action.TRIGGER or not dedup_key):
        raise MappingFails(f"it has no summary at {_places('summary', mapping)}.")
    dedup_key = reading.key(dedup_key or reading.fingerprint(summary, source))
    labels = found["labels"]
    return Signal(
        action=action,
        dedup_key=dedup_key,
        group_key=reading.key(_key("group_key", found) or dedup_key),
        summary=summary,
        source=source,
        level_word=_plain("severity", found["severity"], reading.LONGEST_LEVEL_WORD),
        labels=reading.labels(labels.items() if isinstance(labels, dict) else [("labels", labels)]),
        links=reading.links(reading.said_links(found["links"])),
        starts_at=reading.moment(found["starts_at"]),
    )


def _action(word: str) -> Action:
    word = word.lower()
    if word in RESOLVED:
        return Action.RESOLVE
    return Action.ACKNOWLEDGE if word in ACKNOWLEDGED else Action.TRIGGER


def _places(name: str, mapping: Any) -> str:
    """The paths at which a field is looked for, in words."""
    return ", ".join(f"“{path}”" for path in _paths(name, mapping))


def _paths(name: str, mapping: Any) -> tuple[str, ...]:
    if not isinstance(mapping, dict):
        raise MappingFails("its mapping is no object.")
    path = mapping.get(name)
    if path is None or path == "":
        return DEFAULTS[name]
    if not isinstance(path, str):
        raise MappingFails(f"its mapping gives no path for {name}.")
    return (path,)


def _find(said: dict[str, Any], name: str, mapping: Any) -> Any:
    for path in _paths(name, mapping):
        value = _walk(said, path)
        if value is not None and value != "":
            return value
    return None


def _walk(value: Any, path: str) -> Any:
    """What lies at a dotted path, such as ``event.tags.0.name``; None where it ends early."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 6 and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _plain(name: str, value: Any, limit: int) -> str:
    if isinstance(value, (dict, list)):
        raise MappingFails(f"{name} is no plain value.")
    return reading.line(value, limit)


def _key(name: str, found: dict[str, Any]) -> str:
    """The whole key, however long; ``reading.key`` makes it fit without making two keys one."""
    return _plain(name, found[name], reading.LONGEST_KEY * 100)
