"""Signing in and looking after one's account, in our look and our words."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.urls import reverse

from tests.factories import PASSWORD, AdministratorFactory, UserFactory

pytestmark = pytest.mark.django_db
BARE = ("<strong>Menu:", "<strong>Messages:", 'http-equiv="X-UA-Compatible"')  # marks of the library's own look


@pytest.fixture(autouse=True)
def nobody_was_refused_before():
    """Attempts are counted in the cache, which outlives a test."""
    cache.clear()


@pytest.fixture
def lee():
    return UserFactory(name="Lee Park", email="lee@example.com", password=PASSWORD)


def sign_in(client, password=PASSWORD, **more):
    return client.post(reverse("account_login"), {"login": "lee@example.com", "password": password, **more})


def confirm(client):
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def code_for(secret):
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def body(response):
    return response.content.decode()


def test_signing_in_leads_to_the_board_or_where_one_wanted_to_go(client, lee):
    assert sign_in(client).url == reverse("incidents:board")

    client.logout()
    assert sign_in(client, next="/incidents/142/").url == "/incidents/142/"


def test_the_letter_case_of_the_address_does_not_matter(client, lee):
    answer = client.post(reverse("account_login"), {"login": "Lee@Example.com", "password": PASSWORD})

    assert answer.status_code == 302


@pytest.mark.parametrize("address", ["lee@example.com", "stranger@example.com"])
def test_a_wrong_pair_is_told_without_saying_which_half_and_the_address_stays(client, lee, address):
    page = body(client.post(reverse("account_login"), {"login": address, "password": "not-this-one"}))

    assert "This pair of e-mail and password is not known." in page
    assert f'value="{address}"' in page
    assert 'aria-invalid="true" aria-describedby="login_error"' in page
    assert "not-this-one" not in page


def test_an_inactive_person_is_told_so_and_stays_outside(client, lee):
    type(lee).objects.filter(pk=lee.pk).update(is_active=False)

    page = client.post(reverse("account_login"), {"login": lee.email, "password": PASSWORD}, follow=True)

    assert "This account is not active" in body(page)
    assert not page.wsgi_request.user.is_authenticated


def test_nobody_signs_up(client):
    assert "Accounts are made by administrators" in body(client.get(reverse("account_signup")))


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(client, lee, mailoutbox):
    client.post(reverse("account_reset_password"), {"email": "lee@example.com"})
    (mail,) = mailoutbox
    link = re.search(r"http://\S+", mail.body).group()
    form = client.get(link, follow=True)

    done = client.post(form.request["PATH_INFO"], {"password1": "copper-window-77", "password2": "copper-window-77"})

    assert mail.subject == "Set a new password for Tocsin"
    assert "Choose a new password" in body(form)
    assert "Your password is changed" in body(client.get(done.url))
    assert sign_in(client, "copper-window-77").status_code == 302
    client.logout()
    assert "This link no longer works" in body(client.get(link, follow=True))


def test_a_stranger_gets_no_mail_and_the_same_answer(client, lee, mailoutbox):
    answers = [
        client.post(reverse("account_reset_password"), {"email": address}, follow=True)
        for address in ("lee@example.com", "stranger@example.com")
    ]

    assert [answer.request["PATH_INFO"] for answer in answers] == [reverse("account_reset_password_done")] * 2
    assert [mail.to for mail in mailoutbox] == [["lee@example.com"]]


def test_a_weak_new_password_is_refused_in_the_form(client, lee):
    client.force_login(lee)

    page = body(
        client.post(
            reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": "short", "password2": "short"}
        )
    )

    assert "at least 10 characters" in page
    assert 'aria-invalid="true"' in page


def test_a_second_proof_is_set_up_asked_for_and_taken_back(client, lee):
    sign_in(client)
    confirm(client)
    client.get(reverse("account_email"))  # here the library notes the address, as one that nobody has verified
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    assert secret in body(page)
    assert "data:image/svg+xml" in body(page)

    client.post(reverse("mfa_activate_totp"), {"code": code_for(secret)})
    codes = re.findall(r"<li><code>(\w+)</code>", body(client.get(reverse("mfa_view_recovery_codes"))))
    assert len(codes) == 10
    assert "Signing in asks for a code" in body(client.get(reverse("mfa_index")))

    client.logout()
    assert sign_in(client).url == reverse("mfa_authenticate")
    assert "Enter your code" in body(client.get(reverse("mfa_authenticate")))
    refused = body(client.post(reverse("mfa_authenticate"), {"code": "000000"}))
    assert "This code is not right, or it was used already." in refused
    assert client.post(reverse("mfa_authenticate"), {"code": codes[0]}).url == reverse("incidents:board")

    confirm(client)
    assert "Your password alone then signs you in" in body(client.get(reverse("mfa_deactivate_totp")))
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(type=Authenticator.Type.TOTP).exists()


def test_what_changes_the_sign_in_asks_who_it_is_first(client, lee):
    client.force_login(lee)

    asked = client.get(reverse("mfa_activate_totp"), follow=True)

    assert asked.request["PATH_INFO"] == reverse("account_reauthenticate")
    assert "Confirm it is you" in body(asked)
    wrong = client.post(reverse("account_reauthenticate"), {"password": "not-this-one"})
    assert "This is not your password." in body(wrong)


OUTSIDE = ["account_login", "account_signup", "account_reset_password", "account_reset_password_done",
           "account_reset_password_from_key_done", "account_inactive"]  # fmt: skip
INSIDE = ["account_logout", "account_change_password", "account_email", "account_reauthenticate", "mfa_index",
          "mfa_generate_recovery_codes", "mfa_activate_totp", "mfa_reauthenticate"]  # fmt: skip


@pytest.mark.parametrize("name", [*OUTSIDE, *INSIDE])
def test_every_page_of_the_account_is_in_our_look(client, lee, name):
    if name in INSIDE:
        sign_in(client)
        confirm(client)

    page = body(client.get(reverse(name), follow=True))

    assert "css/tokens.css" in page
    assert [mark for mark in BARE if mark in page] == []


def test_a_person_without_a_password_may_set_one(client):
    ines = UserFactory(email="ines@example.com")
    client.force_login(ines)

    assert "Set a password" in body(client.get(reverse("account_set_password")))


def test_nobody_gives_themselves_a_second_address(client, lee):
    sign_in(client)
    confirm(client)
    client.post(reverse("account_email"), {"action_add": "", "email": "other@example.com"})

    assert list(EmailAddress.objects.values_list("email", flat=True)) == ["lee@example.com"]


def test_the_theme_of_a_person_is_said_on_every_page(client):
    dark = AdministratorFactory(theme="dark")
    client.force_login(dark)

    assert '<html lang="en" data-now="' in body(client.get(reverse("mfa_index")))
    assert 'data-theme="dark"' in body(client.get(reverse("mfa_index")))


def test_the_admin_site_is_entered_through_the_same_door_and_leads_back(client):
    assert client.get(reverse("admin:index")).status_code == 302

    client.force_login(AdministratorFactory())
    page = body(client.get(reverse("admin:index")))

    assert "css/admin.css" in page
    assert f'href="{reverse("incidents:board")}"' in page
