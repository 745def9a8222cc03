"""Feeds: what an independent library reads out of them is what the rota says (P11); who may read them."""

from datetime import UTC, datetime, timedelta

import pytest
import vobject
from django.utils import timezone

from incidents import people
from incidents.refusals import NotAllowed
from oncall import feeds, overriding
from oncall.models import CalendarFeed, OverrideKind
from tests.factories import AdministratorFactory, LayerFactory, MembershipFactory, ScheduleFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, NOON
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db


def read(body):
    """The events of a feed as an independent library understands them: (id, from, until, title)."""
    calendar = vobject.readOne(body.decode())
    rows = [(e.uid.value, e.dtstart.value, e.dtend.value, e.summary.value) for e in calendar.contents.get("vevent", [])]
    return [(uid, start.astimezone(UTC), end.astimezone(UTC), title) for uid, start, end, title in rows]


def shifts_of(trio, start, end):
    """What the rota says, one entry for each stretch."""
    return [(piece.start, piece.end, person) for piece in trio.final(start, end) for person in piece.people]


def test_p11_o53_the_feed_of_a_schedule_holds_the_same_shifts_as_the_rota_for_a_year(trio):
    feed, _ = feeds.make(trio.ada, at=NOON, schedule=trio.schedule)
    today = NOON.replace(hour=0)

    events = read(feeds.write(feed, NOON))

    by_name = {person.name: person.pk for person in (trio.ada, trio.ben, trio.cy)}
    found = [(start, end, by_name[title.partition(":")[0]]) for _, start, end, title in events]
    assert found == shifts_of(trio, today, today + feeds.AHEAD)
    assert len(found) == 366


def test_o53_my_feed_holds_my_shifts_of_every_schedule_and_nobody_elses(trio):
    other = ScheduleFactory(name="Second line", people=[])
    LayerFactory(schedule=other, people=[trio.ada, trio.ben])
    feed, _ = feeds.make(trio.ada, at=NOON)

    events = read(feeds.write(feed, NOON))

    assert {title for *_, title in events} == {"On call: Payments daily", "On call: Second line"}
    mine = [(start, end) for _, start, end, title in events if "daily" in title]
    today = NOON.replace(hour=0)
    assert mine == [
        (start, end) for start, end, person in shifts_of(trio, today, today + feeds.AHEAD) if person == trio.ada.pk
    ]


def test_o53_ids_stay_while_days_go_by_and_times_are_whole(trio):
    long = ScheduleFactory(people=[])
    LayerFactory(schedule=long, people=[trio.ada, trio.ben], unit="month", length=2)
    feed, _ = feeds.make(trio.ada, at=NOON, schedule=long)

    before, after = (read(feeds.write(feed, at)) for at in (NOON, NOON + 40 * DAY))

    assert set(before) & set(after)
    assert {row[0]: row[1:] for row in before}.items() >= {
        row[0]: row[1:] for row in after if row[0] in {one[0] for one in before}
    }.items()
    assert before[0][1] == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_o53_the_feed_is_the_same_to_the_byte_until_a_shift_changes(trio):
    feed, _ = feeds.make(trio.ada, at=NOON, schedule=trio.schedule)
    before = feeds.write(feed, NOON)

    assert feeds.write(feed, NOON + 3 * HOUR) == before

    wish = overriding.Wish(OverrideKind.ADD, trio.cy, NOON + DAY, NOON + DAY + HOUR)
    overriding.override(trio.schedule, wish, by=trio.root, at=NOON)
    assert feeds.write(feed, NOON + 3 * HOUR) != before


def test_times_are_in_utc(trio):
    feed, _ = feeds.make(trio.ada, at=NOON, schedule=trio.schedule)

    body = feeds.write(feed, NOON).decode()

    assert "DTSTART:20260107T000000Z" in body
    assert "TZID" not in body


@pytest.fixture
def address(trio):
    feed, secret = feeds.make(trio.ada, at=NOON, schedule=trio.schedule)
    return feed, f"/calendar/{secret}.ics"


