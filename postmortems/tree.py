"""The shape of the five whys, without a database: depth, drawing order, reading backwards, what is still open.

The answers form a graph without circles below the symptom. A tree is drawn from it: an answer with several parents is
drawn once, under the parent that makes it deepest, and stands as a pointer under the others.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

SHALLOWEST, DEEPEST = 3, 10  # how often “why?” is asked at least and at most
QUESTION = "Why is it that {}?"
MARKS = re.compile(r"\*\*|`|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")
LONGEST_QUOTE = 200  # characters of an answer that its next question repeats
SMALL = {
    "a", "all", "an", "and", "as", "at", "because", "both", "by", "each", "every", "few", "for", "from", "he", "in",
    "it", "its", "many", "most", "no", "nobody", "none", "nothing", "of", "on", "one", "only", "our", "she", "since",
    "some", "somebody", "someone", "that", "the", "there", "these", "they", "this", "those", "two", "we", "when",
    "while", "with", "without",
}  # fmt: skip


class Circle(Exception):
    """The links lead round in a circle through ``key``."""

    def __init__(self, key: Hashable) -> None:
        super().__init__(f"a circle through {key}")
        self.key = key


def below(links: Iterable[tuple[Key, Key]]) -> dict[Key, list[Key]]:
    """The children of each parent, in the order of the (child, parent) links."""
    found: dict[Key, list[Key]] = {}
    for child, parent in links:
        found.setdefault(parent, []).append(child)
    return found


def depths(top: Key, children: Mapping[Key, Sequence[Key]]) -> dict[Key, int]:
    """How many whys lead from the top to each key that can be reached: the longest way counts.

    Raises:
        Circle: there is a way from a key back to itself.
    """
    order: list[Key] = []
    state: dict[Key, bool] = {top: False}  # False while the keys below it are being visited
    waiting: list[tuple[Key, Iterator[Key]]] = [(top, iter(children.get(top, ())))]
    while waiting:
        key, rest = waiting[-1]
        child = next(rest, None)
        if child is None:
            waiting.pop()
            state[key] = True
            order.append(key)
        elif child not in state:
            state[child] = False
            waiting.append((child, iter(children.get(child, ()))))
        elif not state[child]:
            raise Circle(child)
    deep = dict.fromkeys(state, 0)
    for key in reversed(order):
        for child in children.get(key, ()):
            deep[child] = max(deep[child], deep[key] + 1)
    return deep


@dataclass
class Twig(Generic[Key]):
    """A key where it is drawn. ``full`` is False for a pointer to the place where it stands in full."""

    key: Key
    level: int  # from 1, as aria-level counts
    full: bool
    twigs: list["Twig[Key]"] = field(default_factory=list)


def draw(top: Key, children: Mapping[Key, Sequence[Key]], deep: Mapping[Key, int]) -> Twig[Key]:
    """Arrange what can be reached as a tree: each key stands in full exactly once."""
    root = Twig(top, 1, True)
    drawn = {top}
    waiting = [root]
    while waiting:
        twig = waiting.pop()
        for child in children.get(twig.key, ()):
            full = child not in drawn and deep[child] == deep[twig.key] + 1
            twig.twigs.append(Twig(child, twig.level + 1, full))
            if full:
                drawn.add(child)
                waiting.append(twig.twigs[-1])
    return root


def walk(root: Twig[Key]) -> Iterator[Twig[Key]]:
    """Every twig from top to bottom, as it is read."""
    waiting = [root]
    while waiting:
        twig = waiting.pop()
        yield twig
        waiting += reversed(twig.twigs)


def backwards(links: Iterable[tuple[Key, Key]], deep: Mapping[Key, int]) -> list[tuple[Key, Key]]:
    """The links between what can be reached, the deepest answer first: because child, therefore parent."""
    known = [(child, parent) for child, parent in links if child in deep and parent in deep]
    return sorted(known, key=lambda link: -deep[link[0]])


def plain(text: str) -> str:
    """Markdown as one line of words."""
    return " ".join(MARKS.sub("", text).split())


def next_question(answer: str) -> str:
    """The question that follows from an answer (R-74); the authors may change it."""
    words = plain(answer).rstrip(".!?… ")
    if len(words) > LONGEST_QUOTE:
        words = f"{words[:LONGEST_QUOTE].rsplit(' ', 1)[0]} …"
    first, gap, rest = words.partition(" ")
    if first.lower() in SMALL:
        words = f"{first.lower()}{gap}{rest}"
    return QUESTION.format(words)
