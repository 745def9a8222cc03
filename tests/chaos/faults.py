"""What may go wrong with processes, broker and database. A fault opens incidents, breaks something, and mends it."""

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

from tests.chaos.house import SECOND_AFTER, Batch, House

POINTS = {
    "before-claim": "before the claim of a message",
    "after-claim": "after the claim",
    "after-provider": "after the provider's yes",
    "before-commit": "before the commit that records it",
    "before-commit-of-pages": "before the commit of page rows",
    "before-commit-of-events": "before the commit of an event's incident",
    "before-ring": "after the commit, before the doorbell",
}


@dataclass(frozen=True)
class Scale:
    """How hard: incidents of a batch, kills of each kind, seconds that something is away."""

    incidents: int
    kills: int
    away: float
    is_quick: bool


@dataclass
class Told:
    """What a fault did: how often, how long the longest lasted (seconds), and the incidents that it met."""

    batch: Batch
    times: int
    length: float
    note: str = ""
    extra_lost: int = 0  # losses that the ledger of pages cannot see
    waits: float = 0.0  # seconds that a message may be late by design: retries, a provider that rests


Fault = Callable[[House, Scale, str], Told]
FAULTS: dict[str, tuple[str, Fault]] = {}


def fault(name: str, words: str):
    """Register a fault under its name, with what the table says."""

    def keep(do: Fault) -> Fault:
        FAULTS[name] = (words, do)
        return do

    return keep


@contextlib.contextmanager
def opening(house: House, label: str, number: int) -> Iterator[Batch]:
    """Open a batch beside what the block does, so that the fault meets work at every stage."""
    batch = Batch(label)

    def complain() -> None:
        for place in range(number):
            house._complain(batch, range(place, place + 1))
            time.sleep(0.02)

    thread = threading.Thread(target=complain)
    thread.start()
    try:
        yield batch
    finally:
        while thread.is_alive():
            house.rig.sleep(0.1)


@fault("none", "nothing, under load")
def nothing(house: House, scale: Scale, label: str) -> Told:
    return Told(house.open(label, scale.incidents * 2), 0, 0)


def _kill_at(point: str) -> Fault:
    def do(house: House, scale: Scale, label: str) -> Told:
        house.rig.arm(point, scale.kills)
        batch = house.open(label, scale.incidents)
        house.settle(batch)
        left = house.rig.disarm()
        return Told(batch, scale.kills - left, 0, note=f"{left} points not reached" if left else "", waits=32)

    return do


for _point, _words in POINTS.items():
    fault(f"kill-{_point}", f"kill -9 {_words}")(_kill_at(_point))


@fault("kill-web", "kill -9 of the web process")
def kill_web(house: House, scale: Scale, label: str) -> Told:
    with opening(house, label, scale.incidents) as batch:
        for _ in range(scale.kills):
            house.rig.sleep(0.7)
            house.rig.kill("web")
    return Told(batch, scale.kills, 0)


@fault("broker-flushed", "the broker is emptied")
def broker_flushed(house: House, scale: Scale, label: str) -> Told:
    import redis

    address = house.rig.valkey.url().replace("redis+socket://", "unix://").replace("virtual_host", "db")
    times = scale.kills * 3
    with redis.Redis.from_url(address) as client, opening(house, label, scale.incidents) as batch:
        for _ in range(times):
            house.rig.sleep(0.5)
            client.flushall()
    return Told(batch, times, 0)


@fault("broker-away", "the broker is away")
def broker_away(house: House, scale: Scale, label: str) -> Told:
    with opening(house, label, scale.incidents) as batch:
        house.rig.sleep(0.3)
        house.rig.take_away("valkey")
        house.rig.sleep(scale.away)
        house.rig.start_valkey()
    return Told(batch, 1, 0, note=f"for {scale.away:.0f} s; the plain loop works on")


@fault("postgres-restarted", "Postgres is restarted")
def postgres_restarted(house: House, scale: Scale, label: str) -> Told:
    with opening(house, label, scale.incidents) as batch:
        for number in (signal.SIGINT, signal.SIGKILL):
            house.rig.sleep(0.7)
            house.rig.take_away("postgres", number)
            house.rig.start_postgres()
    return Told(batch, 2, 2, note="once in order, once by kill -9", waits=32)


@fault("postgres-away", "Postgres is away")
def postgres_away(house: House, scale: Scale, label: str) -> Told:
    away = 8.0 if scale.is_quick else 30.0
    with opening(house, label, scale.incidents) as batch:
        house.rig.sleep(0.5)
        house.rig.take_away("postgres")
        house.rig.sleep(away)
        house.rig.start_postgres()
    return Told(batch, 1, away + 2, note=f"for {away:.0f} s", waits=32)


@fault("two-beats", "two beats and the plain loop tick at once")
def two_beats(house: House, scale: Scale, label: str) -> Told:
    return Told(house.open(label, scale.incidents), 0, 0, note="as everywhere here")


@fault("no-beat", "no beat: the plain loop alone ticks")
def no_beat(house: House, scale: Scale, label: str) -> Told:
    for name in ("beat1", "beat2"):
        house.rig.take_away(name)
    batch = house.open(label, scale.incidents)
    house.settle(batch)
    for name in ("beat1", "beat2"):
        house.rig.start(name)
    return Told(batch, 1, 0)


@fault("no-loop", "no plain loop: beat and workers alone")
def no_loop(house: House, scale: Scale, label: str) -> Told:
    house.rig.take_away("engine")
    batch = house.open(label, scale.incidents)
    house.settle(batch)
    house.rig.start("engine")
    return Told(batch, 1, 0)


