"""One port, three ways: alerts to the thin intake, event streams to their own application, everything else to threads.

Threads serve pages at about twice the rate of Django's own ASGI handler, and a thousand streams cost no thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from a2wsgi import WSGIMiddleware

from config.wsgi import application as pages  # first of ours: it sets Django up, which the modules below rely on
from incidents import live, streaming
from incidents.intake import accept

Scope = dict[str, Any]
Event = Mapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

THREADS = 16
INTAKE = ("/v2/enqueue", "/v2/change/enqueue")


class Streams:
    """The open event streams, which end together when the server stops."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every stream; each browser comes back by itself, to the server that is there then."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream; at the close it is told that the browser left, and the browser that this is the end."""
        begun = False

        async def send_noting_begin(event: Event) -> None:
            nonlocal begun
            begun = begun or event["type"] == "http.response.start"
            await send(event)

        async def receive_or_close() -> Event:
            closing = asyncio.ensure_future(self._closing.wait())
            news = asyncio.ensure_future(receive())
            await asyncio.wait({closing, news}, return_when=asyncio.FIRST_COMPLETED)
            closing.cancel()
            if news.done():
                return news.result()
            news.cancel()
            return {"type": "http.disconnect"}

        await self._application(scope, receive_or_close, send_noting_begin)
        if begun and self._closing.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})


streams = Streams(streaming.application)
threads: Application = WSGIMiddleware(pages, workers=THREADS)  # type: ignore[arg-type,assignment]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the request where it belongs."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http":
        await _way(scope["path"])(_cleaned(scope), receive, send)


def _way(path: str) -> Application:
    if path in INTAKE or path.startswith("/integrations/"):
        return accept.application
    if path.endswith("/stream"):
        return streams
    return threads


def _cleaned(scope: Scope) -> Scope:
    """Drop headers with underscores: WSGI would take ``X_Forwarded_Proto`` for the one with hyphens."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if b"_" not in name]}


async def _live(receive: Receive, send: Send) -> None:
    """Start what runs beside the requests, and stop it at the end."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            await accept.startup()
            await live.start()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            await live.stop()
            await accept.shutdown()
            await send({"type": "lifespan.shutdown.complete"})
            return
