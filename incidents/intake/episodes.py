"""Tell a new episode of an alert from a repeat of the present one and from an echo of one that is over. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from incidents.intake.reading import Action, Signal
from incidents.models import Alert, AlertStatus

# A message of an episode that is over may still be on its way for so long. Later than this it is no echo: a source that
# lost sight of its alert goes on with the old start when it finds it again, and that must not stay unheard.
ECHO = timedelta(hours=1)


class Verdict(StrEnum):
    """What a signal means for the newest alert of its key."""

    OPEN = "opened"
    REPEAT = "repeated"
    ACKNOWLEDGE = "acknowledged"
    RESOLVE = "resolved"
    ECHO = "of an episode that is over"
    UNKNOWN = "without an open alert"

    @property
    def is_idle(self) -> bool:
        """Nothing is made of it but a count."""
        return self in (Verdict.REPEAT, Verdict.ECHO, Verdict.UNKNOWN)


def judge(signal: Signal, newest: Alert | None, received_at: datetime, *, work_is_over: bool) -> Verdict:
    """Say what becomes of a signal.

    ``newest`` is the key's newest alert; ``work_is_over`` says that its incident has ended, whatever the source thinks.
    """
    if signal.action is Action.TRIGGER:
        return _triggered(signal, newest, received_at, work_is_over=work_is_over)
    if newest is None or newest.status != AlertStatus.OPEN:
        return Verdict.UNKNOWN
    if signal.action is Action.ACKNOWLEDGE:
        return Verdict.REPEAT if newest.acknowledged_at else Verdict.ACKNOWLEDGE
    return Verdict.ECHO if _ended_before(signal, newest) else Verdict.RESOLVE


def _triggered(signal: Signal, newest: Alert | None, received_at: datetime, *, work_is_over: bool) -> Verdict:
    if newest is None:
        return Verdict.OPEN
    knows_episodes = signal.starts_at is not None and newest.starts_at is not None
    later = knows_episodes and signal.starts_at > newest.starts_at  # type: ignore[operator]
    if newest.status == AlertStatus.OPEN:
        if knows_episodes:
            return Verdict.OPEN if later else Verdict.REPEAT
        return Verdict.OPEN if work_is_over else Verdict.REPEAT
    over_since = newest.resolved_at or newest.last_received_at
    if knows_episodes and not later and received_at - over_since < ECHO:
        return Verdict.ECHO
    return Verdict.OPEN


def _ended_before(signal: Signal, newest: Alert) -> bool:
    """The end that is told belongs to an earlier episode than the one that is open.

    The end decides where it is known: of two sources in a pair, one may have seen the beginning earlier.
    """
    if newest.starts_at is None or signal.starts_at is None or signal.starts_at >= newest.starts_at:
        return False
    return signal.ended_at is None or signal.ended_at < newest.starts_at
