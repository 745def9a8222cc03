"""O47: who is deactivated leaves every rotation; the next in the order takes over, nobody else loses a turn."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import due, people
from incidents.models import User
from incidents.refusals import Conflict
from oncall import departures, rosters, rota, scheduling, swapping
from oncall.models import Layer, Schedule, Swap
from oncall.scheduling import Turns
from tests.factories import TeamFactory, UserFactory
from tests.oncall import rota_oracle
from tests.oncall.conftest import DAY, HOUR, NOON, told
from tests.oncall.rota_oracle import MINUTE

MIDNIGHT = NOON + 12 * HOUR


def days(trio, count=6, start=NOON - 12 * HOUR):
    """Who is on call at noon of each day, from Wednesday, which is Cy's."""
    return [trio.on_call(start + n * DAY + 12 * HOUR)[0] for n in range(count)]


def test_o47_when_the_one_on_call_is_deactivated_the_next_takes_over(trio):
    people.deactivate(trio.cy, by=trio.root, at=NOON)

    assert trio.on_call(NOON - timedelta(microseconds=1)) == ["Cy"]
    assert trio.on_call(NOON) == ["Ada"]
    assert days(trio) == ["Ada", "Ben", "Ada", "Ben", "Ada", "Ben"]


def test_o47_when_another_is_deactivated_the_one_on_call_stays(trio):
    people.deactivate(trio.ada, by=trio.root, at=NOON)

    assert [piece.people for piece in trio.final(NOON - 12 * HOUR, MIDNIGHT)] == [(trio.cy.pk,)]
    assert days(trio) == ["Cy", "Ben", "Cy", "Ben", "Cy", "Ben"]


def test_o47_holds_in_the_rest_of_a_turn_that_an_edit_has_left(trio):
    order = tuple((person.pk,) for person in (trio.ada, trio.ben, trio.cy))
    wish = Turns("Primary", 0, "UTC", "2026-01-05T00:00", "week", 1, order)
    scheduling.edit(trio.schedule, at=NOON - 6 * HOUR, layers=[wish])

    people.deactivate(trio.cy, by=trio.root, at=NOON)

    pieces = trio.final(NOON, NOON + 30 * DAY)
    assert [(piece.people[0], piece.start) for piece in pieces] == [
        (trio.ada.pk, NOON),
        (trio.ben.pk, MIDNIGHT + 7 * DAY),
        (trio.ada.pk, MIDNIGHT + 14 * DAY),
        (trio.ben.pk, MIDNIGHT + 21 * DAY),
        (trio.ada.pk, MIDNIGHT + 28 * DAY),
    ]


def test_o47_holds_in_a_version_that_is_still_to_come(trio):
    order = tuple((person.pk,) for person in (trio.ben, trio.cy, trio.ada))
    wish = Turns("Primary", 0, "UTC", "2026-01-05T00:00", "day", 1, order, effective_from=NOON + 3 * DAY)
    scheduling.edit(trio.schedule, at=NOON, layers=[wish])
    before = days(trio, 9)
    assert before == ["Cy", "Ada", "Ben", "Cy", "Ada", "Ben", "Cy", "Ada", "Ben"]

    people.deactivate(trio.ada, by=trio.root, at=NOON)

    assert days(trio, 9) == ["Cy", "Ben", "Cy", "Cy", "Ben", "Cy", "Ben", "Cy", "Ben"]


def test_a_layer_of_one_ends_and_the_layer_below_answers(trio):
    Layer.objects.update(priority=-1)
    top = Turns("Top", 5, "UTC", "2026-01-05T00:00", "day", 1, ((trio.eve.pk,),))
    scheduling.edit(trio.schedule, at=NOON - DAY, layers=[*map(as_turns, trio.schedule.layers.all()), top])
    assert trio.on_call(NOON) == ["Eve"]

    people.deactivate(trio.eve, by=trio.root, at=NOON)

    assert trio.on_call(NOON) == ["Cy"]
    assert Layer.objects.get(name="Top").effective_until == NOON


def as_turns(layer):
    former = rosters.as_rota(layer)
    anchor = f"{former.anchor:%Y-%m-%dT%H:%M}"
    return Turns(former.name, former.priority, former.time_zone, anchor, former.unit, former.length, former.slots)


def test_p9_somebody_who_comes_back_takes_no_turn_from_those_who_had_them(trio):
    people.deactivate(trio.cy, by=trio.root, at=NOON)
    before = trio.final(NOON - 9 * DAY, NOON + 9 * DAY)

    people.reactivate(trio.cy, by=trio.root, at=NOON + DAY)

    assert trio.final(NOON - 9 * DAY, NOON + 9 * DAY) == before


