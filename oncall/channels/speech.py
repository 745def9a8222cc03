"""What a call says, in TwiML: the message, then the keys that answer it."""

from twilio.twiml.voice_response import Gather, VoiceResponse

MENU = (
    "To take it, press 4. If you cannot, press 5 and the next level is paged. If it is over, press 6. "
    "To hear this again, press star."
)
PATIENCE = 8  # seconds for a key
TWICE = 2  # times that the message is said to somebody who presses nothing
LONGEST = 1200  # characters of a message; the whole call must stay under 4,000


def call(words: str, *, keys: str = "") -> str:
    """The call: the words twice, and the menu when ``keys`` names the address that takes the pressed key."""
    response = VoiceResponse()
    for _ in range(TWICE):
        if not keys:
            _say(response, words)
            continue
        gather = response.gather(num_digits=1, timeout=PATIENCE, action=keys, method="POST", finish_on_key="")
        _say(gather, words)
        _say(gather, MENU)
    _say(response, "Good bye." if not keys else "No key was pressed. The escalation goes on. Good bye.")
    response.hangup()
    return str(response)


def last_words(words: str) -> str:
    """Say the words and hang up."""
    response = VoiceResponse()
    _say(response, words)
    response.hangup()
    return str(response)


def _say(verb: VoiceResponse | Gather, words: str) -> None:
    verb.say(words[:LONGEST], language="en-US")
    verb.pause(length=1)
