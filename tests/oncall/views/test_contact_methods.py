"""My contact methods as a page: each state, each button, without JavaScript."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents import due
from oncall import contacts, messages, probes, sending
from oncall.models import Channel, ContactMethod, Delivery, Probe
from tests.factories import ContactMethodFactory, UserFactory
from tests.providers.server import Answer
from tests.providers.twilio import NUMBER

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # apprise, as it loads its plugins
]
PAGE = reverse("oncall:contact-methods")


@pytest.fixture
def ada(client, settings):
    settings.SANDBOX = True
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


def shown(client, path=PAGE, **said):
    return client.get(path, **said).content.decode()


def act(client, method, deed):
    return client.post(reverse("oncall:contact-method-act", args=[method.pk, deed]), follow=True)


def test_without_any_the_page_warns_and_offers_to_add_one(client, ada):
    page = shown(client)

    assert "No page can reach you" in page
    assert "Nothing yet" in page
    assert "Add and send a code" in page


def test_a_number_is_added_gets_its_code_and_is_proved(client, ada):
    answer = client.post(PAGE, {"channel": "sms", "address": "+49 151 2345678"}, follow=True)

    method = ContactMethod.objects.get()
    assert "A code is on its way to +491512345678" in answer.content.decode()
    sending.send_due(Channel.SMS, at=due.database_now())
    code = messages.code_of(Probe.objects.get())

    wrong = client.post(reverse("oncall:contact-method-verify", args=[method.pk]), {"code": "x"})
    assert wrong.status_code == 422
    assert "That is not the code." in wrong.content.decode()
    right = client.post(reverse("oncall:contact-method-verify", args=[method.pk]), {"code": code}, follow=True)

    assert "is verified: pages can reach you there." in right.content.decode()
    method.refresh_from_db()
    assert method.is_usable


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"channel": "sms", "address": "0151 23"}, "Use the number with its country code"),
        ({"channel": "sms", "address": ""}, "Say where."),
        ({"channel": "email", "address": "ada"}, "Enter a valid email address"),
        ({"channel": "chat", "address": "json://localhost/"}, "This is no chat address"),
        ({"channel": "webhook", "address": "ftp://x"}, "Enter a valid URL"),
        ({"channel": "canary", "address": "x"}, "Select a valid choice"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_in_words(client, ada, said, words):
    answer = client.post(PAGE, said)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ContactMethod.objects.exists()


def test_the_same_address_twice_is_refused(client, ada):
    ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER)

    answer = client.post(PAGE, {"channel": "sms", "address": NUMBER})

    assert "This address is listed already." in answer.content.decode()


def test_the_board_is_added_without_an_address(client, ada):
    client.post(PAGE, {"channel": "in_app", "address": ""})

    assert ContactMethod.objects.get().is_usable


def test_every_deed_has_a_button_that_works(client, ada):
    first = ContactMethodFactory(user=ada, channel=Channel.EMAIL, address="a@example.com")
    second = ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER, position=1)

    assert "A test is on its way" in act(client, second, "test").content.decode()
    assert "is your first now" in act(client, second, "first").content.decode()
    assert list(ada.contact_methods.order_by("position")) == [second, first]
    assert "is off: nothing is sent there" in act(client, second, "off").content.decode()
    assert "is on again" in act(client, second, "on").content.decode()
    assert act(client, second, "nonsense").status_code == 404


def test_a_refusal_is_shown_and_not_a_fault(client, ada):
    method = ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER)

    assert "verified already" in act(client, method, "code").content.decode()


def test_removing_asks_first_and_warns_of_the_last_one(client, ada):
    method = ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER)
    path = reverse("oncall:contact-method-remove", args=[method.pk])

    assert "nobody can page you" in shown(client, path)
    assert ContactMethod.objects.exists()
    client.post(path)

    assert not ContactMethod.objects.exists()


def test_o28_somebody_elses_method_does_not_exist_here(client, ada):
    other = ContactMethodFactory(channel=Channel.SMS, address=NUMBER)

    for deed in ("test", "code", "first", "off", "on"):
        assert act(client, other, deed).status_code == 404
    for name in ("contact-method", "contact-method-remove"):
        assert client.get(reverse(f"oncall:{name}", args=[other.pk])).status_code == 404
    assert client.post(reverse("oncall:contact-method-verify", args=[other.pk]), {"code": "1"}).status_code == 404
    assert not Delivery.objects.exists()


def test_o23_a_stopped_number_is_told_of_in_red(client, ada):
    method = ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER)
    contacts.stop([method], at=timezone.now())

    page = shown(client)

    assert "stopped by text" in page
    assert "is off because the phone texted STOP" in page
    assert "Switch on" in page


def test_a_code_that_could_not_be_sent_says_why(client, ada, twilio):
    method = contacts.add(ada, channel=Channel.SMS, address=NUMBER, verified=False, at=timezone.now())
    probes.send_code(method, by=ada, at=timezone.now())
    assert 'hx-trigger="load delay:2s"' in shown(client, reverse("oncall:contact-method", args=[method.pk]))
    twilio.answers = [Answer(404, b'{"message": "no such number", "code": 21211}')]
    sending.send_due(Channel.SMS, at=due.database_now())

    row = shown(client, reverse("oncall:contact-method", args=[method.pk]))

    assert "failed, Twilio said 404" in row
    assert "hx-trigger" not in row
    assert "Send a new code" in row


def test_a_webhook_shows_its_signing_secret_to_its_owner_and_a_chat_its_mark_alone(client, ada):
    contacts.add(ada, channel=Channel.WEBHOOK, address="https://example.com/x", verified=True, at=timezone.now())
    contacts.add(ada, channel=Channel.CHAT, address=f"mmost://h.example/{'k' * 26}", verified=True, at=timezone.now())

    page = shown(client)

    assert re.search(r"whsec_\S{40}", page)
    assert "Mattermost (" in page
    assert "kkkk" not in page


def test_ways_that_nothing_carries_are_said(client, ada, settings):
    settings.EMAIL_CONFIGURED = False
    assert "the sandbox phone shows what would be sent" in shown(client)

    settings.SANDBOX = False
    assert "nothing can be sent, and no code would arrive" in shown(client)


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_and_three(client, ada, count, django_assert_num_queries):
    for number in range(count):
        ContactMethodFactory(user=ada, channel=Channel.EMAIL, address=f"{number}@example.com")

    with django_assert_num_queries(5):  # session, person, methods, their probes, the shell
        client.get(PAGE)


def test_a_stranger_is_asked_to_sign_in(client):
    assert client.get(PAGE).status_code == 302
