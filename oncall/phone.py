"""What a person's phone would have received, for the sandbox page. Nothing here leaves the machine."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from incidents.models import Incident, User
from oncall import messages, pages
from oncall.models import Act, Channel, Delivery, Page, SandboxMessage
from oncall.pages import Seen, Sent
from oncall.standing import Next
from oncall.wording import Way, way

MESSAGES = 20  # shown on a phone
DELIVERIES = 20  # listed beside it
LINK = 26  # characters of a link that are shown
KEYS = {Channel.VOICE, Channel.CHAT, Channel.SANDBOX}  # ways that take an answer at once; the others bring a link


@dataclass(frozen=True)
class Received:
    """One message on the phone."""

    message: SandboxMessage
    way: Way
    page: Page | None
    token: str  # answers the page; empty = there is none
    waits: bool  # it still wants an answer
    is_today: bool  # on the person's own calendar
    is_key: bool  # the newest message of its page on a way that takes an answer at once
    words: str  # the message without its link
    link: str

    @property
    def is_call(self) -> bool:
        """It rang."""
        return self.message.channel == Channel.VOICE

    @property
    def asked(self) -> bool:
        """It asked for an answer."""
        return self.page is not None and self.page.act == Act.PAGE

    @property
    def answered_in(self) -> timedelta | None:
        """From the page to its answer; None = no answer."""
        return Seen(self.page, ()).answered_in if self.page and self.asked else None

    @property
    def short_link(self) -> str:
        """The link as a narrow screen shows it."""
        return self.link.partition("://")[2][:LINK] + "…"

    @property
    def is_mail(self) -> bool:
        """It has a subject and a body."""
        return self.message.channel == Channel.EMAIL


class Phone:
    """One person's phone, as far as the viewer may see the incidents behind its messages."""

    def __init__(self, person: User, viewer: User, at: datetime) -> None:
        self.person, self.viewer, self.at = person, viewer, at

    @cached_property
    def received(self) -> list[Received]:
        """The messages, newest first; only the newest of each page asks for the answer by key."""
        rows = _shown_to(self.viewer, "delivery__").filter(person=self.person)
        loaded = rows.select_related(
            "delivery__page__incident__severity", "delivery__page__incident__service", "delivery__notice__incident"
        )
        known: set[tuple[int | None, str]] = set()
        newest = sorted(loaded.order_by("-delivery__created_at", "-pk")[:MESSAGES], key=_at_the_top)
        return [_received(row, known, self._day(row.at) == self._day(self.at)) for row in newest]

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.person.zone).date()

    @cached_property
    def sent(self) -> list[Sent]:
        """What became of the newest messages to this person, the newest first."""
        rows = Delivery.objects.filter(_visible(self.viewer, ""), person=self.person)
        newest = list(rows.select_related("page__incident", "notice").order_by("-created_at", "-pk")[:DELIVERIES])
        return pages.sent(reversed(newest))[::-1]

    @cached_property
    def coming(self) -> tuple[Page | None, Next | None, str]:
        """The most urgent page that waits for this person, the act that follows, and that act in words."""
        page = _waiting_for(self.viewer).filter(person=self.person).first()
        if page is None:
            return None, None, ""
        coming, names = pages.what_comes(page.incident, self.at)
        return page, coming, pages.say_coming(coming, names, f"{self.person} does") if coming else ""

    @cached_property
    def ringing(self) -> list[User]:
        """Everyone else whose phone waits for an answer."""
        asked = _waiting_for(self.viewer).filter(person=OuterRef("pk"))
        return list(User.objects.filter(Exists(asked)).exclude(pk=self.person.pk).order_by("name", "pk"))

    @property
    def stamp(self) -> str:
        """A word that changes whenever what is shown does; the minute counts, since the clock face shows it."""
        page, coming, then = self.coming
        told = (
            f"{self.at:%H%M}",
            [(one.message.pk, one.waits) for one in self.received],
            [(one.delivery.pk, one.delivery.state, one.delivery.attempts) for one in self.sent],
            (page and page.pk, coming and coming.due_at, then),
            [person.pk for person in self.ringing],
        )
        return hashlib.blake2s(repr(told).encode(), digest_size=8).hexdigest()


def _waiting_for(viewer: User) -> QuerySet[Page]:
    """The pages that want an answer, of incidents that the viewer may see."""
    return pages.waiting().filter(incident__in=Incident.objects.visible_to(viewer))


def people(viewer: User) -> QuerySet[User]:
    """The people whose phones the viewer may pick up, with how many of their pages wait."""
    asks = Q(pages__in=_waiting_for(viewer))
    return (
        _allowed(viewer).annotate(waiting=Count("pages", filter=asks, distinct=True)).order_by("-waiting", "name", "pk")
    )


def first_choice(viewer: User) -> User:
    """The phone to show when none was named: one that waits for an answer, else the one that heard last, else mine."""
    allowed = _allowed(viewer)
    page = _waiting_for(viewer).filter(person__in=allowed).first()
    if page:
        return page.person
    latest = SandboxMessage.objects.filter(person__in=allowed).select_related("person")
    newest = latest.order_by("-at", "-pk").first()
    return newest.person if newest else viewer


def empty(person: User) -> int:
    """Clear the person's sandbox phone; the deliveries and their attempts stay on record."""
    count, _ = SandboxMessage.objects.filter(person=person).delete()
    return count


def _allowed(viewer: User) -> QuerySet[User]:
    """Administrators, and in the demo whoever may act, pick up any phone; everybody else their own."""
    may_see_all = viewer.is_administrator or (settings.DEMO and viewer.may_declare)
    return User.objects.filter(is_active=True) if may_see_all else User.objects.filter(pk=viewer.pk)


def _at_the_top(row: SandboxMessage) -> tuple[float, int]:
    """Newest first; of messages made at once, what rings comes first."""
    order = {Channel.VOICE: 0, Channel.SMS: 1, Channel.CHAT: 2}
    return -row.delivery.created_at.timestamp(), order.get(Channel(row.channel), 3)


def _received(row: SandboxMessage, known: set[tuple[int | None, str]], is_today: bool) -> Received:
    """The message as the phone shows it; ``known`` are the pages and ways of newer ones."""
    page = row.delivery.page
    newest = (row.delivery.page_id, row.channel) not in known
    known.add((row.delivery.page_id, row.channel))
    words, link = _without_link(row.text)
    if row.channel == Channel.VOICE:
        words = words.removesuffix("Take it:").strip()
    return Received(
        message=row,
        way=way(row.channel),
        page=page,
        token=messages.token_of(page) if page else "",
        waits=bool(page and pages.waits(page)),
        is_today=is_today,
        is_key=newest and row.channel in KEYS,
        words=words,
        link=link,
    )


def _without_link(text: str) -> tuple[str, str]:
    """Part a message from the link into the product that it carries."""
    link = next((word for word in text.split() if word.startswith(settings.PUBLIC_URL + "/")), "")
    return text.replace(link, "").strip() if link else text, link


def _visible(viewer: User, path: str) -> Q:
    """Keep what belongs to no incident, or to one that the viewer may see."""
    allowed = Incident.objects.visible_to(viewer)
    by_page = Q(**{f"{path}page": None}) | Q(**{f"{path}page__incident__in": allowed})
    by_notice = Q(**{f"{path}notice__incident": None}) | Q(**{f"{path}notice__incident__in": allowed})
    return by_page & by_notice


def _shown_to(viewer: User, path: str) -> QuerySet[SandboxMessage]:
    return SandboxMessage.objects.filter(_visible(viewer, path))
