"""The list of incidents with a long past: 100,000 incidents, a million timeline entries."""

import re
import time

from tests.bench.cloning import clone
from tests.bench.product import quantile

INCIDENTS, ENTRIES_EACH, RUNS = 100_000, 10, 9
WORDS = [
    *("checkout", "search", "payment", "ledger", "login", "queue", "cache", "disk", "memory", "replica", "timeout"),
    *("certificate", "shipping", "newsletter", "invoice", "gateway", "kafka", "dns", "worker", "release", "rollback"),
    *("latency", "errors", "customers", "orders", "sessions", "upload", "mobile", "browser"),
]
WORD = "pg_temp.word"
OF_INCIDENT = {
    "number": "1000 + n",
    "title": f"initcap({WORD}(n)) || ' ' || {WORD}(n / 7) || ' fails for ' || {WORD}(n / 11)",
    "summary": f"{WORD}(n / 3) || ' and ' || {WORD}(n / 5) || ' are slow'",
    "mitigation": f"'restarted ' || {WORD}(n / 13)",
    "status": "CASE WHEN n % 50 = 0 THEN 'open' ELSE 'resolved' END",
    "severity_id": "n % 5",
    "peak_severity_id": "n % 5",
    "urgency": "n % 100",
    "private": "n % 200 = 0",
    "service_id": "(SELECT id FROM incidents_service ORDER BY id OFFSET n % 20 LIMIT 1)",
    "detected_at": "now() - n * interval '9 minutes'",
    "declared_at": "now() - n * interval '9 minutes'",
    "contract_started_at": "now() - n * interval '9 minutes'",
    "resolved_at": "CASE WHEN n % 50 = 0 THEN NULL ELSE now() - n * interval '8 minutes' END",
    "timeline_seq": str(ENTRIES_EACH),
}
OF_ENTRY = {
    "incident_id": "incident.id",
    "seq": "place",
    "kind": "CASE WHEN place % 2 = 0 THEN 'note' ELSE 'delivery' END",
    "occurred_at": "incident.detected_at",
    "recorded_at": "incident.detected_at",
    "text": f"{WORD}(incident.id + place) || ' looks wrong, ' || {WORD}(incident.id / place) || ' too; code ' "
    "|| (incident.id * 31 + place) % 5000",
}


def fill(cursor) -> None:
    """The long past, from one incident with one entry."""
    from django.utils import timezone

    from incidents import lifecycle
    from incidents.models import Service, Severity, User

    service, by = Service.objects.order_by("pk").first(), User.objects.order_by("pk").first()
    said = lifecycle.Declaration(title="The first", service=service, severity=Severity.objects.get(level=2))
    first = lifecycle.declare(said, by=by, at=timezone.now())
    entry = first.timeline.order_by("seq").first()
    past = f"generate_series(1, {INCIDENTS}) AS n"
    clone(cursor, "incidents_incident", first.pk, OF_INCIDENT, past)
    entries = f"incidents_incident AS incident, generate_series(1, {ENTRIES_EACH}) AS place"
    clone(cursor, "incidents_timelineentry", entry.pk, OF_ENTRY, entries, "incident.number > 1000")


def listing() -> None:
    """The view's own time and its queries, as the test client asks them."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from incidents.models import User

    vocabulary = ", ".join(f"'{word}'" for word in WORDS)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.word(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS "
            f"$$ SELECT (ARRAY[{vocabulary}])[1 + (n * 2654435761 %% 997) %% {len(WORDS)}] $$".replace("%%", "%")
        )
        cursor.execute("SET search_path = public, pg_temp")
        fill(cursor)
        cursor.execute("VACUUM ANALYZE incidents_incident")
        cursor.execute("VACUUM ANALYZE incidents_timelineentry")
    everyone, reader = User.objects.order_by("pk")[0], User.objects.order_by("pk")[1]
    reader.access = "responder"
    reader.save()
    for name, query in (
        ("newest first", ""),
        ("most urgent first", "order=urgent"),
        ("open P0 and P1", "status=open&severity=0&severity=1"),
        ("resolved, one service, 365 days", "status=resolved&service=service-3&days=365"),
        ("a word in every tenth", "q=kafka"),
        ("two words", "q=kafka+rollback"),
        ("a rare code from a timeline", "q=4711"),
        ("part of a word of a title", "q=ertifica"),
        ("nothing fits", "q=zebra"),
        ("the 200th page", "page=200"),
    ):
        for person in (everyone, reader):
            client = Client()
            client.force_login(person)
            took = []
            for _ in range(RUNS):
                with CaptureQueriesContext(connection) as queries:
                    began = time.perf_counter()
                    answer = client.get(f"/incidents/?{query}")
                    took.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, answer.status_code
            found = re.search(r"<h1>(.*?)</h1>", answer.content.decode())[1]
            who = "administrator" if person.is_administrator else "responder"
            print(
                f"{name:34} {who:14} {found:28} {len(queries):3} queries "
                f"{quantile(took, 0.5):6.0f} ms, worst {max(took):4.0f} ms"
            )


if __name__ == "__main__":
    from tests.bench.product import running_product

    with running_product():
        import django

        django.setup()
        from tests.bench.__main__ import organisation

        organisation(20)
        listing()
