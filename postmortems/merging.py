"""Bring two texts together that began from the same one, line by line. Pure.

A stretch that only one of the two changed is taken from that one; a stretch that both changed alike is taken once; a
stretch that both changed, each in another way, is a conflict for a person to decide.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

Lines = tuple[str, ...]
MOST_LINES = 2_000  # that differ: beyond it the comparison takes too long, and the texts are compared as wholes


class Pick(StrEnum):
    """Whose lines are taken where two texts contradict each other."""

    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"  # theirs, then mine
    BASE = "base"


@dataclass(frozen=True)
class Hunk:
    """A stretch of the three texts."""

    base: Lines
    mine: Lines
    theirs: Lines

    @property
    def is_conflict(self) -> bool:
        """Both changed it, each in another way."""
        return self.mine != self.theirs and self.base not in (self.mine, self.theirs)

    @property
    def came_in(self) -> bool:
        """They changed it and I did not."""
        return self.mine == self.base != self.theirs

    @property
    def lines(self) -> Lines:
        """What it becomes; of a conflict, mine."""
        return self.theirs if self.mine == self.base else self.mine

    def picked(self, pick: Pick) -> Lines:
        """What it becomes when a person decides."""
        both = self.theirs + self.mine
        return {Pick.MINE: self.mine, Pick.THEIRS: self.theirs, Pick.BOTH: both, Pick.BASE: self.base}[pick]


def merge(base: str, mine: str, theirs: str) -> list[Hunk]:
    """Divide three texts into hunks, in their order; the lines of all hunks together are the whole texts."""
    old, one, two = _lines(base), _lines(mine), _lines(theirs)
    hunks: list[Hunk] = []
    at = (0, 0, 0)
    for kept in _kept_by_both(old, one, two):
        _add(hunks, Hunk(old[at[0] : kept.base], one[at[1] : kept.mine], two[at[2] : kept.theirs]))
        _add(hunks, Hunk(*([old[kept.base : kept.base + kept.size]] * 3)))
        at = (kept.base + kept.size, kept.mine + kept.size, kept.theirs + kept.size)
    _add(hunks, Hunk(old[at[0] :], one[at[1] :], two[at[2] :]))
    return hunks


def conflicts(hunks: Sequence[Hunk]) -> list[Hunk]:
    """The hunks that a person has to decide."""
    return [hunk for hunk in hunks if hunk.is_conflict]


def compose(hunks: Sequence[Hunk], picks: Mapping[int, Pick] | None = None) -> str:
    """The text of all hunks; ``picks`` = what was decided, by the number of the conflict (from 0).

    Raises:
        KeyError: a conflict is not decided.
    """
    lines: list[str] = []
    number = 0
    for hunk in hunks:
        if hunk.is_conflict:
            lines += hunk.picked((picks or {})[number])
            number += 1
        else:
            lines += hunk.lines
    return "\n".join(lines)


@dataclass(frozen=True)
class _Kept:
    """A run of lines that stand in all three texts: where it begins in each."""

    base: int
    mine: int
    theirs: int
    size: int


def _kept_by_both(base: Lines, mine: Lines, theirs: Lines) -> Iterator[_Kept]:
    """Intersect what mine kept of the base with what they kept of it, in the order of the base."""
    ours, others = _blocks(base, mine), _blocks(base, theirs)
    i = j = 0
    while i < len(ours) and j < len(others):
        (a, mine_at, size), (b, theirs_at, other_size) = ours[i], others[j]
        begin, end = max(a, b), min(a + size, b + other_size)
        if begin < end:
            yield _Kept(begin, mine_at + begin - a, theirs_at + begin - b, end - begin)
        if a + size < b + other_size:
            i += 1
        else:
            j += 1


def _blocks(old: Lines, new: Lines) -> list[tuple[int, int, int]]:
    """Runs of equal lines: (where in the old, where in the new, how many). Equal beginnings and ends are cheap."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    inner_old, inner_new = old[head : len(old) - tail], new[head : len(new) - tail]
    found = [(0, 0, head)]
    if max(len(inner_old), len(inner_new)) <= MOST_LINES:
        matcher = SequenceMatcher(None, inner_old, inner_new, autojunk=False)
        found += [(head + a, head + b, size) for a, b, size in matcher.get_matching_blocks()]
    found.append((len(old) - tail, len(new) - tail, tail))
    return [block for block in found if block[2]]


def _add(hunks: list[Hunk], hunk: Hunk) -> None:
    if hunk.base or hunk.mine or hunk.theirs:
        hunks.append(hunk)


def _lines(text: str) -> Lines:
    return tuple(text.split("\n")) if text else ()
