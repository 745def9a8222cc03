"""One look at everything that may be due: the questions of all sources in one statement.

A tick mostly finds nothing. Asking each source by itself costs two statements each; one statement, whose text is made
once for a process and planned once for a connection, makes an idle tick cheap. A source's question is its ``waiting``,
translated for two instants: what differs by just their distance is a time, what does not differ is a constant.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg
from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import DataError, ProgrammingError, connection
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable

log = logging.getLogger(__name__)

ONE, OTHER = datetime(2001, 2, 3, tzinfo=UTC), datetime(2002, 4, 7, 1, 2, 3, tzinfo=UTC)


class Asked(Protocol):
    """A source, as far as it is asked here."""

    @property
    def name(self) -> str: ...
    @property
    def waiting(self) -> Callable[[datetime], QuerySet[Any]]: ...
    @property
    def since(self) -> str | Combinable: ...


@dataclass(frozen=True)
class Question:
    """A part of the statement. A timedelta among ``values`` is a time so far from the instant that is asked about."""

    sql: str
    values: tuple[object, ...]
    moving: frozenset[int]

    def at(self, at: datetime) -> list[object]:
        """The values for an instant."""
        return [
            at + value if place in self.moving and isinstance(value, timedelta) else value
            for place, value in enumerate(self.values)
        ]


@dataclass(frozen=True)
class Seen:
    """What one look found. ``waits``: sources with something to do, or that could not be asked."""

    waits: frozenset[str]
    since: dict[str, datetime]
    has_setbacks: bool
    is_blind: bool = False  # they could not be asked: ``since`` says nothing


_known: dict[tuple[str, int], Question | None] = {}


def look(sources: Sequence[Asked], at: datetime) -> Seen:
    """Ask all sources whether anything of theirs is due, and since when (1 query)."""
    asked = [(source, _question(source)) for source in sources]
    parts = ["EXISTS (SELECT FROM incidents_setback)"]
    values: list[object] = []
    for _, question in asked:
        if question is not None:
            parts.append(question.sql)
            values += question.at(at)
    try:
        found = iter(_ask(f"SELECT {', '.join(parts)}", values))
    except (ProgrammingError, DataError):  # the question of one source is wrong: none of the others waits for it
        log.exception("the sources could not be asked in one statement; each is done instead")
        return Seen(frozenset(source.name for source in sources), {}, has_setbacks=True, is_blind=True)
    has_setbacks = bool(next(found))
    waits, since = set(), {}
    for source, question in asked:
        answer = True if question is None else next(found)
        if answer:
            waits.add(source.name)
        if isinstance(answer, datetime):
            since[source.name] = answer
    return Seen(frozenset(waits), since, has_setbacks)


def _ask(sql: str, values: Sequence[object]) -> tuple[Any, ...]:
    """Ask with values apart from the text, so that the server plans the statement once for each connection.

    Not behind a pooler, which may hand the next statement to another connection.
    """
    keep = settings.LISTEN_DATABASE_URL == settings.DATABASE_URL
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        row = cursor.execute(sql, values, prepare=keep).fetchone()
    return row or ()


def _question(source: Asked) -> Question | None:
    """The source's question; None = it cannot be asked here, and is always done."""
    key = (source.name, id(source))
    if key not in _known:
        _known[key] = _translate(source)
    return _known[key]


def _translate(source: Asked) -> Question | None:
    try:
        (sql, one), (same, other) = _sql(source, ONE), _sql(source, OTHER)
    except EmptyResultSet:
        return None
    values: list[object] = []
    moving = set()
    for place, (first, second) in enumerate(zip(one, other, strict=True)):
        if first == second:
            values.append(first)
        elif isinstance(first, datetime) and isinstance(second, datetime) and second - first == OTHER - ONE:
            values.append(first - ONE)
            moving.add(place)
        else:
            return None
    return Question(sql, tuple(values), frozenset(moving)) if sql == same else None


def _sql(source: Asked, at: datetime) -> tuple[str, tuple[Any, ...]]:
    rows = source.waiting(at).order_by()
    if not source.since:
        sql, values = rows.values("pk")[:1].query.sql_with_params()
        return f"EXISTS ({sql})", values  # the ORM's own words
    since = F(source.since) if isinstance(source.since, str) else source.since
    sql, values = rows.values(due_since=since).query.sql_with_params()
    return f"(SELECT min(due_since) FROM ({sql}) AS found)", values  # noqa: S608 (the ORM's own words)
