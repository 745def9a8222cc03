"""How urgent an incident is, from its severity, users, money and workaround. Pure."""


def urgency(*, base: int, affected_percent: int, revenue_path: bool, workaround: bool) -> float:
    """Return the score by which the queue is ordered (R-24 to R-26), never below 0.

    ``base`` is the level's own number, ``affected_percent`` the share of users (0 to 100).
    """
    score = base * (0.5 + affected_percent / 100) + 15 * revenue_path - 15 * workaround
    return max(0.0, round(score, 2))


FORMULA = "base × (0.5 + affected % ÷ 100) + 15 on the revenue path − 15 with a workaround; an open P0 is always first"
