"""What may go wrong outside: providers, senders, deploys, a restore from a backup."""

import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

import psycopg

from config.embedded import NAME, find_postgres
from tests.chaos.faults import Scale, Told, fault
from tests.chaos.house import Batch, House
from tests.chaos.rig import PYTHON, ROOT
from tests.providers.server import Answer

RELEASE = ("config", "incidents", "oncall", "postmortems", "templates", "static", "tests", "manage.py")
REST = 60.0  # seconds that a provider which keeps failing is left alone
POISON = (
    b'{"summary": "a NUL \\u0000 inside", "source": "chaos", "severity": "error"}',
    b'{"summary": "half a pair \\ud800", "source": "chaos", "severity": "error"}',
    b'{"summary": "' + b"x" * 5000 + b'", "source": "chaos", "severity": "error"}',
    b'{"summary": "deep", "source": "chaos", "severity": "error", "custom_details": '
    + b"[" * 3000
    + b"]" * 3000
    + b"}",
    b'{"summary": "huge", "source": "chaos", "severity": "error", "custom_details": {"n": 1e999}}',
    b'{"summary": "\xff\xfe", "source": "chaos", "severity": "error"}',
)


@fault("provider-failing", "the provider says 429 and 5xx, hangs up, is silent")
def provider_failing(house: House, scale: Scale, label: str) -> Told:
    def misbehave(asked):
        return random.choice(
            [
                Answer(429, headers={"Retry-After": "1"}),
                Answer(503),
                Answer(500),
                Answer(hang_up=True),
                Answer(silence=12),
            ]
        )

    usual, house.provider.usual = house.provider.usual, misbehave
    try:
        batch = house.open(label, scale.incidents)
        house.rig.sleep(scale.away)
    finally:
        house.provider.usual = usual
    house.settle(batch, 180)
    return Told(batch, 1, 0, note=f"for {scale.away:.0f} s, then it rests a minute", waits=scale.away + 2 * REST)


@fault("provider-forgets", "the provider takes the message and its answer is lost")
def provider_forgets(house: House, scale: Scale, label: str) -> Told:
    """Every third message is taken, but the line breaks before the answer: it must come again, under the same key."""
    numbers, forgotten = count(), set()

    def take_and_hang_up(asked):
        key = asked.headers.get("Idempotency-Key", "")
        if key in forgotten or next(numbers) % 3:
            return Answer()
        forgotten.add(key)
        return Answer(hang_up=True)

    usual, house.provider.usual = house.provider.usual, take_and_hang_up
    try:
        batch = house.open(label, scale.incidents)
        house.settle(batch, 120)
    finally:
        house.provider.usual = usual
    return Told(batch, len(forgotten), 0, note="tried again, noted as temporary", waits=REST + 32)


@fault("poison", "poison payloads, at the door and behind it")
def poison(house: House, scale: Scale, label: str) -> Told:
    """What the door refuses it refuses; what got behind it is rejected with a reason and holds up nobody."""
    answers = []
    for place, payload in enumerate(POISON):
        key = house.keys[place].encode()
        event = b'{"routing_key": "' + key + b'", "event_action": "trigger", "payload": ' + payload + b"}"
        answers.append(house.post("/v2/enqueue", event)[0])
    house.rig.run(
        "INSERT INTO incidents_rawevent (integration_id, format, body, dedup_key, received_at, rejected_because, "
        "outcome, attempts, last_error) "
        "SELECT id, 'pagerduty', decode('00ff7b', 'hex'), %s || id, clock_timestamp(), '', '{}', 0, '' "
        "FROM incidents_integration",
        f"poison-{label}-",
    )
    batch = house.open(label, scale.incidents)
    house.settle(batch)
    left = "SELECT count(*) FROM incidents_rawevent WHERE processed_at IS NULL"
    for _ in range(60):
        if not house.rig.run(left)[0][0]:
            break
        house.rig.sleep(1)
    unfinished = house.rig.run(left)[0][0]
    crashed = sum(1 for status in answers if status >= 500 or status == 0)
    note = f"answers {sorted(answers)}; {unfinished} events neither used nor rejected"
    return Told(batch, len(POISON) + len(house.keys), 0, note=note, extra_lost=unfinished + crashed)


