"""What is due now: the registry of sources, one tick, and the doorbell.

Postgres rows are the only truth. A source finds rows whose time has come, does them in sets, and returns how many it
did. Any number of ticks may run at once, at any moment, and do no harm.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DataError, ProgrammingError, connection, transaction
from django.db.models import Count, F, Min, QuerySet
from django.db.models.expressions import Combinable

from incidents import glancing, setbacks, versions
from incidents.models import EngineBeat, LatenessMinute

log = logging.getLogger(__name__)

BATCH = 200  # rows in one set
ROUNDS = 50  # sets that one tick does of each source before it lets the next tick go on
KEPT = timedelta(days=2)  # of the lateness of each minute
FRESH = timedelta(milliseconds=500)  # a tick of the clockwork that finds another this young returns


@dataclass(frozen=True)
class Bell:
    """A task to be run soon: its registered name, its ids, its queue."""

    task: str
    queue: str
    kwargs: tuple[tuple[str, str], ...] = ()


@dataclass
class Done:
    """What one set of a source came to."""

    rows: int = 0
    bells: set[Bell] = field(default_factory=set)


@dataclass(frozen=True)
class Source:
    """Rows that wait for a time. ``do`` handles at most one set of what ``waiting`` finds.

    ``since`` names the field that tells since when a row is due; empty = its wait is no lateness of the engine.
    """

    name: str
    do: Callable[[datetime], Done]
    waiting: Callable[[datetime], QuerySet[Any]]
    since: str | Combinable
    always: bool = False  # it does more than what ``waiting`` finds: it is asked in every round

    def oldest(self, at: datetime) -> datetime | None:
        """Since when the oldest row is due (1 query)."""
        if not self.since:
            return None
        found: datetime | None = self._free(at).aggregate(oldest=Min(self.since))["oldest"]
        return found

    def backlog(self, at: datetime) -> tuple[int, datetime | None]:
        """How many rows are due, and since when the oldest of them (1 query)."""
        wanted: dict[str, Any] = {"count": Count("pk")} | ({"oldest": Min(self.since)} if self.since else {})
        found = self._free(at).aggregate(**wanted)
        return found["count"], found.get("oldest")

    def _free(self, at: datetime) -> QuerySet[Any]:
        """What is due and does not rest after a failure."""
        return self.waiting(at).order_by().exclude(pk__in=setbacks.resting(self.name, at))


@dataclass
class Ticked:
    """What a tick did."""

    rows: int = 0
    bells: set[Bell] = field(default_factory=set)
    late_seconds: float = 0


SOURCES: list[Source] = []


def register(source: Source) -> None:
    """Add a source; called from ``AppConfig.ready()``, the order is the order of a round."""
    if all(known.name != source.name for known in SOURCES):
        SOURCES.append(source)


def database_now() -> datetime:
    """Read the one clock that decides (UTC)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def tick(*, rung: bool = False, ring: Callable[[Iterable[Bell]], None] | None = None) -> Ticked:
    """Do what is due, set by set, until nothing is or the tick has worked long enough.

    ``rung`` says that somebody rang: such a tick runs even if another just did. ``ring`` gets the bells of each round
    at once, so that the first page leaves before the next set is claimed. Code of another age than the database does
    nothing (``versions``).
    """
    if versions.misfit():
        return Ticked()
    at, ticked_at = _read_clock()
    ticked = Ticked()
    if not rung and ticked_at and timedelta(0) <= at - ticked_at < FRESH:
        return ticked
    seen = glancing.look(SOURCES, at)
    ticked.late_seconds = _lateness(seen, at)
    _keep_beat(at, ticked.late_seconds)
    for _ in range(ROUNDS):
        done = do_round(at, seen.waits)
        ticked.rows += done.rows
        ticked.bells |= done.bells
        if ring and done.bells:
            ring(done.bells)
        if not done.rows:
            break
        at = database_now()
        seen = glancing.look(SOURCES, at)
    return ticked


def settle(at: datetime) -> int:
    """Do everything that is due at one given instant; return how many rows it was. For rehearsals and demo data."""
    rows = 0
    while done := do_round(at).rows:
        rows += done
    return rows


def do_round(at: datetime, waits: Collection[str] | None = None) -> Done:
    """Do one set of each source, or of those in which something waits; one that raises never stops the others.

    Once one has done something, all that follow are asked: what it made due goes on in the same round.
    """
    whole = Done()
    for source in SOURCES:
        if waits is not None and source.name not in waits and not source.always and not whole.rows:
            continue
        try:
            done = source.do(at)
        except Exception as error:
            log.exception("the source %s failed", source.name)
            EngineBeat.objects.update(last_error=f"{source.name}: {error}"[:1000], last_error_at=at)
            continue
        whole.rows += done.rows
        whole.bells |= done.bells
    return whole


