"""Mitigation actions: what is tried, by whom, and whether it worked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import lifecycle, remedies
from incidents.models import MitigationAction, Severity
from tests.api_caller import Caller
from tests.factories import ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


def declare():
    said = lifecycle.Declaration(
        title="Payments fail", service=ServiceFactory(), severity=Severity.objects.get(level=1)
    )
    return lifecycle.declare(said, by=None, at=timezone.now() - timedelta(minutes=30))


def words(answer):
    return " ".join(answer.content.decode().split())


def test_r34_an_action_has_a_kind_an_owner_a_beginning_an_end_and_an_outcome(client, ada):
    incident, grace = declare(), UserFactory(name="Grace")
    said = {"text": "checkout-api build 42 → 41", "remedy": "rollback", "owner": grace.pk}

    client.post(f"/incidents/{incident.number}/actions/", said)
    action = MitigationAction.objects.get()
    running = words(client.get(f"/incidents/{incident.number}/doing/"))
    client.post(f"/incidents/{incident.number}/actions/{action.pk}/", {"worked": "no", "outcome": "Still 12 %"})

    action.refresh_from_db()
    assert (action.remedy, action.owner, action.worked, action.outcome) == ("rollback", grace, "no", "Still 12 %")
    assert action.started_at < action.finished_at
    assert "under way" in running
    assert [entry.text for entry in incident.timeline.filter(kind="action").order_by("seq")] == [
        "Roll back: checkout-api build 42 → 41. Grace does it.",
        "Did not work: checkout-api build 42 → 41. Still 12 %.",
    ]
    assert "did not work" in words(client.get(f"/incidents/{incident.number}/doing/", headers=HTMX))


def test_r34_what_worked_is_what_stopped_it_unless_somebody_knows_better(client, ada):
    incident, at = declare(), timezone.now()
    for text, worked in (("Restart", "no"), ("Fail over", "yes"), ("Limit", "unknown")):
        action = remedies.start(incident, remedy="other", text=text, owner=ada, by=ada, at=at)
        remedies.finish(incident, action.pk, worked=worked, by=ada, at=at)

    form = words(client.get(f"/incidents/{incident.number}/mitigate/"))

    assert 'name="what" value="Fail over"' in form


def test_r07_until_it_is_mitigated_the_page_begins_with_what_stops_the_bleeding(client, ada):
    answer = words(client.get(f"/incidents/{declare().number}/doing/"))

    assert "Stop the bleeding first" in answer


def test_what_is_unclear_may_become_clear_and_what_is_clear_stays(client, ada):
    incident, at = declare(), timezone.now()
    action = remedies.start(incident, remedy="limit", text="Half the traffic", owner=ada, by=ada, at=at)
    address = f"/incidents/{incident.number}/actions/{action.pk}/"

    client.post(address, {"worked": "unknown"})
    client.post(address, {"worked": "yes"})
    third = client.post(address, {"worked": "no"})

    action.refresh_from_db()
    assert action.worked == "yes"
    assert "It is judged already: worked." in words(third)


def test_an_action_told_later_keeps_its_times(client, ada):
    incident = declare()
    began = (timezone.now() - timedelta(minutes=10)).replace(second=0, microsecond=0)

    client.post(
        f"/incidents/{incident.number}/actions/",
        {"text": "Restart", "remedy": "other", "occurred_at": f"{began:%Y-%m-%d %H:%M}"},
    )
    action = MitigationAction.objects.get()
    early = client.post(
        f"/incidents/{incident.number}/actions/{action.pk}/",
        {"worked": "yes", "occurred_at": f"{began - timedelta(minutes=5):%Y-%m-%d %H:%M}"},
    )

    assert (action.started_at, action.owner) == (began, ada)
    assert incident.timeline.get(kind="action").occurred_at == began
    assert "This lies before it was begun" in words(early)


@pytest.mark.parametrize(
    "said", [{"text": ""}, {"text": "x" * 301, "remedy": "other"}, {"text": "Go", "remedy": "pray"}]
)
def test_an_action_without_words_or_of_no_kind_is_refused(client, ada, said):
    incident = declare()

    assert client.post(f"/incidents/{incident.number}/actions/", said).status_code == 422
    assert not MitigationAction.objects.exists()


def test_an_action_of_another_incident_is_not_there(client, ada):
    incident, other = declare(), declare()
    action = remedies.start(incident, remedy="other", text="Look", owner=ada, by=ada, at=timezone.now())

    assert client.get(f"/incidents/{other.number}/actions/{action.pk}/").status_code == 404
    assert Caller(ada).post(f"incidents/{other.number}/actions/{action.pk}", worked="yes").status_code == 404


def test_the_api_starts_and_judges_actions(ada):
    caller, incident = Caller(ada), declare()
    where = f"incidents/{incident.number}/actions"

    made = caller.post(where, text="Fail over", remedy="failover")
    judged = caller.post(f"{where}/{made.json()['id']}", worked="yes", outcome="Connections are back")
    again = caller.post(f"{where}/{made.json()['id']}", worked="no")

    assert (made.status_code, made.json()["owner"], made.json()["worked"]) == (201, ada.email, "")
    assert (judged.json()["worked"], again.status_code) == ("yes", 409)
    assert caller.get(where).json()["items"] == [judged.json()]
