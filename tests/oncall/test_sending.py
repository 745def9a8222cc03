"""The outbox: leases, retries, expiry, another way, and mail over the real protocol."""

import re
import socket
import threading
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from django.db import connection
from django.utils import timezone

from incidents import due, lifecycle
from incidents.models import Notice
from oncall import leasing, paging, sending
from oncall.models import Attempt, Channel, ContactMethod, Delivery, DeliveryState, Page, SandboxMessage
from tests.oncall.conftest import paged, story

pytestmark = pytest.mark.django_db


class Mailbox:
    """A mail server that keeps what it gets and answers as it is told."""

    def __init__(self):
        self.mails = []
        self.answers = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (the library's name)
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.mails.append(envelope)
        return answer


@pytest.fixture
def mailbox(settings):
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield box
    controller.stop()


@pytest.fixture
def sandbox(settings):
    settings.SANDBOX = True


def declared(chain, level=2, **said):
    """An incident whose first page is written and due."""
    incident = chain.declare(level, at=timezone.now() - timedelta(seconds=1), **said)
    due.settle(due.database_now())
    return incident


def send(channel, **later):
    return sending.send_due(channel, at=due.database_now() + timedelta(**later))


def test_a_page_goes_out_as_mail_over_smtp_with_a_link_that_answers(chain, mailbox, client):
    incident = declared(chain, title="Card payments fail")

    send(Channel.EMAIL)

    [mail] = mailbox.mails
    text = mail.content.decode()
    assert mail.rcpt_tos == ["Ada-email@example.com".lower()]
    assert f"Subject: P2 Major: Card payments fail ({incident.ref})" in text
    assert "You are told because: on call, Payments weekly, Primary." in text
    assert re.search(r"http://127\.0\.0\.1:\d+/a/\S+/", text)
    delivery = Delivery.objects.get(channel=Channel.EMAIL)
    assert (delivery.state, delivery.attempts, delivery.lease) == (DeliveryState.ACCEPTED, 1, None)
    assert "E-mail to Ada: accepted." in incident.timeline.values_list("text", flat=True)


def test_a_drill_says_drill_in_the_subject(chain, mailbox):
    declared(chain, kind="drill")

    send(Channel.EMAIL)

    assert "Subject: [DRILL] P2 Major" in mailbox.mails[0].content.decode()


def test_a_temporary_refusal_is_tried_again_after_fifteen_seconds_with_the_same_message_id(chain, mailbox):
    declared(chain)
    mailbox.answers = ["451 greylisted"]
    send(Channel.EMAIL)
    delivery = Delivery.objects.get(channel=Channel.EMAIL)
    assert (delivery.state, delivery.error) == (DeliveryState.PENDING, "the mail server said 451 greylisted")

    assert send(Channel.EMAIL, seconds=14) == 0
    assert send(Channel.EMAIL, seconds=16) == 1

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.ACCEPTED, 2)
    assert list(Attempt.objects.order_by("pk").values_list("outcome", flat=True)) == ["temporary", "accepted"]
    assert f"Message-ID: <page-{delivery.page_id}-{delivery.method_id}-1@tocsin>" in mailbox.mails[0].content.decode()


def test_a_permanent_refusal_turns_to_the_persons_next_method_at_once(chain, mailbox, sandbox):
    chain.ada.contact_methods.exclude(channel__in=[Channel.EMAIL, Channel.SMS]).delete()
    incident = declared(chain)
    mailbox.answers = ["550 no such person"]

    send(Channel.EMAIL)

    fresh = Delivery.objects.get(channel=Channel.SMS)  # not among the ways of a P2, but better than silence
    assert fresh.state == DeliveryState.PENDING
    assert "E-mail to Ada failed: the mail server said 550 no such person." in incident.timeline.values_list(
        "text", flat=True
    )


def test_when_every_method_of_a_person_fails_the_next_level_is_paged_at_once(chain, mailbox):
    chain.ada.contact_methods.exclude(channel=Channel.EMAIL).delete()
    incident = declared(chain)
    mailbox.answers = ["550 no such person"]

    send(Channel.EMAIL)
    due.settle(due.database_now())

    assert paged(incident) == ["Ada", "Lea"]


def test_a_mail_server_that_is_away_is_a_temporary_failure(chain, settings):
    settings.EMAIL_CONFIGURED, settings.EMAIL_HOST, settings.EMAIL_PORT = True, "127.0.0.1", 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    declared(chain)

    send(Channel.EMAIL)

    delivery = Delivery.objects.get(channel=Channel.EMAIL)
    assert delivery.state == DeliveryState.PENDING
    assert "could not be reached" in delivery.error


def test_without_a_provider_the_sandbox_shows_what_the_phone_would_have_received(chain, sandbox):
    incident = declared(chain, 0)

    for channel in (Channel.VOICE, Channel.SMS, Channel.CHAT, Channel.EMAIL):
        send(channel)

    shown = SandboxMessage.objects.filter(person=chain.ada).values_list("channel", flat=True)
    assert sorted(shown) == ["chat", "email", "sms", "voice"]
    assert set(Delivery.objects.filter(person=chain.ada).values_list("state", flat=True)) == {DeliveryState.DELIVERED}
    assert incident.ref in SandboxMessage.objects.filter(channel="sms").first().text


