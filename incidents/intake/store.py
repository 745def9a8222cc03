"""The way of accepted events into the database: many arrivals, one INSERT, the answers after its commit.

While one INSERT is under way the next arrivals gather; so each waits for two commits at most, and a flood makes the
sets larger, not the queue longer. One writer does better than two, whose sets would be half as large. A connection
pool of its own keeps slow pages from slowing the intake.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from incidents.due import doorbell

log = logging.getLogger(__name__)

LOOK_UPS = 2  # of keys, at once
MOST_ROWS = 500  # in one INSERT
MOST_BYTES = 16 * 1024 * 1024  # of bodies in one INSERT
MOST_WAITING = 5000  # arrivals; beyond that senders are asked to come back
MOST_BYTES_WAITING = 128 * 1024 * 1024
PATIENCE = 8.0  # seconds from arrival to commit; senders have more, 10 s as a rule
CONNECTION_PATIENCE = 2.0  # seconds
BREATH = 0.05  # seconds between a failure and the next try

# The join is the last word on a key: one that was rotated or disabled while it was cached stores nothing.
INSERT = """
    INSERT INTO incidents_rawevent
        (integration_id, format, body, dedup_key, received_at, rejected_because, outcome, attempts, last_error)
    SELECT door.id, new.format, new.body, new.dedup_key, clock_timestamp(), '', '{}', 0, ''
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::bytea[], %b::text[])
        WITH ORDINALITY AS new (door, key, format, body, dedup_key, place)
    JOIN incidents_integration AS door ON door.id = new.door AND door.key = new.key AND door.is_active
    ORDER BY new.place
    RETURNING integration_id
"""


class Overloaded(Exception):
    """The event could not be stored in time; the sender must come back with it."""


@dataclass(eq=False)
class Arrival:
    """An event that may be taken, on its way into the database. ``stored`` becomes False where its key has ended."""

    integration_id: int
    key: str
    format: str
    body: bytes
    dedup_key: str
    stored: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    until: float = field(default_factory=lambda: time.monotonic() + PATIENCE)


class Store:
    """The arrivals of this process and the task that writes them down."""

    def __init__(self, database_url: str) -> None:
        """Open no connection yet; ``start`` does, and does not wait for one."""
        self.pool = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=LOOK_UPS + 1,
            timeout=CONNECTION_PATIENCE,
            kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": 5},
            check=AsyncConnectionPool.check_connection,
            open=False,
            name="intake",
        )
        self._waiting: deque[Arrival] = deque()
        self._bytes_waiting = 0
        self._somebody_waits = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write. A database that is away does not hold up the start."""
        await self.pool.open()
        self._writer = asyncio.create_task(self._write(), name="intake")

    async def stop(self) -> None:
        """Write down what waits, then end."""
        deadline = time.monotonic() + PATIENCE
        while self._waiting and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if self._writer:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        self._refuse(self._waiting)
        await self.pool.close()

    async def keep(self, arrival: Arrival) -> bool:
        """Store the event; return after the commit. False: its key works no more.

        Raises:
            Overloaded: too much is waiting, or the database did not take it in time.
        """
        if len(self._waiting) >= MOST_WAITING or self._bytes_waiting > MOST_BYTES_WAITING:
            raise Overloaded
        self._waiting.append(arrival)
        self._bytes_waiting += len(arrival.body)
        self._somebody_waits.set()
        return await arrival.stored

    async def _write(self) -> None:
        """Write for ever, over one connection for as long as it holds; without one, nobody is kept waiting."""
        while True:
            await self._somebody_waits.wait()
            try:
                async with self.pool.connection() as connection:
                    await self._write_over(connection)
            except PoolTimeout:
                log.warning("no connection to the database: %d events are refused", len(self._waiting))
                self._refuse(self._take())
            except Exception as error:
                log.warning("events could not be stored at once: %s", type(error).__name__)
                await asyncio.sleep(BREATH)

    async def _write_over(self, connection: psycopg.AsyncConnection) -> None:
        """Write set after set.

        Raises:
            psycopg.Error, TimeoutError: the connection may be spent; the set waits for the next one.
        """
        while True:
            await self._somebody_waits.wait()
            batch = self._take()
            if not batch:
                continue
            try:
                async with asyncio.timeout(PATIENCE):
                    alive = await self._insert(connection, batch)
            except psycopg.OperationalError:
                self._put_back(batch)
                raise
            except BaseException:
                self._refuse(batch)
                raise
            for arrival in batch:
                if not arrival.stored.done():
                    arrival.stored.set_result(arrival.integration_id in alive)
            doorbell.ring()

    def _take(self) -> list[Arrival]:
        """The next set, in the order of arrival, without those who have waited too long."""
        batch: list[Arrival] = []
        size, now = 0, time.monotonic()
        while self._waiting and len(batch) < MOST_ROWS and size <= MOST_BYTES:
            arrival = self._waiting.popleft()
            self._bytes_waiting -= len(arrival.body)
            if arrival.until < now:
                self._refuse([arrival])
            elif not arrival.stored.done():
                batch.append(arrival)
                size += len(arrival.body)
        if not self._waiting:
            self._somebody_waits.clear()
        return batch

    def _put_back(self, batch: Sequence[Arrival]) -> None:
        """Let the set be the next again; each arrival's own patience ends that."""
        self._waiting.extendleft(reversed(batch))
        self._bytes_waiting += sum(len(arrival.body) for arrival in batch)
        self._somebody_waits.set()

    async def _insert(self, connection: psycopg.AsyncConnection, batch: Sequence[Arrival]) -> set[int]:
        """Write the set in one statement; return the integrations whose key still works."""
        columns = (
            [arrival.integration_id for arrival in batch],
            [arrival.key for arrival in batch],
            [arrival.format for arrival in batch],
            [arrival.body for arrival in batch],
            [arrival.dedup_key for arrival in batch],
        )
        cursor = await connection.execute(INSERT, columns)
        return {row[0] for row in await cursor.fetchall()}

    def _refuse(self, arrivals: Sequence[Arrival] | deque[Arrival]) -> None:
        for arrival in arrivals:
            if not arrival.stored.done():
                arrival.stored.set_exception(Overloaded())


class Doors:
    """Which keys work: asked of the database, remembered for a moment."""

    REMEMBERED = 3.0  # seconds
    MOST = 100_000  # keys remembered at once
    LOOK_UP = """
        SELECT door.id, door.kind FROM incidents_integration AS door
        JOIN incidents_service AS service ON service.id = door.service_id AND service.is_active
        WHERE door.key = %s AND door.is_active
    """

    def __init__(self, pool: AsyncConnectionPool) -> None:
        """Take the pool that the look-ups may use; one connection of it stays free for writing."""
        self._pool = pool
        self._turn = asyncio.Semaphore(LOOK_UPS)
        self._known: dict[str, tuple[float, int, str]] = {}

    async def find(self, key: str) -> tuple[int, str] | None:
        """The id and kind of the active integration with this key, None where there is none.

        Raises:
            Overloaded: the database cannot be asked.
        """
        known = self._known.get(key)
        if known and known[0] > time.monotonic():
            return known[1], known[2]
        try:
            async with asyncio.timeout(PATIENCE), self._turn, self._pool.connection() as connection:
                row = await (await connection.execute(self.LOOK_UP, [key])).fetchone()
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("an integration could not be looked up: %s", type(error).__name__)
            raise Overloaded from None
        if row is None:
            self._known.pop(key, None)
            return None
        if len(self._known) >= self.MOST:
            self._known.clear()
        self._known[key] = (time.monotonic() + self.REMEMBERED, row[0], row[1])
        return row[0], row[1]
