"""The shipped ladder, from the first page to the last: RULES section 6 and 8, SCENARIOS “Escalation”."""

from datetime import timedelta

import pytest

from incidents import due, grading, lifecycle
from incidents.models import Clock, EntryKind, Incident, Organisation, Severity, SeverityProposal, Task
from oncall import escalation
from oncall.models import Delivery, Escalation, EscalationLevel, EscalationStep, Page
from tests.factories import IntegrationFactory, MembershipFactory, ServiceFactory, TeamFactory, UserFactory
from tests.incidents.intake.senders import firing, post_of, store
from tests.oncall.conftest import START, after, paged, pages, reachable, settle, story

pytestmark = pytest.mark.django_db


def channels_of(incident, person):
    deliveries = Delivery.objects.filter(page__incident=incident, person=person, page__act="page")
    return sorted(deliveries.values_list("channel", flat=True))


def test_i09_r16_r67_a_p0_pages_the_one_on_call_by_four_ways_and_informs_the_rest(chain):
    incident = chain.declare(0)

    settle(seconds=0)

    assert pages(incident) == [
        ("Lea", "inform", 1),
        ("Eli", "inform", 1),
        ("Dan", "inform", 1),
        ("Eve", "inform", 1),
        ("Ada", "page", 2),
    ]
    assert channels_of(incident, chain.ada) == ["chat", "email", "sms", "voice"]
    informed = Delivery.objects.filter(page__incident=incident, page__act="inform")
    assert set(informed.values_list("channel", flat=True)) == {"sms", "chat", "email", "in_app"}


def test_c2_r67_leads_are_paged_at_five_minutes_whether_a_p0_is_acknowledged_or_not(chain):
    incident = chain.declare(0)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=1))

    settle(minutes=5)

    assert paged(incident) == ["Ada", "Lea"]


def test_i10_c3_a_p0_not_mitigated_at_fifteen_minutes_pages_director_and_executive_once_each(chain):
    incident = chain.declare(0)
    for minute in (0, 5, 15, 16, 20):
        settle(minutes=minute)

    assert paged(incident) == ["Ada", "Lea", "Dan", "Eve"]


def test_i10_a_p0_mitigated_at_fourteen_fifty_nine_pages_neither(chain):
    incident = chain.declare(0)
    settle(minutes=5)
    lifecycle.mitigate(incident, what="rolled back", by=chain.ada, at=after(minutes=14, seconds=59))

    settle(minutes=31)

    assert paged(incident) == ["Ada", "Lea"]


def test_c20_mitigated_at_exactly_fifteen_minutes_is_met_and_pages_nobody(chain):
    incident = chain.declare(0)
    settle(minutes=5)
    due.settle(after(minutes=15))  # the instant itself: the step fires when now is past it

    lifecycle.mitigate(incident, what="rolled back", by=chain.ada, at=after(minutes=15))
    settle(minutes=15)

    assert "Dan" not in paged(incident)
    assert Clock.objects.get(incident=incident, rule="mitigate").state == "met"


def test_c20_a_raised_incident_counts_from_the_change(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=2))
    worst = Severity.objects.get(level=0)
    grading.change_severity(incident, to=worst, reason="all cards fail", by=chain.ada, at=after(minutes=67))

    settle(minutes=67)
    settle(minutes=72)
    assert "Dan" not in paged(incident)
    settle(minutes=81, seconds=59)
    assert "Dan" not in paged(incident)
    settle(minutes=82)

    assert paged(incident)[-2:] == ["Dan", "Eve"]
    old, new = Escalation.objects.filter(incident=incident).order_by("pk")
    assert (old.state, old.why, new.state) == ("ended", "superseded", "active")


def test_a_more_severe_alert_on_an_open_incident_pages_whom_its_level_pages(chain):
    door = IntegrationFactory(kind="alertmanager", service=chain.service)
    store(door, post_of(firing("Slow", severity="warning")), received_at=START)
    settle(minutes=1)
    incident = Incident.objects.get()
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=2))
    store(door, post_of(firing("Down", severity="fatal")), received_at=after(minutes=3))

    settle(minutes=3)
    settle(minutes=3, seconds=1)
    assert paged(incident) == ["Ada"]
    settle(minutes=8)
    settle(minutes=18)

    assert set(paged(incident)) == {"Ada", "Lea"}
    assert Escalation.objects.get(state="active").severity_id == 0