def _lateness(seen: glancing.Seen, at: datetime) -> float:
    waiting = list(seen.since.values())
    if seen.is_blind or (seen.has_setbacks and waiting):  # rows at rest are no lateness
        waiting = [
            since
            for source in SOURCES
            if (seen.is_blind or source.name in seen.since) and (since := _oldest(source, at))
        ]
    return max(0.0, (at - min(waiting)).total_seconds()) if waiting else 0.0


def _oldest(source: Source, at: datetime) -> datetime | None:
    """Since when the oldest row of a source is due; a source that asks wrongly knows of none."""
    try:
        return source.oldest(at)
    except (ProgrammingError, DataError):
        log.exception("the source %s could not be asked", source.name)
        return None


def _read_clock() -> tuple[datetime, datetime | None]:
    """The database's clock, and when the last tick was (1 query)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp(), (SELECT ticked_at FROM incidents_enginebeat)")
        return cursor.fetchone()


def _keep_beat(at: datetime, late_seconds: float) -> None:
    """Note the tick, its lateness in the histogram, and the worst of its minute (1 query).

    The first tick of a minute drops what is too old to be shown.
    """
    minute = at.replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH beat AS (
                UPDATE incidents_enginebeat SET ticked_at = %(at)s, oldest_due_seconds = %(late)s, ticks = ticks + 1,
                    late_sum = late_sum + %(late)s
            ), histogram AS (
                UPDATE incidents_latenessbucket SET count = count + 1 WHERE upper_seconds >= %(late)s
            )
            INSERT INTO incidents_latenessminute AS known (minute, worst_seconds, ticks)
            VALUES (%(minute)s, %(late)s, 1)
            ON CONFLICT (minute) DO UPDATE
            SET worst_seconds = GREATEST(known.worst_seconds, EXCLUDED.worst_seconds), ticks = known.ticks + 1
            RETURNING ticks
            """,
            {"at": at, "late": late_seconds, "minute": minute},
        )
        is_first = cursor.fetchone()[0] == 1
    if is_first:
        LatenessMinute.objects.filter(minute__lt=minute - KEPT).delete()


def do_set(source: str, waiting: QuerySet[Any], do: Callable[[Sequence[int], datetime], int], at: datetime) -> Done:
    """Do one set of a source whose rows keep no failures of their own; ``setbacks`` keeps them.

    ``do`` gets the keys in the order of ``waiting``, and is what ``in_sets`` wants.
    """
    ids = list(waiting.exclude(pk__in=setbacks.resting(source, at)).values_list("pk", flat=True)[:BATCH])
    if not ids:
        return Done()
    rows = in_sets(ids, lambda some: do(some, at), lambda row, error: setbacks.note(source, row, error, at))
    if rows:
        setbacks.forget(source, ids, at)
    return Done(rows=rows)


def in_sets(ids: Sequence[int], do: Callable[[Sequence[int]], int], blame: Callable[[int, Exception], None]) -> int:
    """Do all rows in one transaction; when that raises, one by one, and blame the row that raises alone.

    ``do`` opens its own transaction, locks with SKIP LOCKED and reads again what it decides on. It returns how many
    rows it did; a row that another tick holds counts as not done.
    """
    try:
        return do(ids)
    except Exception:
        log.exception("a set of %d rows failed; doing them one by one", len(ids))
    done = 0
    for row in ids:
        try:
            done += do([row])
        except Exception as error:
            log.exception("row %s failed alone", row)
            blame(row, error)
    return done


class Doorbell:
    """Ring for a tick without making anybody wait: one thread, rings closer than 50 ms become one."""

    PAUSE = 0.05  # seconds

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Ask for a tick soon. Never raises, never waits; a lost ring costs a second at most."""
        if not settings.DOORBELL:
            return
        self._rung.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="doorbell", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            send([Bell("incidents.tasks.tick", "engine", (("rung", "1"),))])
            time.sleep(self.PAUSE)


def send(bells: Iterable[Bell]) -> None:
    """Hand bells to the broker; a broker that is away is logged and never fails the caller."""
    for bell in bells:
        try:
            current_app.send_task(bell.task, kwargs=dict(bell.kwargs), queue=bell.queue, retry=False)
        except Exception as error:
            log.warning("the broker did not take %s: %s", bell.task, error)


doorbell = Doorbell()


def ring_on_commit() -> None:
    """Ring once the present transaction has committed."""
    transaction.on_commit(doorbell.ring)


def blame_row(model: type, pk: int, error: Exception, at: datetime) -> None:
    """Count a failure on a row that has attempts, last_error and not_before."""
    row = model.objects.filter(pk=pk)  # type: ignore[attr-defined]
    attempts = row.values_list("attempts", flat=True).first()
    if attempts is not None:
        row.update(
            attempts=F("attempts") + 1, last_error=str(error)[:1000], not_before=at + setbacks.back_off(attempts)
        )
