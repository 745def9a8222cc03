"""PagerDuty's Events API v2, in its own shapes, so that what speaks to PagerDuty speaks to us by another address."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from incidents.intake import reading
from incidents.intake.reading import Action, NotJson, Refused, Signal
from incidents.models import RawEvent

LONGEST_BODY = 512 * 1024  # bytes
KEY_LENGTH = 32  # characters of a routing key
ACTIONS = tuple(Action)
LEVELS = ("critical", "error", "warning", "info")
ABOUT = ("component", "group", "class")
NOT_VALID = "The event is not valid."


@dataclass(frozen=True)
class Checked:
    """An event that may be taken: whose it is and which alert it means."""

    routing_key: str
    dedup_key: str = ""


def refusal(status: int, *errors: str) -> Refused:
    """A refusal in PagerDuty's words; errors tell what is wrong."""
    return Refused(
        status, {"status": "invalid event", "message": NOT_VALID, "errors": list(errors)[: reading.MOST_FAULTS]}
    )


def check(body: bytes) -> Checked:
    """Look at an alert event before it is taken; one without a dedup key gets a new one.

    Raises:
        Refused: 400, with every error that was found.
    """
    said = _checked(body)
    return Checked(said["routing_key"], reading.clean(said.get("dedup_key") or uuid4().hex))


def check_change(body: bytes) -> Checked:
    """Look at a change event before it is taken.

    Raises:
        Refused: 400, with every error that was found.
    """
    said = _parse(body)
    payload = said.get("payload")
    errors = [*_key_errors(said)]
    if not isinstance(payload, dict):
        errors.append("'payload' must be an object")
    else:
        errors += [*_text_errors(payload, "payload.", ("source", "timestamp")), *_summary_errors(payload)]
    if errors:
        raise refusal(400, *errors)
    return Checked(said["routing_key"])


def accepted(checked: Checked) -> dict[str, str]:
    """The answer to an alert event that was taken."""
    return {"status": "success", "message": "Event processed", "dedup_key": checked.dedup_key}


CHANGE_ACCEPTED = {"status": "success", "message": "Change event processed"}


def _parse(body: bytes) -> dict[str, Any]:
    try:
        said = reading.parse(body)
    except NotJson as error:
        raise refusal(400, str(error)) from None
    if not isinstance(said, dict):
        raise refusal(400, "The body must be an object.")
    return said


def _checked(body: bytes) -> dict[str, Any]:
    said = _parse(body)
    errors = [*_key_errors(said), *_event_errors(said)]
    if errors:
        raise refusal(400, *errors)
    return said


def _key_errors(said: dict[str, Any]) -> Iterator[str]:
    key = said.get("routing_key")
    if not isinstance(key, str) or not key:
        yield "'routing_key' is missing or no text"
    elif len(key) != KEY_LENGTH:
        yield f"'routing_key' must be {KEY_LENGTH} characters long"


def _event_errors(said: dict[str, Any]) -> Iterator[str]:
    action = said.get("event_action")
    if action not in ACTIONS:
        yield f"'event_action' must be one of {', '.join(ACTIONS)}"
    dedup_key = said.get("dedup_key")
    if dedup_key is not None and not isinstance(dedup_key, str):
        yield "'dedup_key' must be a text"
    elif dedup_key and len(dedup_key) > reading.LONGEST_KEY:
        yield f"'dedup_key' must be at most {reading.LONGEST_KEY} characters long"
    elif not dedup_key and action in (Action.ACKNOWLEDGE, Action.RESOLVE):
        yield f"'dedup_key' is needed to {action}"
    yield from _text_errors(said, "", ("client", "client_url"))
    for name in ("links", "images"):
        if not isinstance(said.get(name) or [], list):
            yield f"'{name}' must be a list"
    if action == Action.TRIGGER:
        yield from _payload_errors(said.get("payload"))


def _payload_errors(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "'payload' must be an object"
        return
    yield from _summary_errors(payload)
    source = payload.get("source")
    if not isinstance(source, str) or not source.strip():
        yield "'payload.source' is missing or no text"
    if payload.get("severity") not in LEVELS:
        yield f"'payload.severity' must be one of {', '.join(LEVELS)}"
    yield from _text_errors(payload, "payload.", (*ABOUT, "timestamp"))


def _summary_errors(payload: dict[str, Any]) -> Iterator[str]:
    summary = payload.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        yield "'payload.summary' is missing or no text"
    elif len(summary) > reading.LONGEST_SUMMARY:
        yield f"'payload.summary' must be at most {reading.LONGEST_SUMMARY} characters long"


def _text_errors(said: dict[str, Any], before: str, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if said.get(name) is not None and not isinstance(said[name], str):
            yield f"'{before}{name}' must be a text"


def read(raw: RawEvent) -> list[Signal]:
    """What a stored event says; its group is its own key, since each key is an incident of its own there.

    Raises:
        Refused: it is not what ``check`` lets in.
    """
    said = _checked(bytes(raw.body))
    payload = said.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    details = payload.get("custom_details")
    return [
        Signal(
            action=Action(said["event_action"]),
            dedup_key=raw.dedup_key,
            group_key=raw.dedup_key,
            summary=reading.line(payload.get("summary"), reading.LONGEST_SUMMARY),
            source=reading.line(payload.get("source"), reading.LONGEST_SOURCE),
            level_word=reading.line(payload.get("severity"), reading.LONGEST_LEVEL_WORD),
            labels=reading.labels(
                [
                    *((name, payload.get(name)) for name in ABOUT),
                    ("client", said.get("client")),
                    *(details.items() if isinstance(details, dict) else [("details", details)]),
                ]
            ),
            links=reading.links(
                [
                    *reading.said_links(said.get("links")),
                    (said.get("client_url"), said.get("client")),
                    *((image.get("href"), image.get("alt")) for image in _images(said)),
                ]
            ),
        )
    ]


def _images(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in said.get("images") or [] if isinstance(image, dict)]
