"""The deeds: each answers with the fresh incident; what was seen is checked; refusals change nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from pghistory.models import Context

from incidents.models import Impact, Incident, Participant, Severity, SeverityChange, TimelineEntry
from tests.api_caller import administrator, fields_of, responder
from tests.incidents.api.test_incidents import declared

pytestmark = pytest.mark.django_db

T0 = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def minutes(count):
    return (T0 + timedelta(minutes=count)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def caller():
    return responder()


@pytest.fixture
def number(caller):
    return declared(caller, detected_at=minutes(0))["number"]


def do(caller, number, deed, **said):
    answer = caller.post(f"incidents/{number}/{deed}", **said)
    assert answer.status_code == 200, answer.content
    assert answer.json() == caller.get(f"incidents/{number}").json()
    return answer.json()


def story(number):
    rows = TimelineEntry.objects.filter(incident__number=number).order_by("seq")
    return list(rows.values_list("kind", flat=True))


def test_acknowledge(caller, number):
    incident = do(caller, number, "acknowledge", at=minutes(1), note="I look.")

    assert (incident["acknowledged"], incident["acknowledged_at"]) == (True, minutes(1))
    assert (incident["acknowledged_by"], incident["phase"]) == (caller.person.email, "respond")
    assert story(number)[-2:] == ["acknowledged", "note"]


def test_acknowledge_needs_no_body(caller, number):
    assert caller.send("POST", f"incidents/{number}/acknowledge").status_code == 200


def test_join(caller, number):
    do(caller, number, "acknowledge")
    other = responder()

    incident = do(other, number, "join")

    assert incident["acknowledged_by"] == caller.person.email
    assert Participant.objects.get(incident__number=number, user=other.person).joined_at


def test_mitigate(caller, number):
    incident = do(caller, number, "mitigate", what="Rolled back", at=minutes(13), impact_over=True)

    assert (incident["mitigated_at"], incident["recovered_at"]) == (minutes(13), minutes(13))
    assert (incident["phase"], incident["mitigation"]) == ("resolve", "Rolled back")


def test_resolve(caller, number):
    incident = do(
        caller, number, "resolve", at=minutes(20), recovered_at=minutes(18), root_cause="No review of statements."
    )

    assert (incident["open"], incident["status"], incident["phase"]) == (False, "resolved", "postmortem")
    assert (incident["resolved_at"], incident["recovered_at"]) == (minutes(20), minutes(18))
    assert incident["root_cause"] == "No review of statements."


def test_reopen(caller, number):
    do(caller, number, "resolve", at=minutes(20))

    incident = do(caller, number, "reopen", reason="It came back.", at=minutes(30), note="Same graph.")

    assert (incident["open"], incident["resolved_at"], incident["phase"]) == (True, None, "mitigate")
    again = Impact.objects.filter(incident__number=number).latest("started_at")
    assert (again.started_at, again.ended_at) == (T0 + timedelta(minutes=30), None)
    assert story(number)[-2:] == ["reopened", "note"]


@pytest.fixture
def closes_freely(db):
    """No level asks for a postmortem before its incidents are closed."""
    Severity.objects.update(postmortem_rule="optional")


def test_close(caller, number, closes_freely):
    do(caller, number, "resolve", at=minutes(20))

    incident = do(caller, number, "close", at=minutes(40))

    assert (incident["status"], incident["closed_at"]) == ("closed", minutes(40))


def test_decline(caller, number):
    incident = do(caller, number, "decline", reason="A test of the monitor.")

    assert (incident["open"], incident["status"]) == (False, "declined")


def test_change_the_severity(caller, number):
    incident = do(caller, number, "severity", severity="P0", reason="Everybody is affected.", at=minutes(5))

    assert (incident["severity"], incident["peak_severity"]) == ("P0", "P0")
    assert SeverityChange.objects.get().at == T0 + timedelta(minutes=5)
    incident = do(caller, number, "severity", severity=2, reason="Only some.")
    assert (incident["severity"], incident["peak_severity"]) == ("P2", "P0")


def test_escalate_without_a_further_level_is_refused(caller):
    number = declared(caller, kind="backfill", detected_at=minutes(0))["number"]

    answer = caller.post(f"incidents/{number}/escalate")

    assert answer.status_code == 409
    assert "no further level" in answer.json()["detail"]


DEEDS = [
    ("acknowledge", {}),
    ("mitigate", {"what": "x"}),
    ("resolve", {}),
    ("severity", {"severity": "P0", "reason": "x"}),
    ("decline", {"reason": "x"}),
    ("escalate", {}),
]


@pytest.mark.parametrize(("deed", "said"), DEEDS)
def test_who_saw_an_older_version_is_told_who_was_first(number, deed, said):
    first, seen = responder(name="Amira Haddad"), Incident.objects.get(number=number).version
    do(first, number, "severity", severity="P3", reason="Few are affected.")
    before = Incident.objects.values().get(number=number)

    answer = responder().post(f"incidents/{number}/{deed}", version=seen, **said)

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:tocsin:problem:stale-version"
    assert "Amira Haddad" in answer.json()["detail"]
    assert "P3" in answer.json()["detail"]
    assert Incident.objects.values().get(number=number) == before


@pytest.mark.parametrize(("deed", "said"), [("reopen", {"reason": "x"}), ("close", {})])
def test_who_saw_an_older_version_of_a_resolved_incident_is_told_so(caller, number, deed, said, closes_freely):
    seen = do(caller, number, "resolve")["version"]

    assert caller.post(f"incidents/{number}/{deed}", version=seen - 1, **said).status_code == 409
    assert do(caller, number, deed, version=seen, **said)["version"] == seen + 1


@pytest.mark.parametrize(("deed", "said"), DEEDS[:5])
def test_the_version_that_was_seen_is_enough(caller, number, deed, said):
    seen = caller.get(f"incidents/{number}").json()["version"]

    assert do(caller, number, deed, version=seen, **said)["version"] == seen + 1


@pytest.mark.parametrize(
    ("deed", "said", "field"),
    [
        ("acknowledge", {"version": "1"}, "version"),
        ("acknowledge", {"at": minutes(-10)}, "at"),
        ("acknowledge", {"at": "2150-01-01T00:00:00Z"}, "at"),
        ("acknowledge", {"at": "14:00"}, "at"),
        ("acknowledge", {"who": "me"}, "who"),
        ("mitigate", {}, "what"),
        ("mitigate", {"what": " "}, "what"),
        ("mitigate", {"what": "a" * 501}, "what"),
        ("resolve", {"recovered_at": "2150-01-01T00:00:00Z"}, "recovered_at"),
        ("reopen", {}, "reason"),
        ("decline", {}, "reason"),
        ("severity", {"severity": "P0"}, "reason"),
        ("severity", {"reason": "x"}, "severity"),
        ("severity", {"severity": "P0", "reason": " "}, "reason"),
        ("severity", {"severity": "P1", "reason": "x"}, "severity"),
        ("escalate", {"at": minutes(1)}, "at"),
    ],
)
def test_a_deed_that_cannot_be_is_refused(caller, number, deed, said, field):
    before = Incident.objects.values().get(number=number)

    assert fields_of(caller.post(f"incidents/{number}/{deed}", **said)) == [field]
    assert Incident.objects.values().get(number=number) == before


@pytest.mark.parametrize(
    ("deed", "said"), [("reopen", {"reason": "x", "at": minutes(10)}), ("close", {"at": minutes(10)})]
)
def test_what_follows_the_resolution_is_not_told_before_it(caller, number, deed, said):
    do(caller, number, "resolve", at=minutes(20))

    assert fields_of(caller.post(f"incidents/{number}/{deed}", **said)) == ["at"]


@pytest.mark.parametrize(
    ("before", "deed", "said"),
    [
        ([("acknowledge", {})], "acknowledge", {}),
        ([("mitigate", {"what": "x"})], "mitigate", {"what": "y"}),
        ([("resolve", {})], "resolve", {}),
        ([("resolve", {})], "acknowledge", {}),
        ([("resolve", {})], "escalate", {}),
        ([], "close", {}),
        ([], "reopen", {"reason": "x"}),
    ],
)
def test_a_deed_that_comes_too_late_or_too_early_is_refused_in_words(caller, number, before, deed, said):
    for earlier, words in before:
        do(caller, number, earlier, **words)

    answer = caller.post(f"incidents/{number}/{deed}", **said)

    assert answer.status_code == 409
    assert answer.json()["detail"]


def test_a_deed_on_an_incident_that_is_not_there_is_not_found(caller):
    assert caller.post("incidents/4711/acknowledge").status_code == 404


def test_an_acknowledgement_sent_twice_under_one_key_is_one(caller, number):
    key = {"Idempotency-Key": "ack-1"}

    first = caller.post(f"incidents/{number}/acknowledge", key)
    second = caller.post(f"incidents/{number}/acknowledge", key)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert story(number).count("acknowledged") == 1


def test_history_names_the_person_behind_the_token():
    caller = administrator()

    caller.post("teams", slug="payments", name="Payments")

    assert Context.objects.filter(metadata__user=caller.person.pk, metadata__url="/api/v1/teams").exists()
