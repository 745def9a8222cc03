"""kill -9 of a worker between the provider's yes and our commit: the message comes again, once, and says so."""

import tempfile
import time
from pathlib import Path

import pytest
from django.utils import timezone

from oncall import contacts
from oncall.models import Attempt, Channel, Delivery, DeliveryState
from tests.engine import running
from tests.oncall.conftest import make_chain
from tests.providers.server import Provider

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKER = (
    "-m tests.chaos.hands worker -P threads -c 4 -l ERROR -Q engine,delivery,bulk --without-gossip --without-mingle"
)


def wait_until(reached, seconds=70):
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def test_o55_a_worker_killed_between_provider_and_commit_repeats_the_message_once(broker, broker_url, database_url):
    chain = make_chain()
    provider = Provider()
    for person in (chain.ada, chain.lea, chain.dan, chain.eve, chain.eli):
        person.contact_methods.all().delete()
    contacts.add(chain.ada, channel=Channel.WEBHOOK, address=f"{provider.url}/ada", verified=True, at=timezone.now())
    told = {
        "DATABASE_URL": database_url,
        "CELERY_BROKER_URL": broker_url,
        "DATABASE_POOL": "0",
        "DOORBELL": "1",
        "PRIVATE_ADDRESSES": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        beat = f"-m celery -A config beat -s {folder}/beat -l ERROR".split()
        armed = Path(folder, "arm-after-provider-0")
        armed.touch()
        with running(beat, **told):
            with running(WORKER.split(), **told, DATA_DIR=folder) as worker:
                incident = chain.declare(2, at=timezone.now())
                worker.wait(timeout=60)  # it died at the armed point
            assert not armed.exists()
            assert Delivery.objects.get(page__incident=incident).state == DeliveryState.SENDING
            with running(WORKER.split(), **told, DATA_DIR=folder):
                sent = Delivery.objects.filter(page__incident=incident, state=DeliveryState.DELIVERED)
                wait_until(sent.exists)
    provider.close()

    keys = [asked.headers["Idempotency-Key"] for asked in provider.asked]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    tries = Attempt.objects.filter(delivery__page__incident=incident).order_by("pk").values_list("number", "outcome")
    assert list(tries) == [(1, "lease expired"), (2, "delivered")]
    assert incident.timeline.filter(text="Webhook to Ada, try 2: delivered.").exists()
