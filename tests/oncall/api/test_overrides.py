"""Overrides and temporary schedules over HTTP."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents.models import Scope
from oncall.models import Override, TemporarySchedule
from tests.api_caller import Caller, administrator, fields_of, responder
from tests.factories import AdministratorFactory, MembershipFactory, ScheduleFactory, UserFactory
from tests.oncall.conftest import make_trio

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def trio():
    return make_trio()


@pytest.fixture
def caller(trio):
    """A member of the schedule's team."""
    return Caller(trio.ada)


def iso(moment):
    return moment.isoformat().replace("+00:00", "Z")


def ahead(days=1, length=1):
    start = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=days)  # no handoff near
    return {"start": iso(start), "end": iso(start + timedelta(hours=length))}


def people_at(caller, at):
    return [row["name"] for row in caller.get("schedules/payments/oncall", at=at).json()["people"]]


def test_o48_an_override_is_made_read_back_and_answers_at_once(trio, caller):
    span = ahead()
    [holder] = people_at(caller, span["start"])
    holder = next(person for person in (trio.ada, trio.ben, trio.cy) if person.name == holder)
    said = {**span, "kind": "replace", "person": trio.eve.email, "replaces": holder.email, "reason": "A wedding."}

    answer = caller.post("schedules/payments/overrides", **said)

    assert answer.status_code == 201, answer.content
    row = Override.objects.get()
    assert answer.json() == {**said, "id": row.pk, "by": trio.ada.email, "swap": None}
    assert caller.get("schedules/payments/overrides").json() == {"items": [answer.json()], "next": None}
    assert people_at(caller, span["start"]) == ["Eve"]
    assert people_at(caller, span["end"]) == [holder.name]
    [duty] = caller.get("schedules/payments/oncall", at=span["start"]).json()["people"]
    assert (duty["override"], duty["until"]) == (row.pk, span["end"])


def test_o49_a_contradiction_is_a_conflict_in_words(trio, caller):
    said = {**ahead(), "kind": "replace", "replaces": trio.cy.email}
    assert caller.post("schedules/payments/overrides", **said, person=trio.ben.email).status_code == 201

    answer = caller.post("schedules/payments/overrides", **said, person=trio.ada.email)

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:tocsin:problem:conflict"
    assert "Cy is replaced by Ben" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "swap"}, "kind"),
        ({"person": "nobody@example.com"}, "person"),
        ({"replaces": "nobody@example.com"}, "replaces"),
        ({"replaces": None}, "replaces"),
        ({"kind": "add"}, "replaces"),
        ({"end": "2026-01-01T00:00:00"}, "end"),
        ({"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}, "end"),
        ({"start": "2027-01-01T00:00:00Z", "end": "2029-01-02T00:00:00Z"}, "end"),
        ({"reason": "x" * 201}, "reason"),
        ({"more": 1}, "more"),
    ],
)
def test_an_override_that_cannot_be_is_refused(trio, caller, change, field):
    said = {**ahead(), "kind": "replace", "person": trio.ada.email, "replaces": trio.cy.email, **change}

    assert fields_of(caller.post("schedules/payments/overrides", **said)) == [field]
    assert not Override.objects.exists()


def test_who_has_nothing_to_do_with_the_schedule_and_who_only_reads_changes_nothing(trio):
    said = {**ahead(), "kind": "add", "person": trio.eve.email}
    callers = [responder(), Caller(trio.ada, Scope.READ), Caller(AdministratorFactory(), Scope.WRITE)]

    for caller in callers:
        assert caller.post("schedules/payments/overrides", **said).status_code == 403
    assert administrator().post("schedules/payments/overrides", **said).status_code == 201
    assert administrator().post("schedules/nowhere/overrides", **said).status_code == 404


