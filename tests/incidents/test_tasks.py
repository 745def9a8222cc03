"""Tasks: exactly one owner, a time box whose end asks whoever gave the task, an outcome that is kept."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from incidents import assigning, briefing, due, lifecycle, roles
from incidents.models import Notice, Participant, Role, Severity, Task
from postmortems import drafting
from tests.api_caller import Caller
from tests.factories import ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


@pytest.fixture
def grace():
    return UserFactory(name="Grace")


def declare(level=1, *, minutes_ago=5, **said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=level)} | said
    return lifecycle.declare(lifecycle.Declaration(**said), by=None, at=timezone.now() - timedelta(minutes=minutes_ago))


def give(incident, title, owner, *, by, minutes=None, at=None):
    within = timedelta(minutes=minutes) if minutes else None
    return assigning.hand_out(
        incident, assigning.Wanted(title, owner=owner, within=within), by=by, at=at or timezone.now()
    )


def words(answer):
    return " ".join(answer.content.decode().split())


def board(client, incident):
    return words(client.get(f"/incidents/{incident.number}/")).split('id="tasks-h"')[1].split("</section>")[0]


def test_i22_a_task_without_an_owner_is_refused(client, ada):
    incident = declare()

    answer = client.post(f"/incidents/{incident.number}/tasks/", {"title": "Read the logs"})
    api = Caller(ada).post(f"incidents/{incident.number}/tasks", title="Read the logs")

    assert (answer.status_code, api.status_code) == (422, 422)
    assert "A task needs exactly one owner." in words(answer)
    assert api.json()["errors"][0]["field"] == "owner"
    assert not Task.objects.exists()


def test_i22_the_giver_is_asked_when_the_time_box_ends(client, ada, grace):
    incident = declare()
    roles.join(incident, Role.COMMANDER, by=ada, at=timezone.now())
    answer = {"title": "Count the connections", "owner": grace.pk, "within": 3}
    client.post(f"/incidents/{incident.number}/tasks/", answer)
    task = Task.objects.get()

    due.settle(task.due_at - timedelta(seconds=1))
    assert not Notice.objects.filter(person=ada, subject__contains="time is up").exists()
    due.settle(task.due_at)
    assert Notice.objects.filter(person=ada, subject__contains="time is up").exists()
    due.settle(task.due_at + timedelta(minutes=5))

    assert task.due_at - task.created_at == timedelta(minutes=3)
    assert Notice.objects.filter(person=ada, subject__contains="time is up").count() == 1
    [line] = incident.timeline.filter(kind="task", text__contains="time box")
    assert (
        line.text == "The time box of “Count the connections” is over; Grace has not said that it is done. Asked: Ada."
    )
    Task.objects.update(due_at=timezone.now() - timedelta(seconds=5))
    assert "Time is up: Count the connections. Ask Grace" in words(client.get(f"/incidents/{incident.number}/"))


def test_i22_a_new_time_box_asks_again_and_a_finished_task_never(client, ada, grace):
    incident = declare()
    task, other = (give(incident, title, grace, by=ada, minutes=3) for title in ("Count", "Look"))
    due.settle(other.due_at)
    client.post(f"/incidents/{incident.number}/tasks/{task.pk}/", {"within": 5, "save": ""})
    client.post(f"/incidents/{incident.number}/tasks/{other.pk}/done/")

    task.refresh_from_db()
    due.settle(task.due_at)

    assert incident.timeline.filter(text__contains="time box of “Count”").count() == 2
    assert incident.timeline.filter(text__contains="time box of “Look”").count() == 1


def test_a_drill_lives_its_time_boxes_faster(ada, grace):
    task = give(declare(kind="drill", time_scale=10), "Count", grace, by=ada, minutes=10)

    assert task.due_at - task.created_at == timedelta(minutes=1)


def test_nobody_is_asked_about_a_task_of_an_incident_that_is_over(ada, grace):
    incident = declare()
    task = give(incident, "Count", grace, by=ada, minutes=3)
    lifecycle.resolve(incident, by=ada, at=timezone.now())

    due.settle(task.due_at + timedelta(minutes=1))

    assert not incident.timeline.filter(text__contains="time box").exists()


def test_whoever_gets_a_task_is_told_and_takes_part(client, ada, grace):
    incident = declare(private=True)
    Participant.objects.create(incident=incident, user=ada, why="declared", since=timezone.now())

    client.post(f"/incidents/{incident.number}/tasks/", {"title": "Count", "owner": grace.pk, "within": 10})
    client.post(f"/incidents/{incident.number}/tasks/", {"title": "Look", "owner": ada.pk})

    [notice] = Notice.objects.filter(subject__contains="a task for you")
    assert (notice.person, notice.text.split(". ")[1]) == (grace, "Ada asks you: Count")
    assert Participant.objects.filter(incident=incident, user=grace).exists()


def test_r06_the_board_shows_my_tasks_first_and_each_with_its_one_owner(client, ada, grace):
    incident = declare()
    give(incident, "Ask the bank", grace, by=ada, minutes=5)
    give(incident, "Write to support", ada, by=grace)
    finished = give(incident, "Wake up", grace, by=ada)
    assigning.finish(incident, finished.pk, by=grace, at=timezone.now(), outcome="She is awake.")

    shown = board(client, incident)

    assert shown.index("Write to support") < shown.index("Ask the bank") < shown.index("Wake up")
    assert "2 open" in shown
    assert "<b>you</b>" in shown
    assert "She is awake." in shown


def test_an_empty_board_says_what_a_task_is(client, ada):
    assert "Nobody has been asked for anything." in board(client, declare())


def test_my_task_is_my_next_step(client, ada, grace):
    incident = declare()
    lifecycle.join(incident, by=ada, at=timezone.now())
    roles.join(incident, Role.COMMANDER, by=grace, at=timezone.now())
    task = give(incident, "Write to support", ada, by=grace)

    answer = words(client.get(f"/incidents/{incident.number}/"))

    assert '<p class="next-line">Write to support' in answer
    assert f'href="/incidents/{incident.number}/tasks/{task.pk}/"' in answer


def test_a_task_is_ticked_once(client, ada):
    incident = declare()
    task = Task.objects.create(incident=incident, title="Prepare it", role="communications", created_at=timezone.now())
    address = f"/incidents/{incident.number}/tasks/{task.pk}/done/"

    assert "Prepare it" in board(client, incident)
    client.post(address)
    again = client.post(address, follow=True)

    assert "Ada has done it already." in words(again)


def test_a_task_is_dropped_with_the_reason(client, ada, grace):
    incident = declare()
    task = give(incident, "Fail over", grace, by=ada)
    address = f"/incidents/{incident.number}/tasks/{task.pk}/"

    silent = client.post(address, {"drop": "", "outcome": ""})
    client.post(address, {"drop": "", "outcome": "The roll back was enough"})

    assert "Say why it is given up." in words(silent)
    assert incident.timeline.filter(text="Dropped: Fail over. The roll back was enough.").exists()
    assert "dropped by Ada: The roll back was enough" in board(client, incident)


def test_a_task_of_a_role_gets_a_person_and_then_has_one_owner(client, ada, grace):
    incident = declare()
    task = Task.objects.create(incident=incident, title="Prepare it", role="communications", created_at=timezone.now())

    client.post(f"/incidents/{incident.number}/tasks/{task.pk}/", {"owner": grace.pk, "save": ""})

    task.refresh_from_db()
    assert (task.owner, task.role) == (grace, "")
    with pytest.raises(IntegrityError, match="task_has_one_owner_or_a_role"), transaction.atomic():
        Task.objects.filter(pk=task.pk).update(role="operations")


def test_a_reader_cannot_own_a_task_and_a_stranger_sees_none(client, ada, grace):
    incident = declare()
    reader = UserFactory(access="viewer", email="reader@example.com")
    api = Caller(ada).post(f"incidents/{incident.number}/tasks", title="Look", owner="reader@example.com")
    task = give(incident, "Look", grace, by=ada)
    elsewhere = declare()

    assert (api.status_code, api.json()["errors"][0]["field"]) == (422, "owner")
    assert client.get(f"/incidents/{elsewhere.number}/tasks/{task.pk}/").status_code == 404
    client.force_login(reader)
    assert client.post(f"/incidents/{incident.number}/tasks/{task.pk}/done/").status_code == 403
    assert client.get(f"/incidents/{incident.number}/tasks/{task.pk}/").status_code == 200


def test_the_briefing_of_a_hand_over_names_the_open_tasks_with_their_time(ada, grace):
    incident = declare()
    task = give(incident, "Ask the bank", grace, by=ada, minutes=5)
    ended = give(incident, "Wake up", grace, by=ada)
    assigning.finish(incident, ended.pk, by=grace, at=timezone.now())

    told = briefing.write(incident, Role.COMMANDER, timezone.now())

    assert f"- Ask the bank (Grace, until {task.due_at:%H:%M} UTC)" in told
    assert "Wake up" not in told


def test_a_follow_up_stands_in_the_improvements_of_the_draft(client, ada, grace):
    incident = declare()
    task = give(incident, "Add an index", grace, by=ada)
    give(incident, "Wake up", grace, by=ada)
    client.post(
        f"/incidents/{incident.number}/tasks/{task.pk}/", {"done": "", "outcome": "By hand only", "follow_up": "on"}
    )
    lifecycle.resolve(incident, by=ada, at=timezone.now())
    incident.refresh_from_db()

    section = drafting.draft(incident, at=timezone.now()).sections.get(key="improvements")

    assert "- Add an index (Grace): By hand only" in section.text
    assert "Wake up" not in section.text


def test_the_api_gives_lists_passes_on_and_ends_tasks(ada):
    caller, incident = Caller(ada), declare()
    UserFactory(email="grace@example.com", name="Grace")
    where = f"incidents/{incident.number}/tasks"

    made = caller.post(where, title="Count", owner="grace@example.com", within=180)
    number = made.json()["id"]
    moved = caller.patch(f"{where}/{number}", owner=ada.email, follow_up=True)
    ended = caller.post(f"{where}/{number}/done", outcome="500 of 500")
    again = caller.post(f"{where}/{number}/done")

    assert (made.status_code, moved.json()["owner"], moved.json()["follow_up"]) == (201, ada.email, True)
    assert (ended.json()["state"], ended.json()["outcome"], again.status_code) == ("done", "500 of 500", 409)
    assert [row["id"] for row in caller.get(where).json()["items"]] == [number]
    assert caller.get(f"{where}/{number + 1}").status_code == 404
    assert caller.post(f"{where}/{number}/forget").status_code == 422