def test_a_reopened_incident_is_in_nobodys_hands_and_its_ladder_begins_anew(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=2))
    lifecycle.resolve(incident, by=chain.ada, at=after(minutes=20))
    back = lifecycle.reopen(incident, reason="cards fail again", by=chain.dan, at=after(minutes=40))
    assert (back.held_by, back.acknowledged_at) == (None, after(minutes=2))

    settle(minutes=40)
    assert paged(incident) == ["Ada", "Ada"]
    settle(minutes=45)
    assert paged(incident)[-1] == "Lea"
    held = lifecycle.acknowledge(incident, by=chain.lea, at=after(minutes=46))

    assert (held.held_by, held.held_since) == (chain.lea, after(minutes=46))
    assert (held.acknowledged_by, held.acknowledged_at) == (chain.ada, after(minutes=2))
    settle(minutes=50)
    assert paged(incident)[-1] == "Lea"


def test_i11_a_p0_not_mitigated_at_thirty_minutes_makes_the_statement_task_and_pages_the_executive_again(chain):
    incident = chain.declare(0)
    for minute in (0, 5, 15, 30):
        settle(minutes=minute)

    assert paged(incident).count("Eve") == 2
    assert paged(incident).count("Dan") == 1
    task = Task.objects.get(incident=incident)
    assert (task.title, task.role, task.owner) == ("Prepare the executive statement", "communications", None)


def test_i12_r65_a_p1_unacknowledged_at_five_minutes_pages_the_lead(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    settle(minutes=4, seconds=59)
    assert paged(incident) == ["Ada"]

    settle(minutes=5)

    assert paged(incident) == ["Ada", "Lea"]
    assert channels_of(incident, chain.ada) == ["chat", "email", "sms", "voice"]  # C-21


def test_i12_c4_a_p1_acknowledged_in_time_but_unresolved_at_thirty_minutes_pages_the_director_alone(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=4, seconds=59))
    settle(minutes=5)

    settle(minutes=30)

    assert paged(incident) == ["Ada", "Dan"]
    clock = Clock.objects.get(incident=incident, rule="acknowledge")
    assert (clock.due_at - clock.started_at, clock.state) == (timedelta(minutes=15), "met")


def test_i13_r64_c5_a_p2_unacknowledged_at_fifteen_minutes_pages_the_lead(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    settle(minutes=14, seconds=59)
    assert paged(incident) == ["Ada"]

    settle(minutes=15)

    assert paged(incident) == ["Ada", "Lea"]
    assert channels_of(incident, chain.ada) == ["chat", "email"]
    assert Clock.objects.get(incident=incident, rule="acknowledge").due_at == after(minutes=60)


def test_i13_r63_a_p3_unacknowledged_for_a_day_contacts_nobody_but_the_one_on_call(chain):
    incident = chain.declare(3)
    for hour in range(0, 72, 6):
        settle(hours=hour)

    assert {name for name, _, _ in pages(incident)} == {"Ada"}
    assert paged(incident) == ["Ada"]


def test_c6_a_p3_is_acknowledged_by_the_end_of_the_next_business_day(chain):
    incident = chain.declare(3)  # Sunday night

    clock = Clock.objects.get(incident=incident, rule="acknowledge")

    assert clock.due_at.isoformat() == "2026-03-30T17:00:00+00:00"


def test_c8_a_p3_open_for_thirty_working_minutes_proposes_p2_and_reminds_the_one_on_call(chain):
    incident = chain.declare(3)
    settle(seconds=0)
    settle(hours=24)
    assert not SeverityProposal.objects.exists()

    settle(hours=33, minutes=0)  # Monday 09:30, half an hour into the working day

    proposal = SeverityProposal.objects.get(incident=incident)
    assert (proposal.severity_id, proposal.settled_at) == (2, None)
    incident.refresh_from_db()
    assert incident.severity_id == 3
    assert pages(incident)[-1] == ("Ada", "inform", 2)


def test_c7_r63_a_p4_is_one_quiet_notice_that_asks_for_nothing(chain):
    incident = chain.declare(4)
    for minute in (0, 15, 60, 600):
        settle(minutes=minute)

    assert pages(incident) == [("Ada", "inform", 1)]
    assert set(Delivery.objects.filter(page__incident=incident).values_list("channel", flat=True)) == {
        "in_app",
        "email",
    }
    assert not Clock.objects.filter(incident=incident).exists()
    assert Page.objects.get().acknowledged_at is None


def test_c9_a_p0_calls_every_two_minutes_until_somebody_acknowledges(chain):
    incident = chain.declare(0)
    for call in range(3):
        settle(minutes=2 * call, seconds=call)
    assert channels_of(incident, chain.ada).count("voice") == 3

    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=4, seconds=30))
    settle(minutes=6)

    assert channels_of(incident, chain.ada).count("voice") == 3


