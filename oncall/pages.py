"""Pages as people meet them: the one that waits for me, my last ones, who was paged for an incident. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from incidents.models import Incident, User
from incidents.states import Status
from oncall import messages, standing
from oncall.models import Act, Attempt, Channel, Condition, Delivery, DeliveryState, Page
from oncall.standing import Next
from oncall.wording import Way, say_names, way

LAST = 5  # of my own pages, that a card lists
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
UNLESS = {  # on what an act waits that an answer alone does not stop
    Condition.ALWAYS: "",
    Condition.UNMITIGATED: "if it is not mitigated, ",
    Condition.UNRESOLVED: "if it is not resolved, ",
}
ICONS = {  # what became of a delivery: state of the chip, icon
    DeliveryState.PENDING: ("", "clock"),
    DeliveryState.SENDING: ("now", "send"),
    DeliveryState.ACCEPTED: ("ok", "check"),
    DeliveryState.DELIVERED: ("ok", "check-check"),
    DeliveryState.FAILED: ("bad", "circle-alert"),
    DeliveryState.CANCELLED: ("", "x"),
    DeliveryState.SUPPRESSED: ("", "bell-off"),
    DeliveryState.BUNDLED: ("", "layers"),
}


@dataclass(frozen=True)
class Sent:
    """One delivery as a page shows it."""

    delivery: Delivery
    way: Way
    css: str
    icon: str
    word: str

    @property
    def about(self) -> str:
        """What it was about: the incident's reference, or the subject of a notice (both loaded)."""
        if self.delivery.page is not None:
            return self.delivery.page.incident.ref
        return self.delivery.notice.subject if self.delivery.notice else ""

    @property
    def note(self) -> str:
        """Why it stands so, or how often it was tried."""
        tries = f"try {self.delivery.attempts}" if self.delivery.attempts > 1 else ""
        return ", ".join(part for part in (tries, self.delivery.error) if part)


@dataclass(frozen=True)
class Seen:
    """One page with its deliveries, as a page of the product shows it."""

    page: Page
    sent: tuple[Sent, ...]

    @property
    def ways(self) -> tuple[Way, ...]:
        """The channels it went by, each once."""
        return tuple(dict.fromkeys(one.way for one in self.sent))

    @property
    def outcomes(self) -> list[tuple[Sent, str]]:
        """What became of the messages: those of the same fate once, with the words of their ways."""
        fates: dict[tuple[str, str], list[Sent]] = {}
        for one in self.sent:
            fates.setdefault((one.word, one.note), []).append(one)
        return [(alike[0], ", ".join(one.way.word for one in alike)) for alike in fates.values()]

    @property
    def answered_in(self) -> timedelta | None:
        """From the page to the answer; None = no answer."""
        answered_at = self.page.acknowledged_at
        return max(answered_at - self.page.created_at, timedelta(0)) if answered_at else None

    @property
    def asks(self) -> bool:
        """An answer is demanded, as opposed to information."""
        return self.page.act == Act.PAGE

    @property
    def waits(self) -> bool:
        """It still wants an answer."""
        return waits(self.page)


@dataclass(frozen=True)
class Calling:
    """The page that waits for a person's answer, with what happens if none comes."""

    page: Page
    token: str
    call: str  # “second call”; empty for the first
    called_at: datetime
    others: int  # further pages that wait for the same person
    coming: Next | None
    then: str  # “if you do not answer, Mei Tan is paged”


def waits(page: Page) -> bool:
    """Tell whether the page still wants its person's answer (its incident loaded)."""
    return (
        page.act == Act.PAGE
        and page.ended_at is None
        and page.acknowledged_at is None
        and page.incident.status == Status.OPEN
    )


def waiting() -> QuerySet[Page]:
    """The pages that still want an answer, the most urgent incident first, then the newest."""
    rows = Page.objects.filter(act=Act.PAGE, ended_at=None, acknowledged_at=None, incident__status=Status.OPEN)
    shown = rows.select_related("incident__severity", "incident__service__team", "incident__held_by", "person")
    return shown.order_by("incident__severity", "-created_at", "pk")


