"""All measures, one table after the other: ``python -m tests.bench`` (some ten minutes; BENCH_SECONDS
and BENCH_HISTORY shorten it).

Timings never decide a test; compare them as ratios within one run, this machine may be noisy.
"""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import time
from datetime import timedelta

from tests.bench.coverage import coverage
from tests.bench.flow import flow
from tests.bench.library import library
from tests.bench.listing import listing
from tests.bench.product import quantile, running_product, session_cookie

INCIDENTS = 200
MINUTE = float(os.environ.get("BENCH_MINUTE", "60"))  # seconds over which the incidents open
STREAMS = 500
ENTRIES = 100


def main() -> None:
    print("== Intake", flush=True)
    subprocess.run([sys.executable, "-m", "tests.bench.intake"], check=True)
    print("\n== The engine: a herd of escalations, an idle tick, a long past", flush=True)
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.bench.herd"], check=True)
    with running_product() as base:
        import django

        django.setup()
        print("\n== Paging: alert accepted -> page handed to the channel", flush=True)
        paging(base)
        print("\n== Paging: many at once, through workers and providers", flush=True)
        flow(base)
        print("\n== Live: a timeline entry -> seen by another browser", flush=True)
        live(base)
        print("\n== Pages: queries, and milliseconds of the view", flush=True)
        pages()
        print("\n== The list: 100,000 incidents, a million timeline entries", flush=True)
        listing()
        print("\n== The library: 10,000 postmortems", flush=True)
        library()
        print("\n== Who is on call", flush=True)
        rosters()
        print("\n== Coverage: does every path reach a verified human", flush=True)
        coverage()


def organisation(teams: int):
    """Teams with one person on call each, one service and one integration each; returns the keys."""
    from django.utils import timezone

    from incidents.models import Integration, Membership, Service, Team, User
    from oncall.models import ContactMethod, Layer, LayerPerson, Schedule

    keys = []
    for number in range(teams):
        team = Team.objects.create(slug=f"team-{number}", name=f"Team {number}")
        person = User.objects.create(email=f"p{number}@example.com", name=f"Person {number}")
        Membership.objects.create(team=team, user=person)
        for channel in ("chat", "email"):
            ContactMethod.objects.create(user=person, channel=channel, address=f"p{number}", verified_at=timezone.now())
        schedule = Schedule.objects.create(slug=f"s-{number}", name=f"Schedule {number}", team=team)
        layer = Layer.objects.create(schedule=schedule, name="primary", anchor="2026-01-05T09:00")
        LayerPerson.objects.create(layer=layer, slot=1, user=person)
        service = Service.objects.create(slug=f"service-{number}", name=f"Service {number}", team=team)
        keys.append(Integration.objects.create(service=service, kind="pagerduty", name="bench").key)
    return keys


