"""What coverage says at save of a schedule or a policy, and that a change brings the next check forward."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from oncall import absences, outlook, overriding, rosters, rota
from oncall.models import CoverageCheck, EscalationLevel, EscalationPolicy, TemporarySchedule
from oncall.overriding import Wish
from tests.admin_site import filled, said_on, send, url
from tests.factories import (
    AdministratorFactory,
    EscalationLevelFactory,
    EscalationPolicyFactory,
    EscalationTargetFactory,
    ScheduleFactory,
    ServiceFactory,
    UserFactory,
)
from tests.oncall.conftest import DAY, START, reachable

pytestmark = pytest.mark.django_db


@pytest.fixture
def schedule():
    """Ada alone is on call in it, always; the service Checkout is its team's."""
    schedule = ScheduleFactory(name="Checkout", people=[reachable("Ada")])
    ServiceFactory(name="Checkout", team=schedule.team)
    return schedule


def with_window(schedule):
    """The schedule as the rota would read it with nobody on call but on Mondays."""
    before = rosters.load([schedule.pk])[schedule.pk]
    [layer] = before.layers
    mondays = rota.Restriction(0, START.time(), START.time())
    return replace(before, layers=(replace(layer, restrictions=(mondays,)),))


def test_a_schedule_is_judged_by_the_paths_through_it_before_it_is_saved(schedule):
    ServiceFactory(name="Elsewhere")  # of another team, whose holes are not this schedule's

    assert outlook.of_schedule(schedule, at=START) == []
    first, *rest = outlook.of_schedule(schedule, at=START, imagined=with_window(schedule))
    assert first.startswith("Nobody is reached, ")
    assert "of Checkout; nobody is on call." in first
    assert len(rest) <= outlook.SHOWN
    assert not any("Elsewhere" in line for line in [first, *rest])


def test_a_hole_of_the_schedule_alone_is_none_where_another_one_answers(schedule):
    ScheduleFactory(team=schedule.team, people=[reachable("Ben")])

    assert outlook.of_schedule(schedule, at=START, imagined=with_window(schedule)) == []


def test_a_service_of_another_team_counts_where_its_ladder_names_the_schedule(schedule):
    service = ServiceFactory(name="Ledger")
    level = EscalationLevelFactory(policy=EscalationPolicyFactory(service=service))
    EscalationTargetFactory(level=level, kind="schedule", schedule=schedule)

    lines = outlook.of_schedule(schedule, at=START, imagined=with_window(schedule))

    assert any("Ledger" in line for line in lines)


def test_whoever_saves_a_policy_or_a_level_is_told_of_the_paths_that_reach_nobody(administrator, schedule):
    service = schedule.team.services.get()
    policy = EscalationPolicyFactory(service=service, is_active=False)
    level = EscalationLevelFactory(policy=policy)
    EscalationTargetFactory(level=level, kind="user", user=UserFactory(name="Nia"))

    def told(address, **said):
        answer = send(administrator, address, **said)
        return [text for text in said_on(administrator.get(answer["Location"])) if text.startswith("Nobody is reached")]

    [in_force] = told(url(EscalationPolicy, "change", policy.pk), is_active="on")
    [of_level] = told(url(EscalationLevel, "change", level.pk), after="0:05:00")
    EscalationTargetFactory(level=EscalationLevelFactory(policy=policy, position=9), kind="on_call")
    gone = administrator.post(url(EscalationLevel, "delete", level.pk), {"post": "yes"})
    left = said_on(administrator.get(gone["Location"]))

    assert "of Checkout; Nia has no verified contact method. Nobody is told at all." in in_force
    assert of_level == in_force
    assert not [text for text in left if text.startswith("Nobody is reached")]


def test_a_temporary_schedule_with_a_gap_is_told_at_save(administrator, schedule):
    now = timezone.now().replace(microsecond=0)
    data = filled(administrator, url(TemporarySchedule, "add")) | {"schedule": schedule.pk}
    [ada] = rosters.load([schedule.pk])[schedule.pk].layers[0].slots[0]
    spans = {"": (now, now + 4 * DAY), "shifts-0-": (now, now + DAY)}
    for prefix, ends in spans.items():
        for name, moment in zip(("start", "end"), ends, strict=True):
            data |= {f"{prefix}{name}_0": f"{moment:%Y-%m-%d}", f"{prefix}{name}_1": f"{moment:%H:%M:%S}"}

    answer = administrator.post(url(TemporarySchedule, "add"), data | {"shifts-0-person": ada}, follow=True)

    assert any(text.startswith("Nobody is reached") for text in said_on(answer))


def test_every_change_that_decides_who_is_reached_brings_the_check_forward(
    schedule, administrator, django_capture_on_commit_callbacks
):
    root, ben, at = AdministratorFactory(), reachable("Ben"), timezone.now()
    changed = url(type(schedule), "change", schedule.pk)

    def forward(deed):
        CoverageCheck.objects.update(due_at=at + DAY)
        with django_capture_on_commit_callbacks(execute=True):
            deed()
        return CoverageCheck.objects.filter(due_at__lte=Now() + timedelta(minutes=2)).exists()

    wish = Wish("add", ben, at, at + DAY)
    assert forward(lambda: overriding.override(schedule, wish, by=root, at=at))
    assert forward(lambda: send(administrator, changed, **{"layers-0-priority": "3"}))
    assert forward(lambda: absences.take_leave(ben, start=at, end=at + DAY, by=ben, at=at))
    assert forward(lambda: send(administrator, url(EscalationPolicy, "change", 1), name="Another name"))
    assert not forward(lambda: administrator.get(reverse("oncall:now")))


def test_a_check_that_is_due_sooner_stays(schedule, django_capture_on_commit_callbacks):
    due_at = timezone.now() - timedelta(hours=1)
    CoverageCheck.objects.update(due_at=due_at)

    with django_capture_on_commit_callbacks(execute=True):
        absences.take_leave(
            person := UserFactory(), start=timezone.now(), end=timezone.now() + DAY, by=person, at=timezone.now()
        )

    assert CoverageCheck.objects.get().due_at == due_at
