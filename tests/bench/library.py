"""The library with 10,000 postmortems: 60,000 sections, 50,000 answers, 20,000 actions."""

import re
import time

from tests.bench.product import quantile

DOCUMENTS, RUNS = 10_000, 15
LOOKED_FOR = [
    "payment",
    "certificate rollback",
    '"queue is full"',
    "ledger -disk",
    "kafka or dns",
    "nothingatall",
    "INC-9000",
]
WORD = """
    CREATE FUNCTION pg_temp.said(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT (ARRAY['checkout','search','payment','ledger','login','queue','cache','disk','memory','replica',
            'timeout','certificate','shipping','newsletter','invoice','gateway','kafka','dns','worker','release','rollback',
            'latency','errors','customers','orders','sessions','upload','mobile','browser'])[1 + abs(n) % 29] $$
"""
INCIDENTS = """
    INSERT INTO incidents_incident (number, title, kind, status, phase, severity_id, peak_severity_id, severity_assumed,
        service_id, urgency, workaround, private, time_scale, detection, summary, detected_at, declared_at, resolved_at,
        contract_started_at, mitigation, root_cause, not_yet_because, ended_because, group_key, bridge, version,
        timeline_seq, assessment, suggested_because)
    SELECT 1000 + n, initcap(pg_temp.said(n)) || ' ' || pg_temp.said(n / 7) || ' fails for ' || pg_temp.said(n / 11),
        'real', 'closed', 'postmortem', n % 5, n % 5, false, service.id, 0, '', n % 200 = 0, 1, 'monitoring', '',
        now() - n * interval '3 hours', now() - n * interval '3 hours', now() - n * interval '2 hours',
        now() - n * interval '3 hours', 'restarted ' || pg_temp.said(n / 13), '', '', '', '', '', 1, 0, '{}', ''
    FROM generate_series(1, %(documents)s) AS n
    CROSS JOIN LATERAL (SELECT id FROM incidents_service ORDER BY id OFFSET n % 10 LIMIT 1) AS service
"""
POSTMORTEMS = """
    INSERT INTO postmortems_postmortem (incident_id, status, due_at, created_at, target_depth, no_action_because, facts)
    SELECT id, 'published', resolved_at, resolved_at, 5, '', '{}' FROM incidents_incident WHERE number > 1000
"""
SECTIONS = """
    INSERT INTO postmortems_section (postmortem_id, key, position, text, version, edited_at)
    SELECT document.id, key, position, (
        SELECT string_agg(pg_temp.said(document.id * 31 + position * 7 + n * (document.id % 13 + 1)) || ' '
            || pg_temp.said(document.id + n) || ' was seen, code ' || (document.id * 17 + n) % 5000, '. ')
        FROM generate_series(1, 40) AS n), 1, now()
    FROM postmortems_postmortem AS document,
        unnest(ARRAY['summary','timeline','impact','root_cause','improvements','lessons'])
        WITH ORDINALITY AS part(key, position)
    WHERE NOT EXISTS (SELECT FROM postmortems_section WHERE postmortem_id = document.id)
"""
WHYS = """
    INSERT INTO postmortems_why (postmortem_id, kind, question, answer, confidence, category, is_root_cause,
        enough_because, accepted_risk, joined, version, created_at, edited_at)
    SELECT document.id, CASE WHEN n = 1 THEN 'symptom' ELSE 'cause' END, '', 'The ' || pg_temp.said(document.id + n)
        || ' had no limit for ' || pg_temp.said(document.id / n), '', CASE WHEN n = 5 THEN 'process' ELSE '' END, n = 5,
        '', '', '', 1, now(), now()
    FROM postmortems_postmortem AS document, generate_series(1, 5) AS n
    WHERE NOT EXISTS (SELECT FROM postmortems_why WHERE postmortem_id = document.id)
"""


def library() -> None:
    """The view's own time and its queries, as the test client asks them."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from incidents import due
    from incidents.models import User

    with connection.cursor() as cursor:
        cursor.execute(WORD)
        cursor.execute(INCIDENTS.replace("% ", "%% "), {"documents": DOCUMENTS})
        for fill in (POSTMORTEMS, SECTIONS, WHYS):
            cursor.execute(fill)
    began = time.perf_counter()
    due.settle(due.database_now())
    print(f"{DOCUMENTS:,} documents read for the search in {time.perf_counter() - began:.1f} s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.filter(access="administrator").first() or User.objects.first())
    for words in ["", *LOOKED_FOR]:
        spent = []
        for _ in range(RUNS):
            began = time.perf_counter()
            with CaptureQueriesContext(connection) as asked:
                page = client.get("/postmortems/library/", {"q": words})
            spent.append((time.perf_counter() - began) * 1000)
            assert page.status_code == 200
        count = int(re.search(r"<h1>(?:More than )?(\d+)", page.content.decode())[1])
        print(
            f"{words or 'everything':24} {count:6,} found  {len(asked):3} queries  p50 {quantile(spent, 0.5):6.1f} ms"
            f"  p99 {quantile(spent, 0.99):6.1f} ms"
        )
    began = time.perf_counter()
    client.get("/postmortems/before/", {"title": "Payment ledger fails for customers"})
    print(f"What happened before: {(time.perf_counter() - began) * 1000:.1f} ms")
