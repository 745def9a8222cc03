"""Conditions, actions, needs: how it stands, on top of the page, and the promise of the next one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import due, lifecycle, updates
from incidents.models import Clock, Severity
from tests.api_caller import Caller
from tests.factories import ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


def declare(level=0, *, minutes_ago=5, by=None):
    said = lifecycle.Declaration(
        title="Payments fail", service=ServiceFactory(), severity=Severity.objects.get(level=level)
    )
    return lifecycle.declare(said, by=by, at=timezone.now() - timedelta(minutes=minutes_ago))


def words(answer):
    return " ".join(answer.content.decode().split())


def parts(**more):
    return {"conditions": "12 % of payments work", "actions": "Tomasz rolls back", "needs": "", "seen": 0} | more


def clock_of(incident):
    return Clock.objects.filter(incident=incident, rule="update").order_by("-started_at").first()


def test_r18_an_update_in_three_parts_is_the_sentence_on_top_with_the_next_promise(client, ada):
    incident = declare(minutes_ago=5)

    answer = client.post(f"/incidents/{incident.number}/update/", parts(needs="a person of the bank"), follow=True)

    [entry] = incident.timeline.filter(kind="update")
    due_at = clock_of(incident).due_at
    assert "12 % of payments work. Tomasz rolls back. Needed: a person of the bank." in words(answer)
    assert f'<a href="#e-{entry.seq}">Last update' in words(answer)
    assert f"next by {due_at:%H:%M} UTC" in words(answer)
    assert entry.text.splitlines() == [
        "**Conditions:** 12 % of payments work.",
        "**Actions:** Tomasz rolls back.",
        "**Needs:** a person of the bank.",
        f"Next update by {due_at:%H:%M} UTC.",
    ]


def test_i15_an_update_restarts_the_countdown_and_a_late_one_breaches(ada):
    incident = declare(minutes_ago=0)
    began = incident.contract_started_at
    at = began + timedelta(minutes=14, seconds=50)

    updates.post(incident, updates.Said("Down", "We look"), by=ada, at=at)
    due.settle(began + timedelta(minutes=16))
    assert (clock_of(incident).state, clock_of(incident).due_at) == ("running", at + timedelta(minutes=15))

    due.settle(at + timedelta(minutes=15, seconds=1))
    assert clock_of(incident).state == "breached"
    updates.post(incident, updates.Said("Still down"), by=ada, at=at + timedelta(minutes=17))
    states = (
        Clock.objects.filter(incident=incident, rule="update").order_by("started_at").values_list("state", flat=True)
    )
    assert list(states) == ["met", "breached", "running"]


def test_r62_the_next_update_is_promised_by_the_commanders_cadence(client, ada):
    incident = declare()
    client.post(f"/incidents/{incident.number}/cadence/", {"every": 5, "version": incident.version})

    client.post(f"/incidents/{incident.number}/update/", parts())

    clock = clock_of(incident)
    assert clock.due_at - clock.started_at == timedelta(minutes=5)


def test_a_level_without_cadence_promises_nothing(client, ada):
    incident = declare(3)

    answer = client.post(f"/incidents/{incident.number}/update/", parts(), follow=True)

    assert "next by" not in words(answer)
    assert "Next update" not in incident.timeline.get(kind="update").text


def test_an_update_that_is_told_later_does_not_replace_a_newer_one(ada):
    incident, now = declare(minutes_ago=20), timezone.now()
    updates.post(incident, updates.Said("Recovering"), by=ada, at=now)

    updates.post(incident, updates.Said("Down"), by=ada, at=now, occurred_at=now - timedelta(minutes=10))

    incident.refresh_from_db()
    assert incident.summary == "Recovering."


def test_an_update_says_at_least_what_is_the_case_and_keeps_what_was_typed(client, ada):
    incident = declare()
    address = f"/incidents/{incident.number}/update/"

    empty = client.post(address, parts(conditions="  "))
    endless = client.post(address, parts(conditions="x" * 401))
    future = client.post(address, parts(occurred_at="2200-01-01 10:00"))
    blind = client.post(address, parts(seen=""))

    assert [answer.status_code for answer in (empty, endless, future, blind)] == [422] * 4
    assert "Say what is the case" in words(empty)
    assert "Tomasz rolls back" in words(empty)
    assert "The page was not sent whole." in words(blind)
    assert not incident.timeline.filter(kind="update").exists()


def test_of_two_who_write_at_once_the_second_reads_the_first_before_posting(client, ada):
    incident, lee = declare(), UserFactory(name="Lee")
    updates.post(incident, updates.Said("Recovering"), by=lee, at=timezone.now())
    address = f"/incidents/{incident.number}/update/"

    refused = client.post(address, parts(), headers=HTMX)
    seen = incident.timeline.get(kind="update").seq

    assert refused.status_code == 422
    assert "Lee posted an update at" in words(refused)
    assert "12 % of payments work" in words(refused)
    assert f'name="seen" value="{seen}"' in words(refused)
    client.post(address, parts(seen=seen), headers=HTMX)
    assert incident.timeline.filter(kind="update").count() == 2


def test_the_form_begins_with_the_last_update(client, ada):
    incident = declare()
    client.post(f"/incidents/{incident.number}/update/", parts(needs="a person of the bank"))

    form = words(client.get(f"/incidents/{incident.number}/update/", headers=HTMX))

    assert all(part in form for part in ("12 % of payments work", "Tomasz rolls back", "a person of the bank"))


def test_script_in_an_update_is_shown_as_text(client, ada):
    incident = declare()

    answer = client.post(
        f"/incidents/{incident.number}/update/", parts(conditions="<script>alert(1)</script>"), follow=True
    )

    assert "<script>alert" not in words(answer)
    assert "&lt;script&gt;alert(1)" in words(answer)


def test_whoever_only_reads_and_whoever_may_not_see_it_posts_nothing(client):
    incident = declare()
    client.force_login(UserFactory(access="viewer"))
    assert client.post(f"/incidents/{incident.number}/update/", parts()).status_code == 403

    incident.private = True
    incident.save()
    client.force_login(UserFactory())
    assert client.post(f"/incidents/{incident.number}/update/", parts()).status_code == 404
    assert not incident.timeline.filter(kind="update").exists()


def test_r18_the_holder_of_communications_is_asked_for_the_update_that_is_due(client, ada):
    incident = declare(minutes_ago=14)
    client.post(f"/incidents/{incident.number}/roles/communications/join/")
    client.post(f"/incidents/{incident.number}/roles/commander/join/")

    answer = words(client.get(f"/incidents/{incident.number}/"))

    assert "Say how it stands" in answer
    assert f'hx-get="/incidents/{incident.number}/update/"' in answer


def test_the_api_posts_and_lists_updates():
    caller, incident = Caller(UserFactory(email="ada@example.com")), declare()

    first = caller.post(f"incidents/{incident.number}/updates", conditions="Down", actions="We look")
    stale = caller.post(f"incidents/{incident.number}/updates", conditions="Up", seen=0)
    caller.post(f"incidents/{incident.number}/timeline", kind="update", text="In one piece")

    assert (first.status_code, stale.status_code) == (201, 409)
    assert first.json()["by"] == "ada@example.com"
    assert first.json()["next_by"].endswith("Z")
    listed = caller.get(f"incidents/{incident.number}/updates").json()["items"]
    assert [(row["conditions"], row["actions"]) for row in listed] == [("Down", "We look"), ("In one piece", "")]
