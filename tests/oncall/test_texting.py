"""Texts that come back: codes, stop and start, nonsense, strangers. Real signatures, through the real address."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from incidents import due, grading, lifecycle
from incidents.models import Severity
from oncall import codes, messages, sending, texting
from oncall.models import Channel, ContactMethod, Delivery, Escalation, ReceivedText, ReplyCode
from tests.factories import ServiceFactory
from tests.oncall.conftest import only_ada, paged
from tests.providers.twilio import NUMBER

pytestmark = pytest.mark.django_db


@pytest.fixture
def text(chain, phone, twilio, client):
    """Text something from Ada's phone; returns the answer."""
    only_ada(chain)
    return lambda words, number=NUMBER, **said: twilio.text(client, number, words, **said)


def texted(chain, level=0, **said):
    """An incident of which Ada was told by SMS."""
    incident = chain.declare(level, at=timezone.now() - timedelta(seconds=1), **said)
    due.settle(due.database_now())
    sending.send_due(Channel.SMS, at=due.database_now())
    return incident


def test_a_code_takes_its_page(chain, text):
    first, second = texted(chain), texted(chain)

    assert text("1A") == f"You have {first.ref}. Nobody else is called for it now."

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.held_by, second.held_by) == (chain.ada, None)
    assert first.timeline.get(kind="acknowledged").text == "Acknowledged by SMS."


@pytest.mark.parametrize("words", ["ack", "Ack ", "a", "1 a", "ack 1", "ack1", "TAKE"])
def test_a_bare_word_means_the_page_that_was_texted_last(chain, text, words):
    incident = texted(chain)

    assert text(words) == f"You have {incident.ref}. Nobody else is called for it now."


def test_1e_passes_the_page_on(chain, text):
    incident = texted(chain, 0)

    assert "next level" in text("1e")

    due.settle(due.database_now() + timedelta(milliseconds=1))
    assert len(paged(incident)) > 1


def test_1c_says_that_it_is_over(chain, text):
    incident = texted(chain)

    assert text("1c") == f"{incident.ref} is resolved. Name its root cause in Tocsin when you can."

    incident.refresh_from_db()
    assert (incident.status, incident.acknowledged_by) == ("resolved", chain.ada)


def test_1c_after_ones_own_1a_is_not_late(chain, text):
    incident = texted(chain)
    text("1a")

    assert "is resolved" in text("1c")

    incident.refresh_from_db()
    assert incident.status == "resolved"


def test_a_service_code_takes_all_of_the_service_that_the_phone_knew_of(chain, text, twilio):
    known = [texted(chain, title=f"Alert {number}") for number in range(4)]
    elsewhere = texted(chain, service=ServiceFactory(name="Search", team=chain.team))
    unknown = chain.declare(0, at=timezone.now() + timedelta(seconds=1))
    due.settle(due.database_now() + timedelta(seconds=2))

    assert "4 unacked of Checkout: 100aa takes all." in twilio.asked[3].form["Body"]
    assert text("100aa") == f"You have {', '.join(one.ref for one in known)}."

    for one in (*known, elsewhere, unknown):
        one.refresh_from_db()
    assert [one.held_by for one in known] == [chain.ada] * 4
    assert (elsewhere.held_by, unknown.held_by) == (None, None)
    assert text("100aa") == "Nothing of Checkout waits any more. Nothing was changed."


def at_once(chain, count):
    """So many incidents of one service, told to Ada in one message."""
    told = [chain.declare(0, at=timezone.now() - timedelta(seconds=1), title=f"Alert {each}") for each in range(count)]
    due.settle(due.database_now())
    sending.send_due(Channel.SMS, at=due.database_now())
    return told


def test_o20_four_of_one_service_are_one_message_and_one_reply_takes_all(chain, text, twilio):
    told = at_once(chain, 4)

    [asked] = twilio.asked
    assert asked.form["Body"].startswith("4 unacked on Checkout")
    assert asked.form["Body"].endswith("4 unacked of Checkout: 100aa takes all.")
    assert text("100aa") == f"You have {', '.join(one.ref for one in told)}."
    for one in told:
        one.refresh_from_db()
        assert one.held_by == chain.ada


def test_when_a_message_for_several_is_lost_each_of_them_looks_for_another_way(chain, text, twilio, client):
    chain.ada.contact_methods.exclude(channel__in=[Channel.SMS, Channel.IN_APP]).delete()
    told = at_once(chain, 3)
    Delivery.objects.filter(channel=Channel.IN_APP).delete()

    twilio.call_back(client, twilio.asked[0].form["StatusCallback"], {"MessageStatus": "undelivered"})

    fresh = Delivery.objects.filter(channel=Channel.IN_APP, person=chain.ada)
    assert {delivery.page.incident_id for delivery in fresh} == {one.pk for one in told}


