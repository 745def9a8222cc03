"""The weekly letter to owners of action items."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents.models import Notice
from postmortems import actions, digests
from postmortems.actions import Ending, Plan
from postmortems.models import Digest
from tests.factories import UserFactory
from tests.postmortems.test_publishing import complete, publish

MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)


@pytest.fixture
def at(story):
    return story.minute(60)  # a Monday, 15:02 UTC


@pytest.fixture
def lee(db):
    return UserFactory(name="Lee Park")


def letters(person):
    return list(Notice.objects.filter(person=person, dedupe_key__startswith="digest:").order_by("pk"))


def test_an_owner_gets_one_letter_on_monday_morning_with_what_is_late(story, at, lee):
    actions.add(story.incident, Plan("Review SQL", lee, due_date=at.date()), by=lee, at=at)
    actions.add(story.incident, Plan("Alert on the pool", lee, due_date=at.date() + timedelta(days=30)), by=lee, at=at)

    assert digests.write_due(MONDAY - timedelta(seconds=1)).rows == 0
    assert digests.write_due(MONDAY).rows == 1
    assert digests.write_due(MONDAY).rows == 0

    [letter] = letters(lee)
    assert letter.subject == "You own 2 action items, 1 late"
    assert f"- 2026-11-23 (late): Review SQL ({story.incident.ref})" in letter.text
    assert letter.path == "/action-items/?show=mine"
    assert Digest.objects.get(person=lee).due_at == MONDAY + timedelta(days=7)


def test_the_letter_names_what_was_published_and_may_be_seen(story, begin, at, lee):
    complete(story, at)
    publish(story, at)
    hidden = begin(private=True, title="secret")
    hidden.resolve()
    complete(hidden, at)
    publish(hidden, at)
    actions.add(story.incident, Plan("Review SQL", lee), by=lee, at=at)

    digests.write_due(MONDAY)

    [letter] = letters(lee)
    assert f"Published this week:\n- {story.incident.ref}" in letter.text
    assert "secret" not in letter.text


def test_who_has_done_everything_gets_no_more_letters_until_there_is_something_new(story, at, lee):
    item = actions.add(story.incident, Plan("Review SQL", lee), by=lee, at=at)
    actions.edit(item, actions.plan_of(item), Ending("done", verified_how="A test."), by=lee, at=at)

    digests.write_due(MONDAY)

    assert letters(lee) == []
    assert not Digest.objects.filter(person=lee).exists()
    actions.add(story.incident, Plan("Another", lee), by=lee, at=MONDAY)
    assert Digest.objects.get(person=lee).due_at == MONDAY + timedelta(days=7)


@pytest.mark.parametrize(
    ("zone", "after", "moment"),
    [
        ("UTC", "2026-11-30T08:59:59", "2026-11-30T09:00:00"),
        ("UTC", "2026-11-30T09:00:00", "2026-12-07T09:00:00"),
        ("Asia/Tokyo", "2026-11-29T22:00:00", "2026-11-30T00:00:00"),
        ("America/Los_Angeles", "2026-11-30T12:00:00", "2026-11-30T17:00:00"),
        ("Europe/Berlin", "2026-10-24T12:00:00", "2026-10-26T08:00:00"),
    ],
)
def test_monday_at_nine_is_the_persons_own(zone, after, moment):
    person = type("Person", (), {"time_zone": zone})()

    assert digests.next_letter(person, datetime.fromisoformat(after + "+00:00")) == datetime.fromisoformat(
        moment + "+00:00"
    )
