"""From a clock on the wall to instants, through gaps and repeated hours."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

zone_of = lru_cache(maxsize=None)(ZoneInfo)  # zoneinfo itself holds on to eight and would read the others anew


@lru_cache(maxsize=1 << 15)
def to_utc(wall: datetime, time_zone: str, *, last: bool = False) -> datetime:
    """The instant of a wall-clock time: the end of the gap for one that is skipped, the first (or last) of two."""
    zone = zone_of(time_zone)
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    if first.utcoffset() < second.utcoffset():  # type: ignore[operator]  # a zone always knows its offset
        return _end_of_gap(wall, second.astimezone(UTC), first.astimezone(UTC), zone)
    return (second if last else first).astimezone(UTC)


def _end_of_gap(wall: datetime, before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first whole second between the two at which the local clock has passed ``wall``."""
    low, high = before.replace(microsecond=0), after.replace(microsecond=0)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // timedelta(seconds=2) * timedelta(seconds=1)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            high = middle
        else:
            low = middle
    return high
