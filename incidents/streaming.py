"""Event streams of the live pages: a thin ASGI application beside Django.

Django's own ASGI handler would hold a thread and a database connection for as long as a stream is open; here a stream
costs a queue. One database look per event and process serves all its readers, and asks again who may see the incident.
"""

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connections
from django.http import HttpRequest
from django.template.loader import render_to_string

from incidents import live, timeline, visibility
from incidents.models import Incident, Participant, User

Event = Mapping[str, Any]
Send = Callable[[Event], Awaitable[None]]
Receive = Callable[[], Awaitable[Event]]

Answer = TypeVar("Answer")

PING_SECONDS = 15.0  # a comment keeps proxies from closing a quiet stream; the right to read is asked again
MOST_MISSED = 200  # entries that a stream catches up with; a reader who missed more reloads
READERS_AT_ONCE = 2  # threads that read what newcomers missed
KEPT = 256  # rendered pieces of news kept for other readers
ROOM = re.compile(r"^/incidents/(\d+)/stream$")
QUIET = ("note", "finding", "delivery")  # entries after which only the timeline differs


@dataclass(frozen=True)
class Bulletin:
    """What one incident's readers are told: entries as HTML, whether the room changed, and who may hear of it."""

    entries: tuple[tuple[int, str], ...] = ()
    room_changed: bool = False
    reload: bool = False
    head: int = 0
    private: bool = False
    allowed: frozenset[int] = field(default_factory=frozenset)

    def is_for(self, user: User) -> bool:
        """May this person hear of it?"""
        return not self.private or user.pk in self.allowed


class Newsroom:
    """Writes each bulletin once for all readers of this process."""

    def __init__(self) -> None:
        self._written: OrderedDict[tuple[int, int, int], asyncio.Task[Bulletin]] = OrderedDict()
        self._coming: dict[tuple[int, int], asyncio.Task[Bulletin]] = {}
        self._reading = asyncio.Semaphore(READERS_AT_ONCE)

    async def bulletin(self, incident_id: int, after: int, head: int) -> Bulletin:
        """What a reader who knows the timeline up to ``after`` missed of an incident that has reached ``head``."""
        key = (incident_id, after, head)
        if key not in self._written:
            self._written[key] = asyncio.create_task(
                asyncio.to_thread(_with_database, _write_bulletin, incident_id, after)
            )
            while len(self._written) > KEPT:
                self._written.popitem(last=False)
        try:
            return await asyncio.shield(self._written[key])
        except Exception:
            self._written.pop(key, None)
            raise

    async def fresh(self, incident_id: int, after: int) -> Bulletin:
        """What stands now, read after this call began: those who ask before the reading begins share it."""
        key = (incident_id, after)
        if key not in self._coming:
            self._coming[key] = asyncio.create_task(self._read(key))
        return await asyncio.shield(self._coming[key])

    async def _read(self, key: tuple[int, int]) -> Bulletin:
        async with self._reading:
            self._coming.pop(key)  # from here on a newcomer needs a reading of its own
            return await asyncio.to_thread(_with_database, _write_bulletin, *key)


newsroom = Newsroom()


def _with_database(work: Callable[..., Answer], *arguments: Any) -> Answer:
    """Run in a thread and give the database connection back at once."""
    try:
        return work(*arguments)
    finally:
        connections.close_all()


