"""The ladder in words."""

from datetime import UTC, datetime, timedelta

import pytest

from oncall import wording
from tests.factories import ScheduleFactory, UserFactory

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "sentence"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_joined_as_a_sentence_does(words, sentence):
    assert wording.enumerate_words(words) == sentence


def test_of_many_names_two_are_said_and_how_many_others():
    assert wording.say_names(["Ada", "Bob", "Cy"]) == "Ada, Bob and Cy"
    assert wording.say_names(["Ada", "Bob", "Cy", "Di"]) == "Ada, Bob and 2 others"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=2, minutes=30), "2 h 30 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_lengths_are_said_in_words(span, words):
    assert wording.say_span(span) == words


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (AT - timedelta(hours=1), AT + timedelta(hours=6), "now to 18:00 UTC"),
        (AT - timedelta(hours=1), AT + timedelta(days=1), "now to Wed 25 Nov, 12:00 UTC"),
        (AT - timedelta(hours=1), None, "now onwards"),
        (AT + timedelta(hours=1), AT + timedelta(hours=6), "13:00 to 18:00 UTC"),
        (AT + timedelta(days=1), AT + timedelta(days=1, hours=6), "Wed 25 Nov, 12:00 to 18:00 UTC"),
        (AT + timedelta(days=3), AT + timedelta(days=4), "Fri 27 Nov, 12:00 to Sat 28 Nov, 12:00 UTC"),
        (AT + timedelta(days=1), None, "Wed 25 Nov, 12:00 UTC onwards"),
    ],
)
def test_a_stretch_is_said_as_short_as_it_is_clear(start, end, words):
    assert wording.say_stretch(start, end, AT) == words


@pytest.mark.django_db
def test_targets_are_named(django_assert_num_queries):
    schedule, user = ScheduleFactory(name="Payments weekly"), UserFactory(name="Lee Park")
    targets = [
        {"kind": "on_call"},
        {"kind": "chain"},
        {"kind": "rank", "rank": "lead"},
        {"kind": "schedule", "schedule": schedule.pk},
        {"kind": "user", "user": user.pk},
        {"kind": "schedule", "schedule": 0},
        {"kind": "user", "user": 0},
    ]

    with django_assert_num_queries(2):
        names = wording.names_in(targets)

    assert [wording.say_targets([target], names) for target in targets] == [
        "on call",
        "the whole chain",
        "team leads",
        "on call of Payments weekly",
        "Lee Park",
        "on call of a deleted schedule",
        "a person who is gone",
    ]
    assert wording.say_targets([], names) == "nobody"
