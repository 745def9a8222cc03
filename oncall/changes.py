"""What a change of a schedule means for people: before and after, side by side. Pure, like ``oncall.rota``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from oncall import rota


@dataclass(frozen=True)
class Change:
    """A stretch in which other people are on call than before, by ascending user id."""

    start: datetime
    end: datetime
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Stint:
    """One person's own stretch that is new to them, or no longer theirs."""

    person: int
    start: datetime
    end: datetime
    is_new: bool


def between(before: rota.Schedule, after: rota.Schedule, start: datetime, end: datetime) -> tuple[Change, ...]:
    """The stretches from ``start`` to ``end`` that the change moves; no two neighbours say the same."""
    pairs = _side_by_side(rota.final(before, start, end), rota.final(after, start, end))
    found: list[Change] = []
    for change in pairs:
        last = found[-1] if found else None
        if last and last.end == change.start and (last.before, last.after) == (change.before, change.after):
            found[-1] = Change(last.start, change.end, change.before, change.after)
        elif change.before != change.after:
            found.append(change)
    return tuple(found)


def by_person(changes: Sequence[Change]) -> tuple[Stint, ...]:
    """The same, told to each person: whole stretches that they win or lose, by person and time."""
    stints: list[Stint] = []
    open_now: dict[tuple[int, bool], int] = {}
    for change in changes:
        news = [(person, True) for person in change.after if person not in change.before]
        news += [(person, False) for person in change.before if person not in change.after]
        for person, is_new in news:
            place = open_now.get((person, is_new))
            if place is not None and stints[place].end == change.start:
                stints[place] = Stint(person, stints[place].start, change.end, is_new)
            else:
                open_now[person, is_new] = len(stints)
                stints.append(Stint(person, change.start, change.end, is_new))
    return tuple(sorted(stints, key=lambda stint: (stint.person, stint.start)))


def _side_by_side(before: Sequence[rota.Piece], after: Sequence[rota.Piece]) -> Iterator[Change]:
    """Two final schedules of one range, cut at the borders of both."""
    left, right = 0, 0
    while left < len(before) and right < len(after):
        one, other = before[left], after[right]
        start, end = max(one.start, other.start), min(one.end, other.end)
        yield Change(start, end, one.people, other.people)
        left += one.end == end
        right += other.end == end
