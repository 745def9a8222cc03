"""Who is on call: every team on one page, one schedule with its days."""

import re
from datetime import time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents.people import deactivate
from oncall.models import Channel, Override, Restriction, Swap, TemporarySchedule, TemporaryShift
from tests.factories import (
    ContactMethodFactory,
    LayerFactory,
    MembershipFactory,
    ScheduleFactory,
    ServiceFactory,
    TeamFactory,
    UserFactory,
)
from tests.oncall.views.conftest import SHELL, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada Lovelace")
    client.force_login(ada)
    return ada


def never(schedule):
    """A schedule whose only layer is in force for one minute a week, three days from now."""
    layer = LayerFactory(schedule=schedule, people=[UserFactory()])
    far = timezone.now() + timedelta(days=3)
    Restriction.objects.create(layer=layer, weekday=far.weekday(), start=time(3), end=time(3, 1))


@pytest.mark.parametrize("page", ["oncall:now", "oncall:policies", "oncall:sandbox"])
def test_the_pages_of_the_pager_ask_who_reads_them(client, db, page):
    answer = client.get(reverse(page))

    assert answer.status_code == 302
    assert answer.url.startswith("/account/login/")


def test_without_a_schedule_the_page_says_so_and_leads_administrators_to_a_first_rotation(client, administrator):
    answer = client.get("/on-call/")

    assert "Nobody is on call yet" in words(answer)
    assert f'href="{reverse("oncall:new")}"' in answer.content.decode()


def test_a_reader_who_may_not_make_a_rotation_is_not_led_there(client, ada):
    answer = client.get("/on-call/")

    assert "There is no schedule yet" in words(answer)
    assert reverse("oncall:new") not in answer.content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_team_and_three(client, ada, count, django_assert_num_queries):
    people = [UserFactory() for _ in range(count)]
    for person in people:
        ContactMethodFactory(user=person)
        team = ScheduleFactory(people=[person]).team
        ServiceFactory(team=team)
        MembershipFactory(team=team, user=person)

    # session, user, schedules, roster (schedules, layers, people, restrictions, overrides, inactive), people,
    # colleagues, methods, teams, teams that the reader may arrange, and may manage
    with django_assert_num_queries(15 + SHELL):
        answer = client.get("/on-call/")

    assert all(person.name in words(answer) for person in people)


def test_o02_every_team_says_who_has_it_until_when_and_who_follows(client, ada):
    bob = UserFactory(name="Bob", time_zone="Asia/Tokyo")
    ScheduleFactory(name="Payments weekly", people=[ada, bob], team=TeamFactory(name="Payments"))

    answer = words(client.get("/on-call/"))

    assert "Every team has somebody on call" in answer
    has_it, follows = ("Ada Lovelace you", "Bob") if "Ada Lovelace you" in answer else ("Bob", "Ada Lovelace")
    handoff = answer[answer.index(f"{has_it} until ") + len(f"{has_it} until ") :]
    handoff = handoff[: handoff.index(" · ")]
    assert handoff.endswith("09:00 UTC")
    assert f"From {handoff} {follows}" in answer


def overridden(schedule, now, **said):
    return Override.objects.create(
        **{"schedule": schedule, "start": now - timedelta(hours=1), "end": now + timedelta(hours=1)} | said
    )


def test_the_page_says_why_each_person_is_on_call(client, ada, now):
    bob, lea = UserFactory(name="Bob"), UserFactory(name="Lea")
    ScheduleFactory(name="Rota", people=[ada])
    overridden(ScheduleFactory(people=[ada]), now, kind="replace", person=bob, replaces=ada, by=lea, reason="Flu")
    overridden(ScheduleFactory(people=[]), now, kind="add", person=bob, by=bob)
    swap = Swap.objects.create(
        schedule=ScheduleFactory(people=[lea]),
        asked_by=lea, start=now - timedelta(hours=1), end=now + timedelta(hours=1), state="taken", taken_by=ada,
        asked_at=now, expires_at=now + timedelta(hours=1), settled_at=now,
    )  # fmt: skip
    overridden(swap.schedule, now, kind="replace", person=ada, replaces=lea, by=ada, swap=swap, reason="Swap")
    fixed = ScheduleFactory(people=[lea])
    span = {"start": now - timedelta(hours=1), "end": now + timedelta(hours=1)}
    TemporaryShift.objects.create(
        temporary=TemporarySchedule.objects.create(schedule=fixed, **span), person=bob, **span
    )

    answer = words(client.get("/on-call/"))

    assert "Turn in Primary" in answer
    assert "Override by Lea, in place of Ada Lovelace: Flu" in answer
    assert "Override, added" in answer
    assert "Swap with Lea" in answer
    assert "Swap with Lea:" not in answer
    assert "Temporary schedule" in answer


