"""Text messages that come back: commands by code, stop and start, nonsense."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction

from incidents.models import User
from incidents.refusals import Refusal
from oncall import codes, contacts, replies
from oncall.models import Channel, ContactMethod, Page, ReceivedText, ReplyCode

ANSWERS_TO_NONSENSE = 5  # after that, silence until something is understood (O24)
STOP = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"}
START = {"start", "unstop"}
DEEDS: dict[str, Callable[..., str]] = {"take": replies.take, "pass": replies.pass_on, "over": replies.resolve}
WORDS = {
    **dict.fromkeys(("a", "ack", "acknowledge", "take"), "take"),
    **dict.fromkeys(("e", "esc", "escalate", "pass"), "pass"),
    **dict.fromkeys(("c", "close", "resolve", "resolved"), "over"),
    "aa": "all",
}
COMMAND = re.compile(r"(?P<code>\d{1,3})?\s*(?P<word>[a-z]+)(?:\s*(?P<after>\d{1,3}))?", re.ASCII)
HELP = "Tocsin did not understand. Answer a page with its code: 1a takes it, 1e passes it on, 1c says it is over."


@transaction.atomic
def receive(number: str, text: str, *, provider_id: str, at: datetime) -> str:
    """Do what a text asks and return the answer; empty = none. A text that comes twice is answered as before."""
    methods = [method for method in codes.lock(number) if method.user.is_active and method.verified_at]
    if not methods or not provider_id:
        return ""
    known = ReceivedText.objects.filter(provider_id=provider_id).first()
    if known is not None:
        return known.answer
    understood, answer = _answer(number, methods, " ".join(text.lower().split()), at)
    if not understood and _nonsense(number) >= ANSWERS_TO_NONSENSE:
        answer = ""
    ReceivedText.objects.create(
        provider_id=provider_id, number=number, text=text[:200], understood=understood, answer=answer[:480], at=at
    )
    return answer[:480]


def _answer(number: str, methods: Sequence[ContactMethod], said: str, at: datetime) -> tuple[bool, str]:
    """Whether the text was understood, and what to say."""
    texted = [method for method in methods if method.channel == Channel.SMS]
    if said in STOP:
        contacts.stop(texted, at=at)
        return False, ""  # the provider confirms it, and lets nothing else through
    if said in START:
        contacts.start(methods, at=at)
        return False, "Tocsin sends text messages to this number again."
    people = {method.user_id: method.user for method in texted if method.disabled_at is None}
    if not people:
        return False, ""
    match = COMMAND.fullmatch(said)
    deed = WORDS.get(match["word"]) if match else None
    if match is None or deed is None:
        return False, HELP
    code = match["code"] or match["after"]
    if deed == "all":
        return _take_all(number, people, int(code or 0), at)
    return _do(number, people, deed, int(code) if code else None, at)


def _do(number: str, people: dict[int, User], deed: str, code: int | None, at: datetime) -> tuple[bool, str]:
    """Act on the page of the code, or without one on the page that was texted last and still waits."""
    known = ReplyCode.objects.filter(number=number, page__person__in=people).select_related("page__person")
    if code is not None:
        found = known.filter(code=code).first()
        if found is None:
            return False, f"Tocsin knows no page {code} on this phone."
    else:
        found = known.filter(page__ended_at=None).order_by("-given_at", "-pk").first()
        if found is None:
            return False, "No page waits for an answer from this phone."
    try:
        return True, DEEDS[deed](_page(found), at=at, via="by SMS")
    except Refusal as refusal:
        return True, str(refusal)


def _take_all(number: str, people: dict[int, User], code: int, at: datetime) -> tuple[bool, str]:
    """Take every waiting page of a service of which the phone had been told when its code was last given."""
    found = ReplyCode.objects.filter(number=number, code=code).exclude(service=None).select_related("service").first()
    if found is None:
        return False, f"Tocsin knows no service {code} on this phone."
    taken = []
    for person in people:
        told = codes.waiting_for(person).filter(incident__service=found.service_id, created_at__lte=found.given_at)
        for page in told.select_related("person", "incident").order_by("incident_id", "-pk"):
            if page.incident.ref not in taken:
                replies.take(page, at=at, via="by SMS")
                taken.append(page.incident.ref)
    if not taken:
        return True, f"Nothing of {found.service} waits any more. Nothing was changed."
    return True, f"You have {', '.join(taken)}."


def _page(found: ReplyCode) -> Page:
    if found.page is None:  # the query asks for codes of pages alone
        raise Page.DoesNotExist
    return found.page


def _nonsense(number: str) -> int:
    """How many texts in a row were answered without being understood."""
    texts = ReceivedText.objects.filter(number=number)
    last = texts.filter(understood=True).order_by("-pk").values_list("pk", flat=True).first() or 0
    return texts.filter(pk__gt=last, understood=False).exclude(answer="").count()
