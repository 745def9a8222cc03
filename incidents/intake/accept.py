"""The door for alerts: a thin ASGI application beside Django. It reads, checks and stores; a tick does the rest.

Every 2xx means that the event is committed. Whatever keeps it from being stored answers 503, since Alertmanager comes
back only after a 5xx.
"""

import asyncio
import json
import logging
import traceback
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from incidents import integrations
from incidents.intake import alertmanager, generic, grafana, heartbeat, pagerduty, reading
from incidents.intake.reading import Format, Refused
from incidents.intake.store import Arrival, Doors, Overloaded, Store
from incidents.models import IntegrationKind

log = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

BODY_PATIENCE = 30.0  # seconds that a sender has for its body
RETRY_AFTER = "2"  # seconds
KEY_LENGTH = pagerduty.KEY_LENGTH
ENQUEUE = "/v2/enqueue"
ENQUEUE_CHANGE = "/v2/change/enqueue"
SIGNS = {heartbeat.Sign.START.value, heartbeat.Sign.FAIL.value, heartbeat.Sign.SUCCESS.value}
TAKEN = {"status": "accepted"}
NO_SUCH_KEY = "No active integration has this key."
BUSY = "The event could not be stored. Send it again."


@dataclass(frozen=True)
class Kept:
    """A format whose key stands in the path."""

    kind: IntegrationKind
    format: Format
    longest_body: int  # bytes
    check: Callable[[bytes], None]


BY_PATH = {
    "alertmanager": Kept(
        IntegrationKind.ALERTMANAGER, Format.ALERTMANAGER, alertmanager.LONGEST_BODY, alertmanager.check
    ),
    "grafana": Kept(IntegrationKind.GRAFANA, Format.GRAFANA, grafana.LONGEST_BODY, grafana.check),
    "heartbeat": Kept(IntegrationKind.HEARTBEAT, Format.HEARTBEAT, heartbeat.LONGEST_BODY, heartbeat.check),
    "events": Kept(IntegrationKind.GENERIC, Format.GENERIC, generic.LONGEST_BODY, generic.check),
}


class SenderLeft(Exception):
    """Nobody waits for the answer any more."""


@dataclass
class Door:
    """What this process holds open while it serves."""

    store: Store
    doors: Doors


_open: Door | None = None


async def startup() -> None:
    """Open the door; called when the server starts."""
    global _open
    store = Store(settings.DATABASE_URL)
    await store.start()
    _open = Door(store, Doors(store.pool))


