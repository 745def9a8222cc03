"""The list of incidents with a long past: 100,000 incidents, a million timeline entries."""

import re
import time

from tests.bench.product import quantile

INCIDENTS, ENTRIES_EACH, RUNS = 100_000, 10, 9
WORDS = [
    *("checkout", "search", "payment", "ledger", "login", "queue", "cache", "disk", "memory", "replica", "timeout"),
    *("certificate", "shipping", "newsletter", "invoice", "gateway", "kafka", "dns", "worker", "release", "rollback"),
    *("latency", "errors", "customers", "orders", "sessions", "upload", "mobile", "browser"),
]
FILL_INCIDENTS = """
    INSERT INTO incidents_incident (number, title, kind, status, phase, severity_id, peak_severity_id, severity_assumed,
        service_id, urgency, workaround, private, time_scale, detection, summary, detected_at, declared_at, resolved_at,
        contract_started_at, mitigation, root_cause, not_yet_because, ended_because, group_key, version, timeline_seq)
    SELECT 1000 + n, initcap(word(n)) || ' ' || word(n / 7) || ' fails for ' || word(n / 11), 'real',
        CASE WHEN n %% 50 = 0 THEN 'open' ELSE 'resolved' END, 'detect', n %% 5, n %% 5, false, service.id,
        (n %% 100), '', n %% 200 = 0, 1, 'monitoring', word(n / 3) || ' and ' || word(n / 5) || ' are slow',
        now() - n * interval '9 minutes', now() - n * interval '9 minutes',
        CASE WHEN n %% 50 = 0 THEN NULL ELSE now() - n * interval '8 minutes' END, now() - n * interval '9 minutes',
        'restarted ' || word(n / 13), '', '', '', '', 1, %(entries)s
    FROM generate_series(1, %(incidents)s) AS n
    CROSS JOIN LATERAL (SELECT id FROM incidents_service ORDER BY id OFFSET n %% 20 LIMIT 1) AS service
"""
FILL_TIMELINE = """
    INSERT INTO incidents_timelineentry (incident_id, seq, kind, occurred_at, recorded_at, role, text, data)
    SELECT incident.id, seq, CASE WHEN seq %% 2 = 0 THEN 'note' ELSE 'delivery' END, incident.detected_at,
        incident.detected_at, '',
        word(incident.id + seq) || ' looks wrong, ' || word(incident.id / seq) || ' too; code '
        || (incident.id * 31 + seq) %% 5000, '{}'
    FROM incidents_incident AS incident, generate_series(1, %(entries)s) AS seq WHERE incident.number > 1000
"""


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
        numbers = {"incidents": INCIDENTS, "entries": ENTRIES_EACH}
        cursor.execute(FILL_INCIDENTS.replace("word(", "pg_temp.word("), numbers)
        cursor.execute(FILL_TIMELINE.replace("word(", "pg_temp.word("), numbers)
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
