"""The keys of a call, as Twilio brings them."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import due, lifecycle
from oncall import sending
from oncall.models import Channel
from tests.oncall.conftest import only_ada, paged

pytestmark = pytest.mark.django_db


@pytest.fixture
def call(chain, phone, twilio, client):
    """Ada's phone rings; press a key and hear the answer."""
    only_ada(chain)
    incident = chain.declare(0, at=timezone.now() - timedelta(seconds=1))
    due.settle(due.database_now())
    sending.send_due(Channel.VOICE, at=due.database_now())
    address = re.search(r'action="([^"]+)"', twilio.asked[0].form["Twiml"])[1]

    def press(key, **said):
        answer = twilio.call_back(client, address, {"Digits": key, "CallSid": "CA1"}, **said)
        return answer.content.decode() if answer.status_code == 200 else answer.status_code

    press.incident = incident
    return press


def test_4_takes_it(chain, call):
    assert f"You have {call.incident.ref}." in call("4")

    call.incident.refresh_from_db()
    assert call.incident.held_by == chain.ada
    assert call.incident.timeline.get(kind="acknowledged").text == "Acknowledged by phone."


def test_6_says_that_it_is_over(chain, call):
    assert "is resolved" in call("6")

    call.incident.refresh_from_db()
    assert call.incident.status == "resolved"


def test_5_passes_it_on(chain, call):
    assert "next level" in call("5")

    due.settle(due.database_now() + timedelta(milliseconds=1))
    assert len(paged(call.incident)) > 1


def test_star_says_it_again_with_the_menu(call):
    again = call("*")

    assert "Payments fail" in again
    assert "press 4" in again
    assert "<Gather" in again


def test_a_key_without_meaning_says_so_and_offers_the_menu(call):
    assert "That key means nothing here." in call("9")


def test_a_late_key_does_nothing_and_says_so(chain, call):
    lifecycle.acknowledge(call.incident, by=chain.lea, at=timezone.now())

    assert "Nothing was changed." in call("5")
    assert "<Gather" not in call("5")


def test_a_key_with_a_wrong_signature_does_nothing(chain, call):
    assert call("4", token="another") == 403

    call.incident.refresh_from_db()
    assert call.incident.held_by is None


def test_a_forged_page_is_spoken_of_as_gone(twilio, client):
    answer = twilio.call_back(client, "/twilio/keys/forged/", {"Digits": "4"})

    assert "This page is gone." in answer.content.decode()
