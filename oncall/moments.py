"""One-off times as people write them: those that do not exist are refused, those that come twice are asked back.

Turns are forgiving where the clocks change (``oncall.rota``); what a person types must mean one instant.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from incidents.refusals import Invalid

FIRST_YEAR, YEAR_AFTER = 1970, 2200


@dataclass(frozen=True)
class Choice:
    """One of the two instants of a wall-clock time that comes twice."""

    key: str  # first or second
    instant: datetime
    words: str


class Twice(Invalid):
    """The time comes twice, and nobody has said which is meant."""

    def __init__(self, field: str, message: str, choices: tuple[Choice, ...]) -> None:
        super().__init__(field, message)
        self.choices = choices


def read(wall: datetime, time_zone: str, *, field: str, which: str = "") -> datetime:
    """The instant of a naive wall-clock time, in UTC; ``which`` (first or second) counts where it comes twice.

    Raises:
        Twice: it comes twice and ``which`` does not say.
        Invalid: the clocks go forward over it, or it lies in no year of ours.
    """
    if not FIRST_YEAR <= wall.year < YEAR_AFTER:
        raise Invalid(field, f"Choose a time between the years {FIRST_YEAR} and {YEAR_AFTER}.")
    zone = ZoneInfo(time_zone)
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    place = time_zone.rsplit("/", 1)[-1].replace("_", " ")
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        after = second.astimezone(UTC).astimezone(zone), first.astimezone(UTC).astimezone(zone)
        raise Invalid(
            field,
            f"{wall:%H:%M} on {_say_day(wall)} does not exist in {place}: the clocks go forward over it. "
            f"Choose {min(after):%H:%M} or earlier, or {max(after):%H:%M} or later.",
        )
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    choices = choices_of(wall, time_zone)
    chosen = next((one for one in choices if one.key == which), None)
    if chosen is None:
        words = (
            f"{wall:%H:%M} on {_say_day(wall)} comes twice in {place}: the clocks go back. Choose which one you mean."
        )
        raise Twice(field, words, choices)
    return chosen.instant


def choices_of(wall: datetime, time_zone: str) -> tuple[Choice, ...]:
    """Both instants of a wall-clock time that comes twice; none for any other."""
    if not FIRST_YEAR <= wall.year < YEAR_AFTER:
        return ()
    zone = ZoneInfo(time_zone)
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset() or first.astimezone(UTC) > second.astimezone(UTC):
        return ()
    return (_choice("first", first), _choice("second", second))


def _choice(key: str, local: datetime) -> Choice:
    instant = local.astimezone(UTC)
    return Choice(key, instant, f"The {key}, {local:%H:%M %Z} ({instant:%H:%M} UTC)")


def _say_day(wall: datetime) -> str:
    return f"{wall:%a} {wall.day} {wall:%b %Y}"
