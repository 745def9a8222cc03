"""Swaps: asked by the person whose shift it is, taken by one of the others, or not."""

import threading

import pytest
from django.db import connection, transaction

from incidents import due
from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import absences, overriding, swapping, temporaries
from oncall.models import Override, Swap
from oncall.overriding import Wish
from oncall.temporaries import Fixed
from tests.factories import MembershipFactory, UserFactory
from tests.oncall.conftest import DAY, HOUR, NOON, make_trio, told

MIDNIGHT = NOON + 12 * HOUR  # Ada's day begins


def ask(trio, **said):
    given = {"start": MIDNIGHT + 6 * HOUR, "end": MIDNIGHT + 12 * HOUR, "by": trio.ada, "at": NOON} | said
    return swapping.ask(trio.schedule, **given)


def hours(pieces):
    total = {}
    for piece in pieces:
        for person in piece.people:
            total[person] = total.get(person, 0) + (piece.end - piece.start) // HOUR
    return total


def test_asking_changes_nobodys_shifts(trio):
    before = trio.final(NOON, NOON + 9 * DAY)

    ask(trio)

    assert trio.final(NOON, NOON + 9 * DAY) == before


def test_a_swap_of_a_part_splits_the_shift_exactly_there(trio):
    swap = swapping.take(ask(trio), by=trio.ben, at=NOON + HOUR)

    day = [(piece.people, (piece.end - piece.start) // HOUR) for piece in trio.final(MIDNIGHT, MIDNIGHT + DAY)]
    assert day == [((trio.ada.pk,), 6), ((trio.ben.pk,), 6), ((trio.ada.pk,), 12)]
    assert (swap.state, swap.taken_by, swap.settled_at) == ("taken", trio.ben, NOON + HOUR)
    override = Override.objects.get()
    assert (override.swap, override.kind, override.person, override.replaces) == (swap, "replace", trio.ben, trio.ada)


def test_p8_a_swap_keeps_everyone_elses_hours(trio):
    before = hours(trio.final(NOON, NOON + 9 * DAY))

    swapping.take(ask(trio), by=trio.ben, at=NOON)

    after = hours(trio.final(NOON, NOON + 9 * DAY))
    assert {person: after[person] - before[person] for person in after} == {
        trio.ada.pk: -6,
        trio.ben.pk: 6,
        trio.cy.pk: 0,
    }


def test_a_shift_may_go_from_hand_to_hand_and_back(trio):
    span = {"start": MIDNIGHT + 6 * HOUR, "end": MIDNIGHT + 12 * HOUR}
    for asker, taker in ((trio.ada, trio.ben), (trio.ben, trio.ada), (trio.ada, trio.cy)):
        swapping.take(ask(trio, by=asker, **span), by=taker, at=NOON)

        assert trio.on_call(MIDNIGHT + 7 * HOUR) == [taker.name]
    assert trio.on_call(MIDNIGHT + 5 * HOUR) == trio.on_call(MIDNIGHT + 13 * HOUR) == ["Ada"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"start": MIDNIGHT - HOUR}, "You are not on call then"),
        ({"end": MIDNIGHT + 25 * HOUR}, "You are not on call then"),
        ({"by": "cy"}, "You are not on call then"),
        ({"end": MIDNIGHT}, "Choose an end after the start"),
        ({"start": NOON - 2 * DAY, "end": NOON - DAY}, "This time is over"),
        ({"asked": "gone"}, "is inactive"),
    ],
)
def test_a_swap_that_cannot_be_is_refused(trio, said, words):
    trio.gone = UserFactory(is_active=False, deactivated_at=NOON)
    said = {name: getattr(trio, value) if isinstance(value, str) else value for name, value in said.items()}

    with pytest.raises(Invalid, match=words):
        ask(trio, **said)


