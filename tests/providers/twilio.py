"""Twilio as far as Tocsin asks it: messages and calls are made, refused, or left without an answer."""

import itertools
import json

from twilio.request_validator import RequestValidator

from tests.providers.server import Answer, Provider

SID, TOKEN, FROM = "AC" + "0" * 31 + "1", "twilio-test-token", "+15005550006"
NUMBER = "+491512345678"  # a person's


def created(asked):
    """Twilio's yes."""
    kind = "SM" if asked.path.endswith("Messages.json") else "CA"
    body = {"sid": f"{kind}{next(numbers):032x}", "status": "queued", "account_sid": SID}
    return Answer(201, json.dumps(body).encode(), {"Content-Type": "application/json"})


def refusal(status, code, message):
    """Twilio's no."""
    body = {"code": code, "message": message, "more_info": "", "status": status}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


numbers = itertools.count(1)


class Twilio(Provider):
    """A Twilio that says yes until it is told otherwise; it signs its calls back as the real one does."""

    def __init__(self, settings):
        super().__init__(created)
        settings.TWILIO_URL, settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = self.url, SID, TOKEN
        settings.TWILIO_FROM = settings.TWILIO_VOICE_FROM = FROM
        self.public_url = settings.PUBLIC_URL

    def call_back(self, client, address, form, *, token=TOKEN):
        """Ask Tocsin as Twilio would; ``address`` is the one that Tocsin gave, or a path."""
        path = address.removeprefix(self.public_url)
        signature = RequestValidator(token).compute_signature(self.public_url + path, form)
        return client.post(path, form, headers={"x-twilio-signature": signature})

    def text(self, client, number, words, sid=None, **said):
        """A person texts to our number; returns what is answered, empty = nothing."""
        form = {"From": number, "To": FROM, "Body": words, "MessageSid": sid or f"SM{next(numbers):032x}"}
        answer = self.call_back(client, "/twilio/sms/", form, **said)
        assert answer.status_code == 200
        return answer.content.decode().partition("<Message>")[2].partition("</Message>")[0]
