"""Every option of a level, and the deeds that steer a ladder under way: SCENARIOS “Escalation”."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents import due, holding, lifecycle, timeline
from incidents.models import EntryKind, Incident, Membership, Organisation, Severity
from incidents.refusals import Invalid, StaleVersion, TransitionError
from oncall import escalation, replies, snoozing
from oncall.models import (
    Delivery,
    Escalation,
    EscalationLevel,
    EscalationPolicy,
    EscalationStep,
    EscalationTarget,
    Page,
)
from tests.factories import (
    EscalationLevelFactory,
    EscalationPolicyFactory,
    EscalationTargetFactory,
    LayerFactory,
    MembershipFactory,
    ScheduleFactory,
    ServiceFactory,
    TeamFactory,
)
from tests.oncall.conftest import START, after, paged, pages, reachable, settle, story

pytestmark = pytest.mark.django_db


def policy_of(chain, *levels, severity=2, **fields):
    """A policy of the chain's service; each level is (minutes, people or targets, options)."""
    severity = Severity.objects.get(level=severity)
    policy = EscalationPolicyFactory(service=chain.service, severity=severity, **fields)
    for position, (minutes, people, options) in enumerate(levels, start=1):
        options = {"position": position} | options
        level = EscalationLevelFactory(policy=policy, after=timedelta(minutes=minutes), **options)
        for person in people:
            EscalationTargetFactory(level=level, kind="user", user=person)
    return policy


def waiting(incident):
    """The people whose page still wants an answer."""
    rows = Page.objects.filter(incident=incident, act="page", ended_at=None, acknowledged_at=None)
    return sorted(rows.values_list("person__name", flat=True))


def test_o01_b_is_paged_once_when_nobody_answers_and_a_stays_paged(chain):
    policy_of(chain, (0, [chain.ada], {}), (30, [chain.lea], {}))
    incident = chain.declare(2)
    settle(seconds=0)
    settle(minutes=30)
    settle(minutes=31)

    assert paged(incident) == ["Ada", "Lea"]
    assert waiting(incident) == ["Ada", "Lea"]


def test_o03_escalating_an_acknowledged_incident_triggers_it_again_and_pages_level_2(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=2))

    escalation.escalate_now(incident, by=chain.ada, at=after(minutes=3))
    settle(minutes=3)

    incident.refresh_from_db()
    assert (incident.held_by, incident.acknowledged_by) == (None, chain.ada)
    assert paged(incident) == ["Ada", "Lea"]
    assert waiting(incident) == ["Lea"]


def test_a_late_escalate_of_an_old_generation_does_nothing_and_says_so(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    seen = Page.objects.get(incident=incident).generation
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=2))

    with pytest.raises(TransitionError, match="Somebody has answered"):
        escalation.escalate_now(incident, by=chain.lea, at=after(minutes=3), generation=seen)

    incident.refresh_from_db()
    assert incident.held_by == chain.ada


def test_o06_i13_broken_policies_page_the_fallback_and_delay_no_healthy_one(chain):
    Organisation.objects.update(fallback=reachable("Kim"))
    empty, unmanned = ScheduleFactory(people=[]), ScheduleFactory(people=[])
    LayerFactory(schedule=unmanned, people=[])
    broken = []
    for targets in (
        [],
        [None],
        [{"kind": "schedule", "schedule": empty}],
        [{"kind": "schedule", "schedule": unmanned}],
    ):
        service = ServiceFactory(team=chain.team)
        policy = EscalationPolicyFactory(service=service, falls_back=False)
        for target in targets:
            level = EscalationLevelFactory(policy=policy)
            if target:
                EscalationTargetFactory(level=level, **target)
        broken.append(chain.declare(2, service=service, severity_assumed=True))
    healthy = chain.declare(2)

    settle(seconds=0)

    assert [pages(incident) for incident in broken] == [[("Kim", "page", 0)]] * 4
    assert paged(healthy) == ["Ada"]
    assert Page.objects.get(incident=healthy).created_at == after(milliseconds=1)


def test_o08_levels_numbered_with_a_gap_begin_with_the_first_that_exists(chain):
    policy_of(chain, (0, [chain.ada], {"position": 3}), (5, [chain.lea], {"position": 7}))
    incident = chain.declare(2)

    settle(seconds=0)

    assert pages(incident) == [("Ada", "page", 1)]