async def shutdown() -> None:
    """Store what has arrived, then close; called when the server ends."""
    global _open
    closing, _open = _open, None
    if closing:
        await closing.store.stop()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request. Nothing that goes wrong here is a 500, and no body or key is logged."""
    try:
        status, body, headers = 202, await _answer(scope, receive), {}
    except Refused as refusal:
        status, body, headers = refusal.status, refusal.body, refusal.headers
    except SenderLeft:
        return
    except Exception as error:
        if not isinstance(error, Overloaded):
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("intake failed with %s, the sender is asked to come back\n%s", type(error).__name__, frames)
        busy = _refusal(scope["path"], 503, BUSY)
        status, body, headers = 503, busy.body, {**busy.headers, "retry-after": RETRY_AFTER}
    await _say(send, status, body, headers)


async def _answer(scope: Scope, receive: Receive) -> dict[str, Any]:
    path: str = scope["path"]
    if path in (ENQUEUE, ENQUEUE_CHANGE):
        _require_post(scope)
        return await _enqueue(scope, receive, change=path == ENQUEUE_CHANGE)
    match path.strip("/").split("/"):
        case ["integrations", key, word] if word in BY_PATH:
            _require_post(scope)
            return await _keep(scope, receive, key, BY_PATH[word])
        case ["integrations", key, "heartbeat", sign] if sign in SIGNS:
            _require_post(scope)
            return await _keep(scope, receive, key, BY_PATH["heartbeat"], sign)
    raise reading.problem(404, "Nothing is taken in at this address.")


def _require_post(scope: Scope) -> None:
    if scope["method"] != "POST":
        refusal = _refusal(scope["path"], 405, "Use POST.")
        refusal.headers["allow"] = "POST"
        raise refusal


async def _keep(scope: Scope, receive: Receive, key: str, way: Kept, sign: str = "") -> dict[str, Any]:
    """Take an event whose key stands in the path: a wrong key is refused before the body is read."""
    integration_id, kind = await _integration(key) or (None, "")
    if integration_id is None:
        raise reading.problem(404, NO_SUCH_KEY)
    if kind != way.kind:
        raise reading.problem(404, _where(kind))
    body = await _body(scope, receive, way.longest_body)
    way.check(body)
    if not await _opened().store.keep(Arrival(integration_id, key, way.format, body, sign)):
        raise reading.problem(404, NO_SUCH_KEY)
    return TAKEN


async def _enqueue(scope: Scope, receive: Receive, *, change: bool) -> dict[str, Any]:
    """Take an event whose key stands in the body."""
    body = await _body(scope, receive, pagerduty.LONGEST_BODY)
    checked = pagerduty.check_change(body) if change else pagerduty.check(body)
    integration_id, kind = await _integration(checked.routing_key) or (None, "")
    if integration_id is None:
        raise pagerduty.refusal(400, f"'routing_key' is not known: {NO_SUCH_KEY}")
    if kind != IntegrationKind.PAGERDUTY:
        raise pagerduty.refusal(400, f"'routing_key' belongs elsewhere: {_where(kind)}")
    format_ = Format.CHANGE if change else Format.PAGERDUTY
    arrival = Arrival(integration_id, checked.routing_key, format_, body, checked.dedup_key)
    if not await _opened().store.keep(arrival):
        raise pagerduty.refusal(400, f"'routing_key' is not known: {NO_SUCH_KEY}")
    return dict(pagerduty.CHANGE_ACCEPTED) if change else pagerduty.accepted(checked)


async def _integration(key: str) -> tuple[int, str] | None:
    if len(key) != KEY_LENGTH or not key.isascii() or not key.isalnum():
        return None
    return await _opened().doors.find(key)


def _opened() -> Door:
    if _open is None:
        raise Overloaded
    return _open


def _where(kind: str) -> str:
    """Where the events of an integration of this kind belong, without its key."""
    place = integrations.path_of(kind, "<key>")
    with_key = " with the key as routing_key" if kind == IntegrationKind.PAGERDUTY else ""
    return f"This integration takes {IntegrationKind(kind).label}: POST to {place}{with_key}."


def _refusal(path: str, status: int, detail: str) -> Refused:
    """A refusal in the words of the format that belongs to the path."""
    if path in (ENQUEUE, ENQUEUE_CHANGE):
        return pagerduty.refusal(status, detail)
    return reading.problem(status, detail)


async def _body(scope: Scope, receive: Receive, longest: int) -> bytes:
    """Read the request's body, unpacked.

    Raises:
        Refused: 400 a length that is no number, 408 too slow, 413 too long, 415 packed in an unknown way.
        SenderLeft: the connection ended before the body did.
    """
    length, packing = b"", b""
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = value
        elif name == b"content-encoding":
            packing = value.strip().lower()
    path = scope["path"]
    if length and not (length.isdigit() and len(length) < 20):
        raise _refusal(path, 400, "Content-Length is no number.")
    if length and int(length) > longest:
        raise _too_long(path, longest)
    if packing not in (b"", b"identity", b"gzip"):
        refusal = _refusal(path, 415, "Send the body plain or packed by gzip.")
        refusal.headers["accept-encoding"] = "gzip, identity"
        raise refusal
    body = await _received(path, receive, longest)
    return _unpacked(path, body, longest) if packing == b"gzip" else body


async def _received(path: str, receive: Receive, longest: int) -> bytes:
    pieces, size = [], 0
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            while True:
                event = await receive()
                if event["type"] != "http.request":
                    raise SenderLeft
                piece = event.get("body", b"")
                pieces.append(piece)
                size += len(piece)
                if size > longest:
                    raise _too_long(path, longest)
                if not event.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise _refusal(path, 408, "The body did not arrive in time. Send the event again.") from None


def _unpacked(path: str, body: bytes, longest: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(body, longest + 1)
    except zlib.error:
        raise _refusal(path, 400, "The body is not packed by gzip, as Content-Encoding says.") from None
    if len(plain) > longest:
        raise _too_long(path, longest)
    if not unpacker.eof:
        raise _refusal(path, 400, "The packed body ends too early.")
    return plain


def _too_long(path: str, longest: int) -> Refused:
    return _refusal(path, 413, f"The body is too long: {longest} bytes are the most.")


async def _say(send: Send, status: int, body: dict[str, Any], headers: Mapping[str, str]) -> None:
    content = json.dumps(body).encode()
    told = {"content-type": "application/json", "content-length": str(len(content)), **headers}
    lines = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": content})