def test_a_stranger_is_not_asked_and_takes_nothing_and_a_colleague_of_the_team_may(trio):
    with pytest.raises(NotAllowed, match="Eve is neither in Payments daily nor in Payments"):
        ask(trio, asked=trio.eve)
    swap = ask(trio)
    with pytest.raises(NotAllowed, match="Eve is neither"):
        swapping.take(swap, by=trio.eve, at=NOON)
    with pytest.raises(NotAllowed, match="your own"):
        swapping.take(swap, by=trio.ada, at=NOON)
    MembershipFactory(team=trio.schedule.team, user=trio.eve)

    swapping.take(swap, by=trio.eve, at=NOON)

    assert trio.on_call(MIDNIGHT + 7 * HOUR) == ["Eve"]


def test_what_is_asked_of_one_is_not_taken_by_another(trio):
    swap = ask(trio, asked=trio.ben)

    with pytest.raises(NotAllowed, match="This was asked of Ben alone"):
        swapping.take(swap, by=trio.cy, at=NOON)


def test_nobody_asks_twice_for_one_time(trio):
    ask(trio)

    with pytest.raises(Conflict, match="You have asked for this time already"):
        ask(trio, start=MIDNIGHT + 11 * HOUR, end=MIDNIGHT + 13 * HOUR)


def test_a_swap_of_a_shift_that_is_no_longer_the_askers_is_not_taken(trio):
    swap = ask(trio)
    wish = Wish("replace", trio.cy, MIDNIGHT + 8 * HOUR, MIDNIGHT + 9 * HOUR, trio.ada)
    overriding.override(trio.schedule, wish, by=trio.root, at=NOON)

    with pytest.raises(Conflict, match="Ada is no longer on call for the whole of this time"):
        swapping.take(swap, by=trio.ben, at=NOON)


def test_who_is_on_call_or_away_at_the_time_takes_nothing(trio):
    swap = ask(trio)
    wish = Wish("add", trio.ben, MIDNIGHT + 11 * HOUR, MIDNIGHT + 13 * HOUR)
    overriding.override(trio.schedule, wish, by=trio.root, at=NOON)
    absences.take_leave(trio.cy, start=MIDNIGHT, end=MIDNIGHT + 7 * HOUR, by=trio.cy, at=NOON)

    with pytest.raises(Invalid, match="You are on call in Payments daily at that time already"):
        swapping.take(swap, by=trio.ben, at=NOON)
    with pytest.raises(Invalid, match="You are on leave at that time"):
        swapping.take(swap, by=trio.cy, at=NOON)


def test_a_temporary_schedule_is_not_swapped(trio):
    shift = Fixed(trio.ada, MIDNIGHT + 6 * HOUR, MIDNIGHT + 7 * HOUR)
    span = {"start": MIDNIGHT + 6 * HOUR, "end": MIDNIGHT + 7 * HOUR}
    temporaries.fix(trio.schedule, **span, shifts=[shift], by=trio.root, at=NOON)

    with pytest.raises(Invalid, match="A temporary schedule stands"):
        ask(trio)


def test_one_takes_what_another_has_not(trio):
    swap = ask(trio)
    swapping.take(swap, by=trio.ben, at=NOON)

    with pytest.raises(Conflict, match="Ben has taken this shift already"):
        swapping.take(swap, by=trio.cy, at=NOON)
    with pytest.raises(Conflict, match="Ben has taken"):
        swapping.cancel(swap, by=trio.ada, at=NOON)


def test_of_two_who_take_at_once_one_gets_a_conflict(committed_db):
    trio = make_trio()
    swap = ask(trio)
    start, outcomes = threading.Barrier(2), []

    def take(person):
        try:
            start.wait()
            swapping.take(swap, by=person, at=NOON)
            outcomes.append("taken")
        except Conflict:
            outcomes.append("conflict")
        finally:
            connection.close()

    both = [threading.Thread(target=take, args=[person]) for person in (trio.ben, trio.cy)]
    [one.start() for one in both]
    [one.join() for one in both]

    assert sorted(outcomes) == ["conflict", "taken"]
    assert Override.objects.count() == 1


