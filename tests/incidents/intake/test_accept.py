"""The door itself: what is taken, what is refused and in which words, and what happens when nothing can be stored."""

import asyncio
import gzip
import json
import time
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import integrations
from incidents.intake import accept, store
from incidents.models import RawEvent
from tests.factories import AdministratorFactory, IntegrationFactory
from tests.incidents.intake.senders import event_of, firing, post_of

KB = 1024
SLOW = "SELECT pg_sleep(3), %b::bigint[], %b::text[], %b::text[], %b::bytea[], %b::text[]"


class Caller:
    """Calls the application as a server does."""

    def __init__(self, runner):
        self.runner = runner

    def __call__(self, path, body=b"", *, method="POST", headers=(), pieces=None):
        return self.runner.run(self.call(path, body, method=method, headers=headers, pieces=pieces))

    async def call(self, path, body=b"", *, method="POST", headers=(), pieces=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        events = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces or [body]]
        if pieces is None or pieces[-1:] == [b"end"]:
            events[-1]["more_body"] = False
        events.append({"type": "http.disconnect"})
        said = []

        async def receive():
            return events.pop(0)

        async def send(event):
            said.append(event)

        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": list(headers)}
        await accept.application(scope, receive, send)
        if not said:
            return None
        told = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return SimpleNamespace(status=said[0]["status"], headers=told, body=json.loads(said[1]["body"]))


def wait_for(integration):
    """The signs that were stored of a heartbeat."""
    return list(RawEvent.objects.filter(integration=integration).order_by("pk").values_list("dedup_key", flat=True))


@pytest.fixture
def call(committed_db, database_url, settings):
    """The application, opened on rows that are really committed. Its flush is slow: cases share a test."""
    settings.DATABASE_URL = database_url
    with asyncio.Runner() as runner:
        runner.run(accept.startup())
        yield Caller(runner)
        runner.run(accept.shutdown())


def path_of(integration, word=None):
    return f"/integrations/{integration.key}/{word or {'generic': 'events'}.get(integration.kind, integration.kind)}"


def test_i7_an_accepted_post_is_stored_byte_for_byte_before_the_answer(call, alertmanager):
    body = json.dumps(post_of(firing()), indent=3).encode()

    answer = call(path_of(alertmanager), body)

    raw = RawEvent.objects.get()
    assert (answer.status, answer.body) == (202, {"status": "accepted"})
    assert (bytes(raw.body), raw.format, raw.integration) == (body, "alertmanager", alertmanager)
    assert raw.processed_at is None


def test_a_pagerduty_event_is_answered_in_its_own_words(call, pagerduty):
    answer = call("/v2/enqueue", event_of(key=pagerduty.key))

    assert answer.status == 202
    assert answer.body == {"status": "success", "message": "Event processed", "dedup_key": "db-1"}
    assert RawEvent.objects.get().dedup_key == "db-1"


def test_a_pagerduty_event_without_a_key_gets_a_new_one_each_time(call, pagerduty):
    event = event_of(key=pagerduty.key)
    del event["dedup_key"]

    keys = [call("/v2/enqueue", event).body["dedup_key"] for _ in range(2)]

    assert len(set(keys)) == 2
    assert sorted(RawEvent.objects.values_list("dedup_key", flat=True)) == sorted(keys)


def test_a_pagerduty_event_with_faults_is_answered_with_all_of_them(call, pagerduty):
    event = {"routing_key": pagerduty.key, "event_action": "shout", "dedup_key": "x" * 256, "links": 7}

    answer = call("/v2/enqueue", event)

    assert answer.status == 400
    assert answer.body == {
        "status": "invalid event",
        "message": "The event is not valid.",
        "errors": [
            "'event_action' must be one of trigger, acknowledge, resolve",
            "'dedup_key' must be at most 255 characters long",
            "'links' must be a list",
        ],
    }
    assert not RawEvent.objects.exists()


def test_a_payload_that_pagerduty_would_refuse_is_refused(call, pagerduty):
    cases = [
        ({"summary": "x" * 1025}, "'payload.summary' must be at most 1024 characters long"),
        ({"summary": " "}, "'payload.summary' is missing or no text"),
        ({"source": None}, "'payload.source' is missing or no text"),
        ({"severity": "fatal"}, "'payload.severity' must be one of critical, error, warning, info"),
        ({"component": 7}, "'payload.component' must be a text"),
    ]
    for more, error in cases:
        answer = call("/v2/enqueue", event_of(key=pagerduty.key, **more))

        assert (answer.status, answer.body["errors"]) == (400, [error])


