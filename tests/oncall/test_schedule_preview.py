"""What the form of a schedule would change, and what it would leave uncovered, before anything is saved."""

import pytest

from oncall.models import Layer, Schedule
from tests.admin_site import filled, said_on, sign_in, url
from tests.factories import ContactMethodFactory, ScheduleFactory, ServiceFactory, UserFactory
from tests.oncall.schedule_form import address, put

pytestmark = pytest.mark.django_db


def preview(client, schedule, headers=None, **changes):
    data = filled(client, address(schedule)) | changes
    ask = {"X-Requested-With": "fetch"} | (headers or {})
    return client.post(url(Schedule, "preview", schedule.pk), data, headers=ask).content.decode()


def test_the_form_shows_what_it_would_change_and_saves_nothing(administrator):
    ada, ben = UserFactory(name="Ada"), ContactMethodFactory(user__name="Ben").user
    schedule = ScheduleFactory(people=[ada])
    rows, other = list(Layer.objects.values()), {"layers-0-people-0-person": ben.email}

    same = preview(administrator, schedule)
    moved = preview(administrator, schedule, **other)
    page = preview(administrator, schedule, {"X-Requested-With": ""}, **other)

    assert "No shift of the next four weeks changes." in same
    assert "Nobody of this rotation has a verified contact method" in same
    assert "<td>Ada</td><td><strong>Ben</strong></td>" in moved
    assert "verified contact" not in moved
    assert "<title>" in page
    assert "Nothing has been saved." in page
    assert list(Layer.objects.values()) == rows


def test_a_preview_of_a_form_that_cannot_be_read_says_why(administrator):
    wrong = {"layers-0-length": "0", "layers-0-anchor": "soon", "time_zone": "Mars/Base"}

    answer = preview(administrator, ScheduleFactory(), **wrong)

    assert "Primary, Length: Ensure this value is greater than or equal to 1." in answer
    assert "Primary, First handoff: “soon” is not a wall-clock time." in answer
    assert "Time zone: “Mars/Base” is not a time zone." in answer


def test_a_preview_of_a_new_layer_counts_it_in_and_one_of_a_new_schedule_too(administrator):
    schedule = ScheduleFactory(people=[UserFactory(name="Ada")])
    new = {
        "name": "Top",
        "priority": "5",
        "anchor": "2026-01-05T09:00",
        "people-0-person": UserFactory(name="Ben").email,
    }
    fetch = {"headers": {"X-Requested-With": "fetch"}}

    answer = preview(administrator, schedule, **{f"layers-1-{name}": value for name, value in new.items()})
    data = filled(administrator, url(Schedule, "add")) | {f"layers-0-{name}": value for name, value in new.items()}
    fresh = administrator.post(url(Schedule, "preview_new"), data, **fetch).content.decode()

    assert "<td>Ada</td><td><strong>Ben</strong></td>" in answer
    assert "<td>nobody</td><td><strong>Ben</strong></td>" in fresh
    assert Layer.objects.count() == 1


def test_a_preview_is_for_administrators(client):
    schedule = ScheduleFactory()
    sign_in(client, UserFactory())

    assert client.post(url(Schedule, "preview", schedule.pk)).status_code == 302


def test_what_looks_wrong_is_told_at_save_with_the_paths_that_reach_nobody(administrator):
    ada = ContactMethodFactory(user__name="Ada").user
    schedule = ScheduleFactory(people=[ada])
    ServiceFactory(name="Checkout", team=schedule.team)
    data = filled(administrator, address(schedule))
    put(data, 0, "windows", {"weekday": "0", "start": "09:00", "end": "17:00"})

    before = preview(administrator, schedule)
    planned = administrator.post(url(Schedule, "preview", schedule.pk), data).content.decode()
    told = said_on(administrator.post(address(schedule), data, follow=True))

    assert "Nobody is reached" not in before
    assert "Nobody is reached" in planned
    assert any(text.startswith("Nobody is on call from") for text in told)
    assert any(text.startswith("Nobody is reached") and "Checkout" in text for text in told)
