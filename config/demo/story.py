"""How a story of the past is written down: what happened, and beat by beat what people did.

Times are minutes since the detection. People are named by key ("ingrid"), or by their place when it happened:
"on call", "second" and "third" (the turns after it), "lead", each of the story's own team or of another one
("platform on call").
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from incidents.models import EntryKind, Role
from incidents.states import Detection, Kind
from postmortems.models import SectionKey

MONITORING = "Monitoring"  # a role that no person holds
COMMANDER = Role.COMMANDER.label
COMMUNICATIONS = Role.COMMUNICATIONS.label
TECH_LEAD = Role.TECH_LEAD.label
OPERATIONS = Role.OPERATIONS.label
DEVELOPMENT = Role.DEVELOPMENT.label


@dataclass(frozen=True)
class Beat:
    """One thing that somebody did. ``deed`` names the method of ``playing.Player``; ``said`` are its answers."""

    minute: float
    who: str
    deed: str
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Signal:
    """The alert that came first: its words, and the word for its level ("" = the source names none)."""

    summary: str
    source: str
    level: str = ""
    count: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    door: int = 0  # which of the service's integrations it came through
    role: str = ""  # under which the timeline tells it


@dataclass(frozen=True)
class Story:
    """One incident, from its first sign on. It began ``days_ago`` at ``clock`` (UTC), or ``minutes_ago``."""

    title: str
    service: str
    level: int
    beats: tuple[Beat, ...]
    days_ago: int = 0
    clock: str = ""
    minutes_ago: float = 0
    kind: str = Kind.REAL
    detection: str = Detection.MONITORING
    alert: Signal | None = None
    by: str = ""  # who declared it; empty = monitoring
    declared: float = 0  # minutes after the detection
    hurt: float | None = None  # minutes from the first harm to the detection; None = nobody knows
    percent: int | None = None
    workaround: str = ""
    also: tuple[str, ...] = ()  # services that it affects as well
    private: bool = False
    time_scale: int = 1
    assumed: bool = False  # nobody named a level
    silent_phones: tuple[str, ...] = ()  # people whose phone is busy

    def begins(self, now: datetime) -> datetime:
        """When it was detected, seen from now."""
        if not self.clock:
            return (now - timedelta(minutes=self.minutes_ago)).replace(microsecond=0)
        day = now.astimezone(UTC).date() - timedelta(days=self.days_ago)
        return datetime.combine(day, time.fromisoformat(self.clock), UTC)


def ack(minute: float, who: str, via: str = "") -> Beat:
    """Take it in hand."""
    return Beat(minute, who, "acknowledge", {"via": via})


def take(minute: float, who: str, via: str = "by link") -> Beat:
    """Answer one's own page."""
    return Beat(minute, who, "take", {"via": via})


def join(minute: float, who: str) -> Beat:
    """Begin to work on it."""
    return Beat(minute, who, "join")


def phase(minute: float, who: str, to: str) -> Beat:
    """Go on to a phase."""
    return Beat(minute, who, "enter_phase", {"to": to})


def escalate(minute: float, who: str) -> Beat:
    """Call the next level at once."""
    return Beat(minute, who, "escalate")


def say(minute: float, who: str, kind: str, text: str, role: str = "", happened: float | None = None) -> Beat:
    """Write an entry; ``happened`` = the minute at which it was so, if it is written down late."""
    return Beat(minute, who, "say", {"kind": kind, "text": text, "role": role, "happened": happened})


def note(minute: float, who: str, text: str, role: str = "", happened: float | None = None) -> Beat:
    """Write a note."""
    return say(minute, who, EntryKind.NOTE, text, role, happened)


def finding(minute: float, who: str, text: str, role: str = "", happened: float | None = None) -> Beat:
    """Write what was found."""
    return say(minute, who, EntryKind.FINDING, text, role, happened)


def decision(minute: float, who: str, text: str, role: str = "") -> Beat:
    """Write what was decided."""
    return say(minute, who, EntryKind.DECISION, text, role)


def action(minute: float, who: str, text: str, role: str = "", happened: float | None = None) -> Beat:
    """Write what was done."""
    return say(minute, who, EntryKind.ACTION, text, role, happened)


def update(minute: float, who: str, text: str, role: str = "") -> Beat:
    """Tell everybody where it stands."""
    return say(minute, who, EntryKind.UPDATE, text, role)


def severity(minute: float, who: str, to: int, reason: str) -> Beat:
    """Change the level."""
    return Beat(minute, who, "change_severity", {"to": to, "reason": reason})


def mitigate(minute: float, who: str, what: str, *, over: bool = False, happened: float | None = None) -> Beat:
    """Mark it mitigated; ``over`` = users are well again."""
    return Beat(minute, who, "mitigate", {"what": what, "over": over, "happened": happened})


def resolve(
    minute: float,
    who: str,
    cause: str = "",
    *,
    not_yet: str = "",
    recovered: float | None = None,
    happened: float | None = None,
) -> Beat:
    """End the work; nobody ("") = the source says that it is over."""
    said = {"cause": cause, "not_yet": not_yet, "recovered": recovered, "happened": happened}
    return Beat(minute, who, "resolve", said)


def reopen(minute: float, who: str, reason: str) -> Beat:
    """Take the work up again."""
    return Beat(minute, who, "reopen", {"reason": reason})


def decline(minute: float, who: str, reason: str) -> Beat:
    """Say that it was none."""
    return Beat(minute, who, "decline", {"reason": reason})


def close(minute: float, who: str) -> Beat:
    """Say that all is done."""
    return Beat(minute, who, "close")


def task(minute: float, who: str, title: str, *, owner: str = "", role: str = "") -> Beat:
    """Hand out a task, to a person or to whoever holds a role."""
    return Beat(minute, who, "hand_out", {"title": title, "owner": owner, "role": role})


def done(minute: float, who: str, title: str) -> Beat:
    """Tick a task."""
    return Beat(minute, who, "finish_task", {"title": title})


def over(minute: float) -> Beat:
    """The source says that it is over; people look before they believe it."""
    return Beat(minute, "", "fall_silent")


def section(minute: float, who: str, key: SectionKey, text: str) -> Beat:
    """Write a section of the postmortem."""
    return Beat(minute, who, "write_section", {"key": key, "text": text})


def why(minute: float, who: str, key: str, answer: str, under: str = "", **said: Any) -> Beat:
    """Answer a why of the postmortem below the one of the key ``under``; ``said`` as in ``postmortems.whys.Said``."""
    return Beat(minute, who, "ask_why", {"key": key, "under": under, "answer": answer, **said})


def act(minute: float, who: str, title: str, *causes: str, **said: Any) -> Beat:
    """Take an action item on against the causes of these keys; ``said`` as in ``postmortems.actions.Plan``."""
    return Beat(minute, who, "take_on", {"title": title, "causes": causes, **said})


def publish(minute: float, who: str) -> Beat:
    """Publish the postmortem."""
    return Beat(minute, who, "publish")
