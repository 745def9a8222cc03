"""From rows to the rota: in a constant number of queries, and without what is over where nobody asks for it."""

import pytest

from oncall import overriding, rosters, rota, scheduling, temporaries
from oncall.overriding import Wish
from oncall.scheduling import Turns
from oncall.temporaries import Fixed
from tests.factories import ScheduleFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, NOON

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [1, 3])
def test_schedules_are_read_in_as_many_queries_whether_one_or_three(count, django_assert_num_queries):
    schedules = [ScheduleFactory(people=UserFactory.create_batch(count)) for _ in range(count)]

    with django_assert_num_queries(6):  # schedules with temporaries, places, windows, layers, overrides, who left
        loaded = rosters.load([schedule.pk for schedule in schedules])

    assert len(loaded) == count


def test_without_what_is_over_the_answers_from_then_on_are_the_same(trio):
    for number in (-9, -1, 2):
        wish = Wish("replace", trio.eve, NOON + number * DAY, NOON + number * DAY + 30 * HOUR, trio.ada)
        overriding.override(trio.schedule, wish, by=trio.root, at=NOON)
    shift = Fixed(trio.ben, NOON + 4 * DAY, NOON + 5 * DAY)
    temporaries.fix(trio.schedule, start=shift.start, end=shift.end, shifts=[shift], by=trio.root, at=NOON)
    order = tuple((person.pk,) for person in (trio.cy, trio.ada))
    wish = Turns("Primary", 0, "UTC", "2026-01-05T00:00", "week", 1, order)
    scheduling.edit(trio.schedule, at=NOON - DAY, layers=[wish])
    pk = trio.schedule.pk

    whole, rest = rosters.load([pk])[pk], rosters.load([pk], since=NOON)[pk]

    assert rota.final(rest, NOON, NOON + 30 * DAY) == rota.final(whole, NOON, NOON + 30 * DAY)
    assert rota.on_call(rest, NOON) == rota.on_call(whole, NOON)
    assert (len(whole.overrides), len(rest.overrides)) == (3, 2)
    assert len(rest.layers) < len(whole.layers)
