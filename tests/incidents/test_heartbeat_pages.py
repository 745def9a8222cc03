"""The pages and the API of heartbeats."""

from datetime import timedelta

import pytest

from incidents import due
from incidents.models import Heartbeat, Incident
from tests.api_caller import administrator, fields_of, responder
from tests.factories import AdministratorFactory, IntegrationFactory, UserFactory
from tests.incidents.intake.test_heartbeat import beat
from tests.incidents.test_pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client):
    root = AdministratorFactory()
    client.force_login(root)
    return root


@pytest.fixture
def backup(db):
    return IntegrationFactory(kind="heartbeat", name="Nightly backup")


def test_without_any_the_page_says_so(client, root):
    assert "No heartbeat is expected" in words(client.get("/alerts/heartbeats/"))


def test_a_heartbeat_is_configured_and_its_absence_is_seen(client, root, backup):
    address = f"/alerts/heartbeats/{backup.pk}/"

    assert "Never heard of" in words(client.get("/alerts/heartbeats/"))
    assert client.post(address, {"period": "1440", "grace": "30"}).status_code == 302
    assert Heartbeat.objects.get().period == timedelta(days=1)
    at = due.database_now()
    beat(backup, at)
    due.settle(at + timedelta(days=1, minutes=31))
    assert "1 heartbeat is missing or failed" in words(client.get("/alerts/heartbeats/"))
    assert Incident.objects.get().ref
    assert backup.key in words(client.get(address))


def test_spans_that_cannot_be_are_refused(client, root, backup):
    answer = client.post(f"/alerts/heartbeats/{backup.pk}/", {"period": "0.1", "grace": "0"})

    assert answer.status_code == 422
    assert "10 seconds to a year" in words(answer)


def test_others_look_and_see_no_key(client, backup):
    client.force_login(UserFactory())

    assert backup.key not in words(client.get(f"/alerts/heartbeats/{backup.pk}/"))
    assert client.post(f"/alerts/heartbeats/{backup.pk}/", {"period": "1", "grace": "0"}).status_code == 403


@pytest.mark.parametrize("count", [1, 20])
def test_the_page_costs_the_same_for_one_and_twenty(client, root, count, django_assert_max_num_queries):
    for _ in range(count):
        Heartbeat.objects.create(integration=IntegrationFactory(kind="heartbeat"))

    with django_assert_max_num_queries(6):
        client.get("/alerts/heartbeats/")


def test_a_heartbeat_is_configured_over_the_api(backup):
    caller, address = administrator(), f"heartbeats/{backup.pk}"

    made = caller.put(address, period=3600, grace=60)

    assert (made.json()["state"], made.json()["period"]) == ("new", 3600)
    assert responder().get("heartbeats").json()["items"] == [made.json()]
    assert fields_of(caller.put(address, period=1)) == ["period"]
    assert responder().put(address, period=3600).status_code == 403
    assert caller.put(f"heartbeats/{IntegrationFactory().pk}", period=3600).status_code == 404
