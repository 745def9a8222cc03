"""The history of a section: what was saved by whom and when, what changed between two of them, back to an old one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from itertools import pairwise

from postmortems.merging import MOST_LINES
from postmortems.models import Section, SectionRevision

ONE_SITTING = timedelta(minutes=5)  # saves of one person with less between them are one step of the history
NEEDED_FOR = timedelta(hours=24)  # a browser that began from an intermediate save may still bring its text
WORDS = re.compile(r"\s+|[^\s\w]|\w+")
MOST_WORDS = 4 * MOST_LINES  # that differ; beyond it a change is shown as a whole


@dataclass(frozen=True)
class Piece:
    """A stretch of a comparison: ``kind`` is same, added or removed."""

    kind: str
    text: str


def text_at(section: Section, version: int) -> str | None:
    """The text of a version, or None when there was none such.

    An intermediate save may have been thinned out: the newest before it is an ancestor of every later text as well.
    """
    if not 0 < version <= section.version:
        return None
    rows = SectionRevision.objects.filter(section=section, version__lte=version).order_by("-version")
    return rows.values_list("text", flat=True).first()


def steps(section: Section) -> list[SectionRevision]:
    """The history, newest first: of the saves of one sitting the last (1 query, without the texts)."""
    rows = SectionRevision.objects.filter(section=section).select_related("by").defer("text").order_by("version")
    found = list(rows)
    return [row for row, after in zip(found, [*found[1:], None], strict=True) if not _is_between(row, after)][::-1]


def thin_out(section: Section, at: datetime) -> None:
    """Forget intermediate saves of a sitting that nobody can need any more (2 queries)."""
    rows = SectionRevision.objects.filter(section=section).only("by_id", "at").order_by("version")
    found = list(rows)
    old = [row.pk for row, after in pairwise(found) if _is_between(row, after)]
    SectionRevision.objects.filter(pk__in=old, at__lt=at - NEEDED_FOR).delete()


def _is_between(row: SectionRevision, after: SectionRevision | None) -> bool:
    """The same person went on at once."""
    return after is not None and row.by_id is not None and row.by_id == after.by_id and after.at - row.at < ONE_SITTING


def compare(before: str, after: str) -> list[Piece]:
    """What changed between two texts, word by word; the pieces that are not removed are the later text whole."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    inner = old[head : len(old) - tail], new[head : len(new) - tail]
    pieces = [Piece("same", "".join(new[:head])), *_inner(*inner), Piece("same", "".join(new[len(new) - tail :]))]
    return [piece for piece in pieces if piece.text]


def _alike(one: Sequence[str], two: Sequence[str]) -> int:
    shorter = min(len(one), len(two))
    return next((i for i in range(shorter) if one[i] != two[i]), shorter)


def _inner(old: list[str], new: list[str]) -> list[Piece]:
    if max(len(old), len(new)) > MOST_WORDS:
        return [Piece("removed", "".join(old)), Piece("added", "".join(new))]
    pieces = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(new[c:d])))
            continue
        pieces += [Piece("removed", "".join(old[a:b])), Piece("added", "".join(new[c:d]))]
    return pieces