def test_o53_the_address_answers_without_signing_in_and_says_304_to_who_has_it(client, address):
    feed, path = address

    answer = client.get(path)

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert read(answer.content)
    again = client.get(path, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    feed.refresh_from_db()
    assert feed.read_at is not None


def test_o53_a_revoked_or_unknown_address_is_401(client, trio, address):
    feed, path = address
    feeds.revoke(feed, by=trio.ada, at=timezone.now())

    assert client.get(path).status_code == 401
    assert client.get("/calendar/cal_no-such-thing.ics").status_code == 401


def test_the_address_of_somebody_who_left_is_401(client, trio, address):
    people.deactivate(trio.ada, by=trio.root, at=timezone.now())

    assert client.get(address[1]).status_code == 401


def test_the_secret_is_not_stored(trio):
    feed, secret = feeds.make(trio.ada, at=NOON)

    assert secret not in str(CalendarFeed.objects.filter(pk=feed.pk).values().get())


def test_only_its_maker_a_manager_and_administrators_revoke_a_feed(trio):
    manager = UserFactory()
    MembershipFactory(user=manager, team=trio.schedule.team, is_manager=True)
    feed, _ = feeds.make(trio.ada, at=NOON, schedule=trio.schedule)

    with pytest.raises(NotAllowed):
        feeds.revoke(feed, by=trio.ben, at=NOON)
    assert [feeds.may_revoke(feed, person) for person in (trio.ada, trio.ben, trio.root, manager)] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_a_feed_costs_the_same_for_one_schedule_and_three(trio, count, django_assert_num_queries):
    for _ in range(count):
        LayerFactory(schedule=ScheduleFactory(people=[]), people=[trio.ada])
    feed, _ = feeds.make(trio.ada, at=NOON)

    with django_assert_num_queries(8):  # schedules, rosters (6), people
        feeds.write(feed, NOON)


# The pages


def test_i_make_an_address_of_my_shifts_see_it_once_and_revoke_it(client, trio):
    client.force_login(trio.ada)
    assert "No address has been made" in words(client.get("/me/calendar/"))

    page = client.post("/me/calendar/", follow=True)
    path = page.content.decode().split("<code")[1].split(">")[1].split("<")[0].partition("/calendar/")[2]
    assert client.get(f"/calendar/{path}").status_code == 200
    assert path not in client.get("/me/calendar/").content.decode()

    feed = CalendarFeed.objects.get()
    page = words(client.post(f"/on-call/feeds/{feed.pk}/revoke/", follow=True))
    assert "Revoked." in page
    assert client.get(f"/calendar/{path}").status_code == 401


def test_the_address_of_a_schedule_is_made_on_its_page(client, trio):
    client.force_login(trio.ben)

    page = words(client.post(f"/on-call/schedules/{trio.schedule.slug}/calendars/feed/", follow=True))

    assert "Copy this address now" in page
    assert CalendarFeed.objects.get().schedule == trio.schedule


def test_a_stranger_cannot_revoke_my_address_by_its_number(client, trio):
    feed, _ = feeds.make(trio.ada, at=NOON)
    client.force_login(trio.ben)

    client.post(f"/on-call/feeds/{feed.pk}/revoke/")

    feed.refresh_from_db()
    assert feed.revoked_at is None


def test_an_administrator_sees_every_address_of_a_schedule_and_others_their_own(client, trio):
    feeds.make(trio.ada, at=NOON, schedule=trio.schedule)
    for person, count in ((AdministratorFactory(), 1), (trio.ben, 0), (trio.ada, 1)):
        assert len(feeds.feeds_on(trio.schedule, person)) == count


def test_a_long_turn_tells_when_it_ends_beyond_the_year(trio):
    schedule = ScheduleFactory(people=[])
    LayerFactory(schedule=schedule, people=[trio.ada, trio.ben], unit="week", length=3)
    feed, _ = feeds.make(trio.ada, at=NOON, schedule=schedule)

    lengths = {end - start for _, start, end, _ in read(feeds.write(feed, NOON))}

    assert lengths == {timedelta(weeks=3)}