def test_an_override_to_come_is_gone_one_that_runs_ends_and_one_that_is_over_stays(trio, caller):
    now = timezone.now()
    said = {"kind": "add", "person": trio.eve.email}
    later = caller.post("schedules/payments/overrides", **ahead(), **said).json()
    running = caller.post(
        "schedules/payments/overrides", **said, start=iso(now - DAY), end=iso(now + timedelta(hours=2))
    ).json()

    assert caller.send("DELETE", f"schedules/payments/overrides/{later['id']}").status_code == 204
    answer = caller.send("DELETE", f"schedules/payments/overrides/{running['id']}")

    assert answer.status_code == 200
    assert answer.json()["end"] < iso(timezone.now())
    assert caller.send("DELETE", f"schedules/payments/overrides/{running['id']}").status_code == 409
    assert Override.objects.get().pk == running["id"]
    other = ScheduleFactory().slug
    assert administrator().send("DELETE", f"schedules/{other}/overrides/{running['id']}").status_code == 404


def test_overrides_are_listed_within_a_range(trio, caller):
    near, far = ahead(1), ahead(9)
    for span in (near, far):
        caller.post("schedules/payments/overrides", **span, kind="add", person=trio.eve.email)

    def listed(**within):
        return [row["start"] for row in caller.get_all("schedules/payments/overrides", **within)]

    assert listed(**{"from": near["end"]}) == [far["start"]]
    assert listed(to=far["start"]) == [near["start"]]
    assert fields_of(caller.get("schedules/payments/overrides", **{"from": near["end"], "to": near["end"]})) == ["to"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_lists_cost_the_same_for_one_and_three(trio, caller, count, django_assert_num_queries):
    caller.get("users")
    for number in range(count):
        person = UserFactory()
        MembershipFactory(user=person)
        span = ahead(number + 1)
        assert caller.post("schedules/payments/overrides", **span, kind="add", person=person.email).status_code == 201
        shifts = [{**span, "person": person.email}]
        answer = caller.post("schedules/payments/temporary-schedules", **span, shifts=shifts)
        assert answer.status_code == 201, answer.content

    with django_assert_num_queries(3):  # token with person, schedule, overrides with people
        caller.get("schedules/payments/overrides")
    with django_assert_num_queries(5):  # token with person, schedule, temporary schedules, shifts, people
        caller.get("schedules/payments/temporary-schedules")


def test_a_temporary_schedule_is_made_changed_and_ended(trio, caller):
    span = ahead(1, 24)
    shifts = [{**span, "person": trio.eve.email}]

    made = caller.post("schedules/payments/temporary-schedules", **span, shifts=shifts, reason="Holidays")

    assert made.status_code == 201, made.content
    row = TemporarySchedule.objects.get()
    assert made.json() == {**span, "id": row.pk, "reason": "Holidays", "by": trio.ada.email, "shifts": shifts}
    assert people_at(caller, span["start"]) == ["Eve"]
    shifts = [{**span, "person": trio.ben.email}]
    changed = caller.send(
        "PUT",
        f"schedules/payments/temporary-schedules/{row.pk}",
        json.dumps({**span, "shifts": shifts}),
    )
    assert changed.json()["shifts"] == shifts
    assert people_at(caller, span["start"]) == ["Ben"]
    number = changed.json()["id"]
    assert caller.send("DELETE", f"schedules/payments/temporary-schedules/{number}").status_code == 204
    assert caller.get("schedules/payments/temporary-schedules").json()["items"] == []


def test_a_temporary_schedule_that_cannot_be_is_refused(trio, caller):
    span = ahead(1, 24)
    nobody = [{**span, "person": "nobody@example.com"}]

    assert fields_of(caller.post("schedules/payments/temporary-schedules", **span, shifts=[])) == ["shifts"]
    assert fields_of(caller.post("schedules/payments/temporary-schedules", **span, shifts=nobody)) == [
        "shifts.0.person"
    ]
    shifts = [{**span, "person": trio.eve.email}]
    assert caller.post("schedules/payments/temporary-schedules", **span, shifts=shifts).status_code == 201
    assert caller.post("schedules/payments/temporary-schedules", **span, shifts=shifts).status_code == 409
    assert responder().post("schedules/payments/temporary-schedules", **span, shifts=shifts).status_code == 403