def test_the_page_asks_again_each_minute_and_at_the_next_handoff(client, ada, now):
    schedule = ScheduleFactory(people=[ada])
    assert 'hx-trigger="every 60s"' in client.get("/on-call/").content.decode()

    Override.objects.create(
        schedule=schedule, kind="replace", person=UserFactory(), replaces=ada,
        start=now, end=timezone.now() + timedelta(seconds=20),
    )  # fmt: skip
    answer = client.get("/on-call/", headers={"HX-Request": "true"})

    delay = re.search(r'hx-trigger="every 60s, load delay:(\d+)s"', answer.content.decode()).group(1)
    assert 18 <= int(delay) <= 21
    assert "<html" not in answer.content.decode()


def test_who_may_fill_a_hole_is_led_there_and_nobody_else(client, ada):
    mobile = TeamFactory(name="Mobile")
    schedule = ScheduleFactory(team=mobile, people=[])
    never(schedule)

    seen = {}
    for name in ("stranger", "member"):
        if name == "member":
            MembershipFactory(team=mobile, user=ada)
        seen[name] = words(client.get("/on-call/"))

    assert "Fill this gap" in seen["member"]
    assert "Fill this gap" not in seen["stranger"]


def test_o47_when_the_one_on_call_is_gone_the_page_names_the_next_and_others_stay(client, administrator):
    people = [UserFactory(name=name) for name in ("Ada", "Ben", "Cy")]
    schedule = ScheduleFactory(people=people)

    def holder():
        page = words(client.get("/on-call/"))
        return next(
            person for person in people if f" {person.name} until " in page or f" {person.name} without " in page
        )

    first = holder()
    deactivate(first, by=administrator, at=timezone.now())
    second = holder()
    third = next(person for person in people if person not in {first, second})
    deactivate(third, by=administrator, at=timezone.now())

    order = people * 2
    assert second == order[order.index(first) + 1]
    assert holder() == second
    assert f"{schedule}" in words(client.get("/on-call/"))


def test_a_team_whose_schedule_has_nobody_is_named_in_red(client, ada):
    mobile = TeamFactory(name="Mobile")
    never(ScheduleFactory(name="Mobile days", team=mobile, people=[]))

    answer = client.get("/on-call/")

    assert "<h1>Nobody is on call for Mobile</h1>" in answer.content.decode()
    assert "Nobody now to" in words(answer)


def test_a_team_that_owns_a_service_without_a_schedule_is_a_hole(client, ada):
    ServiceFactory(team=TeamFactory(name="Data"))

    answer = words(client.get("/on-call/"))

    assert "Nobody is on call for Data" in answer
    assert "No schedule" in answer


def test_a_hole_that_another_schedule_of_the_team_fills_is_none(client, ada):
    team = TeamFactory(name="Platform")
    ScheduleFactory(name="Europe", team=team, people=[ada])
    never(ScheduleFactory(name="America", team=team, people=[]))

    answer = words(client.get("/on-call/"))

    assert "Every team has somebody on call" in answer
    assert "Nobody now to" not in answer


def test_a_schedule_that_does_not_answer_for_its_team_fills_no_hole(client, ada):
    team = TeamFactory(name="Platform")
    never(ScheduleFactory(team=team, people=[]))
    ScheduleFactory(team=team, people=[ada], answers_for_team=False)

    assert "Nobody is on call for Platform" in words(client.get("/on-call/"))


def test_addresses_are_for_colleagues_and_administrators_the_ways_for_everybody(client, ada, administrator):
    bob = UserFactory(name="Bob")
    ContactMethodFactory(user=bob, channel=Channel.VOICE, address="+491700000001")
    ContactMethodFactory(user=bob, channel=Channel.SMS, address="+491700000002", verified_at=None)
    schedule = ScheduleFactory(people=[bob])
    MembershipFactory(team=schedule.team, user=bob)

    seen_by = {}
    for reader in ("administrator", "stranger", "colleague"):
        person = {"administrator": administrator, "stranger": ada, "colleague": UserFactory()}[reader]
        if reader == "colleague":
            MembershipFactory(team=schedule.team, user=person)
        client.force_login(person)
        seen_by[reader] = client.get("/on-call/").content.decode()

    assert "tel:+491700000001" in seen_by["administrator"]
    assert "tel:+491700000001" in seen_by["colleague"]
    assert "+4917" not in seen_by["stranger"]
    assert "phone" in seen_by["stranger"]
    assert not any("+491700000002" in page for page in seen_by.values())


