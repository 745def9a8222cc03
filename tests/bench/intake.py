"""How many events the door takes in a second, durably, beside what this machine's Postgres can commit.

``python -m tests.bench.intake`` starts a Postgres of its own (durable, as ``manage.py up`` runs it) and the real web
process on it. With DATABASE_URL set it makes a database of its own on that server instead and drops it at the end.
"""

import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

os.environ["TOCSIN_TESTING"] = "1"
os.environ.setdefault("SECRET_KEY", "a key for measuring alone, of which nobody need be afraid to read it here")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
NAME = "tocsin_bench_intake"


@contextmanager
def own_postgres() -> Iterator[str]:
    """A durable embedded Postgres that is gone afterwards; yields the address of its database."""
    from config.embedded import Postgres
    from config.programs import end, launch

    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        Path(folder).chmod(0o755)  # for the account of Postgres, where root starts it
        postgres = Postgres(Path(folder))
        program = postgres.prepare()
        process = launch(program)
        try:
            while not postgres.is_ready(process.pid):
                time.sleep(0.05)
            postgres.make_database()
            yield postgres.url()
        finally:
            end(process, with_signal=program.stop_signal, patience=20)


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """A database of our own on a server that was given."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME}")
        connection.execute(f"CREATE DATABASE {NAME}")
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{NAME}"))
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def ceiling(database_url: str, clients: int) -> float:
    """Committed single inserts a second into the same table by so many connections: what nobody can beat one by one."""
    done = [0] * clients
    stop = time.monotonic() + SECONDS
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_inserts (id bigserial PRIMARY KEY, body bytea)")

    def insert(place: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while time.monotonic() < stop:
                connection.execute("INSERT INTO bench_inserts (body) VALUES (%s)", [b"x" * 400])
                done[place] += 1

    threads = [threading.Thread(target=insert, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / SECONDS


class Client(asyncio.Protocol):
    """One keep-alive connection that sends the next event as soon as the last was answered."""

    def __init__(self, next_body, stop: float) -> None:
        self.next_body, self.stop = next_body, stop
        self.waits: list[float] = []
        self.refused = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._got = b""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        path, body = self.next_body()
        self._sent_at = time.monotonic()
        head = f"POST {path} HTTP/1.1\r\nHost: tocsin\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.transport.write(head.encode() + b"\r\n\r\n" + body)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        now = time.monotonic()
        self._got = b""
        if head.startswith(b"HTTP/1.1 202"):
            self.waits.append(now - self._sent_at)
        else:
            self.refused += 1
        if now < self.stop:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, error) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def load(address: str, clients: int, next_body) -> tuple[float, list[float], int]:
    """Send for a while; return the rate, the sorted waits in seconds, and how many were refused."""
    where = urlsplit(address)
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    made = [
        (await loop.create_connection(lambda: Client(next_body, began + SECONDS), where.hostname, where.port))[1]
        for _ in range(clients)
    ]
    await asyncio.gather(*(client.closed for client in made))
    waits = sorted(wait for client in made for wait in client.waits)
    return len(waits) / (time.monotonic() - began), waits, sum(client.refused for client in made)


def pagerduty_events(key: str, *, distinct: bool):
    numbers = count()

    def next_body() -> tuple[str, bytes]:
        dedup_key = f"db-{next(numbers)}" if distinct else "db-1"
        event = {
            "routing_key": key,
            "event_action": "trigger",
            "dedup_key": dedup_key,
            "payload": {
                "summary": f"Database {dedup_key} does not answer",
                "source": "db.example.com",
                "severity": "critical",
                "custom_details": {"load": "17.3", "region": "north"},
            },
        }
        return "/v2/enqueue", json.dumps(event).encode()

    return next_body


def alertmanager_posts(key: str):
    numbers = count()

    def next_body() -> tuple[str, bytes]:
        number = next(numbers)
        alert = {
            "status": "firing",
            "labels": {"alertname": "HighLatency", "instance": f"api-{number}", "severity": "critical", "job": "api"},
            "annotations": {"summary": f"Latency of api-{number} is high"},
            "startsAt": "2026-03-02T14:02:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph",
            "fingerprint": f"{number:016x}",
        }
        post = {
            "version": "4",
            "groupKey": f"{{}}:{number}",
            "truncatedAlerts": 0,
            "status": "firing",
            "alerts": [alert],
        }
        return f"/integrations/{key}/alertmanager", json.dumps(post).encode()

    return next_body


def measure(database_url: str) -> None:
    os.environ["DATABASE_URL"] = database_url
    os.environ["DATABASE_POOL"] = "0"
    import django

    django.setup()
    from django.core.management import call_command

    from incidents.models import Integration, RawEvent, Service, Team
    from tests.live import running_server

    call_command("migrate", verbosity=0)
    service = Service.objects.create(slug="bench", name="Bench", team=Team.objects.create(slug="bench", name="Bench"))
    keys = {
        kind: Integration.objects.create(service=service, kind=kind, name=kind).key
        for kind in ("pagerduty", "alertmanager")
    }
    rows = [("the ceiling: single committed inserts, 8 connections", ceiling(database_url, 8), [], 0)]
    runs = [
        ("distinct PagerDuty events, 8 clients", 8, pagerduty_events(keys["pagerduty"], distinct=True)),
        ("distinct PagerDuty events, 32 clients", 32, pagerduty_events(keys["pagerduty"], distinct=True)),
        ("distinct Alertmanager posts, 8 clients", 8, alertmanager_posts(keys["alertmanager"])),
        ("duplicates of one PagerDuty event, 8 clients", 8, pagerduty_events(keys["pagerduty"], distinct=False)),
    ]
    with running_server(database_url) as address:
        asyncio.run(load(address, 8, pagerduty_events(keys["pagerduty"], distinct=False)))  # to warm up
        taken = RawEvent.objects.count()
        for name, clients, next_body in runs:
            rate, waits, refused = asyncio.run(load(address, clients, next_body))
            rows.append((name, rate, waits, refused))
            taken += len(waits)
    stored = RawEvent.objects.count()
    tell(rows)
    print(f"\nstored {stored} of {taken} that were answered with 202{'' if stored == taken else ': SOME WERE LOST'}")


def tell(rows) -> None:
    print(f"{'intake, durable':54} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8} {'refused':>8}")
    for name, rate, waits, refused in rows:
        p50, p99 = (f"{waits[int(len(waits) * part)] * 1000:.1f}" if waits else "" for part in (0.5, 0.99))
        print(f"{name:54} {rate:10.0f} {p50:>8} {p99:>8} {refused if waits else '':>8}")


def main() -> None:
    given = os.environ.get("DATABASE_URL")
    with own_database(given) if given else own_postgres() as database_url:
        measure(database_url)


if __name__ == "__main__":
    sys.exit(main())
