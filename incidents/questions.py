"""The assessment's five questions with the answers that administrators keep; reads rows, decides by ``assessment``."""

from collections.abc import Mapping
from dataclasses import dataclass

from incidents.assessment import Answer
from incidents.assessment import suggest as weigh
from incidents.models import AssessmentAnswer, Question, Severity
from incidents.refusals import Invalid


@dataclass(frozen=True)
class Suggested:
    """A level with its reasons."""

    severity: Severity
    because: str


def all_answers() -> list[AssessmentAnswer]:
    """Every answer, in the order of questions and places (1 query)."""
    rows = AssessmentAnswer.objects.select_related("level").order_by("place", "pk")
    return sorted(rows, key=lambda row: Question.values.index(row.question))


def suggest(given: Mapping[str, str]) -> Suggested | None:
    """The level that the answers speak for; None where they speak for none (at most 2 queries).

    Raises:
        Invalid: a question or an answer that does not exist.
    """
    if not given:
        return None
    known = {(row.question, row.word): row for row in all_answers()}
    for question, word in given.items():
        if (question, word) not in known:
            raise Invalid("assessment", f"“{word}” is no answer to the question “{question}”.")
    chosen = [known[question, word] for question, word in sorted(given.items())]
    found = weigh([_as_rule(row) for row in chosen])
    return Suggested(Severity.objects.get(level=found.level), found.because) if found else None


def scope_of(percent: int) -> AssessmentAnswer | None:
    """The answer to “how many” that fits a share of users."""
    rows = AssessmentAnswer.objects.filter(question=Question.SCOPE, from_percent__lte=percent)
    return rows.select_related("level").order_by("-from_percent").first()


def workaround(known: bool) -> AssessmentAnswer | None:
    """The answer to “can users help themselves” that fits: the one that lowers, or the first that does not."""
    rows = AssessmentAnswer.objects.filter(question=Question.WORKAROUND).order_by("place", "pk")
    return next((row for row in rows if (row.shift > 0) == known), None)


def _as_rule(row: AssessmentAnswer) -> Answer:
    return Answer(row.question, row.word, row.level_id, row.shift, row.because)
