"""``manage.py token``: a way in, shown once."""

import pytest
from django.core.management import CommandError, call_command

from incidents.models import ApiToken
from tests.api_caller import Caller
from tests.factories import AdministratorFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_the_printed_token_opens_the_api(capsys):
    person = UserFactory(email="amira@example.com")

    call_command("token", "Amira@example.com", name="from a laptop")

    secret = capsys.readouterr().out.strip()
    token = ApiToken.objects.get()
    assert (token.user, token.scope, token.name) == (person, "write", "from a laptop")
    assert secret not in token.digest
    caller = Caller()
    caller.headers = {"Authorization": f"Bearer {secret}"}
    assert caller.get("users").status_code == 200


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_the_scope_is_as_asked(scope):
    AdministratorFactory(email="root@example.com")

    call_command("token", "root@example.com", scope=scope)

    assert ApiToken.objects.get().scope == scope


@pytest.mark.parametrize(
    ("person", "scope"),
    [
        (lambda: None, "write"),
        (lambda: UserFactory(email="amira@example.com", is_active=False), "write"),
        (lambda: UserFactory(email="amira@example.com"), "admin"),
    ],
)
def test_a_token_that_would_open_nothing_is_refused_in_words(person, scope):
    person()

    with pytest.raises(CommandError, match=r"\w+ .*\."):
        call_command("token", "amira@example.com", scope=scope)
    assert not ApiToken.objects.exists()
