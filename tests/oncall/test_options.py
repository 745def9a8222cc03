"""Every option of a level, and the deeds that steer a ladder under way: SCENARIOS “Escalation”."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents import due, lifecycle
from incidents.models import Membership, Organisation
from incidents.refusals import TransitionError
from oncall import escalation, replies
from oncall.models import (
    Delivery,
    Escalation,
    EscalationLevel,
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
from tests.oncall.conftest import after, paged, pages, reachable, settle, story
from tests.oncall.ladders import policy_of, waiting

pytestmark = pytest.mark.django_db


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
