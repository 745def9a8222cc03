"""SMS and voice through Twilio, or whoever speaks Twilio's API at TWILIO_URL."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.urls import reverse
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from oncall.channels import answers, speech
from oncall.channels.contract import DeliveryError, Message, Receipt

TWILIO = "https://api.twilio.com"  # where it is unless TWILIO_URL says otherwise
LONGEST_SMS = 1600  # characters that Twilio takes
RING = 45  # seconds until a call counts as not answered
CALL_EVENTS = ["completed"]  # sent for every end of a call: answered, busy, not answered, failed


class HttpClient(TwilioHttpClient):
    """The library's own client, with a timeout, led to TWILIO_URL."""

    def __init__(self) -> None:
        super().__init__(pool_connections=False, timeout=answers.TIMEOUT)

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        """Ask the same path of the configured address; the connection is closed afterwards."""
        with requests.Session() as self.session:
            return super().request(method, settings.TWILIO_URL + urlsplit(url).path, *args, **kwargs)


class SmsTransport:
    """Hands text messages to Twilio."""

    name = "twilio sms"
    provider = "twilio"

    def send(self, message: Message) -> Receipt:
        """Send one text message.

        Raises:
            DeliveryError: Twilio refused it, or could not be asked.
        """
        sender = settings.TWILIO_FROM
        by = {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}
        ways = {"status_callback": _address("oncall:twilio-sms-status", message.delivery_id, message.attempt)}
        made = _ask(
            lambda client: client.messages.create(
                to=message.address, body=message.text[:LONGEST_SMS], **by, **(ways if _is_reachable() else {})
            )
        )
        return Receipt(delivered=False, detail=f"Twilio took it as {made.sid}")


class VoiceTransport:
    """Calls through Twilio. The call brings its words along, so it speaks even while this site does not answer."""

    name = "twilio voice"
    provider = "twilio"

    def send(self, message: Message) -> Receipt:
        """Call the number.

        Raises:
            DeliveryError: Twilio refused it, or could not be asked.
        """
        ways: dict[str, Any] = {}
        if _is_reachable():
            ways["status_callback"] = _address("oncall:twilio-call-status", message.delivery_id, message.attempt)
            ways["status_callback_event"] = CALL_EVENTS
        keys = _address("oncall:twilio-keys", message.token) if message.token and _is_reachable() else ""
        words = speech.call(message.speech or message.text, keys=keys)
        made = _ask(
            lambda client: client.calls.create(
                to=message.address, from_=settings.TWILIO_VOICE_FROM, twiml=words, timeout=RING, **ways
            )
        )
        return Receipt(delivered=False, detail=f"Twilio calls as {made.sid}")


def _ask(create: Callable[[Client], Any]) -> Any:
    """Ask Twilio; translate each way in which that can fail."""
    http = HttpClient()
    try:
        client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http)
        return create(client)
    except TwilioRestException as error:
        code = f" ({error.code})" if error.code else ""
        raise answers.refused("Twilio", error.status, f"{error.msg}{code}") from None
    except requests.Timeout:
        raise answers.silent("Twilio") from None
    except (requests.RequestException, OSError):
        raise answers.unreachable("Twilio") from None
    except (TwilioException, ValueError, KeyError):
        raise DeliveryError("Twilio gave an answer that cannot be read", permanent=False) from None


def _address(name: str, *args: object) -> str:
    return settings.PUBLIC_URL + reverse(name, args=args)


def _is_reachable() -> bool:
    """May Twilio be asked to come back? It refuses messages whose callback is an address of one's own machine."""
    here = urlsplit(settings.PUBLIC_URL).hostname in {"localhost", "127.0.0.1", "::1"}
    return not here or settings.TWILIO_URL != TWILIO
