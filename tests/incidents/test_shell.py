"""What stands around every page: where one can go, what is open, whether the engine runs, what is said on failure."""

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from incidents import lifecycle
from incidents.models import Access, EngineBeat, Severity
from incidents.views import errors
from tests.factories import PASSWORD, AdministratorFactory, ServiceFactory, UserFactory

SILENT = "The paging engine has"


def shell_of(client, person, address="incidents:me"):
    client.force_login(person)
    return client.get(reverse(address)).content.decode()


def declared(level, by):
    said = lifecycle.Declaration(
        title="Card payments fail", service=ServiceFactory(), severity=Severity.objects.get(level=level)
    )
    return lifecycle.declare(said, by=by, at=timezone.now())


@pytest.mark.django_db
def test_declare_is_one_click_away_for_responders_and_hidden_from_viewers(client):
    link = f'<a class="btn declare" href="{reverse("incidents:declare")}">'

    assert link in shell_of(client, UserFactory())
    assert link not in shell_of(client, UserFactory(access=Access.VIEWER))


@pytest.mark.django_db
@pytest.mark.parametrize(("level", "css"), [(0, "count p0"), (2, "count")])
def test_the_open_count_is_red_only_while_a_p0_is_open(client, level, css):
    lee = UserFactory()
    declared(level, lee)

    assert f'<span class="{css}">1<span class="sr"> open</span></span>' in shell_of(client, lee)


@pytest.mark.django_db
def test_where_one_is_stands_out_in_the_bar_and_in_the_tabs(client):
    page = shell_of(client, UserFactory(), "oncall:now")

    assert page.count(f'href="{reverse("oncall:now")}" aria-current="page"') == 2
    assert page.count('aria-current="page"') == 2


@pytest.mark.django_db
def test_a_silent_engine_is_told_on_every_page_and_a_running_one_is_not(client):
    lee = UserFactory()
    EngineBeat.objects.all().delete()
    assert SILENT in shell_of(client, lee)

    EngineBeat.objects.create(ticked_at=timezone.now())
    assert SILENT not in shell_of(client, lee)


@pytest.mark.django_db
def test_pages_that_are_not_there_are_in_our_look_for_members_and_strangers(client):
    for person in (None, UserFactory()):
        if person:
            client.force_login(person)

        answer = client.get("/nothing/here/")

        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()
        assert "css/tokens.css" in answer.content.decode()


def test_a_failed_page_is_told_without_asking_the_database():
    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(UserFactory)  # as the middleware gives it: whoever looks needs the database

    answer = errors.server_error(request)

    assert answer.status_code == 500
    assert "Paging is not affected" in answer.content.decode()


@pytest.mark.django_db
def test_a_form_that_is_too_old_is_refused_in_words():
    UserFactory(email="lee@example.com", password=PASSWORD)

    answer = Client(enforce_csrf_checks=True).post(
        reverse("account_login"), {"login": "lee@example.com", "password": PASSWORD}
    )

    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


@pytest.mark.django_db
def test_every_page_sends_the_token_with_htmx_and_forbids_eval(client):
    page = shell_of(client, AdministratorFactory())

    assert 'hx-headers=\'{"X-CSRFToken": "' in page
    assert '"allowEval":false' in page
    assert '{"code":"422","swap":true}' in page
