"""Who watches the watcher: the canary, the dead man's address, readiness, the plain engine."""

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.management import call_command

from incidents import dead_man, due, pulse
from incidents.models import EngineBeat
from oncall import canary, sending
from oncall.models import Canary, Channel, Delivery, Page
from tests.oncall.conftest import START, make_chain

pytestmark = pytest.mark.django_db


@pytest.fixture
def watchman(settings):
    """The address that a dead man's switch asks; yields how often it was asked."""
    asked = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = HTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.DEAD_MAN_URL = f"http://127.0.0.1:{server.server_port}/alive"
    yield asked
    server.shutdown()
    server.server_close()


def ready(client):
    answer = client.get("/readyz")
    return answer.status_code, answer.json()["problem"]


def test_a_canary_flies_every_five_minutes_the_whole_way_of_a_page():
    due.settle(START)
    due.settle(START + timedelta(minutes=4))
    due.settle(START + timedelta(minutes=5, seconds=1))
    assert Canary.objects.count() == 2

    sending.send_due(Channel.CANARY, at=due.database_now())

    assert Delivery.objects.filter(canary__isnull=False).count() == 2


def test_a_canary_that_arrives_makes_ready_and_one_that_does_not_makes_alarm(client):
    due.tick(rung=True)
    assert ready(client) == (200, None)

    Canary.objects.update(sent_at=due.database_now() - timedelta(seconds=61))
    assert ready(client) == (503, "The last canary did not arrive: pages may not go out.")
    assert b"tocsin_canary_seconds +Inf" in client.get("/metrics").content

    sending.send_due(Channel.CANARY, at=due.database_now())
    assert Canary.objects.get().arrived_at is not None
    assert ready(client) == (200, None)


def test_an_engine_that_is_silent_or_late_is_told_in_seconds(client):
    due.tick(rung=True)
    EngineBeat.objects.update(ticked_at=due.database_now() - timedelta(seconds=42))
    status, problem = ready(client)
    assert status == 503
    assert problem.startswith("The paging engine has been silent for 42 s.")

    EngineBeat.objects.update(ticked_at=due.database_now(), oldest_due_seconds=31)
    assert ready(client) == (503, "The paging engine is 31 s late.")


def test_the_dead_mans_address_is_asked_once_a_minute_and_only_while_all_is_well(watchman):
    due.tick(rung=True)
    at = due.database_now()
    EngineBeat.objects.update(dead_man_at=None)
    assert dead_man.ring_due(at).bells == {dead_man.TASK}
    assert dead_man.ring_due(at + timedelta(seconds=59)).bells == set()
    assert dead_man.ring_due(at + timedelta(seconds=60)).bells == {dead_man.TASK}

    assert dead_man.ask()
    EngineBeat.objects.update(oldest_due_seconds=31)
    assert not dead_man.ask()
    assert pulse.troubles() == ["The paging engine is 31 s late."]

    assert watchman == ["/alive"]


def test_metrics_tell_backlog_lateness_and_deliveries(client):
    chain = make_chain()
    chain.declare(2, at=due.database_now())
    due.tick(rung=True)

    told = client.get("/metrics").content.decode()

    assert 'tocsin_deliveries{channel="email",state="pending"} 1.0' in told
    assert 'tocsin_due_backlog{source="deliveries"}' in told
    assert 'tocsin_lateness_seconds_bucket{le="+Inf"} 1.0' in told
    assert 'tocsin_escalations{state="active"} 1.0' in told


def test_a_tick_of_the_clockwork_returns_when_another_just_ran_and_a_rung_one_does_not():
    assert EngineBeat.objects.get().ticks == 0
    due.tick()
    due.tick()
    assert EngineBeat.objects.get().ticks == 1

    due.tick(rung=True)
    assert EngineBeat.objects.get().ticks == 2


@pytest.mark.django_db(transaction=True)
def test_the_plain_engine_pages_without_any_broker(settings):
    settings.SANDBOX, settings.CELERY_BROKER_URL = True, "redis://127.0.0.1:1/0"
    chain = make_chain()
    incident = chain.declare(2, at=due.database_now() - timedelta(seconds=1))

    call_command("engine", "--once")

    assert Page.objects.get(incident=incident).person == chain.ada
    assert set(Delivery.objects.filter(page__incident=incident).values_list("state", flat=True)) == {"delivered"}
    assert canary.seconds() < 60
