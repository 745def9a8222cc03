"""How the engine does, for the people who look after it. Reads only.

Administrators see everything; managers of teams see the messages and failures of incidents that they may see.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from incidents import due, pulse
from incidents.models import EngineBeat, Incident, LatenessMinute, RawEvent, Setback, User
from oncall import canary
from oncall.models import Channel, Delivery, DeliveryState, Escalation, Provider, RunState
from oncall.pages import ICONS
from oncall.retrying import Resting
from oncall.wording import Way, way

DAY = timedelta(days=1)
SLOT = timedelta(minutes=10)  # one bar of the plot
SHOWN = 25  # rows of each list
FLOOR, CEILING = 0.1, 1000.0  # seconds; both ends of the plot's logarithmic axis
MARKS = ((0.1, "0.1 s"), (1.0, "1 s"), (10.0, "10 s"), (30.0, "30 s, the limit"), (300.0, "5 min"))
HEIGHT, WIDTH = 160, 6  # of the plot and of a bar's place, in the plot's units
NAMES = {"raw_events": "events accepted", "dead_man": "dead man's address"}
STATES = (
    DeliveryState.PENDING,
    DeliveryState.SENDING,
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.FAILED,
    DeliveryState.CANCELLED,
    DeliveryState.BUNDLED,
)


def may_see(person: User) -> bool:
    """Administrators, and whoever manages a team (at most 1 query)."""
    return person.is_administrator or person.memberships.filter(is_manager=True).exists()


@dataclass(frozen=True)
class Slot:
    """Ten minutes of the plot. ``worst`` None = the engine was silent; ``known`` False = before it ever ran."""

    place: int
    start: datetime
    worst: float | None
    silent_minutes: int
    known: bool

    @property
    def left(self) -> int:
        """Where the bar stands, in the plot's units."""
        return self.place * WIDTH

    @property
    def height(self) -> float:
        """Of the bar, in the plot's units."""
        return HEIGHT if self.worst is None else round(HEIGHT * _share(self.worst), 1)

    @property
    def top(self) -> float:
        """Where the bar begins."""
        return HEIGHT - self.height

    @property
    def words(self) -> str:
        """What a finger on the bar reads."""
        if self.worst is None:
            return "no tick at all"
        silent = f", {self.silent_minutes} min without a tick" if self.silent_minutes else ""
        return f"{say_seconds(self.worst)} late at worst{silent}"

    @property
    def is_late(self) -> bool:
        """Over the limit, or silent."""
        return self.worst is None or self.worst > pulse.LONGEST_LATENESS.total_seconds()


@dataclass(frozen=True)
class Day:
    """Lateness over the last 24 hours."""

    slots: tuple[Slot, ...]

    @property
    def hours(self) -> Iterator[tuple[datetime, str, int]]:
        """The table: hour, its worst lateness, its minutes without a tick."""
        for first in range(0, len(self.slots), 6):
            part = [slot for slot in self.slots[first : first + 6] if slot.known]
            if part:
                worst = [slot.worst for slot in part if slot.worst is not None]
                silent = sum(slot.silent_minutes for slot in part)
                yield part[0].start, say_seconds(max(worst)) if worst else "no tick", silent

    @property
    def sentence(self) -> str:
        """The day in a sentence."""
        known = [slot for slot in self.slots if slot.known]
        worst = [slot.worst for slot in known if slot.worst is not None]
        if not worst:
            return "The engine has not run in the last 24 hours."
        silent = sum(slot.silent_minutes for slot in known)
        late = f"{say_seconds(max(worst))} late at worst in the last 24 hours"
        return f"{late}, silent for {silent} min." if silent else f"{late}, never silent for a minute."

    @property
    def marks(self) -> list[tuple[float, str]]:
        """The lines of the axis: height and word."""
        return [(round(HEIGHT * (1 - _share(seconds)), 1), words) for seconds, words in MARKS]


def _share(seconds: float) -> float:
    """How high so many seconds stand on the logarithmic axis, 0.02 to 1."""
    part = math.log10(max(seconds, FLOOR) / FLOOR) / math.log10(CEILING / FLOOR)
    return min(1.0, max(0.02, part))


