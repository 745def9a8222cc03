"""A first rotation in one form."""

import pytest
from django.urls import reverse
from django.utils import timezone

from oncall import rosters, rota
from oncall.models import Schedule
from tests.factories import MembershipFactory, ServiceFactory, TeamFactory, UserFactory
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    """Payments owns a service and has nobody on call; Lea manages it, Ada and Ben are in it."""
    team = TeamFactory(name="Payments", slug="payments", time_zone="Europe/Berlin")
    ServiceFactory(team=team)
    for name in ("Ada", "Ben"):
        MembershipFactory(team=team, user=UserFactory(name=name))
    return team


@pytest.fixture
def lea(client, team):
    lea = UserFactory(name="Lea")
    MembershipFactory(team=team, user=lea, is_manager=True)
    client.force_login(lea)
    return lea


def answers(client, **said):
    """The form as it comes filled in, with changes."""
    form = client.get("/on-call/new/payments/").context["form"]
    filled = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in (filled | {"clock": "09:00"} | said).items() if value not in {None, ""}}


def test_from_the_page_with_the_hole_to_somebody_on_call_in_one_form(client, team, lea):
    page = client.get("/on-call/")
    assert "Nobody is on call for Payments" in words(page)
    assert 'href="/on-call/new/payments/"' in page.content.decode()

    made = client.post("/on-call/new/payments/", answers(client), follow=True)

    schedule = Schedule.objects.get()
    assert "Payments on call is in force: it answers for Payments from now on." in words(made)
    assert (schedule.team, schedule.time_zone, schedule.answers_for_team) == (team, "Europe/Berlin", True)
    [first] = rota.on_call(rosters.load([schedule.pk])[schedule.pk], timezone.now())
    assert first.layer_name == "Weekly"
    assert "Every team has somebody on call" in words(client.get("/on-call/"))


def test_the_first_weeks_are_shown_with_and_without_a_script_and_nothing_is_saved(client, team, lea):
    said = answers(client)

    plain = client.post("/on-call/new/payments/", said | {"foresee": "1"})
    scripted = client.post("/on-call/new/payments/foresee/", said)
    broken = client.post("/on-call/new/payments/foresee/", said | {"time_zone": "Mars/Base"})

    for answer in (plain, scripted):
        assert words(answer).count(" to ") >= 4
        assert "Ada has no verified way to be reached" in words(answer)
    assert "“Mars/Base” is not a time zone." in words(broken)
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"time_zone": "Mars/Base"}, "“Mars/Base” is not a time zone."),
        ({"name": ""}, "Give it a name."),
        ({"clock": "25:00"}, "Enter a valid time."),
        ({"place_1": "", "place_2": "", "place_3": ""}, "Choose at least one person."),
        ({"place_1": "999999"}, "Select a valid choice."),
    ],
)
def test_wrong_answers_are_refused_on_their_field_and_the_rest_stays(client, team, lea, change, complaint):
    answer = client.post("/on-call/new/payments/", answers(client) | change)

    assert answer.status_code == 422
    assert complaint in words(answer)
    assert not Schedule.objects.exists()


def test_somebody_twice_is_refused_by_name(client, team, lea):
    said = answers(client)

    answer = client.post("/on-call/new/payments/", said | {"place_2": said["place_1"]})

    assert "Ada is in the order already." in words(answer)


def test_only_who_looks_after_the_team_may(client, team):
    client.force_login(team.memberships.get(user__name="Ada").user)

    assert client.get("/on-call/new/payments/").status_code == 403
    assert client.post("/on-call/new/payments/foresee/", {}).status_code == 403
    assert "There is no team that you look after" in words(client.get("/on-call/new/"))
    assert "/on-call/new/" not in client.get("/on-call/").content.decode()


def test_the_choice_names_teams_without_anybody_first(client, team, lea):
    answer = client.get("/on-call/new/")

    assert "Payments nobody is on call New rotation" in words(answer)


def test_the_administration_of_a_team_leads_there(client, team, administrator):
    page = client.get(reverse("admin:incidents_team_change", args=[team.pk])).content.decode()

    assert 'href="/on-call/new/payments/"' in page


def test_a_team_of_any_size_comes_into_the_rotation_and_places_are_added_without_a_script(client, team, lea):
    for number in range(9):
        MembershipFactory(team=team, user=UserFactory(name=f"Member {number}"))
    said = answers(client)
    assert sum(name.startswith("place_") for name in said) == 12

    page = client.post("/on-call/new/payments/", said | {"name": "Mine", "more": "1", "places": "13"})
    more = page.context["form"]
    client.post("/on-call/new/payments/", said)

    assert (page.status_code, more.errors, more["name"].value(), more["place_12"].value()) == (
        200,
        {},
        "Mine",
        str(said["place_12"]),
    )
    assert (len(more.places), Schedule.objects.count()) == (17, 1)
    assert len(rosters.load([Schedule.objects.get().pk])[Schedule.objects.get().pk].layers[0].slots) == 12


def test_the_number_of_places_has_an_end(client, team, lea):
    said = answers(client) | {"more": "1"}

    for places in ("39", "99", "1000000", "-4", "x"):
        form = client.post("/on-call/new/payments/", said | {"places": places}).context["form"]
        assert len(form.places) <= form.MOST
