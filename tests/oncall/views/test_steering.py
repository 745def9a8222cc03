"""Steering a ladder from the incident page: give back, snooze, follow the edited policy; the same through the API."""

from datetime import timedelta

import pytest
from django.urls import reverse

from incidents import lifecycle
from incidents.models import Access
from oncall.models import Escalation, EscalationLevel
from tests.api_caller import responder
from tests.oncall.conftest import paged
from tests.oncall.views.conftest import settle, words

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def incident(client, chain, now):
    client.force_login(chain.ada)
    incident = chain.declare(2, at=now)
    settle(now)
    return incident


def steer(client, incident, deed, *, headers=HTMX, **said):
    incident.refresh_from_db()
    said = {"version": incident.version} | said
    return client.post(reverse(f"oncall:{deed}", args=[incident.number]), said, headers=headers)


def test_who_has_it_gives_it_back_on_the_card_and_the_next_level_is_paged(client, chain, incident, now):
    lifecycle.acknowledge(incident, by=chain.ada, at=now)
    assert "Give it back" in words(client.get(reverse("oncall:escalation-card", args=[incident.number])))

    answer = steer(client, incident, "unacknowledge")
    settle(now + timedelta(seconds=9))

    assert answer.status_code == 200
    assert answer["HX-Trigger"] == "deed-done"
    assert "Give it back" not in words(answer)
    assert paged(incident) == ["Ada", "Lea"]


def test_a_snooze_is_set_and_ended_on_the_card(client, incident):
    snoozed = words(steer(client, incident, "snooze", minutes="30"))
    assert "snoozed" in snoozed
    assert "nobody is called before" in snoozed
    assert Escalation.objects.get(incident=incident).snoozed_until

    ended = words(steer(client, incident, "unsnooze"))

    assert "End the snooze" not in ended
    assert Escalation.objects.get(incident=incident).snoozed_until is None


def test_an_edited_policy_is_offered_on_the_card_and_followed_when_somebody_says_so(client, incident):
    card = reverse("oncall:escalation-card", args=[incident.number])
    assert "was edited since" not in words(client.get(card))
    EscalationLevel.objects.filter(policy__slug="default-p2", position=2).update(after=timedelta(minutes=5))
    assert "Default P2 was edited since. This ladder keeps its copy." in words(client.get(card))

    followed = words(steer(client, incident, "apply-policy"))

    assert "was edited since" not in followed
    assert Escalation.objects.filter(incident=incident).count() == 2


def test_without_javascript_a_deed_returns_to_the_incident_and_says_what_happened(client, incident):
    answer = steer(client, incident, "snooze", headers={}, minutes="15")

    assert answer.url == incident.get_absolute_url()


@pytest.mark.parametrize("deed", ["unacknowledge", "snooze", "unsnooze", "apply-policy"])
def test_what_cannot_be_done_is_said_on_the_card(client, incident, deed):
    answer = steer(client, incident, deed)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()


def test_of_two_who_steer_from_what_they_saw_the_second_is_told_who_was_first(client, incident):
    seen = incident.version
    steer(client, incident, "snooze", minutes="30")

    answer = steer(client, incident, "unsnooze", version=seen)

    assert answer.status_code == 422
    assert "was first" in words(answer)
    assert Escalation.objects.get(incident=incident).snoozed_until


@pytest.mark.parametrize("deed", ["unacknowledge", "snooze", "unsnooze", "apply-policy"])
def test_who_only_reads_steers_nothing(client, chain, incident, deed):
    chain.ada.access = Access.VIEWER
    chain.ada.save()

    answer = steer(client, incident, deed, minutes="15")

    assert "You may read, not act" in words(answer)
    assert not Escalation.objects.filter(incident=incident, snoozed_until__isnull=False).exists()


def test_the_api_steers_as_the_page_does(chain, incident, now):
    caller = responder()
    at = f"incidents/{incident.number}"
    lifecycle.acknowledge(incident, by=chain.ada, at=now)

    assert caller.post(f"{at}/unacknowledge", note="no access").json()["acknowledged"] is False
    until = (now + timedelta(minutes=20)).isoformat().replace("+00:00", "Z")
    assert caller.post(f"{at}/snooze", until=until).status_code == 200
    state = caller.get(f"{at}/escalation").json()
    assert (state["state"], state["why"], state["policy_changed"]) == ("parked", "snoozed", False)
    assert state["snoozed_until"]
    assert caller.post(f"{at}/unsnooze").status_code == 200
    assert caller.get(f"{at}/escalation").json()["snoozed_until"] is None
    assert caller.post(f"{at}/unsnooze").status_code == 409
    assert caller.post(f"{at}/apply-policy").status_code == 409
