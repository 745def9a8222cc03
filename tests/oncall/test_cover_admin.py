"""The admin pages of what changes a schedule by hand: overrides, temporary schedules, leave."""

from datetime import timedelta

import pytest
from django.utils import timezone

from oncall import feeds, foreign
from oncall.models import CalendarFeed, ForeignCalendar, Leave, Override, Schedule, TemporarySchedule
from tests.admin_site import add_row, errors_of, filled, said_on, send, sign_in, url
from tests.factories import AdministratorFactory, ScheduleFactory, UserFactory
from tests.oncall.conftest import names_on_call as on_call

pytestmark = pytest.mark.django_db


def override(client, schedule, **said):
    data = filled(client, url(Schedule, "change", schedule.pk))
    now = timezone.now()
    times = {
        "start_0": f"{now - timedelta(hours=1):%Y-%m-%d}",
        "start_1": f"{now - timedelta(hours=1):%H:%M:%S}",
        "end_0": f"{now + timedelta(days=1):%Y-%m-%d}",
        "end_1": f"{now + timedelta(days=1):%H:%M:%S}",
    }
    add_row(data, "overrides", **(times | said))
    return client.post(url(Schedule, "change", schedule.pk), data)


def test_r82_an_override_is_made_with_the_name_of_who_made_it(client):
    root, ada, ben = UserFactory(access="administrator"), UserFactory(name="Ada"), UserFactory(name="Ben")
    sign_in(client, root)
    schedule = ScheduleFactory(people=[ada])

    override(client, schedule, kind="replace", person=ben.pk, replaces=ada.pk)

    assert on_call(schedule) == ["Ben"]
    assert Override.objects.get().by == root


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "replace"}, "Say who is replaced."),
        ({"kind": "add", "replaces": True}, "Only a replacement names whom. Leave this empty."),
        ({"kind": "add", "end_0": "2020-01-01"}, "Choose an end after the start."),
    ],
)
def test_an_override_that_contradicts_itself_is_refused(administrator, said, words):
    ada, ben = UserFactory(), UserFactory()
    schedule = ScheduleFactory(people=[ada])
    said = {name: ada.pk if value is True else value for name, value in said.items()}

    answer = override(administrator, schedule, person=ben.pk, **said)

    assert errors_of(answer) == [words]


def test_an_override_that_has_begun_is_ended_not_removed(administrator):
    schedule = ScheduleFactory()
    override(administrator, schedule, kind="add", person=UserFactory(name="Ben").pk)

    send(administrator, url(Schedule, "change", schedule.pk), **{"overrides-0-DELETE": "on"})

    row = Override.objects.get()
    assert row.start < row.end <= timezone.now()


def test_o49_an_override_that_contradicts_another_is_refused_in_words(administrator):
    ada, ben, cy = (UserFactory(name=name) for name in ("Ada", "Ben", "Cy"))
    schedule = ScheduleFactory(people=[ada])
    override(administrator, schedule, kind="replace", person=ben.pk, replaces=ada.pk)

    answer = override(administrator, schedule, kind="replace", person=cy.pk, replaces=ada.pk)

    assert errors_of(answer)[0].startswith("Ada is replaced by Ben")
    assert Override.objects.count() == 1


def test_an_override_that_lies_ahead_is_removed(administrator):
    schedule = ScheduleFactory()
    tomorrow = f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"
    override(
        administrator,
        schedule,
        kind="add",
        person=UserFactory().pk,
        start_0=tomorrow,
        end_1="23:59:59",
        start_1="00:00",
    )
    assert Override.objects.exists()

    send(administrator, url(Schedule, "change", schedule.pk), **{"overrides-0-DELETE": "on"})

    assert not Override.objects.exists()


def span(start, end, prefix=""):
    moments = {"start": start, "end": end}
    return {
        f"{prefix}{name}_{part}": f"{moment:{form}}"
        for name, moment in moments.items()
        for part, form in enumerate(("%Y-%m-%d", "%H:%M:%S"))
    }


def test_a_temporary_schedule_is_made_changed_and_ended_through_the_deeds(administrator):
    ada, ben = UserFactory(name="Ada"), UserFactory(name="Ben")
    schedule, now = ScheduleFactory(people=[ada]), timezone.now()
    times = span(now - timedelta(hours=1), now + timedelta(days=1))
    data = filled(administrator, url(TemporarySchedule, "add")) | {"schedule": schedule.pk} | times

    refused = administrator.post(url(TemporarySchedule, "add"), data)
    data |= {"shifts-0-person": ben.pk} | {f"shifts-0-{name}": value for name, value in times.items()}
    administrator.post(url(TemporarySchedule, "add"), data)

    assert errors_of(refused) == ["Write down at least one shift."]
    assert on_call(schedule) == ["Ben"]
    row = TemporarySchedule.objects.get()
    send(administrator, url(TemporarySchedule, "change", row.pk), **{"shifts-0-person": ada.pk})
    assert on_call(schedule) == ["Ada"]
    running = TemporarySchedule.objects.latest("pk")
    administrator.post(
        url(TemporarySchedule, "changelist"),
        {"action": "end_now", "_selected_action": [running.pk], "confirmed": "yes"},
    )
    running.refresh_from_db()
    assert running.end <= timezone.now()
    assert administrator.post(url(TemporarySchedule, "change", running.pk), {}).status_code == 403


def test_leave_is_told_and_ended_through_the_deeds(administrator):
    ada, now = UserFactory(name="Ada"), timezone.now()
    data = filled(administrator, url(Leave, "add")) | {"person": ada.pk}
    times = span(now - timedelta(hours=1), now + timedelta(days=1))

    administrator.post(url(Leave, "add"), data | times)
    again = administrator.post(url(Leave, "add"), data | times)
    over = administrator.post(
        url(Leave, "add"), data | span(now + timedelta(days=3), now + timedelta(days=900)), follow=True
    )

    leave = Leave.objects.get()
    assert "This person is on leave in a part of this time already." in errors_of(again)
    assert said_on(over) == ["Choose an end within 366 days of the start."]
    administrator.post(
        url(Leave, "changelist"), {"action": "end_now", "_selected_action": [leave.pk], "confirmed": "yes"}
    )
    leave.refresh_from_db()
    assert leave.end <= timezone.now()


def test_calendars_are_revoked_read_and_ended_through_the_deeds(administrator):
    schedule, root, now = ScheduleFactory(), AdministratorFactory(), timezone.now()
    feed, secret = feeds.make(root, at=now, schedule=schedule)
    calendar = foreign.attach(schedule, name="HR", priority=1, url="https://example.com/s3cret.ics", by=root, at=now)

    def do(model, row, action):
        data = {"action": action, "_selected_action": [row.pk]}
        return said_on(administrator.post(url(model, "changelist"), data, follow=True))

    page = administrator.get(url(ForeignCalendar, "change", calendar.pk)).content.decode()
    ForeignCalendar.objects.update(due_at=now + timedelta(hours=1))
    assert do(CalendarFeed, feed, "revoke") == [f"feed of {schedule} is revoked."]
    assert do(ForeignCalendar, calendar, "read_now") == [f"{calendar} is read within seconds."]
    assert foreign.waiting(timezone.now()).exists()
    assert do(ForeignCalendar, calendar, "end") == [f"{calendar} is ended."]
    assert "is not read any more" in do(ForeignCalendar, calendar, "end")[0]

    assert feeds.find(secret, timezone.now()) is None
    assert "s3cret" not in page
    assert calendar.sealed not in page
