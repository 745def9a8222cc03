"""Overrides as deeds: who may, what contradicts what, what the past keeps, who is told."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from incidents.models import Access, Notice
from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import overriding, temporaries
from oncall.models import Override
from oncall.overriding import Wish
from oncall.temporaries import Fixed
from tests.factories import MembershipFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, NOON, make_trio, told


def override(trio, kind, person, replaces=None, *, start=NOON, end=NOON + 6 * HOUR, by=None, at=NOON, reason=""):
    wish = Wish(kind, person, start, end, replaces, reason)
    return overriding.override(trio.schedule, wish, by=by or trio.ada, at=at)


@pytest.mark.parametrize(
    ("kind", "person", "replaces", "expected"),
    [
        ("add", "ada", None, ["Ada", "Cy"]),
        ("remove", "cy", None, []),
        ("replace", "ada", "cy", ["Ada"]),
        ("replace", "ada", "ben", ["Cy"]),
        ("remove", "ben", None, ["Cy"]),
    ],
)
def test_o48_only_the_named_person_and_time_change(trio, kind, person, replaces, expected):
    before = trio.final(NOON - 3 * DAY, NOON), trio.final(NOON + 6 * HOUR, NOON + 9 * DAY)

    override(trio, kind, getattr(trio, person), replaces and getattr(trio, replaces))

    assert trio.on_call(NOON) == trio.on_call(NOON + 6 * HOUR - timedelta(microseconds=1)) == expected
    assert (trio.final(NOON - 3 * DAY, NOON), trio.final(NOON + 6 * HOUR, NOON + 9 * DAY)) == before


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("kind", {"kind": "swap"}),
        ("replaces", {"kind": "replace"}),
        ("replaces", {"kind": "add", "replaces": "cy"}),
        ("replaces", {"kind": "replace", "replaces": "ada"}),
        ("person", {"person": "gone"}),
        ("end", {"end": NOON}),
        ("end", {"start": NOON - 2 * DAY, "end": NOON - DAY}),
        ("end", {"end": NOON + 367 * DAY}),
    ],
)
def test_what_cannot_be_is_refused_in_words(trio, field, changes):
    trio.gone = UserFactory(is_active=False, deactivated_at=NOON)
    said = {"kind": "add", "person": "ada", "replaces": None, "start": NOON, "end": NOON + HOUR} | changes
    people = [said[name] and getattr(trio, said[name]) for name in ("person", "replaces")]

    with pytest.raises(Invalid) as refused:
        override(trio, said["kind"], *people, start=said["start"], end=said["end"])

    assert refused.value.field == field
    assert not Override.objects.exists()


def test_only_the_team_and_administrators_may_override(trio):
    viewer = UserFactory(access=Access.VIEWER)
    MembershipFactory(team=trio.schedule.team, user=viewer)

    for stranger in (trio.eve, viewer):
        with pytest.raises(NotAllowed, match="Only members of Payments and administrators"):
            override(trio, "add", trio.eve, by=stranger)
    override(trio, "add", trio.eve, by=trio.root)

    assert trio.on_call(NOON) == ["Cy", "Eve"]


def test_a_retired_schedule_takes_no_override(trio):
    trio.schedule.is_active = False
    trio.schedule.save()

    with pytest.raises(Conflict, match="is retired"):
        override(trio, "add", trio.eve)


def test_p9_an_override_that_would_have_begun_begins_now_unless_an_administrator_corrects_the_past(trio):
    row = override(trio, "remove", trio.cy, start=NOON - 3 * HOUR)
    assert row.start == NOON
    assert trio.on_call(NOON - HOUR) == ["Cy"]

    override(trio, "replace", trio.ada, trio.cy, start=NOON - 3 * HOUR, end=NOON - HOUR, by=trio.root)

    assert trio.on_call(NOON - 2 * HOUR) == ["Ada"]
    assert told(trio.ada) == []


CONTRADICTIONS = [
    (("replace", "ada", "cy"), ("replace", "ben", "cy"), "Cy is replaced by Ada"),
    (("remove", "cy", None), ("replace", "ben", "cy"), "Cy is removed"),
    (("remove", "cy", None), ("remove", "cy", None), "Cy is removed"),
    (("add", "ada", None), ("remove", "ada", None), "Ada is added"),
    (("add", "ada", None), ("add", "ada", None), "Ada is added"),
]
AGREEMENTS = [
    (("replace", "ada", "cy"), ("replace", "ben", "ada")),
    (("replace", "ada", "cy"), ("replace", "ada", "ben")),
    (("add", "ada", None), ("add", "ben", None)),
    (("remove", "cy", None), ("add", "ben", None)),
]


def named(trio, said):
    kind, *people = said
    return kind, *(name and getattr(trio, name) for name in people)


@pytest.mark.parametrize(("one", "other", "words"), CONTRADICTIONS)
def test_o49_what_contradicts_an_override_is_a_conflict_where_they_overlap(trio, one, other, words):
    override(trio, *named(trio, one))

    with pytest.raises(Conflict, match=rf"{words}.* from 2026-01-07 12:00 to 2026-01-07 18:00 UTC already\."):
        override(trio, *named(trio, other), start=NOON + 5 * HOUR, end=NOON + 9 * HOUR)
    override(trio, *named(trio, other), start=NOON + 6 * HOUR, end=NOON + 9 * HOUR)

    assert Override.objects.count() == 2


@pytest.mark.parametrize(("one", "other", "words"), CONTRADICTIONS)
def test_o49_the_database_itself_refuses_the_same(trio, one, other, words):
    rows = []
    for said in (one, other):
        kind, person, replaces = named(trio, said)
        span = {"start": NOON, "end": NOON + HOUR}
        rows.append(Override(schedule=trio.schedule, kind=kind, person=person, replaces=replaces, **span))
    rows[0].save()

    with pytest.raises(IntegrityError, match="exclusion constraint"), transaction.atomic():
        rows[1].save()


@pytest.mark.parametrize(("one", "other"), AGREEMENTS)
def test_chains_and_different_people_are_no_contradiction(trio, one, other):
    override(trio, *named(trio, one))

    override(trio, *named(trio, other))

    assert Override.objects.count() == 2


@pytest.mark.parametrize("locks", [True, False])
def test_o49_of_two_editors_who_save_contradicting_overrides_at_once_one_gets_a_conflict(
    committed_db, monkeypatch, locks
):
    trio = make_trio()
    if not locks:  # then both find nothing to contradict, and the constraint alone decides
        monkeypatch.setattr(overriding, "_contradicts", lambda row, wish: False)
    start, outcomes = threading.Barrier(2), []

    def save(person):
        try:
            start.wait()
            override(trio, "replace", person, trio.cy)
            outcomes.append("saved")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connection.close()

    editors = [threading.Thread(target=save, args=[person]) for person in (trio.ada, trio.ben)]
    [editor.start() for editor in editors]
    [editor.join() for editor in editors]

    assert sorted(outcomes) == ["conflict", "saved"]
    assert Override.objects.count() == 1


def test_an_override_is_no_use_inside_a_temporary_schedule(trio):
    shift = Fixed(trio.ben, NOON, NOON + DAY)
    temporaries.fix(trio.schedule, start=NOON, end=NOON + DAY, shifts=[shift], by=trio.ada, at=NOON)

    with pytest.raises(Invalid, match="A temporary schedule stands"):
        override(trio, "add", trio.ada)


def test_p7_an_override_that_is_lifted_before_it_begins_leaves_no_trace(trio):
    before = trio.final(NOON - 3 * DAY, NOON + 9 * DAY)
    row = override(trio, "replace", trio.ada, trio.cy, start=NOON + HOUR)

    assert overriding.lift(row, by=trio.ben, at=NOON + HOUR) is None

    assert trio.final(NOON - 3 * DAY, NOON + 9 * DAY) == before


def test_an_override_that_runs_ends_now_and_the_past_stays(trio):
    row = override(trio, "replace", trio.ada, trio.cy)

    ended = overriding.lift(row, by=trio.ben, at=NOON + 2 * HOUR)

    assert ended.end == NOON + 2 * HOUR
    assert [trio.on_call(NOON + hours * HOUR) for hours in (1, 2)] == [["Ada"], ["Cy"]]
    with pytest.raises(Conflict, match=r"ended at 2026-01-07 14:00 UTC"):
        overriding.lift(row, by=trio.ben, at=NOON + 2 * HOUR)


def test_those_whose_shifts_move_are_told_and_who_moved_them_is_not(trio):
    row = override(trio, "replace", trio.ben, trio.cy, reason="Cy flies.")
    override(trio, "add", trio.ada)

    assert told(trio.ben) == ["You are put on call in Payments daily"]
    assert told(trio.cy) == ["You are taken off call in Payments daily"]
    assert told(trio.ada) == []
    notice = Notice.objects.get(person=trio.ben)
    assert notice.text == "On call: Wed 7 Jan 2026, 12:00 to 18:00 (UTC)\nAda overrode the schedule: Cy flies."
    assert notice.path == "/on-call/schedules/payments/"

    overriding.lift(row, by=trio.ada, at=NOON + 2 * HOUR)

    assert told(trio.ben)[1:] == ["You are taken off call in Payments daily"]
    assert told(trio.cy)[1:] == ["You are put on call in Payments daily"]


def test_an_override_that_does_nothing_tells_nobody(trio):
    override(trio, "replace", trio.ben, trio.ada)

    assert not Notice.objects.exists()
