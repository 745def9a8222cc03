"""The board, the list, the incident page and its forms: what they say, what they cost, what they refuse."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents import grading, lifecycle, timeline
from incidents.models import Incident, Severity
from tests.factories import AdministratorFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


def declare(level=1, *, by=None, minutes_ago=10, **said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=level)} | said
    return lifecycle.declare(lifecycle.Declaration(**said), by=by, at=timezone.now() - timedelta(minutes=minutes_ago))


def page(client, incident, **query):
    return client.get(reverse("incidents:detail", args=[incident.number]), query)


def words(answer):
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("count", [1, 50])
def test_the_board_costs_the_same_for_one_incident_and_fifty(client, ada, count, django_assert_num_queries):
    incidents = [declare(2, by=ada, affected_percent=number) for number in range(count)]

    # session, user, incidents, clocks, people, overdue, shell
    with django_assert_num_queries(7):
        answer = client.get("/")

    assert all(incident.ref in words(answer) for incident in incidents)


@pytest.mark.parametrize("count", [1, 1000])
def test_the_incident_page_costs_the_same_for_one_entry_and_a_thousand(
    client, ada, count, django_assert_max_num_queries
):
    incident = declare(by=ada)
    for number in range(count):
        timeline.add(incident, kind="note", text=f"note {number}", by=ada, at=timezone.now())

    with django_assert_max_num_queries(15) as queries:
        answer = page(client, incident)

    assert f"note {count - 1}" in words(answer)
    assert len(queries) == 15


def test_earlier_entries_are_one_link_away(client, ada):
    incident = declare(by=ada)
    for number in range(150):
        timeline.add(incident, kind="note", text=f"note {number}.", by=ada, at=timezone.now())

    newest = words(page(client, incident))
    earlier = words(page(client, incident, before=int(incident.timeline.get(text="note 60.").seq)))

    assert "note 149." in newest
    assert "note 20." not in newest
    assert "Earlier entries" in newest
    assert "note 20." in earlier


def test_what_a_filter_hides_is_said(client, ada):
    incident = declare(by=ada)
    timeline.add(incident, kind="decision", text="roll back", by=ada, at=timezone.now())

    answer = words(page(client, incident, show="decisions"))

    assert "roll back" in answer
    assert "2 other entries are hidden" in answer


@pytest.mark.parametrize(
    ("level", "acknowledged", "headline"),
    [
        (0, True, "One P0 is open, you have it"),
        (0, False, "One P0 is open, nobody has it yet"),
        (2, False, "One incident is open, one waiting for an answer"),
        (2, True, "One incident is open, all in hand"),
    ],
)
def test_the_board_says_in_one_sentence_what_is_happening(client, ada, level, acknowledged, headline):
    incident = declare(level)
    if acknowledged:
        lifecycle.acknowledge(incident, by=ada, at=timezone.now())

    assert f"<h1>{headline}</h1>" in words(client.get("/"))


def test_an_empty_board_says_since_when_and_offers_what_to_do(client, ada):
    assert "There has been no incident yet." in words(client.get("/"))
    lifecycle.resolve(declare(), by=ada, at=timezone.now())

    answer = words(client.get("/"))

    assert "<h1>All quiet</h1>" in answer
    assert "The last one" in answer


def test_an_incident_is_declared_in_three_answers(client, ada):
    service = ServiceFactory()

    answer = client.post("/incidents/declare/", {"title": "Cards fail", "service": service.pk, "severity": 1})

    incident = Incident.objects.get()
    assert answer.url == incident.get_absolute_url()
    assert (incident.title, incident.service, incident.severity_id, incident.kind) == ("Cards fail", service, 1, "real")
    assert (incident.declared_by, incident.detection) == (ada, "user_report")


def test_a_declaration_that_lacks_an_answer_keeps_what_was_typed(client, ada):
    answer = client.post("/incidents/declare/", {"title": "Cards fail", "detected_at": "25:99"})

    assert answer.status_code == 422
    assert 'value="Cards fail"' in words(answer)
    assert "Choose a level. If you waver between two, take the worse one." in words(answer)
    assert "Write a time in UTC: 14:05, or 2026-03-29 14:05." in words(answer)
    assert not Incident.objects.exists()


def test_r21_the_levels_are_shown_with_examples_while_choosing(client, ada):
    answer = words(client.get("/incidents/declare/"))

    for example in ("primary database down", "login failure rate above 50 %", "avatars failing to load"):
        assert example in answer


def test_a_viewer_reads_and_is_told_why_not_more(client):
    client.force_login(UserFactory(access="viewer"))
    incident = declare()

    assert "Declare</a>" not in words(client.get("/"))
    assert page(client, incident).status_code == 200
    refused = client.post(reverse("incidents:acknowledge", args=[incident.number]), {"version": incident.version})

    assert refused.status_code == 403
    assert "You may read, not act." in words(refused)


@pytest.mark.parametrize(
    "path",
    ["", "room/", "timeline/", "mitigate/", "severity/", "escalation/", "escalation/clock/", "pages/", "postmortem/"],
)
def test_a_private_incident_does_not_exist_for_others(client, path):
    incident = declare(private=True, by=UserFactory())
    address = f"/incidents/{incident.number}/{path}"
    client.force_login(UserFactory())

    assert client.get(address).status_code == 404
    assert incident.title not in words(client.get("/")) + words(client.get("/incidents/"))
    assert "0 incidents" in words(client.get("/incidents/"))

    client.force_login(AdministratorFactory())
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    "deed", ["acknowledge", "join", "phase", "mitigate", "resolve", "severity", "entries", "close"]
)
def test_nobody_acts_on_a_private_incident_that_is_not_theirs(client, deed):
    incident = declare(private=True, by=UserFactory())
    client.force_login(UserFactory())

    assert client.post(f"/incidents/{incident.number}/{deed}/").status_code == 404


def test_a_plain_form_acknowledges_and_returns_to_the_page(client, ada):
    incident = declare()

    answer = client.post(f"/incidents/{incident.number}/acknowledge/", {"version": incident.version}, follow=True)

    assert f"You have {incident.ref}." in words(answer)
    assert "<b>Ada</b> has it" in words(answer)


def test_htmx_gets_the_message_and_the_room_is_asked_to_refresh(client, ada):
    incident = declare()

    answer = client.post(
        f"/incidents/{incident.number}/acknowledge/", {"version": incident.version}, headers={"HX-Request": "true"}
    )

    assert answer["HX-Trigger-After-Swap"] == "deed-done"
    assert 'hx-swap-oob="true"' in words(answer)
    assert f"You have {incident.ref}." in words(answer)


def test_two_who_act_at_once_the_second_is_told_and_loses_nothing_typed(client, ada):
    incident = declare(2)
    seen = incident.version
    other = UserFactory(name="Amira")
    grading.change_severity(incident, to=Severity.objects.get(level=0), reason="all fail", by=other, at=timezone.now())

    said = {"version": seen, "severity": 3, "reason": "only one shop, I think"}
    answer = client.post(f"/incidents/{incident.number}/severity/", said)

    assert answer.status_code == 422
    assert "Amira was first" in words(answer)
    assert "P2 → P0: all fail" in words(answer)
    assert "only one shop, I think" in words(answer)
    incident.refresh_from_db()
    assert incident.severity_id == 0
    assert f'name="version" value="{incident.version}"' in words(answer)


def test_i05_a_severity_change_without_a_reason_is_refused_at_its_field(client, ada):
    incident = declare(2)

    answer = client.post(
        f"/incidents/{incident.number}/severity/", {"severity": 0, "reason": "", "version": incident.version}
    )

    assert answer.status_code == 422
    assert "Say why the severity changes." in words(answer)
    assert 'value="0" required checked' in words(answer)


def test_a_note_that_is_refused_keeps_its_text(client, ada):
    incident = declare()

    answer = client.post(
        f"/incidents/{incident.number}/entries/",
        {"kind": "note", "text": "seen on the graph", "occurred_at": "soon"},
        headers={"HX-Request": "true"},
    )

    assert answer.status_code == 422
    assert "seen on the graph" in words(answer)
    assert "Write a time in UTC" in words(answer)


def test_r85_markdown_is_shown_and_script_is_not(client, ada):
    incident = declare(title="<script>alert(1)</script>")
    client.post(
        f"/incidents/{incident.number}/entries/", {"kind": "note", "text": "**bold** <img src=x onerror=alert(1)>"}
    )

    answer = words(page(client, incident))

    assert "<strong>bold</strong>" in answer
    assert "<img" not in answer
    assert "<script>alert" not in answer


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("acknowledge", {}),
        ("phase", {"to": "mitigate"}),
        ("mitigate", {"what": "rolled back"}),
        ("resolve", {"root_cause": "a slow query"}),
        ("severity", {"severity": 0, "reason": "all cards fail"}),
        ("impact", {"affected_percent": 1}),
        ("decline", {"reason": "a test"}),
    ],
)
@pytest.mark.parametrize("version", [None, "", "zebra", "-1", "1e3", "99999999999"])
def test_a_deed_without_the_version_that_was_seen_does_nothing_and_says_so(client, ada, deed, said, version):
    incident = declare(2)
    before = incident.version
    said = said if version is None else said | {"version": version}

    answer = client.post(f"/incidents/{incident.number}/{deed}/", said, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert "The page was not sent whole" in words(answer)
    incident.refresh_from_db()
    assert incident.version == before


def test_the_refusal_names_the_deed_that_was_first_and_not_what_was_merely_written(client, ada):
    incident = declare(2)
    seen = incident.version
    grading.change_severity(
        incident,
        to=Severity.objects.get(level=4),
        reason="one shop",
        by=UserFactory(name="Amira"),
        at=timezone.now(),
    )
    timeline.add(incident, kind="finding", text="an innocent finding", by=UserFactory(name="Bo"), at=timezone.now())

    answer = client.post(f"/incidents/{incident.number}/mitigate/", {"what": "rolled back", "version": seen})

    assert "Amira was first, a moment ago. Severity changed: P2 → P4: one shop." in words(answer)


def test_the_impact_form_changes_the_urgency_and_writes_old_and_new(client, ada):
    incident = declare(2)

    client.post(
        f"/incidents/{incident.number}/impact/",
        {"affected_percent": 100, "workaround": "pay by bank", "version": incident.version},
    )

    incident.refresh_from_db()
    assert (incident.affected_percent, incident.workaround, incident.urgency) == (100, "pay by bank", 52.5)
    assert "users affected unknown → 100 %; workaround none → pay by bank" in incident.timeline.get(kind="impact").text


def test_a_proposed_severity_waits_for_a_person(client, ada):
    incident = declare(3)
    incident.proposals.create(severity_id=2, because="open for 30 minutes of working time", at=timezone.now())

    answer = words(page(client, incident))

    assert "<strong>P2 Major is proposed:</strong>" in answer
    assert f"/incidents/{incident.number}/severity/?to=2" in answer


def test_a_drill_and_a_backfill_say_so_across_the_page(client, ada):
    assert "DRILL – not real." in words(page(client, declare(kind="drill", time_scale=10)))
    assert "Backfilled" in words(page(client, declare(kind="backfill")))


def test_the_list_is_filtered_by_its_address(client, ada):
    old = lifecycle.resolve(declare(1, title="Old thing"), by=ada, at=timezone.now())
    declare(3, title="New thing")

    answer = words(client.get("/incidents/", {"status": "resolved"}))
    assert "Old thing" in answer
    assert "New thing" not in answer
    assert "New thing" in words(client.get("/incidents/", {"severity": "3"}))
    assert "Old thing" in words(client.get("/incidents/", {"q": old.ref.lower()}))
    assert "No incident fits" in words(client.get("/incidents/", {"q": "zebra"}))


@pytest.mark.parametrize(
    "query", ["q=%00", "severity=99", "service=nope", "page=zebra", "status=x", "q=INC-99999999999"]
)
def test_nonsense_in_the_address_is_never_a_fault(client, ada, query):
    assert client.get(f"/incidents/?{query}").status_code == 200


@pytest.mark.parametrize("query", ["show=zebra", "before=zebra", "before=99999999999999", "since=-1", "before=0"])
def test_nonsense_in_the_timelines_address_is_never_a_fault(client, ada, query):
    assert client.get(f"/incidents/{declare().number}/timeline/?{query}").status_code == 200


def test_pages_ask_strangers_to_sign_in(client):
    assert client.get("/").url == "/account/login/?next=/"
    assert client.get("/incidents/99999999/").status_code == 302


def test_i24_what_was_missed_is_told_since_a_number(client, ada):
    incident = declare()
    seen = incident.timeline_seq
    timeline.add(incident, kind="note", text="fresh", by=ada, at=timezone.now())

    answer = words(client.get(f"/incidents/{incident.number}/timeline/", {"since": seen}))

    assert "fresh" in answer
    assert "Declared" not in answer


def test_readiness_tells_how_the_engine_is(client):
    assert client.get("/healthz").content == b"ok\n"
    late = client.get("/readyz")
    assert late.status_code == 503
    assert late.json()["problem"] == "The paging engine has not run yet."
    metrics = client.get("/metrics").content.decode()
    assert 'tocsin_open_incidents{severity="P0"} 0.0' in metrics


@pytest.mark.parametrize("zone", ["Berlin", "Europe/Nowhere", "../x", "utc", "é"])
def test_a_time_zone_that_is_none_is_refused_and_the_name_typed_stays(client, ada, zone):
    answer = client.post("/me/", {"name": "Ada Lovelace", "time_zone": zone, "theme": ""})

    assert answer.status_code == 422
    assert 'value="Ada Lovelace"' in words(answer)
    assert "is not a time zone" in words(answer)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31 23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_refused_and_the_text_stays(client, ada, moment):
    said = {"what": "rolled back", "occurred_at": moment, "version": 1}

    answer = client.post(f"/incidents/{declare().number}/mitigate/", said)

    assert answer.status_code == 422
    assert "rolled back" in words(answer)


def test_a_deed_whose_version_cannot_be_read_is_refused(client, ada):
    incident = declare()

    client.post(f"/incidents/{incident.number}/acknowledge/", {"version": "abc"})

    incident.refresh_from_db()
    assert not incident.acknowledged