def test_without_provider_and_sandbox_a_message_fails_aloud(chain, settings):
    settings.SANDBOX = False
    incident = declared(chain)

    send(Channel.CHAT)

    assert "Chat to Ada failed: no provider for Chat is set up." in incident.timeline.values_list("text", flat=True)


def test_i12_a_lease_that_ran_out_is_taken_again_and_leaves_a_trace(chain, sandbox):
    declared(chain)
    [lost] = leasing.lease(Channel.EMAIL, at=due.database_now())

    assert send(Channel.EMAIL, seconds=29) == 0
    assert send(Channel.EMAIL, seconds=31) == 1

    lost.refresh_from_db()
    assert (lost.state, lost.attempts) == (DeliveryState.DELIVERED, 2)
    assert list(Attempt.objects.order_by("pk").values_list("outcome", flat=True)) == ["lease expired", "delivered"]


def test_a_sender_whose_lease_was_taken_over_changes_nothing(chain, sandbox):
    declared(chain)
    [late] = leasing.lease(Channel.EMAIL, at=due.database_now())
    [current] = leasing.lease(Channel.EMAIL, at=due.database_now() + timedelta(seconds=31))

    sending.send([late], at=due.database_now())

    current.refresh_from_db()
    assert current.state == DeliveryState.SENDING


def test_what_is_answered_before_it_was_sent_is_not_sent(chain, sandbox):
    incident = declared(chain)
    [leased] = leasing.lease(Channel.EMAIL, at=due.database_now())
    lifecycle.acknowledge(incident, by=chain.ada, at=timezone.now())

    sending.send([leased], at=due.database_now())

    leased.refresh_from_db()
    assert (leased.state, leased.error) == (DeliveryState.CANCELLED, "no longer wanted")
    assert not SandboxMessage.objects.exists()


def test_o31_a_method_disabled_after_queueing_fails_visibly(chain, sandbox):
    incident = declared(chain)
    ContactMethod.objects.filter(user=chain.ada, channel=Channel.EMAIL).update(disabled_at=timezone.now())

    send(Channel.EMAIL)

    texts = incident.timeline.values_list("text", flat=True)
    assert "E-mail to Ada failed: the contact method is gone, disabled or not verified." in texts


def test_i11_who_was_deactivated_between_level_and_send_is_not_contacted_and_the_next_level_is_paged_at_once(
    chain, sandbox
):
    incident = declared(chain)
    chain.ada.is_active = False
    chain.ada.save()

    send(Channel.EMAIL)
    due.settle(due.database_now())

    assert not SandboxMessage.objects.exists()
    assert "E-mail to Ada was not sent: the person is no longer active." in story(incident)
    assert paged(incident) == ["Ada", "Lea"]


def test_who_was_deactivated_after_somebody_took_it_brings_nobody_else_in(chain, sandbox):
    incident = declared(chain)
    lifecycle.acknowledge(incident, by=chain.lea, at=timezone.now())
    Delivery.objects.filter(person=chain.ada).update(state=DeliveryState.PENDING)
    chain.ada.is_active = False
    chain.ada.save()

    send(Channel.EMAIL)
    due.settle(due.database_now())

    assert paged(incident) == ["Ada"]


def test_what_could_not_go_out_in_time_expires_visibly(chain):
    incident = declared(chain)

    due.settle(due.database_now() + timedelta(minutes=31))

    assert Delivery.objects.filter(page__level=1, page__loop=0).exclude(state=DeliveryState.FAILED).count() == 0
    assert "E-mail to Ada expired: it could not go out in time." in incident.timeline.values_list("text", flat=True)


def test_a_notice_of_any_floor_is_delivered_once(chain, sandbox):
    Notice.objects.create(
        person=chain.lea,
        subject="A shift moved",
        text="Yours is later.",
        channels=["email"],
        due_at=timezone.now(),
        dedupe_key="x",
    )
    due.settle(due.database_now())
    due.settle(due.database_now())

    send(Channel.EMAIL)

    [message] = SandboxMessage.objects.all()
    assert (message.person, message.subject) == (chain.lea, "A shift moved")


def test_the_bells_name_each_channel_that_has_something_to_send(chain):
    declared(chain)

    bells = paging.bells(due.database_now()).bells

    assert bells == {paging.bell("canary"), paging.bell("chat"), paging.bell("email")}


@pytest.mark.django_db(transaction=True)
def test_of_two_senders_at_once_each_delivery_goes_to_one(transactional_chain, settings):
    settings.SANDBOX = True
    declared(transactional_chain, 0)
    taken, start = [], threading.Barrier(2)

    def take():
        try:
            start.wait()
            taken.extend(row.pk for row in leasing.lease(Channel.SMS, at=due.database_now()))
        finally:
            connection.close()

    senders = [threading.Thread(target=take) for _ in range(2)]
    [sender.start() for sender in senders]
    [sender.join() for sender in senders]

    assert len(taken) == len(set(taken)) == Delivery.objects.filter(channel=Channel.SMS).count()
    assert Page.objects.count() == 5
