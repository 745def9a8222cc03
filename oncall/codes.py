"""The short codes of text messages: “1a” takes page 1, “100aa” takes everything of a service."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from incidents.states import Status
from oncall.models import Act, Channel, ContactMethod, Page, ReplyCode

PAGES = range(1, 100)
SERVICES = range(100, 1000)


def may_be_answered(number: str) -> bool:
    """Can this phone text back to our sender? Some countries, and senders with letters, have one way only."""
    sender = settings.TWILIO_FROM
    two_way = sender.startswith(("+", "MG")) or sender.isdigit()
    return two_way and not number.startswith(tuple(settings.SMS_ONE_WAY))


def may_carry_links(number: str) -> bool:
    """Are links in text messages let through in the country of the number?"""
    return not number.startswith(tuple(settings.SMS_WITHOUT_LINKS))


@transaction.atomic
def of_page(page: Page, number: str, *, at: datetime) -> int:
    """The code of the page on this phone, given now if it has none."""
    lock(number)
    known = ReplyCode.objects.filter(number=number, page=page).first()
    return known.code if known else _give(number, PAGES, at, page=page)


@transaction.atomic
def of_service(page: Page, number: str, *, at: datetime) -> tuple[int, int]:
    """The code of the page's service on this phone, and how many pages it means now; 0 and 1 = this page alone."""
    waiting = waiting_for(page.person_id).filter(incident__service=page.incident.service_id, created_at__lte=at)
    count = waiting.values("incident").distinct().count()
    if count < 2:
        return 0, 1
    lock(number)
    known = ReplyCode.objects.filter(number=number, service=page.incident.service_id).first()
    if known is None:
        return _give(number, SERVICES, at, service=page.incident.service), count
    ReplyCode.objects.filter(pk=known.pk).update(given_at=at)
    return known.code, count


def waiting_for(person_id: int) -> QuerySet[Page]:
    """The person's pages that want an answer, of incidents that nobody has in hand."""
    unanswered = Page.objects.filter(person=person_id, act=Act.PAGE, ended_at=None, acknowledged_at=None)
    return unanswered.filter(incident__status=Status.OPEN, incident__held_by=None)


def lock(number: str) -> list[ContactMethod]:
    """Let texts to and from one phone wait for each other; the methods of the number, whatever their state."""
    called = ContactMethod.objects.filter(channel__in=[Channel.SMS, Channel.VOICE], address=number)
    return list(called.select_for_update(no_key=True, of=("self",)).select_related("user").order_by("pk"))


def _give(number: str, codes: range, at: datetime, **meant: object) -> int:
    """Give a code of the range: pages go round, services keep theirs while there are free ones."""
    mine = ReplyCode.objects.filter(number=number, code__in=codes)
    taken = list(mine.order_by("-given_at", "-pk").values_list("code", flat=True))
    if codes is PAGES:
        code = taken[0] + 1 if taken and taken[0] + 1 in codes else codes[0]
    else:
        code = next((free for free in codes if free not in taken), taken[-1] if taken else codes[0])
    mine.filter(code=code).delete()
    ReplyCode.objects.create(number=number, code=code, given_at=at, **meant)
    return code