def test_o11_three_people_on_one_level_are_all_paged_and_one_answer_stops_all(chain):
    policy_of(chain, (0, [chain.ada, chain.lea, chain.eli], {}))
    incident = chain.declare(2)
    settle(seconds=0)
    assert waiting(incident) == ["Ada", "Eli", "Lea"]

    lifecycle.acknowledge(incident, by=chain.lea, at=after(minutes=1))

    assert waiting(incident) == []


def test_o11_where_everyone_must_acknowledge_one_answer_stops_only_that_person(chain):
    policy_of(chain, (0, [chain.ada, chain.lea], {"everyone": True}), (5, [chain.dan], {}))
    incident = chain.declare(2)
    settle(seconds=0)

    lifecycle.acknowledge(incident, by=chain.lea, at=after(minutes=1))
    assert waiting(incident) == ["Ada"]
    sent = Delivery.objects.filter(page__incident=incident)
    assert set(sent.filter(person=chain.ada).values_list("state", flat=True)) == {"pending"}
    assert set(sent.filter(person=chain.lea).values_list("state", flat=True)) == {"cancelled"}
    settle(minutes=5)

    assert paged(incident) == ["Ada", "Lea", "Dan"]
    replies.take(Page.objects.get(incident=incident, person=chain.ada), at=after(minutes=6), via="by link")
    assert Escalation.objects.get(incident=incident).why == "acknowledged"


def test_where_everyone_must_acknowledge_the_last_answer_parks_the_ladder(chain):
    policy_of(chain, (0, [chain.ada, chain.lea], {"everyone": True}), (5, [chain.dan], {}), repeat=1)
    incident = chain.declare(2)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.lea, at=after(minutes=1))
    lifecycle.join(incident, by=chain.ada, at=after(minutes=2))

    settle(minutes=5)

    assert paged(incident) == ["Ada", "Lea"]
    assert waiting(incident) == []


def test_another_round_asks_only_those_who_are_missing_where_everyone_must_acknowledge(chain):
    policy_of(chain, (0, [chain.ada, chain.lea], {"everyone": True}), repeat=1)
    incident = chain.declare(2)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.lea, at=after(minutes=1))

    settle(minutes=5)
    settle(minutes=5, seconds=1)

    assert paged(incident) == ["Ada", "Lea", "Ada"]


def test_o12_the_end_of_an_incident_cancels_the_pages_of_everyone(chain):
    policy_of(chain, (0, [chain.ada, chain.lea, chain.eli], {"everyone": True}))
    incident = chain.declare(2)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.lea, at=after(minutes=1))

    lifecycle.resolve(incident, by=chain.lea, at=after(minutes=2))

    assert waiting(incident) == []
    assert not Delivery.objects.filter(page__incident=incident, state="pending").exists()


def test_a_round_robin_level_pages_one_after_another(chain):
    policy_of(chain, (0, [chain.ada, chain.lea, chain.eli], {"round_robin": True}))
    taken = []
    for number in range(4):
        incident = chain.declare(2, at=after(hours=number))
        settle(hours=number)
        taken += paged(incident)

    assert taken == ["Ada", "Lea", "Eli", "Ada"]


def test_a_round_robin_level_spreads_incidents_of_one_instant(chain):
    policy_of(chain, (0, [chain.ada, chain.lea], {"round_robin": True}))
    incidents = [chain.declare(2, title=f"number {number}") for number in range(3)]

    settle(seconds=0)

    assert [paged(incident) for incident in incidents] == [["Ada"], ["Lea"], ["Ada"]]


@pytest.mark.parametrize(
    ("zone", "reached"), [("Asia/Tokyo", ["Ada"]), ("Europe/Berlin", ["Lea"])], ids=["at work", "asleep"]
)
def test_a_level_in_working_hours_of_the_person_passes_over_those_who_are_off(chain, zone, reached):
    chain.ada.time_zone = zone
    chain.ada.save()
    policy_of(chain, (0, [chain.ada], {"hours": "person"}), (5, [chain.lea], {}))
    night = datetime(2026, 3, 31, 1, tzinfo=UTC)  # 10:00 of a Tuesday in Tokyo
    incident = chain.declare(2, at=night)

    due.settle(night + timedelta(milliseconds=1))

    assert paged(incident) == reached
    empty = "Level 1 of 2 was empty: it reaches nobody in working hours now."
    assert (empty in story(incident)) == (reached == ["Lea"])


