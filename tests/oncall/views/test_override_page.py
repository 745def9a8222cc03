"""Overriding a schedule from its page: filled in by a click, weighed, saved, refused in words, lifted again."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from oncall.models import Override
from tests.factories import MembershipFactory, UserFactory
from tests.oncall.views.conftest import SHELL, words

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def noon():
    """Tomorrow at noon."""
    return timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)


@pytest.fixture
def ada(client, trio):
    client.force_login(trio.ada)
    return trio.ada


def page(trio, name="oncall:override"):
    return reverse(name, args=[trio.schedule.slug])


def said(trio, start, end, **more):
    on_call = getattr(trio, trio.on_call(start)[0].lower())
    other = next(person for person in (trio.ada, trio.ben, trio.cy) if person != on_call)
    typed = {"start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{end:%Y-%m-%dT%H:%M}"}
    return {"kind": "replace", "person": other.pk, "replaces": on_call.pk, "reason": ""} | typed | more


def chosen(answer, name):
    """The value of a field of the form in the answer, whichever kind it is."""
    return answer.context["form"][name].value()


def test_a_click_on_a_shift_opens_the_form_filled_in_and_the_second_saves_it(client, trio, ada, noon):
    schedule_page = client.get(reverse("oncall:schedule", args=[trio.schedule.slug])).content.decode()
    link = re.search(r'href="(/on-call/schedules/payments/override/\?from=[^"]+)"', schedule_page).group(1)
    form = client.get(link.replace("&amp;", "&"))
    typed = {name: form.context["form"][name].value() for name in ("kind", "person", "replaces", "start", "end")}
    typed |= {name: f"{typed[name]:%Y-%m-%dT%H:%M}" for name in ("start", "end")}

    answer = client.post(page(trio), typed, follow=True)

    override = Override.objects.get()
    assert "Saved: " in words(answer)
    assert override.kind == "replace"
    assert trio.on_call(override.start + HOUR) == [override.person.name]


def test_a_dragged_stretch_begins_in_the_zone_that_was_shown(client, trio, ada, noon):
    trio.ada.time_zone = "Asia/Kathmandu"
    trio.ada.save()
    stretch = {"from": f"{noon:%Y-%m-%dT%H:%M:%S.000Z}", "to": f"{noon + HOUR:%Y-%m-%dT%H:%M:%S.000Z}"}

    mine = client.get(page(trio), stretch | {"zone": "mine"})
    its = client.get(page(trio), stretch | {"zone": "schedule"})

    assert f"{chosen(mine, 'start'):%H:%M}" == "17:45"
    assert f"{chosen(its, 'start'):%H:%M}" == "12:00"
    assert (chosen(mine, "zone"), chosen(its, "zone")) == ("mine", "schedule")


@pytest.mark.parametrize("said", [{}, {"from": "soon", "to": "later"}, {"from": "2026-01-01", "instead": "²"}])
def test_an_address_that_says_nothing_useful_opens_the_plain_form(client, trio, ada, said):
    answer = client.get(page(trio), said)

    assert answer.status_code == 200
    assert chosen(answer, "end") > chosen(answer, "start")


def test_times_are_read_on_the_clock_that_the_form_names(client, trio, ada):
    trio.ada.time_zone = "Asia/Kathmandu"
    trio.ada.save()
    start = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)

    client.post(page(trio), said(trio, start, start + HOUR, zone="mine"))
    client.post(page(trio), said(trio, start, start + HOUR, zone="schedule", kind="add"))

    begins = sorted(Override.objects.values_list("start", flat=True))
    assert begins == [start - timedelta(hours=5, minutes=45), start]


def test_a_time_that_does_not_exist_is_refused_and_what_was_typed_stays(client, trio, ada):
    trio.ada.time_zone = "Europe/Berlin"
    trio.ada.save()
    typed = said(trio, datetime(2027, 3, 28, 12, tzinfo=UTC), datetime(2027, 3, 28, 13, tzinfo=UTC), reason="Launch")
    typed |= {"zone": "mine", "start": "2027-03-28T02:30"}

    answer = client.post(page(trio), typed)

    assert answer.status_code == 422
    assert "02:30 on Sun 28 Mar 2027 does not exist in Berlin: the clocks go forward over it." in words(answer)
    assert 'value="2027-03-28T02:30"' in answer.content.decode()
    assert 'value="Launch"' in answer.content.decode()
    assert not Override.objects.exists()


@pytest.mark.parametrize(("which", "hour"), [("first", 0), ("second", 1)])
def test_a_time_that_comes_twice_asks_which_and_takes_the_answer(client, trio, ada, which, hour):
    trio.ada.time_zone = "Europe/Berlin"
    trio.ada.save()
    typed = said(trio, datetime(2027, 10, 31, 12, tzinfo=UTC), datetime(2027, 10, 31, 20, tzinfo=UTC))
    typed |= {"zone": "mine", "start": "2027-10-31T02:30"}

    asked = client.post(page(trio), typed)
    client.post(page(trio), typed | {"start_which": which})

    assert "02:30 on Sun 31 Oct 2027 comes twice in Berlin: the clocks go back." in words(asked)
    assert "The first, 02:30 CEST (00:30 UTC)" in words(asked)
    assert "The second, 02:30 CET (01:30 UTC)" in words(asked)
    assert Override.objects.get().start == datetime(2027, 10, 31, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"end": "2020-01-01T00:00"}, "Choose an end after the start."),
        ({"replaces": ""}, "Say who is replaced."),
        ({"person": ""}, "Say who."),
        ({"start": "tomorrow"}, "Enter a valid date/time."),
        ({"kind": "dance"}, "Select a valid choice."),
    ],
)
def test_wrong_answers_are_refused_on_their_field(client, trio, ada, noon, change, complaint):
    answer = client.post(page(trio), said(trio, noon, noon + HOUR) | change)

    assert answer.status_code == 422
    assert complaint in words(answer)
    assert not Override.objects.exists()


def test_o49_of_two_who_fill_in_the_form_at_once_the_second_gets_a_conflict(client, trio, ada, noon):
    typed = said(trio, noon, noon + HOUR)
    taken_off = typed["replaces"]
    third = ({person.pk for person in (trio.ada, trio.ben, trio.cy)} - {typed["person"], taken_off}).pop()
    client.get(page(trio))  # both have the form open before either saves
    client.post(page(trio), typed)
    first = Override.objects.get()

    answer = client.post(page(trio), typed | {"person": third, "end": f"{noon + 2 * HOUR:%Y-%m-%dT%H:%M}"})

    assert answer.status_code == 422
    assert f"{first.replaces} is replaced by {first.person}" in words(answer)
    assert "End that override first, or choose another time." in words(answer)
    assert chosen(answer, "person") == str(third)
    assert Override.objects.get() == first


@pytest.mark.parametrize(
    ("kind", "who", "whose", "expected"),
    [
        ("add", "other", "", ["holder", "other"]),
        ("remove", "holder", "", []),
        ("replace", "other", "holder", ["other"]),
        ("replace", "other", "third", ["holder"]),  # who is not on call is not replaced
    ],
)
def test_o48_only_the_named_person_and_time_change(client, trio, ada, noon, kind, who, whose, expected):
    [name] = trio.on_call(noon)
    others = [person for person in (trio.ada, trio.ben, trio.cy) if person.name != name]
    cast = {"holder": getattr(trio, name.lower()), "other": others[0], "third": others[1]}
    before = trio.final(noon - 24 * HOUR, noon), trio.final(noon + HOUR, noon + 48 * HOUR)

    typed = said(trio, noon, noon + HOUR, kind=kind, person=cast[who].pk, replaces=cast[whose].pk if whose else "")
    answer = client.post(page(trio), typed)

    assert answer.status_code == 302
    assert trio.on_call(noon) == sorted(cast[one].name for one in expected)
    assert (trio.final(noon - 24 * HOUR, noon), trio.final(noon + HOUR, noon + 48 * HOUR)) == before


def test_looking_at_what_changes_saves_nothing_with_and_without_a_script(client, trio, ada, noon):
    typed = said(trio, noon, noon + HOUR)
    plain = client.post(page(trio), typed | {"weigh": "1"})
    scripted = client.post(page(trio, "oncall:override-weigh"), typed)
    broken = client.post(page(trio, "oncall:override-weigh"), typed | {"start": ""})

    for answer in (plain, scripted):
        assert "Before" in words(answer)
        assert "has no verified way to be reached" in words(answer)
    assert "Say from when." in words(broken)
    assert not Override.objects.exists()


def test_whoever_is_not_of_the_team_may_not_change_it(client, trio, noon):
    client.force_login(trio.eve)
    typed = said(trio, noon, noon + HOUR)

    answers = [
        client.get(page(trio)),
        client.post(page(trio), typed),
        client.post(page(trio, "oncall:override-weigh"), typed),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert "Only members of Payments and administrators" in words(answers[0])
    assert "override/" not in client.get(reverse("oncall:schedule", args=["payments"])).content.decode()


def test_a_viewer_of_the_team_may_not_either(client, trio):
    viewer = UserFactory(access="viewer")
    MembershipFactory(team=trio.schedule.team, user=viewer)
    client.force_login(viewer)

    assert client.get(page(trio)).status_code == 403


def test_an_override_is_lifted_from_the_page_of_its_schedule(client, trio, ada, noon):
    client.post(page(trio), said(trio, noon, noon + HOUR))
    row = Override.objects.get()
    address = reverse("oncall:override-lift", args=["payments", row.pk])
    assert address in client.get(reverse("oncall:schedule", args=["payments"])).content.decode()

    answer = client.post(address, follow=True)

    assert "Removed: " in words(answer)
    assert not Override.objects.exists()
    assert client.post(address).status_code == 404
    assert client.get(address).status_code == 405


def test_one_that_runs_ends_now_and_one_that_is_over_stays(client, trio, ada):
    now = timezone.now()
    row = Override.objects.create(
        schedule=trio.schedule, kind="add", person=trio.ben, start=now - HOUR, end=now + HOUR, by=ada
    )
    address = reverse("oncall:override-lift", args=["payments", row.pk])

    first, second = words(client.post(address, follow=True)), words(client.post(address, follow=True))

    assert "Ended now: Ben as well" in first
    assert "What was stays." in second


@pytest.mark.parametrize("count", [0, 3])
def test_the_form_costs_the_same_however_many_overrides_stand(
    client, trio, ada, noon, count, django_assert_num_queries
):
    for number in range(count):
        start = noon + number * HOUR
        Override.objects.create(schedule=trio.schedule, kind="add", person=trio.ben, start=start, end=start + HOUR)

    # session, user, schedule, may arrange, roster (6), is the reader among its people, the people of two fields
    with django_assert_num_queries(13 + SHELL):
        client.get(page(trio))