def calling(person: User, at: datetime) -> Calling | None:
    """The person's most urgent page that waits, and what comes if they do not answer; None = no page waits."""
    rows = list(waiting().filter(person=person))
    if not rows:
        return None
    page = rows[0]
    others = len({row.incident_id for row in rows} - {page.incident_id})
    last = Delivery.objects.filter(page=page).order_by("-created_at", "-pk").values_list("created_at", flat=True)
    coming, people = what_comes(page.incident, at)
    return Calling(
        page=page,
        token=messages.token_of(page),
        call=f"{ordinal(page.repeats + 1)} call" if page.repeats else "",
        called_at=last.first() or page.created_at,
        others=others,
        coming=coming,
        then=say_coming(coming, people, "you do") if coming else "",
    )


def what_comes(incident: Incident, at: datetime) -> tuple[Next | None, list[str]]:
    """The next act of the incident's escalation, and the names of those whom it would reach now."""
    coming = standing.of(incident).next
    return coming, [str(one.person) for one in standing.expected(incident, coming, at)] if coming else []


def say_coming(coming: Next, names: Sequence[str], who_does: str) -> str:
    """Say what comes and on what it waits: “if you do not answer, Mei Tan is paged”; ``who_does`` such as “you do”."""
    unless = UNLESS.get(Condition(coming.condition), f"if {who_does} not answer, ")
    whom = say_names(names) or coming.whom
    verb = "are" if len(names) > 1 or (not names and whom.endswith("s")) else "is"
    deed = "called again" if coming.what == "round" else "told" if coming.act == Act.INFORM else "paged"
    return f"{unless}{whom} {verb} {deed}"


def last_of(person: User, *, visible: QuerySet[Incident], limit: int = LAST) -> list[Seen]:
    """The person's newest pages that asked for an answer, one for each incident and level (2 queries)."""
    rows = Page.objects.filter(person=person, act=Act.PAGE, incident__in=visible)
    return seen(rows.select_related("incident").order_by("-created_at", "-pk")[:limit])


def of_incident(incident: Incident) -> list[Seen]:
    """Everyone who was paged or informed, newest first, with deliveries and attempts (3 queries)."""
    rows = Page.objects.filter(incident=incident).select_related("incident", "person")
    return seen(rows.order_by("-created_at", "level", "person__name", "pk"))


def seen(pages: QuerySet[Page]) -> list[Seen]:
    """The pages with their deliveries in the order in which they went out."""
    deliveries = Delivery.objects.order_by("created_at", "pk").prefetch_related(
        Prefetch("tries", Attempt.objects.order_by("at", "pk"))
    )
    rows = pages.prefetch_related(Prefetch("deliveries", deliveries))
    return [Seen(page, tuple(sent(page.deliveries.all()))) for page in rows]


def sent(deliveries: Iterable[Delivery]) -> list[Sent]:
    """The deliveries with their words; repeated calls are counted."""
    counted: dict[tuple[int | None, str], int] = {}
    found = []
    for row in deliveries:
        key = (row.page_id, row.channel)
        counted[key] = counted.get(key, 0) + 1
        css, icon = ICONS[DeliveryState(row.state)]
        shown = way(row.channel)
        if row.channel == Channel.VOICE and counted[key] > 1:
            shown = Way(f"{shown.word}, call {counted[key]}", shown.icon)
        found.append(Sent(row, shown, css, icon, row.get_state_display().lower()))
    return found


def ordinal(number: int) -> str:
    """“first” to “ninth”, then “10th”."""
    return ORDINALS[number - 1] if number <= len(ORDINALS) else f"{number}th"


def counts(pages: Sequence[Seen]) -> tuple[int, int]:
    """How many people were asked, and how many of them answered."""
    asked = {one.page.person_id for one in pages if one.asks}
    answered = {one.page.person_id for one in pages if one.page.acknowledged_at}
    return len(asked), len(answered & asked)