def test_a_late_escalate_does_nothing_and_says_so(chain, text):
    incident = texted(chain)
    lifecycle.acknowledge(incident, by=chain.lea, at=timezone.now())

    assert text("1e") == f"Nobody waits for your answer on {incident.ref} any more. Nothing was changed."
    assert text("1c") == f"Your answer to {incident.ref} came late: Lea has it since that message. Nothing was changed."
    incident.refresh_from_db()
    assert incident.is_open


def test_an_answer_of_an_older_generation_ends_and_escalates_nothing(chain, text):
    incident = texted(chain)
    Escalation.objects.filter(incident=incident).update(generation=2)

    for words in ("1c", "1e"):
        assert "came late: it has moved on" in text(words)
    incident.refresh_from_db()
    assert (incident.held_by, incident.is_open) == (None, True)


def test_whoever_offers_to_take_what_nobody_has_gets_it_by_an_old_message_too(chain, text):
    incident = texted(chain, 1)
    grading.change_severity(
        incident, to=Severity.objects.get(level=0), reason="It is worse.", by=chain.lea, at=timezone.now()
    )

    assert text("1a") == f"You have {incident.ref}. Nobody else is called for it now."

    incident.refresh_from_db()
    assert incident.held_by == chain.ada


def test_o23_stop_switches_the_method_off_and_start_switches_all_of_the_number_on(chain, text, client):
    texted(chain)
    both = ContactMethod.objects.filter(user=chain.ada, address=NUMBER)

    assert text("STOP") == ""
    assert [(method.channel, method.disabled_why) for method in both.exclude(disabled_at=None)] == [("sms", "stop")]

    both.filter(channel=Channel.VOICE).update(disabled_at=timezone.now())
    assert "again" in text("start")
    assert not both.exclude(disabled_at=None).exists()


def test_o24_ten_nonsense_texts_get_five_answers_and_an_ack_starts_anew(chain, text):
    texted(chain)
    texted(chain)

    answers = [text(words) for words in ("hello", "1z", "77a", "888aa", "", "what", "?", "no", "please", "bye")]
    assert [bool(answer) for answer in answers] == [True] * 5 + [False] * 5

    assert "You have" in text("1a")
    assert text("hello")
    assert "You have" in text("2a")


def test_o26_a_stranger_gets_nothing_and_leaves_nothing(chain, text):
    texted(chain)

    for words in ("1a", "ack", "hello", "start", "stop"):
        assert text(words, "+4930123456") == ""
    assert not ReceivedText.objects.exists()


def test_o26_a_disabled_an_unverified_and_an_inactive_number_get_nothing(chain, text):
    incident = texted(chain)
    methods = ContactMethod.objects.filter(user=chain.ada, address=NUMBER)

    methods.update(disabled_at=timezone.now())
    assert text("1a") == ""
    methods.update(disabled_at=None, verified_at=None)
    assert text("1a") == ""
    methods.update(verified_at=timezone.now())
    chain.ada.is_active = False
    chain.ada.save()
    assert text("1a") == ""
    incident.refresh_from_db()
    assert incident.held_by is None


def test_a_text_that_the_provider_brings_twice_is_answered_alike_and_done_once(chain, text):
    incident = texted(chain)

    first = text("1a", sid="SMtwice")
    lines = incident.timeline.count()

    assert text("1a", sid="SMtwice") == first
    assert (incident.timeline.count(), ReceivedText.objects.count()) == (lines, 1)


def test_somebody_elses_phone_knows_none_of_my_codes(chain, text):
    texted(chain)
    chain.lea.contact_methods.create(channel=Channel.SMS, address="+4930123456", verified_at=timezone.now())

    assert text("1a", "+4930123456") == "Tocsin knows no page 1 on this phone."


def test_codes_go_round_and_a_repeated_message_keeps_its_own(chain, phone):
    incident = texted(chain)
    page = incident.pages.get(person=chain.ada)
    start = timezone.now()

    assert codes.of_page(page, NUMBER, at=start) == codes.of_page(page, NUMBER, at=start) == 1
    ReplyCode.objects.update(code=99)
    other = texted(chain).pages.get(person=chain.ada)
    assert codes.of_page(other, NUMBER, at=start + timedelta(seconds=1)) == 1


def test_a_viewer_of_the_answer_page_can_no_longer_answer_once_inactive(chain, client):
    incident = texted(chain)
    token = messages.token_of(incident.pages.get(person=chain.ada))
    chain.ada.is_active = False
    chain.ada.save()

    assert client.post(f"/a/{token}/", {"action": "take"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_nonsense_texts_at_once_count_as_two(transactional_chain):
    ada = transactional_chain.ada
    ada.contact_methods.filter(channel=Channel.SMS).update(address=NUMBER)
    for number in range(4):
        texting.receive(NUMBER, "hm", provider_id=f"SM{number}", at=timezone.now())
    answers, start = [], threading.Barrier(2)

    def send(sid):
        try:
            start.wait()
            answers.append(texting.receive(NUMBER, "hm", provider_id=sid, at=timezone.now()))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(sid,)) for sid in ("SMa", "SMb")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert sorted(map(bool, answers)) == [False, True]
    assert Delivery.objects.count() == 0
