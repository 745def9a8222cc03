"""One schedule on a page: timeline, month and list; the address holds what is shown."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from oncall.models import Leave, Override, Swap
from tests.factories import MembershipFactory, ScheduleFactory, UserFactory
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada Lovelace", time_zone="Asia/Kathmandu")
    client.force_login(ada)
    return ada


@pytest.fixture
def schedule(ada):
    return ScheduleFactory(name="Payments weekly", people=[ada, UserFactory(name="Bob Moss")], time_zone="UTC")


def look(client, schedule, **said):
    return client.get(reverse("oncall:schedule", args=[schedule.slug]), said)


def links(answer):
    return [unescape(one) for one in re.findall(r'href="(\?[^"]+)"', answer.content.decode())]


def test_the_address_keeps_everything_that_is_chosen(client, schedule):
    answer = look(client, schedule, **{"as": "list", "span": "day", "zone": "schedule", "on": "2026-03-29"})

    assert "Sun 29 Mar 2026" in words(answer)
    assert "?as=timeline&span=day&zone=schedule&on=2026-03-29" in links(answer)
    assert "?as=list&span=month&zone=schedule&on=2026-03-29" in links(answer)
    assert "?as=list&span=day&zone=mine&on=2026-03-29" in links(answer)
    assert "?as=list&span=day&zone=schedule&on=2026-03-28" in links(answer)
    assert "?as=list&span=day&zone=schedule&on=2026-03-30" in links(answer)
    assert "?as=list&span=day&zone=schedule" in links(answer)


@pytest.mark.parametrize(
    "said", [{"on": "soon"}, {"as": "cube"}, {"span": "aeon"}, {"zone": "x"}, {"on": "0001-01-01"}]
)
def test_an_address_that_says_nonsense_shows_the_usual(client, schedule, said):
    usual, other = look(client, schedule), look(client, schedule, **said)

    assert other.status_code == 200
    assert words(other) == words(usual)


def test_both_zones_are_named_and_move_nobody(client, schedule):
    mine = words(look(client, schedule, **{"as": "list", "on": "2026-03-30"}))
    its = words(look(client, schedule, **{"as": "list", "on": "2026-03-30", "zone": "schedule"}))

    assert "Kathmandu, yours UTC, the schedule’s" in mine
    assert "14:45 to Mon 6 Apr, 14:45 AL Ada Lovelace" in mine
    assert "09:00 to Mon 6 Apr, 09:00 AL Ada Lovelace" in its
    assert "All times are Kathmandu time, Asia/Kathmandu." in mine


def test_a_month_lists_everybody_on_each_day(client, schedule):
    answer = look(client, schedule, **{"as": "calendar", "on": "2026-03-11", "zone": "schedule"})

    cells = re.findall(r"<td.*?</td>", answer.content.decode(), re.DOTALL)
    assert "March 2026" in words(answer)
    assert len(cells) == 42
    assert "until 09:00" in cells[14]
    assert ("Ada Lovelace" in cells[14]) == ("Bob Moss" in cells[14]) is True  # a handoff: both
    assert ("Ada Lovelace" in cells[15]) != ("Bob Moss" in cells[15])


def test_the_past_can_be_read(client, schedule, ada):
    carl, start = UserFactory(name="Carl Past"), datetime(2026, 1, 7, tzinfo=UTC)
    Override.objects.create(
        schedule=schedule, kind="replace", person=carl, replaces=ada, start=start, end=start + timedelta(days=1)
    )

    for shown in ("timeline", "list", "calendar"):
        assert "Carl Past" in words(look(client, schedule, **{"as": shown, "on": "2026-01-07"})), shown
    assert "Carl Past" not in words(look(client, schedule, **{"as": "list", "on": "2026-02-11"}))


def test_a_person_on_call_who_is_away_is_told_and_open_requests_stand(client, schedule, ada):
    now = timezone.now()
    Leave.objects.create(person=ada, start=now - timedelta(days=1), end=now + timedelta(days=13))
    Swap.objects.create(
        schedule=schedule, asked_by=ada, start=now, end=now + timedelta(days=1), asked_at=now,
        expires_at=now + timedelta(days=1),
    )  # fmt: skip

    answer = words(look(client, schedule))
    listed = words(look(client, schedule, **{"as": "list"}))
    month = look(client, schedule, **{"as": "calendar"}).content.decode()

    assert "Ada Lovelace you away" in listed
    assert "Bob Moss away" not in listed
    assert 'aria-label="away"' in month
    assert "Somebody on call is away. Ada Lovelace," in answer
    assert "Ada Lovelace asks anyone to take a shift" in answer


def test_the_drawing_names_everybody_in_words(client, schedule):
    answer = look(client, schedule, on="2026-03-11", zone="schedule").content.decode()

    assert 'aria-label="Bob Moss: Mon 2 Mar 09:00 to Mon 9 Mar 09:00"' in answer or (
        'aria-label="Ada Lovelace: Mon 2 Mar 09:00 to Mon 9 Mar 09:00"' in answer
    )


def test_gaps_and_needs_lead_to_the_form_that_mends_them(client, schedule, ada):
    MembershipFactory(team=schedule.team, user=ada)
    now = timezone.now()
    start, end = now + timedelta(days=1), now + timedelta(days=2)
    for person in (ada, schedule.layers.get().people.exclude(user=ada).get().user):
        Override.objects.create(schedule=schedule, kind="remove", person=person, start=start, end=end)
        Leave.objects.create(person=person, start=end, end=end + timedelta(hours=2))

    page = client.get(reverse("oncall:schedule", args=[schedule.slug]))
    addresses = [
        unescape(one) for one in re.findall(r'class="btn" href="([^"]+/override/[^"]+)"', page.content.decode())
    ]
    forms = [client.get(address).context["form"] for address in addresses]

    assert "Fill it" in words(page)
    assert "Cover it" in words(page)
    assert [form["kind"].value() for form in forms[:2]] == ["add", "replace"]
    assert forms[1]["replaces"].value() is not None
