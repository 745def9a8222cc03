"""One schedule in words and days."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from oncall.agenda import Agenda, say_override, say_restrictions, say_rhythm
from oncall.models import Layer, Override, Restriction
from tests.factories import LayerFactory, ScheduleFactory, UserFactory

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 24, 12, 0, tzinfo=UTC)  # a Tuesday, five days before Berlin's clocks go forward
BERLIN = ZoneInfo("Europe/Berlin")


def rows(agenda, number):
    """What one day says: (hours, names)."""
    day = agenda.days()[number]
    return [(row.when, ", ".join(person.name for person in row.people)) for row in day.rows]


@pytest.fixture
def ada(db):
    return UserFactory(name="Ada")


@pytest.fixture
def bob(db):
    return UserFactory(name="Bob")


def test_a_weekly_turn_names_its_end_on_its_first_day_and_goes_on_all_day_after(ada, bob):
    agenda = Agenda(ScheduleFactory(people=[ada, bob]), AT, ZoneInfo("UTC"))

    assert rows(agenda, 0) == [("all day", "Bob")]
    assert rows(agenda, 6) == [("09:00 to Mon 6 Apr, 09:00", "Ada")]
    assert rows(agenda, 7) == [("all day", "Ada")]
    assert agenda.present.end == datetime(2026, 3, 30, 9, 0, tzinfo=UTC)
    assert [person.name for person in agenda.following.people] == ["Ada"]


def test_on_the_day_of_a_handoff_the_running_shift_stands_first(ada, bob):
    early = datetime(2026, 3, 30, 8, 0, tzinfo=UTC)

    agenda = Agenda(ScheduleFactory(people=[ada, bob]), early, ZoneInfo("UTC"))

    assert rows(agenda, 0) == [("until 09:00", "Bob"), ("09:00 to Mon 6 Apr, 09:00", "Ada")]


def test_day_and_night_shifts_stand_on_the_day_they_begin(ada, bob):
    schedule = ScheduleFactory(people=[])
    LayerFactory(schedule=schedule, unit="hour", length=12, anchor="2026-03-02T08:00", people=[ada, bob])

    agenda = Agenda(schedule, AT, ZoneInfo("UTC"))

    assert rows(agenda, 0) == [("08:00–20:00", "Ada"), ("20:00–08:00", "Bob")]
    assert rows(agenda, 1) == [("08:00–20:00", "Ada"), ("20:00–08:00", "Bob")]
    assert [row.running for row in agenda.days()[0].rows] == [True, False]


def test_what_is_over_today_is_left_out(ada, bob):
    schedule = ScheduleFactory(people=[])
    LayerFactory(schedule=schedule, unit="hour", length=6, anchor="2026-03-02T00:00", people=[ada, bob])

    assert rows(Agenda(schedule, AT, ZoneInfo("UTC")), 0) == [("12:00–18:00", "Ada"), ("18:00–00:00", "Bob")]


def test_the_night_of_the_clock_change_keeps_the_local_hours(ada, bob):
    schedule = ScheduleFactory(people=[])
    LayerFactory(schedule=schedule, unit="day", anchor="2026-03-02T18:00", time_zone="Europe/Berlin", people=[ada, bob])

    agenda = Agenda(schedule, AT, BERLIN)

    assert [rows(agenda, day)[-1][0] for day in (4, 5)] == ["18:00 to Sun 29 Mar, 18:00", "18:00 to Mon 30 Mar, 18:00"]


def test_gaps_stand_in_the_days_and_in_the_list(ada):
    schedule = ScheduleFactory(people=[])
    layer = LayerFactory(schedule=schedule, people=[ada])
    for weekday in range(5):
        Restriction.objects.create(layer=layer, weekday=weekday, start=time(8), end=time(18))

    agenda = Agenda(schedule, AT, ZoneInfo("UTC"))

    assert rows(agenda, 0) == [("08:00–18:00", "Ada"), ("18:00–08:00", "")]
    assert rows(agenda, 4) == [("all day", "")]
    assert len(agenda.gaps()) == 10
    assert agenda.gaps()[0].start == datetime(2026, 3, 24, 18, 0, tzinfo=UTC)


def test_a_shift_that_an_override_touches_is_marked(ada, bob):
    schedule = ScheduleFactory(people=[ada])
    start = AT + timedelta(days=1)
    Override.objects.create(
        schedule=schedule, start=start, end=start + timedelta(hours=2), kind="replace", person=bob, replaces=ada
    )

    marked = [(row.when, row.by_override) for row in Agenda(schedule, AT, ZoneInfo("UTC")).days()[1].rows]

    assert marked == [("12:00–14:00", True), ("from 14:00", False)]


def test_somebody_for_ever_has_no_handoff_ahead(ada):
    agenda = Agenda(ScheduleFactory(people=[ada]), AT, ZoneInfo("UTC"))

    assert agenda.present.end is None
    assert agenda.following is None
    assert {row for day in range(14) for row in rows(agenda, day)} == {("all day", "Ada")}


def test_a_schedule_without_layers_has_one_gap(db):
    agenda = Agenda(ScheduleFactory(people=[]), AT, ZoneInfo("UTC"))

    assert agenda.present.people == ()
    assert len(agenda.gaps()) == 1


def test_layers_that_are_over_are_left_out_and_those_in_force_marked(ada, bob):
    schedule = ScheduleFactory(people=[])
    LayerFactory(schedule=schedule, name="Old", people=[ada], effective_until=AT - timedelta(days=1))
    nights = LayerFactory(schedule=schedule, name="Nights", priority=5, people=[ada])
    Restriction.objects.create(layer=nights, weekday=1, start=time(20), end=time(6))
    LayerFactory(schedule=schedule, name="Always", people=[ada, bob])

    layers = Agenda(schedule, AT, ZoneInfo("UTC")).layers()

    assert [(one.layer.name, one.in_force, one.turn) for one in layers] == [("Nights", False, 0), ("Always", True, 1)]


@pytest.mark.parametrize(
    ("unit", "length", "words"),
    [
        ("day", 1, "Daily turns, handoff at 09:00 Berlin"),
        ("week", 1, "Weekly turns, handoff on Monday at 09:00 Berlin"),
        ("month", 1, "Monthly turns, handoff on day 2 at 09:00 Berlin"),
        ("week", 2, "Turns of 2 weeks, counted from Mon 2 Mar 2026, 09:00 Berlin"),
        ("hour", 1, "Turns of 1 hour, counted from Mon 2 Mar 2026, 09:00 Berlin"),
        ("hour", 12, "Turns of 12 hours, counted from Mon 2 Mar 2026, 09:00 Berlin"),
    ],
)
def test_the_rhythm_of_a_layer_is_told(unit, length, words):
    layer = Layer(anchor="2026-03-02T09:00", time_zone="Europe/Berlin", unit=unit, length=length)

    assert say_rhythm(layer) == words


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([], "at all times"),
        ([(0, 8, 18), (1, 8, 18), (2, 8, 18), (3, 8, 18), (4, 8, 18)], "Mon to Fri 08:00–18:00"),
        ([(5, 0, 0), (6, 0, 0)], "Sat and Sun all day"),
        ([(0, 9, 17), (2, 9, 17), (4, 9, 12)], "Mon and Wed 09:00–17:00 and Fri 09:00–12:00"),
    ],
)
def test_the_hours_of_a_layer_are_told(windows, words):
    rows = [Restriction(weekday=weekday, start=time(start), end=time(end)) for weekday, start, end in windows]

    assert say_restrictions(rows) == words


@pytest.mark.parametrize(
    ("kind", "words"), [("add", "Bob as well"), ("remove", "without Bob"), ("replace", "Bob instead of Ada")]
)
def test_an_override_is_told(ada, bob, kind, words):
    assert say_override(Override(kind=kind, person=bob, replaces=ada)) == words
