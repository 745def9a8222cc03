"""Celery workers run the escalation timers (R-83)."""

import time

import pytest
from django.utils import timezone

from incidents.models import EngineBeat
from oncall.models import Delivery, DeliveryState, Page
from tests.engine import running_engine
from tests.oncall.conftest import make_chain

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def wait_until(reached, seconds=30):
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_r83_a_worker_and_beat_alone_fire_a_ladder_on_time(broker, broker_url, database_url):
    chain = make_chain()
    with running_engine(database_url, broker_url):
        wait_until(lambda: EngineBeat.objects.get().ticked_at is not None)
        declared_at = timezone.now()
        chain.declare(1, at=declared_at, kind="drill", time_scale=100)  # lead after 3 s, director after 18 s

        wait_until(lambda: Page.objects.filter(level=2).exists())

    pages = Page.objects.order_by("level").values_list("level", "created_at")
    late = {level: (created_at - declared_at).total_seconds() for level, created_at in pages}
    assert late[1] < 2.5
    assert 3 <= late[2] < 5.5
    assert Delivery.objects.filter(page__level=1, state=DeliveryState.DELIVERED).count() == 4


def test_o56_a_broker_that_is_emptied_loses_nothing(broker, broker_url, database_url):
    chain = make_chain()
    with running_engine(database_url, broker_url, beat=False):
        for _ in range(20):
            chain.declare(2, at=timezone.now())
        broker.flushdb()
    with running_engine(database_url, broker_url):
        wait_until(lambda: Page.objects.count() == 20)

    assert Page.objects.count() == 20
