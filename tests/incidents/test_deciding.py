"""Decisions: at once, or after “strong objections?”; the commander decides, and everybody can read when."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import deciding, lifecycle, roles
from incidents.models import Decision, Role, Severity
from incidents.refusals import TransitionError
from tests.api_caller import Caller
from tests.factories import ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


@pytest.fixture
def grace():
    return UserFactory(name="Grace")


def declare(**said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=1)} | said
    return lifecycle.declare(lifecycle.Declaration(**said), by=None, at=timezone.now() - timedelta(minutes=5))


def commanded_by(person, **said):
    incident = declare(**said)
    roles.join(incident, Role.COMMANDER, by=person, at=timezone.now())
    return incident


def words(answer):
    return " ".join(answer.content.decode().split())


def page(client, incident, **query):
    return words(client.get(f"/incidents/{incident.number}/", query))


def test_i23_the_commander_decides_at_once(client, ada):
    incident = commanded_by(ada)

    client.post(f"/incidents/{incident.number}/decision/", {"text": "Roll back + fail over", "decide": ""})

    decision, entry = Decision.objects.get(), incident.timeline.get(kind="decision")
    assert (decision.decided_by, decision.asked_at) == (ada, None)
    assert (entry.actor, entry.role, entry.text) == (ada, "Incident Commander", "Roll back + fail over")
    assert entry.occurred_at == decision.decided_at
    assert "Roll back + fail over" in page(client, incident, show="decisions")


def test_i23_strong_objections_are_asked_for_sixty_seconds_and_then_the_commander_decides(client, ada, grace):
    incident = commanded_by(ada)
    client.post(f"/incidents/{incident.number}/decision/", {"text": "Fail over", "ask": ""})
    decision = Decision.objects.get()
    assert decision.objections_until - decision.asked_at == timedelta(seconds=60)
    assert "Strong objections?" in page(client, incident)
    assert "Decide: Fail over" in page(client, incident)

    client.force_login(grace)
    client.post(f"/incidents/{incident.number}/decisions/{decision.pk}/", {"why": "The standby lags"})
    client.force_login(ada)
    settle = f"/incidents/{incident.number}/decisions/{decision.pk}/settle/"
    refused = client.post(settle, {"heard": 0}, follow=True)
    assert "Grace objects: The standby lags. Read it, then decide." in words(refused)
    client.post(settle, {"heard": 1})

    decision.refresh_from_db()
    assert decision.decided_by == ada
    assert incident.timeline.get(kind="decision").text == "Fail over\n\nAgainst the objection of Grace."
    shown = page(client, incident, show="decisions")
    assert all(text in shown for text in ("Against the objection of Grace.", "The standby lags", "Strong objections?"))


def test_i23_nobody_but_the_commander_decides_and_anybody_may_ask(client, ada, grace):
    incident = commanded_by(grace)
    address = f"/incidents/{incident.number}/decision/"

    form = words(client.get(address))
    refused = client.post(address, {"text": "Fail over", "decide": ""})
    client.post(address, {"text": "Fail over", "ask": ""})
    decision = Decision.objects.get()
    settled = client.post(f"/incidents/{incident.number}/decisions/{decision.pk}/settle/", {"heard": 0}, follow=True)

    assert 'name="decide"' not in form
    assert refused.status_code == 422
    assert "Grace commands and decides." in words(refused)
    assert "Grace commands and decides." in words(settled)
    assert not incident.timeline.filter(kind="decision").exists()


def test_r60_where_nobody_commands_whoever_decides_is_named(client, ada):
    incident = declare()

    client.post(f"/incidents/{incident.number}/decision/", {"text": "Fail over", "decide": ""})

    assert incident.timeline.get(kind="decision").actor == ada
    assert 'class="e decision"' in page(client, incident)


def test_one_question_waits_at_a_time_and_can_be_withdrawn_by_who_asked(client, ada, grace):
    incident = commanded_by(grace)
    address = f"/incidents/{incident.number}/decision/"
    client.post(address, {"text": "Fail over", "ask": ""})

    second = client.post(address, {"text": "Roll back", "ask": ""})
    decision = Decision.objects.get()
    client.post(f"/incidents/{incident.number}/decisions/{decision.pk}/withdraw/")
    late = client.post(f"/incidents/{incident.number}/decisions/{decision.pk}/", {"why": "Too late"})

    assert "One question at a time" in words(second)
    assert "It was withdrawn." in words(late)
    assert "Strong objections?" not in page(client, incident).split('id="tl-h"')[0]
    client.post(address, {"text": "Roll back", "ask": ""})
    assert Decision.objects.count() == 2


def test_what_is_decided_is_not_decided_again(ada):
    incident = commanded_by(ada)
    decision = deciding.ask(incident, "Fail over", by=ada, at=timezone.now())
    deciding.settle(incident, decision.pk, by=ada, at=timezone.now())

    with pytest.raises(TransitionError, match="Ada has decided it already"):
        deciding.settle(incident, decision.pk, by=ada, at=timezone.now())


def test_a_drill_asks_for_a_shorter_time(ada):
    incident = commanded_by(ada, kind="drill", time_scale=10)

    decision = deciding.ask(incident, "Fail over", by=ada, at=timezone.now())

    assert decision.objections_until - decision.asked_at == timedelta(seconds=6)


@pytest.mark.parametrize("said", [{"text": " "}, {"text": "x" * 1001}])
def test_an_empty_or_endless_decision_is_refused(client, ada, said):
    incident = commanded_by(ada)

    answer = client.post(f"/incidents/{incident.number}/decision/", {**said, "decide": ""})

    assert answer.status_code == 422
    assert not Decision.objects.exists()


def test_a_question_without_the_number_of_objections_that_were_read_is_not_settled(client, ada):
    incident = commanded_by(ada)
    decision = deciding.ask(incident, "Fail over", by=ada, at=timezone.now())

    answer = client.post(f"/incidents/{incident.number}/decisions/{decision.pk}/settle/", follow=True)

    assert "The page was not sent whole." in words(answer)
    decision.refresh_from_db()
    assert decision.decided_at is None


def test_a_stranger_reads_no_question_of_a_private_incident(client, ada, grace):
    incident = declare()
    incident.private = True
    incident.save()
    decision = deciding.ask(incident, "Fail over", by=grace, at=timezone.now())

    assert client.get(f"/incidents/{incident.number}/decisions/{decision.pk}/").status_code == 404
    assert Caller(ada).get(f"incidents/{incident.number}/decisions").status_code == 404


def test_the_api_asks_objects_and_decides(ada, grace):
    incident = commanded_by(ada)
    commander, other = Caller(ada), Caller(grace)
    where = f"incidents/{incident.number}/decisions"

    asked = other.post(where, text="Fail over", ask=True)
    number = asked.json()["id"]
    objected = other.post(f"{where}/{number}/objections", why="The standby lags")
    theirs = other.post(f"{where}/{number}/decide")
    blind = commander.post(f"{where}/{number}/decide", heard=0)
    decided = commander.post(f"{where}/{number}/decide", heard=1)

    assert (asked.status_code, asked.json()["state"]) == (201, "asked")
    assert objected.json()["objections"][0]["person"] == grace.email
    assert (theirs.status_code, blind.status_code) == (403, 409)
    assert (decided.json()["state"], decided.json()["decided_by"]) == ("decided", ada.email)
    assert commander.get(where).json()["items"] == [decided.json()]
    assert commander.post(f"{where}/{number}/forget").status_code == 422
