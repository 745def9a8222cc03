"""Look for words that seek a culprit, and suggest a question about the system (R-72). It advises and never blocks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from incidents.models import User
from postmortems.models import WordingKind, WordingRule

SHORTEST_NAME = 3  # letters of a first name that is looked for alone
MOST_HITS = 20  # in one text


@dataclass(frozen=True)
class Hit:
    """Words that were found, what is the matter with them, and what to ask instead."""

    words: str
    finding: str
    question: str


@dataclass(frozen=True)
class _Search:
    pattern: re.Pattern[str]
    rule: WordingRule


class Check:
    """The rules as they stand now (2 queries); texts are checked without any."""

    def __init__(self) -> None:
        rules = list(WordingRule.objects.filter(is_active=True).order_by("pk"))
        phrases = [rule for rule in rules if rule.kind == WordingKind.PHRASE]
        names = [rule for rule in rules if rule.kind == WordingKind.NAME]
        self._searches = [_Search(_any_of(rule.phrases.splitlines()), rule) for rule in phrases if rule.phrases.strip()]
        if names and (known := _names()):
            self._searches.append(_Search(_any_of(known, ignore_case=False), names[0]))

    def hits(self, text: str) -> list[Hit]:
        """What is found in a text, in the order of its words; overlapping finds count once."""
        found = (
            sorted(
                (match.start(), -match.end(), match[0], search.rule)
                for search in self._searches
                for match in search.pattern.finditer(text)
            )
            if text
            else []
        )
        hits, end = [], 0
        for start, minus_end, words, rule in found:
            if start >= end:
                hits.append(Hit(" ".join(words.split()), rule.finding, rule.question))
                end = -minus_end
        return hits[:MOST_HITS]

    def count(self, texts: Iterable[str]) -> int:
        """How many finds there are in all texts."""
        return sum(len(self.hits(text)) for text in texts)


def _names() -> list[str]:
    """Full names, and first names that are long enough to be told from words."""
    full = [name.strip() for name in User.objects.values_list("name", flat=True) if name.strip()]
    firsts = [name.split()[0] for name in full if len(name.split()) > 1]
    return sorted(
        {*full, *(first for first in firsts if len(first) >= SHORTEST_NAME)}, key=lambda name: (-len(name), name)
    )


def _any_of(phrases: Sequence[str], *, ignore_case: bool = True) -> re.Pattern[str]:
    """One pattern for many phrases: whole words, any gap between them, a star for any ending."""
    parts = [_one(phrase) for phrase in phrases if phrase.strip().strip("*")]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE if ignore_case else 0)


def _one(phrase: str) -> str:
    words = [re.escape(word.rstrip("*")) + (r"\w*" if word.endswith("*") else "") for word in phrase.split()]
    return r"\s+".join(words)
