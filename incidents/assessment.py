"""How bad and how urgent an incident is: answers -> a suggested level with reasons; the urgency score. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_AFTER_A_DROP = 3  # a workaround never lowers the suggestion below P3


CORE, SCOPE, WORKAROUND = "core", "scope", "workaround"


@dataclass(frozen=True)
class Answer:
    """One answer of the assessment as the rules read it. ``level`` None = it speaks for no level of its own.

    ``shift`` moves the suggestion: 1 = one level lower, -1 = one more severe.
    """

    question: str
    word: str
    level: int | None
    shift: int
    because: str


@dataclass(frozen=True)
class Suggestion:
    """The level that the answers speak for, and why."""

    level: int
    reasons: tuple[str, ...]

    @property
    def because(self) -> str:
        """The reasons in one line."""
        return "; ".join(self.reasons)


def suggest(answers: Sequence[Answer]) -> Suggestion | None:
    """The most severe level that any answer speaks for, one lower where users can help themselves (R-15, R-25, R-26).

    How many users notice shifts what is said of the function, so that a misprint for everybody is no P1; it never makes
    a P0 nor takes one away. Alone, it speaks for itself. None = no answer speaks for a level.
    """
    by_question = {answer.question: answer for answer in answers}
    spoken = _of_function(by_question.get(CORE), by_question.get(SCOPE))
    spoken += [
        (answer.level, answer.because)
        for answer in answers
        if answer.level is not None and answer.question not in {CORE, SCOPE}
    ]
    if not spoken:
        return None
    worst = min(level for level, _ in spoken)
    reasons = [because for level, because in spoken if level == worst and because]
    way_out = by_question.get(WORKAROUND)
    lowered = lower(worst, way_out.shift if way_out else 0)
    if way_out and lowered != worst:
        reasons.append(f"one level lower, since {way_out.because}")
    return Suggestion(lowered, tuple(reasons))


def _of_function(core: Answer | None, scope: Answer | None) -> list[tuple[int, str]]:
    """What the function and the number of its users say together."""
    if core is None or core.level is None:
        return [(scope.level, scope.because)] if scope and scope.level is not None else []
    if scope is None or not scope.shift or core.level == 0:
        return [(core.level, core.because)]
    return [(min(max(core.level + scope.shift, 1), 4), f"{core.because}, {scope.because}")]


def lower(level: int, steps: int) -> int:
    """The level so many steps down, never below P3."""
    return min(level + steps, max(level, LEAST_AFTER_A_DROP))


def urgency(*, base: int, affected_percent: int, revenue_path: bool, workaround: bool) -> float:
    """Return the score by which the queue is ordered (R-24 to R-26), never below 0.

    ``base`` is the level's own number, ``affected_percent`` the share of users (0 to 100).
    """
    score = base * (0.5 + affected_percent / 100) + 15 * revenue_path - 15 * workaround
    return max(0.0, round(score, 2))


FORMULA = "base × (0.5 + affected % ÷ 100) + 15 on the revenue path − 15 with a workaround; an open P0 is always first"