def say_seconds(seconds: float) -> str:
    """Say a span as the engine page does: 0.3 s, 42 s, 12 min."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def day(at: datetime) -> Day:
    """The plot (2 queries)."""
    end = at.replace(minute=at.minute // 10 * 10, second=0, microsecond=0) + SLOT
    start = end - DAY
    rows = dict(LatenessMinute.objects.filter(minute__gte=start).values_list("minute", "worst_seconds"))
    first = LatenessMinute.objects.order_by("minute").values_list("minute", flat=True).first()
    slots = []
    for number in range(int(DAY / SLOT)):
        begin = start + number * SLOT
        minutes = [begin + timedelta(minutes=minute) for minute in range(10)]
        past = [one for one in minutes if first and first <= one < at.replace(second=0, microsecond=0)]
        worst = [rows[one] for one in minutes if one in rows]
        silent = sum(1 for one in past if one not in rows)
        known = bool(worst or past)
        slots.append(Slot(number, begin, max(worst) if worst else None, silent, known))
    return Day(tuple(slots))


@dataclass(frozen=True)
class Backlog:
    """What waits at one source, and what rests there."""

    name: str
    count: int
    oldest: datetime | None

    @property
    def words(self) -> str:
        """The source as people call it."""
        return NAMES.get(self.name, self.name.replace("_", " ")).capitalize()


def backlog(at: datetime) -> list[Backlog]:
    """Every source with what is due now (1 query each)."""
    return [Backlog(source.name, *source.backlog(at)) for source in due.SOURCES]


@dataclass(frozen=True)
class Line:
    """A channel with its numbers by state, in the order of STATES."""

    way: Way
    counts: tuple[int, ...]


def channels(at: datetime) -> list[Line]:
    """Deliveries that were made in the last 24 hours, by channel and state (1 query)."""
    rows = Delivery.objects.filter(created_at__gt=at - DAY).values_list("channel", "state").annotate(number=Count("pk"))
    numbers = {(channel, state): number for channel, state, number in rows.order_by("channel", "state")}
    used = [channel for channel in Channel.values if any((channel, state) in numbers for state in STATES)]
    return [Line(_way(one), tuple(numbers.get((one, state), 0) for state in STATES)) for one in used]


def _way(channel: str) -> Way:
    return Way("canary", "bird") if channel == Channel.CANARY else way(channel)


@dataclass(frozen=True)
class Message:
    """A failed or held message. ``about`` names the incident or the notice."""

    delivery: Delivery
    way: Way
    css: str
    icon: str
    about: str
    may_act: bool


@dataclass(frozen=True)
class Messages:
    """Some of the messages in trouble, and how many there are."""

    rows: tuple[Message, ...]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.rows)


def failed(viewer: User, at: datetime) -> Messages:
    """What failed in the last 24 hours and was not sent again, newest first (3 queries)."""
    again = Delivery.objects.filter(retry_of=OuterRef("pk"))
    rows = Delivery.objects.filter(~Exists(again), state=DeliveryState.FAILED, created_at__gt=at - DAY)
    return _messages(rows.order_by("-created_at", "-pk"), viewer)


def held(viewer: User, at: datetime) -> Messages:
    """What waits although it was due, because somebody or something holds it (3 queries)."""
    rows = Delivery.objects.filter(state=DeliveryState.PENDING, not_before__gt=at).exclude(error="")
    return _messages(rows.order_by("not_before", "pk"), viewer)


def _messages(rows: QuerySet[Delivery], viewer: User) -> Messages:
    if not viewer.is_administrator:
        rows = rows.filter(page__incident__in=Incident.objects.visible_to(viewer))
    managed = set(viewer.memberships.filter(is_manager=True).values_list("team", flat=True))
    loaded = rows.select_related("page__incident__service", "notice__incident", "person", "method")
    shown = []
    for row in loaded[:SHOWN]:
        may_act = viewer.is_administrator or bool(row.page and row.page.incident.service.team_id in managed)
        css, icon = ICONS[DeliveryState(row.state)]
        about = row.page.incident.ref if row.page else (row.notice.subject if row.notice else "a code, test or canary")
        wanted = row.notice is not None or bool(row.page and row.page.ended_at is None and row.page.incident.is_open)
        shown.append(Message(row, _way(row.channel), css, icon, about, may_act and wanted))
    return Messages(tuple(shown), rows.count())


@dataclass(frozen=True)
class Rest:
    """A row that failed and waits to be tried again."""

    kind: Resting
    pk: int
    what: str
    incident: Incident | None
    attempts: int
    last_error: str
    not_before: datetime | None
    may_act: bool


def rests(viewer: User, at: datetime) -> list[Rest]:
    """Rows in back-off, those that failed most often first (at most 4 queries)."""
    seen = Incident.objects.visible_to(viewer)
    managed = set(viewer.memberships.filter(is_manager=True).values_list("team", flat=True))
    runs = Escalation.objects.filter(attempts__gt=0, incident__in=seen).exclude(state=RunState.ENDED)
    found = [
        Rest(
            Resting.RUN, run.pk, "escalation", run.incident, run.attempts, run.last_error, run.not_before,
            viewer.is_administrator or run.incident.service.team_id in managed,
        )
        for run in runs.select_related("incident__service").order_by("-attempts", "pk")[:SHOWN]
    ]  # fmt: skip
    if viewer.is_administrator:
        events = RawEvent.objects.filter(processed_at=None, attempts__gt=0).select_related("integration")
        found += [
            Rest(
                Resting.EVENT, raw.pk, f"event {raw.pk} of {raw.integration.name}", None, raw.attempts, raw.last_error,
                raw.not_before, True,
            )
            for raw in events.defer("body").order_by("-attempts", "pk")[:SHOWN]
        ]  # fmt: skip
        found += [
            Rest(
                Resting.SETBACK, back.pk, f"{back.source}, row {back.row}", None, back.attempts, back.last_error,
                back.not_before, True,
            )
            for back in Setback.objects.order_by("-attempts", "pk")[:SHOWN]
        ]  # fmt: skip
    return sorted(found, key=lambda one: -one.attempts)


def providers() -> list[Provider]:
    """Those that were asked so far, the failing ones first (1 query)."""
    return list(Provider.objects.order_by("-failures", "name", "pk"))


def last_error() -> tuple[str, datetime | None]:
    """What a whole source last said when it failed (1 query)."""
    found = EngineBeat.objects.values_list("last_error", "last_error_at").first()
    return found or ("", None)


def last_canary() -> float:
    """Seconds that the last canary took; infinite = it is lost."""
    return canary.seconds()


def count_waiting(at: datetime) -> int:
    """Messages that are due and not yet handed over (1 query)."""
    late = Q(state=DeliveryState.PENDING, not_before__lte=at) | Q(state=DeliveryState.SENDING)
    return Delivery.objects.filter(late).count()
