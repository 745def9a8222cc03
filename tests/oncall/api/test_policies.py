"""Escalation policies: establish, read, retire."""

from datetime import timedelta

import pytest

from incidents.models import Membership, Scope
from oncall.models import EscalationPolicy
from tests.api_caller import Caller, administrator, fields_of, responder
from tests.factories import ScheduleFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


def body(**fields):
    return {
        "slug": "checkout-p0",
        "name": "Checkout P0",
        "service": "checkout",
        "severity": "P0",
        "repeat": 2,
        "levels": [
            {"after": 0, "condition": "always", "act": "inform", "targets": [{"chain": True}]},
            {"after": 30, "targets": [{"schedule": "payments"}, {"on_call": True}]},
            {"after": 300, "condition": "unmitigated", "targets": [{"rank": "lead"}, {"user": "amira@example.com"}]},
        ],
        **fields,
    }


@pytest.fixture(autouse=True)
def rows():
    ServiceFactory(slug="checkout")
    ScheduleFactory(slug="payments", people=[])
    UserFactory(email="amira@example.com")


def test_a_policy_is_established_and_read_back():
    answer = administrator().post("escalation-policies", **body())

    assert answer.status_code == 201, answer.content
    read = answer.json()
    assert {key: read[key] for key in ("slug", "name", "service", "severity", "repeat", "active")} == {
        "slug": "checkout-p0",
        "name": "Checkout P0",
        "service": "checkout",
        "severity": "P0",
        "repeat": 2,
        "active": True,
    }
    assert [(level["after"], level["condition"], level["act"], level["targets"]) for level in read["levels"]] == [
        (0, "always", "inform", [{"chain": True}]),
        (30, "unacknowledged", "page", [{"schedule": "payments"}, {"on_call": True}]),
        (300, "unmitigated", "page", [{"rank": "lead"}, {"user": "amira@example.com"}]),
    ]
    policy = EscalationPolicy.objects.get(slug="checkout-p0")
    assert [level.after for level in policy.levels.order_by("position")] == [
        timedelta(0),
        timedelta(seconds=30),
        timedelta(minutes=5),
    ]
    assert responder().get("escalation-policies/checkout-p0").json() == read


def test_the_shipped_ladder_is_listed():
    listed = responder().get("escalation-policies").json()["items"]

    assert {policy["severity"] for policy in listed} == {"P0", "P1", "P2", "P3", "P4", None}
    assert all(policy["service"] is None and policy["levels"] for policy in listed)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Bad Slug"}, "slug"),
        ({"service": "nothing"}, "service"),
        ({"service": None}, ""),
        ({"severity": "P7"}, "severity"),
        ({"repeat": 21}, "repeat"),
        ({"levels": []}, "levels"),
        ({"levels": [{"targets": []}]}, "levels.0.targets"),
        ({"levels": [{"after": -1, "targets": [{"chain": True}]}]}, "levels.0.after"),
        ({"levels": [{"after": 10**12, "targets": [{"chain": True}]}]}, "levels.0.after"),
        ({"levels": [{"after": 1.5, "targets": [{"chain": True}]}]}, "levels.0.after"),
        ({"levels": [{"condition": "maybe", "targets": [{"chain": True}]}]}, "levels.0.condition"),
        ({"levels": [{"act": "shout", "targets": [{"chain": True}]}]}, "levels.0.act"),
        ({"levels": [{"targets": [{}]}]}, "levels.0.targets.0"),
        ({"levels": [{"targets": [{"chain": True, "rank": "lead"}]}]}, "levels.0.targets.0"),
        ({"levels": [{"targets": [{"chain": False}]}]}, "levels.0.targets.0.chain"),
        ({"levels": [{"targets": [{"schedule": "nothing"}]}]}, "levels.0.targets.0.schedule"),
        ({"levels": [{"targets": [{"user": "x@example.com"}]}]}, "levels.0.targets.0.user"),
        ({"levels": [{"targets": [{"rank": "king"}]}]}, "levels.0.targets.0.rank"),
        ({"levels": [{"targets": [{"everyone": True}]}]}, "levels.0.targets.0.everyone"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_whole(change, field):
    count = EscalationPolicy.objects.count()

    assert fields_of(administrator().post("escalation-policies", **body(**change))) == [field]
    assert EscalationPolicy.objects.count() == count


def test_of_two_for_the_same_service_and_severity_the_second_is_refused_until_the_first_retires():
    caller = administrator()
    assert caller.post("escalation-policies", **body()).status_code == 201

    assert caller.post("escalation-policies", **body(slug="second")).status_code == 422
    assert caller.patch("escalation-policies/checkout-p0", active=False).json()["active"] is False
    assert caller.post("escalation-policies", **body(slug="second")).status_code == 201
    assert caller.patch("escalation-policies/checkout-p0", active=True).status_code == 422


def test_a_policy_is_renamed_by_a_manager_of_its_service_and_nobody_else():
    administrator().post("escalation-policies", **body())
    manager = UserFactory()
    Membership.objects.create(
        user=manager, team=EscalationPolicy.objects.get(slug="checkout-p0").service.team, is_manager=True
    )
    [shipped] = EscalationPolicy.objects.filter(severity=4)

    assert Caller(manager).patch("escalation-policies/checkout-p0", name="Ours").json()["name"] == "Ours"
    assert Caller(manager, Scope.READ).patch("escalation-policies/checkout-p0", name="x").status_code == 403
    assert Caller(manager).patch(f"escalation-policies/{shipped.slug}", name="x").status_code == 403
    assert responder().patch("escalation-policies/checkout-p0", name="x").status_code == 403


def test_the_list_of_policies_costs_the_same_however_many_there_are(django_assert_num_queries):
    caller = administrator()
    for place in range(3):
        ServiceFactory(slug=f"s{place}")
        caller.post("escalation-policies", **body(slug=f"p{place}", service=f"s{place}"))

    with django_assert_num_queries(6):  # token with person, policies, levels, targets, schedules, people
        caller.get("escalation-policies")
