"""Managers hear of a hole when it is found, 7 days and 24 hours before, and daily while it lasts; each once."""

from datetime import timedelta

import pytest

from incidents.models import Notice
from oncall import forewarning
from oncall.models import CoverageCheck, Leave
from tests.factories import AdministratorFactory, MembershipFactory, ServiceFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, START, told

pytestmark = pytest.mark.django_db
HOLE = START + 20 * DAY


@pytest.fixture
def mona(chain):
    """She manages the team; Ada, who alone answers for P3 and P4, is away for a day in twenty days."""
    CoverageCheck.objects.update(due_at=START - HOUR)
    mona = UserFactory(name="Mona")
    MembershipFactory(team=chain.team, user=mona, is_manager=True)
    Leave.objects.create(person=chain.ada, start=HOLE, end=HOLE + DAY)
    return mona


def test_a_hole_is_told_when_found_and_a_week_and_a_day_before_and_while_it_lasts(mona):
    heard = []
    for hour in range(24 * 22):
        at = START + hour * HOUR
        if forewarning.ring_due(at).bells:
            forewarning.check(at)
        if len(told(mona)) > len(heard):
            heard.append(HOLE - at)

    found, week, day, now, *later = heard
    assert found == 20 * DAY
    assert 7 * DAY - HOUR <= week <= 7 * DAY
    assert DAY - HOUR <= day <= DAY
    assert -HOUR <= now <= timedelta(0)
    assert len(later) <= 1  # it lasts over one midnight


def test_the_notice_says_when_which_paths_why_and_what_happens_then(chain, mona):
    forewarning.check(START)

    [notice] = Notice.objects.filter(person=mona)
    assert notice.subject == "Nobody is reached from Sat 18 Apr 00:30 UTC: P3 and P4 of Checkout"
    assert notice.text == (
        "Sat 18 Apr, 00:30 to Sun 19 Apr, 00:30 UTC: P3 and P4 of Checkout, Ada is away. Nobody is told at all."
    )
    assert notice.path == f"/on-call/coverage/?team={chain.team.slug}"


def test_two_checks_at_once_tell_once(mona):
    assert (forewarning.check(START), forewarning.check(START)) == (1, 0)


def test_a_team_without_a_manager_is_the_administrators_affair(chain):
    root = AdministratorFactory(name="Root")
    ServiceFactory(name="Maps")

    forewarning.check(START)

    assert told(root) == ["Nobody is reached now: P0 to P2 and no severity of Maps"]


def test_a_hole_that_lasts_is_told_once_a_day(chain):
    root = AdministratorFactory()
    ServiceFactory()

    for hour in (0, 6, 12, 30):
        forewarning.check(START + hour * HOUR)

    assert len(told(root)) == 2


def test_the_next_check_comes_within_a_day_and_at_each_stage(mona):
    forewarning.check(HOLE - 7 * DAY - 3 * HOUR)
    assert CoverageCheck.objects.get().due_at == HOLE - 7 * DAY

    forewarning.check(HOLE - 5 * DAY)
    assert CoverageCheck.objects.get().due_at == HOLE - 4 * DAY


def test_the_tick_rings_and_does_not_wait(mona):
    done = forewarning.ring_due(START + HOUR)

    assert (done.rows, done.bells) == (1, {forewarning.BELL})
    assert forewarning.ring_due(START + HOUR).rows == 0
    assert told(mona) == []
