"""Pages and the standing of an escalation, and escalate now, as the engine makes them."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from incidents.models import Incident, Membership, Rank
from oncall import climbing
from oncall.models import Delivery, Escalation, Page
from tests.api_caller import Caller, responder
from tests.factories import ContactMethodFactory, ScheduleFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def service():
    """A service whose team has an engineer on call, a lead, a director and an executive, all of them reachable."""
    service = ServiceFactory(slug="checkout")
    ranks = {"amira": Rank.ENGINEER, "ben": Rank.LEAD, "dora": Rank.DIRECTOR, "eve": Rank.EXECUTIVE}
    people = {}
    for name, rank in ranks.items():
        people[name] = UserFactory(email=f"{name}@example.com", name=name.title())
        ContactMethodFactory(user=people[name])
        Membership.objects.create(team=service.team, user=people[name], rank=rank)
    ScheduleFactory(slug="payments", team=service.team, people=[people["amira"]])
    return service


def declare(severity="P1", **fields):
    answer = responder().post("incidents", title="x", service="checkout", severity=severity, **fields)
    assert answer.status_code == 201
    return answer.json()["number"]


def tick(number, after):
    incident = Incident.objects.get(number=number)
    climbing.fire_due(incident.contract_started_at + timedelta(seconds=after))


def standing(number):
    return responder().get(f"incidents/{number}/escalation").json()


def test_r71_before_anything_fired_the_first_level_is_next(service):
    number = declare()

    found = standing(number)

    assert (found["state"], found["level"]) == ("active", 0)
    assert found["levels"] >= 2
    assert found["history"] == []
    assert found["next"]["level"] == 1
    assert found["next"]["targets"] == [{"on_call": True}]
    assert found["next"]["whom"]


def test_r71_after_the_first_level_the_second_is_next_at_its_time(service):
    number = declare()
    tick(number, 1)

    found = standing(number)

    declared = Incident.objects.get(number=number).contract_started_at
    assert found["level"] == 1
    assert [(step["level"], step["state"]) for step in found["history"]] == [(1, "fired")]
    assert set(found["history"][0]) >= {"level", "loop", "due_at", "fired_at", "outcome"}
    assert "Amira" in found["history"][0]["outcome"]
    assert set(found["next"]) >= {"level", "due_at", "condition", "targets"}
    assert found["next"]["level"] == 2
    assert datetime.fromisoformat(found["next"]["due_at"]) == declared + timedelta(minutes=5)
    assert found["next"]["condition"] == "unacknowledged"


def test_the_pages_of_an_incident_are_read_with_their_deliveries(service):
    number = declare()
    tick(number, 1)

    [page] = responder().get(f"incidents/{number}/pages").json()["items"]

    row, delivery = Page.objects.get(), Delivery.objects.get()
    assert set(page) == {
        "id", "person", "act", "level", "loop", "reason", "created_at", "acknowledged_at", "ended_at", "deliveries",
    }  # fmt: skip
    assert (page["id"], page["person"], page["act"], page["level"]) == (row.pk, "amira@example.com", "page", 1)
    assert page["reason"].startswith("on call")
    assert (page["acknowledged_at"], page["ended_at"]) == (None, None)
    assert set(page["deliveries"][0]) == {"channel", "state", "attempts", "created_at", "sent_at", "error"}
    assert [(one["channel"], one["state"]) for one in page["deliveries"]] == [("email", "pending")]
    assert delivery.address not in str(page["deliveries"])


def test_an_acknowledgement_parks_what_waits_for_one(service):
    number = declare("P2")
    tick(number, 1)
    amira = Caller(Incident.objects.get(number=number).service.team.people.get(name="Amira"))

    amira.post(f"incidents/{number}/acknowledge")

    found = standing(number)
    assert (found["state"], found["next"]) == ("parked", None)
    assert found["why"] == "acknowledged"
    [page] = responder().get(f"incidents/{number}/pages").json()["items"]
    assert page["acknowledged_at"]
    assert page["ended_at"]


def test_a_resolution_ends_it(service):
    number = declare()
    tick(number, 1)

    responder().post(f"incidents/{number}/resolve")

    found = standing(number)
    assert (found["state"], found["next"], found["why"]) == ("ended", None, "resolved")
    assert len(found["history"]) == 1


def test_escalate_now_brings_the_next_level_forward(service):
    number = declare()
    tick(number, 1)
    caller = responder()

    answer = caller.post(f"incidents/{number}/escalate", note="I cannot reach Amira.")

    assert answer.status_code == 200
    assert answer.json()["version"] == Incident.objects.get(number=number).version
    assert datetime.fromisoformat(standing(number)["next"]["due_at"]) <= timezone.now()
    tick(number, 60)
    assert standing(number)["level"] == 2
    assert {page["person"] for page in caller.get(f"incidents/{number}/pages").json()["items"]} == {
        "amira@example.com",
        "ben@example.com",
    }
    kinds = [row["kind"] for row in caller.get(f"incidents/{number}/timeline").json()["items"]]
    assert "note" in kinds


def test_a_change_of_severity_begins_anew_and_keeps_the_history(service):
    number = declare("P2")
    tick(number, 1)

    responder().post(f"incidents/{number}/severity", severity="P1", reason="It spreads.")

    found = standing(number)
    assert (found["state"], found["level"], found["policy"]) == (
        "active",
        0,
        Escalation.objects.latest("pk").policy_name,
    )
    assert [step["severity"] for step in found["history"]] == ["P2"]


def test_a_backfill_pages_nobody(service):
    number = declare(kind="backfill", detected_at="2026-03-02T10:00:00Z")

    found = standing(number)

    assert (found["state"], found["next"], found["history"], found["levels"]) == ("ended", None, [], 0)


def test_when_the_ladder_is_climbed_the_next_round_comes_next(service):
    number = declare("P2")
    for after in range(0, 16 * 60, 30):
        tick(number, after + 1)

    found = standing(number)

    assert (found["state"], found["round"], found["level"]) == ("active", 1, found["levels"])
    assert found["next"]["level"] == 1
    assert found["rounds"] > 1


def test_an_exhausted_ladder_is_told(service):
    Membership.objects.update(rank=Rank.EXPERT)
    Escalation.objects.all().delete()
    number = declare("P2")
    Escalation.objects.update(repeat=0)
    for after in range(0, 40 * 60, 60):
        tick(number, after + 1)

    found = standing(number)

    assert (found["state"], found["next"]) == ("exhausted", None)
    assert found["why"]


@pytest.mark.parametrize("count", [1, 3])
def test_pages_and_standing_cost_the_same_for_one_and_three(service, count, django_assert_num_queries):
    number = declare("P0")
    for after in (1, 31, 301, 901)[: count + 1]:
        tick(number, after)
    caller = responder()
    caller.get("users")

    with django_assert_num_queries(5):  # token with person, incident, affected services, pages with people, deliveries
        caller.get(f"incidents/{number}/pages")
    # token with person, incident, affected services, runs, steps, severities, the policy as it is now (4)
    with django_assert_num_queries(10):
        caller.get(f"incidents/{number}/escalation")
