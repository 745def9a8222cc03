"""The whole contract as clocks, through page and API: joined, updates, the week of a P3, changes of the level."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents import due, lifecycle, roles, timeline
from incidents.models import Clock, Notice, Participant, Rank, Role, Severity
from incidents.states import Phase
from tests.api_caller import Caller
from tests.factories import MembershipFactory, ServiceFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 6, 1, 14, 2, tzinfo=UTC)  # a Monday


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


def after(minutes, seconds=0):
    return T0 + timedelta(minutes=minutes, seconds=seconds)


def declare(level, at=T0, **said):
    said = {"title": "Payments fail", "service": ServiceFactory(), "severity": Severity.objects.get(level=level)} | said
    return lifecycle.declare(lifecycle.Declaration(**said), by=None, at=at)


def now(level, minutes_ago=0, **said):
    return declare(level, timezone.now() - timedelta(minutes=minutes_ago), **said)


def clock(incident, rule):
    return Clock.objects.filter(incident=incident, rule=rule).latest("started_at", "pk")


def words(answer):
    return " ".join(answer.content.decode().split())


def post(client, incident, deed, **said):
    incident.refresh_from_db()
    return client.post(reverse(f"incidents:{deed}", args=[incident.number]), {"version": incident.version, **said})


def read(ada, incident):
    return Caller(ada).get(f"incidents/{incident.number}/clocks").json()["items"]


@pytest.mark.parametrize(("level", "minutes"), [(0, 5), (1, 15), (2, 60)])
def test_r13_r22_c4_c5_somebody_joins_in_the_time_of_the_level(client, ada, level, minutes):
    incident = now(level)
    due_at = clock(incident, "respond").due_at
    assert due_at - incident.contract_started_at == timedelta(minutes=minutes)

    post(client, incident, "join")

    assert {row["rule"]: row["state"] for row in read(ada, incident)}["respond"] == "met"


def test_an_answer_by_phone_acknowledges_and_leaves_joining_owed(ada):
    incident = declare(0)

    lifecycle.acknowledge(incident, by=ada, at=after(1), via="by phone")
    assert (clock(incident, "acknowledge").state, clock(incident, "respond").state) == ("met", "running")

    lifecycle.join(incident, by=ada, at=after(4))
    assert clock(incident, "respond").state == "met"


def test_r18_i15_an_overdue_update_is_told_and_one_at_fourteen_fifty_restarts_the_countdown(ada):
    incident = declare(0)
    lifecycle.acknowledge(incident, by=ada, at=after(1))
    timeline.add(incident, kind="update", text="We look.", by=ada, at=after(14, 50))
    assert (clock(incident, "update").state, clock(incident, "update").due_at) == ("running", after(29, 50))

    due.settle(after(29, 50))
    assert clock(incident, "update").state == "running"
    due.settle(after(29, 51))

    assert clock(incident, "update").state == "breached"
    told = incident.timeline.filter(kind="clock", data__rule="update")
    assert [line.text for line in told] == ["The update is overdue. Told: Ada."]
    [notice] = Notice.objects.filter(person=ada, subject__contains="overdue")
    assert (notice.subject, notice.path) == (f"{incident.ref}: the update is overdue", incident.get_absolute_url())

    timeline.add(incident, kind="update", text="Rolled back.", by=ada, at=after(33))
    states = list(
        Clock.objects.filter(incident=incident, rule="update").order_by("started_at").values_list("state", "met_at")
    )
    assert states == [("met", after(14, 50)), ("breached", after(33)), ("running", None)]


def test_an_update_that_comes_in_time_recalls_what_was_still_to_be_told(ada):
    incident = declare(0, service=ServiceFactory())
    MembershipFactory(team=incident.service.team, user__name="Lea", rank=Rank.LEAD)
    lifecycle.acknowledge(incident, by=ada, at=after(1))
    due.settle(after(15, 1))
    assert set(Notice.objects.filter(subject__contains="update").values_list("person__name", "due_at")) == {
        ("Ada", after(15, 1)),
        ("Lea", after(16, 1)),
    }

    timeline.add(incident, kind="update", text="We look.", by=ada, at=after(15, 30))

    assert list(Notice.objects.filter(subject__contains="update", dispatched_at=None)) == []


def test_r62_c14_the_commander_may_ask_for_updates_every_ten_minutes_and_never_less_often_than_a_p0_wants(client, ada):
    incident = now(0, minutes_ago=2)

    assert "Update cadence" in words(client.get(reverse("incidents:set-cadence", args=[incident.number])))
    post(client, incident, "set-cadence", every="10")
    assert clock(incident, "update").due_at == incident.contract_started_at + timedelta(minutes=10)
    assert incident.timeline.get(text="Updates every 15 min → every 10 min.").actor == ada

    refused = post(client, incident, "set-cadence", every="20")
    assert refused.status_code == 422
    assert "every 15 min at the latest" in words(refused)
    assert 'value="20"' in words(refused)


def test_c14_at_other_levels_a_longer_cadence_needs_a_reason(ada):
    incident = now(1)
    caller = Caller(ada)
    path = f"incidents/{incident.number}/cadence"

    refused = caller.post(path, every=3600)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "reason")
    assert caller.post(path, every=3600, reason="The supplier answers hourly.").status_code == 200

    assert clock(incident, "update").due_at == incident.contract_started_at + timedelta(hours=1)
    assert [row["state"] for row in read(ada, incident) if row["rule"] == "update"] == ["superseded", "running"]


def test_r27_i04_raised_to_p0_the_old_clocks_are_superseded_and_the_new_ones_count_from_the_change(client, ada):
    incident = now(2, minutes_ago=65)
    changed = timezone.now()

    post(client, incident, "change-severity", severity="0", reason="All cards fail")

    rows = read(ada, incident)
    old = {row["rule"]: (row["state"], row["why"]) for row in rows if row["severity"] == "P2"}
    assert old == dict.fromkeys(("acknowledge", "respond", "update"), ("superseded", "P2 → P0"))
    spans = {
        row["rule"]: datetime.fromisoformat(row["due_at"]) - datetime.fromisoformat(row["started_at"])
        for row in rows
        if row["severity"] == "P0"
    }
    assert spans["respond"] == timedelta(minutes=5)
    assert spans["update"] == spans["mitigate"] == timedelta(minutes=15)
    new = min(datetime.fromisoformat(row["started_at"]) for row in rows if row["severity"] == "P0")
    assert new >= changed


def test_c19_lowered_the_duties_of_the_old_level_are_waived_and_kept(client, ada):
    incident = now(0)

    post(client, incident, "change-severity", severity="2", reason="One region only")

    waived = {row["rule"]: row["state"] for row in read(ada, incident) if row["severity"] == "P0"}
    assert waived == dict.fromkeys(("acknowledge", "respond", "commander", "update", "mitigate"), "waived")
    assert 'Mitigated</b> <span class="num">waived' in words(client.get(incident.get_absolute_url()))


def test_c6_r22_a_p3_is_acknowledged_by_the_end_of_the_day_and_handled_by_the_end_of_the_week():
    incident = declare(3)

    assert clock(incident, "acknowledge").due_at == datetime(2026, 6, 1, 17, tzinfo=UTC)
    assert clock(incident, "resolve").due_at == datetime(2026, 6, 5, 17, tzinfo=UTC)
    assert not Clock.objects.filter(incident=incident, rule__in=["respond", "update", "mitigate"]).exists()


def test_c6_a_p3_of_friday_afternoon_has_until_the_end_of_next_week():
    incident = declare(3, at=datetime(2026, 6, 5, 15, tzinfo=UTC))

    assert clock(incident, "resolve").due_at == datetime(2026, 6, 12, 17, tzinfo=UTC)


def test_r63_a_late_p3_is_told_to_nobody_who_was_not_told_before(ada):
    incident = declare(3)
    MembershipFactory(team=incident.service.team, user__name="Lea", rank=Rank.LEAD)
    Participant.objects.create(incident=incident, user=ada, why="paged", since=T0)

    due.settle(T0 + timedelta(hours=4))

    assert set(Notice.objects.values_list("person__name", flat=True)) == {"Ada"}


def test_r17_a_breach_at_p0_is_told_to_the_lead_of_the_team():
    incident = declare(0)
    MembershipFactory(team=incident.service.team, user__name="Lea", rank=Rank.LEAD)

    due.settle(after(5, 1))

    assert "Nobody joined in time. Told: Lea." in [line.text for line in incident.timeline.filter(kind="clock")]


def test_a_breach_of_a_private_incident_is_told_to_those_inside_alone(ada):
    incident = declare(0, private=True)
    MembershipFactory(team=incident.service.team, user__name="Lea", rank=Rank.LEAD)
    lifecycle.acknowledge(incident, by=ada, at=after(1))

    due.settle(after(15, 1))

    outsiders = Notice.objects.filter(incident=incident).exclude(person__participations__incident=incident)
    assert not outsiders.exists()
    assert Notice.objects.filter(person=ada).exists()


def test_the_page_counts_down_each_duty_and_says_what_it_is(client, ada):
    incident = now(0, minutes_ago=1)

    answer = words(client.get(incident.get_absolute_url()))

    for label in ("Acknowledged", "Joined", "Update", "Mitigated", "Postmortem"):
        assert f"<b>{label}</b>" in answer
    assert answer.count("data-countdown") >= 4
    assert "an update goes out, again and again until it is resolved." in answer


def test_a_phase_entered_in_time_is_not_called_on_time_while_its_clock_is_late(client, ada):
    incident = now(0, minutes_ago=20)
    roles.join(incident, Role.COMMANDER, by=ada, at=incident.declared_at + timedelta(minutes=2))
    lifecycle.enter_phase(incident, to=Phase.MITIGATE, by=ada, at=incident.declared_at + timedelta(minutes=3))

    answer = words(client.get(incident.get_absolute_url()))

    bar = answer[answer.index('class="phases"') : answer.index("</ol>", answer.index('class="phases"'))]
    mitigate = bar.split("<li")[3]
    assert "mitigation late" in mitigate
    assert "on time" not in mitigate
    assert "on time" in bar.split("<li")[2]


def test_r31_a_next_phase_whose_target_has_passed_is_shown_late(client, ada):
    incident = now(1, minutes_ago=20)
    lifecycle.acknowledge(incident, by=ada, at=incident.declared_at + timedelta(minutes=3))

    answer = words(client.get(incident.get_absolute_url()))

    bar = answer[answer.index('class="phases"') : answer.index("</ol>", answer.index('class="phases"'))]
    assert 'class=" late"' in bar.split("<li")[3]
    assert "5:0" in bar.split("<li")[3]


def test_c6_the_bar_of_a_p3_promises_no_minutes(client, ada):
    always = TeamFactory(business_start=time(0), business_end=time(23, 59), business_days="1234567")
    two_hours_ago = timezone.now() - timedelta(hours=2)
    incident = now(3, service=ServiceFactory(team=always), detected_at=two_hours_ago)
    lifecycle.acknowledge(incident, by=ada, at=timezone.now())

    answer = words(client.get(incident.get_absolute_url()))

    bar = answer[answer.index('class="phases"') : answer.index("</ol>", answer.index('class="phases"'))]
    assert "late" not in bar


def test_r20_r29_a_resolved_p2_raised_to_p0_owes_its_postmortem_within_a_day_of_the_resolution(client, ada):
    incident = lifecycle.resolve(now(2, minutes_ago=30), by=ada, at=timezone.now())

    post(client, incident, "change-severity", severity="0", reason="Data was lost")

    running = Clock.objects.get(incident=incident, rule="postmortem", state="running")
    assert running.due_at - incident.resolved_at == timedelta(hours=24)


def test_what_was_still_owed_is_waived_when_it_is_resolved(client, ada):
    incident = now(0)

    post(client, incident, "resolve", root_cause="a full disk")

    states = {row["rule"]: row["state"] for row in read(ada, incident)}
    assert states == {
        "acknowledge": "met",
        "respond": "met",
        "commander": "waived",
        "update": "waived",
        "mitigate": "met",
        "postmortem": "running",
    }
