"""Who is let in, and how a refusal is said."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents.models import Access, Membership, Scope
from incidents.models import Service as ServiceRow
from oncall.models import EscalationPolicy
from tests.api_caller import Caller, administrator, fields_of, responder
from tests.factories import AdministratorFactory, ServiceFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_without_a_token_nothing_is_told():
    answer = Caller().get("users")

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert set(answer.json()) == {"type", "title", "status", "detail", "errors"}
    assert (answer.json()["status"], answer.json()["title"]) == (401, "Unauthorized")


def test_a_signed_in_browser_without_a_token_is_not_let_in():
    caller = Caller()
    caller.client.force_login(AdministratorFactory(), backend="allauth.account.auth_backends.AuthenticationBackend")

    assert caller.get("users").status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "bearer\ttocsin_x"])
def test_what_is_no_token_is_refused(header):
    caller = responder()
    caller.headers = {"Authorization": header}

    assert caller.get("users").status_code == 401


def test_a_revoked_token_is_refused():
    caller = responder()
    caller.token.revoked_at = timezone.now()
    caller.token.save()

    assert caller.get("users").status_code == 401


def test_the_token_of_a_deactivated_person_is_refused():
    caller = responder()
    caller.person.is_active = False
    caller.person.save()

    assert caller.get("users").status_code == 401


def test_the_use_of_a_token_is_noted_once_a_minute():
    caller = responder()

    caller.get("users")
    caller.token.refresh_from_db()
    first = caller.token.last_used_at
    caller.get("users")
    caller.token.refresh_from_db()
    assert caller.token.last_used_at == first

    caller.token.last_used_at = first - timedelta(minutes=2)
    caller.token.save()
    caller.get("users")
    caller.token.refresh_from_db()
    assert caller.token.last_used_at >= first


def test_the_secret_of_a_token_is_not_stored():
    caller = responder()
    secret = caller.headers["Authorization"].removeprefix("Bearer ")

    assert secret not in str(vars(caller.token))


def service_of(team):
    return {"slug": "checkout", "name": "Checkout", "team": team.slug}


@pytest.mark.parametrize(
    ("access", "scope", "manages", "status"),
    [
        (Access.ADMINISTRATOR, Scope.ADMIN, False, 201),
        (Access.ADMINISTRATOR, Scope.WRITE, False, 403),
        (Access.ADMINISTRATOR, Scope.WRITE, True, 201),
        (Access.ADMINISTRATOR, Scope.READ, True, 403),
        (Access.RESPONDER, Scope.ADMIN, False, 403),
        (Access.RESPONDER, Scope.WRITE, False, 403),
        (Access.RESPONDER, Scope.WRITE, True, 201),
        (Access.RESPONDER, Scope.READ, True, 403),
        (Access.VIEWER, Scope.WRITE, False, 403),
    ],
)
@pytest.mark.parametrize("what", ["services", "integrations", "schedules", "escalation-policies"])
def test_a_teams_configuration_is_for_its_managers_and_administrators(what, access, scope, manages, status):
    team, person = TeamFactory(), UserFactory(access=access)
    Membership.objects.create(team=team, user=person, is_manager=manages)
    service = ServiceFactory(team=team)
    body = {
        "services": service_of(team),
        "integrations": {"service": service.slug, "kind": "generic", "name": "Probe"},
        "schedules": {"slug": "primary", "name": "Primary", "team": team.slug},
        "escalation-policies": {
            "slug": "ours",
            "name": "Ours",
            "service": service.slug,
            "levels": [{"targets": [{"on_call": True}]}],
        },
    }[what]

    answer = Caller(person, scope).post(what, **body)

    assert answer.status_code == status, answer.content
    if status == 403:
        assert answer.json()["detail"]


def test_a_manager_of_another_team_is_refused():
    person = UserFactory()
    Membership.objects.create(team=TeamFactory(), user=person, is_manager=True)

    assert Caller(person).post("services", **service_of(TeamFactory())).status_code == 403
    assert not ServiceRow.objects.exists()


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (lambda: administrator(), 201),
        (lambda: Caller(AdministratorFactory(), Scope.WRITE), 403),
        (lambda: Caller(UserFactory(), Scope.ADMIN), 403),
        (lambda: Caller(UserFactory(access=Access.VIEWER), Scope.ADMIN), 403),
    ],
)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("users", {"email": "amira@example.com", "name": "Amira"}),
        ("teams", {"slug": "payments", "name": "Payments"}),
        ("escalation-policies", {"slug": "all", "name": "All", "levels": [{"targets": [{"chain": True}]}]}),
    ],
)
def test_what_concerns_everybody_is_for_administrators(path, body, caller, status):
    if path == "escalation-policies":
        retire_shipped_policies()

    assert caller().post(path, **body).status_code == status


def retire_shipped_policies():
    EscalationPolicy.objects.update(is_active=False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing", 404),
        ("GET", "", 404),
        ("POST", "users/", 404),
        ("GET", "incidents/abc", 404),
        ("GET", "incidents/7/", 404),
        ("GET", "incidents/99999999999999999999999", 404),
        ("GET", f"incidents/{'9' * 5000}", 404),
        ("GET", "users/nobody@example.com", 404),
        ("GET", "services/%00", 404),
        ("GET", "schedules/none/oncall", 404),
        ("DELETE", "users", 405),
        ("PUT", "incidents", 405),
        ("POST", "incidents/7", 405),
    ],
)
def test_what_is_not_there_is_said_as_a_problem(method, path, status):
    answer = responder().send(method, path)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_wrong_method_names_the_right_ones():
    answer = responder().send("DELETE", "users")

    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


@pytest.mark.parametrize(
    "body", ["{", "[1,", "nonsense", "\xff", '{"a": NaN}', "[" * 100_000, '{"a": 1' + "0" * 5000 + "}"]
)
def test_what_is_not_json_is_refused(body):
    answer = administrator().send("POST", "users", body)

    assert answer.status_code == 400
    assert "not JSON" in answer.json()["detail"]


def test_json_is_json_whatever_it_is_called():
    caller = administrator()
    body = '{"email": "amira@example.com", "name": "Amira"}'

    answer = caller.client.post(
        "/api/v1/users", body, "application/x-www-form-urlencoded", headers=caller.headers
    )  # as curl sends it

    assert answer.status_code == 201


def test_a_body_that_is_too_large_is_refused(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = administrator().post("users", email="amira@example.com", name="a" * 2000)
    keyed = administrator().post("users", {"Idempotency-Key": "k"}, email="amira@example.com", name="a" * 2000)

    assert (answer.status_code, keyed.status_code) == (413, 413)
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("", ["", ""]),
        ("[]", [""]),
        ("null", [""]),
        ('"text"', [""]),
        ("{}", ["email", "name"]),
        ('{"email": "a@example.com", "name": "A", "nick": "a"}', ["nick"]),
        ('{"email": 5, "name": "A"}', ["email"]),
        ('{"email": "a@example.com", "name": "A", "is_admin": "yes"}', ["is_admin"]),
        ('{"email": "a@example.com", "name": null}', ["name"]),
        ('{"email": "a@example.com", "name": "A\\u0000"}', ["name"]),
        ('{"email": "a@example.com", "name": "\\ud800"}', ["name"]),
        ('{"email": "a@example.com", "name": "two\\nlines"}', ["name"]),
        ('{"email": "a@example.com", "name": "  "}', ["name"]),
        ('{"email": "a@example.com", "name": "' + "a" * 121 + '"}', ["name"]),
        ('{"email": "not an address", "name": "A"}', ["email"]),
        ('{"email": "a@example.com", "name": "A", "time_zone": "Mars/Olympus"}', ["time_zone"]),
        ('{"email": "a@example.com", "name": "A", "password": "12345678"}', ["password"]),
        ('{"email": "a@example.com", "name": "A", "access": "owner"}', ["access"]),
        ('{"email": "a@example.com", "name": "A", "is_admin": true, "access": "viewer"}', ["access"]),
        ('{"email": "a@example.com", "name": "A", "x\\u0000": 1}', [""]),
    ],
)
def test_bad_input_names_the_field(body, fields):
    answer = administrator().send("POST", "users", body)

    assert fields_of(answer) == fields or (body == "" and fields_of(answer) == [""])
    assert all(error["message"] for error in answer.json()["errors"])


def test_a_password_is_never_echoed():
    answer = administrator().post("users", email="a@example.com", name="A", password="qwertyuiop", nick=1)

    assert "qwertyuiop" not in answer.content.decode()


def test_a_query_with_nul_is_refused():
    assert fields_of(responder().send("GET", "incidents?q=%00")) == ["q"]
    assert responder().send("GET", "incidents?%00=1").status_code == 422


def test_openapi_and_its_page_are_open_to_everyone():
    caller = Caller()
    schema = caller.get("openapi.json").json()

    assert schema["openapi"].startswith("3.")
    assert "/api/v1/incidents" in schema["paths"]
    assert schema["components"]["securitySchemes"]["Bearer"] == {"type": "http", "scheme": "bearer"}
    assert caller.get("docs").status_code == 200
