"""The ladder in words: whom a level means, on which condition, how long it waits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from incidents.models import Rank, User
from incidents.templatetags.tocsin import moment
from oncall.models import Condition, EscalationLevel, Schedule, TargetKind
from oncall.reach import Target

RANKS: dict[str, str] = {
    Rank.ENGINEER: "engineers",
    Rank.LEAD: "team leads",
    Rank.EXPERT: "domain experts",
    Rank.DIRECTOR: "directors",
    Rank.EXECUTIVE: "executives",
}
CONDITIONS = {
    Condition.ALWAYS: "",
    Condition.UNACKNOWLEDGED: "if not acknowledged",
    Condition.UNMITIGATED: "if not mitigated",
    Condition.UNRESOLVED: "if not resolved",
}
NAMED = 3  # people
WAYS = {  # how a sentence calls a channel, and its icon
    "voice": ("phone", "phone"),
    "sms": ("SMS", "smartphone"),
    "chat": ("chat", "message-square"),
    "email": ("e-mail", "mail"),
    "push": ("push", "bell-ring"),
    "webhook": ("webhook", "webhook"),
    "in_app": ("in Tocsin", "inbox"),
    "sandbox": ("sandbox", "smartphone"),
}


@dataclass(frozen=True)
class Way:
    """A channel as a page shows it: its word and its icon."""

    word: str
    icon: str


@dataclass(frozen=True)
class Names:
    """The names that targets point at, by primary key."""

    schedules: Mapping[int, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)


def names_in(targets: Iterable[Target]) -> Names:
    """Load the names of the schedules and people whom the targets point at (2 queries, none where none is named)."""
    targets = list(targets)
    schedules = {target["schedule"] for target in targets if target["kind"] == TargetKind.SCHEDULE}
    people = {target["user"] for target in targets if target["kind"] == TargetKind.USER}
    return Names(
        dict(Schedule.objects.filter(pk__in=schedules).values_list("pk", "name")) if schedules else {},
        dict(User.objects.filter(pk__in=people).values_list("pk", "name")) if people else {},
    )


def say_targets(targets: Sequence[Target], names: Names) -> str:
    """Say whom the targets mean: “directors and executives”."""
    return enumerate_words([_say_target(target, names) for target in targets]) or "nobody"


def _say_target(target: Target, names: Names) -> str:
    kind = target["kind"]
    if kind == TargetKind.SCHEDULE:
        return f"on call of {names.schedules.get(target['schedule'], 'a deleted schedule')}"
    if kind == TargetKind.USER:
        return names.people.get(target["user"], "a person who is gone")
    if kind == TargetKind.RANK:
        return RANKS.get(str(target["rank"]), str(target["rank"]))
    return "the whole chain" if kind == TargetKind.CHAIN else "on call"


def say_condition(condition: str) -> str:
    """Say on what a level waits: “if not mitigated”; empty = on nothing."""
    return CONDITIONS[Condition(condition)]


def say_options(level: EscalationLevel) -> list[str]:
    """Say what else a level heeds: “one of them in turn”, “those in working hours”."""
    options = []
    if level.round_robin:
        options.append("one of them in turn")
    if level.everyone:
        options.append("until everyone has answered")
    if level.hours:
        options.append(f"in working hours of the {level.hours}")
    return options


def enumerate_words(words: Sequence[str]) -> str:
    """Join words as a sentence does: “a, b and c”."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def say_names(names: Sequence[str]) -> str:
    """Names as a sentence lists them; of more than three, two and how many others."""
    if len(names) > NAMED:
        names = [*names[:2], f"{len(names) - 2} others"]
    return enumerate_words(names)


def say_span(length: timedelta) -> str:
    """Say a length in words: “5 min”, “2 h 30 min”, “45 s”."""
    seconds = int(length.total_seconds())
    parts = [
        f"{count} {unit}"
        for count, unit in (
            (seconds // 86400, "days" if seconds >= 2 * 86400 else "day"),
            (seconds % 86400 // 3600, "h"),
            (seconds % 3600 // 60, "min"),
            (seconds % 60, "s"),
        )
        if count
    ]
    return " ".join(parts) or "0 s"


def say_stretch(start: datetime, end: datetime | None, at: datetime) -> str:
    """Say from when to when in UTC, as short as it is clear: “Tue 24 Nov, 13:00 to 18:00 UTC”, “now to 18:00 UTC”."""
    running = start <= at
    first = "now" if running else moment(start, at).removesuffix(" UTC")
    if end is None:
        return f"{first} onwards" if running else f"{first} UTC onwards"
    return f"{first} to {moment(end, at if running else start)}"


def city(zone: str) -> str:
    """The name by which people know a time zone: Lisbon for Europe/Lisbon."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def way(channel: str) -> Way:
    """The word and icon of a channel."""
    return Way(*WAYS.get(channel, (channel, "message-square")))