@pytest.mark.parametrize(("zone", "reached"), [("Asia/Tokyo", ["Ada"]), ("UTC", ["Lea"])], ids=["open", "shut"])
def test_a_level_in_working_hours_of_the_schedule_follows_its_clock(chain, zone, reached):
    chain.schedule.time_zone = zone
    chain.schedule.save()
    policy = policy_of(chain, (0, [], {"hours": "schedule"}), (5, [chain.lea], {}))
    EscalationTarget.objects.create(level=policy.levels.get(position=1), kind="schedule", schedule=chain.schedule)
    night = datetime(2026, 3, 31, 1, tzinfo=UTC)
    incident = chain.declare(2, at=night)

    due.settle(night + timedelta(milliseconds=1))

    assert paged(incident) == reached


def test_o14_a_run_follows_its_copy_until_somebody_applies_the_new_policy(chain):
    policy = policy_of(chain, (0, [chain.ada], {}), (10, [chain.lea], {}))
    incident = chain.declare(2)
    settle(seconds=0)
    assert not escalation.differs(escalation.current(incident), incident)
    EscalationTarget.objects.filter(level__policy=policy, user=chain.lea).update(user=chain.dan)
    assert escalation.differs(escalation.current(incident), incident)

    escalation.apply_policy(incident, by=chain.eli, at=after(minutes=2))
    settle(minutes=2)
    assert paged(incident) == ["Ada"]
    settle(minutes=10)

    assert paged(incident) == ["Ada", "Dan"]
    old, new = Escalation.objects.filter(incident=incident).order_by("pk")
    assert (old.why, new.state) == ("superseded", "active")
    with pytest.raises(TransitionError, match="is the policy as it stands now"):
        escalation.apply_policy(incident, by=chain.eli, at=after(minutes=11))


def test_o14_a_level_that_was_mended_comes_at_once_when_the_policy_is_applied(chain):
    policy = policy_of(chain, (0, [], {}), (30, [chain.lea], {}), falls_back=False)
    incident = chain.declare(2)
    settle(seconds=0)
    EscalationTargetFactory(level=policy.levels.get(position=1), kind="user", user=chain.ada)

    escalation.apply_policy(incident, by=chain.eli, at=after(minutes=2))
    settle(minutes=2)

    assert paged(incident) == ["Lea", "Ada"]


def test_applying_a_policy_leaves_an_incident_in_the_hands_that_have_it(chain):
    policy = policy_of(chain, (0, [chain.ada], {}), (10, [chain.lea], {}))
    incident = chain.declare(2)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=1))
    EscalationLevel.objects.filter(policy=policy, position=2).update(after=timedelta(minutes=3))

    escalation.apply_policy(incident, by=chain.eli, at=after(minutes=2))
    settle(minutes=20)

    assert paged(incident) == ["Ada"]


def held(chain, level=0):
    """An incident that Ada has acknowledged after two minutes and does nothing about."""
    incident = chain.declare(level)
    settle(seconds=0)
    return lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=2))


@pytest.mark.parametrize(("level", "minutes"), [(0, 30), (1, 60)])
def test_o15_who_acknowledged_and_does_nothing_is_paged_again_and_the_ladder_goes_on(chain, level, minutes):
    EscalationPolicy.objects.filter(severity=level).update(service=chain.service)
    EscalationLevel.objects.filter(policy__severity=level, position__gt=3).delete()
    incident = held(chain, level)
    before = len(paged(incident))
    settle(minutes=minutes + 1, seconds=59)
    known = [name for name in paged(incident) if name != "Ada"]
    assert paged(incident).count("Ada") == 1

    settle(minutes=minutes + 2)
    assert paged(incident)[-1] == "Ada"
    assert before < len(paged(incident))
    settle(minutes=minutes + 6, seconds=59)
    assert [name for name in paged(incident) if name != "Ada"] == known
    incident.refresh_from_db()
    assert incident.held_by == chain.ada

    settle(minutes=minutes + 7, seconds=1)
    incident.refresh_from_db()
    assert incident.held_by is None
    assert incident.timeline.filter(kind=EntryKind.UNACKNOWLEDGED).count() == 1
    assert Escalation.objects.get(incident=incident).state == "active"


