"""The pages of events and routes: what they say, who may do what, what they cost."""

import pytest

from incidents import due, routing
from incidents.models import Incident, RawEvent, Route
from tests.factories import AdministratorFactory, IntegrationFactory, ServiceFactory, UserFactory
from tests.incidents.intake.senders import event_of, process, store
from tests.incidents.test_pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client):
    root = AdministratorFactory()
    client.force_login(root)
    return root


@pytest.fixture
def checks(db):
    return IntegrationFactory(kind="pagerduty", name="Checks", service=ServiceFactory(name="Ledger"))


def came_in(integration, **said):
    raw = store(integration, event_of(key=integration.key, **said))
    process()
    raw.refresh_from_db()
    return raw


def test_without_any_event_the_page_says_so(client, root):
    assert "Nothing has come in yet" in words(client.get("/alerts/"))
    assert "There is no integration yet" in words(client.get("/alerts/routes/"))


def test_an_event_is_found_and_says_why_it_went_where_it_went(client, root, checks):
    raw = came_in(checks)

    listed, shown = words(client.get("/alerts/?state=used")), words(client.get(f"/alerts/{raw.pk}/"))

    assert f"/alerts/{raw.pk}/" in listed
    assert "1 opened" in listed
    assert "So it belongs to <b>Ledger</b>" in shown
    assert Incident.objects.get().ref in shown
    assert "means P1" in shown
    assert checks.key not in shown
    assert "No event fits" in words(client.get("/alerts/?state=rejected"))


def test_an_event_of_a_private_incident_is_not_there_for_strangers(client, checks):
    opened, repeated = came_in(checks), came_in(checks)
    Incident.objects.update(private=True)
    client.force_login(UserFactory())

    assert client.get(f"/alerts/{opened.pk}/").status_code == 404
    assert client.get(f"/alerts/{repeated.pk}/").status_code == 404
    assert "Nothing has come in yet" in words(client.get("/alerts/"))
    assert "Database is down" not in words(client.get(f"/alerts/routes/{checks.pk}/"))


def test_a_route_is_tried_saved_moved_and_removed(client, root, checks):
    came_in(checks)
    other = ServiceFactory(name="Platform")
    said = {"name": "Databases", "conditions": "source ~ db-*", "service": other.pk, "is_active": "on"}
    address = f"/alerts/routes/{checks.pk}/"

    tried = words(client.post(f"{address}new/", said | {"try": "1"}))

    assert "instead of Ledger" in tried
    assert not Route.objects.exists()
    assert client.post(f"{address}new/", said).status_code == 302
    row = Route.objects.get()
    assert "Databases" in words(client.get(address))
    assert client.post(f"{address}{row.pk}/", said | {"name": "Data"}).status_code == 302
    assert client.post(f"{address}{row.pk}/move/", {"up": "1"}).status_code == 302
    assert Route.objects.get().name == "Data"
    client.post(f"{address}{row.pk}/remove/")
    assert not Route.objects.exists()


def test_a_route_that_cannot_be_is_refused_beside_its_field(client, root, checks):
    answer = client.post(f"/alerts/routes/{checks.pk}/new/", {"name": "Databases", "conditions": "nonsense"})

    assert answer.status_code == 422
    assert "Line 1 is no condition" in words(answer)
    assert 'value="Databases"' in words(answer)


def test_others_read_routes_and_do_not_write_them(client, checks):
    client.force_login(UserFactory())

    assert "Add a route" not in words(client.get(f"/alerts/routes/{checks.pk}/"))
    assert client.get(f"/alerts/routes/{checks.pk}/new/").status_code == 403


@pytest.mark.parametrize("count", [1, 30])
def test_the_pages_cost_the_same_for_one_row_and_thirty(client, root, checks, count, django_assert_max_num_queries):
    for number in range(count):
        store(checks, event_of(dedup_key=str(number)))
        routing.save(checks, routing.Wanted(f"Route {number}"), by=root, at=due.database_now())
    process()

    with django_assert_max_num_queries(8):
        client.get("/alerts/")
    with django_assert_max_num_queries(8):
        client.get(f"/alerts/routes/{checks.pk}/")
    with django_assert_max_num_queries(12):
        client.get(f"/alerts/{RawEvent.objects.first().pk}/")
