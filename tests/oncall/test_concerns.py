"""What is said about a schedule before it is saved."""

from datetime import UTC, datetime, time, timedelta

import pytest

from oncall import concerns, overriding, scheduling
from oncall.models import Schedule
from oncall.overriding import Wish
from oncall.scheduling import Turns
from tests.factories import AdministratorFactory, ContactMethodFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 5, tzinfo=UTC)
ALWAYS = tuple((weekday, time(0), time(0)) for weekday in range(7))


@pytest.fixture
def ada():
    return ContactMethodFactory(user__name="Ada").user


@pytest.fixture
def ben():
    return UserFactory(name="Ben")


def turns(*slots, **fields):
    given = {"name": "Primary", "priority": 0, "time_zone": "Europe/Berlin", "anchor": "2026-01-05T09:00"}
    slots = tuple(tuple(person.pk for person in slot) for slot in slots)
    return Turns(**given | {"unit": "week", "length": 1, "slots": slots} | fields)


def said(*layers, schedule=None):
    schedule = schedule or Schedule(slug="s", name="S", team=TeamFactory(), time_zone="Europe/Berlin")
    _, after = scheduling.imagined(schedule, layers, at=AT)
    return concerns.of(after, layers, at=AT)


def test_a_rotation_that_always_reaches_somebody_is_no_concern(ada):
    assert said(turns([ada])) == []


def test_a_gap_is_told_with_its_local_time(ada):
    assert said(turns([ada], restrictions=((0, time(9), time(17)),))) == [
        "Nobody is on call from Mon 5 Jan 01:00 to Mon 5 Jan 09:00 (Berlin), and 4 more times in four weeks."
    ]


def test_a_schedule_of_nobody_is_told_in_one_sentence():
    assert said() == ["Nobody is on call in the next four weeks."]


def test_more_people_at_once_than_a_turn_has_are_told(ada):
    other = ContactMethodFactory().user
    wanted = turns([ada])
    schedule = Schedule(slug="s", name="S", team=TeamFactory(), time_zone="UTC")
    scheduling.create(schedule, [wanted])
    wish = Wish("add", other, AT + timedelta(days=1), AT + timedelta(days=2))
    overriding.override(schedule, wish, by=AdministratorFactory(), at=AT)

    assert said(wanted, schedule=schedule) == [
        "2 people are on call at once from Tue 6 Jan 00:00 to Wed 7 Jan 00:00 (UTC), more than any turn has."
    ]
    assert said(turns([ada, other]), schedule=schedule) == []


def test_layers_of_one_priority_that_overlap_are_told(ada):
    assert said(turns([ada]), turns([ada], name="Second")) == [
        "“Primary” and “Second” have the same priority and overlap: only the one that was made first has anybody on "
        "call. Give one of them a larger priority."
    ]
    assert said(turns([ada]), turns([ada], name="Second", priority=1)) == []
    later = AT + timedelta(days=3)
    assert said(turns([ada], effective_until=later), turns([ada], name="Second", effective_from=later)) == []


@pytest.mark.parametrize(
    ("anchor", "words"), [("2026-03-29T02:30", "does not exist in"), ("2026-10-25T02:30", "comes twice in")]
)
def test_a_handoff_on_no_clock_or_on_two_is_told(ada, anchor, words):
    [line] = said(turns([ada], anchor=anchor))

    assert words in line


def test_people_who_cannot_be_reached_are_named(ada, ben):
    assert said(turns([ada], [ben])) == ["Ben has no verified contact method and cannot be paged."]
    assert said(turns([ben])) == ["Nobody of this rotation has a verified contact method: nobody can be paged."]
