"""What is leased together is read together and recorded together."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents import due
from oncall import contacts, leasing, sending, tasks
from oncall.models import Attempt, Channel, Delivery, DeliveryState
from tests.oncall.outbox import reached_by
from tests.providers.server import Answer

pytestmark = pytest.mark.django_db


def shown_on_the_board(chain, count):
    """So many messages that wait for Ada, on a way where every page stands for itself."""
    chain.ada.contact_methods.all().delete()
    contacts.add(chain.ada, channel=Channel.IN_APP, address="the board", verified=True, at=due.database_now())
    for _ in range(count):
        chain.declare(2, at=due.database_now() - timedelta(seconds=1))
    due.settle(due.database_now())
    return Delivery.objects.filter(channel=Channel.IN_APP, person=chain.ada)


def statements_of_a_lease():
    leased = leasing.lease(Channel.IN_APP, at=due.database_now())
    with CaptureQueriesContext(connection) as asked:
        sending.send(leased, at=due.database_now())
    return len(leased), len(asked)


def test_a_lease_of_many_costs_as_many_statements_as_one_of_two(chain):
    shown_on_the_board(chain, 2)
    two, few = statements_of_a_lease()
    waiting = shown_on_the_board(chain, 12)
    twelve, many = statements_of_a_lease()

    assert (two, twelve) == (2, 12)
    assert many == few
    assert set(waiting.values_list("state", flat=True)) == {DeliveryState.DELIVERED}
    assert Attempt.objects.filter(delivery__channel=Channel.IN_APP).count() == 14


def test_a_message_whose_success_cannot_be_written_spoils_no_other(chain):
    waiting = shown_on_the_board(chain, 3).order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_attempt() RETURNS trigger AS $$ BEGIN RAISE 'not this one'; END $$ LANGUAGE plpgsql"
        )
        cursor.execute(
            "CREATE TRIGGER spoil BEFORE INSERT ON oncall_attempt FOR EACH ROW "
            f"WHEN (NEW.delivery_id = {waiting.first().pk}) EXECUTE FUNCTION refuse_attempt()"
        )

    sending.send_due(Channel.IN_APP, at=due.database_now())

    assert list(waiting.values_list("state", flat=True)) == ["sending", "delivered", "delivered"]


# --- Many at once, and a provider that hangs ----------------------------------------------------------------------


def paged_by_webhook(chain, provider, count):
    """So many open incidents, each of which pages Ada by webhook now."""
    reached_by(chain.ada, Channel.WEBHOOK, f"{provider.url}/hook")
    for _ in range(count):
        chain.declare(2, at=due.database_now() - timedelta(seconds=1))
    due.settle(due.database_now())


def test_the_messages_of_a_lease_go_out_beside_one_another(chain, provider):
    paged_by_webhook(chain, provider, leasing.CLAIM)
    provider.usual = lambda asked: Answer(silence=0.4)

    begun = time.monotonic()
    assert sending.send_due(Channel.WEBHOOK, at=due.database_now()) == leasing.CLAIM

    assert time.monotonic() - begun < 0.4 * leasing.CLAIM / 2
    assert Delivery.objects.filter(channel=Channel.WEBHOOK, state=DeliveryState.DELIVERED).count() == leasing.CLAIM


def test_one_message_that_fails_leaves_those_beside_it_alone(chain, provider):
    paged_by_webhook(chain, provider, 3)
    provider.answers = [Answer(410)]

    sending.send_due(Channel.WEBHOOK, at=due.database_now())

    states = Delivery.objects.filter(channel=Channel.WEBHOOK).order_by("state").values_list("state", flat=True)
    assert sorted(states) == ["delivered", "delivered", "failed"]


def test_a_channel_whose_hands_are_all_busy_keeps_no_thread(chain, provider):
    paged_by_webhook(chain, provider, 1)
    hands = [tasks._of_channel[Channel.WEBHOOK] for _ in range(tasks.HANDS)]
    for hand in hands:
        hand.acquire()
    try:
        tasks.deliver(channel=Channel.WEBHOOK)
        assert not provider.asked
    finally:
        for hand in hands:
            hand.release()

    tasks.deliver(channel=Channel.WEBHOOK)

    assert len(provider.asked) == 1
    assert tasks.HANDS * 2 <= tasks.HANDS_OF_ALL
