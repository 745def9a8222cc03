"""Where an escalation stands: how far it has climbed and what comes next."""

from datetime import timedelta

import pytest

from incidents import lifecycle
from oncall import standing
from oncall.models import EscalationPolicy
from tests.oncall.conftest import START, after, settle

pytestmark = pytest.mark.django_db


def summary(incident):
    stands = standing.of(incident)
    coming = stands.next and (stands.next.what, stands.next.level, stands.next.due_at - START, stands.next.whom)
    return stands.state, stands.level, stands.levels, stands.round, coming


def test_a_p0_climbs_level_by_level(chain):
    incident = chain.declare(0)
    assert summary(incident) == ("active", 0, 5, 1, ("level", 1, timedelta(0), "the whole chain"))

    settle(seconds=0)
    assert summary(incident) == ("active", 2, 5, 1, ("level", 3, timedelta(minutes=5), "team leads"))

    settle(minutes=15)
    assert summary(incident)[:2] == ("active", 4)


def test_after_the_last_level_comes_another_round_and_after_the_last_round_the_fallback(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    settle(minutes=15)
    assert summary(incident) == ("active", 2, 2, 1, ("round", 1, timedelta(minutes=30), "on call"))

    EscalationPolicy.objects.update(repeat=0)  # a running escalation keeps its own copy
    settle(minutes=30)
    settle(minutes=30, seconds=1)
    assert summary(incident) == ("active", 1, 2, 2, ("level", 2, timedelta(minutes=45), "team leads"))


def test_the_fallback_comes_when_no_round_is_left(chain):
    EscalationPolicy.objects.filter(slug="default-p2").update(repeat=0)
    incident = chain.declare(2)
    settle(seconds=0)
    settle(minutes=15)

    assert summary(incident) == ("active", 2, 2, 1, ("fallback", 0, timedelta(minutes=30), "the fallback contact"))
    settle(minutes=30)
    assert summary(incident) == ("exhausted", 2, 2, 1, None)


def test_who_has_it_parks_the_run_and_one_may_still_climb(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    incident = lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=1))

    stands = standing.of(incident)
    assert (stands.state, stands.why, stands.next, stands.may_climb) == ("parked", "acknowledged", None, True)


def test_the_end_leaves_the_last_run_to_read(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    incident = lifecycle.resolve(incident, by=chain.ada, at=after(minutes=1))

    stands = standing.of(incident)
    assert (stands.state, stands.why, stands.level, stands.may_climb) == ("ended", "resolved", 1, False)
    assert [step.level for step in stands.history] == [1]


def test_a_backfill_has_no_run(chain):
    stands = standing.of(chain.declare(2, kind="backfill"))

    assert (stands.state, stands.run, stands.rungs) == ("none", None, ())


def test_those_whom_the_next_level_reaches_are_found_at_the_moment(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    coming = standing.of(incident).next

    assert [one.person for one in standing.expected(incident, coming, after(minutes=1))] == [chain.lea]
    chain.lea.contact_methods.update(verified_at=None)
    assert standing.expected(incident, coming, after(minutes=1)) == []
