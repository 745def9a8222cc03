"""Contact methods: one's own, or an administrator's affair."""

import pytest

from incidents.models import Scope
from oncall import messages
from oncall.models import ContactMethod, Probe
from tests.api_caller import Caller, administrator, fields_of, responder
from tests.factories import AdministratorFactory, ContactMethodFactory, UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # apprise, as it loads its plugins
]


def path(person):
    return f"users/{person.email}/contact-methods"


def test_a_person_adds_a_number_of_their_own_which_is_not_verified():
    caller = responder()

    answer = caller.post(path(caller.person), channel="sms", address="+49 151 234-5678")

    method = ContactMethod.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": method.pk,
        "channel": "sms",
        "address": "+491512345678",
        "verified": False,
        "verified_at": None,
        "enabled": True,
        "position": 0,
    }
    assert (method.user, method.is_usable) == (caller.person, False)


def test_an_administrator_adds_a_verified_one():
    person = UserFactory()

    answer = administrator().post(path(person), channel="email", address=person.email, verified=True)

    assert answer.json()["verified"]
    assert ContactMethod.objects.get().is_usable


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (lambda person: Caller(person), 403),
        (lambda person: Caller(person, Scope.ADMIN), 403),
        (lambda person: Caller(AdministratorFactory(), Scope.WRITE), 403),
        (lambda person: Caller(AdministratorFactory(), Scope.ADMIN), 201),
    ],
)
def test_verified_is_for_administrators_with_an_admin_token(caller, status):
    person = UserFactory()

    answer = caller(person).post(path(person), channel="email", address=person.email, verified=True)

    assert answer.status_code == status
    assert ContactMethod.objects.count() == (status == 201)


def test_an_administrators_own_method_is_not_verified_by_a_write_token():
    caller = Caller(AdministratorFactory(), Scope.WRITE)

    assert caller.post(path(caller.person), channel="in_app", address="me", verified=True).status_code == 403
    assert caller.post(path(caller.person), channel="in_app", address="me").status_code == 201


@pytest.mark.parametrize(
    "caller",
    [
        lambda: responder(),
        lambda: Caller(UserFactory(), Scope.ADMIN),
        lambda: Caller(AdministratorFactory(), Scope.WRITE),
    ],
)
def test_addresses_of_others_are_for_administrators_with_an_admin_token(caller):
    method, other = ContactMethodFactory(), caller()

    answer = other.get(path(method.user))

    assert answer.status_code == 403
    assert method.address not in answer.json()["detail"]
    assert other.post(path(method.user), channel="in_app", address="me").status_code == 403


def test_methods_are_listed_in_the_order_in_which_they_are_used():
    caller = responder()
    ContactMethodFactory(user=caller.person, position=2, address="two@example.com")
    caller.post(path(caller.person), channel="in_app", address="three")
    ContactMethodFactory(user=caller.person, position=1, address="one@example.com")

    listed = caller.get(path(caller.person)).json()["items"]

    assert [method["address"] for method in listed] == ["one@example.com", "two@example.com", "three"]
    assert administrator().get(path(caller.person)).json()["items"] == listed


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"channel": "pigeon", "address": "x"}, "channel"),
        ({"channel": "sms", "address": "0151 2345678"}, "address"),
        ({"channel": "voice", "address": "+49"}, "address"),
        ({"channel": "voice", "address": "+٤٩١٥١٢٣٤٥٦٧٨"}, "address"),
        ({"channel": "email", "address": "nobody"}, "address"),
        ({"channel": "webhook", "address": "ftp://example.com/x"}, "address"),
        ({"channel": "in_app", "address": " "}, "address"),
        ({"channel": "in_app", "address": "a" * 201}, "address"),
        ({"channel": "in_app"}, "address"),
        ({"channel": "email", "address": "taken@example.com"}, ""),
    ],
)
def test_an_address_that_cannot_be_is_refused(said, field):
    caller = responder()
    ContactMethodFactory(user=caller.person, address="taken@example.com")

    assert fields_of(caller.post(path(caller.person), **said)) == [field]
    assert ContactMethod.objects.count() == 1


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_numbers_and_web_addresses_that_fit_are_taken(channel):
    caller = responder()

    assert caller.post(path(caller.person), channel=channel, address="+1 (202) 555-0125").status_code == 201
    assert caller.post(path(caller.person), channel="webhook", address="https://example.com/x").status_code == 201


def test_a_person_proves_a_number_tests_it_and_removes_it():
    caller = responder()
    number = caller.post(path(caller.person), channel="sms", address="+491512345678").json()["id"]
    where = f"{path(caller.person)}/{number}"

    assert caller.post(f"{where}/test").status_code == 409  # not verified yet
    assert caller.post(f"{where}/verify", code="123456").status_code == 422  # none was sent
    assert caller.post(f"{where}/code").json()["verified"] is False
    code = messages.code_of(Probe.objects.get())
    wrong = caller.post(f"{where}/verify", code="x")
    assert (wrong.status_code, list(fields_of(wrong))) == (422, ["code"])
    assert caller.post(f"{where}/verify", code=code).json()["verified"] is True
    assert caller.post(f"{where}/test").status_code == 200
    assert caller.send("delete", where).status_code == 204
    assert not ContactMethod.objects.exists()


@pytest.mark.parametrize("deed", ["code", "test", "verify"])
def test_o28_not_even_an_administrator_sends_to_somebody_elses_method(deed):
    method = ContactMethodFactory()

    answer = administrator().post(
        f"{path(method.user)}/{method.pk}/{deed}", **({"code": "1"} if deed == "verify" else {})
    )

    assert answer.status_code == 403
    assert not Probe.objects.exists()


def test_a_chat_address_is_shown_by_its_mark_alone():
    caller = responder()

    answer = caller.post(path(caller.person), channel="chat", address=f"mmost://chat.example.com/{'k' * 26}")

    assert answer.json()["address"].startswith("Mattermost (")
    assert "kkkk" not in answer.content.decode()