@fault("flood", "10,000 events a minute of one key")
def flood(house: House, scale: Scale, label: str) -> Told:
    from tests.bench import intake

    key = f"{label}-flood"
    payload = {"summary": "It fails again", "source": "chaos", "severity": "error"}
    event = {"routing_key": house.keys[0], "event_action": "trigger", "dedup_key": key, "payload": payload}
    body = json.dumps(event).encode()
    intake.SECONDS = 2.0 if scale.is_quick else 15.0
    rate, waits, refused = asyncio.run(intake.load(house.rig.base, 8, lambda: ("/v2/enqueue", body)))
    batch = house.open(label, scale.incidents)
    batch.accepted.append(key)
    house.settle(batch)
    stored, incidents = house.rig.run(
        "SELECT sum(count), count(DISTINCT incident_id) FROM incidents_alert WHERE dedup_key = %s", key
    )[0]
    note = (
        f"{len(waits)} in {intake.SECONDS:.0f} s ({rate * 60:,.0f} a minute), {incidents} incident, {refused} refused"
    )
    until = 60
    while until and (stored or 0) < len(waits):
        house.rig.sleep(0.5)
        until -= 1
        stored = house.rig.run("SELECT sum(count) FROM incidents_alert WHERE dedup_key = %s", key)[0][0]
    return Told(batch, len(waits), 0, note=note, extra_lost=max(0, len(waits) - int(stored or 0)) + incidents - 1)


@fault("old-worker", "an old worker beside a new one on a migrated database")
def old_worker(house: House, scale: Scale, label: str) -> Told:
    """The old release is a copy of this one that lacks the newest migration."""
    folder = Path(tempfile.mkdtemp(prefix="old-", dir=house.rig.folder))
    for name in RELEASE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "artifacts"))
        else:
            shutil.copy(source, folder / name)
    max((folder / "oncall" / "migrations").glob("0*.py")).unlink()
    house.rig.take_away("worker2")
    house.rig.start("worker3", folder=folder)
    house.rig.sleep(3)
    batch = house.open(label, scale.incidents)
    house.settle(batch)
    house.rig.log.flush()
    said = "This process is older than the database" in (house.rig.folder / "chaos.log").read_text()
    house.rig.take_away("worker3")
    house.rig.start("worker2")
    note = "the old one refused and said why" if said else "THE OLD ONE DID NOT SAY ANYTHING"
    return Told(batch, 1, 0, note=note, extra_lost=0 if said else 1)


@fault("restored", "restored from a backup that is three hours old")
def restored(house: House, scale: Scale, label: str) -> Told:
    """A backup holds pages on their way; restored later it must not send them, and what is new must go out."""
    rig = house.rig
    for name in PYTHON[1:]:
        rig.take_away(name)
    old = house.open(f"{label}old", scale.incidents)
    settle = "from incidents import due; [due.settle(due.database_now()) for _ in range(2)]"  # events, then pages
    subprocess.run([sys.executable, "manage.py", "shell", "-v0", "-c", settle], env=rig.environment, check=True)
    dump = rig.folder / "backup.sql"
    server, tools = rig.postgres.url(), find_postgres()
    subprocess.run([tools / "pg_dump", "--file", dump, server], check=True)
    rig.take_away("web")
    with psycopg.connect(rig.postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {NAME}")
    subprocess.run([tools / "psql", "--quiet", "--output", "/dev/null", "--file", dump, server], check=True)
    waiting = rig.run(
        "UPDATE oncall_delivery SET created_at = created_at - interval '3 hours', "
        "not_before = not_before - interval '3 hours', expires_at = expires_at - interval '3 hours' "
        "WHERE state = 'pending' AND page_id IS NOT NULL RETURNING page_id"
    )
    before = len(house.provider.asked)
    for name in PYTHON:
        rig.start(name)
    rig.wait_until(rig.answers, "the web process")
    batch = house.open(label, scale.incidents)
    house.settle(batch)
    pages = {str(page) for (page,) in waiting}
    heard = [asked.headers.get("Idempotency-Key", "") for asked in house.provider.asked[before:]]
    sent = sum(1 for key in heard if key.startswith("page-") and key.split("-")[1] in pages)
    note = f"{len(waiting)} old pages waited ({len(old.accepted)} incidents), {sent} were sent"
    return Told(Batch(label, batch.accepted), len(waiting), 0, note=note, extra_lost=sent)