def test_c1_an_incident_whose_severity_nobody_named_follows_the_generic_template(chain):
    incident = chain.declare(2, severity_assumed=True)
    for minute in (0, 15, 30):
        settle(minutes=minute)

    assert paged(incident) == ["Ada", "Lea", "Eli", "Dan", "Eve"]
    assert Escalation.objects.get().policy_name == "Default, severity not named"


def test_o02_acknowledged_at_29_59_never_pages_what_was_due_at_30_00(chain):
    EscalationLevel.objects.filter(policy__slug="default-p2", position=2).update(after=timedelta(minutes=30))
    incident = chain.declare(2)
    settle(seconds=0)

    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=29, seconds=59))
    settle(minutes=30)

    assert paged(incident) == ["Ada"]
    assert EscalationStep.objects.get(level=2).state == "parked"


def test_o05_an_empty_first_level_pages_the_second_in_the_same_tick_and_says_so(chain):
    chain.schedule.layers.all().delete()
    incident = chain.declare(2)

    settle(seconds=0)

    assert paged(incident) == ["Lea"]
    assert "Level 1 of 2 was empty: it reaches nobody." in story(incident)


def test_o05_a_level_whose_people_have_no_verified_method_is_empty_and_names_them(chain):
    chain.ada.contact_methods.update(verified_at=None)
    incident = chain.declare(2)

    settle(seconds=0)

    assert paged(incident) == ["Lea"]
    assert any("No verified contact method: Ada" in text for text in story(incident))


def test_i13_r71_a_policy_that_reaches_nobody_pages_the_fallback_contact_and_says_so_in_red(chain):
    keeper = reachable("Kim")
    Organisation.objects.update(fallback=keeper)
    lonely = ServiceFactory(team=TeamFactory())
    incident = chain.declare(1, service=lonely)

    settle(seconds=0)

    assert pages(incident) == [("Kim", "page", 0)]
    run = Escalation.objects.get(incident=incident)
    assert (run.state, run.why) == ("exhausted", "Nobody could be reached")
    assert incident.timeline.filter(kind=EntryKind.ESCALATION, data__alarm=True).count() == 1


def test_without_any_fallback_the_administrators_are_paged(chain):
    root = reachable("Root", access="administrator")
    incident = chain.declare(1, service=ServiceFactory(team=TeamFactory()))

    settle(seconds=0)

    assert pages(incident) == [(root.name, "page", 0)]


def test_an_unanswered_ladder_repeats_twice_and_then_turns_to_the_fallback_contact(chain):
    Organisation.objects.update(fallback=reachable("Kim"))
    incident = chain.declare(2)
    for minute in range(0, 121, 15):
        settle(minutes=minute)

    assert paged(incident) == ["Ada", "Lea"] * 3 + ["Kim"]
    run = Escalation.objects.get(incident=incident)
    assert (run.state, run.loop) == ("exhausted", 2)
    assert any(text.startswith("Exhausted. Nobody acknowledged. Paged Kim") for text in story(incident))


def test_a_drill_runs_as_many_times_faster_as_it_says_and_every_message_says_drill(chain):
    incident = chain.declare(1, kind="drill", time_scale=60)
    settle(seconds=0)
    settle(seconds=5)
    settle(seconds=30)

    assert paged(incident) == ["Ada", "Lea", "Dan"]
    assert incident.prefix == "[DRILL] "


