"""A first rotation for a team: in force at once, weekly, from a few answers."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import beginnings, rosters, rota
from oncall.beginnings import Wanted
from oncall.models import Schedule
from tests.factories import (
    AdministratorFactory,
    ContactMethodFactory,
    MembershipFactory,
    ScheduleFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
WEDNESDAY = datetime(2026, 1, 7, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def team():
    return TeamFactory(name="Payments")


@pytest.fixture
def people():
    return tuple(UserFactory(name=name) for name in ("Ada", "Ben", "Cy"))


def wanted(team, people, **said):
    return Wanted(
        **{"name": "Pager", "weekday": 0, "clock": time(9), "time_zone": "UTC"} | said, team=team, people=people
    )


def on_call(schedule, at):
    return [each.person for each in rota.on_call(rosters.load([schedule.pk])[schedule.pk], at)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"])
@pytest.mark.parametrize("weekday", range(7))
def test_the_first_has_it_now_and_the_others_follow_at_each_handoff(team, people, zone, weekday):
    schedule = beginnings.begin(
        wanted(team, people, weekday=weekday, time_zone=zone), by=AdministratorFactory(), at=WEDNESDAY
    )

    order, moment = [], WEDNESDAY
    for _ in range(4):
        [person] = rota.on_call(rosters.load([schedule.pk])[schedule.pk], moment)
        order.append(person.person)
        moment = person.until
        local = moment.astimezone(ZoneInfo(zone))
        assert (local.weekday(), local.time()) == (weekday, time(9))
    assert order == [person.pk for person in (*people, people[0])]


def test_it_claims_nothing_about_the_past(team, people):
    schedule = beginnings.begin(wanted(team, people), by=AdministratorFactory(), at=WEDNESDAY)

    assert on_call(schedule, WEDNESDAY - timedelta(minutes=1)) == []
    assert on_call(schedule, WEDNESDAY) == [people[0].pk]


def test_a_handoff_whose_last_time_was_skipped_still_comes_at_its_own_clock(team, people):
    at = datetime(2026, 3, 29, 10, tzinfo=UTC)  # the Sunday on which Berlin had no 02:30

    schedule = beginnings.begin(
        wanted(team, people, weekday=6, clock=time(2, 30), time_zone="Europe/Berlin"), by=AdministratorFactory(), at=at
    )

    assert on_call(schedule, at) == [people[0].pk]
    assert on_call(schedule, datetime(2026, 4, 5, 0, 29, tzinfo=UTC)) == [people[0].pk]
    assert on_call(schedule, datetime(2026, 4, 5, 0, 30, tzinfo=UTC)) == [people[1].pk]


def test_what_is_foreseen_is_what_comes_true(team, people):
    wish = wanted(team, people)

    weeks = beginnings.foresee(wish, WEDNESDAY)
    assert not Schedule.objects.exists()
    schedule = beginnings.begin(wish, by=AdministratorFactory(), at=WEDNESDAY)

    pieces = rota.final(rosters.load([schedule.pk])[schedule.pk], WEDNESDAY, WEDNESDAY + 5 * WEEK)[:4]
    seen = [(week.start, week.end, tuple(person.pk for person in week.people)) for week in weeks]
    assert seen == [(piece.start, piece.end, piece.people) for piece in pieces]


def test_who_may_make_it(team, people):
    lea = UserFactory()
    MembershipFactory(team=team, user=lea, is_manager=True)
    MembershipFactory(team=team, user=people[0])
    beginnings.begin(wanted(team, people), by=lea, at=WEDNESDAY)

    for stranger in (people[0], UserFactory()):
        with pytest.raises(NotAllowed):
            beginnings.begin(wanted(team, people, name="Other"), by=stranger, at=WEDNESDAY)


def test_a_name_is_used_once_in_a_team_and_a_slug_once_anywhere(team, people):
    root = AdministratorFactory()
    other = TeamFactory(name="Search")
    slugs = [beginnings.begin(wanted(each, people), by=root, at=WEDNESDAY).slug for each in (team, other)]
    with pytest.raises(Conflict, match="has a schedule called “pager” already"):
        beginnings.begin(wanted(team, people, name="pager"), by=root, at=WEDNESDAY)

    assert slugs == ["pager", "pager-2"]
    assert beginnings.begin(wanted(team, people, name="夜"), by=root, at=WEDNESDAY).slug == "schedule"


def test_nobody_and_somebody_twice_are_refused(team, people):
    for chosen in ((), (people[0], people[0])):
        with pytest.raises(Invalid):
            beginnings.foresee(wanted(team, chosen), WEDNESDAY)


def test_what_to_think_of_is_said(team, people):
    for person in people[:2]:
        ContactMethodFactory(user=person)
    ScheduleFactory(name="Old rota", team=team, people=[people[0]])

    alone = beginnings.warnings(wanted(team, people[:1]))
    three = beginnings.warnings(wanted(team, people))

    assert alone == [
        "Ada is on call without a break. Add somebody to take turns with.",
        "Payments has Old rota already: a page goes to both.",
    ]
    assert three[0] == "Cy has no verified way to be reached: a page would not get through."


def test_a_name_is_suggested_that_is_free(team):
    assert beginnings.suggested_name(team) == "Payments on call"
    ScheduleFactory(team=team, name="payments on call", people=[])
    assert beginnings.suggested_name(team) == "Payments on call 2"
