"""SMS and voice through the real Twilio library, against a Twilio that misbehaves on purpose."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import due
from oncall import leasing, outcomes, paging, sending
from oncall.channels import answers
from oncall.models import Attempt, Channel, Delivery, DeliveryState
from tests.oncall.conftest import only_ada, story
from tests.providers.server import Answer
from tests.providers.twilio import FROM, NUMBER, SID, TOKEN, refusal

pytestmark = pytest.mark.django_db


def declared(chain, level=0, **said):
    incident = chain.declare(level, at=timezone.now() - timedelta(seconds=1), **said)
    due.settle(due.database_now())
    return incident


def send(channel, **later):
    return sending.send_due(channel, at=due.database_now() + timedelta(**later))


def delivery_to(person, channel):
    return Delivery.objects.get(person=person, channel=channel)


def test_a_page_goes_out_as_a_text_message_with_a_link_and_codes(chain, phone, twilio):
    only_ada(chain)
    incident = declared(chain, title="Card payments fail")

    send(Channel.SMS)

    [asked] = twilio.asked
    assert asked.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    said = asked.form
    assert (said["To"], said["From"]) == (NUMBER, FROM)
    assert said["Body"].startswith(f"P0 Checkout: Card payments fail. {incident.ref}. Take it: http")
    assert said["Body"].endswith("Reply 1a to take it, 1e if you cannot, 1c when it is over.")
    delivery = delivery_to(chain.ada, Channel.SMS)
    assert said["StatusCallback"].endswith(f"/twilio/sms/{delivery.pk}/1/")
    assert delivery.state == DeliveryState.ACCEPTED
    assert "SMS to Ada: accepted." in story(incident)


def test_o27_a_country_with_one_way_gets_no_codes_and_where_forbidden_no_link(chain, twilio, settings):
    only_ada(chain)
    settings.SMS_ONE_WAY, settings.SMS_WITHOUT_LINKS = ["+91", "+86"], ["+86"]
    method = chain.ada.contact_methods.get(channel=Channel.SMS)
    for number in ("+919876543210", "+8613912345678", "+4915112345678"):
        method.address = number
        method.save()
        declared(chain)
        send(Channel.SMS)

    india, china, germany = (asked.form["Body"] for asked in twilio.asked)

    assert ("/a/" in india, "Reply" in india) == (True, False)
    assert ("/a/" in china, "Reply" in china) == (False, False)
    assert ("/a/" in germany, "Reply" in germany) == (True, True)


def test_o27_a_sender_with_letters_cannot_be_answered_from_anywhere(chain, phone, twilio, settings):
    only_ada(chain)
    settings.TWILIO_FROM = "TOCSIN"
    declared(chain)

    send(Channel.SMS)

    assert "Reply" not in twilio.asked[0].form["Body"]


def test_a_call_says_the_page_twice_and_offers_the_keys(chain, phone, twilio):
    only_ada(chain)
    declared(chain, title="Card payments fail")

    send(Channel.VOICE)

    [asked] = twilio.asked
    assert asked.path == f"/2010-04-01/Accounts/{SID}/Calls.json"
    said = asked.form
    assert said["Twiml"].count("P0 Critical, Checkout: Card payments fail.") == 2
    assert "press 4" in said["Twiml"]
    assert "http" not in re.sub(r'action="[^"]+"', "", said["Twiml"])
    assert re.search(r'action="http://[^"]+/twilio/keys/[^"/]+/"', said["Twiml"])
    assert delivery_to(chain.ada, Channel.VOICE).state == DeliveryState.ACCEPTED


def test_a_drill_says_first_that_it_is_one(chain, phone, twilio):
    only_ada(chain)
    declared(chain, kind="drill")

    send(Channel.VOICE)
    send(Channel.SMS)

    call, text = (asked.form for asked in twilio.asked)
    assert "This is a drill, not real. Tocsin calls." in call["Twiml"]
    assert text["Body"].startswith("[DRILL] P0")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(429, 20429, "Too Many Requests"), "Twilio said 429"),
        (refusal(500, 20500, "Internal"), "Twilio said 500"),
        (Answer(503, b"<html>busy</html>"), "Twilio"),
        (Answer(200, b"no json"), "Twilio gave an answer that cannot be read"),
        (Answer(hang_up=True), "Twilio could not be reached"),
    ],
)
def test_what_may_pass_is_tried_again_after_fifteen_seconds(chain, phone, twilio, answer, words):
    only_ada(chain)
    declared(chain)
    twilio.answers = [answer]

    send(Channel.SMS)

    delivery = delivery_to(chain.ada, Channel.SMS)
    assert (delivery.state, delivery.error[: len(words)]) == (DeliveryState.PENDING, words)
    assert send(Channel.SMS, seconds=14) == 0
    assert send(Channel.SMS, seconds=16) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.ACCEPTED, 2)


def test_a_twilio_that_takes_too_long_is_left_before_the_lease_ends(chain, phone, twilio, monkeypatch):
    assert leasing.LEASE.total_seconds() > 2 * answers.TIMEOUT
    monkeypatch.setattr(answers, "TIMEOUT", 0.2)
    only_ada(chain)
    declared(chain)
    twilio.answers = [Answer(silence=5)]

    send(Channel.SMS)

    assert delivery_to(chain.ada, Channel.SMS).error == "Twilio did not answer within 0.2 s"


def test_o22_after_three_more_tries_the_next_method_is_used_at_once(chain, phone, twilio):
    only_ada(chain)
    chain.ada.contact_methods.exclude(channel__in=[Channel.SMS, Channel.EMAIL]).delete()
    incident = declared(chain, 2)
    Delivery.objects.filter(channel=Channel.EMAIL).delete()
    sms = chain.ada.contact_methods.get(channel=Channel.SMS)
    page = incident.pages.get()
    paging.delivery(page, sms, at=due.database_now()).save(force_insert=True)
    twilio.answers = [refusal(500, 20500, "Internal")] * 4

    for tries in range(4):
        send(Channel.SMS, seconds=16 * tries)

    assert len(twilio.asked) == 4
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["temporary"] * 4
    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.FAILED
    assert delivery_to(chain.ada, Channel.EMAIL).state == DeliveryState.PENDING


def test_a_number_that_does_not_exist_is_not_tried_again(chain, phone, twilio):
    only_ada(chain)
    incident = declared(chain)
    twilio.answers = [refusal(400, 21211, "Invalid 'To' Phone Number")]

    send(Channel.SMS)

    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.FAILED
    assert "SMS to Ada failed: Twilio said 400 Unable to create record: Invalid 'To' Phone Number (21211)." in story(
        incident
    )


def test_no_secret_reaches_an_error_the_timeline_or_a_log(chain, phone, twilio, caplog):
    caplog.set_level("DEBUG")
    only_ada(chain)
    incident = declared(chain)
    words = f"The resource /Accounts/{SID}/Messages.json at https://u:p@api.example/x was not found"
    twilio.answers = [refusal(404, 20404, words)]

    send(Channel.SMS)

    seen = [
        delivery_to(chain.ada, Channel.SMS).error,
        *story(incident),
        *Attempt.objects.values_list("detail", flat=True),
    ]
    for text in seen:
        assert SID not in text
        assert "u:p@" not in text
    assert TOKEN not in caplog.text
    assert "Twilio said 404" in seen[0]


def reported(twilio, client, asked, status, **said):
    return twilio.call_back(client, asked.form["StatusCallback"], {"MessageStatus": status}, **said).status_code


def test_a_callback_turns_accepted_into_delivered(chain, phone, twilio, client):
    only_ada(chain)
    incident = declared(chain)
    send(Channel.SMS)

    assert reported(twilio, client, twilio.asked[0], "sent") == 204
    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.ACCEPTED
    assert reported(twilio, client, twilio.asked[0], "delivered") == 204

    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.DELIVERED
    assert story(incident).count("SMS to Ada: delivered.") == 1


@pytest.mark.parametrize(
    "order", [("delivered", "sent", "delivered", "undelivered"), ("failed", "delivered", "failed")]
)
def test_callbacks_out_of_order_and_repeated_change_nothing_that_is_final(chain, phone, twilio, client, order):
    only_ada(chain)
    incident = declared(chain)
    send(Channel.SMS)

    for status in order:
        reported(twilio, client, twilio.asked[0], status)

    assert delivery_to(chain.ada, Channel.SMS).state == order[0]
    assert len([line for line in story(incident) if line.startswith("SMS to Ada")]) == 2  # accepted, and the first news


def test_a_callback_that_overtakes_our_own_note_is_kept(chain, phone, twilio, client):
    only_ada(chain)
    incident = declared(chain)

    leased = leasing.lease(Channel.SMS, at=due.database_now())
    outcomes.report(leased[0].pk, attempt=1, arrived=True, words="", at=due.database_now())
    sending.send(leased[:1], at=due.database_now())

    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.DELIVERED
    assert story(incident).count("SMS to Ada: delivered.") == 1


def test_the_failure_of_an_earlier_attempt_says_nothing_about_the_present_one(chain, phone, twilio, client):
    only_ada(chain)
    declared(chain)
    twilio.answers = [Answer(hang_up=True)]
    send(Channel.SMS)
    send(Channel.SMS, seconds=16)

    reported(twilio, client, twilio.asked[0], "failed")
    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.ACCEPTED

    reported(twilio, client, twilio.asked[1], "failed")
    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.FAILED


def test_a_message_that_never_arrived_turns_to_the_next_method(chain, phone, twilio, client):
    only_ada(chain)
    chain.ada.contact_methods.exclude(channel__in=[Channel.SMS, Channel.IN_APP]).delete()
    incident = declared(chain)
    send(Channel.SMS)
    Delivery.objects.filter(channel=Channel.IN_APP).delete()

    reported(twilio, client, twilio.asked[0], "undelivered")

    assert "SMS to Ada failed: Twilio says undelivered." in story(incident)
    assert delivery_to(chain.ada, Channel.IN_APP).state == DeliveryState.PENDING


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        ("busy", "failed", "the line was busy"),
        ("no-answer", "failed", "nobody answered"),
        ("completed", "delivered", ""),
    ],
)
def test_the_end_of_a_call_decides_the_delivery(chain, phone, twilio, client, status, state, words):
    only_ada(chain)
    declared(chain)
    send(Channel.VOICE)
    address = twilio.asked[0].form["StatusCallback"]

    twilio.call_back(client, address, {"CallStatus": "ringing"})
    twilio.call_back(client, address, {"CallStatus": status})

    delivery = delivery_to(chain.ada, Channel.VOICE)
    assert (delivery.state, delivery.error) == (state, words)


def test_a_callback_with_a_wrong_signature_is_refused(chain, phone, twilio, client):
    only_ada(chain)
    declared(chain)
    send(Channel.SMS)

    assert reported(twilio, client, twilio.asked[0], "delivered", token="another") == 403
    assert client.post("/twilio/sms/", {"From": NUMBER, "Body": "ack"}).status_code == 403
    assert delivery_to(chain.ada, Channel.SMS).state == DeliveryState.ACCEPTED


def test_without_a_token_of_twilio_there_is_no_door_for_it(chain, client, settings):
    settings.TWILIO_AUTH_TOKEN = ""

    assert client.post("/twilio/sms/", {"From": NUMBER, "Body": "ack"}).status_code == 404


def test_from_this_machine_alone_the_real_twilio_is_not_asked_to_come_back(chain, phone, twilio, monkeypatch):
    monkeypatch.setattr("oncall.channels.twilio.TWILIO", twilio.url)
    only_ada(chain)
    declared(chain)

    send(Channel.SMS)
    send(Channel.VOICE)

    text, call = (asked.form for asked in twilio.asked)
    assert "StatusCallback" not in text
    assert "StatusCallback" not in call
    assert "Gather" not in call["Twiml"]
