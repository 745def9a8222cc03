"""Fairness: what each one carries, to the hour, and what would be their share; who may read it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from incidents.models import Holiday
from incidents.refusals import Invalid, NotAllowed
from oncall import burdens, fairness, rota
from oncall.coverage import joined
from oncall.fairness import Member
from oncall.models import Leave, Override, Page, RotationWeight
from tests.factories import LayerFactory, MembershipFactory, ScheduleFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, START
from tests.oncall.views.conftest import words

ADA, BEN, CY = 1, 2, 3
MONDAY = datetime(2026, 3, 23, tzinfo=UTC)  # the week in which Berlin's clocks go forward
END = MONDAY + 7 * DAY
ALWAYS = ((MONDAY, END),)


def piece(begin, end, *people):
    return rota.Piece(MONDAY + begin * HOUR, MONDAY + end * HOUR, people)


def loads(*pieces, members=None, pages=(), holidays=()):
    members = members or {ADA: Member("UTC", 1, ALWAYS), BEN: Member("UTC", 1, ALWAYS)}
    last = round((END - MONDAY) / HOUR)
    filled = [*pieces, piece(round((pieces[-1].end - MONDAY) / HOUR), last)] if pieces[-1].end < END else pieces
    return fairness.loads(filled, members, {ADA: list(pages)}, holidays)


def test_hours_nights_weekends_and_the_longest_streak():
    ada = loads(
        piece(0, 24, ADA), piece(24, 48, BEN), piece(48, 72, ADA), piece(72, 96, ADA, BEN), piece(96, 168, BEN)
    )[ADA]

    assert (ada.hours, ada.longest_streak, ada.weekend_hours) == (72, 48, 0)
    assert ada.nights == 5  # those that end on Monday and Wednesday, begin on Monday and Thursday, and the one between


def test_weekend_hours_are_counted_on_ones_own_clock():
    member = {ADA: Member("Asia/Kathmandu", 1, ALWAYS)}

    ada = loads(piece(0, 5 * 24, ADA), members=member)[ADA]

    assert ada.weekend_hours == 5.75


def test_a_night_in_which_the_clocks_change_is_one_night():
    member = {ADA: Member("Europe/Berlin", 1, ALWAYS)}

    ada = loads(piece(5 * 24 + 21, 6 * 24 + 5, ADA), members=member)[ADA]

    assert (ada.nights, ada.hours) == (1, 8)


def test_holiday_hours_of_the_team():
    assert loads(piece(12, 36, ADA), holidays={date(2026, 3, 24)})[ADA].holiday_hours == 12


def test_pages_count_while_on_call_and_by_the_hour_they_came():
    at = [MONDAY + hours * HOUR for hours in (3, 3.5, 9, 20, 23, 30)]

    ada = loads(piece(0, 24, ADA), pages=at)[ADA]

    assert (ada.pages, ada.out_of_hours, ada.interrupted_nights) == (5, 4, 2)


def test_the_expected_share_is_weight_times_available_time():
    members = {
        ADA: Member("UTC", 1, ALWAYS),
        BEN: Member("UTC", 0.5, ALWAYS),
        CY: Member("UTC", 1, ((MONDAY, MONDAY + 3.5 * DAY),)),
    }

    found = loads(piece(0, 168, ADA), members=members)

    assert [round(found[person].expected_hours) for person in (ADA, BEN, CY)] == [84, 42, 42]
    assert fairness.available(ALWAYS, [(MONDAY + DAY, MONDAY + 3 * DAY)]) == (
        (MONDAY, MONDAY + DAY),
        (MONDAY + 3 * DAY, END),
    )


def test_nobody_available_expects_nothing():
    assert loads(piece(0, 24, ADA), members={ADA: Member("UTC")})[ADA].expected_hours == 0


def test_the_spread_names_nobody():
    rows = loads(piece(0, 24, ADA), piece(24, 120, BEN)).values()

    assert fairness.spread(rows)["hours"] == fairness.Spread(24, 60, 96)
    assert fairness.spread([]) == {}
    assert joined([]) == ()


# Read from the database


def rotation(*people):
    schedule = ScheduleFactory(name="Rota", slug="rota", people=[])
    LayerFactory(schedule=schedule, people=people, anchor="2026-01-05T00:00", unit="day")
    for person in people:
        type(person).objects.filter(pk=person.pk).update(created_at=START - 365 * DAY)
    return schedule


@pytest.mark.django_db
def test_the_past_is_as_it_was_with_overrides_and_leave_lowers_the_share():
    ada, ben, root = UserFactory(name="Ada"), UserFactory(name="Ben"), UserFactory(access="administrator")
    schedule = rotation(ada, ben)
    day = START.replace(hour=0, minute=0) - 4 * DAY
    before = {row.person: row.load for row in burdens.of(schedule, root, START)[0].rows}
    gone, came = (ada, ben) if (day.date() - date(2026, 1, 5)).days % 2 == 0 else (ben, ada)
    Override.objects.create(schedule=schedule, start=day, end=day + DAY, kind="replace", person=came, replaces=gone)
    Leave.objects.create(person=gone, start=START - 46 * DAY, end=START - DAY)
    after = {row.person: row.load for row in burdens.of(schedule, root, START)[0].rows}

    assert after[gone].hours == before[gone].hours - 24
    assert after[came].hours == before[came].hours + 24
    assert round(after[gone].expected_hours) == round(90 * 24 * 45 / (45 + 90))


@pytest.mark.django_db
def test_the_join_date_counts(django_assert_max_num_queries):
    ada, ben, root = UserFactory(name="Ada"), UserFactory(name="Ben"), UserFactory(access="administrator")
    schedule = rotation(ada, ben)
    type(ben).objects.filter(pk=ben.pk).update(created_at=START - 30 * DAY)

    with django_assert_max_num_queries(24):
        rows = {row.person: row.load for row in burdens.of(schedule, root, START)[0].rows}

    assert round(rows[ben].expected_hours) == round(90 * 24 * 30 / 120)


@pytest.mark.django_db
def test_pages_of_drills_and_of_other_teams_do_not_count(chain):
    incident = chain.declare(0, at=START - 2 * DAY)
    drill = chain.declare(0, at=START - 2 * DAY, kind="drill")
    for one in (incident, drill):
        Page.objects.create(
            incident=one,
            run=one.escalations.first(),
            level=1,
            generation=1,
            person=chain.ada,
            act="page",
            reason="on call",
            created_at=START - 2 * DAY,
        )
    viewer = chain.ada

    [row] = burdens.of(chain.schedule, viewer, START)[0].rows

    assert (row.person, row.load.pages) == (chain.ada, 1)


@pytest.mark.django_db
def test_single_figures_are_for_the_person_and_their_managers(client):
    people = [UserFactory(name=name) for name in ("Zoe", "Ada", "Moe")]
    schedule = rotation(*people)
    manager, stranger = UserFactory(name="Mona"), UserFactory(name="Eve")
    MembershipFactory(team=schedule.team, user=manager, is_manager=True)

    def names(viewer):
        return [row.person.name for row in burdens.of(schedule, viewer, timezone.now())[1].rows]

    assert names(manager) == ["Ada", "Moe", "Zoe"]  # by name, never by burden
    assert names(people[0]) == ["Zoe"]
    assert names(stranger) == []
    client.force_login(stranger)
    page = words(client.get("/on-call/fairness/?schedule=rota"))
    assert "All 3 people Least Median Most" in page
    assert not any(person.name in page for person in people)


@pytest.mark.django_db
def test_of_two_people_no_spread_is_shown_to_others(client):
    rotation(UserFactory(), UserFactory())
    client.force_login(UserFactory())

    page = words(client.get("/on-call/fairness/?schedule=rota"))

    assert "With fewer than three people a spread would tell who carries what" in page


@pytest.mark.django_db
def test_a_manager_changes_a_weight_and_nobody_else_does(client):
    ada, ben = UserFactory(name="Ada"), UserFactory(name="Ben")
    schedule = rotation(ada, ben)
    MembershipFactory(team=schedule.team, user=ada, is_manager=True)
    client.force_login(ada)

    page = client.post("/on-call/fairness/?schedule=rota", {"person": ben.pk, "weight": "0.5"}, follow=True)

    assert "Saved: Ben counts 0.5 times." in words(page)
    assert RotationWeight.objects.get().weight == 0.5
    assert "Nothing was changed." in words(
        client.post("/on-call/fairness/?schedule=rota", {"person": ben.pk, "weight": "-1"}, follow=True)
    )
    with pytest.raises(NotAllowed):
        burdens.weigh(schedule, ada, 0, by=ben)
    with pytest.raises(Invalid):
        burdens.weigh(schedule, ben, 11, by=ada)


@pytest.mark.django_db
def test_the_page_without_schedules_and_of_an_unknown_one_says_so(client):
    client.force_login(UserFactory())

    assert "There is no active schedule" in words(client.get("/on-call/fairness/"))
    answer = client.get("/on-call/fairness/?schedule=nowhere")
    assert (answer.status_code, "There is no active schedule “nowhere”." in words(answer)) == (404, True)


@pytest.mark.django_db
def test_holidays_of_the_team_are_read():
    ada, root = UserFactory(), UserFactory(access="administrator")
    schedule = rotation(ada)
    Holiday.objects.create(team=schedule.team, date=(START + timedelta(days=5)).date(), name="Feast")

    assert burdens.of(schedule, root, START)[1].rows[0].load.holiday_hours == 24
