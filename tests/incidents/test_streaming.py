"""Live news over the real server: who hears what, when, and what a reader who was away is told."""

import threading
import time
from datetime import timedelta

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from incidents import deciding, lifecycle, remedies, timeline
from incidents.models import Severity
from tests.factories import ServiceFactory, UserFactory
from tests.live import running_server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def base(database_url):
    with running_server(database_url) as base:
        yield base


def declare(**said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=1)} | said
    return lifecycle.declare(lifecycle.Declaration(**said), by=None, at=timezone.now() - timedelta(minutes=1))


def session_of(person):
    client = Client()
    client.force_login(person)
    return {name: morsel.value for name, morsel in client.cookies.items()}


class Listener(threading.Thread):
    """Reads a stream as a browser does: events with name, data and id."""

    def __init__(self, address, cookies, **headers):
        super().__init__(daemon=True)
        self.address, self.cookies, self.headers = address, cookies, headers
        self.events, self.status, self.open, self.ended = [], None, threading.Event(), threading.Event()
        self.start()
        assert self.open.wait(10)

    def run(self):
        event = {"data": []}
        with httpx.stream("GET", self.address, cookies=self.cookies, headers=self.headers, timeout=30) as answer:
            self.status = answer.status_code
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "" and value == "hello":
                    self.open.set()
                elif name == "data":
                    event["data"].append(value)
                elif name in {"event", "id"}:
                    event[name] = value
                elif line == "" and "event" in event:
                    self.events.append((event["event"], event.get("id"), "\n".join(event["data"]), time.monotonic()))
                    event = {"data": []}
        self.open.set()
        self.ended.set()

    def wait_for(self, name, text="", seconds=5):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in list(self.events):
                if event[0] == name and text in event[2]:
                    return event
            time.sleep(0.01)
        raise AssertionError(f"no {name} with {text!r} among {self.events}")


def test_r86_i24_an_entry_reaches_an_open_stream_at_once_with_its_number(base):
    incident, ada = declare(), UserFactory()
    listener = Listener(f"{base}/incidents/{incident.number}/stream", session_of(ada))

    entry = timeline.add(incident, kind="note", text="**look** here", by=ada, at=timezone.now())
    written = time.monotonic()
    name, number, html, heard = listener.wait_for("entry", "look")

    assert (name, number) == ("entry", str(entry.seq))
    assert "<strong>look</strong>" in html
    assert heard - written < 2


def test_a_deed_asks_the_room_to_refresh_and_a_note_does_not(base):
    incident, ada = declare(), UserFactory()
    listener = Listener(f"{base}/incidents/{incident.number}/stream", session_of(ada))

    timeline.add(incident, kind="note", text="only a note", by=ada, at=timezone.now())
    listener.wait_for("entry", "only a note")
    assert [event[0] for event in listener.events] == ["entry"]
    lifecycle.acknowledge(incident, by=ada, at=timezone.now())

    listener.wait_for("room")


def test_i23_a_decision_and_what_is_tried_reach_every_open_room(base):
    incident, ada = declare(), UserFactory()
    asked = deciding.ask(incident, "Fail over", by=ada, at=timezone.now())
    listener = Listener(f"{base}/incidents/{incident.number}/stream", session_of(ada))

    deciding.settle(incident, asked.pk, by=ada, at=timezone.now())
    listener.wait_for("entry", "Nobody objected strongly")
    listener.wait_for("room")
    remedies.start(incident, remedy="failover", text="Ledger to the standby", owner=ada, by=ada, at=timezone.now())

    listener.wait_for("entry", "Ledger to the standby")


@pytest.mark.parametrize("how", ["header", "address"])
def test_a_reader_who_was_away_is_told_what_they_missed(base, how):
    incident, ada = declare(), UserFactory()
    for number in range(3):
        timeline.add(incident, kind="note", text=f"missed {number}", by=ada, at=timezone.now())
    address = f"{base}/incidents/{incident.number}/stream"
    seen = str(incident.timeline_seq + 1)

    if how == "header":
        listener = Listener(f"{address}?since=0", session_of(ada), **{"Last-Event-ID": seen})
    else:
        listener = Listener(f"{address}?since={seen}", session_of(ada))
    listener.wait_for("entry", "missed 2")

    assert [event[1] for event in listener.events] == [str(int(seen) + 1), str(int(seen) + 2)]


def test_a_reader_who_missed_too_much_is_asked_to_reload(base):
    incident, ada = declare(), UserFactory()
    for number in range(205):
        timeline.add(incident, kind="note", text=f"missed {number}", by=ada, at=timezone.now())

    listener = Listener(f"{base}/incidents/{incident.number}/stream?since=1", session_of(ada))

    listener.wait_for("reload")
    assert [event[0] for event in listener.events] == ["reload"]


def test_strangers_and_those_without_a_part_in_a_private_incident_hear_nothing(base):
    incident = declare(private=True)
    address = f"{base}/incidents/{incident.number}/stream"

    assert httpx.get(address).status_code == 401
    assert httpx.get(address, cookies=session_of(UserFactory())).status_code == 404
    assert httpx.get(f"{base}/incidents/99999/stream", cookies=session_of(UserFactory())).status_code == 404
    assert httpx.post(address).status_code == 405


def test_a_stream_ends_when_the_incident_becomes_private_for_its_reader(base):
    incident, ada = declare(), UserFactory()
    listener = Listener(f"{base}/incidents/{incident.number}/stream", session_of(ada))
    type(incident).objects.filter(pk=incident.pk).update(private=True)

    timeline.add(incident, kind="note", text="secret", by=UserFactory(), at=timezone.now())

    assert listener.ended.wait(5)
    assert listener.events == []


def test_the_board_hears_of_incidents_that_one_may_see_and_of_no_others(base):
    ada = UserFactory()
    listener = Listener(f"{base}/stream", session_of(ada))

    declare(private=True)
    time.sleep(0.5)
    assert listener.events == []
    declare()

    listener.wait_for("board")


def test_after_the_listener_lost_its_database_every_reader_is_told_again(base):
    incident, ada = declare(), UserFactory()
    listener = Listener(f"{base}/incidents/{incident.number}/stream", session_of(ada))
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    timeline.add(incident, kind="note", text="said meanwhile", by=ada, at=timezone.now())

    listener.wait_for("entry", "said meanwhile", seconds=10)