def paging(base: str) -> None:
    """200 incidents opened in a minute; each one's first page, from the accepted event to the transport's yes."""
    from django.db.models import F, Min

    from incidents.models import Incident
    from oncall.models import Delivery

    keys = organisation(20)
    connection = http.client.HTTPConnection(base.removeprefix("http://"))
    began = time.monotonic()
    for number in range(INCIDENTS):
        time.sleep(max(0.0, began + number * MINUTE / INCIDENTS - time.monotonic()))
        payload = {"summary": f"Thing {number} fails", "source": "bench", "severity": "error"}
        event = {
            "routing_key": keys[number % 20],
            "event_action": "trigger",
            "dedup_key": f"k{number}",
            "payload": payload,
        }
        connection.request("POST", "/v2/enqueue", json.dumps(event), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
    deadline = time.monotonic() + 60
    sent = Delivery.objects.filter(sent_at__isnull=False, page__act="page")
    while sent.values("page__incident").distinct().count() < INCIDENTS and time.monotonic() < deadline:
        time.sleep(0.2)
    rows = Incident.objects.filter(pages__deliveries__sent_at__isnull=False)
    rows = rows.annotate(first=Min("pages__deliveries__sent_at"), accepted=F("detected_at"))
    waits = [(row.first - row.accepted).total_seconds() for row in rows]
    print(
        f"{INCIDENTS} incidents in {MINUTE:.0f} s: paged {len(waits)}, p50 {quantile(waits, 0.5):.3f} s, "
        f"p99 {quantile(waits, 0.99):.3f} s, worst {max(waits):.3f} s"
    )


def live(base: str) -> None:
    """500 open streams on the one web process; each entry's way to each of them."""
    from django.utils import timezone

    from incidents import timeline
    from incidents.models import Incident, User

    incident, person = Incident.objects.latest("pk"), User.objects.earliest("pk")
    cookie = session_cookie(person)

    async def measure() -> tuple[list[float], int]:
        waits: list[float] = []
        written: dict[str, float] = {}
        open_now, broken = 0, 0
        everyone = asyncio.Event()

        async def read() -> None:
            nonlocal open_now, broken
            host, port = base.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                f"GET /incidents/{incident.number}/stream HTTP/1.1\r\n"
                f"Host: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
            )
            try:
                while line := await reader.readline():
                    if line.startswith(b": hello"):
                        open_now += 1
                        if open_now == STREAMS:
                            everyone.set()
                    if b"mark-" in line:
                        mark = line.split(b"mark-", 1)[1].split(b".", 1)[0].decode()
                        waits.append(time.monotonic() - written[mark])
                broken += 1
            except asyncio.CancelledError:
                writer.close()
            except OSError:
                broken += 1

        readers = [asyncio.create_task(read()) for _ in range(STREAMS)]
        await asyncio.wait_for(everyone.wait(), 60)
        for number in range(ENTRIES):
            written[str(number)] = time.monotonic()
            said = {"kind": "note", "text": f"mark-{number}.", "by": person}
            await asyncio.to_thread(lambda: timeline.add(incident, at=timezone.now(), **said))  # noqa: B023
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        [reader.cancel() for reader in readers]
        await asyncio.gather(*readers, return_exceptions=True)
        return waits, broken

    waits, broken = asyncio.run(measure())
    ms = [f"{quantile(waits, part) * 1000:.0f} ms" for part in (0.5, 0.99)]
    print(
        f"{STREAMS} streams, {ENTRIES} entries: heard {len(waits)} of {STREAMS * ENTRIES}, "
        f"p50 {ms[0]}, p99 {ms[1]}, streams broken {broken}"
    )


