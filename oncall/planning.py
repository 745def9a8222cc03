"""How a layer goes on after an edit: the versions that follow, so that nobody loses the turn they have. Pure.

What a layer was stays on record: an edit ends the layer's version and begins another. Versions of one layer share its
name inside the schedule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from oncall import rota

Slots = tuple[tuple[int, ...], ...]
DAWN = datetime.min.replace(tzinfo=UTC)  # the start of a layer that has always been there


@dataclass(frozen=True)
class Turns:
    """A layer as somebody wants it. The anchor is wall-clock time of its zone; slots are ids of people."""

    name: str
    priority: int
    time_zone: str
    anchor: str
    unit: str
    length: int
    slots: Slots
    restrictions: tuple[tuple[int, time, time], ...] = ()
    effective_from: datetime | None = None
    effective_until: datetime | None = None


def follow(versions: Sequence[rota.Layer], turns: Turns, at: datetime) -> tuple[datetime, list[Turns]] | None:
    """When the present versions end, and what follows them then; None = nothing would change.

    ``versions`` are those of one layer that count at the instant or later, in the order of time; none = a new layer.
    """
    if versions and _is_same(versions[-1], turns, at):
        return None
    start = max(at, turns.effective_from or at)
    begun = [layer for layer in versions if (layer.effective_from or DAWN) <= start]
    former = begun[-1] if begun else None
    planned = _text(versions[-1].anchor) if versions else ""
    if turns.effective_until and turns.effective_until <= start:
        return start, []
    turns = replace(turns, effective_from=start)
    return start, _continue(former, turns, start, planned) if former and former.slots else [turns]


def without(versions: Sequence[rota.Layer], person: int, at: datetime) -> list[Turns]:
    """The versions of one layer from the instant on, without the person; those that would have nobody are left out.

    The rest of a turn that was theirs alone goes to whoever has the turn after it.
    """
    wanted: list[Turns] = []
    for former in reversed(versions):
        start = max(at, former.effective_from or at)
        slots = tuple(tuple(one for one in slot if one != person) for slot in former.slots)
        if (
            not any(slots)
            and wanted
            and wanted[0].effective_from
            and wanted[0].effective_from == former.effective_until
        ):
            following = as_layer(wanted[0])
            first = rota.turn_index(following, wanted[0].effective_from)
            slots = (following.slots[first % len(following.slots)],)
        if any(slots):
            wanted.insert(0, replace(_turns_of(former), slots=_closed_up(slots, former, start), effective_from=start))
    return wanted


def _closed_up(slots: Slots, former: rota.Layer, start: datetime) -> Slots:
    """The slots that have somebody, so that the turn at the instant is that slot's or the next one's after it."""
    k = rota.turn_index(former, start)
    order = _rotated(slots, k)
    kept = tuple(slot for slot in order if slot)
    return _rotated(kept, -k)


def as_layer(turns: Turns, number: int = 0) -> rota.Layer:
    """The turns as the rota reads them, before there is a row."""
    return rota.Layer(
        id=number,
        name=turns.name,
        priority=turns.priority,
        time_zone=turns.time_zone,
        anchor=datetime.fromisoformat(turns.anchor),
        unit=turns.unit,  # type: ignore[arg-type]
        length=turns.length,
        slots=turns.slots,
        restrictions=tuple(rota.Restriction(weekday, start, end) for weekday, start, end in turns.restrictions),
        effective_from=turns.effective_from,
        effective_until=turns.effective_until,
    )


def _is_same(present: rota.Layer, turns: Turns, at: datetime) -> bool:
    """Nothing would change: the same rules, the same order of turns, no other start."""
    begun = present.effective_from is None or present.effective_from <= at
    rules = (present.priority, present.effective_until, _windows(present)) == (
        turns.priority,
        turns.effective_until,
        sorted(turns.restrictions),
    )
    order = _turned_alike(present.slots, turns.slots) if begun else _sets(present.slots) == _sets(turns.slots)
    starts_elsewhere = turns.effective_from not in {None, present.effective_from} and not (
        begun and turns.effective_from is not None and turns.effective_from <= at
    )
    return rules and order and _timing(present) == _timing_of(turns) and not starts_elsewhere


def _continue(former: rota.Layer, turns: Turns, start: datetime, planned: str) -> list[Turns]:
    """The versions that follow a former one at ``start`` so that the turn under way ends as it would have.

    ``planned`` is the anchor of the last version, which may be still to come: who read that one sends it back.
    """
    k = rota.turn_index(former, start)
    holder = _successor(former.slots, k % len(former.slots), turns.slots)
    if _timing(former) == _timing_of(turns):
        return [replace(turns, slots=_rotated(turns.slots, holder - k))]
    if turns.anchor not in {_text(former.anchor), planned}:
        return [turns]
    ends = rota.boundary(former, k + 1)
    ends = min(ends, former.effective_until or ends)
    moved = rota.to_utc(_local(ends, former.time_zone), turns.time_zone)
    return _hand_over(former, turns, holder, moved if moved > start else ends)


def _hand_over(former: rota.Layer, turns: Turns, holder: int, ends: datetime) -> list[Turns]:
    """The rest of the turn under way, and from its end on the turns of the new length."""
    rest = replace(
        turns,
        slots=(turns.slots[holder],),
        anchor=_text(former.anchor),
        unit=former.unit,
        length=former.length,
        time_zone=former.time_zone,
    )
    if turns.effective_until and turns.effective_until <= ends:
        return [rest]
    fresh = as_layer(turns)
    place = rota.turn_index(fresh, ends)
    is_as_long = (turns.unit, turns.length) == (former.unit, former.length)
    if rota.boundary(fresh, place) != ends and not is_as_long:
        turns, place = replace(turns, anchor=_text(_handoff(ends, turns, former))), 0
    slots = _rotated(turns.slots, holder + 1 - place)
    return [replace(rest, effective_until=ends), replace(turns, slots=slots, effective_from=ends)]


def _successor(old: Slots, place: int, new: Slots) -> int:
    """Where in the new order those stand who have the old turn, or the first after them who are in it still."""
    for step in range(len(old)):
        wanted = set(old[(place + step) % len(old)])
        shared = [len(wanted & set(slot)) for slot in new]
        if max(shared):
            return shared.index(max(shared))
    return 0


def _rotated(slots: Slots, places: int) -> Slots:
    places %= len(slots)
    return slots[places:] + slots[:places]


def _sets(slots: Slots) -> list[frozenset[int]]:
    return [frozenset(slot) for slot in slots]


def _turned_alike(one: Slots, other: Slots) -> bool:
    """The same people follow each other in the same order, whoever comes first."""
    return len(one) == len(other) and any(_sets(_rotated(one, place)) == _sets(other) for place in range(len(one)))


def _handoff(ends: datetime, turns: Turns, former: rota.Layer) -> datetime:
    """The end of a turn on the new wall clock, at the handoff's own time rather than at the end of a gap."""
    local = _local(ends, turns.time_zone)
    if former.unit != "hour" and turns.time_zone == former.time_zone:
        return datetime.combine(local.date(), former.anchor.time())
    return local


def _local(moment: datetime, time_zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def _text(wall: datetime) -> str:
    return wall.strftime("%Y-%m-%dT%H:%M")


def _timing(layer: rota.Layer) -> tuple[str, str, str, int]:
    return (_text(layer.anchor), layer.time_zone, layer.unit, layer.length)


def _timing_of(turns: Turns) -> tuple[str, str, str, int]:
    return (turns.anchor, turns.time_zone, turns.unit, turns.length)


def _windows(layer: rota.Layer) -> list[tuple[int, time, time]]:
    return sorted((row.weekday, row.start, row.end) for row in layer.restrictions)


def _turns_of(layer: rota.Layer) -> Turns:
    return Turns(
        name=layer.name,
        priority=layer.priority,
        time_zone=layer.time_zone,
        anchor=_text(layer.anchor),
        unit=layer.unit,
        length=layer.length,
        slots=layer.slots,
        restrictions=tuple((row.weekday, row.start, row.end) for row in layer.restrictions),
        effective_from=layer.effective_from,
        effective_until=layer.effective_until,
    )
