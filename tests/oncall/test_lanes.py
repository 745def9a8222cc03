"""A schedule drawn over time: which lines there are, what stands in them, and where."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from oncall import frames, lanes
from oncall.agenda import Agenda
from oncall.frames import Span
from oncall.models import Leave, Override, Restriction, TemporarySchedule, TemporaryShift
from tests.factories import LayerFactory, ScheduleFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, NOON

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # the Monday on which Ada's first turn begins


def drawn(schedule, *, span=Span.WEEKS, day=date(2026, 1, 7), zone="UTC", at=NOON):
    frame = frames.around(span, day, ZoneInfo(zone))
    agenda = Agenda(schedule, at, ZoneInfo(zone), frame)
    return lanes.draw(agenda, frame)


def line(drawing, key):
    """The bars of a lane as (who, start, end), track by track."""
    [lane] = [lane for lane in drawing.lanes if lane.key == key]
    return [[(str(bar.person or "Nobody"), bar.start, bar.end) for bar in track] for track in lane.tracks]


def test_the_final_line_tells_what_the_rota_tells(trio):
    frame = frames.around(Span.WEEKS, date(2026, 1, 7), ZoneInfo("UTC"))
    [track] = line(drawn(trio.schedule), "final")

    inside = [(who, max(start, frame.start), min(end, frame.end)) for who, start, end in track]

    names = {person.pk: person.name for person in (trio.ada, trio.ben, trio.cy)}
    pieces = trio.final(frame.start, frame.end)
    assert inside == [(names[piece.people[0]], piece.start, piece.end) for piece in pieces]


def test_a_bar_stands_where_its_time_is(trio):
    drawing = drawn(trio.schedule)
    bar = drawing.lanes[0].tracks[0][2]

    assert (bar.x, bar.width) == ("14.286%", "7.143%")
    assert bar.title == "Cy: Wed 7 Jan 00:00 to Thu 8 Jan 00:00"
    assert drawing.now == "17.857%"
    assert drawn(trio.schedule, day=date(2026, 3, 1)).now == ""


def test_on_the_day_of_the_clock_change_hours_stand_where_they_are(trio):
    LayerFactory(
        schedule=trio.schedule, people=[trio.cy], priority=5, name="Nights", time_zone="Europe/Berlin",
        anchor="2026-01-05T00:00", unit="day",
    )  # fmt: skip
    at = datetime(2026, 3, 29, 12, tzinfo=UTC)

    ticks = drawn(trio.schedule, span=Span.DAY, day=date(2026, 3, 29), zone="Europe/Berlin", at=at).ticks

    assert [(tick.name, tick.x) for tick in ticks[:3]] == [
        ("00:00", "0.000%"),
        ("03:00", "8.696%"),
        ("06:00", "21.739%"),
    ]


def test_what_is_done_by_hand_has_a_line_of_its_own_and_marks_the_final_one(trio):
    start = FIRST + 8 * HOUR
    Override.objects.create(
        schedule=trio.schedule, kind="replace", person=trio.ben, replaces=trio.ada, start=start, end=start + HOUR
    )
    Override.objects.create(schedule=trio.schedule, kind="remove", person=trio.cy, start=start, end=start + 2 * HOUR)

    drawing = drawn(trio.schedule)

    by_hand = line(drawing, "hand")
    assert by_hand == [[("Ben", start, start + HOUR)], [("Cy", start, start + 2 * HOUR)]]
    marks = [(str(bar.person), bar.mark) for bar in drawing.lanes[0].tracks[0]][:4]
    assert marks == [("Ada", ""), ("Ben", "override"), ("Ada", ""), ("Ben", "")]  # Cy was not on call: nothing changed


def test_a_gap_is_nobody(trio):
    Override.objects.create(schedule=trio.schedule, kind="remove", person=trio.cy, start=NOON, end=NOON + HOUR)

    gap = next(bar for bar in drawn(trio.schedule).lanes[0].tracks[0] if bar.person is None)

    assert (gap.look, gap.start, gap.end) == ("gap", NOON, NOON + HOUR)
    assert gap.title.startswith("Nobody: Wed 7 Jan 12:00 to Wed 7 Jan 13:00")


def test_people_who_are_on_call_together_stand_one_above_the_other(trio):
    Override.objects.create(schedule=trio.schedule, kind="add", person=trio.ada, start=NOON, end=NOON + HOUR)

    first, second = line(drawn(trio.schedule), "final")

    assert ("Ada", NOON, NOON + HOUR) in first + second
    assert ("Cy", NOON - 12 * HOUR, NOON + 12 * HOUR) not in first + second  # marked apart where Ada stands beside Cy
    assert {who for who, start, end in first + second if start < NOON + HOUR and end > NOON} == {"Ada", "Cy"}


def test_layers_follow_in_order_of_priority_with_all_their_versions_in_one_line(trio):
    days = LayerFactory(schedule=trio.schedule, people=[trio.ben], priority=5, name="Days")
    Restriction.objects.create(layer=days, weekday=0, start=time(8), end=time(18))
    layer = trio.schedule.layers.get(name="Primary")
    layer.effective_until = FIRST + DAY
    layer.save()
    LayerFactory(schedule=trio.schedule, people=[trio.cy], name="Primary", effective_from=FIRST + DAY)

    drawing = drawn(trio.schedule)

    assert [(lane.label, lane.hint) for lane in drawing.lanes][1:] == [
        ("Days", "Mon 08:00–18:00"),
        ("Primary", "Weekly turns, handoff on Monday at 09:00 UTC"),
    ]
    [track] = [lane.tracks[0] for lane in drawing.lanes if lane.label == "Primary"]
    assert [(str(bar.person), bar.start) for bar in track] == [("Ada", FIRST), ("Cy", FIRST + DAY)]


def test_a_temporary_schedule_shows_its_shifts_and_its_holes(trio):
    fixed = TemporarySchedule.objects.create(schedule=trio.schedule, start=NOON, end=NOON + 3 * HOUR)
    TemporaryShift.objects.create(temporary=fixed, person=trio.ada, start=NOON, end=NOON + HOUR)

    assert line(drawn(trio.schedule), "fixed") == [
        [("Ada", NOON, NOON + HOUR), ("Nobody", NOON + HOUR, NOON + 3 * HOUR)]
    ]


def test_leave_has_a_line_and_moves_nobody(trio):
    Leave.objects.create(person=trio.cy, start=NOON, end=NOON + DAY)

    drawing = drawn(trio.schedule)

    assert line(drawing, "away") == [[("Cy", NOON, NOON + DAY)]]
    assert ("Cy", NOON - 12 * HOUR, NOON + 12 * HOUR) in line(drawing, "final")[0]


def test_somebody_who_always_has_it_is_one_bar(trio):
    trio.schedule.layers.all().delete()
    LayerFactory(schedule=trio.schedule, people=[trio.ada])

    [[(who, start, end)]] = line(drawn(trio.schedule), "final")

    assert who == "Ada"
    assert end - start >= timedelta(days=14)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25)])
def test_o45_a_daily_handoff_at_nine_in_new_york_stays_at_nine_on_both_weekends(day, hours):
    first, second = UserFactory(), UserFactory()
    schedule = ScheduleFactory(people=[], time_zone="America/New_York")
    LayerFactory(
        schedule=schedule, people=[first, second], unit="day", anchor="2026-01-05T09:00", time_zone="America/New_York"
    )

    bars = drawn(schedule, day=day, zone="America/New_York").lanes[0].tracks[0]

    zone = ZoneInfo("America/New_York")
    assert len(drawn(schedule, day=day, zone="America/New_York").lanes[0].tracks) == 1  # no overlap
    assert all(bar.end == after.start for bar, after in pairwise(bars))  # no gap
    assert {bar.start.astimezone(zone).time() for bar in bars} == {time(9)}
    assert sorted({(bar.end - bar.start) / HOUR for bar in bars}) == sorted({24.0, float(hours)})