def test_o15_a_ladder_that_resumes_goes_on_with_the_level_that_was_parked(chain):
    Severity.objects.filter(level=2).update(acknowledgement_timeout=timedelta(minutes=30))
    incident = held(chain, 2)

    settle(minutes=32)
    settle(minutes=37, seconds=1)
    settle(minutes=37, seconds=2)

    assert paged(incident) == ["Ada", "Ada", "Lea"]


@pytest.mark.parametrize("sign", ["a line", "an answer", "mitigated"])
def test_o15_a_sign_of_life_starts_the_time_anew(chain, sign):
    incident = held(chain, 1)
    settle(minutes=62)
    reminder = Page.objects.get(incident=incident, is_reminder=True)
    if sign == "a line":
        timeline.add(incident, kind="note", text="still here", by=chain.ada, at=after(minutes=64))
    elif sign == "an answer":
        replies.take(reminder, at=after(minutes=64), via="by link")
    else:
        lifecycle.mitigate(incident, what="rolled back", by=chain.ada, at=after(minutes=64))

    settle(minutes=67)
    settle(minutes=70)

    incident.refresh_from_db()
    assert incident.held_by == chain.ada
    reminder.refresh_from_db()
    assert reminder.ended_at or reminder.acknowledged_at


def test_o15_an_acknowledger_who_left_gives_it_back_at_once(chain):
    Severity.objects.filter(level=2).update(acknowledgement_timeout=timedelta(minutes=30))
    incident = held(chain, 2)
    chain.ada.is_active = False
    chain.ada.save()

    settle(minutes=32)
    settle(minutes=32, seconds=1)

    assert paged(incident) == ["Ada", "Lea"]


def test_a_lost_resume_is_repaired_by_the_tick(chain):
    incident = held(chain, 1)
    Incident.objects.filter(pk=incident.pk).update(held_by=None, held_since=None)  # as if the hook had raised

    settle(minutes=62)
    settle(minutes=62, seconds=1)

    assert "Lea" in paged(incident)


def test_who_gives_it_back_makes_the_ladder_go_on_at_once(chain):
    incident = held(chain, 2)

    given = holding.unacknowledge(incident, by=chain.ada, at=after(minutes=4), note="I have no access")
    settle(minutes=4)

    assert (given.held_by, given.acknowledged_by, given.acknowledged_at) == (None, chain.ada, after(minutes=2))
    assert paged(incident) == ["Ada", "Lea"]
    with pytest.raises(TransitionError, match="Nobody has"):
        holding.unacknowledge(incident, by=chain.ada, at=after(minutes=5))


def test_given_back_with_no_level_left_those_asked_last_are_asked_again(chain):
    policy_of(chain, (0, [chain.ada], {}), (90, [chain.dan], {"condition": "unresolved"}))
    incident = held(chain, 2)

    holding.unacknowledge(incident, by=chain.ada, at=after(minutes=4))
    settle(minutes=5)

    assert paged(incident) == ["Ada", "Ada"]
    settle(minutes=90)
    assert paged(incident) == ["Ada", "Ada", "Dan"]


def test_a_snooze_silences_until_its_end_and_then_the_ladder_goes_on(chain):
    incident = chain.declare(1)
    settle(seconds=0)

    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))
    assert waiting(incident) == []
    for minute in (5, 30, 44):
        settle(minutes=minute)
    assert paged(incident) == ["Ada"]
    run = Escalation.objects.get(incident=incident)
    assert (run.state, run.why, run.snoozed_until) == ("parked", "snoozed", after(minutes=45))

    settle(minutes=45)
    settle(minutes=45, seconds=1)
    assert paged(incident) == ["Ada", "Lea"]
    settle(minutes=69)
    assert paged(incident) == ["Ada", "Lea"]
    settle(minutes=70, seconds=1)
    assert paged(incident) == ["Ada", "Lea", "Dan"]


