"""Code and database of one age: a worker of the old release refuses to work on a migrated database, and says why (O59).

The same holds the other way round: new code waits until the migrations have run.
"""

import logging
import time
from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

log = logging.getLogger(__name__)

APPS = ("incidents", "oncall", "postmortems")
LOOK_EVERY = 5.0  # seconds between two looks of one process

_looked_at = float("-inf")
_found = ""


def misfit() -> str:
    """Why this process must not touch the rows; empty = code and database fit (1 query each five seconds)."""
    global _looked_at, _found
    if time.monotonic() - _looked_at >= LOOK_EVERY:
        _found = _look()
        _looked_at = time.monotonic()
        if _found:
            log.error("%s", _found)
    return _found


def forget() -> None:
    """Look again at the next question."""
    global _looked_at
    _looked_at = float("-inf")


def _look() -> str:
    applied = {key for key in MigrationRecorder(connection).applied_migrations() if key[0] in APPS}
    if unknown := sorted(applied - _known()):
        return f"This process is older than the database, which has {_say(unknown)}. Start it from the new release."
    if missing := sorted(_known() - applied):
        return f"The database is older than this process: it lacks {_say(missing)}. Run: manage.py migrate."
    return ""


@cache
def _known() -> frozenset[tuple[str, str]]:
    return frozenset(key for key in MigrationLoader(None).disk_migrations if key[0] in APPS)


def _say(keys: list[tuple[str, str]]) -> str:
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return f"{keys[0][0]}.{keys[0][1]}{more}"