def test_the_longest_values_that_pagerduty_takes_are_taken(call, pagerduty):
    answer = call("/v2/enqueue", event_of(key=pagerduty.key, dedup_key="x" * 255, summary="y" * 1024))

    assert answer.status == 202


def test_to_acknowledge_or_resolve_needs_a_key(call, pagerduty):
    for action in ("acknowledge", "resolve"):
        answer = call("/v2/enqueue", {"routing_key": pagerduty.key, "event_action": action})

        assert (answer.status, answer.body["errors"]) == (400, [f"'dedup_key' is needed to {action}"])


def test_a_change_is_taken_and_stored(call, pagerduty):
    answer = call("/v2/change/enqueue", {"routing_key": pagerduty.key, "payload": {"summary": "Release 7"}})

    assert (answer.status, answer.body) == (202, {"status": "success", "message": "Change event processed"})
    assert RawEvent.objects.get().format == "pagerduty-change"


def test_o40_300_kb_are_taken_and_600_kb_are_not_on_the_pagerduty_endpoint(call, pagerduty):
    event = event_of(key=pagerduty.key, custom_details={"log": "x" * 300 * KB})
    too_long = event_of(key=pagerduty.key, custom_details={"log": "x" * 600 * KB})

    assert call("/v2/enqueue", event).status == 202
    answer = call("/v2/enqueue", too_long)

    assert (answer.status, answer.body["status"]) == (413, "invalid event")
    assert call("/v2/enqueue", b"", headers=[(b"content-length", b"614400")]).status == 413


def test_o40_alertmanager_may_send_10_mb_and_no_more(call, alertmanager):
    labels = {"note": "x" * 1000}
    post = json.dumps(post_of(*(firing(f"Alert{number}", **labels) for number in range(7_000)))).encode()
    assert len(post) > 8 * KB * KB

    assert call(path_of(alertmanager), post).status == 202
    assert call(path_of(alertmanager), b" " * (10 * KB * KB + 1)).status == 413
    assert RawEvent.objects.count() == 1


def test_a_body_that_grows_too_long_piece_by_piece_is_refused(call, pagerduty):
    assert call("/v2/enqueue", pieces=[b"x" * 300 * KB, b"x" * 300 * KB, b"end"]).status == 413


def test_o40_bad_json_is_refused_with_the_place(call, alertmanager, generic):
    for path in (path_of(alertmanager), path_of(generic), "/v2/enqueue", "/v2/change/enqueue"):
        answer = call(path, b'{\n "summary": oops}')

        assert answer.status == 400
        assert "line 2, column 13" in json.dumps(answer.body)


def test_what_is_no_json_at_all_is_refused(call, generic):
    cases = [
        (b"", "line 1, column 1"),
        (b"\xff\xfe{}", "byte 1"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "not JSON"),
    ]
    for body, words in cases:
        answer = call(path_of(generic), body)

        assert answer.status == 400
        assert words in answer.body["detail"]


def test_a_field_of_a_wrong_type_is_named(call, alertmanager):
    cases = [
        ([], ""),
        ({"alerts": {}}, "alerts"),
        ({"version": "3", "alerts": []}, "version"),
        ({"alerts": [], "groupKey": 7}, "groupKey"),
        ({"alerts": [], "truncatedAlerts": "many"}, "truncatedAlerts"),
        ({"alerts": [7]}, "alerts[0]"),
        ({"alerts": [{"status": "odd", "labels": {}}]}, "alerts[0].status"),
        ({"alerts": [{"status": "firing", "labels": []}]}, "alerts[0].labels"),
        ({"alerts": [{"status": "firing", "labels": {}, "startsAt": "noon"}]}, "alerts[0].startsAt"),
    ]
    for body, field in cases:
        answer = call(path_of(alertmanager), body)

        assert answer.status == 422
        assert [error["field"] for error in answer.body["errors"]] == [field]
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_key_is_404(call):
    for key in ("x" * 32, "short", "../../etc", "%00", "\x00" * 32, "ä" * 32):
        assert call(f"/integrations/{key}/events", {"summary": "x"}).status == 404


def test_an_unknown_routing_key_is_refused_in_pagerdutys_words(call):
    answer = call("/v2/enqueue", event_of(key="x" * 32))

    assert (answer.status, answer.body["status"]) == (400, "invalid event")
    assert "routing_key" in answer.body["errors"][0]


def test_an_unknown_address_is_404(call, generic):
    for path in ("/integrations", "/integrations/", "/integrations/a/b/c", f"/integrations/{generic.key}/grafana"):
        assert call(path).status == 404


