"""Services and integrations."""

import pytest

from incidents.models import Integration, Service
from tests.api_caller import administrator, fields_of, responder
from tests.factories import IntegrationFactory, ServiceFactory, TeamFactory

pytestmark = pytest.mark.django_db


def test_a_service_is_added():
    TeamFactory(slug="payments")

    answer = administrator().post(
        "services", slug="checkout-api", name="Checkout", team="payments", revenue_path=True, core=True
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "slug": "checkout-api",
        "name": "Checkout",
        "team": "payments",
        "revenue_path": True,
        "core": True,
        "description": "",
        "active": True,
    }
    assert responder().get("services/checkout-api").json() == answer.json()
    assert responder().get("services").json() == {"items": [answer.json()], "next": None}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"team": "nobody"}, "team"), ({"slug": "taken"}, "slug"), ({"core": 1}, "core"), ({"owner": "x"}, "owner")],
)
def test_a_service_that_cannot_be_is_refused(change, field):
    taken = ServiceFactory(slug="taken")

    answer = administrator().post("services", **{"slug": "new", "name": "New", "team": taken.team.slug, **change})

    assert fields_of(answer) == [field]
    assert Service.objects.count() == 1


@pytest.mark.parametrize("kind", ["alertmanager", "pagerduty", "generic"])
def test_an_integration_comes_with_its_key_and_address(kind, settings):
    ServiceFactory(slug="checkout")

    answer = administrator().post("integrations", service="checkout", kind=kind, name="Probe")

    assert answer.status_code == 201
    integration = Integration.objects.get()
    assert answer.json()["key"] == integration.key
    assert answer.json()["url"].startswith(settings.PUBLIC_URL)
    if kind != "pagerduty":
        assert integration.key in answer.json()["url"]


def test_the_key_of_an_integration_is_not_listed():
    integration = IntegrationFactory()

    answer = administrator().get("integrations")

    assert integration.key not in answer.content.decode()
    assert answer.json()["items"] == [
        {
            "id": integration.pk,
            "service": integration.service.slug,
            "kind": "generic",
            "name": integration.name,
            "active": True,
        }
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"service": "nothing"}, "service"),
        ({"kind": "carrier-pigeon"}, "kind"),
        ({"kind": "alertmanager", "mapping": {"summary": "a.b"}}, "mapping"),
        ({"mapping": {"summary": 5}}, "mapping.summary"),
    ],
)
def test_an_integration_that_cannot_be_is_refused(change, field):
    ServiceFactory(slug="checkout")

    answer = administrator().post("integrations", **{"service": "checkout", "kind": "generic", "name": "P", **change})

    assert fields_of(answer) == [field]
    assert not Integration.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_lists_of_the_catalog_cost_the_same_for_one_and_three(count, django_assert_num_queries):
    caller = responder()
    caller.get("users")
    IntegrationFactory.create_batch(count)

    with django_assert_num_queries(2):  # token with person, services with teams
        caller.get("services")
    with django_assert_num_queries(2):  # token with person, integrations with services
        caller.get("integrations")
