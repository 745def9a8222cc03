"""The admin page of a schedule: its layers with their people and windows on one page, through the deeds."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from oncall import foreign, rosters, scheduling
from oncall.models import Layer, Schedule
from tests.admin_site import check_no_inline_style_or_script, errors_of, filled, said_on, send, url
from tests.factories import (
    AdministratorFactory,
    LayerFactory,
    ScheduleFactory,
    TeamFactory,
    UserFactory,
)
from tests.oncall.conftest import names_on_call as on_call
from tests.oncall.schedule_form import address, put

pytestmark = pytest.mark.django_db


def new_layer(client, schedule, *people, **said):
    """Fill in the blank layer that the page of a schedule ends with, and save."""
    data = filled(client, address(schedule))
    place = int(data["layers-TOTAL_FORMS"]) - 1
    said = {"name": "Primary", "anchor": "2026-03-02T09:00"} | said
    data |= {f"layers-{place}-{name}": value for name, value in said.items()}
    put(data, place, "people", *({"turn": turn, "person": who.email} for turn, who in enumerate(people, start=1)))
    return client.post(address(schedule), data, follow=True)


def layer_errors(answer):
    """What the page says of its layers."""
    return list(answer.context["inline_admin_formsets"][0].formset.texts())


def test_r82_a_schedule_is_made_with_its_layers_on_one_page(administrator):
    ada, ben = UserFactory(name="Ada"), UserFactory(name="Ben")
    data = filled(administrator, url(Schedule, "add"))
    data |= {"name": "Payments", "slug": "payments", "team": TeamFactory().pk, "time_zone": "Europe/Berlin"}
    data |= {"layers-0-anchor": "2026-03-02T09:00", "layers-0-people-0-person": f"ada ({ada.email})"}
    data |= {"layers-0-people-1-person": "Ben", "layers-0-people-0-turn": "1", "layers-0-people-1-turn": "2"}

    administrator.post(url(Schedule, "add"), data)

    schedule = Schedule.objects.get(slug="payments")
    layer = schedule.layers.get()
    assert (layer.name, layer.time_zone, layer.anchor) == ("Primary", "Europe/Berlin", "2026-03-02T09:00")
    assert (layer.unit, layer.length) == ("week", 1)
    assert [row.user for row in layer.people.order_by("slot")] == [ada, ben]
    assert on_call(schedule) in (["Ada"], ["Ben"])
    assert on_call(schedule, datetime(2026, 3, 3, tzinfo=UTC)) == []  # the past stays empty


def test_a_schedule_without_a_layer_is_saved_and_told(administrator):
    said = {"name": "Payments", "slug": "payments", "team": TeamFactory().pk}

    answer = send(administrator, url(Schedule, "add"), **said)

    schedule = Schedule.objects.get(slug="payments")
    assert answer.headers["Location"] == address(schedule)
    assert "It pages nobody yet" in str(said_on(administrator.get(address(schedule))))


def test_a_schedule_shows_who_is_on_call_now_and_the_next_handoffs(administrator):
    ada, ben = UserFactory(name="Ada"), UserFactory(name="Ben")
    schedule = ScheduleFactory(people=[ada, ben], time_zone="Europe/Berlin")

    page = administrator.get(address(schedule)).content.decode()

    [now] = on_call(schedule)
    assert f"Now: {now}" in page
    assert "From (Europe/Berlin)" in page
    assert "Mon " in page
    assert "10:00</td>" in page  # the layer hands over at 09:00 UTC, in winter
    assert "Ada has no verified contact method and cannot be paged." in page
    check_no_inline_style_or_script(page)


def test_a_schedule_without_people_is_marked_in_the_list_and_on_its_page(administrator):
    schedule = ScheduleFactory(people=[])

    row = administrator.get(url(Schedule, "changelist")).content.decode()
    page = administrator.get(address(schedule)).content.decode()

    assert '<ul class="errorlist"><li>Nobody: pages nobody</li></ul>' in row
    assert "Nobody is in a rotation of this schedule: it pages nobody." in page


def test_a_schedule_is_retired_not_deleted(administrator):
    schedule = ScheduleFactory()

    send(administrator, address(schedule), is_active=None)

    assert not Schedule.objects.get().is_active
    assert "This schedule is retired and pages nobody." in administrator.get(address(schedule)).content.decode()


def test_a_bad_zone_of_a_schedule_is_refused_and_the_page_still_stands(administrator):
    answer = send(administrator, address(ScheduleFactory()), time_zone="Mars/Base")

    assert errors_of(answer) == ["“Mars/Base” is not a time zone. Use a name such as Europe/Berlin or UTC."]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"anchor": "next Monday"}, "Primary, First handoff: “next Monday” is not a wall-clock time."),
        ({"anchor": "2026-02-30T09:00"}, "Primary, First handoff: “2026-02-30T09:00” is not a wall-clock time."),
        ({"anchor": "1026-02-03T09:00"}, "Primary, First handoff: Choose a year from 2000 to 2100."),
        (
            {"anchor": "2026-03-29T02:30", "time_zone": "Europe/Berlin"},
            "Primary, First handoff: 02:30 on 2026-03-29 does not exist in Europe/Berlin",
        ),
        ({"time_zone": "Mars/Base"}, "Primary, Time zone: “Mars/Base” is not a time zone."),
        ({"length": "0"}, "Primary, Length: Ensure this value is greater than or equal to 1."),
        ({"length": "-3"}, "Primary, Length: Ensure this value is greater than or equal to 0."),
        (
            {"effective_from": "2026-05-02T00:00:00", "effective_until": "2026-05-01T00:00:00"},
            "Primary: The layer must end after it begins.",
        ),
    ],
)
def test_a_layer_that_cannot_be_right_is_refused_in_words(administrator, said, words):
    schedule = ScheduleFactory(people=[])

    answer = new_layer(administrator, schedule, UserFactory(), **said)

    [refusal] = layer_errors(answer)
    assert refusal.startswith(words)
    assert "Please correct the error" in answer.content.decode()
    assert not schedule.layers.exists()


def test_an_anchor_that_comes_twice_is_taken_and_told(administrator):
    schedule = ScheduleFactory(people=[])

    answer = new_layer(administrator, schedule, UserFactory(), anchor="2026-10-25 02:30", time_zone="Europe/Berlin")

    assert schedule.layers.get().anchor == "2026-10-25T02:30"
    assert any("comes twice in Europe/Berlin" in text for text in said_on(answer))


def test_a_layer_without_people_is_refused(administrator):
    answer = new_layer(administrator, ScheduleFactory(people=[]), priority="3", name="Nights")

    assert layer_errors(answer) == ["Nights: A layer without people pages nobody. Add at least one person."]


def test_people_are_named_by_address_or_name_and_nobody_by_accident(administrator):
    schedule = ScheduleFactory(people=[])
    UserFactory(name="Kim"), UserFactory(name="Kim")
    gone = UserFactory(name="Gone", is_active=False)

    def said(text):
        data = filled(administrator, address(schedule)) | {"layers-0-name": "Primary"}
        data |= {"layers-0-people-0-person": text}
        return layer_errors(administrator.post(address(schedule), data))[-1]

    assert said("Kim").startswith("Primary: “Kim” names nobody, or several.")
    assert said("nobody@example.com").startswith("Primary: “nobody@example.com” names nobody")
    assert said(gone.email) == "Primary: Gone is inactive and cannot be on call. Choose somebody else."


def test_one_person_stands_once_in_a_turn(administrator):
    ada = UserFactory(name="Ada")
    schedule = ScheduleFactory(people=[ada])
    data = filled(administrator, address(schedule))
    put(data, 0, "people", {"turn": "1", "person": ada.email})

    assert layer_errors(administrator.post(address(schedule), data)) == ["Primary: Ada stands twice in one turn."]


def test_two_layers_of_a_schedule_have_names_of_their_own(administrator):
    answer = new_layer(administrator, ScheduleFactory(), UserFactory())

    assert layer_errors(answer) == ["Two layers are called “Primary”. Choose another name for one of them."]


def test_r82_an_edited_layer_keeps_its_past_and_its_present_turn(administrator):
    ada, ben, cleo = (UserFactory(name=name) for name in ("Ada", "Ben", "Cleo"))
    schedule = ScheduleFactory(people=[ada, ben])
    layer = schedule.layers.get()
    past = datetime(2026, 1, 6, tzinfo=UTC)
    before = on_call(schedule), on_call(schedule, past)
    data = filled(administrator, address(schedule))
    put(data, 0, "people", {"turn": "3", "person": cleo.email})

    administrator.post(address(schedule), data)

    new = schedule.layers.exclude(pk=layer.pk).get()
    layer.refresh_from_db()
    assert layer.effective_until == new.effective_from
    assert {row.user.name for row in new.people.all()} == {"Ada", "Ben", "Cleo"}
    assert {row.user.name for row in layer.people.all()} == {"Ada", "Ben"}
    assert (on_call(schedule), on_call(schedule, past)) == before


def test_people_of_one_number_are_on_call_together_and_the_number_orders_the_turns(administrator):
    ada, ben, cleo = (UserFactory(name=name) for name in ("Ada", "Ben", "Cleo"))
    schedule = ScheduleFactory(people=[])

    data = filled(administrator, address(schedule)) | {"layers-0-name": "Primary"}
    put(data, 0, "people", {"turn": "7", "person": ada.email}, {"turn": "2", "person": ben.email})
    put(data, 0, "people", {"turn": "7", "person": cleo.email})
    administrator.post(address(schedule), data)

    [layer] = rosters.load([schedule.pk])[schedule.pk].layers
    assert layer.slots == ((ben.pk,), (ada.pk, cleo.pk))


def test_a_schedule_saved_as_it_stands_stays_one_version_of_each_layer(administrator):
    schedule = ScheduleFactory(people=[UserFactory(), UserFactory()])
    LayerFactory(schedule=schedule, name="Nights", priority=1, people=[UserFactory()])
    before = list(Layer.objects.order_by("pk").values())

    send(administrator, address(schedule))

    assert list(Layer.objects.order_by("pk").values()) == before


def test_an_edit_of_one_layer_leaves_the_others_alone(administrator):
    schedule = ScheduleFactory()
    primary = schedule.layers.get()
    LayerFactory(schedule=schedule, name="Nights", priority=1, people=[UserFactory()])
    data = filled(administrator, address(schedule)) | {"layers-0-priority": "5"}  # the most important stands first
    put(data, 0, "windows", {"weekday": "0", "start": "20:00", "end": "08:00"})

    administrator.post(address(schedule), data)

    primary.refresh_from_db()
    new = schedule.layers.filter(name="Nights", effective_until=None).get()
    assert (primary.effective_from, primary.effective_until) == (None, None)
    assert (new.priority, new.restrictions.count()) == (5, 1)


def test_of_a_layer_with_a_version_ahead_the_last_one_is_edited(administrator):
    schedule = ScheduleFactory(people=[UserFactory(), UserFactory()])
    send(administrator, address(schedule), **{"layers-0-unit": "day"})
    running, last = schedule.layers.filter(effective_from__isnull=False).order_by("effective_from")

    page = administrator.get(address(schedule)).content.decode()
    answer = send(administrator, address(schedule), **{"layers-0-priority": "2"})

    assert running.effective_until == last.effective_from > timezone.now()
    assert f"as it is meant from {last.effective_from:%Y-%m-%d %H:%M} UTC on" in page
    assert answer.status_code == 302
    assert {layer.priority for layer in scheduling.editable(schedule, timezone.now())} == {2}


def test_a_layer_is_ended_by_its_date(administrator):
    schedule = ScheduleFactory()
    soon = timezone.now() + timedelta(hours=1)

    send(administrator, address(schedule), **{"layers-0-effective_until": f"{soon:%Y-%m-%dT%H:%M:00}"})

    assert on_call(schedule) != []
    assert on_call(schedule, soon) == []


def test_a_layer_is_ended_by_a_tick_and_keeps_its_past(administrator):
    ada = UserFactory(name="Ada")
    schedule = ScheduleFactory(people=[ada])

    answer = send(administrator, address(schedule), **{"layers-0-DELETE": "on"})

    assert answer.status_code == 302
    assert on_call(schedule) == []
    assert on_call(schedule, datetime(2026, 1, 6, tzinfo=UTC)) == ["Ada"]
    page = administrator.get(address(schedule)).content.decode()
    assert "Nobody is in a rotation of this schedule: it pages nobody." in page


def test_a_person_and_a_window_are_taken_out_by_a_tick(administrator):
    ada, ben = UserFactory(name="Ada"), UserFactory(name="Ben")
    schedule = ScheduleFactory(people=[ada, ben])
    data = filled(administrator, address(schedule))
    put(data, 0, "windows", {"weekday": "0", "start": "09:00", "end": "17:00"})
    administrator.post(address(schedule), data)

    send(
        administrator,
        address(schedule),
        **{"layers-0-people-1-DELETE": "on", "layers-0-windows-0-DELETE": "on"},
    )

    layer = rosters.load([schedule.pk])[schedule.pk].layers[-1]
    assert (len(layer.slots), layer.restrictions) == (1, ())


def test_two_who_edit_one_schedule_do_not_undo_each_other(administrator):
    cleo = UserFactory(name="Cleo")
    schedule = ScheduleFactory(people=[UserFactory()])
    stale = filled(administrator, address(schedule))
    new_layer(administrator, schedule, cleo, name="Nights", priority="4")

    answer = administrator.post(address(schedule), stale | {"layers-0-priority": "3"})

    assert "Somebody else has changed the layers since this page was opened." in layer_errors(answer)[0]
    assert schedule.layers.filter(name="Nights", effective_until=None).exists()
    assert administrator.post(url(Schedule, "preview", schedule.pk), stale).status_code == 200


def test_a_layer_of_a_foreign_calendar_is_shown_and_left_alone(administrator):
    schedule = ScheduleFactory()
    root, now = AdministratorFactory(), timezone.now()
    foreign.attach(schedule, name="From HR", priority=9, url="https://example.com/a.ics", by=root, at=now)

    page = administrator.get(address(schedule)).content.decode()
    send(administrator, address(schedule), **{"layers-0-priority": "3"})
    taken = new_layer(administrator, schedule, UserFactory(), name="From HR")

    assert "From HR (priority 9)" in page
    assert schedule.layers.filter(name="From HR").get().effective_until is None
    assert said_on(taken) == ["Another layer is called “From HR” already."]


def test_history_of_a_schedule_tells_of_its_layers_and_people(administrator):
    schedule = ScheduleFactory(people=[UserFactory(name="Ada")])
    send(administrator, address(schedule), **{"layers-0-priority": "3"})

    page = administrator.get(url(Schedule, "history", schedule.pk)).content.decode()

    assert "Added: layer person" in page
    assert "User: Ada" in page
    assert "Priority: 3" in page