def pages() -> None:
    """What the incident page and the board cost, as the test client asks them."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from incidents.models import EntryKind, Incident, TimelineEntry, User
    from incidents.states import Status

    client = Client()
    client.force_login(User.objects.earliest("pk"))
    incident = Incident.objects.earliest("pk")

    def ask(name: str, path: str) -> None:
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            began = time.perf_counter()
            answer = client.get(path)
            took = time.perf_counter() - began
        assert answer.status_code == 200, answer.status_code
        print(f"{name:46} {len(queries):3} queries {took * 1000:7.0f} ms")

    ask(f"incident page, {incident.timeline.count()} entries", f"/incidents/{incident.number}/")
    incident.refresh_from_db()
    now = timezone.now()
    rows = [
        TimelineEntry(
            incident=incident,
            seq=incident.timeline_seq + number,
            kind=EntryKind.NOTE,
            occurred_at=now,
            recorded_at=now,
            text=f"note {number}",
        )
        for number in range(1, 1001)
    ]
    TimelineEntry.objects.bulk_create(rows)
    Incident.objects.filter(pk=incident.pk).update(timeline_seq=incident.timeline_seq + 1000)
    ask(f"incident page, {incident.timeline.count()} entries", f"/incidents/{incident.number}/")
    keep = list(Incident.objects.open().values_list("pk", flat=True)[:50])
    others = Incident.objects.open().exclude(pk__in=keep)
    others.update(status=Status.RESOLVED, resolved_at=now)
    ask("board, 50 open incidents", "/")
    Incident.objects.open().exclude(pk=keep[0]).update(status=Status.RESOLVED, resolved_at=now)
    ask("board, 1 open incident", "/")


ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Cairo", "America/Santiago", "UTC", "Asia/Beirut")
WORKDAYS = [(weekday, "09:00", "17:00") for weekday in range(5)]
NIGHTS = [(weekday, "22:00", "06:00") for weekday in range(7)]
LAYERS = (("Weekly", 0, "week", []), ("Nights", 1, "day", NIGHTS), ("Workdays", 2, "day", WORKDAYS))
SCHEDULES = 1000


def rosters() -> None:
    """1,000 schedules of 3 layers and 10 overrides from the database: who is on call in all of them."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from oncall import rosters as reader
    from oncall import rota as mathematics

    at, ids = _many_schedules()
    reader.load(ids)
    with CaptureQueriesContext(connection) as queries:
        began = time.perf_counter()
        loaded = reader.load(ids)
        read = time.perf_counter() - began
    spans = [_seconds(lambda: [mathematics.on_call(one, at) for one in loaded.values()]) for _ in range(7)]
    reading, answering = (
        f"{read * 1000:.0f} ms",
        f"{min(spans) * 1000:.0f} ms at best of 7, {max(spans) * 1000:.0f} at worst",
    )
    ceiling = _seconds(lambda: sum(number % 7 for number in range(1_000_000)))
    print(f"this machine adds a million small numbers in {ceiling * 1000:.0f} ms")
    print(f"{SCHEDULES} schedules of 3 layers and 10 overrides: read in {reading} ({len(queries)} queries)")
    print(f"on_call of all of them: {answering}")
    busiest = loaded[ids[0]]
    began = time.perf_counter()
    pieces = mathematics.final(busiest, at, at + timedelta(days=365))
    took = time.perf_counter() - began
    print(f"final of one of them over a year: {len(pieces)} pieces in {took * 1000:.0f} ms")


def _seconds(do):
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _many_schedules():
    """Daily turns at night and on workdays over weekly ones, each with its windows; five people, ten overrides."""
    from datetime import UTC, datetime

    from incidents.models import Team, User
    from oncall.models import Layer, LayerPerson, Override, Restriction, Schedule

    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    team = Team.objects.create(slug="rota", name="Rota")
    people = [User(email=f"rota{number}@example.com", name=f"Rota {number}") for number in range(6)]
    people = User.objects.bulk_create(people)
    schedules = Schedule.objects.bulk_create(
        Schedule(slug=f"rota-{number}", name=f"Rota {number}", team=team) for number in range(SCHEDULES)
    )
    layers, windows = [], []
    for number, schedule in enumerate(schedules):
        for place, (name, priority, unit, _) in enumerate(LAYERS):
            zone, anchor = ZONES[(number + place) % len(ZONES)], f"2024-01-{1 + number % 28:02}T09:00"
            layers.append(
                Layer(schedule=schedule, name=name, priority=priority, time_zone=zone, anchor=anchor, unit=unit)
            )
    for layer in Layer.objects.bulk_create(layers):
        spans = LAYERS[layer.priority][3]
        windows += [Restriction(layer=layer, weekday=day, start=start, end=end) for day, start, end in spans]
    Restriction.objects.bulk_create(windows)
    LayerPerson.objects.bulk_create(
        LayerPerson(layer=layer, slot=slot, user=person)
        for layer in layers
        for slot, person in enumerate(people[:5], 1)
    )
    Override.objects.bulk_create(
        Override(
            schedule=schedule,
            start=at + timedelta(days=day, hours=day),
            end=at + timedelta(days=day, hours=day + 12),
            kind="replace",
            person=people[5],
            replaces=people[day % 5],
        )
        for schedule in schedules
        for day in range(-5, 5)
    )
    return at, [schedule.pk for schedule in schedules]


if __name__ == "__main__":
    main()
