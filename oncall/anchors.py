"""The first handoff of a layer as people write it: a time on the layer's own wall clock."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from incidents.refusals import Invalid

WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
YEARS = range(2000, 2101)


@dataclass(frozen=True)
class Anchor:
    """A wall-clock time that exists; where clocks go back it may come twice, and then the first one counts."""

    wall: datetime
    comes_twice: bool

    @property
    def text(self) -> str:
        """As the layer keeps it."""
        return f"{self.wall:%Y-%m-%dT%H:%M}"


def read(text: str, time_zone: str) -> Anchor:
    """Read an anchor; ``time_zone`` is a known IANA name.

    Raises:
        Invalid: it cannot be read, lies far off, or is skipped when clocks go forward.
    """
    wall = _parse(text.strip())
    if wall.year not in YEARS:
        raise Invalid("anchor", f"Choose a year from {YEARS[0]} to {YEARS[-1]}.")
    zone = ZoneInfo(time_zone)
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise Invalid(
            "anchor",
            f"{wall:%H:%M} on {wall:%Y-%m-%d} does not exist in {time_zone}: the clocks go forward over it. "
            "Choose a time before or after the gap.",
        )
    return Anchor(wall, comes_twice=first.utcoffset() != second.utcoffset())


def _parse(text: str) -> datetime:
    refusal = Invalid(
        "anchor", f"“{text}” is not a wall-clock time. Write year-month-dayThour:minute, such as 2026-03-02T09:00."
    )
    if not WRITTEN.fullmatch(text):
        raise refusal
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise refusal from error
