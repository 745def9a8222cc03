"""Leave: it moves no shift, and says which of them need cover."""

import pytest

from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import absences
from oncall.absences import Need
from oncall.models import Leave
from oncall.rota import Piece
from tests.factories import MembershipFactory
from tests.oncall.conftest import DAY, HOUR, NOON


def away(person, start=NOON, end=NOON + DAY, by=None, at=NOON):
    return absences.take_leave(person, start=start, end=end, by=by or person, at=at)


def test_leave_takes_nobody_off_the_rota(trio):
    before = trio.final(NOON, NOON + 3 * DAY)

    away(trio.cy)

    assert trio.final(NOON, NOON + 3 * DAY) == before


def test_the_shifts_in_it_need_cover(trio):
    away(trio.cy, NOON - 2 * HOUR, NOON + 2 * HOUR, at=NOON - 3 * HOUR)
    away(trio.ben, NOON, NOON + DAY)
    start, end = NOON - HOUR, NOON + DAY

    leave = absences.leave_of([trio.ada.pk, trio.ben.pk, trio.cy.pk], start, end)

    assert absences.in_need(trio.final(start, end), leave) == [
        Need(trio.cy.pk, start, NOON + 2 * HOUR, alone=True),
    ]


def test_who_shares_the_shift_with_somebody_who_is_there_is_not_alone():
    pieces = [Piece(NOON, NOON + 4 * HOUR, (1, 2)), Piece(NOON + 4 * HOUR, NOON + 6 * HOUR, (1,))]

    needs = absences.in_need(pieces, {1: [(NOON + HOUR, NOON + 5 * HOUR)], 2: [(NOON + 2 * HOUR, NOON + 3 * HOUR)]})

    assert needs == [
        Need(1, NOON + HOUR, NOON + 2 * HOUR, alone=False),
        Need(1, NOON + 2 * HOUR, NOON + 3 * HOUR, alone=True),
        Need(2, NOON + 2 * HOUR, NOON + 3 * HOUR, alone=True),
        Need(1, NOON + 3 * HOUR, NOON + 4 * HOUR, alone=False),
        Need(1, NOON + 4 * HOUR, NOON + 5 * HOUR, alone=True),
    ]


def test_leave_is_ones_own_affair_or_that_of_a_manager_or_an_administrator(trio):
    with pytest.raises(NotAllowed, match="Only Cy, a manager of their team or an administrator"):
        away(trio.cy, by=trio.ben)
    trio.schedule.team.memberships.filter(user=trio.ben).update(is_manager=True)
    MembershipFactory(user=trio.eve, is_manager=True)
    with pytest.raises(NotAllowed):
        away(trio.cy, by=trio.eve)

    away(trio.cy, by=trio.ben)
    away(trio.cy, NOON + DAY, NOON + 2 * DAY, by=trio.root)

    assert Leave.objects.count() == 2


def test_nobody_is_on_leave_twice(trio):
    away(trio.cy)

    with pytest.raises(Conflict, match="Cy is on leave in a part of this time already"):
        away(trio.cy, NOON + 23 * HOUR, NOON + 2 * DAY)


def test_leave_that_has_begun_is_noted_whole_and_leave_that_is_over_is_not(trio):
    assert away(trio.cy, NOON - DAY).start == NOON - DAY

    with pytest.raises(Invalid, match="This time is over"):
        away(trio.ben, NOON - 2 * DAY, NOON - DAY)
    with pytest.raises(Invalid, match="an end after the start"):
        away(trio.ben, NOON, NOON)


def test_leave_is_taken_back_or_ended_but_not_once_it_is_over(trio):
    running, ahead = away(trio.cy), away(trio.ben, NOON + DAY, NOON + 2 * DAY)

    assert absences.cancel_leave(running, by=trio.cy, at=NOON + HOUR).end == NOON + HOUR
    assert absences.cancel_leave(ahead, by=trio.ben, at=NOON + HOUR) is None

    assert Leave.objects.get() == running
    with pytest.raises(Conflict, match="This leave is over"):
        absences.cancel_leave(running, by=trio.cy, at=NOON + HOUR)
