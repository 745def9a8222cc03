"""Events and routes over the API."""

import pytest

from incidents.models import Incident
from tests.api_caller import administrator, fields_of, responder
from tests.factories import IntegrationFactory, ServiceFactory
from tests.incidents.intake.senders import event_of, process, store

pytestmark = pytest.mark.django_db


def test_routes_are_written_read_and_tried():
    checks = IntegrationFactory(kind="pagerduty", service=ServiceFactory(slug="ledger"))
    ServiceFactory(slug="platform")
    store(checks, event_of())
    process()
    caller, address = administrator(), f"integrations/{checks.pk}/routes"
    routes = [{"name": "Databases", "conditions": "source ~ db-*", "service": "platform", "severity": "P3"}]

    tried = caller.post(f"{address}/try", routes=routes)
    assert caller.get(address).json()["items"] == []
    written = caller.put(address, routes=routes)

    assert [(way["route"], way["service"], way["was"]) for way in tried.json()["items"]] == [
        ("Databases", "platform", "ledger")
    ]
    assert written.json()["items"][0]["severity"] == "P3"
    assert responder().get(address).json() == written.json()
    assert responder().put(address, routes=routes).status_code == 403
    assert fields_of(caller.put(address, routes=[{"name": "x", "service": "nobody"}])) == ["routes.0.service"]


def test_an_event_is_read_with_the_reasons_of_its_way():
    checks = IntegrationFactory(kind="pagerduty", service=ServiceFactory(slug="ledger"))
    raw = store(checks, event_of(key=checks.key))
    process()

    [listed] = responder().get("events").json()["items"]
    event = responder().get(f"events/{raw.pk}").json()

    assert listed["id"] == raw.pk
    assert (event["why"][0]["service"], event["why"][0]["severity"]) == ("ledger", "P1")
    assert event["why"][0]["incident"] == Incident.objects.get().ref
    assert checks.key not in event["body"]
    assert responder().get("events/999999").status_code == 404