def test_open_requests_of_and_to_somebody_who_left_expire(trio):
    own = swapping.ask(trio.schedule, start=NOON, end=NOON + HOUR, by=trio.cy, at=NOON)
    asked = swapping.ask(trio.schedule, start=MIDNIGHT, end=MIDNIGHT + HOUR, by=trio.ada, at=NOON, asked=trio.cy)

    people.deactivate(trio.cy, by=trio.root, at=NOON)

    assert {swap.state for swap in Swap.objects.all()} == {"expired"}
    assert told(trio.ada)[-1] == "Cy cannot take your shift in Payments daily"
    for swap in (own, asked):
        with pytest.raises(Conflict):
            swapping.take(swap, by=trio.ben, at=NOON)


def test_the_tick_finds_who_was_deactivated_on_another_way(trio):
    User.objects.filter(pk=trio.cy.pk).update(is_active=False, deactivated_at=NOON)
    assert trio.on_call(NOON) == []  # the rota leaves them out by itself, and no layer is below

    due.settle(NOON + timedelta(seconds=1))

    assert trio.on_call(NOON + timedelta(seconds=1)) == ["Ada"]
    assert not departures.waiting(NOON + timedelta(seconds=1)).exists()


def test_a_hook_that_fails_keeps_nobodys_access(trio, monkeypatch, caplog):
    def fail(person, at):
        raise RuntimeError("broken")

    monkeypatch.setattr(people, "HOOKS", [fail])

    people.deactivate(trio.cy, by=trio.root, at=NOON)

    trio.cy.refresh_from_db()
    assert not trio.cy.is_active
    assert "a hook failed" in caplog.text


ZONES = ["UTC", "Africa/Cairo", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"]


@settings(max_examples=80, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(2, 5),
    unit=st.sampled_from([("hour", 7), ("day", 1), ("day", 2), ("week", 1), ("month", 1)]),
    zone=st.sampled_from(ZONES),
    gone=st.integers(0, 4),
    pick=st.integers(0, 10_000),
    minutes=st.integers(-240, 240),
    clock=st.sampled_from(["00:00", "00:30", "02:15", "09:00"]),
)
def test_o47_agrees_with_the_clock_on_the_wall(db, count, unit, zone, gone, pick, minutes, clock):
    changes = [at for at in rota_oracle.transitions(zone) if at.year > 2009] or [datetime(2026, 3, 29, tzinfo=UTC)]
    at = changes[pick % len(changes)] + minutes * MINUTE
    everyone = [person.pk for person in UserFactory.create_batch(count)]
    leaver = everyone[gone % count]
    anchor = f"{at - timedelta(days=pick % 50):%Y-%m-%d}T{clock}"
    turns = Turns("Primary", 0, zone, anchor, *unit, tuple((person,) for person in everyone))
    schedule = scheduling.create(Schedule(slug=f"s{Schedule.objects.count()}", name="S", team=TeamFactory()), [turns])
    before = rosters.load([schedule.pk])[schedule.pk]
    whole = Schedules(before, at)

    people.deactivate(User.objects.get(pk=leaver), by=UserFactory(access="administrator"), at=at)

    after = rosters.load([schedule.pk])[schedule.pk]
    assert rota.final(after, at - 3 * DAY, at) == rota.final(before, at - 3 * DAY, at)
    for moment in (at + step for step in (0 * HOUR, MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY, 8 * DAY, 33 * DAY)):
        (each,) = rota.on_call(after, moment)
        assert each.person == whole.expected(leaver, moment), moment


class Schedules:
    """The turns as the wall has them, told onward without the one who left: plain counting, turn by turn."""

    def __init__(self, schedule, at):
        self.layer, self.at = schedule.layers[0], at
        self.oracle = rota_oracle.Oracle(schedule, at - DAY, at + 34 * DAY)
        self.order = [slot[0] for slot in self.layer.slots]

    def expected(self, leaver, moment):
        begun = self.oracle._turn(self.layer, self.at)
        holder = begun
        while self.order[holder % len(self.order)] == leaver:
            holder += 1
        rest = [person for person in self.order if person != leaver]
        first = rest.index(self.order[holder % len(self.order)])
        return rest[(first + self.oracle._turn(self.layer, moment) - begun) % len(rest)]
