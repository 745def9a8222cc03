"""Layers that are read from foreign calendars: what they say, and what happens when they do not."""

import io
import logging
from datetime import timedelta

import pytest
from django.db import connection

from incidents import due
from incidents.models import Notice
from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import foreign, rosters, scheduling
from oncall.channels import answers, outward
from oncall.models import ForeignCalendar, ForeignShift, Layer
from tests.factories import MembershipFactory, UserFactory
from tests.oncall.calendar_files import calendar, event
from tests.oncall.conftest import HOUR, NOON, told
from tests.oncall.views.conftest import words
from tests.providers.server import Answer


@pytest.fixture
def open_house(settings):
    """Calendars may be read from this machine."""
    settings.PRIVATE_ADDRESSES = True


def serve(provider, *events, **answer):
    provider.answers.append(Answer(body=calendar(*events), **answer))


def at_noon(who, start=1, end=5, uid="1"):
    moments = [f"{NOON + hours * HOUR:%Y%m%dT%H%M%SZ}" for hours in (start, end)]
    return event(uid=uid, start=moments[0], end=moments[1], who=who.email.upper())


@pytest.fixture
def attached(trio, provider, open_house):
    return foreign.attach(
        trio.schedule, name="From elsewhere", priority=9, url=f"{provider.url}/secret-4711.ics", by=trio.root, at=NOON
    )


@pytest.mark.django_db
def test_a_layer_is_read_from_the_calendar_and_wins_by_its_priority(trio, provider, attached):
    serve(provider, at_noon(trio.ben))

    assert foreign.refresh(attached.pk, NOON)

    assert [trio.on_call(NOON + hours * HOUR) for hours in (0, 1, 4.9, 5)] == [["Cy"], ["Ben"], ["Ben"], ["Cy"]]
    attached.refresh_from_db()
    assert (attached.read_at, attached.last_error, attached.due_at) == (NOON, "", NOON + foreign.EVERY)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body=b"not a calendar"), "It is no iCalendar file."),
        (Answer(status=500), "the calendar said 500"),
        (Answer(status=404), "the calendar said 404"),
        (Answer(hang_up=True), "the calendar could not be reached"),
        (Answer(body=b"x" * 20_000), "the calendar sent more than 0 MB"),
        (Answer(silence=3), "the calendar did not answer within 0.3 s"),
        (Answer(status=302, headers={"Location": "file:///etc/passwd"}), "neither http nor https"),
    ],
)
def test_the_last_good_copy_stays_in_force_whatever_the_calendar_does(
    trio, provider, attached, monkeypatch, answer, said
):
    serve(provider, at_noon(trio.ben))
    foreign.refresh(attached.pk, NOON)
    monkeypatch.setattr(foreign, "LARGEST", 10_000)
    monkeypatch.setattr(answers, "TIMEOUT", 0.3)
    provider.answers.append(answer)

    assert not foreign.refresh(attached.pk, NOON + HOUR)

    attached.refresh_from_db()
    assert said in attached.last_error
    assert (attached.read_at, attached.tried_at, attached.failures) == (NOON, NOON + HOUR, 1)
    assert attached.due_at == NOON + HOUR + timedelta(minutes=1)
    assert trio.on_call(NOON + 2 * HOUR) == ["Ben"]


@pytest.mark.django_db
def test_a_calendar_that_trickles_is_left_after_a_while(trio, provider, attached, monkeypatch):
    monkeypatch.setattr(outward.within, "__kwdefaults__", {"seconds": 0.3})
    monkeypatch.setattr(outward.get, "__kwdefaults__", {"seconds": 0.3})
    provider.answers.append(Answer(silence=2))

    assert not foreign.refresh(attached.pk, NOON)

    attached.refresh_from_db()
    assert "did not end its answer within" in attached.last_error


@pytest.mark.django_db
def test_even_an_error_that_nobody_thought_of_leaves_a_word_and_backs_off(trio, provider, attached, monkeypatch):
    def stumble(*_):
        raise RecursionError("secret-4711")

    monkeypatch.setattr(foreign.unfolding, "read", stumble)
    serve(provider, at_noon(trio.ben))

    assert not foreign.refresh(attached.pk, NOON)

    attached.refresh_from_db()
    assert attached.last_error == "Something in it cannot be understood (RecursionError)."
    assert (attached.failures, attached.due_at) == (1, NOON + timedelta(minutes=1))


