"""The keys of a call and the buttons of a chat.

4 takes it, 5 passes it on, 6 says that it is over, star says it again. A button counts for its addressee alone.
"""

from collections.abc import Callable
from datetime import datetime

from incidents.refusals import Refusal
from oncall import messages, replies
from oncall.channels import speech
from oncall.models import Channel, ContactMethod, Page

KEYS: dict[str, Callable[..., str]] = {"4": replies.take_all, "5": replies.pass_on, "6": replies.resolve}
BUTTONS: dict[str, Callable[..., str]] = {"take": replies.take_all, "pass": replies.pass_on, "over": replies.resolve}
GONE = "This page is gone. Open Tocsin to see what is going on."


def press(page: Page, key: str, *, address: str, at: datetime) -> str:
    """Do what the key means and return what is said (TwiML); another key brings the menu again."""
    if key not in KEYS:
        wrong = "" if key == "*" else "That key means nothing here. "
        return speech.call(wrong + messages.speech_of(page), keys=address)
    try:
        words = KEYS[key](page, at=at, via="by phone")
    except Refusal as refusal:
        words = str(refusal)
    return speech.last_words(words)


def unknown() -> str:
    """What is said when the page is gone."""
    return speech.last_words(GONE)


def press_button(token: str, deed: str, *, member: str, at: datetime) -> str:
    """Do it and return what happened, in words. ``member`` is who pressed, as the chat knows them."""
    try:
        page = messages.page_of(token)
    except Page.DoesNotExist:
        return GONE
    if deed not in BUTTONS:
        return "This button means nothing here."
    theirs = ContactMethod.objects.filter(user=page.person_id, channel=Channel.CHAT, disabled_at=None)
    if not theirs.filter(address__in=[member, f"@{member}"], verified_at__isnull=False).exists():
        return f"This is a page for {page.person}: only they can answer it here."
    try:
        return BUTTONS[deed](page, at=at, via="by chat")
    except Refusal as refusal:
        return str(refusal)
