"""What the formats share: what a body says once it is read, and the reading of its values.

Whatever the outside world sends must fit the columns: no text here is longer than its field, none holds what Postgres
cannot store.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlsplit

LONGEST_KEY = 255  # characters of a dedup or group key
LONGEST_SUMMARY = 1024  # characters
LONGEST_SOURCE = 255  # characters
LONGEST_LEVEL_WORD = 40  # characters
LONGEST_LABEL = 1000  # characters of one value
LONGEST_HREF = 2000  # characters
MOST_LABELS = 64
MOST_LINKS = 20
MOST_FAULTS = 20  # named in one refusal


class Format(StrEnum):
    """In which words a stored event is written."""

    ALERTMANAGER = "alertmanager"
    PAGERDUTY = "pagerduty"
    CHANGE = "pagerduty-change"
    GENERIC = "generic"
    GRAFANA = "grafana"
    HEARTBEAT = "heartbeat"


class Action(StrEnum):
    """What the source wants to say about its alert."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Signal:
    """What a source says of one alert. Times are aware and UTC; None = the source does not say."""

    action: Action
    dedup_key: str
    group_key: str
    summary: str = ""
    source: str = ""
    level_word: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    links: Sequence[Mapping[str, str]] = ()
    starts_at: datetime | None = None
    ended_at: datetime | None = None
    whole: bool = True  # False: the source left out other alerts of the group, which may still be firing


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field of a body."""

    field: str
    message: str


class Refused(Exception):
    """A request is not taken. The body is the format's own; it never repeats what was sent."""

    def __init__(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class NotJson(Exception):
    """The body is no JSON; the text names the place."""


def problem(
    status: int, detail: str, faults: Iterable[Fault] = (), headers: Mapping[str, str] | None = None
) -> Refused:
    """A refusal in the words of RFC 9457, as the API speaks."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [{"field": fault.field, "message": fault.message} for fault in faults][:MOST_FAULTS],
    }
    return Refused(status, body, {"content-type": "application/problem+json", **(headers or {})})


def parse(body: bytes) -> Any:
    """Read JSON.

    Raises:
        NotJson: it is none.
    """
    try:
        return DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotJson(f"The body is not UTF-8: byte {error.start + 1} cannot be read.") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise NotJson("The body is nested too deeply.") from None
    except ValueError as error:
        raise NotJson(f"The body is not JSON: {error}.") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


DECODER = json.JSONDecoder(parse_constant=_no_number)


def clean(value: str) -> str:
    """The text without what Postgres cannot hold: the zero character and halves of surrogate pairs."""
    if value.isascii():
        return value.replace("\x00", "\ufffd")
    return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def text(value: Any, limit: int) -> str:
    """Any JSON value as text that fits; what is cut off is marked by an ellipsis."""
    if value is None:
        return ""
    try:
        words = clean(value if isinstance(value, str) else json.dumps(value)).strip()
    except RecursionError:
        return "…"
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def line(value: Any, limit: int) -> str:
    """Any JSON value as one line of text that fits."""
    if isinstance(value, str) and ("\n" in value or "\r" in value):
        value = " ".join(value.split())
    return text(value, limit)


def key(value: str) -> str:
    """A key that fits its column; of one that does not, the end gives way to a fingerprint of the whole."""
    value = clean(value)
    if len(value) <= LONGEST_KEY:
        return value
    return f"{value[: LONGEST_KEY - 65]}#{hashlib.sha256(value.encode()).hexdigest()}"


def fingerprint(*values: str) -> str:
    """A key for something that has none of its own, the same for the same values."""
    return hashlib.sha256("\x00".join(clean(value) for value in values).encode()).hexdigest()[:32]


def moment(value: Any) -> datetime | None:
    """A time with its offset, in UTC; None for anything else, and for the year 1, by which Go says “not set”."""
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value)
        if when.tzinfo is None or when.year < 1970:
            return None
        return when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def labels(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """The pairs as labels that fit, empty ones left out; the first of a name stands."""
    kept: dict[str, str] = {}
    for name, value in pairs:
        words = text(value, LONGEST_LABEL)
        if words and len(kept) < MOST_LABELS:
            kept.setdefault(text(name, LONGEST_SOURCE), words)
    return kept


def links(pairs: Iterable[tuple[Any, Any]]) -> list[dict[str, str]]:
    """The (href, text) pairs as links; nothing but http and https leads out of an incident's page."""
    return list(_links(pairs))[:MOST_LINKS]


def _links(pairs: Iterable[tuple[Any, Any]]) -> Iterator[dict[str, str]]:
    seen = set()
    for href, words in pairs:
        if not isinstance(href, str) or len(href) > LONGEST_HREF or href in seen:
            continue
        try:
            parts = urlsplit(clean(href))
        except ValueError:
            continue
        if parts.scheme in {"http", "https"} and parts.netloc:
            seen.add(href)
            yield {"href": clean(href), "text": line(words, LONGEST_SOURCE) or parts.netloc}


def said_links(value: Any) -> list[tuple[Any, Any]]:
    """The (href, text) pairs in a list of objects or of addresses; anything else holds none."""
    pairs: list[tuple[Any, Any]] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            pairs.append((item.get("href") or item.get("url"), item.get("text") or item.get("alt")))
        else:
            pairs.append((item, ""))
    return pairs
