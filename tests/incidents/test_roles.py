"""Roles: join, assign, hand over with a briefing, two hats, who covers whom, the commander's one gesture."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents import due, grading, lifecycle, roles, timeline
from incidents.models import Clock, Handover, Notice, Participant, Rank, Role, RoleCard, RoleHolder, Severity, Task
from incidents.refusals import StaleVersion, TransitionError
from tests.api_caller import Caller
from tests.factories import AdministratorFactory, MembershipFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada", time_zone="Africa/Cairo")
    client.force_login(ada)
    return ada


@pytest.fixture
def grace():
    return UserFactory(name="Grace")


def declare(level=0, minutes_ago=2, **said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=level)} | said
    at = timezone.now() - timedelta(minutes=minutes_ago)
    return lifecycle.declare(lifecycle.Declaration(**said), by=None, at=at)


def words(answer):
    return " ".join(answer.content.decode().split())


def page(client, incident):
    return words(client.get(incident.get_absolute_url()))


def url(deed, incident, *more):
    return reverse(f"incidents:{deed}", args=[incident.number, *more])


def slot(client, incident, role):
    """What the page says of one role."""
    return page(client, incident).split(f'id="role-{role}"')[1].split("</article>")[0]


def told(incident):
    return [line.text for line in incident.timeline.filter(kind="role").order_by("seq")]


def test_i18_r17_joining_as_commander_is_recorded_told_and_meets_the_clock(client, ada):
    incident = declare()

    client.post(url("join-role", incident, "commander"))

    held = RoleHolder.objects.get(incident=incident)
    assert (held.role, held.person, held.until, held.how) == ("commander", ada, None, "joined")
    assert "Ada takes the role Incident Commander." in told(incident)
    assert Clock.objects.get(incident=incident, rule="commander").state == "met"
    incident.refresh_from_db()
    assert incident.held_by == ada
    assert Participant.objects.get(incident=incident, user=ada).joined_at


def test_r17_a_commander_who_comes_after_five_minutes_is_late_and_leads_and_directors_hear_of_it(ada):
    incident = declare(minutes_ago=6)
    for name, rank in (("Lea", Rank.LEAD), ("Dan", Rank.DIRECTOR)):
        MembershipFactory(team=incident.service.team, user__name=name, rank=rank)

    due.settle(timezone.now())

    clock = Clock.objects.get(incident=incident, rule="commander")
    assert (clock.due_at - clock.started_at, clock.state) == (timedelta(minutes=5), "breached")
    lines = [line.text for line in incident.timeline.filter(kind="clock")]
    assert "No commander joined in time. Told: Lea, Dan." in lines


@pytest.mark.parametrize(
    ("level", "asked"),
    [
        (0, {"commander", "communications", "tech_lead", "operations", "development"}),
        (1, {"commander", "communications", "tech_lead"}),
        (2, {"commander", "tech_lead"}),
        (3, set()),
    ],
)
def test_r50_r51_c10_the_page_asks_for_the_roles_of_the_level(client, ada, level, asked):
    answer = page(client, declare(level))

    assert {role for role in Role.values if f'id="role-{role}"' in answer} == asked


@pytest.mark.parametrize("role", Role.values)
def test_r51_r52_r53_r56_a_card_shows_duties_skills_and_a_phrase(client, ada, role):
    incident = declare()
    card = client.get(url("role", incident, role))

    assert card.status_code == 200
    assert card.content.count(b"<li>") >= 3
    assert "Good at" in words(card)
    assert "“" in words(card)


def test_r52_the_commander_has_four_duties_and_four_skills(ada):
    incident = declare()
    commander = Caller(ada).get(f"incidents/{incident.number}/roles").json()["items"][0]
    card = RoleCard.objects.get(role="commander")

    assert (len(card.duties), len(card.skills)) == (4, 4)
    assert (commander["role"], commander["person"], commander["asked"]) == ("commander", None, True)


def test_r50_an_administrator_may_rewrite_a_card(client):
    client.force_login(AdministratorFactory())
    form = client.get("/admin/incidents/rolecard/commander/change/")
    assert "calm under stress" in words(form)

    said = {
        "name": "Captain",
        "place": 1,
        "duties": "Steers, Decides",
        "skills": "calm",
        "phrase": "Go.",
        "asked_to": 1,
    }
    assert client.post("/admin/incidents/rolecard/commander/change/", said).status_code == 302

    card = words(client.get(url("role", declare(), "commander")))
    assert "<h1>Captain</h1>" in card
    assert "<li>Steers</li><li>Decides</li>" in card


def test_r53_a_skill_is_a_tag_that_stands_beside_the_name(client, ada):
    UserFactory(name="Grace", skills=["decision making"])

    assert "Grace (decision making)" in words(client.get(url("role", declare(), "commander")))


def test_r54_i19_a_commander_with_a_second_hat_is_warned_and_not_stopped(client, ada):
    incident = declare()
    client.post(url("join-role", incident, "tech_lead"))

    answer = client.post(url("join-role", incident, "commander"))

    assert answer.status_code == 302
    assert any(line.startswith("Ada wears two hats: Incident Commander and Tech Lead.") for line in told(incident))
    assert "two hats" in slot(client, incident, "commander")
    assert "loses the overview" in words(client.get(url("role", incident, "tech_lead")))


def test_r54_somebody_who_owns_nothing_may_command(client, ada):
    client.post(url("join-role", declare(), "commander"))

    assert RoleHolder.objects.get().person == ada


def test_i21_an_empty_tech_lead_is_covered_by_those_at_the_keyboard(client, ada, grace):
    incident = declare()
    roles.join(incident, Role.OPERATIONS, by=ada, at=timezone.now())
    roles.join(incident, Role.DEVELOPMENT, by=grace, at=timezone.now())

    assert "covered by Ops + Dev Lead" in slot(client, incident, "tech_lead")


def test_r57_everybody_sees_who_holds_what_since_when_and_works_on_what(client, ada, grace):
    incident = declare()
    roles.join(incident, Role.TECH_LEAD, by=grace, at=timezone.now())
    Task.objects.create(incident=incident, title="Read the logs", owner=grace, created_at=timezone.now())
    client.post(url("work-on", incident), {"what": "watching the queue"})

    answer = page(client, incident)

    assert "<b>Grace</b>" in slot(client, incident, "tech_lead")
    assert "since" in slot(client, incident, "tech_lead")
    crew = answer.split('id="crew-h"')[1].split("</section>")[0]
    assert "Tech Lead: Read the logs" in crew
    assert "watching the queue" in crew


def test_a_role_that_somebody_holds_is_not_taken_by_joining(client, ada, grace):
    incident = declare()
    roles.join(incident, Role.COMMANDER, by=grace, at=timezone.now())

    client.post(url("join-role", incident, "commander"))

    assert RoleHolder.objects.get().person == grace


def test_of_two_who_change_a_role_at_once_the_second_is_told_who_was_first(ada, grace):
    incident = declare()
    seen = incident.version
    roles.join(incident, Role.COMMANDER, by=grace, at=timezone.now())

    with pytest.raises(StaleVersion, match="Grace was first"):
        roles.assign(incident, Role.COMMANDER, ada, by=ada, at=timezone.now(), version=seen)


def test_a_handover_brings_a_briefing_and_changes_hands_when_the_receiver_accepts(client, ada, grace):
    incident = declare(1)
    roles.join(incident, Role.COMMANDER, by=grace, at=timezone.now())
    timeline.add(incident, kind="decision", text="Roll back", by=grace, at=timezone.now())
    client.force_login(grace)
    client.post(url("give-role", incident, "commander"), {"person": ada.pk, "offer": ""})
    offered = Handover.objects.get()
    for part in ("Payments fail", "P1 Severe", "Incident Commander Grace", "Decision: Roll back", "Update by"):
        assert part in offered.briefing
    assert RoleHolder.objects.get(until=None).person == grace
    assert Notice.objects.get(person=ada).subject == f"{incident.ref}: take over Incident Commander?"

    client.force_login(ada)
    assert "Grace asks you to take over: Incident Commander" in page(client, incident)
    assert "Roll back" in words(client.get(url("answer-handover", incident, offered.pk)))
    client.post(url("answer-handover", incident, offered.pk), {"accept": ""})

    held = list(RoleHolder.objects.order_by("since").values_list("person__name", "how"))
    assert held == [("Grace", "joined"), ("Ada", "handed over")]
    assert RoleHolder.objects.get(until=None).person == ada
    assert "Ada has taken over the role Incident Commander from Grace." in told(incident)


def test_a_handover_that_is_declined_changes_nothing(ada, grace):
    incident = declare(1)
    roles.join(incident, Role.COMMANDER, by=grace, at=timezone.now())
    offered = roles.offer(incident, Role.COMMANDER, ada, by=grace, at=timezone.now())
    caller = Caller(ada)

    answer = caller.post(f"incidents/{incident.number}/handovers/{offered.pk}/decline")

    assert answer.json()["outcome"] == "declined"
    assert RoleHolder.objects.get().person == grace
    assert caller.post(f"incidents/{incident.number}/handovers/{offered.pk}/accept").status_code == 409


def test_nobody_accepts_for_another(ada, grace):
    incident = declare(1)
    roles.join(incident, Role.COMMANDER, by=grace, at=timezone.now())
    offered = roles.offer(incident, Role.COMMANDER, ada, by=grace, at=timezone.now())

    answer = Caller(UserFactory()).post(f"incidents/{incident.number}/handovers/{offered.pk}/accept")

    assert answer.status_code == 403


def test_r57_the_api_gives_roles_and_keeps_their_history(ada, grace):
    incident, caller = declare(), Caller(ada)
    path = f"incidents/{incident.number}/roles"

    caller.send("PUT", f"{path}/commander", f'{{"person": "{ada.email}"}}')
    answer = caller.send("PUT", f"{path}/commander", f'{{"person": "{grace.email}"}}').json()

    assert (answer["role"], answer["person"]) == ("commander", grace.email)
    assert [(turn["person"], turn["how"]) for turn in answer["history"]] == [
        (ada.email, "joined"),
        (grace.email, "assigned"),
    ]
    assert answer["history"][0]["until"] == answer["since"]
    assert caller.send("PUT", f"{path}/commander", '{"person": null}').json()["person"] is None
    assert caller.send("PUT", f"{path}/commander", '{"person": "no@example.com"}').status_code == 422
    assert caller.send("PUT", f"{path}/cook", '{"person": null}').status_code == 422


def test_a_viewer_takes_no_role(ada):
    incident, viewer = declare(), UserFactory(access="viewer")

    assert Caller(viewer).send("PUT", f"incidents/{incident.number}/roles/commander", "{}").status_code in {403, 422}
    answer = Caller(ada).send("PUT", f"incidents/{incident.number}/roles/commander", f'{{"person": "{viewer.email}"}}')
    assert (answer.status_code, RoleHolder.objects.count()) == (422, 0)


def test_the_roles_of_a_private_incident_do_not_exist_for_outsiders(ada):
    incident = declare(private=True)

    assert Caller(ada).get(f"incidents/{incident.number}/roles").status_code == 404


def test_who_is_given_a_role_of_a_private_incident_sees_it(client, ada):
    incident = declare(private=True)
    roles.assign(incident, Role.TECH_LEAD, ada, by=AdministratorFactory(), at=timezone.now())

    assert client.get(incident.get_absolute_url()).status_code == 200


def test_r59_one_gesture_confirms_the_level_opens_the_room_and_asks_for_the_roles(client, ada, grace):
    incident = declare(1)
    Participant.objects.create(incident=incident, user=grace, why="paged", since=timezone.now())

    form = words(client.get(url("take-command", incident)))
    assert "Where do people talk?" in form
    client.post(
        url("take-command", incident),
        {"version": incident.version, "severity": "1", "bridge": "https://meet.example.com/inc"},
    )

    incident.refresh_from_db()
    assert incident.bridge == "https://meet.example.com/inc"
    assert RoleHolder.objects.get().role == "commander"
    assert incident.timeline.filter(kind="severity", text="P1 is confirmed.").exists()
    [asked] = Notice.objects.filter(person=grace)
    assert "asks for: Communications Lead, Tech Lead." in asked.text
    assert "https://meet.example.com/inc" in page(client, incident)


def test_r59_the_gesture_may_name_another_level_with_a_reason(client, ada):
    incident = declare(1)

    refused = client.post(url("take-command", incident), {"version": incident.version, "severity": "0"})
    assert refused.status_code == 422
    assert not RoleHolder.objects.exists()

    client.post(
        url("take-command", incident), {"version": incident.version, "severity": "0", "reason": "Nobody can pay"}
    )
    incident.refresh_from_db()
    assert (incident.severity_id, RoleHolder.objects.get().person) == (0, ada)
    assert Clock.objects.filter(incident=incident, rule="commander").latest("pk").state == "met"


def test_a_commander_of_before_meets_the_clock_of_a_raised_level_at_once(ada):
    incident = declare(2)
    roles.join(incident, Role.COMMANDER, by=ada, at=timezone.now())

    grading.change_severity(incident, to=Severity.objects.get(level=0), reason="worse", by=ada, at=timezone.now())

    clock = Clock.objects.get(incident=incident, rule="commander")
    assert (clock.state, clock.met_at) == ("met", clock.started_at)


def test_r18_i15_the_communications_lead_hears_of_a_late_update_first_the_commander_a_minute_later(ada, grace):
    incident = declare(minutes_ago=20)
    at = incident.declared_at
    roles.join(incident, Role.COMMANDER, by=ada, at=at + timedelta(minutes=1))
    roles.join(incident, Role.COMMUNICATIONS, by=grace, at=at + timedelta(minutes=2))

    due.settle(at + timedelta(minutes=15, seconds=1))

    notices = Notice.objects.filter(subject__contains="update").order_by("due_at").values_list("person__name", "due_at")
    assert list(notices) == [
        ("Grace", at + timedelta(minutes=15, seconds=1)),
        ("Ada", at + timedelta(minutes=16, seconds=1)),
    ]


def test_an_entry_carries_the_role_that_its_writer_holds(client, ada):
    incident = declare()
    client.post(url("join-role", incident, "communications"))

    client.post(url("add-entry", incident), {"kind": "note", "text": "Management knows."})

    assert incident.timeline.get(text="Management knows.").role == "Communications Lead"


def test_the_next_step_of_a_reader_of_a_p0_without_commander_is_to_take_command(client, ada, grace):
    incident = declare()
    lifecycle.acknowledge(incident, by=grace, at=timezone.now())

    assert "Nobody commands yet" in page(client, incident)
    assert "Take command…" in page(client, incident)


def test_a_role_ends_nobody_holds_twice(ada):
    incident = declare()
    with pytest.raises(TransitionError, match="Nobody holds"):
        roles.release(incident, Role.COMMANDER, by=ada, at=timezone.now())
