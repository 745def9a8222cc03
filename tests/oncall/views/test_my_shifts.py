"""My shifts, swaps, leave and temporary schedules on pages."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from oncall import swapping
from oncall.models import Leave, Override, Swap, SwapState, TemporarySchedule
from tests.factories import MembershipFactory, UserFactory
from tests.oncall.conftest import told
from tests.oncall.views.conftest import SHELL, words

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def midnight():
    """The start of the day after tomorrow, UTC: a handoff of the trio."""
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + 2 * DAY


@pytest.fixture
def turn(trio, midnight):
    """Who has the turn that begins at midnight, and another of the trio."""
    holder = getattr(trio, trio.on_call(midnight)[0].lower())
    return holder, next(one for one in (trio.ada, trio.ben, trio.cy) if one != holder)


def typed(start, end, **more):
    return {"start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{end:%Y-%m-%dT%H:%M}"} | more


def row(number, person, start, end):
    prefix = f"shift-{number}"
    said = {} if person is None else {f"{prefix}-person": person.pk}
    return said | {f"{prefix}-start": f"{start:%Y-%m-%dT%H:%M}", f"{prefix}-end": f"{end:%Y-%m-%dT%H:%M}"}


def test_my_shifts_stand_in_my_zone_with_the_schedules_own(client, trio, midnight, turn):
    holder, _ = turn
    holder.time_zone = "Asia/Kathmandu"
    holder.save()
    client.force_login(holder)

    answer = words(client.get("/on-call/mine/"))

    assert "Times are Kathmandu time, yours" in answer
    assert f"{midnight:%a} {midnight.day} {midnight:%b %Y}, 05:45 to" in answer
    assert f"{midnight:%a} 00:00 to" in answer
    assert "UTC, the schedule’s" in answer
    assert answer.count("Payments daily") >= 29


def test_who_has_no_shift_is_told_so(client, trio):
    client.force_login(trio.eve)

    answer = words(client.get("/on-call/mine/"))

    assert "You are not on call in the next 90 days" in answer
    assert "No shift ahead" in answer


def test_a_part_of_a_shift_is_offered_taken_and_split_exactly_there(client, trio, midnight, turn):
    holder, other = turn
    client.force_login(holder)
    said = typed(midnight + 2 * HOUR, midnight + 5 * HOUR, asked=other.pk, note="Dentist")
    asked = client.post(reverse("oncall:swap", args=["payments"]), said, follow=True)
    assert f"{other} is asked. The shift stays yours until somebody takes it." in words(asked)
    assert trio.on_call(midnight + 3 * HOUR) == [holder.name]

    client.force_login(other)
    page = client.get("/on-call/mine/")
    assert "1 shift is offered to you" in words(page)
    assert "Dentist" in words(page)
    taken = client.post(reverse("oncall:swap-settle", args=[Swap.objects.get().pk, "take"]), follow=True)

    assert f"The shift of {holder} in Payments daily is yours." in words(taken)
    hours = [trio.on_call(midnight + hour * HOUR)[0] for hour in (1, 2, 4, 5)]
    assert hours == [holder.name, other.name, other.name, holder.name]
    assert told(holder) == [f"{other} takes your shift in Payments daily"]


def test_anyone_of_the_schedule_sees_an_open_request_and_a_stranger_does_not(client, trio, midnight, turn):
    holder, other = turn
    swapping.ask(trio.schedule, start=midnight, end=midnight + DAY, by=holder, at=timezone.now())

    seen = {}
    for person in (other, trio.eve, holder):
        client.force_login(person)
        seen[person] = "offered to you" in words(client.get("/on-call/mine/"))

    assert seen == {other: True, trio.eve: False, holder: False}
    client.force_login(trio.eve)
    refused = client.post(reverse("oncall:swap-settle", args=[Swap.objects.get().pk, "take"]), follow=True)
    assert "is neither in Payments daily nor in Payments" in words(refused)
    assert Swap.objects.get().state == SwapState.OPEN


def test_a_request_is_cancelled_and_one_that_was_asked_is_declined(client, trio, midnight, turn):
    holder, other = turn
    for number, person in enumerate((holder, other)):
        swap = swapping.ask(
            trio.schedule, start=midnight, end=midnight + HOUR, by=holder, asked=other, at=timezone.now()
        )
        client.force_login(person)
        answer = client.post(reverse("oncall:swap-settle", args=[swap.pk, "cancel"]), follow=True)
        assert ("Cancelled: the shift stays yours.", f"Declined. {holder} is told.")[number] in words(answer)
    again = client.post(reverse("oncall:swap-settle", args=[swap.pk, "take"]), follow=True)

    assert "This request has been cancelled." in words(again)
    assert client.post(reverse("oncall:swap-settle", args=[swap.pk, "burn"])).status_code == 404


def test_only_ones_own_shift_can_be_asked_for_and_what_was_typed_stays(client, trio, midnight, turn):
    _, other = turn
    client.force_login(other)

    answer = client.post(
        reverse("oncall:swap", args=["payments"]), typed(midnight, midnight + HOUR, note="For the theatre")
    )

    assert answer.status_code == 422
    assert "You are not on call then" in words(answer)
    assert 'value="For the theatre"' in answer.content.decode()
    assert not Swap.objects.exists()


def test_the_form_begins_with_the_shift_that_was_chosen(client, trio, midnight, turn):
    holder, _ = turn
    client.force_login(holder)
    stretch = {"from": midnight.isoformat(), "to": (midnight + DAY).isoformat()}

    form = client.get(reverse("oncall:swap", args=["payments"]), stretch).context["form"]

    assert (form["start"].value(), form["end"].value()) == tuple(
        moment.replace(tzinfo=None) for moment in (midnight, midnight + DAY)
    )


def test_leave_tells_which_shifts_need_cover_before_and_after_it_is_saved(client, trio, midnight, turn):
    holder, _ = turn
    client.force_login(holder)
    said = typed(midnight + HOUR, midnight + 30 * HOUR, person=holder.pk, reason="Wedding")

    weighed = client.post("/on-call/leave/", said | {"weigh": "1"})
    assert not Leave.objects.exists()
    saved = client.post("/on-call/leave/", said, follow=True)

    assert "1 time needs cover" in words(weighed)
    assert "Nobody else is on call then." in words(weighed)
    assert "You are marked away. 1 shift lies in that time and need cover" in words(saved)
    assert "You are away in a part of it" in words(saved)
    assert trio.on_call(midnight + 2 * HOUR) == [holder.name]


def test_leave_twice_is_refused_and_leave_can_be_removed(client, trio, midnight):
    client.force_login(trio.ada)
    said = typed(midnight, midnight + DAY, person=trio.ada.pk)
    client.post("/on-call/leave/", said)

    twice = client.post("/on-call/leave/", said)
    removed = client.post(reverse("oncall:leave-cancel", args=[Leave.objects.get().pk]), follow=True)

    assert twice.status_code == 422
    assert "Ada is on leave in a part of this time already." in words(twice)
    assert "The leave is removed." in words(removed)
    assert not Leave.objects.exists()


def test_managers_mark_their_people_away_and_nobody_else_does(client, trio, midnight):
    lea = UserFactory(name="Lea")
    MembershipFactory(team=trio.schedule.team, user=lea, is_manager=True)
    said = typed(midnight, midnight + DAY, person=trio.ada.pk, reason="Surgery")

    client.force_login(trio.ben)
    refused = client.post("/on-call/leave/", said)
    client.force_login(lea)
    client.post("/on-call/leave/", said)
    client.force_login(trio.ben)
    by_ben = client.get("/on-call/leave/")
    stolen = client.post(reverse("oncall:leave-cancel", args=[Leave.objects.get().pk]))
    client.force_login(lea)
    by_lea = client.get("/on-call/leave/")

    assert refused.status_code == 422
    assert Leave.objects.get().by == lea
    assert "Surgery" in words(by_lea)
    assert "Surgery" not in words(by_ben)
    assert stolen.status_code == 403


def fixing(start, end, *rows):
    said = typed(start, end, reason="Holidays") | {"shift-TOTAL_FORMS": len(rows), "shift-INITIAL_FORMS": 0}
    for number, (person, begins, ends) in enumerate(rows):
        said |= row(number, person, begins, ends)
    return said


def test_a_temporary_schedule_begins_with_who_would_be_on_call_and_replaces_them(client, trio, midnight, turn):
    holder, other = turn
    client.force_login(holder)
    address = reverse("oncall:temporary", args=["payments"])
    stretch = {"from": midnight.isoformat(), "to": (midnight + 2 * DAY).isoformat()}
    begun = client.get(address, stretch).context["rows"]
    said = fixing(midnight, midnight + 2 * DAY, (other, midnight, midnight + DAY), (None, midnight, midnight))

    answer = client.post(address, said, follow=True)

    assert next(form["person"].value() for form in begun) == holder.pk
    assert len(begun) == 2 + 3
    assert "The temporary schedule stands." in words(answer)
    assert trio.on_call(midnight + HOUR) == [other.name]
    assert trio.on_call(midnight + DAY + HOUR) == []

    end = reverse("oncall:temporary-end", args=["payments", TemporarySchedule.objects.get().pk])
    assert end in answer.content.decode()
    assert "The temporary schedule is removed" in words(client.post(end, follow=True))
    assert trio.on_call(midnight + HOUR) == [holder.name]


def test_a_shift_at_a_time_that_does_not_exist_is_refused_on_its_row(client, trio):
    trio.ada.time_zone = "Europe/Berlin"
    trio.ada.save()
    client.force_login(trio.ada)
    start, end = datetime(2027, 3, 27, 12), datetime(2027, 3, 29, 12)
    said = fixing(start, end, (trio.ben, datetime(2027, 3, 28, 2, 30), end))

    answer = client.post(reverse("oncall:temporary", args=["payments"]), said)

    assert answer.status_code == 422
    assert "02:30 on Sun 28 Mar 2027 does not exist in Berlin" in words(answer)
    assert 'value="2027-03-28T02:30"' in answer.content.decode()
    assert not TemporarySchedule.objects.exists()


def test_wrong_shifts_are_refused_on_their_row_and_two_at_once_on_the_form(client, trio, midnight):
    client.force_login(trio.ada)
    address = reverse("oncall:temporary", args=["payments"])
    good = (trio.ben, midnight, midnight + DAY)

    too_long = client.post(address, fixing(midnight, midnight + DAY, good, (trio.cy, midnight, midnight + 2 * DAY)))
    client.post(address, fixing(midnight, midnight + DAY, good))
    second = client.post(address, fixing(midnight, midnight + DAY, good))

    assert "The shift ends after the temporary schedule does." in words(too_long)
    assert "Another temporary schedule stands in this time. Change that one." in words(second)
    assert (too_long.status_code, second.status_code) == (422, 422)


def test_filling_in_again_keeps_the_range_and_saves_nothing(client, trio, midnight, turn):
    holder, other = turn
    client.force_login(holder)
    said = fixing(midnight, midnight + DAY, (other, midnight, midnight + DAY)) | {"fill": "1"}

    answer = client.post(reverse("oncall:temporary", args=["payments"]), said)

    assert [form["person"].value() for form in answer.context["rows"]] == [holder.pk, None, None, None]
    assert not TemporarySchedule.objects.exists()


def test_strangers_fix_nothing(client, trio):
    client.force_login(trio.eve)

    assert client.get(reverse("oncall:temporary", args=["payments"])).status_code == 403
    assert client.get("/on-call/schedules/nowhere/swap/").status_code == 404


@pytest.mark.parametrize("count", [1, 4])
def test_my_shifts_cost_the_same_for_one_request_and_four(
    client, trio, midnight, turn, count, django_assert_num_queries
):
    holder, other = turn
    for number in range(count):
        start = midnight + number * HOUR
        swapping.ask(trio.schedule, start=start, end=start + HOUR, by=holder, at=timezone.now())
        Leave.objects.create(person=other, start=start, end=start + HOUR)
    client.force_login(other)

    # session, user, schedules, roster (6), requests, leave, requests, offers, leave
    with django_assert_num_queries(14 + SHELL):
        client.get("/on-call/mine/")
    assert not Override.objects.exists()
