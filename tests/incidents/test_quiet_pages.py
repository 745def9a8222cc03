"""The pages of maintenance and silences: what they say, who may do what, what they cost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import maintenance, silencing
from incidents.models import Maintenance, Silence
from tests.factories import AdministratorFactory, IntegrationFactory, MembershipFactory, ServiceFactory, UserFactory
from tests.incidents.intake.senders import event_of, process, store
from tests.incidents.test_pages import words

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def root(client):
    root = AdministratorFactory(name="Root")
    client.force_login(root)
    return root


@pytest.fixture
def pagerduty(db):
    return IntegrationFactory(kind="pagerduty", name="Checks")


def typed(moment):
    return moment.strftime("%Y-%m-%dT%H:%M")


def test_without_anything_the_page_says_that_every_alert_pages(client, root):
    page = words(client.get("/maintenance/"))

    assert "Every alert pages" in page
    assert "No maintenance is planned" in page


def test_maintenance_is_planned_seen_changed_and_ended(client, root):
    service, at = ServiceFactory(name="Ledger"), timezone.now()
    said = {"title": "Upgrade", "services": [service.pk], "start": typed(at), "end": typed(at + 3 * HOUR), "note": ""}

    assert client.post("/maintenance/new/", said).status_code == 302
    row = Maintenance.objects.get()
    assert "Upgrade" in words(client.get("/maintenance/"))
    assert client.post(f"/maintenance/{row.pk}/", said | {"title": "Upgrade of Postgres"}).status_code == 302
    assert "Upgrade of Postgres" in words(client.get(f"/maintenance/{row.pk}/"))
    client.post(f"/maintenance/{row.pk}/end/")

    row.refresh_from_db()
    assert row.state(timezone.now()) == "over"


def test_what_cannot_be_is_said_beside_its_field_and_typed_text_stays(client, root):
    at = timezone.now()
    said = {"title": "Upgrade", "services": [ServiceFactory().pk], "start": typed(at), "end": typed(at - HOUR)}

    answer = client.post("/maintenance/new/", said)

    assert answer.status_code == 422
    assert "The end lies ahead" in words(answer)
    assert 'value="Upgrade"' in words(answer)


def test_what_is_held_back_is_named(client, root, pagerduty):
    at = timezone.now()
    maintenance.plan(title="Upgrade", services=[pagerduty.service], start=at, end=at + HOUR, by=root, at=at)
    store(pagerduty, event_of())
    process()

    page = words(client.get("/maintenance/"))

    assert "1 alert fires and pages nobody" in page
    assert "Database is down" in page


def test_a_silence_is_tried_on_the_newest_alerts_before_it_is_saved(client, root, pagerduty):
    store(pagerduty, event_of())
    process()
    service = pagerduty.service
    said = {"service": service.pk, "conditions": "source = db-1", "end": typed(timezone.now() + HOUR), "reason": "x"}

    tried = words(client.post("/silences/new/", said | {"try": "1"}))

    assert "1 of the 1 newest alerts fit" in tried
    assert not Silence.objects.exists()
    assert client.post("/silences/new/", said).status_code == 302
    row = Silence.objects.get()
    assert "source = db-1" in words(client.get(f"/silences/{row.pk}/"))
    client.post(f"/silences/{row.pk}/end/")
    row.refresh_from_db()
    assert row.state(timezone.now()) == "over"


def test_members_may_silence_and_not_plan_and_strangers_neither(client):
    member, at = MembershipFactory().user, timezone.now()
    service = ServiceFactory(team=member.teams.get())
    row = silencing.silence(service=service, reason="Known", end=at + HOUR, by=member, at=at)

    client.force_login(member)
    assert client.get("/maintenance/new/").status_code == 403
    assert "End it now" in words(client.get(f"/silences/{row.pk}/"))
    client.force_login(UserFactory())
    assert "End it now" not in words(client.get(f"/silences/{row.pk}/"))
    assert client.post(f"/silences/{row.pk}/end/").status_code == 403


@pytest.mark.parametrize("count", [1, 20])
def test_the_page_costs_the_same_for_one_row_and_twenty(client, root, count, django_assert_max_num_queries):
    at = timezone.now()
    for _ in range(count):
        service = ServiceFactory()
        maintenance.plan(title="Upgrade", services=[service], start=at, end=at + HOUR, by=root, at=at)
        silencing.silence(service=service, reason="Known", end=at + HOUR, by=root, at=at)

    with django_assert_max_num_queries(14):
        client.get("/maintenance/")
