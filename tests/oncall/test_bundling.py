"""Throttles of a destination and messages that carry several pages: SCENARIOS “Personal rules” (O20), I14."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents import due, lifecycle
from incidents.models import Incident, Severity
from oncall import messages, sending, throttling
from oncall.channels.contract import DeliveryError
from oncall.models import Bucket, Channel, Delivery, DeliveryState, Page, SandboxMessage
from tests.factories import ScheduleFactory, ServiceFactory, TeamFactory
from tests.oncall.conftest import START, reachable
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db
STATES = DeliveryState


@pytest.fixture
def sandbox(settings):
    settings.SANDBOX = True


def storm(chain, count, level=2, **said):
    at = timezone.now() - timedelta(seconds=1)
    incidents = [chain.declare(level, at=at, title=f"number {number}", **said) for number in range(count)]
    due.settle(due.database_now())
    return incidents


def send(channel, **later):
    return sending.send_due(channel, at=due.database_now() + timedelta(**later))


def to(person, channel=Channel.CHAT):
    return Delivery.objects.filter(person=person, channel=channel, page__act="page").order_by("pk")


def test_o20_four_alerts_of_one_service_for_one_phone_are_one_message_and_one_answer(chain, sandbox, client):
    incidents = storm(chain, 4)

    send(Channel.CHAT)

    [message] = SandboxMessage.objects.filter(channel=Channel.CHAT, person=chain.ada)
    assert message.text.startswith("4 unacked on Checkout: ")
    assert all(incident.ref in message.text for incident in incidents)
    assert sorted(to(chain.ada).values_list("state", flat=True)) == ["bundled"] * 3 + ["delivered"]
    carrier = to(chain.ada).get(state="delivered")
    assert set(to(chain.ada).filter(state="bundled").values_list("bundled_into", flat=True)) == {carrier.pk}

    address = reverse("oncall:answer", args=[messages.token_of(carrier.page)])
    assert "Take all 4 of Checkout" in words(client.get(address))
    client.post(address, {"action": "take-all"})

    assert set(Incident.objects.values_list("held_by", flat=True)) == {chain.ada.pk}


def test_o20_taking_one_of_a_bundle_leaves_the_others_to_be_answered(chain, sandbox, client):
    storm(chain, 3)
    send(Channel.CHAT)
    page = to(chain.ada).get(state="delivered").page
    address = reverse("oncall:answer", args=[messages.token_of(page)])

    client.post(address, {"action": "take"})

    assert Incident.objects.filter(held_by=chain.ada).count() == 1


def test_a_message_of_more_than_one_lease_is_still_one(chain, sandbox):
    storm(chain, 15)

    send(Channel.CHAT)

    [message] = SandboxMessage.objects.filter(channel=Channel.CHAT, person=chain.ada)
    assert message.text.startswith("15 unacked on Checkout: ")
    assert "10 more" in message.text


def test_other_services_other_people_and_drills_are_not_bundled(chain, sandbox):
    team = TeamFactory()
    ScheduleFactory(team=team, people=[chain.ada])
    storm(chain, 1)
    storm(chain, 1, service=ServiceFactory(team=team))
    storm(chain, 1, kind="drill")

    send(Channel.CHAT)

    assert SandboxMessage.objects.filter(channel=Channel.CHAT).count() == 3


def test_what_a_failed_message_carried_waits_and_goes_out_later(chain, sandbox, monkeypatch):
    from oncall.channels.sandbox import SandboxTransport

    storm(chain, 3)
    good = SandboxTransport.send

    def fail(self, message):
        raise DeliveryError("not now", permanent=False)

    monkeypatch.setattr(SandboxTransport, "send", fail)
    send(Channel.CHAT)
    assert set(to(chain.ada).values_list("state", flat=True)) == {"pending"}
    assert not SandboxMessage.objects.exists()

    monkeypatch.setattr(SandboxTransport, "send", good)
    send(Channel.CHAT, seconds=16)

    assert SandboxMessage.objects.filter(channel=Channel.CHAT).count() == 1
    assert sorted(to(chain.ada).values_list("state", flat=True)) == ["bundled"] * 2 + ["delivered"]


def test_what_was_answered_meanwhile_is_not_named(chain, sandbox):
    _, second, _ = storm(chain, 3)
    lifecycle.acknowledge(second, by=chain.lea, at=timezone.now())

    send(Channel.CHAT)

    [message] = SandboxMessage.objects.filter(channel=Channel.CHAT, person=chain.ada)
    assert message.text.startswith("2 unacked on Checkout: ")
    assert second.ref not in message.text


def drain(channel, count, *, must=False, at=START):
    """When each of so many messages to one destination may go: None = at once."""
    return [throttling.take(channel, "+49151", at=at, must=must) for _ in range(count)]


@pytest.mark.parametrize(("channel", "short", "long"), [("voice", 3, 7), ("sms", 5, 11)])
def test_a_destination_has_so_many_messages_in_a_quarter_of_an_hour_and_in_an_hour(db, channel, short, long):
    assert drain(channel, short + 1)[:short] == [None] * short
    held = drain(channel, 1)[0]
    assert held - START == pytest.approx(timedelta(minutes=15) / short, abs=timedelta(seconds=1))
    assert drain(channel, 1, at=held) == [None]

    sent = sum(
        throttling.take(channel, "+1555", at=START + timedelta(minutes=minute), must=False) is None
        for minute in range(60)
        for _ in range(3)
    )
    assert long <= sent <= 2 * long


def test_other_channels_and_other_destinations_are_not_throttled(db):
    drain("voice", 4)

    assert [throttling.take("voice", "+1555", at=START, must=False)] == [None]
    assert drain("email", 50) == [None] * 50


def test_i14_no_throttle_delays_a_first_page_or_a_p0(chain, sandbox):
    Bucket.objects.create(channel="sms", address="ada-sms@example.com", short=0, long=0, filled_at=timezone.now())
    chain.ada.contact_methods.filter(channel="sms").update(address="ada-sms@example.com")
    storm(chain, 1, level=0)
    storm(chain, 1, level=1)

    send(Channel.SMS)

    assert set(to(chain.ada, Channel.SMS).values_list("state", flat=True)) <= {"delivered", "bundled"}


def test_a_later_page_is_held_visibly_and_goes_out_when_there_is_a_token(chain, sandbox):
    [incident] = storm(chain, 1, level=1)
    send(Channel.SMS)
    method = chain.ada.contact_methods.get(channel="sms")
    Bucket.objects.update(short=0, long=5)
    page = Page.objects.get(incident=incident, person=chain.ada)
    Delivery.objects.create(
        page=page,
        person=chain.ada,
        method=method,
        channel=method.channel,
        address=method.address,
        dedupe_key="later",
        priority=6,
        created_at=timezone.now(),
        not_before=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=2),
    )

    send(Channel.SMS)

    held = Delivery.objects.get(dedupe_key="later")
    assert (held.state, held.attempts, held.lease) == ("pending", 0, None)
    assert held.error.startswith("held until ")
    assert held.not_before > timezone.now() + timedelta(minutes=2)
    assert send(Channel.SMS) == 0
    send(Channel.SMS, minutes=4)
    held.refresh_from_db()
    assert held.state == "delivered"


def test_a_way_that_fails_brings_forward_what_a_rule_puts_off(chain, sandbox, monkeypatch):
    from oncall import wishing
    from oncall.channels.sandbox import SandboxTransport

    wishing.set_rules(chain.ada, [("page_now", "chat", timedelta(0)), ("page_now", "sms", timedelta(minutes=30))])
    storm(chain, 1)

    def fail(self, message):
        raise DeliveryError("no such handle", permanent=True)

    monkeypatch.setattr(SandboxTransport, "send", fail)
    send(Channel.CHAT)

    later = to(chain.ada, Channel.SMS).get()
    assert later.not_before <= due.database_now()


def test_300_alerts_of_one_service_never_delay_the_page_of_another(chain, sandbox):
    severity = Severity.objects.get(level=2)
    at = timezone.now() - timedelta(seconds=1)
    for number in range(300):
        said = lifecycle.Declaration(title=f"storm {number}", service=chain.service, severity=severity)
        lifecycle.declare(said, by=None, at=at)
    team = TeamFactory()
    ScheduleFactory(team=team, people=[reachable("Otto")])
    other = chain.declare(2, service=ServiceFactory(team=team), title="alone", at=at)
    due.settle(due.database_now())

    send(Channel.CHAT)

    assert to_states(other) == {"delivered"}


def to_states(incident):
    rows = Delivery.objects.filter(page__incident=incident, channel=Channel.CHAT)
    return set(rows.values_list("state", flat=True))