def test_a_snoozed_incident_that_somebody_had_is_asked_for_anew(chain):
    incident = held(chain, 2)
    snoozing.snooze(incident, until=after(minutes=60), by=chain.ada, at=after(minutes=3))

    settle(minutes=60)
    settle(minutes=60, seconds=1)

    incident.refresh_from_db()
    assert incident.held_by is None
    assert paged(incident) == ["Ada", "Lea"]


def test_an_acknowledgement_ends_a_snooze(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))

    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=3))

    run = Escalation.objects.get(incident=incident)
    assert (run.snoozed_until, run.state, run.due_at) == (None, "active", after(minutes=30))


def test_a_snooze_ends_when_somebody_says_so(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))

    snoozing.unsnooze(incident, by=chain.lea, at=after(minutes=5))
    settle(minutes=5)

    assert paged(incident) == ["Ada", "Lea"]
    with pytest.raises(TransitionError, match="is not snoozed"):
        snoozing.unsnooze(incident, by=chain.lea, at=after(minutes=6))


@pytest.mark.parametrize("until", [START, START + timedelta(days=8)])
def test_a_snooze_has_an_end_within_a_week(chain, until):
    incident = chain.declare(2)

    with pytest.raises(Invalid):
        snoozing.snooze(incident, until=until, by=chain.ada, at=after(minutes=2))


def test_two_who_steer_at_once_do_not_overwrite_each_other(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    incident.refresh_from_db()
    seen = incident.version
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2), version=seen)

    with pytest.raises(StaleVersion):
        snoozing.unsnooze(incident, by=chain.lea, at=after(minutes=3), version=seen)


def test_escalating_a_snoozed_incident_ends_the_snooze(chain):
    incident = chain.declare(1)
    settle(seconds=0)
    snoozing.snooze(incident, until=after(minutes=45), by=chain.ada, at=after(minutes=2))

    escalation.escalate_now(incident, by=chain.ada, at=after(minutes=3))
    settle(minutes=3)

    assert paged(incident) == ["Ada", "Lea"]
    assert Escalation.objects.get(incident=incident).snoozed_until is None


def test_i13_the_fallback_of_the_team_goes_before_that_of_the_organisation(chain):
    Organisation.objects.update(fallback=reachable("Kim"))
    team = TeamFactory(fallback=reachable("Tom"))
    incident = chain.declare(1, service=ServiceFactory(team=team))

    settle(seconds=0)

    assert pages(incident) == [("Tom", "page", 0)]


def test_a_p3_that_reaches_nobody_contacts_nobody_else(chain):
    Organisation.objects.update(fallback=reachable("Kim"))
    incident = chain.declare(3, service=ServiceFactory(team=TeamFactory()))

    settle(seconds=0)
    settle(days=3)

    assert pages(incident) == []
    assert Escalation.objects.get(incident=incident).why == "nobody else is ever paged at this severity"


def test_every_target_follows_the_union_of_owning_teams(chain):
    other = TeamFactory()
    names = {"expert": "Exa", "director": "Dora", "executive": "Xia", "lead": "Lou", "engineer": "Eno"}
    for rank, name in names.items():
        MembershipFactory(team=other, user=reachable(name), rank=rank)
    policy = policy_of(chain, (0, [], {}), (1, [], {"act": "inform"}))
    for rank in ("expert", "director", "executive", "lead"):
        EscalationTargetFactory(level=policy.levels.get(position=1), kind="rank", rank=rank)
    EscalationTargetFactory(level=policy.levels.get(position=2), kind="chain")
    incident = chain.declare(2, affected_services=(ServiceFactory(team=other),))
    settle(seconds=0)
    settle(minutes=1)

    assert set(paged(incident)) == {"Eli", "Exa", "Dan", "Dora", "Eve", "Xia", "Lea", "Lou"}
    told = {name for name, act, _ in pages(incident) if act == "inform"}
    assert told == {row.user.name for row in Membership.objects.select_related("user")}


def test_a_step_copies_every_option_of_its_level(chain):
    policy_of(chain, (0, [chain.ada], {"everyone": True, "hours": "person"}), (5, [chain.lea], {"round_robin": True}))
    incident = chain.declare(2)

    first, second = EscalationStep.objects.filter(run__incident=incident).order_by("level")

    assert (first.everyone, first.hours, first.after) == (True, "person", timedelta(0))
    assert (second.round_robin, second.after) == (True, timedelta(minutes=5))
    assert second.origin.position == 2