def test_a_wrong_method_is_405_and_says_which_is_right(call, generic):
    for path in ("/v2/enqueue", "/v2/change/enqueue", path_of(generic)):
        for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
            answer = call(path, method=method)

            assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_an_integration_of_another_kind_is_told_where_it_belongs_without_its_key(call, alertmanager, pagerduty):
    wrong_path = call(path_of(alertmanager, "events"), {"summary": "x"})
    wrong_body = call("/v2/enqueue", event_of(key=alertmanager.key))
    in_path = call(path_of(pagerduty, "events"), {"summary": "x"})

    assert wrong_path.status == 404
    assert "POST to /integrations/<key>/alertmanager." in wrong_path.body["detail"]
    assert wrong_body.status == 400
    assert "POST to /integrations/<key>/alertmanager." in wrong_body.body["errors"][0]
    assert "POST to /v2/enqueue with the key as routing_key." in in_path.body["detail"]
    assert alertmanager.key not in json.dumps([wrong_path.body, wrong_body.body])


def test_an_inactive_integration_and_one_of_a_retired_service_are_404(call, generic):
    other = IntegrationFactory()
    generic.is_active = False
    generic.save()
    other.service.is_active = False
    other.service.save()

    assert call(path_of(generic), {"summary": "x"}).status == 404
    assert call(path_of(other), {"summary": "x"}).status == 404


def test_a_rotated_key_stops_at_once_though_it_was_remembered(call, generic):
    old = path_of(generic)
    assert call(old, {"summary": "x"}).status == 202

    generic.key = integrations.rotate_key(generic, by=AdministratorFactory(), at=timezone.now())

    assert call(old, {"summary": "x"}).status == 404
    assert call(path_of(generic), {"summary": "x"}).status == 202
    assert RawEvent.objects.count() == 2


def test_a_disabled_integration_stops_at_once_and_its_neighbours_in_the_same_set_do_not(call, generic):
    other = IntegrationFactory()
    assert call(path_of(generic), {"summary": "x"}).status == 202
    generic.is_active = False
    generic.save()

    async def both():
        paths = [path_of(generic), path_of(other)]
        return [
            answer.status for answer in await asyncio.gather(*(call.call(path, {"summary": "x"}) for path in paths))
        ]

    assert call.runner.run(both()) == [404, 202]


def test_a_packed_body_is_unpacked(call, generic):
    packed = [(b"content-encoding", b"gzip")]

    assert call(path_of(generic), gzip.compress(b'{"summary": "x"}'), headers=packed).status == 202
    assert bytes(RawEvent.objects.get().body) == b'{"summary": "x"}'


def test_a_length_or_packing_that_cannot_be_right_is_refused(call, generic):
    packed = gzip.compress(b'{"summary": "x"}')
    cases = [
        ([(b"content-length", b"-1")], b"{}", 400),
        ([(b"content-length", b"\xb2")], b"{}", 400),
        ([(b"content-length", b"9" * 30)], b"{}", 400),
        ([(b"content-encoding", b"br")], b"{}", 415),
        ([(b"content-encoding", b"gzip")], b"{}", 400),
        ([(b"content-encoding", b"gzip")], packed[:-6], 400),
        ([(b"content-encoding", b"gzip")], gzip.compress(b" " * (11 * KB * KB)), 413),
    ]
    for headers, body, status in cases:
        assert call(path_of(generic), body, headers=headers).status == status
    assert not RawEvent.objects.exists()


def test_a_sender_that_leaves_in_the_middle_gets_no_answer_and_leaves_no_event(call, generic):
    assert call(path_of(generic), pieces=[b'{"summ']) is None
    assert not RawEvent.objects.exists()


def test_a_body_that_does_not_arrive_is_given_up(call, generic, monkeypatch):
    monkeypatch.setattr(accept, "BODY_PATIENCE", 0.05)

    async def slow():
        said = []

        async def receive():
            await asyncio.sleep(5)

        async def send(event):
            said.append(event)

        scope = {"type": "http", "method": "POST", "path": path_of(generic), "headers": []}
        await accept.application(scope, receive, send)
        return said[0]["status"]

    assert call.runner.run(slow()) == 408


def test_what_arrives_together_is_stored_together_in_its_order(call, pagerduty):
    async def many():
        events = [event_of(key=pagerduty.key, dedup_key=f"db-{number:03}") for number in range(200)]
        return await asyncio.gather(*(call.call("/v2/enqueue", event) for event in events))

    call("/v2/enqueue", event_of(key=pagerduty.key, dedup_key="db"))  # from now on the key is known
    assert {answer.status for answer in call.runner.run(many())} == {202}
    stored = RawEvent.objects.order_by("pk").values_list("dedup_key", flat=True)
    assert list(stored) == ["db", *(f"db-{number:03}" for number in range(200))]


