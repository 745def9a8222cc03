"""News for open pages: Postgres NOTIFY from the writer, one LISTEN per web process, fanned out in memory."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from django.conf import settings
from django.db import connection

log = logging.getLogger(__name__)

CHANNEL = "tocsin_live"
RETRY_SECONDS = 1.0
QUEUE_LENGTH = 200  # events a slow reader may lag behind before it is told to reload


@dataclass(frozen=True)
class News:
    """Something was written on an incident. ``seq`` is its newest timeline number; 0 asks for a full reload."""

    incident_id: int
    seq: int


def announce(heads: dict[int, int]) -> None:
    """Tell every web process, when the transaction commits, how far each incident's timeline goes now."""
    if not heads:
        return
    payload = json.dumps(sorted(heads.items()))
    with connection.cursor() as cursor:
        if len(payload) > 7000:  # NOTIFY carries 8000 bytes
            for item in heads.items():
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps([item])])
        else:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


@dataclass(eq=False)
class Reader:
    """One open stream and what it has not read yet. ``incident_id`` None = all incidents (the board)."""

    incident_id: int | None
    queue: "asyncio.Queue[News]" = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))

    def tell(self, news: News) -> None:
        """Put news in the reader's queue; a reader that lags too far gets one request to reload instead."""
        try:
            self.queue.put_nowait(news)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(News(news.incident_id, 0))


class Hub:
    """One listener of this web process and the readers it serves."""

    def __init__(self) -> None:
        self.readers: set[Reader] = set()
        self.connected = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; called by the server's start, or by the first reader."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen(), name="live")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @asynccontextmanager
    async def reading(self, incident_id: int | None) -> AsyncIterator[Reader]:
        """Register a reader for the length of its stream."""
        await self.start()
        reader = Reader(incident_id)
        self.readers.add(reader)
        try:
            yield reader
        finally:
            self.readers.discard(reader)

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    settings.LISTEN_DATABASE_URL, autocommit=True
                ) as listener:
                    await listener.execute(f"LISTEN {CHANNEL}")
                    self.connected = True
                    self._ask_all_to_reload()
                    async for notice in listener.notifies():
                        self._fan_out(notice.payload)
            except (psycopg.Error, OSError) as error:
                log.warning("live updates lost the database, trying again: %s", error)
            self.connected = False
            await asyncio.sleep(RETRY_SECONDS)

    def _fan_out(self, payload: str) -> None:
        heads = dict(json.loads(payload))
        for reader in self.readers:
            for incident_id, seq in heads.items():
                if reader.incident_id in (None, incident_id):
                    reader.tell(News(incident_id, seq))

    def _ask_all_to_reload(self) -> None:
        """News may have been missed while the listener was away."""
        for reader in self.readers:
            reader.tell(News(reader.incident_id or 0, 0))


hub = Hub()


async def start() -> None:
    """Begin to listen (the server's start)."""
    await hub.start()


async def stop() -> None:
    """Stop listening (the server's end)."""
    await hub.stop()
