"""What a tick costs: a herd of escalations due at one instant, an idle tick, and both with a long past behind them.

``python -m tests.bench.herd`` works in this one process on a durable Postgres of its own; BENCH_HISTORY sets how many
old incidents there are at the end (1,000,000).
"""

import os
import resource
import sys
import threading
import time
from datetime import timedelta

import psycopg

from tests.bench.cloning import clone
from tests.bench.intake import ceiling, own_postgres
from tests.bench.product import quantile

HISTORY = int(os.environ.get("BENCH_HISTORY", "1000000"))
LITTLE = 10_000
TEAMS = 100
BASE = 50_000_000  # keys of the old rows begin here
TICKS = 40


def skip_locked_ceiling(database_url: str, batch: int = 200, seconds: float = 3.0) -> float:
    """Rows a second that two connections can claim with SKIP LOCKED and mark, in sets: what nobody can beat."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_due (id bigserial PRIMARY KEY, due timestamptz, done bool)"
        )
        connection.execute(
            "INSERT INTO bench_due (due, done) "
            "SELECT now() - n * interval '1 ms', false FROM generate_series(1, 400000) n"
        )
        connection.execute("CREATE INDEX IF NOT EXISTS bench_due_open ON bench_due (due) WHERE NOT done")
    done = [0, 0]
    stop = time.monotonic() + seconds
    claim = (
        "UPDATE bench_due SET done = true WHERE id IN "
        "(SELECT id FROM bench_due WHERE NOT done ORDER BY due LIMIT %s FOR UPDATE SKIP LOCKED)"
    )

    def work(place: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while time.monotonic() < stop:
                done[place] += connection.execute(claim, [batch]).rowcount

    threads = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


def teams(number: int = TEAMS):
    """Teams with one person on call each, one contact method and one service each."""
    from django.utils import timezone

    from incidents.models import Membership, Service, Team, User
    from oncall.models import ContactMethod, Layer, LayerPerson, Schedule

    services = []
    for place in range(number):
        team = Team.objects.create(slug=f"herd-{place}", name=f"Herd {place}")
        person = User.objects.create(email=f"herd{place}@example.com", name=f"Herder {place}")
        Membership.objects.create(team=team, user=person)
        ContactMethod.objects.create(
            user=person, channel="chat", address=f"herd{place}", verified_at=timezone.now() - timedelta(days=1)
        )
        schedule = Schedule.objects.create(slug=f"herd-{place}", name=f"Herd {place}", team=team)
        layer = Layer.objects.create(schedule=schedule, name="primary", anchor="2026-01-05T09:00")
        LayerPerson.objects.create(layer=layer, slot=1, user=person)
        services.append(Service.objects.create(slug=f"herd-{place}", name=f"Herd {place}", team=team))
    return services


def gather(services, count: int, at) -> set[int]:
    """Open P2 incidents whose first level is due at that instant; return their keys."""
    from django.db import transaction
    from django.db.models import Max

    from incidents.models import Incident
    from oncall import policies
    from oncall.models import Escalation, EscalationStep

    first = (Incident.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    [policy] = [one for one in policies.active() if one.service_id is None and one.severity_id == 2]
    with transaction.atomic():  # or the tick would begin the runs itself
        rows = Incident.objects.bulk_create(
            Incident(
                number=first + place, title=f"Herd {place}", service=services[place % len(services)], severity_id=2,
                peak_severity_id=2, urgency=1, detected_at=at, declared_at=at, contract_started_at=at,
            )
            for place in range(count)
        )  # fmt: skip
        runs = Escalation.objects.bulk_create(
            Escalation(
                incident=row, severity_id=2, policy_name=policy.name, repeat=policy.repeat,
                repeat_after=policy.repeat_after, resume_after=policy.resume_after, started_at=at, due_at=at,
            )
            for row in rows
        )  # fmt: skip
        steps = [step for run, row in zip(runs, rows, strict=True) for step in policies.steps(run, policy, row)]
        EscalationStep.objects.bulk_create(steps)
    return {row.pk for row in rows}


def climb(services, count: int) -> None:
    """The herd through ticks of this process: when each page row is there for others to see, and what it costs."""
    from incidents import due
    from oncall.models import Page

    ids = gather(services, count, due.database_now())
    seen: list[tuple[float, int]] = []
    began, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    while True:
        before = time.monotonic()
        done = due.do_round(due.database_now())
        if not done.rows:
            break
        seen.append((time.monotonic() - began, done.rows))
        assert time.monotonic() - before < 60
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime - cpu.ru_utime + used.ru_stime - cpu.ru_stime
    pages = Page.objects.filter(incident__in=ids).count()
    waits = [moment for moment, rows in seen for _ in range(rows)]
    print(
        f"{count} escalations due at one instant, one process: {pages} pages, first after {min(waits):.3f} s, "
        f"p99 {quantile(waits, 0.99):.3f} s, last {max(waits):.3f} s; {spent / pages * 1000:.2f} ms of CPU per page"
    )


def idle(name: str) -> float:
    """The median of a tick that finds nothing to do, in milliseconds."""
    from incidents import due

    due.tick(rung=True)
    took = []
    for _ in range(TICKS):
        began = time.perf_counter()
        due.tick(rung=True)
        took.append((time.perf_counter() - began) * 1000)
    print(f"idle tick, {name}: p50 {quantile(took, 0.5):.2f} ms, p99 {quantile(took, 0.99):.2f} ms")
    return quantile(took, 0.5)


def grow(database_url: str, first: int, last: int) -> None:
    """Old incidents with a run, a step, a page and a delivery each, all of them over, cloned from one.

    Over long ago: those of the last week without a draft are work for the tick, and it would not be idle.
    """
    from incidents.models import Incident
    from oncall.models import Page

    page = Page.objects.select_related("run").latest("pk")
    key = f"{BASE} + n"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for table, template, changes in (
            ("incidents_incident", Incident.objects.get(pk=page.incident_id).pk,
             {"id": key, "number": f"{key}", "status": "'resolved'", "resolved_at": "'2026-01-01'"}),
            ("oncall_escalation", page.run_id,
             {"id": key, "incident_id": key, "state": "'ended'", "why": "'resolved'", "due_at": "NULL"}),
            ("oncall_escalationstep", page.run.steps.latest("pk").pk,
             {"id": key, "run_id": key, "state": "'fired'"}),
            ("oncall_page", page.pk,
             {"id": key, "incident_id": key, "run_id": key, "ended_at": "created_at", "repeat_at": "NULL"}),
            ("oncall_delivery", page.deliveries.latest("pk").pk,
             {"id": key, "page_id": key, "dedupe_key": "'old:' || n", "state": "'delivered'", "lease": "NULL",
              "lease_until": "NULL", "sent_at": "created_at"}),
        ):  # fmt: skip
            with connection.cursor() as cursor:
                clone(cursor, table, template, changes, f"generate_series({first}, {last}) AS n")
            connection.execute(f"VACUUM ANALYZE {table}")


def measure(database_url: str) -> None:
    os.environ.update({"DATABASE_URL": database_url, "DATABASE_POOL": "0", "SANDBOX": "1", "DOORBELL": "0"})
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(f"the machine: {ceiling(database_url, 8):.0f} committed inserts/s, ", end="")
    print(f"{skip_locked_ceiling(database_url):.0f} rows/s claimed with SKIP LOCKED and marked")
    services = teams()
    idle("no past")
    climb(services, 1000)
    climb(services, 10_000)
    end_all()
    grow(database_url, 1, LITTLE)
    little = idle(f"{LITTLE:,} old incidents")
    began = time.monotonic()
    grow(database_url, LITTLE + 1, HISTORY)
    grown = time.monotonic() - began
    much = idle(f"{HISTORY:,} old incidents (made in {grown:.0f} s)")
    print(f"ratio of an idle tick with {HISTORY:,} and {LITTLE:,} old incidents: {much / little:.2f}")
    climb(services, 1000)


def end_all() -> None:
    """What the herds opened is over, so that nothing more falls due."""
    from incidents.models import Incident
    from oncall.models import Delivery, Escalation, Page

    Incident.objects.update(status="resolved", resolved_at="2026-01-01T00:00Z")
    Escalation.objects.update(state="ended", due_at=None)
    Page.objects.update(ended_at="2026-01-01T00:00Z", repeat_at=None)
    Delivery.objects.filter(state="pending").update(state="cancelled")


def main() -> None:
    with own_postgres() as database_url:
        measure(database_url)


if __name__ == "__main__":
    sys.exit(main())