def test_a_full_queue_answers_503_and_when_to_come_back(call, generic, pagerduty, monkeypatch):
    monkeypatch.setattr(store, "MOST_WAITING", 0)
    for path, body in (("/v2/enqueue", event_of(key=pagerduty.key)), (path_of(generic), {"summary": "x"})):
        answer = call(path, body)

        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert "Send it again" in json.dumps(answer.body)


def test_a_database_that_is_away_answers_503(database_url, settings, generic, monkeypatch):
    monkeypatch.setattr(store, "CONNECTION_PATIENCE", 0.2)
    monkeypatch.setattr(store, "PATIENCE", 1.0)
    settings.DATABASE_URL = database_url.replace("host=", "host=/nowhere")
    with asyncio.Runner() as runner:
        runner.run(accept.startup())
        assert Caller(runner)(path_of(generic), {"summary": "x"}).status == 503
        runner.run(accept.shutdown())


def test_a_connection_that_the_database_ended_costs_nobody_an_event(call, generic):
    assert call(path_of(generic), {"summary": "before"}).status == 202
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%incidents_rawevent%' "
            "AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchall()

    assert call(path_of(generic), {"summary": "after"}).status == 202
    assert RawEvent.objects.count() == 2


def test_an_event_that_cannot_be_written_in_time_is_503(call, generic, monkeypatch):
    call(path_of(generic), {"summary": "x"})
    monkeypatch.setattr(store, "PATIENCE", 0.3)
    monkeypatch.setattr(store, "INSERT", SLOW)

    began = time.monotonic()
    answer = call(path_of(generic), {"summary": "x"})

    assert answer.status == 503
    assert time.monotonic() - began < 2.5


def test_a_fault_of_our_own_is_503_and_tells_the_log_neither_body_nor_key(call, generic, monkeypatch, caplog):
    def broken(body):
        raise RuntimeError(f"secret {body!r}")

    monkeypatch.setitem(accept.BY_PATH, "events", accept.Kept("generic", "generic", 1000, broken))

    answer = call(path_of(generic), {"summary": "only the sender knows this"})

    assert answer.status == 503
    assert "RuntimeError" in caplog.text
    assert "only the sender" not in caplog.text
    assert generic.key not in caplog.text


def test_before_the_start_the_answer_is_503(generic):
    with asyncio.Runner() as runner:
        assert Caller(runner)(path_of(generic), {"summary": "x"}).status == 503


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
WORDS = ["alerts", "labels", "status", "version", "payload", "summary", "severity", "dedup_key", "links", "images"]
SHAPED = st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), JUNK | st.text(max_size=300), max_size=8)


@given(body=st.binary(max_size=200) | (JUNK | SHAPED).map(lambda said: json.dumps(said).encode()))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junk_is_never_a_500_and_every_2xx_has_a_row(call, alertmanager, pagerduty, generic, body):
    RawEvent.objects.all().delete()

    statuses = [
        call(path_of(alertmanager), body).status,
        call(path_of(generic), body).status,
        call("/v2/enqueue", body).status,
        call("/v2/change/enqueue", body).status,
    ]

    assert set(statuses) <= {202, 400, 422}
    assert RawEvent.objects.count() == statuses.count(202)


@given(said=SHAPED, payload=SHAPED, action=st.sampled_from(["trigger", "acknowledge", "resolve"]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junk_around_a_true_routing_key_is_taken_or_refused(call, pagerduty, said, payload, action):
    event = {"event_action": action, "payload": event_of()["payload"] | payload} | said
    answer = call("/v2/enqueue", event | {"routing_key": pagerduty.key})

    assert answer.status in (202, 400)
    assert set(answer.body) in ({"status", "message", "dedup_key"}, {"status", "message", "errors"})


def test_o42_signs_of_life_are_taken_whatever_they_say(call):
    job, other = IntegrationFactory(kind="heartbeat"), IntegrationFactory(kind="generic")

    answers = [call(f"/integrations/{job.key}/heartbeat{end}", b"done").status for end in ("", "/start", "/fail")]

    assert answers == [202, 202, 202]
    assert wait_for(job) == ["", "start", "fail"]
    assert call(f"/integrations/{job.key}/heartbeat/missed", b"").status == 404
    assert call(f"/integrations/{other.key}/heartbeat", b"").status == 404
    assert call(f"/integrations/{job.key}/heartbeat", b"x" * 200_000).status == 413