def test_the_asker_cancels_and_who_was_asked_declines(trio):
    first, second = ask(trio, asked=trio.ben), ask(trio, start=MIDNIGHT, end=MIDNIGHT + HOUR, asked=trio.cy)
    with pytest.raises(NotAllowed, match="Only Ada may cancel this"):
        swapping.cancel(first, by=trio.cy, at=NOON)

    swapping.cancel(first, by=trio.ada, at=NOON)
    swapping.cancel(second, by=trio.cy, at=NOON)

    assert list(Swap.objects.values_list("state", flat=True)) == ["cancelled", "cancelled"]
    assert told(trio.ben)[1:] == ["Ada cancelled a swap in Payments daily"]
    assert told(trio.ada) == ["Cy declines a swap in Payments daily"]
    with pytest.raises(Conflict, match="has been cancelled"):
        swapping.take(first, by=trio.ben, at=NOON)


def test_a_request_expires_when_its_shift_begins_and_the_tick_says_so_once(trio):
    swap = ask(trio)
    due.settle(MIDNIGHT + 5 * HOUR)
    swap.refresh_from_db()
    assert swap.state == "open"

    due.settle(MIDNIGHT + 6 * HOUR)
    due.settle(MIDNIGHT + 6 * HOUR)

    swap.refresh_from_db()
    assert (swap.state, swap.settled_at) == ("expired", MIDNIGHT + 6 * HOUR)
    assert told(trio.ada) == ["Nobody took your shift in Payments daily"]
    with pytest.raises(Conflict, match="has expired"):
        swapping.take(swap, by=trio.ben, at=MIDNIGHT + 6 * HOUR)


def test_before_the_tick_comes_what_has_expired_is_not_taken(trio):
    swap = ask(trio)

    with pytest.raises(Conflict, match="has expired"):
        swapping.take(swap, by=trio.ben, at=MIDNIGHT + 6 * HOUR)


def test_of_a_shift_that_runs_the_rest_is_asked_for_and_taken(trio):
    swap = ask(trio, start=MIDNIGHT, end=MIDNIGHT + DAY, at=MIDNIGHT + 8 * HOUR)

    swapping.take(swap, by=trio.ben, at=MIDNIGHT + 10 * HOUR)

    assert [trio.on_call(MIDNIGHT + hour * HOUR) for hour in (8, 9, 10, 23)] == [["Ada"], ["Ada"], ["Ben"], ["Ben"]]


def test_those_who_take_turns_are_asked_and_the_asker_is_told_who_took_it(trio):
    swap = ask(trio, note="My sister marries.")
    assert told(trio.ben) == told(trio.cy) == ["Ada asks you to take a shift in Payments daily"]
    assert told(trio.ada) == told(trio.root) == []

    swapping.take(swap, by=trio.cy, at=NOON)

    assert told(trio.ada) == ["Cy takes your shift in Payments daily"]


def test_o49_an_editor_waits_for_a_swap_that_is_being_taken_and_then_gets_a_conflict(committed_db):
    trio = make_trio()
    swap = ask(trio)
    wish = Wish("replace", trio.cy, MIDNIGHT + 6 * HOUR, MIDNIGHT + 9 * HOUR, trio.ada)
    outcomes = []

    def override():
        try:
            overriding.override(trio.schedule, wish, by=trio.root, at=NOON)
            outcomes.append("saved")
        except Conflict as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    editor = threading.Thread(target=override)
    with transaction.atomic():
        swapping.take(swap, by=trio.ben, at=NOON)
        editor.start()
        editor.join(1)
        assert outcomes == []
    editor.join()

    [said] = outcomes
    assert said.startswith("Ada is replaced by Ben")
    assert Override.objects.count() == 1
