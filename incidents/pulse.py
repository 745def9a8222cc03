"""How the engine is: the age of its last tick and how late its oldest row was."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Func
from django.db.models.expressions import Combinable

from incidents.models import EngineBeat, User

LONGEST_SILENCE = timedelta(seconds=10)  # since the last tick
LONGEST_LATENESS = timedelta(seconds=30)  # of the oldest due row

Check = Callable[[], str]
CHECKS: list[Check] = []


def register(check: Check) -> None:
    """Let an upper app say what troubles it, in a sentence, or nothing; called from ``AppConfig.ready()``."""
    if check not in CHECKS:
        CHECKS.append(check)


@dataclass(frozen=True)
class Pulse:
    """The engine at one instant of the database's clock."""

    at: datetime
    ticked_at: datetime | None
    late_seconds: float
    last_error: str

    @property
    def silence(self) -> float | None:
        """Seconds since the last tick; None = there never was one."""
        return (self.at - self.ticked_at).total_seconds() if self.ticked_at else None

    @property
    def is_late(self) -> bool:
        """People must be told: pages may not go out."""
        silent = self.silence is None or self.silence > LONGEST_SILENCE.total_seconds()
        return silent or self.late_seconds > LONGEST_LATENESS.total_seconds()

    @property
    def words(self) -> str:
        """What is wrong, in a sentence."""
        if self.silence is None:
            return "The paging engine has not run yet."
        if self.silence > LONGEST_SILENCE.total_seconds():
            return f"The paging engine has been silent for {int(self.silence)} s."
        return f"The paging engine is {int(self.late_seconds)} s late."


def read() -> Pulse:
    """Read the engine's row and the database's clock (1 query)."""
    return read_with()[0]


def read_with(**wanted: Combinable) -> tuple[Pulse, dict[str, Any]]:
    """Read the same together with other things that one row can hold, by their names (1 query)."""
    columns = ("ticked_at", "oldest_due_seconds", "last_error")
    clock = Func(function="clock_timestamp", output_field=DateTimeField())
    row = EngineBeat.objects.annotate(now=clock, **wanted).order_by("pk").values("now", *columns, *wanted).first()
    if row is None:  # somebody deleted the engine's row: everything else is asked of another one
        others = User.objects.annotate(now=clock, **wanted).values("now", *wanted)[:1].get()
        return Pulse(others.pop("now"), None, 0, ""), others
    now = Pulse(row["now"], row["ticked_at"], row["oldest_due_seconds"], row["last_error"])
    return now, {name: row[name] for name in wanted}


def troubles() -> list[str]:
    """All that is wrong with the engine, in sentences; empty = pages go out."""
    now = read()
    found = [now.words] if now.is_late else []
    return found + [words for check in CHECKS if (words := check())]
