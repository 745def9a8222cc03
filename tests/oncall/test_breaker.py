"""A provider that keeps failing is left alone for a minute, by all workers, and another way is used."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import due
from oncall import breaker, sending
from oncall.channels import transport_for
from oncall.models import Channel, Delivery, DeliveryState, Provider
from tests.oncall.conftest import START, only_ada, story
from tests.providers.twilio import refusal

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def fail(times, at=START):
    for _ in range(times):
        breaker.failed("twilio", "Twilio said 500", at)


def test_the_fifth_failure_in_a_row_opens_it_for_a_minute():
    fail(4)
    assert breaker.rests_until("twilio", START) is None

    fail(1)

    assert breaker.rests_until("twilio", START + 59 * SECOND) == START + 60 * SECOND
    assert breaker.rests_until("twilio", START + 60 * SECOND) is None
    assert breaker.rests_until("smtp", START) is None


def test_after_the_minute_one_failure_is_enough_and_one_success_forgives():
    fail(5)
    later = START + timedelta(minutes=2)

    fail(1, later)
    assert breaker.rests_until("twilio", later + SECOND) == later + 60 * SECOND

    breaker.worked("twilio", later + timedelta(minutes=2))
    fail(4, later + timedelta(minutes=3))
    assert breaker.rests_until("twilio", later + timedelta(minutes=3)) is None


def test_a_success_is_written_once_a_minute_at_most(django_assert_num_queries):
    breaker.worked("twilio", START)
    breaker.worked("twilio", START + 30 * SECOND)
    assert Provider.objects.get().worked_at == START

    breaker.worked("twilio", START + 61 * SECOND)
    assert Provider.objects.get().worked_at == START + 61 * SECOND
    with django_assert_num_queries(0):
        breaker.worked("", START)
        breaker.rests_until("", START)


def paged(chain):
    incident = chain.declare(0, at=timezone.now() - SECOND)
    due.settle(due.database_now())
    return incident


def test_while_it_rests_nobody_asks_it_and_the_next_channel_is_used(chain, phone, twilio):
    only_ada(chain)
    incident = paged(chain)
    fail(5, due.database_now())

    sending.send_due(Channel.SMS, at=due.database_now())

    assert twilio.asked == []
    delivery = Delivery.objects.get(person=chain.ada, channel=Channel.SMS)
    assert delivery.state == DeliveryState.FAILED
    assert any("twilio keeps failing and is left alone until" in line for line in story(incident))


def test_the_only_way_to_a_person_waits_for_its_provider(chain, phone, twilio):
    only_ada(chain)
    chain.ada.contact_methods.exclude(channel=Channel.SMS).delete()
    paged(chain)
    fail(5, due.database_now())

    sending.send_due(Channel.SMS, at=due.database_now())
    delivery = Delivery.objects.get(person=chain.ada, channel=Channel.SMS)
    assert (delivery.state, delivery.attempts) == (DeliveryState.PENDING, 0)

    sending.send_due(Channel.SMS, at=due.database_now() + 61 * SECOND)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.ACCEPTED, 1)


def test_five_people_who_cannot_be_texted_spare_the_sixth_the_wait(chain, twilio):
    team = (chain.ada, chain.lea, chain.eli, chain.dan, chain.eve)
    for number, person in enumerate(team):
        person.contact_methods.filter(channel=Channel.SMS).update(address=f"+4915100000{number}")
    paged(chain)
    twilio.answers = [refusal(503, 20503, "away")] * 10

    sending.send_due(Channel.SMS, at=due.database_now())
    assert len(twilio.asked) == 5

    sending.send_due(Channel.SMS, at=due.database_now() + 20 * SECOND)
    assert len(twilio.asked) == 5  # it rests


def test_a_refused_account_counts_and_a_refused_number_does_not(chain, phone, twilio):
    only_ada(chain)
    paged(chain)
    twilio.answers = [refusal(400, 21211, "no such number")]
    sending.send_due(Channel.SMS, at=due.database_now())
    assert Provider.objects.get(name="twilio").failures == 0

    twilio.answers = [refusal(401, 20003, "Authenticate")]
    sending.send_due(Channel.VOICE, at=due.database_now())
    assert Provider.objects.get(name="twilio").failures == 1


def test_one_broken_webhook_does_not_rest_the_others():
    assert transport_for("webhook", "http://one.example/x").provider == "webhook one.example"
    assert transport_for("webhook", "http://two.example/x").provider == "webhook two.example"
