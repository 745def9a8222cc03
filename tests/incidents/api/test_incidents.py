"""Declare, list and read incidents; their timeline and clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from incidents import lifecycle, visibility
from incidents.lifecycle import Declaration
from incidents.models import Access, Incident, Severity, TimelineEntry
from tests.api_caller import Caller, administrator, fields_of, responder
from tests.factories import ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db

FIELDS = {
    "number", "ref", "title", "kind", "severity", "peak_severity", "phase", "open", "acknowledged", "urgency",
    "service", "private", "time_scale", "impact_started_at", "detected_at", "declared_at", "acknowledged_at",
    "mitigated_at", "recovered_at", "resolved_at", "closed_at", "version", "url",
}  # fmt: skip


def declared(caller=None, **fields):
    caller = caller or responder()
    if "service" not in fields:
        fields["service"] = ServiceFactory().slug
    answer = caller.post("incidents", **{"title": "Payments fail", "severity": "P1", **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_an_incident_is_declared_in_three_fields(settings):
    service = ServiceFactory(slug="checkout")
    caller = responder()

    incident = declared(caller, service="checkout")

    row = Incident.objects.get()
    assert incident.keys() >= FIELDS
    assert {name: incident[name] for name in ("title", "kind", "severity", "peak_severity", "phase", "service")} == {
        "title": "Payments fail",
        "kind": "real",
        "severity": "P1",
        "peak_severity": "P1",
        "phase": "detect",
        "service": "checkout",
    }
    assert (incident["open"], incident["acknowledged"], incident["private"]) == (True, False, False)
    assert (incident["number"], incident["ref"]) == (row.number, row.ref)
    assert incident["urgency"] == row.urgency
    assert incident["version"] == row.version
    assert incident["url"] == f"{settings.PUBLIC_URL}/incidents/{row.number}/"
    assert incident["declared_by"] == caller.person.email
    assert (row.service, row.declared_by, row.acknowledged_at) == (service, caller.person, None)
    assert caller.get(f"incidents/{row.number}").json() == incident


def test_an_incident_is_declared_with_everything():
    ServiceFactory(slug="checkout")
    ServiceFactory(slug="search")
    ServiceFactory(slug="login")

    incident = declared(
        service="checkout",
        severity=0,
        kind="drill",
        time_scale=60,
        affected_services=["search", "login"],
        detected_at="2026-03-02T10:00:00+01:00",
        impact_started_at="2026-03-02T08:58:30.250Z",
        affected_percent=40,
        workaround="Pay by invoice.",
        private=True,
        detection="monitoring",
        summary="We look into it.",
    )

    assert incident["severity"] == "P0"
    assert incident["detected_at"] == "2026-03-02T09:00:00Z"
    assert incident["impact_started_at"] == "2026-03-02T08:58:30.250000Z"
    assert incident["affected_services"] == ["login", "search"]
    assert {name: incident[name] for name in ("kind", "time_scale", "affected_percent", "workaround", "private")} == {
        "kind": "drill",
        "time_scale": 60,
        "affected_percent": 40,
        "workaround": "Pay by invoice.",
        "private": True,
    }


@pytest.mark.parametrize("severity", ["P3", "p3", "3", 3])
def test_a_severity_is_read_in_several_spellings(severity):
    assert declared(severity=severity)["severity"] == "P3"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "a" * 201}, "title"),
        ({"service": "nothing"}, "service"),
        ({"service": "retired"}, "service"),
        ({"severity": "P5"}, "severity"),
        ({"severity": 5}, "severity"),
        ({"severity": True}, "severity"),
        ({"severity": 1.5}, "severity"),
        ({"kind": "joke"}, "kind"),
        ({"time_scale": 2}, "time_scale"),
        ({"kind": "drill", "time_scale": 101}, "time_scale"),
        ({"kind": "drill", "time_scale": 10**30}, "time_scale"),
        ({"affected_services": ["nothing"]}, "affected_services.0"),
        ({"affected_services": "checkout"}, "affected_services"),
        ({"affected_percent": 101}, "affected_percent"),
        ({"detected_at": "2026-03-02T10:00:00"}, "detected_at"),
        ({"detected_at": "2026-03-02"}, "detected_at"),
        ({"detected_at": 1772442000}, "detected_at"),
        ({"detected_at": "2026-02-30T10:00:00Z"}, "detected_at"),
        ({"detected_at": "0001-01-01T00:00:00+23:59"}, "detected_at"),
        ({"detected_at": "2150-01-01T00:00:00Z"}, "detected_at"),
        ({"workaround": "a" * 301}, "workaround"),
        ({"number": 7}, "number"),
        ({"private": 0}, "private"),
    ],
)
def test_an_incident_that_cannot_be_is_refused_whole(change, field):
    ServiceFactory(slug="checkout")
    ServiceFactory(slug="retired", is_active=False)
    said = {"title": "Payments fail", "service": "checkout", "severity": "P1", **change}

    assert fields_of(responder().post("incidents", **said)) == [field]
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("access", "scope"), [(Access.VIEWER, "write"), (Access.VIEWER, "admin"), (Access.RESPONDER, "read")]
)
def test_who_only_reads_declares_nothing_and_writes_nothing(access, scope):
    incident = declared()
    caller = Caller(UserFactory(access=access), scope)

    assert caller.get(f"incidents/{incident['number']}").status_code == 200
    for path, body in [
        ("incidents", {"title": "x", "service": incident["service"], "severity": "P4"}),
        (f"incidents/{incident['number']}/timeline", {"text": "x"}),
        (f"incidents/{incident['number']}/acknowledge", {}),
        (f"incidents/{incident['number']}/escalate", {}),
    ]:
        answer = caller.post(path, **body)
        assert answer.status_code == 403, path
        assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "/timeline", "/clocks", "/pages", "/escalation"])
def test_a_private_incident_does_not_exist_for_others(path):
    member = responder()
    number = declared(member, private=True)["number"]

    assert responder().get(f"incidents/{number}{path}").status_code == 404
    assert member.get(f"incidents/{number}{path}").status_code == 200
    assert administrator().get(f"incidents/{number}{path}").status_code == 200


@pytest.mark.parametrize(
    "deed",
    ["acknowledge", "join", "mitigate", "resolve", "reopen", "close", "decline", "severity", "escalate", "timeline"],
)
def test_nobody_acts_on_a_private_incident_that_they_cannot_see(deed):
    number = declared(private=True)["number"]
    body = {
        "mitigate": {"what": "x"},
        "reopen": {"reason": "x"},
        "decline": {"reason": "x"},
        "severity": {"severity": "P0", "reason": "x"},
        "timeline": {"text": "x"},
    }.get(deed, {})
    entries = TimelineEntry.objects.count()

    assert responder().post(f"incidents/{number}/{deed}", **body).status_code == 404
    assert TimelineEntry.objects.count() == entries


def test_private_incidents_are_left_out_of_the_list():
    member = responder()
    secret, known = declared(member, private=True), declared()

    def seen(caller):
        return {row["number"] for row in caller.get("incidents").json()["items"]}

    assert seen(responder()) == {known["number"]}
    assert seen(member) == {secret["number"], known["number"]}


def test_the_list_is_in_the_order_of_urgency_across_pieces():
    service, paying = ServiceFactory(), ServiceFactory(revenue_path=True)
    at = timezone.now()
    for level in (3, 1, 0, 2, 0, 4):
        for place, affected in enumerate((None, 1, 100)):
            said = Declaration(
                title="x",
                service=paying if place else service,
                severity=Severity.objects.get(level=level),
                affected_percent=affected,
                detected_at=at - timedelta(minutes=level),
            )
            lifecycle.declare(said, by=None, at=at)
    caller = responder()
    expected = list(Incident.objects.by_urgency().values_list("number", flat=True))

    assert [row["number"] for row in caller.get_all("incidents", limit=4)] == expected


def test_what_is_over_follows_what_is_open_however_severe_it_was():
    caller = responder()
    over = declared(caller, severity="P0")["number"]
    low = declared(caller, severity="P4")["number"]
    worst = declared(caller, severity="P0")["number"]
    lifecycle.resolve(Incident.objects.get(number=over), by=UserFactory(), at=timezone.now())

    assert [row["number"] for row in caller.get_all("incidents")] == [worst, low, over]


@pytest.fixture
def three_incidents():
    ServiceFactory(slug="checkout")
    ServiceFactory(slug="search")
    one = declared(service="checkout", title="Payments fail", severity="P0")["number"]
    two = declared(service="search", title="Search finds 100 % nothing", severity="P2", affected_services=["checkout"])[
        "number"
    ]
    three = declared(service="search", title="Index is late", severity="P2", kind="drill")["number"]
    row = Incident.objects.get(number=three)
    lifecycle.resolve(row, by=UserFactory(), at=timezone.now())
    return {one: "one", two: "two", three: "three"}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, {"one", "two", "three"}),
        ({"status": "open"}, {"one", "two"}),
        ({"status": "resolved"}, {"three"}),
        ({"severity": "P2"}, {"two", "three"}),
        ({"severity": "0"}, {"one"}),
        ({"service": "search"}, {"two", "three"}),
        ({"service": "checkout"}, {"one", "two"}),
        ({"service": "nothing"}, set()),
        ({"kind": "drill"}, {"three"}),
        ({"q": "FIND search"}, {"two"}),
        ({"q": "100 %"}, {"two"}),
        ({"q": "%"}, {"two"}),
        ({"q": "_"}, set()),
        ({"q": "is", "status": "resolved", "severity": "P2", "kind": "drill", "service": "search"}, {"three"}),
    ],
)
def test_the_list_is_filtered(three_incidents, query, wanted):
    answer = responder().get("incidents", **query)

    assert {three_incidents[row["number"]] for row in answer.json()["items"]} == wanted


def test_an_incident_is_found_by_its_reference(three_incidents):
    for number in three_incidents:
        for words in (str(number), f"INC-{number}", f"inc-{number}"):
            found = [row["number"] for row in responder().get("incidents", q=words).json()["items"]]
            assert number in found


@pytest.mark.parametrize("query", [{"status": "odd"}, {"severity": "P9"}, {"kind": "odd"}, {"q": "a" * 201}])
def test_a_filter_that_cannot_be_is_refused(query):
    assert fields_of(responder().get("incidents", **query)) == list(query)


@pytest.mark.parametrize("words", ["9" * 200, "²", "INC-", "٣"])
def test_odd_words_find_nothing(words):
    assert responder().get("incidents", q=words).json()["items"] == []


def test_what_a_person_saw_is_written_on_the_timeline():
    caller = responder()
    number = declared(caller)["number"]

    answer = caller.post(f"incidents/{number}/timeline", kind="finding", text="The pool is **full**.")

    assert answer.status_code == 201
    entry = answer.json()
    assert set(entry) >= {"id", "seq", "kind", "occurred_at", "recorded_at", "actor", "role", "text", "pinned", "data"}
    assert (entry["kind"], entry["text"], entry["actor"]) == ("finding", "The pool is **full**.", caller.person.email)
    assert entry["occurred_at"] == entry["recorded_at"]
    assert entry["occurred_at"].endswith("Z")
    story = caller.get(f"incidents/{number}/timeline").json()["items"]
    assert story[-1] == entry
    assert [line["kind"] for line in story[:2]] == ["detected", "declared"]


def test_i26_an_event_told_later_stands_where_it_happened():
    caller = responder()
    number = declared(caller, detected_at="2026-03-02T14:00:00Z")["number"]
    path = f"incidents/{number}/timeline"

    caller.post(path, text="first told", occurred_at="2026-03-02T14:30:00Z")
    late = caller.post(path, text="told later", occurred_at="2026-03-02T15:05:00+01:00").json()

    assert late["occurred_at"] == "2026-03-02T14:05:00Z"
    told = [row["text"] for row in caller.get(path).json()["items"] if row["kind"] == "note"]
    assert told == ["told later", "first told"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "  \n"}, "text"),
        ({"text": "a" * 20_001}, "text"),
        ({"text": "x", "kind": "resolved"}, "kind"),
        ({"text": "x", "kind": "nonsense"}, "kind"),
        ({"text": "x", "occurred_at": "2150-01-01T00:00:00Z"}, "occurred_at"),
        ({"text": "x", "pinned": True}, "pinned"),
        ({}, "text"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(said, field):
    caller = responder()
    number = declared(caller)["number"]

    assert fields_of(caller.post(f"incidents/{number}/timeline", **said)) == [field]


def test_the_story_is_read_in_pieces():
    caller = responder()
    number = declared(caller)["number"]
    for place in range(5):
        caller.post(f"incidents/{number}/timeline", text=str(place))
    whole = caller.get(f"incidents/{number}/timeline").json()["items"]

    assert caller.get_all(f"incidents/{number}/timeline", limit=3) == whole
    assert len({row["id"] for row in whole}) == len(whole)


def test_the_clocks_of_an_incident_are_read():
    caller = responder()
    incident = declared(caller, severity="P0")
    number = incident["number"]

    clocks = caller.get(f"incidents/{number}/clocks").json()

    assert clocks["next"] is None
    by_rule = {clock["rule"]: clock for clock in clocks["items"]}
    assert set(by_rule) == {"acknowledge", "respond", "commander", "update", "mitigate"}
    assert set(by_rule["mitigate"]) == {
        "rule", "started_at", "due_at", "met_at", "state", "severity", "ended_at", "why",
    }  # fmt: skip
    started, due = (datetime.fromisoformat(by_rule["mitigate"][name]) for name in ("started_at", "due_at"))
    assert due - started == timedelta(minutes=15)
    assert started.tzinfo == UTC
    assert (by_rule["mitigate"]["met_at"], by_rule["mitigate"]["state"]) == (None, "running")


@pytest.mark.parametrize("count", [1, 3])
def test_lists_of_incidents_and_entries_cost_the_same_for_one_and_three(count, django_assert_num_queries):
    caller = responder()
    number = declared(caller, affected_services=[ServiceFactory().slug])["number"]
    for _ in range(count - 1):
        declared(responder(), affected_services=[ServiceFactory().slug])
        caller.post(f"incidents/{number}/timeline", text="x")
    row = visibility.incident_for(caller.person, number)
    lifecycle.acknowledge(row, by=UserFactory(), at=timezone.now())

    with django_assert_num_queries(3):  # token with person, incidents with service and people, affected services
        caller.get("incidents")
    with django_assert_num_queries(5):  # token with person, incident, affected services, entries with people, files
        caller.get(f"incidents/{number}/timeline")
    with django_assert_num_queries(4):  # token with person, incident, affected services, clocks
        caller.get(f"incidents/{number}/clocks")
