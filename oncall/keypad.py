"""The keys of a call: 4 takes it, 5 passes it on, 6 says that it is over, star says it again."""

from collections.abc import Callable
from datetime import datetime

from incidents.refusals import Refusal
from oncall import messages, replies
from oncall.channels import speech
from oncall.models import Page

DEEDS: dict[str, Callable[..., str]] = {"4": replies.take, "5": replies.pass_on, "6": replies.resolve}


def press(page: Page, key: str, *, address: str, at: datetime) -> str:
    """Do what the key means and return what is said (TwiML); another key brings the menu again."""
    if key not in DEEDS:
        wrong = "" if key == "*" else "That key means nothing here. "
        return speech.call(wrong + messages.speech_of(page), keys=address)
    try:
        words = DEEDS[key](page, at=at, via="by phone")
    except Refusal as refusal:
        words = str(refusal)
    return speech.last_words(words)


def unknown() -> str:
    """What is said when the page is gone."""
    return speech.last_words("This page is gone. Open Tocsin to see what is going on.")
