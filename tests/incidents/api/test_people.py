"""Users and teams."""

from urllib.parse import parse_qs, urlsplit

import pytest

from incidents.models import Membership, Team, User
from tests.api_caller import administrator, fields_of, responder
from tests.factories import PASSWORD, MembershipFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_an_administrator_adds_a_person_who_can_sign_in():
    answer = administrator().post(
        "users", email="Amira@Example.com", name="Amira Haddad", time_zone="Europe/Berlin", password=PASSWORD
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "email": "amira@example.com",
        "name": "Amira Haddad",
        "time_zone": "Europe/Berlin",
        "access": "responder",
        "is_admin": False,
        "active": True,
    }
    assert User.objects.get(email="amira@example.com").check_password(PASSWORD)


def test_a_person_without_a_password_cannot_sign_in():
    administrator().post("users", email="amira@example.com", name="Amira")

    assert not User.objects.get(email="amira@example.com").has_usable_password()


def test_an_administrator_makes_an_administrator():
    answer = administrator().post("users", email="amira@example.com", name="Amira", is_admin=True)

    assert answer.json()["is_admin"]
    assert User.objects.get(email="amira@example.com").is_administrator


def test_an_address_is_taken_in_any_letter_case():
    UserFactory(email="amira@example.com")

    assert fields_of(administrator().post("users", email="AMIRA@example.com", name="Amira")) == ["email"]


def test_a_person_is_read_by_address():
    person = UserFactory(email="amira@example.com")

    answer = responder().get("users/Amira@example.com")

    assert answer.json()["name"] == person.name


def test_people_are_listed_in_pieces_without_gap_or_repetition():
    caller = responder()
    people = [caller.person.email, *(UserFactory().email for _ in range(4))]

    first = caller.get("users", limit=2).json()
    newcomer = UserFactory()
    second = caller.client.get(first["next"], headers=caller.headers).json()
    third = caller.client.get(second["next"], headers=caller.headers).json()

    seen = [person["email"] for piece in (first, second, third) for person in piece["items"]]
    assert seen == [*people, newcomer.email]
    assert third["next"] is None


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"limit": "many"}, {"limit": ""}, {"cursor": "made-up"}]
)
def test_a_piece_that_cannot_be_is_refused(query):
    assert fields_of(responder().get("users", **query)) == list(query)


def test_a_cursor_of_another_list_is_refused():
    caller = responder()
    UserFactory.create_batch(2)
    [cursor] = parse_qs(urlsplit(caller.get("users", limit=1).json()["next"]).query)["cursor"]

    assert caller.get("users", limit=1, cursor=cursor).status_code == 200
    assert fields_of(caller.get("teams", cursor=cursor)) == ["cursor"]


def test_a_team_is_formed_with_ranks():
    amira, lee = UserFactory(email="amira@example.com"), UserFactory(email="lee@example.com")

    answer = administrator().post(
        "teams",
        slug="payments",
        name="Payments",
        time_zone="Europe/Berlin",
        members=[{"email": amira.email, "rank": "lead", "is_manager": True}, {"email": lee.email}],
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "slug": "payments",
        "name": "Payments",
        "time_zone": "Europe/Berlin",
        "members": [
            {"email": amira.email, "name": amira.name, "rank": "lead", "is_manager": True},
            {"email": lee.email, "name": lee.name, "rank": "engineer", "is_manager": False},
        ],
    }
    assert responder().get("teams/payments").json() == answer.json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"members": [{"email": "nobody@example.com"}]}, "members.0.email"),
        ({"members": [{"email": "gone@example.com"}]}, "members.0.email"),
        ({"members": [{"email": "lee@example.com"}, {"email": "Lee@example.com"}]}, "members"),
        ({"members": [{"email": "lee@example.com", "rank": "king"}]}, "members.0.rank"),
        ({"slug": "Pay Ments"}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"slug": "a" * 51}, "slug"),
        ({"time_zone": "Nowhere"}, "time_zone"),
    ],
)
def test_a_team_that_cannot_be_is_refused_whole(change, field):
    UserFactory(email="lee@example.com")
    UserFactory(email="gone@example.com", is_active=False)
    TeamFactory(slug="taken")

    answer = administrator().post("teams", **{"slug": "payments", "name": "Payments", **change})

    assert fields_of(answer) == [field]
    assert not Team.objects.exclude(slug="taken").exists()
    assert not Membership.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_lists_of_people_and_teams_cost_the_same_for_one_and_three(count, django_assert_num_queries):
    caller = responder()
    caller.get("users")
    for _ in range(count):
        MembershipFactory.create_batch(2, team=TeamFactory())

    with django_assert_num_queries(2):  # token with person, people
        caller.get("users")
    with django_assert_num_queries(4):  # token with person, teams, memberships, people
        caller.get("teams")
