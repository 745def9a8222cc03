"""What an override would change, told before it is saved."""

import pytest

from oncall import overriding, rosters, weighing
from oncall.models import Leave, Override
from oncall.overriding import Wish
from tests.factories import ContactMethodFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, NOON

pytestmark = pytest.mark.django_db


def moved(found):
    return [
        (one.start, one.end, [str(person) for person in one.before], [str(person) for person in one.after])
        for one in found.moved
    ]


def test_what_is_told_is_what_saving_does(trio):
    ContactMethodFactory(user=trio.ben)
    wish = Wish("replace", trio.ben, NOON, NOON + HOUR, trio.cy)

    found = weighing.weigh(trio.schedule, wish)
    assert Override.objects.count() == 0
    overriding.override(trio.schedule, wish, by=trio.ben, at=NOON)

    assert moved(found) == [(NOON, NOON + HOUR, ["Cy"], ["Ben"])]
    assert trio.on_call(NOON) == ["Ben"]


def test_it_counts_after_the_overrides_that_stand(trio):
    overriding.override(trio.schedule, Wish("replace", trio.ada, NOON, NOON + HOUR, trio.cy), by=trio.ada, at=NOON)

    found = weighing.weigh(trio.schedule, Wish("replace", trio.ben, NOON, NOON + HOUR, trio.ada))

    assert moved(found) == [(NOON, NOON + HOUR, ["Ada"], ["Ben"])]


@pytest.mark.parametrize(
    ("kind", "person", "replaces", "words"),
    [
        ("replace", "ben", "ada", "Ada is not on call then: nobody’s shift would change."),
        ("remove", "ada", None, "Ada is not on call then: nobody’s shift would change."),
        ("add", "cy", None, "Cy is on call then already: nobody’s shift would change."),
        ("remove", "cy", None, "It leaves a time in which nobody is on call."),
        ("add", "ben", None, "Ben has no verified way to be reached: a page would not get through."),
        ("replace", "ada", "cy", "Ada is away in a part of this time."),
        ("replace", "ben", "cy", "Ben has had 12 h of rest"),
    ],
)
def test_what_speaks_against_it_is_said_and_refuses_nothing(trio, kind, person, replaces, words):
    Leave.objects.create(person=trio.ada, start=NOON, end=NOON + DAY)
    wish = Wish(kind, getattr(trio, person), NOON, NOON + HOUR, getattr(trio, replaces) if replaces else None)

    warnings = weighing.weigh(trio.schedule, wish).warnings

    said = any(one.startswith(words) for one in warnings)
    assert said is not words.endswith("12 h of rest")  # eleven hours are enough


def test_little_rest_before_and_after_is_said(trio):
    before = Wish("replace", trio.ben, NOON - 10 * HOUR, NOON - 9 * HOUR, trio.cy)  # Ben's own turn ended two hours ago
    after = Wish("replace", trio.ada, NOON + 2 * HOUR, NOON + 10 * HOUR, trio.cy)  # hers begins two hours later

    assert "Ben has had 2 h of rest since the shift before." in weighing.weigh(trio.schedule, before).warnings
    assert "Ada gets 2 h of rest before the next shift." in weighing.weigh(trio.schedule, after).warnings


def test_the_proposal_replaces_who_is_on_call_alone_by_the_reader(trio):
    proposal = weighing.propose(trio.schedule, NOON, NOON + HOUR, instead=None, by=trio.ben)

    assert (proposal.kind, proposal.replaces, proposal.person) == ("replace", trio.cy.pk, trio.ben.pk)


def test_for_ones_own_shift_the_next_in_turn_is_proposed(trio):
    proposal = weighing.propose(trio.schedule, NOON, NOON + HOUR, instead=trio.cy.pk, by=trio.cy)

    assert (proposal.replaces, proposal.person) == (trio.cy.pk, trio.ada.pk)


def test_in_a_gap_somebody_is_added(trio):
    Override.objects.create(schedule=trio.schedule, kind="remove", person=trio.cy, start=NOON, end=NOON + HOUR)

    proposal = weighing.propose(trio.schedule, NOON, NOON + HOUR, instead=None, by=trio.eve)

    assert (proposal.kind, proposal.replaces) == ("add", None)
    assert proposal.person in {trio.cy.pk, trio.ada.pk}


def test_a_page_offers_the_team_and_the_schedule_but_nobody_who_left(trio):
    gone = UserFactory(name="Gone", is_active=False)
    trio.schedule.team.memberships.create(user=gone)

    assert list(weighing.people_of(trio.schedule)) == [trio.ada, trio.ben, trio.cy]
    assert rosters.load([trio.schedule.pk])