def test_who_cannot_be_reached_is_said_in_red(client, ada):
    ScheduleFactory(people=[UserFactory(name="Silent Bob")])

    assert "No verified way: a page would not reach them." in words(client.get("/on-call/"))


def test_my_own_shifts_are_listed_and_the_present_one_is_marked(client, ada):
    ScheduleFactory(name="Payments weekly", people=[ada, UserFactory()])

    answer = words(client.get("/on-call/"))

    mine = answer[answer.rindex("My shifts") :]
    assert 1 < mine.count("Payments weekly") < 5
    assert "You are not on call" not in mine


def test_a_schedule_says_in_one_sentence_who_has_it(client, ada):
    schedule = ScheduleFactory(name="Payments weekly", people=[ada])

    answer = words(client.get(reverse("oncall:schedule", args=[schedule.slug])))

    assert "Ada Lovelace is on call, without a handoff ahead." in answer


@pytest.mark.parametrize("look", ["timeline", "calendar", "list"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_schedule_costs_the_same_for_one_person_and_three(client, ada, count, look, django_assert_num_queries, now):
    schedule = ScheduleFactory(people=[UserFactory() for _ in range(count)])
    for number in range(count):
        LayerFactory(schedule=schedule, priority=-number, people=[UserFactory()])
        start = now + timedelta(days=number + 1)
        Override.objects.create(
            schedule=schedule, start=start, end=start + timedelta(hours=2), kind="add", person=UserFactory(), by=ada
        )

    # session, user, schedule, roster (schedules, layers, people, restrictions, overrides, inactive),
    # layers, people, users, restrictions, overrides, temporary schedules, leave, open swaps, may the reader arrange it
    with django_assert_num_queries(18 + SHELL):
        answer = client.get(reverse("oncall:schedule", args=[schedule.slug]), {"as": look})

    assert "Changed by hand" in words(answer)


def test_the_hours_follow_the_zone_that_is_asked_for(client, ada):
    ada.time_zone = "Asia/Tokyo"
    ada.save()
    schedule = ScheduleFactory(people=[ada, UserFactory(name="Bob")], time_zone="UTC")
    address = reverse("oncall:schedule", args=[schedule.slug])

    mine, its = words(client.get(address)), words(client.get(address, {"zone": "schedule"}))

    assert "18:00 Tokyo" in mine  # handoff Monday 09:00 UTC
    assert "09:00 UTC" in its
    assert words(client.get(address, {"zone": "nonsense"})) == mine


def test_layers_are_told_in_words_with_the_turn(client, ada):
    schedule = ScheduleFactory(people=[])
    layer = LayerFactory(schedule=schedule, name="Nights", unit="day", anchor="2026-01-05T18:00", people=[ada])
    for weekday in range(4):
        Restriction.objects.create(layer=layer, weekday=weekday, start=time(18), end=time(8))

    answer = words(client.get(reverse("oncall:schedule", args=[schedule.slug])))

    assert "Daily turns, handoff at 18:00 UTC. Mon to Thu 18:00–08:00." in answer
    assert "Ada Lovelace turn" in answer


def test_gaps_and_overrides_of_a_schedule_are_told(client, ada, now):
    schedule = ScheduleFactory(people=[])
    never(schedule)
    Override.objects.create(
        schedule=schedule,
        start=now + timedelta(days=1),
        end=now + timedelta(days=1, hours=2),
        kind="add",
        person=ada,
        by=ada,
        reason="Launch night",
    )

    answer = words(client.get(reverse("oncall:schedule", args=[schedule.slug])))

    assert "Nobody is on call until" in answer
    assert "gaps in the next 14 days." in answer
    assert "Ada Lovelace as well" in answer
    assert "by Ada Lovelace: Launch night" in answer


def test_a_retired_schedule_pages_nobody_and_says_so(client, ada):
    schedule = ScheduleFactory(people=[ada], is_active=False)

    assert "Retired: it pages nobody." in words(client.get(reverse("oncall:schedule", args=[schedule.slug])))


def test_an_unknown_schedule_is_not_found(client, ada):
    assert client.get("/on-call/schedules/nowhere/").status_code == 404
