"""What a change means for people, side by side."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from oncall import changes, rota
from oncall.changes import Change, Stint
from oncall.rota import Layer, Override, Schedule

NOON = datetime(2025, 6, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAILY = Schedule(1, "UTC", (Layer(1, "Primary", 0, "UTC", datetime(2025, 6, 4), "day", 1, ((1,), (2,), (3,))),))


def overridden(*rows):
    return replace(DAILY, overrides=tuple(Override(n, *row) for n, row in enumerate(rows)))


def test_the_same_schedule_changes_nothing():
    assert changes.between(DAILY, DAILY, NOON, NOON + 9 * DAY) == ()


def test_each_stretch_says_who_was_and_who_will_be():
    after = overridden((NOON + 6 * HOUR, NOON + 18 * HOUR, "add", 9))

    found = changes.between(DAILY, after, NOON, NOON + DAY)

    midnight = NOON + 12 * HOUR
    assert found == (
        Change(midnight - 6 * HOUR, midnight, (1,), (1, 9)),
        Change(midnight, midnight + 6 * HOUR, (2,), (2, 9)),
    )
    assert changes.by_person(found) == (Stint(9, NOON + 6 * HOUR, NOON + 18 * HOUR, is_new=True),)


def test_a_replacement_is_told_to_both():
    after = overridden((NOON, NOON + HOUR, "replace", 9, 1))

    assert changes.by_person(changes.between(DAILY, after, NOON, NOON + DAY)) == (
        Stint(1, NOON, NOON + HOUR, is_new=False),
        Stint(9, NOON, NOON + HOUR, is_new=True),
    )


spans = st.tuples(st.integers(0, 200), st.integers(1, 60)).map(
    lambda pair: (NOON + pair[0] * HOUR, NOON + sum(pair) * HOUR)
)
rows = st.lists(st.tuples(spans, st.sampled_from(["add", "remove"]), st.integers(1, 4)), max_size=4)


@settings(deadline=None, database=None, max_examples=100)
@given(rows, rows)
def test_whoever_is_on_call_at_another_instant_than_before_is_told_so_and_nobody_else(one, other):
    before, after = (overridden(*((*span, kind, person) for span, kind, person in given)) for given in (one, other))
    end = NOON + 12 * DAY

    stints = changes.by_person(changes.between(before, after, NOON, end))

    for hour in range(12 * 24):
        at = NOON + hour * HOUR + HOUR / 2
        was, will = ({each.person for each in rota.on_call(each, at)} for each in (before, after))
        told = {(stint.person, stint.is_new) for stint in stints if stint.start <= at < stint.end}
        assert told == {(person, True) for person in will - was} | {(person, False) for person in was - will}