@pytest.mark.django_db
def test_a_calendar_that_keeps_failing_is_told_once_until_it_is_read_again(trio, provider, attached):
    manager, subject = UserFactory(), "The calendar behind From elsewhere of Payments daily cannot be read"
    MembershipFactory(user=manager, team=trio.schedule.team, is_manager=True)

    def fail(times):
        for _ in range(times):
            provider.answers.append(Answer(status=500))
            foreign.refresh(attached.pk, NOON)

    fail(foreign.PATIENCE - 1)
    assert told(manager) == []
    fail(4)
    assert told(manager) == told(trio.root) == [subject]
    assert told(trio.ada) == []
    serve(provider, at_noon(trio.ben))
    foreign.refresh(attached.pk, NOON)
    fail(foreign.PATIENCE + 2)

    assert told(manager) == [subject, subject]
    [notice] = Notice.objects.filter(person=manager, text__contains="stays in force")
    assert notice.text == "The calendar said 500. The copy of 2026-01-07 12:00 UTC stays in force."


@pytest.mark.django_db
def test_a_redirect_is_followed_and_judged(trio, provider, attached, settings):
    provider.answers.append(Answer(status=302, headers={"Location": "/moved.ics"}))
    serve(provider, at_noon(trio.ben))
    assert foreign.refresh(attached.pk, NOON)

    settings.PRIVATE_ADDRESSES = False
    assert not foreign.refresh(attached.pk, NOON + HOUR)
    attached.refresh_from_db()
    assert "private network" in attached.last_error


@pytest.mark.django_db
def test_the_past_and_the_running_shift_stay_when_the_calendar_changes(trio, provider, attached):
    serve(provider, at_noon(trio.ben, 0, 6))
    foreign.refresh(attached.pk, NOON)
    for hours in (1, 2):
        serve(provider, at_noon(trio.ben, 0, 6))
        foreign.refresh(attached.pk, NOON + hours * HOUR)
    assert ForeignShift.objects.count() == 1

    serve(provider, at_noon(trio.ada, 0, 8))
    foreign.refresh(attached.pk, NOON + 3 * HOUR)

    assert [trio.on_call(NOON + hours * HOUR) for hours in (1, 2.9, 3, 7)] == [["Ben"], ["Ben"], ["Ada"], ["Ada"]]


@pytest.mark.django_db
def test_who_is_moved_by_a_change_of_the_calendar_hears_of_it_but_not_of_the_first_reading(trio, provider, attached):
    serve(provider, at_noon(trio.ben))
    foreign.refresh(attached.pk, NOON)
    assert told(trio.ben) == []

    serve(provider, at_noon(trio.ada))
    foreign.refresh(attached.pk, NOON)

    assert told(trio.ben) == ["You are taken off call in Payments daily"]
    assert told(trio.ada) == ["You are put on call in Payments daily"]


@pytest.mark.django_db
def test_an_edit_of_the_other_layers_leaves_the_calendar_alone(trio, provider, attached):
    serve(provider, at_noon(trio.ben))
    foreign.refresh(attached.pk, NOON)

    scheduling.edit(trio.schedule, at=NOON, layers=[])

    assert trio.on_call(NOON + 2 * HOUR) == ["Ben"]
    assert trio.on_call(NOON + 9 * HOUR) == []


@pytest.mark.django_db
def test_an_ended_calendar_is_read_no_more_and_its_address_is_forgotten(trio, provider, attached):
    serve(provider, at_noon(trio.ben))
    foreign.refresh(attached.pk, NOON)

    foreign.detach(attached, by=trio.root, at=NOON + 2 * HOUR)

    assert [trio.on_call(NOON + hours * HOUR) for hours in (1, 2)] == [["Ben"], ["Cy"]]
    assert not foreign.refresh(attached.pk, NOON + 3 * HOUR)
    assert ForeignCalendar.objects.get().sealed == ""
    with pytest.raises(Conflict):
        foreign.detach(attached, by=trio.root, at=NOON + 3 * HOUR)


@pytest.mark.django_db
def test_the_secret_of_an_address_is_neither_stored_in_the_clear_nor_logged(trio, provider, attached):
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    serve(provider, at_noon(trio.ben))
    foreign.refresh(attached.pk, NOON)
    provider.answers.append(Answer(status=500))
    foreign.refresh(attached.pk, NOON)
    logging.getLogger().removeHandler(handler)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text FROM oncall_foreigncalendar c")
        [(row,)] = cursor.fetchall()

    assert "secret-4711" not in heard.getvalue() + row