def _write_bulletin(incident_id: int, after: int) -> Bulletin:
    """Entries first, then who may see them: what becomes private meanwhile is judged by the stricter answer."""
    missed = timeline.since(Incident(pk=incident_id), after, limit=MOST_MISSED + 1)
    incident = Incident.objects.get(pk=incident_id)
    administrators = User.objects.filter(access="administrator", is_active=True).values_list("pk", flat=True)
    parts = Participant.objects.filter(incident=incident).values_list("user_id", flat=True)
    allowed = frozenset([*administrators, *parts]) if incident.private else frozenset()
    if len(missed) > MOST_MISSED:
        return Bulletin(reload=True, head=incident.timeline_seq, private=incident.private, allowed=allowed)
    return Bulletin(
        entries=tuple(
            (entry.seq, render_to_string("incidents/_entry.html", {"entry": entry, "incident": incident}))
            for entry in missed
        ),
        room_changed=any(entry.kind not in QUIET for entry in missed),
        head=missed[-1].seq if missed else after,
        private=incident.private,
        allowed=allowed,
    )


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve one stream: the board's at ``/stream``, an incident's at ``/incidents/<n>/stream``."""
    if scope["method"] != "GET":
        await _refuse(send, 405, "Use GET.")
        return
    user = await asyncio.to_thread(_with_database, _signed_in, scope)
    if user is None:
        await _refuse(send, 401, "Sign in first.")
        return
    room = ROOM.match(scope["path"])
    if room is None and scope["path"] != "/stream":
        await _refuse(send, 404, "There is no such stream.")
        return
    incident_id, known = None, 0
    if room:
        found = await asyncio.to_thread(_with_database, _find, user, int(room[1]))
        if found is None:
            await _refuse(send, 404, "There is no such incident.")
            return
        incident_id, head = found
        known = _last_seen(scope, head)
    await _stream(user, incident_id, known, receive, send)


async def _stream(user: User, incident_id: int | None, known: int, receive: Receive, send: Send) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.ensure_future(_disconnected(receive))
    events = _events(user, incident_id, known)
    try:
        while True:
            following = asyncio.ensure_future(anext(events))
            await asyncio.wait({gone, following}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
                return
            await send({"type": "http.response.body", "body": following.result().encode(), "more_body": True})
    except StopAsyncIteration:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
        await events.aclose()


async def _events(user: User, incident_id: int | None, known: int) -> AsyncGenerator[str, None]:
    """The text of the stream: what was missed, then the news as it comes, a ping when there is none."""
    async with live.hub.reading(incident_id) as reader:
        yield "retry: 1000\n: hello\n\n"
        if incident_id is not None:
            reader.tell(live.News(incident_id, 0))
        while True:
            news = await _next(reader)
            if news is None:
                if not await asyncio.to_thread(_with_database, _may_go_on, user, incident_id):
                    return
                yield ": ping\n\n"
            elif incident_id is None:
                if await _concerns(user, news):
                    yield _event("board", {"incident": news.incident_id})
            elif news.seq == 0 or news.seq > known:
                bulletin = await _bulletin(incident_id, known, news.seq)
                if not bulletin.is_for(user):
                    return
                for text in _told(bulletin):
                    yield text
                known = max(known, bulletin.head)


async def _next(reader: live.Reader) -> live.News | None:
    """The newest news in the queue, older ones being contained in it; None when it was quiet for a while."""
    try:
        news = await asyncio.wait_for(reader.queue.get(), PING_SECONDS)
    except TimeoutError:
        return None
    while reader.incident_id is not None and not reader.queue.empty():
        following = reader.queue.get_nowait()
        news = following if following.seq else news
    return news


async def _bulletin(incident_id: int, known: int, head: int) -> Bulletin:
    """Shared with other readers where the head is known; read afresh after a break (head 0)."""
    if head:
        return await newsroom.bulletin(incident_id, known, head)
    return await newsroom.fresh(incident_id, known)


async def _concerns(user: User, news: live.News) -> bool:
    """May the board of this person change by it? A change of the board itself is read through ``visible_to``."""
    if news.incident_id == 0:
        return True
    bulletin = await newsroom.bulletin(news.incident_id, max(0, news.seq - 1), news.seq)
    return bulletin.is_for(user)


def _told(bulletin: Bulletin) -> list[str]:
    if bulletin.reload:
        return [_event("reload", {"head": bulletin.head})]
    told = [_event("entry", html, seq) for seq, html in bulletin.entries]
    if bulletin.room_changed:
        told.append(_event("room", {"head": bulletin.head}))
    return told


def _event(name: str, data: str | dict[str, int], seq: int | None = None) -> str:
    text = data if isinstance(data, str) else json.dumps(data)
    lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
    number = f"id: {seq}\n" if seq is not None else ""
    return f"{number}event: {name}\n{lines}\n"


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _last_seen(scope: dict[str, Any], head: int) -> int:
    """Where the reader left off: the browser's own header after a break, ``?since=`` on a first connection."""
    asked = _header(scope, b"last-event-id") or parse_qs(scope["query_string"].decode("latin-1")).get("since", [""])[0]
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else head


def _signed_in(scope: dict[str, Any]) -> User | None:
    """The person of the session cookie, as Django's own middleware finds them."""
    try:
        cookie = SimpleCookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    if cookie is None:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def _find(user: User, number: int) -> tuple[int, int] | None:
    try:
        incident = visibility.incident_for(user, number)
    except (Incident.DoesNotExist, OverflowError):
        return None
    return incident.pk, incident.timeline_seq


def _may_go_on(user: User, incident_id: int | None) -> bool:
    if incident_id is None:
        return User.objects.filter(pk=user.pk, is_active=True).exists()
    return visibility.may_see(user, incident_id)
