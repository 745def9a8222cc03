"""Temporary schedules: fixed shifts that win over everything inside their range."""

import pytest

from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import overriding, temporaries
from oncall.models import Page, TemporarySchedule, TemporaryShift
from oncall.overriding import Wish
from oncall.temporaries import Fixed
from tests.factories import UserFactory
from tests.oncall.conftest import DAY, HOUR, NOON, START, paged, reachable, settle, told

MIDNIGHT = NOON + 12 * HOUR


def fix(trio, *shifts, start=MIDNIGHT, end=MIDNIGHT + DAY, by=None, at=NOON):
    fixed = [Fixed(person, MIDNIGHT + begin * HOUR, MIDNIGHT + last * HOUR) for person, begin, last in shifts]
    return temporaries.fix(trio.schedule, start=start, end=end, shifts=fixed, by=by or trio.ada, at=at)


def parts(trio, start=MIDNIGHT - 2 * HOUR, end=MIDNIGHT + 26 * HOUR):
    names = {trio.ada.pk: "Ada", trio.ben.pk: "Ben", trio.cy.pk: "Cy"}
    pieces = trio.final(start, end)
    return [("+".join(names[pk] for pk in piece.people), (piece.end - piece.start) // HOUR) for piece in pieces]


def test_inside_its_range_nothing_else_counts_and_a_time_without_a_shift_is_a_gap(trio):
    wish = Wish("add", trio.ada, MIDNIGHT, MIDNIGHT + 25 * HOUR)
    overriding.override(trio.schedule, wish, by=trio.root, at=NOON)

    fix(trio, (trio.cy, 0, 10), (trio.ben, 8, 20))

    assert parts(trio) == [("Cy", 10), ("Ben+Cy", 2), ("Ben", 10), ("", 4), ("Ada+Ben", 1), ("Ben", 1)]
    assert trio.on_call(MIDNIGHT + HOUR) == ["Cy"]


def test_p12_a_deactivated_person_leaves_a_gap_in_it(trio):
    fix(trio, (trio.cy, 0, 24))
    trio.cy.is_active, trio.cy.deactivated_at = False, MIDNIGHT + 6 * HOUR
    trio.cy.save()

    assert parts(trio, MIDNIGHT, MIDNIGHT + DAY) == [("Cy", 6), ("", 18)]


@pytest.mark.parametrize(
    ("field", "shifts"),
    [
        ("shifts", []),
        ("shifts.0.end", [("cy", 3, 3)]),
        ("shifts.0.end", [("cy", 3, 25)]),
        ("shifts", [("cy", 3, 8), ("cy", 7, 9)]),
        ("shifts.1.person", [("cy", 3, 8), ("gone", 7, 9)]),
    ],
)
def test_shifts_that_cannot_be_are_refused(trio, field, shifts):
    trio.gone = UserFactory(is_active=False, deactivated_at=NOON)

    with pytest.raises(Invalid) as refused:
        fix(trio, *((getattr(trio, name), start, end) for name, start, end in shifts))

    assert refused.value.field == field
    assert not TemporarySchedule.objects.exists()


def test_of_two_for_one_time_the_second_is_a_conflict(trio):
    fix(trio, (trio.cy, 0, 24))

    with pytest.raises(Conflict, match="Another temporary schedule stands in this time"):
        fix(trio, (trio.ben, 23, 25), start=MIDNIGHT + 23 * HOUR, end=MIDNIGHT + 25 * HOUR)
    fix(trio, (trio.ben, 24, 25), start=MIDNIGHT + DAY, end=MIDNIGHT + 25 * HOUR)


def test_a_stranger_fixes_nothing(trio):
    with pytest.raises(NotAllowed):
        fix(trio, (trio.eve, 0, 24), by=trio.eve)


def test_a_change_of_one_that_runs_keeps_what_was(trio):
    row = fix(trio, (trio.cy, 0, 12), (trio.ben, 12, 24))

    fresh = temporaries.refix(
        row,
        start=MIDNIGHT,
        end=MIDNIGHT + 20 * HOUR,
        shifts=[Fixed(trio.ben, MIDNIGHT, MIDNIGHT + 20 * HOUR)],
        by=trio.ada,
        at=MIDNIGHT + 6 * HOUR,
    )

    assert parts(trio) == [("Cy", 8), ("Ben", 14), ("Ada", 4), ("Ben", 2)]
    assert (fresh.start, fresh.end) == (MIDNIGHT + 6 * HOUR, MIDNIGHT + 20 * HOUR)
    assert TemporaryShift.objects.filter(temporary=row).get().end == MIDNIGHT + 6 * HOUR


def test_a_change_of_one_to_come_replaces_it(trio):
    row = fix(trio, (trio.cy, 0, 24))

    shifts = [Fixed(trio.ben, MIDNIGHT, MIDNIGHT + HOUR)]
    temporaries.refix(row, start=MIDNIGHT, end=MIDNIGHT + HOUR, shifts=shifts, by=trio.ada, at=NOON)

    assert parts(trio) == [("Cy", 2), ("Ben", 1), ("Ada", 23), ("Ben", 2)]
    assert TemporarySchedule.objects.count() == 1


def test_one_that_is_ended_leaves_the_past_and_one_to_come_leaves_nothing(trio):
    row = fix(trio, (trio.cy, 0, 24))
    assert temporaries.unfix(row, by=trio.ada, at=MIDNIGHT + HOUR).end == MIDNIGHT + HOUR
    assert parts(trio) == [("Cy", 3), ("Ada", 23), ("Ben", 2)]
    with pytest.raises(Conflict, match="is over"):
        temporaries.unfix(row, by=trio.ada, at=MIDNIGHT + HOUR)

    later = fix(trio, (trio.cy, 25, 26), start=MIDNIGHT + 25 * HOUR, end=MIDNIGHT + 26 * HOUR, at=MIDNIGHT + HOUR)
    assert temporaries.unfix(later, by=trio.ada, at=MIDNIGHT + 2 * HOUR) is None
    assert TemporarySchedule.objects.get() == row


def test_those_whose_shifts_move_are_told(trio):
    row = fix(trio, (trio.cy, 0, 24), by=trio.root)

    assert told(trio.cy) == ["You are put on call in Payments daily"]
    assert told(trio.ada) == ["You are taken off call in Payments daily"]
    assert told(trio.ben) == []

    temporaries.unfix(row, by=trio.root, at=NOON)

    assert told(trio.ada)[1:] == ["You are put on call in Payments daily"]


def test_a_page_reaches_somebody_whom_only_a_temporary_schedule_names(chain):
    zed = reachable("Zed")
    shift = Fixed(zed, START, START + DAY)
    temporaries.fix(chain.schedule, start=START, end=START + DAY, shifts=[shift], by=chain.ada, at=START)

    incident = chain.declare(1)
    settle(seconds=0)

    assert paged(incident) == ["Zed"]
    assert Page.objects.get(incident=incident, act="page").reason == "on call, Payments weekly, temporary schedule"