def test_a_backfilled_incident_pages_nobody(chain):
    incident = chain.declare(0, kind="backfill")

    settle(minutes=60)

    assert pages(incident) == []
    assert not Escalation.objects.exists()


def test_after_the_resolution_nobody_is_paged_any_more(chain):
    incident = chain.declare(0)
    settle(seconds=0)
    lifecycle.resolve(incident, by=None, at=after(minutes=4))

    settle(minutes=31)

    assert paged(incident) == ["Ada"]
    assert set(Delivery.objects.filter(page__incident=incident).values_list("state", flat=True)) == {"cancelled"}


def test_r71_escalate_now_pages_the_next_level_whatever_it_waits_for(chain):
    incident = chain.declare(2)
    settle(seconds=0)

    escalation.escalate_now(incident, by=chain.ada, at=after(minutes=1))
    settle(minutes=1)

    assert paged(incident) == ["Ada", "Lea"]
    assert "Escalated to level 2 by hand." in story(incident)


def test_teams_of_affected_services_belong_to_the_chain(chain):
    other = TeamFactory()
    lead = reachable("Lou")
    MembershipFactory(team=other, user=lead, rank="lead")
    incident = chain.declare(0, affected_services=(ServiceFactory(team=other),))

    settle(minutes=0)
    settle(minutes=5)

    assert {"Lea", "Lou"} <= set(paged(incident))


def test_an_edit_of_the_policy_does_not_change_who_is_being_paged_now(chain):
    incident = chain.declare(2)
    EscalationLevel.objects.filter(policy__slug="default-p2", position=2).delete()

    settle(minutes=15)
    settle(minutes=15)

    assert paged(incident) == ["Ada", "Lea"]


def test_an_engine_that_was_away_fires_one_level_at_a_time_and_tells_how_late_it_is(chain):
    incident = chain.declare(0)

    due.do_round(after(hours=1))
    assert paged(incident) == ["Ada"]
    due.do_round(after(hours=1))

    assert paged(incident) == ["Ada", "Lea"]
    assert any("s late: the engine was away" in text for text in story(incident))


def test_an_incident_whose_announcement_was_lost_is_escalated_by_the_tick(chain):
    incident = chain.declare(1)
    EscalationStep.objects.all().delete()
    Escalation.objects.all().delete()

    settle(seconds=0)

    assert paged(incident) == ["Ada"]


def test_a_person_who_was_deactivated_between_level_and_level_is_not_paged(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    chain.lea.is_active = False
    chain.lea.save()

    settle(minutes=15)

    assert paged(incident) == ["Ada"]


def test_one_broken_run_does_not_stop_its_neighbours_and_is_blamed_alone(chain):
    broken = chain.declare(2, title="broken")
    healthy = chain.declare(2, title="healthy")
    EscalationStep.objects.filter(run__incident=broken).update(targets=[{"kind": "rank"}])

    settle(seconds=0)

    assert paged(healthy) == ["Ada"]
    run = Escalation.objects.get(incident=broken)
    assert run.attempts == 1
    assert run.last_error == "'rank'"
    assert run.not_before > START
    assert Escalation.objects.get(incident=healthy).attempts == 0


def test_people_who_were_paged_see_a_private_incident_and_others_do_not(chain):
    incident = chain.declare(2, private=True)
    stranger = UserFactory()

    settle(seconds=0)

    visible = type(incident).objects.visible_to
    assert visible(chain.ada).filter(pk=incident.pk).exists()
    assert not visible(stranger).filter(pk=incident.pk).exists()


def test_c9_however_many_levels_ask_for_a_person_one_phone_rings_once_at_a_time(chain):
    incident = chain.declare(0)
    for minute in (0, 5, 15, 30, 35):
        settle(minutes=minute)

    calling = Page.objects.filter(incident=incident, repeat_at__isnull=False)

    people = list(calling.values_list("person__name", flat=True))
    assert sorted(people) == sorted(set(people))
    assert "Eve" in people
