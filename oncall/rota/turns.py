"""One layer by itself: its turns, counted from the anchor, and the weekly windows that leave it open."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import datetime, timedelta

from oncall.rota.rows import Layer, Restriction, Slot
from oncall.rota.walls import to_utc, zone_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAYS_PER_UNIT = {"day": 1, "week": 7}
MARGIN = 2 * DAY  # a clock change moves a wall-clock time by no more than a day


def boundary(layer: Layer, k: int) -> datetime:
    """The instant at which turn ``k`` of the layer begins, whatever its effective range or restrictions."""
    count = k * layer.length
    if layer.unit == "hour":
        return to_utc(layer.anchor, layer.time_zone) + count * HOUR
    if layer.unit == "month":
        return to_utc(_months_after(layer.anchor, count), layer.time_zone)
    return to_utc(layer.anchor + timedelta(days=count * DAYS_PER_UNIT[layer.unit]), layer.time_zone)


def turn_index(layer: Layer, at: datetime) -> int:
    """The one turn ``k`` with boundary(k) <= at < boundary(k + 1); turns without length are never it."""
    k = _estimate(layer, at)
    while boundary(layer, k) > at:
        k -= 1
    while boundary(layer, k + 1) <= at:
        k += 1
    return k


def _months_after(wall: datetime, count: int) -> datetime:
    """The same day and clock so many months on; the last day of the month where it has no such day."""
    years, month = divmod(wall.month - 1 + count, 12)
    year = wall.year + years
    return wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))


def _estimate(layer: Layer, at: datetime) -> int:
    """The turn as the local clock has it, at most a few turns off beside a clock change or a month's end."""
    if layer.unit == "hour":
        return (at - to_utc(layer.anchor, layer.time_zone)) // (layer.length * HOUR)
    local = at.astimezone(zone_of(layer.time_zone)).replace(tzinfo=None)
    if layer.unit == "month":
        months = (local.year - layer.anchor.year) * 12 + local.month - layer.anchor.month
        return months // layer.length
    return (local - layer.anchor) // timedelta(days=layer.length * DAYS_PER_UNIT[layer.unit])


def course(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, Slot]]:
    """The layer between two instants: which slot has the turn, and the empty one while it is not in force."""
    yield start, ()
    if not any(layer.slots) and not layer.shifts:
        return
    start = max(start, layer.effective_from or start)
    end = min(end, layer.effective_until or end)
    way = _written if layer.shifts else _turns
    for opens, closes in _open_spans(layer, start, end):
        yield from way(layer, opens, closes)
        yield closes, ()


def _open_spans(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches between two instants that the layer's restrictions leave open, in order and apart."""
    if start >= end:
        return
    if not layer.restrictions:
        yield start, end
        return
    span: tuple[datetime, datetime] | None = None
    for opens, closes in _occurrences(layer, start, end):
        if span and opens <= span[1]:
            span = (span[0], max(closes, span[1]))
        else:
            if span:
                yield span
            span = (opens, closes)
    if span:
        yield span


def _occurrences(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Each single window of the layer's restrictions by its start, cut to the two instants; none without length.

    Where the clock goes back a window rather overlaps than leaves a hole.
    """
    time_zone = layer.time_zone
    over = start.astimezone(zone_of(time_zone)).replace(tzinfo=None) - DAY  # what closes by then on the wall is over
    by_weekday: list[list[Restriction]] = [[], [], [], [], [], [], []]
    for each in layer.restrictions:
        by_weekday[each.weekday].append(each)
    day = over.date() - DAY  # a window lasts no longer than a day
    last = (end + MARGIN).date() + DAY
    while day <= last:
        following = day + DAY
        found = []
        for each in by_weekday[day.weekday()]:
            closing = datetime.combine(day if each.end > each.start else following, each.end)
            if closing > over:
                opens = to_utc(datetime.combine(day, each.start), time_zone)
                closes = to_utc(closing, time_zone, last=True)
                if opens < end and closes > start and opens < closes:
                    found.append((opens if opens > start else start, closes if closes < end else end))
        if len(found) > 1:
            found.sort()
        yield from found
        day = following


def _turns(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, Slot]]:
    """Which slot has the turn from ``start`` on, and at each handoff before ``end``."""
    k = turn_index(layer, start)
    yield start, layer.slots[k % len(layer.slots)]
    if len(set(layer.slots)) == 1:
        return
    while (moment := boundary(layer, k := k + 1)) < end:
        yield moment, layer.slots[k % len(layer.slots)]


def _written(layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[datetime, Slot]]:
    """Whose shifts run from ``start`` on, and at each of their edges before ``end``."""
    steps: dict[datetime, list[tuple[int, int]]] = {start: []}
    for shift in layer.shifts:
        if shift.start < end and shift.end > start:
            steps.setdefault(max(shift.start, start), []).append((shift.person, 1))
            if shift.end < end:
                steps.setdefault(shift.end, []).append((shift.person, -1))
    running: dict[int, int] = {}
    for moment in sorted(steps):
        for person, step in steps[moment]:
            running[person] = running.get(person, 0) + step
        yield moment, tuple(sorted(person for person, count in running.items() if count > 0))
