"""Watchers, subscribers, digests; who is here; commanders and postmortems that hear of what comes late."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import assigning, deciding, due, lifecycle, presence, roles, timeline, updates, watching
from incidents.models import Decision, Notice, Role, Severity, Watch
from postmortems.models import Section
from tests.api_caller import Caller, responder
from tests.factories import UserFactory
from tests.incidents.test_pages import declare, page, words

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=31)


def told(person=None):
    rows = Notice.objects.filter(dedupe_key__startswith="watch:")
    return list((rows.filter(person=person) if person else rows).order_by("pk").values_list("text", flat=True))


def watch(client, incident, **said):
    return client.post(f"/incidents/{incident.number}/watch/", {"pace": "soon", **said})


def test_o30_a_watcher_hears_what_others_do_and_not_of_their_own_deeds(client, ada):
    incident, lee = declare(), UserFactory(name="Lee")
    watch(client, incident)
    now = timezone.now()
    lifecycle.acknowledge(incident, by=lee, at=now)
    due.settle(now + SOON)
    assert len(told(ada)) == 1
    assert "Acknowledged Lee" in told(ada)[0]

    updates.post(incident, updates.Said("half of users"), by=ada, at=now + timedelta(minutes=5))
    due.settle(now + timedelta(minutes=6))

    assert len(told(ada)) == 1
    assert not Watch.objects.filter(due_at__isnull=False).exists()


def test_o30_after_seven_days_without_change_a_watcher_hears_no_more(client, ada):
    incident, lee = declare(3), UserFactory()
    watch(client, incident)
    late = timezone.now() + timedelta(days=7, minutes=1)

    lifecycle.resolve(incident, by=lee, at=late)
    due.settle(late + SOON)

    assert told(ada) == []
    assert not Watch.objects.exists()


def test_a_digest_gathers_an_hour_of_news_into_one_message(client, ada):
    incident, lee = declare(), UserFactory(name="Lee")
    watch(client, incident, pace="hourly")
    now = timezone.now()
    lifecycle.acknowledge(incident, by=lee, at=now)
    updates.post(incident, updates.Said("half of users"), by=lee, at=now + timedelta(minutes=20))
    due.settle(now + timedelta(minutes=59))
    assert told(ada) == []

    due.settle(now + timedelta(minutes=61))

    [text] = told(ada)
    assert "Acknowledged Lee" in text
    assert "half of users" in text
    assert Notice.objects.get(dedupe_key__startswith="watch:").subject.startswith(f"{incident.ref}: 2 changes")


def test_notes_are_no_news_and_who_stopped_hears_nothing(client, ada):
    incident, lee = declare(), UserFactory()
    watch(client, incident)
    timeline.add(incident, kind="note", text="x", by=lee, at=timezone.now())
    due.settle(timezone.now() + SOON)
    assert told() == []
    watch(client, incident, stop="1")
    lifecycle.acknowledge(incident, by=lee, at=timezone.now())

    due.settle(timezone.now() + SOON)

    assert told() == []


def test_subscribers_watch_each_new_incident_of_theirs_and_private_ones_stay_hidden(client, ada):
    first = declare(1)
    client.post("/me/watching/", {"service": first.service.pk, "down_to": 1, "pace": "soon"})
    assert str(first.service) in words(client.get("/me/watching/"))
    hit = declare(1, service=first.service, title="Cards fail")
    declare(2, service=first.service)
    declare(1)
    secret = declare(0, service=first.service, private=True, by=UserFactory())

    due.settle(timezone.now() + SOON)

    assert set(Watch.objects.filter(user=ada).values_list("incident", flat=True)) == {hit.pk, secret.pk}
    assert len(told(ada)) == 1
    assert "Cards fail" in told(ada)[0]
    shown = words(client.get("/me/watching/"))
    assert hit.ref in shown
    assert secret.ref not in shown
    client.post(f"/me/watching/{ada.subscriptions.get().pk}/end/")
    assert not ada.subscriptions.exists()


def test_a_subscription_to_a_service_and_a_team_at_once_is_refused(client, ada):
    service = declare().service

    answer = client.post(
        "/me/watching/", {"service": service.pk, "team": service.team_id, "down_to": 1, "pace": "soon"}
    )

    assert answer.status_code == 422
    assert "for both make two subscriptions" in words(answer)


def test_a_viewer_may_watch_and_nobody_watches_what_they_may_not_see(client):
    client.force_login(UserFactory(access="viewer"))
    incident = declare()

    assert watch(client, incident).status_code == 302
    assert watch(client, incident, pace="zebra", follow=True).status_code == 302
    assert Watch.objects.count() == 1
    assert watch(client, declare(private=True, by=UserFactory())).status_code == 404


def test_who_has_the_page_open_is_shown_to_the_others_until_they_are_gone(client, ada):
    incident, lee = declare(), UserFactory(name="Lee Park")
    presence.note(incident, by=lee, at=timezone.now())
    presence.note(incident, by=UserFactory(name="Gone"), at=timezone.now() - timedelta(minutes=1))

    shown = words(client.post(f"/incidents/{incident.number}/watchers/", headers={"HX-Request": "true"}))

    assert "Lee Park is here too." in shown
    assert "Gone" not in shown
    client.force_login(lee)
    assert "Ada is here too." in words(client.get(f"/incidents/{incident.number}/watchers/"))
    secret = declare(private=True, by=ada)
    assert client.post(f"/incidents/{secret.number}/watchers/").status_code == 404
    assert 'hx-trigger="load, every 20s' in words(page(client, incident))


def test_i23_the_commander_is_told_once_when_the_minute_for_objections_is_over(client, ada):
    incident, lee = declare(), UserFactory(name="Lee")
    now = timezone.now()
    roles.join(incident, Role.COMMANDER, by=ada, at=now)
    question = deciding.ask(incident, "roll back", by=lee, at=now)
    deciding.object_to(incident, question.pk, "the schema moved", by=UserFactory(), at=now)
    prompts = Notice.objects.filter(dedupe_key__startswith="question:")
    due.settle(now + timedelta(seconds=59))
    assert not prompts.exists()

    due.settle(now + timedelta(seconds=61))
    due.settle(now + timedelta(seconds=90))

    notice = prompts.get()
    assert notice.person == ada
    assert "There is one objection: roll back" in notice.text
    assert Decision.objects.get().decided_at is None


def test_nobody_is_told_of_a_question_that_was_decided_meanwhile(client, ada):
    incident, now = declare(), timezone.now()
    question = deciding.ask(incident, "roll back", by=ada, at=now)
    deciding.settle(incident, question.pk, by=ada, at=now)

    due.settle(now + timedelta(minutes=2))

    assert not Notice.objects.filter(dedupe_key__startswith="question:").exists()


def test_what_is_marked_as_a_follow_up_after_the_draft_was_made_is_added_to_it_once(client, ada):
    incident, now = declare(), timezone.now()
    task = assigning.hand_out(incident, assigning.Wanted("Add an index", ada), by=ada, at=now)
    lifecycle.resolve(incident, by=ada, at=now)
    section = Section.objects.get(postmortem__incident=incident, key="improvements")
    section.text += "\n\nWe write here."
    section.save()
    version = section.version

    assigning.change(incident, task.pk, owner=None, within=None, follow_up=True, by=ada, at=now)
    assigning.finish(incident, task.pk, by=ada, at=now, outcome="done", follow_up=True)
    assigning.hand_out(incident, assigning.Wanted("Alert on locks", ada, follow_up=True), by=ada, at=now)

    section.refresh_from_db()
    assert "We write here." in section.text
    assert section.text.count("Add an index (") == 1
    assert "- Alert on locks (Ada): not done yet" in section.text
    assert section.version == version + 2
    assert section.revisions.count() >= 2


def test_nothing_is_added_to_a_published_postmortem(client, ada):
    incident, now = declare(), timezone.now()
    lifecycle.resolve(incident, by=ada, at=now)
    section = Section.objects.select_related("postmortem").get(postmortem__incident=incident, key="improvements")
    section.postmortem.status = "published"
    section.postmortem.published_at = now
    section.postmortem.save()

    assigning.hand_out(incident, assigning.Wanted("Too late", ada, follow_up=True), by=ada, at=now)

    section.refresh_from_db()
    assert "Too late" not in section.text


def test_the_api_watches_and_subscribes():
    caller = responder()
    incident = declare()
    path = f"incidents/{incident.number}"

    assert caller.put(f"{path}/watch", pace="daily").json()["pace"] == "daily"
    assert [row["person"] for row in caller.get(f"{path}/watchers").json()["items"]] == [caller.person.email]
    assert caller.send("DELETE", f"{path}/watch").status_code == 204
    made = caller.post("subscriptions", team=incident.service.team.slug, down_to="P1").json()
    assert (made["team"], made["down_to"], made["pace"]) == (incident.service.team.slug, "P1", "soon")
    assert caller.get("subscriptions").json()["items"] == [made]
    assert Caller(UserFactory()).send("DELETE", f"subscriptions/{made['id']}").status_code == 404
    assert caller.send("DELETE", f"subscriptions/{made['id']}").status_code == 204
    assert watching.mine(caller.person) == ([], [])
    assert Severity.objects.count() == 5
