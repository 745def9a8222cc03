"""Who is on call, read minute by minute off the local clock. Slow, plain, and without a line of ``oncall.rota``.

It never converts a wall-clock time to an instant, which is where the mistakes live. It watches the clock on the wall
run: a moment of the clock has come once the clock has shown it or something later, and it is over once the clock will
show nothing earlier and never show it again. Instants must be whole minutes; the oracle knows only its own window.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@cache
def transitions(zone_name):
    """Every instant from 1985 to 2037 at which the zone's offset changes."""
    found, day = [], datetime(1985, 1, 1, tzinfo=UTC)
    while day.year < 2037:
        if _offset(zone_name, day) != _offset(zone_name, day + DAY):
            minutes = (day + n * MINUTE for n in range(1, 1441))
            found.append(next(at for at in minutes if _offset(zone_name, at) != _offset(zone_name, day)))
        day += DAY
    return found


def _offset(zone_name, at):
    return at.astimezone(ZoneInfo(zone_name)).utcoffset()


def shown(zone_name, at):
    """What the clock on the wall shows."""
    return at.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None)


@cache
def first_shown(zone_name, wall):
    """The first minute at which the clock shows the given time or a later one."""
    at = wall.replace(tzinfo=UTC) - timedelta(hours=15)
    while shown(zone_name, at) < wall:
        at += MINUTE
    return at


def exists(zone_name, wall):
    """Whether the clock ever shows that time."""
    return shown(zone_name, first_shown(zone_name, wall)) == wall


class Clock:
    """The clock on one wall from two days before ``start`` until two days after ``end``."""

    def __init__(self, zone_name, start, end):
        self.begin = start - 2 * DAY
        count = (end - start + 4 * DAY) // MINUTE
        faces = [shown(zone_name, self.begin + n * MINUTE) for n in range(count)]
        self.latest_so_far = list(accumulate(faces, max))
        self.earliest_to_come = list(accumulate(reversed(faces), min))[::-1]

    def has_come(self, wall, at):
        return self.latest_so_far[(at - self.begin) // MINUTE] >= wall

    def is_over(self, wall, at):
        minute = (at - self.begin) // MINUTE
        return self.earliest_to_come[minute] >= wall and self.earliest_to_come[minute + 1] > wall


def handoff(layer, k):
    """The wall-clock time of handoff ``k``, counted out on the calendar."""
    if layer.unit != "month":
        days = k * layer.length * (7 if layer.unit == "week" else 1)
        return datetime.combine(date.fromordinal(layer.anchor.toordinal() + days), layer.anchor.time())
    months = layer.anchor.year * 12 + layer.anchor.month - 1 + k * layer.length
    for day in range(layer.anchor.day, 27, -1):
        try:
            return layer.anchor.replace(year=months // 12, month=months % 12 + 1, day=day)
        except ValueError:
            continue
    return layer.anchor.replace(year=months // 12, month=months % 12 + 1)


class Oracle:
    """Answers for one schedule at any minute from ``start`` until ``end``; anchors lie within ten years of it."""

    def __init__(self, schedule, start, end):
        self.schedule = schedule
        zones = {layer.time_zone for layer in schedule.layers}
        self.clocks = {name: Clock(name, start, end) for name in zones}
        self.handoffs = {layer.id: self._handoffs(layer, start, end) for layer in schedule.layers}

    def people(self, at):
        for written in sorted(self.schedule.temporaries, key=lambda each: each.id, reverse=True):
            if written.start <= at < written.end:
                now = {shift.person for shift in written.shifts if shift.start <= at < shift.end}
                return {person for person in now if not self._left(person, at)}
        there = set()
        for layer in sorted(self.schedule.layers, key=lambda each: (each.priority, -each.id), reverse=True):
            there = {person for person in self._slot(layer, at) if not self._left(person, at)}
            if there:
                break
        for override in sorted(self.schedule.overrides, key=lambda each: each.id):
            if override.start <= at < override.end:
                there = self._overridden(there, override, at)
        return there

    def _overridden(self, there, override, at):
        if override.kind == "remove":
            return there - {override.person}
        if self._left(override.person, at):
            return there
        if override.kind == "add":
            return there | {override.person}
        return (there - {override.replaces}) | {override.person} if override.replaces in there else there

    def _left(self, person, at):
        if person not in self.schedule.inactive:
            return False
        since = self.schedule.inactive[person]
        return since is None or since <= at

    def _slot(self, layer, at):
        if layer.effective_from is not None and at < layer.effective_from:
            return ()
        if layer.effective_until is not None and at >= layer.effective_until:
            return ()
        if not layer.slots or not self._open(layer, at):
            return ()
        return layer.slots[self._turn(layer, at) % len(layer.slots)]

    def _turn(self, layer, at):
        if layer.unit == "hour":
            minutes = (at - first_shown(layer.time_zone, layer.anchor)) // MINUTE
            return minutes // (60 * layer.length)
        clock = self.clocks[layer.time_zone]
        first, walls = self.handoffs[layer.id]
        return first + bisect_right(walls, clock.latest_so_far[(at - clock.begin) // MINUTE]) - 1

    def _handoffs(self, layer, start, end):
        if layer.unit == "hour":
            return None
        low = high = 0
        while handoff(layer, low) > start.replace(tzinfo=None) - 3 * DAY:
            low -= 1
        while handoff(layer, high) < end.replace(tzinfo=None) + 3 * DAY:
            high += 1
        return low, [handoff(layer, k) for k in range(low, high + 1)]

    def _open(self, layer, at):
        if not layer.restrictions:
            return True
        clock = self.clocks[layer.time_zone]
        today = shown(layer.time_zone, at).date()
        for day in (today + n * DAY for n in range(-3, 3)):
            for window in layer.restrictions:
                if window.weekday == day.weekday():
                    opens = datetime.combine(day, window.start)
                    closes = datetime.combine(day, window.end)
                    closes += DAY if closes <= opens else timedelta(0)
                    if clock.has_come(opens, at) and not clock.is_over(closes, at):
                        return True
        return False