@pytest.mark.django_db
def test_the_tick_rings_for_what_is_due_and_a_second_one_does_not(trio, attached):
    done = foreign.ring_due(NOON)

    assert done.bells == {due.Bell("oncall.tasks.refresh_calendar", "bulk", (("calendar", str(attached.pk)),))}
    assert foreign.ring_due(NOON).rows == 0
    assert foreign.ring_due(NOON + foreign.LEASE).rows == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"url": "ftp://example.com/a.ics"}, "url"),
        ({"url": "webcal://example.com/a.ics"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://[::1"}, "url"),
        ({"name": "Primary"}, "name"),
        ({"name": "  "}, "name"),
    ],
)
def test_what_cannot_be_attached_is_refused(trio, said, field):
    wish = {"name": "Elsewhere", "priority": 1, "url": "https://example.com/a.ics"} | said
    with pytest.raises(Invalid) as refusal:
        foreign.attach(trio.schedule, by=trio.root, at=NOON, **wish)

    assert refusal.value.field == field
    assert Layer.objects.count() == 1


@pytest.mark.django_db
def test_only_managers_and_administrators_attach_and_end(trio, attached):
    for deed in (
        lambda: foreign.attach(trio.schedule, name="X", priority=1, url="https://x.example", by=trio.ada, at=NOON),
        lambda: foreign.detach(attached, by=trio.ada, at=NOON),
        lambda: foreign.ask_now(attached, by=trio.ada, at=NOON),
    ):
        with pytest.raises(NotAllowed):
            deed()


# The page


@pytest.mark.django_db
def test_the_page_says_since_when_the_copy_stands(client, trio, provider, attached):
    manager = UserFactory()
    MembershipFactory(user=manager, team=trio.schedule.team, is_manager=True)
    client.force_login(manager)
    path = f"/on-call/schedules/{trio.schedule.slug}/calendars/"
    assert "not read yet" in words(client.get(path))

    serve(provider, at_noon(trio.ben), at_noon(UserFactory(is_active=False, email="zoe@example.com"), uid="2"))
    foreign.refresh(attached.pk, NOON)
    page = words(client.get(path))
    assert "in force" in page
    assert "zoe@example.com" in page
    provider.answers.append(Answer(status=500))
    foreign.refresh(attached.pk, NOON + HOUR)

    page = words(client.get(path))
    assert "The calendar said 500. Tried Wed 7 Jan, 13:00 UTC" in page
    assert "The copy of Wed 7 Jan, 12:00 UTC stays in force." in page


@pytest.mark.django_db
def test_a_manager_adds_a_layer_on_the_page_and_ends_it(client, trio):
    client.force_login(trio.root)
    path = f"/on-call/schedules/{trio.schedule.slug}/calendars/"

    refused = client.post(path, {"name": "Elsewhere", "url": "ftp://x", "priority": "5"})
    assert (refused.status_code, "begins with https://" in words(refused)) == (422, True)
    added = words(
        client.post(path, {"name": "Elsewhere", "url": "https://x.example/a.ics", "priority": "5"}, follow=True)
    )
    assert "Added. It is read within seconds" in added
    assert "/a.ics" not in added

    calendar = ForeignCalendar.objects.get()
    assert "Ended." in words(client.post(f"/on-call/calendars/{calendar.pk}/end/", follow=True))


@pytest.mark.django_db
def test_others_see_the_page_without_the_form(client, trio):
    client.force_login(trio.eve)
    page = words(client.get(f"/on-call/schedules/{trio.schedule.slug}/calendars/"))

    assert "No layer of this schedule comes from another calendar." in page
    assert "Add the layer" not in page


@pytest.mark.django_db
def test_the_schedule_page_shows_the_foreign_layer(client, trio, provider, attached):
    client.force_login(trio.eve)
    serve(provider, at_noon(trio.ben))
    foreign.refresh(attached.pk, NOON)

    page = words(client.get(f"/on-call/schedules/{trio.schedule.slug}/"))

    assert "From elsewhere" in page


@pytest.mark.django_db
def test_a_schedule_without_a_foreign_calendar_costs_no_query_more(trio, django_assert_num_queries):
    with django_assert_num_queries(6):
        rosters.load([trio.schedule.pk])
