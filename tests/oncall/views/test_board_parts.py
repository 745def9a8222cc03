"""The pager's parts of the board: who is on call, what waits for me, my last pages."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents import lifecycle
from incidents.models import Participant
from oncall import contacts
from tests.factories import (
    ScheduleFactory,
    ServiceFactory,
    TeamFactory,
    UserFactory,
)
from tests.oncall.views.conftest import settle, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox")]


@pytest.fixture
def ada(client, chain):
    client.force_login(chain.ada)
    return chain.ada


# Who is on call


def test_the_board_says_who_is_on_call_and_the_next_hole(client, ada, chain):
    ScheduleFactory(name="Mobile days", team=TeamFactory(name="Mobile"), people=[]).layers.create(
        name="Gone", anchor="2026-01-05T09:00"
    )

    text = words(client.get(reverse("oncall:card")))

    assert "Ada you Payments weekly" in text
    assert "Nobody: Mobile now to" in text


def test_the_board_shows_my_own_teams_first_and_says_how_many_more(client, ada, chain):
    for number in range(9):
        ScheduleFactory(name=f"A{number}", team=TeamFactory(name=f"A{number}"))

    text = words(client.get(reverse("oncall:card")))

    assert text.index("Payments weekly") < text.index("A0")
    assert "All, 2 more" in text


def test_without_schedules_the_card_says_so(client, db):
    client.force_login(UserFactory())

    assert "No schedule yet" in words(client.get(reverse("oncall:card")))


@pytest.mark.parametrize("count", [1, 3])
def test_the_on_call_card_costs_the_same_for_one_schedule_and_three(client, db, count, django_assert_num_queries):
    client.force_login(UserFactory())
    for _ in range(count):
        ServiceFactory(team=ScheduleFactory().team)

    # session, user, schedules, my teams, roster (6), people
    with django_assert_num_queries(11):
        client.get(reverse("oncall:card"))


def test_i09_the_page_that_waits_for_me_stands_on_the_board(client, ada, chain, now):
    incident = chain.declare(2, at=now, title="Search answers slowly")
    settle(now)

    answer = client.get(reverse("oncall:my-open-page"))

    text = words(answer)
    assert f"You are being paged: {incident.ref} , Search answers slowly" in text
    assert "if you do not answer, Lea is paged in 14:5" in text
    assert "Acknowledge" in text
    assert "I cannot" in text


def test_what_waits_on_more_than_an_answer_is_not_promised_otherwise(client, ada, chain, now):
    chain.declare(0, at=now)
    settle(now)
    settle(now + timedelta(minutes=2, seconds=1))

    text = words(client.get(reverse("oncall:my-open-page")))

    assert "second call" in text
    assert "if it is not mitigated, Lea is paged" in text


def test_the_most_urgent_page_stands_first_and_the_others_are_counted(client, ada, chain, now):
    chain.declare(2, at=now)
    urgent = chain.declare(1, at=now)
    chain.declare(2, at=now)
    settle(now)

    text = words(client.get(reverse("oncall:my-open-page")))

    assert f"You are being paged: {urgent.ref}" in text
    assert "2 more wait for you" in text


def test_the_buttons_of_the_board_answer_the_page(client, ada, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)
    page = client.get(reverse("oncall:my-open-page")).content.decode()
    address = page.partition('action="')[2].partition('"')[0]

    answer = client.post(address, {"action": "take", "then": "incident"})

    incident.refresh_from_db()
    assert answer.url == incident.get_absolute_url()
    assert incident.acknowledged_by == ada
    assert client.get(reverse("oncall:my-open-page")).content == b""


def test_nothing_stands_there_when_nothing_waits(client, ada, chain, now):
    assert client.get(reverse("oncall:my-open-page")).content == b""
    incident = chain.declare(2, at=now)
    settle(now)
    lifecycle.resolve(incident, by=None, at=now)

    assert client.get(reverse("oncall:my-open-page")).content == b""


@pytest.mark.parametrize("count", [1, 3])
def test_what_waits_for_me_costs_the_same_for_one_page_and_three(
    client, ada, chain, count, django_assert_num_queries, now
):
    for _ in range(count):
        chain.declare(2, at=now)
    settle(now)

    # session, user, pages, last delivery, runs, steps; whom the next level would reach (13 and affected services)
    with django_assert_num_queries(20):
        client.get(reverse("oncall:my-open-page"))


def test_my_last_pages_tell_how_fast_i_answered(client, ada, chain, now):
    began = now - timedelta(minutes=10)
    answered, waiting = chain.declare(2, at=began), chain.declare(0, at=now)
    settle(began)
    lifecycle.acknowledge(answered, by=ada, at=began + timedelta(seconds=50))
    settle(now)

    text = words(client.get(reverse("oncall:my-pages")))

    assert f"{answered.ref} by chat, e-mail" in text
    assert "answered in 00:49" in text or "answered in 00:50" in text
    assert f"{waiting.ref} by phone, SMS, chat, e-mail" in text
    assert "waiting" in text


def test_a_page_of_an_incident_that_became_invisible_is_gone(client, ada, chain, now):
    incident = chain.declare(2, at=now, private=True)
    settle(now)
    assert incident.ref in words(client.get(reverse("oncall:my-pages")))
    Participant.objects.filter(user=ada).delete()

    assert "You have not been paged yet." in words(client.get(reverse("oncall:my-pages")))


@pytest.mark.parametrize("count", [1, 3])
def test_my_last_pages_cost_the_same_for_one_and_three(client, ada, chain, count, django_assert_num_queries, now):
    for _ in range(count):
        chain.declare(2, at=now)
    settle(now)

    # session, user, pages with incidents, deliveries, attempts, methods that are stopped
    with django_assert_num_queries(6):
        client.get(reverse("oncall:my-pages"))


def test_o23_the_board_warns_whose_phone_texted_stop(client, ada):
    contacts.stop(list(ada.contact_methods.filter(channel="sms")), at=timezone.now())

    assert "is off because the phone texted STOP" in words(client.get(reverse("oncall:my-pages")))