@fault("wrong-clock", "a worker's clock is an hour off")
def wrong_clock(house: House, scale: Scale, label: str) -> Told:
    """One hour ahead, then one behind; each beside a worker whose clock is right."""
    batch = Batch(label)
    for place, shift in enumerate(("3600", "-3600")):
        house.rig.take_away("worker2")
        house.rig.start("worker2", CHAOS_CLOCK=shift)
        house.rig.sleep(3)  # it must be at work
        part = house.open(f"{label}-{place}", scale.incidents)
        house.settle(part)
        batch.accepted += part.accepted
    house.rig.take_away("worker2")
    house.rig.start("worker2")
    return Told(batch, 2, 0)


GREMLIN = """
CREATE OR REPLACE FUNCTION chaos_gremlin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.15 THEN
        RAISE EXCEPTION 'chaos' USING ERRCODE = CASE WHEN random() < 0.5 THEN '40P01' ELSE '40001' END;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER chaos_gremlin BEFORE INSERT ON oncall_page
    FOR EACH ROW EXECUTE FUNCTION chaos_gremlin();
CREATE OR REPLACE TRIGGER chaos_gremlin BEFORE INSERT ON incidents_incident
    FOR EACH ROW EXECUTE FUNCTION chaos_gremlin();
"""


@fault("deadlocks", "deadlock and serialization errors, one insert in seven")
def deadlocks(house: House, scale: Scale, label: str) -> Told:
    house.rig.run(GREMLIN)
    try:
        batch = house.open(label, scale.incidents)
        house.settle(batch)
    finally:
        for table in ("oncall_page", "incidents_incident"):
            house.rig.run(f"DROP TRIGGER IF EXISTS chaos_gremlin ON {table}")
    return Told(batch, len(batch.accepted) * 3 // 7, 8, note="rows rest up to some seconds")


@fault("sessions-ended", "every database session is ended")
def sessions_ended(house: House, scale: Scale, label: str) -> Told:
    mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'tocsin'"
    with opening(house, label, scale.incidents) as batch:
        for _ in range(scale.kills * 2):
            house.rig.sleep(0.5)
            house.rig.run(mine)
    return Told(batch, scale.kills * 2, 0, waits=32)


@fault("too-many-connections", "too many connections")
def too_many_connections(house: House, scale: Scale, label: str) -> Told:
    """Take every connection there is, and end what others hold, so that they cannot come back for a while."""
    away = min(scale.away, 10.0)
    held: list[psycopg.Connection] = []
    with opening(house, label, scale.incidents) as batch:
        house.rig.sleep(0.3)
        until = time.monotonic() + away
        with house.rig.connect() as own:
            while time.monotonic() < until:
                try:
                    held.append(psycopg.connect(house.rig.postgres.url(), connect_timeout=2))
                except psycopg.OperationalError:
                    if random.random() < 0.2:
                        own.execute(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '' "
                            "AND pid <> ALL(%s) AND pid <> pg_backend_pid() AND usename = 'tocsin'",
                            [[one.info.backend_pid for one in held]],
                        )
                    house.rig.sleep(0.05)
        for one in held:
            one.close()
    return Told(batch, 1, away, note=f"{len(held)} taken for {away:.0f} s", waits=32)


@fault("acknowledged-at-the-tick", "acknowledged at the very tick")
def acknowledged_at_the_tick(house: House, scale: Scale, label: str) -> Told:
    """Answer each incident within milliseconds of its second level; whichever came first must win alone."""
    batch = house.open(label, scale.incidents, levels=1)
    house.settle(batch)
    due = dict(
        house.rig.run(
            "SELECT incident.number, extract(epoch FROM step.due_at)::float FROM incidents_incident AS incident "
            "JOIN incidents_alert AS alert ON alert.incident_id = incident.id "
            "JOIN oncall_escalation AS run ON run.incident_id = incident.id "
            "JOIN oncall_escalationstep AS step ON step.run_id = run.id AND step.level = 2 "
            "WHERE alert.dedup_key LIKE %s",
            f"{label}-%",
        )
    )

    def answer(number: int, moment: float) -> None:
        time.sleep(max(0.0, moment + random.uniform(-0.02, 1.0) - time.time()))
        house.post(f"/api/v1/incidents/{number}/acknowledge", {}, token=house.token)

    threads = [threading.Thread(target=answer, args=pair) for pair in due.items()]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        house.rig.sleep(0.1)
    house.rig.sleep(SECOND_AFTER / 2)
    wrong = house.rig.run(PAGED_AFTER_THE_ANSWER, f"{label}-%")[0][0]
    answered = house.rig.run(ANSWERED, f"{label}-%")[0][0]
    second = house.rig.run(SECOND, f"{label}-%")
    batch.levels = 1
    return Told(
        batch,
        answered,
        0,
        note=f"the level won {len(second)} times, the answer {answered - len(second)}; paged after the answer: {wrong}",
        extra_lost=wrong,
    )


ANSWERED = """
SELECT count(*) FROM incidents_incident AS incident JOIN incidents_alert AS alert ON alert.incident_id = incident.id
WHERE alert.dedup_key LIKE %s AND incident.acknowledged_at IS NOT NULL
"""
SECOND = """
SELECT page.id FROM oncall_page AS page JOIN incidents_alert AS alert ON alert.incident_id = page.incident_id
WHERE alert.dedup_key LIKE %s AND page.level = 2
"""
PAGED_AFTER_THE_ANSWER = """
SELECT count(*) FROM incidents_timelineentry AS line
JOIN incidents_timelineentry AS answer ON answer.incident_id = line.incident_id AND answer.kind = 'acknowledged'
JOIN incidents_alert AS alert ON alert.incident_id = line.incident_id
WHERE alert.dedup_key LIKE %s AND line.kind = 'escalation' AND line.text LIKE 'Level 2 %%paged%%'
    AND line.seq > answer.seq
"""
