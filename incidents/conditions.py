"""Conditions on the labels of an alert, one a line, as people write them. Pure.

``team = payments`` is that value, ``team != payments`` any other, ``host ~ web-*`` a pattern with ``*`` and ``?``,
``host !~ web-*`` what does not fit it. A label that is not there is empty. Letter case counts for nothing.
"""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LINE = re.compile(r"^\s*(?P<label>[^\s=!~][^=!~]*?)\s*(?P<sign>!=|!~|=|~)\s*(?P<value>.*?)\s*$")
MOST = 20
LONGEST = 200  # characters of a label or a value


class Unreadable(ValueError):
    """A line is no condition; the text says which and why."""


@dataclass(frozen=True)
class Condition:
    """One line."""

    label: str
    sign: str  # =, !=, ~, !~
    value: str

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels meet it."""
        found, wanted = labels.get(self.label, "").casefold(), self.value.casefold()
        same = fnmatch.fnmatchcase(found, wanted) if self.sign.endswith("~") else found == wanted
        return same is not self.sign.startswith("!")

    def __str__(self) -> str:
        return f"{self.label} {self.sign} {self.value}".rstrip()


def parse(text: str) -> tuple[Condition, ...]:
    """The conditions of a text, empty lines left out.

    Raises:
        Unreadable: a line is none, or there are too many.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        said = LINE.match(line)
        if said is None or len(line) > 2 * LONGEST:
            raise Unreadable(f"Line {number} is no condition. Write for example: team = payments, or host ~ web-*")
        found.append(Condition(said["label"], said["sign"], said["value"]))
    if len(found) > MOST:
        raise Unreadable(f"Use {MOST} conditions at most.")
    return tuple(found)


def all_fit(conditions: Sequence[Condition], labels: Mapping[str, str]) -> bool:
    """Tell whether the labels meet every condition; none at all are always met."""
    return all(condition.fits(labels) for condition in conditions)


def labels_of(
    said: Mapping[str, str], *, summary: str, source: str, level: str, integration: str, service: str
) -> dict[str, str]:
    """What conditions are held against: its own labels, and beside them what it says where no label is so called."""
    beside = {
        "summary": summary,
        "source": source,
        "severity": level,
        "integration": integration,
        "service": service,
    }
    return beside | dict(said)
