"""Swaps and leave over HTTP."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from incidents.models import Scope
from oncall import rosters, rota
from oncall.models import Leave
from tests.api_caller import Caller, administrator, fields_of, responder
from tests.oncall.conftest import make_trio

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def trio():
    return make_trio()


def iso(moment):
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def shift(trio):
    """The first shift that begins after now: its holder, the two others, two hours in it."""
    roster = rosters.load([trio.schedule.pk])[trio.schedule.pk]
    now = timezone.now()
    piece = rota.final(roster, now, now + timedelta(days=3))[1]
    everyone = [trio.ada, trio.ben, trio.cy]
    [holder] = [person for person in everyone if person.pk in piece.people]
    others = [person for person in everyone if person != holder]
    return holder, others, {"start": iso(piece.start + HOUR), "end": iso(piece.start + 3 * HOUR)}


def ask(shift, **said):
    holder, _, span = shift
    return Caller(holder).post("schedules/payments/swaps", **span, **said)


def test_a_swap_is_asked_taken_and_changes_who_is_on_call(trio, shift):
    holder, (taker, late), span = shift

    asked = ask(shift, note="A wedding.")

    assert asked.status_code == 201, asked.content
    swap = asked.json()
    assert {name: swap[name] for name in ("start", "end", "state", "asked_by", "asked", "note", "override")} == {
        **span,
        "state": "open",
        "asked_by": holder.email,
        "asked": None,
        "note": "A wedding.",
        "override": None,
    }
    assert Caller(taker).get("schedules/payments/swaps", state="open").json()["items"] == [swap]

    taken = Caller(taker).post(f"swaps/{swap['id']}/take")

    assert (taken.json()["state"], taken.json()["taken_by"]) == ("taken", taker.email)
    [duty] = Caller(taker).get("schedules/payments/oncall", at=span["start"]).json()["people"]
    assert (duty["email"], duty["override"], duty["until"]) == (taker.email, taken.json()["override"], span["end"])
    [override] = Caller(taker).get("schedules/payments/overrides").json()["items"]
    assert override["swap"] == swap["id"]
    assert Caller(late).post(f"swaps/{swap['id']}/take").status_code == 409
    assert Caller(late).get(f"swaps/{swap['id']}").json() == taken.json()


def test_a_swap_is_cancelled_by_who_asked(trio, shift):
    holder, (other, _), _ = shift
    swap = ask(shift).json()

    assert Caller(other).post(f"swaps/{swap['id']}/cancel").status_code == 403
    assert Caller(trio.root, Scope.WRITE).post(f"swaps/{swap['id']}/cancel").status_code == 403
    answer = Caller(holder).post(f"swaps/{swap['id']}/cancel")

    assert answer.json()["state"] == "cancelled"
    assert Caller(other).get("schedules/payments/swaps", state="open").json()["items"] == []
    assert Caller(trio.root, Scope.ADMIN).post(f"swaps/{swap['id']}/cancel").status_code == 409


def test_who_has_nothing_to_do_with_it_neither_asks_nor_takes(trio, shift):
    _, (other, _), span = shift
    swap = ask(shift).json()

    assert responder().post(f"swaps/{swap['id']}/take").status_code == 403
    assert fields_of(Caller(other).post("schedules/payments/swaps", **span)) == ["start"]
    assert Caller(other, Scope.READ).post(f"swaps/{swap['id']}/take").status_code == 403
    assert Caller(other).post("swaps/999999/take").status_code == 404
    assert fields_of(ask(shift, asked="nobody@example.com")) == ["asked"]
    assert ask(shift).status_code == 409


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_swaps_costs_the_same_for_one_and_three(trio, shift, count, django_assert_num_queries):
    holder, (taker, _), span = shift
    caller = Caller(taker)
    caller.get("users")
    for _ in range(count):
        swap = Caller(holder).post("schedules/payments/swaps", **span).json()
        override = caller.post(f"swaps/{swap['id']}/take").json()["override"]
        Caller(trio.root, Scope.ADMIN).send("DELETE", f"schedules/payments/overrides/{override}")

    with django_assert_num_queries(3):  # token with person, schedule, swaps with people and overrides
        caller.get("schedules/payments/swaps")


def test_leave_is_told_without_its_reason_to_others(trio):
    now = timezone.now().replace(microsecond=0)
    span = {"start": iso(now + HOUR), "end": iso(now + 9 * HOUR)}

    made = Caller(trio.cy).post(f"users/{trio.cy.email}/leave", **span, reason="Surgery")

    assert made.status_code == 201, made.content
    leave = Leave.objects.get()
    assert made.json() == {**span, "id": leave.pk, "person": trio.cy.email, "reason": "Surgery"}
    assert Caller(trio.cy).get(f"users/{trio.cy.email}/leave").json()["items"] == [made.json()]
    assert Caller(trio.ben).get(f"users/{trio.cy.email}/leave").json()["items"] == [{**made.json(), "reason": None}]


def test_leave_is_ended_and_by_whom_it_may_be(trio):
    now = timezone.now()
    running = {"start": iso(now - HOUR), "end": iso(now + HOUR)}
    ahead = {"start": iso(now + 2 * HOUR), "end": iso(now + 9 * HOUR)}
    address = f"users/{trio.cy.email}/leave"

    assert Caller(trio.ben).post(address, **running).status_code == 403
    assert Caller(trio.root, Scope.WRITE).post(address, **running).status_code == 403
    first = Caller(trio.cy).post(address, **running).json()
    second = administrator().post(address, **ahead).json()
    assert Caller(trio.cy).post(address, **running).status_code == 409

    ended = Caller(trio.cy).send("DELETE", f"{address}/{first['id']}")
    assert ended.status_code == 200
    assert ended.json()["end"] <= iso(timezone.now())
    assert Caller(trio.cy).send("DELETE", f"{address}/{second['id']}").status_code == 204
    assert Caller(trio.cy).send("DELETE", f"{address}/{second['id']}").status_code == 404


def test_shifts_that_need_cover_are_listed(trio, shift, django_assert_num_queries):
    holder, (other, _), span = shift
    caller = Caller(other)
    caller.post(f"users/{other.email}/leave", **span)
    made = Caller(holder).post(f"users/{holder.email}/leave", **span)
    assert made.status_code == 201, made.content

    end = iso(datetime.fromisoformat(span["end"]) + timedelta(days=9))
    with django_assert_num_queries(10):  # token with person, schedule, the roster's six, leave, people
        answer = caller.get("schedules/payments/needs", **{"from": span["start"], "to": end})

    assert answer.json()["items"] == [{**span, "person": holder.email, "nobody_else": True}]
    far = caller.get("schedules/payments/needs", **{"from": span["start"], "to": "2036-01-01T00:00:00Z"})
    assert fields_of(far) == ["to"]
