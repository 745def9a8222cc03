"""Severity: five questions, a suggestion with reasons, proposals on a live incident, a slip undone."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents import grading, lifecycle
from incidents.models import AssessmentAnswer, Clock, Incident, Severity, SeverityChange, SeverityProposal
from oncall.models import Escalation
from tests.api_caller import Caller
from tests.factories import AdministratorFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


def declare(level, minutes_ago=5, **said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=level)} | said
    at = timezone.now() - timedelta(minutes=minutes_ago)
    return lifecycle.declare(lifecycle.Declaration(**said), by=None, at=at)


def words(answer):
    return " ".join(answer.content.decode().split())


def url(deed, incident):
    return reverse(f"incidents:{deed}", args=[incident.number])


def post(client, incident, deed, **said):
    incident.refresh_from_db()
    answer = client.post(url(deed, incident), {"version": incident.version, **said})
    incident.refresh_from_db()
    return answer


def suggested(ada, **answers):
    """What the API says of answers: level and reasons."""
    answer = Caller(ada).post("assessment", answers=answers).json()
    return answer["severity"], answer["because"]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"core": "down"}, "the core business is down"),
        ({"data": "large"}, "data is lost or exposed on a large scale"),
        ({"revenue": "serious"}, "serious financial loss"),
        ({"core": "cosmetic", "scope": "few", "data": "large"}, "data is lost or exposed on a large scale"),
    ],
)
def test_r15_any_one_condition_proposes_p0_and_says_which(ada, answers, reason):
    assert suggested(ada, **answers) == ("P0", reason)


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ({"core": "impaired"}, "P1"),
        ({"core": "some"}, "P2"),
        ({"core": "some", "scope": "all"}, "P1"),
        ({"core": "impaired", "scope": "all"}, "P1"),
        ({"core": "impaired", "scope": "few"}, "P2"),
        ({"core": "cosmetic", "scope": "all"}, "P3"),
        ({"core": "side", "revenue": "some"}, "P1"),
        ({"scope": "many"}, "P1"),
        ({"scope": "unknown"}, None),
        ({}, None),
    ],
)
def test_r28_the_answers_speak_for_neither_too_much_nor_too_little(ada, answers, level):
    assert suggested(ada, **answers)[0] == level


@pytest.mark.parametrize(
    ("core", "level"), [("down", "P1"), ("impaired", "P2"), ("some", "P3"), ("side", "P3"), ("cosmetic", "P4")]
)
def test_r26_a_workaround_lowers_by_one_and_never_below_p3(ada, core, level):
    assert suggested(ada, core=core, workaround="yes")[0] == level


def test_r25_money_is_part_of_the_suggestion(ada):
    assert suggested(ada, core="some", revenue="some") == ("P1", "payments or orders suffer")


def test_r28_an_administrator_edits_the_rules(client, ada):
    row = AssessmentAnswer.objects.get(question="core", word="some")
    client.force_login(AdministratorFactory())
    said = {"question": "core", "word": "some", "place": 3, "label": "Some fail", "level": 1, "shift": 0}

    answer = client.post(f"/admin/incidents/assessmentanswer/{row.pk}/change/", said | {"because": "we are small"})

    assert answer.status_code == 302
    assert suggested(ada, core="some") == ("P1", "we are small")


@pytest.mark.parametrize("question", ["core", "revenue", "data"])
def test_i01_r28_p0_is_suggested_with_its_reason_and_another_choice_is_stored_beside_it(client, ada, question):
    worst = {"core": "down", "revenue": "serious", "data": "large"}[question]
    shown = words(client.get(reverse("incidents:declare-suggestion"), {f"ask_{question}": worst}))
    assert "P0 Critical is suggested:" in shown

    said = {"title": "Cards fail", "service": ServiceFactory().pk, "severity": 2, f"ask_{question}": worst}
    assert client.post("/incidents/declare/", said).status_code == 302

    incident = Incident.objects.get()
    assert (incident.severity_id, incident.suggested_severity_id) == (2, 0)
    assert incident.assessment == {question: worst}
    assert incident.suggested_because in shown
    assert incident.timeline.filter(kind="severity", text__contains="P0 was suggested").exists()
    assert f"P0: {incident.suggested_because}" in words(client.get(incident.get_absolute_url()))


def test_r28_without_a_script_a_button_chooses_what_the_answers_suggest_and_keeps_what_was_typed(client, ada):
    service = ServiceFactory()

    form = words(
        client.post(
            "/incidents/declare/", {"assess": "", "title": "Cards", "service": service.pk, "ask_core": "impaired"}
        )
    )

    assert "P1 Severe is suggested:" in form
    assert 'value="1" required checked' in form
    assert 'value="Cards"' in form
    assert not Incident.objects.exists()


def test_three_answers_still_declare_and_nothing_is_suggested(client, ada):
    client.post("/incidents/declare/", {"title": "Cards fail", "service": ServiceFactory().pk, "severity": 1})

    incident = Incident.objects.get()
    assert (incident.suggested_severity, incident.assessment) == (None, {})


def test_r21_r14_examples_and_responders_of_each_level_stand_where_it_is_chosen(client, ada):
    form = words(client.get("/incidents/declare/"))

    for example in (
        "primary database down",
        "login failure rate above 50 %",
        "inaccurate search",
        "avatars",
        "misaligned",
    ):
        assert example in form
    for responders in ("All hands of the owning teams", "Core team", "On call", "Planned"):
        assert responders in form


def test_an_answer_that_does_not_exist_is_refused(ada):
    answer = Caller(ada).post("assessment", answers={"core": "on fire"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "assessment")


def test_i03_r26_c19_a_workaround_on_a_p1_proposes_p2_and_nothing_changes_without_a_person_and_a_reason(client, ada):
    incident = declare(1)
    clocks = list(Clock.objects.filter(incident=incident).values_list("pk", "state"))

    post(client, incident, "edit-impact", workaround="Pay by invoice", summary="")

    assert incident.severity_id == 1
    assert list(Clock.objects.filter(incident=incident).values_list("pk", "state")) == clocks
    [proposal] = Caller(ada).get(f"incidents/{incident.number}/proposals").json()["items"]
    assert (proposal["severity"], proposal["because"], proposal["settled_at"]) == (
        "P2",
        "users have a way around it",
        None,
    )
    assert "P2 Major is proposed:" in words(client.get(incident.get_absolute_url()))

    refused = post(client, incident, "change-severity", severity="2", reason="")
    assert (refused.status_code, incident.severity_id) == (422, 1)
    post(client, incident, "change-severity", severity="2", reason="Invoices work")
    assert incident.severity_id == 2
    assert not SeverityProposal.objects.filter(settled_at=None).exists()


def test_r28_more_users_than_thought_propose_a_more_severe_level(client, ada):
    incident = declare(2)

    post(client, incident, "edit-impact", affected_percent="95", workaround="", summary="")

    assert (incident.severity_id, SeverityProposal.objects.get().severity_id) == (2, 1)
    assert SeverityProposal.objects.get().because == "nearly all users notice"


def test_the_answers_of_before_are_weighed_again_with_what_changed(client, ada):
    incident = declare(1, assessment={"core": "impaired", "scope": "some"})

    post(client, incident, "edit-impact", affected_percent="2", workaround="", summary="")

    assert incident.assessment == {"core": "impaired", "scope": "few"}
    assert SeverityProposal.objects.get().severity_id == 2


def test_a_proposal_may_be_left(client, ada):
    incident = declare(1)
    post(client, incident, "edit-impact", workaround="Pay by invoice", summary="")

    post(client, incident, "keep-severity")

    assert incident.severity_id == 1
    assert not SeverityProposal.objects.filter(settled_at=None).exists()
    assert incident.timeline.get(text="P1 stays; P2 was proposed.").actor == ada


def test_a_live_incident_is_assessed_anew(client, ada):
    incident = declare(2)
    assert "Is data lost or exposed?" in words(client.get(url("assess", incident)))

    post(client, incident, "assess", ask_data="suspected")

    assert (incident.severity_id, incident.suggested_severity_id) == (2, 0)
    assert "P0 Critical is proposed:" in words(client.get(incident.get_absolute_url()))


def test_i05_r27_a_change_without_a_reason_is_refused_at_the_field_and_the_text_is_kept(client, ada):
    incident = declare(2)

    answer = post(client, incident, "change-severity", severity="1", reason="  ")

    assert answer.status_code == 422
    assert "Say why the severity changes." in words(answer)
    assert 'value="1" required checked' in words(answer)
    assert not SeverityChange.objects.exists()


def test_r27_a_slip_is_undone_within_a_minute_and_the_timeline_tells_both(client, ada):
    incident = declare(2)
    post(client, incident, "change-severity", severity="0", reason="Wrong button")
    assert "Undo" in words(client.get(incident.get_absolute_url()))

    post(client, incident, "undo-severity")

    assert (incident.severity_id, incident.peak_severity_id) == (2, 2)
    assert [(row.old_id, row.new_id) for row in SeverityChange.objects.order_by("pk")] == [(2, 0), (0, 2)]
    lines = [line.text for line in incident.timeline.filter(kind="severity").order_by("seq")]
    assert lines[0] == "P2 → P0: Wrong button"
    assert lines[1].startswith("P0 → P2: undone")
    running = Clock.objects.filter(incident=incident, state="running")
    assert {clock.severity_id for clock in running} == {2}
    assert Escalation.objects.filter(incident=incident).exclude(state="ended").get().severity_id == 2
    assert Caller(ada).post(f"incidents/{incident.number}/severity/undo").status_code == 409


def test_after_a_minute_a_change_stays(ada):
    incident = declare(2)
    at = timezone.now() - timedelta(seconds=61)
    grading.change_severity(incident, to=Severity.objects.get(level=0), reason="worse", by=ada, at=at)

    answer = Caller(ada).post(f"incidents/{incident.number}/severity/undo")

    assert answer.status_code == 409
    assert Incident.objects.get().severity_id == 0


def test_r24_the_formula_of_the_urgency_stands_beside_the_score(client, ada):
    assert "base × (0.5 + affected % ÷ 100)" in words(client.get(declare(2).get_absolute_url()))


def test_i02_r24_a_p2_of_everybody_comes_before_a_p1_of_one_percent_and_a_p0_before_all(ada):
    wide = declare(2, affected_percent=100)
    narrow = declare(1, affected_percent=1)
    worst = declare(0, affected_percent=0)

    found = Caller(ada).get("incidents", status="open").json()["items"]

    assert [row["number"] for row in found] == [worst.number, wide.number, narrow.number]
