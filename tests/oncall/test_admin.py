"""The admin site of the pager, through its pages."""

import pytest
from django.urls import reverse

from incidents.admin.severity import CHANNEL_WORDS
from incidents.models import User
from oncall.models import (
    Channel,
    ContactMethod,
    EscalationLevel,
    EscalationPolicy,
    Layer,
    Page,
    Schedule,
)
from tests.admin_site import (
    World,
    add_row,
    check_cost,
    check_every_page,
    check_no_inline_style_or_script,
    errors_of,
    filled,
    models_of,
    send,
    sign_in,
    url,
)
from tests.factories import (
    ContactMethodFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

CONFIGURED = {"ContactMethod", "EscalationLevel", "EscalationPolicy", "Leave", "Schedule", "TemporarySchedule"}


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize("model", models_of("oncall"), ids=lambda model: model.__name__)
def test_every_page_of_the_pager_answers(administrator, world, model):
    check_every_page(administrator, model)


@pytest.mark.parametrize("model", models_of("oncall"), ids=lambda model: model.__name__)
def test_a_list_costs_the_same_however_long_it_is(administrator, world, model):
    check_cost(administrator, world, model)


@pytest.mark.parametrize("model", [model for model in models_of("oncall") if model.__name__ not in CONFIGURED])
def test_what_deeds_write_is_only_read(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "add"), {}).status_code == 403
    assert administrator.post(url(model, "change", row.pk), {}).status_code == 403
    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", [Schedule, EscalationPolicy, ContactMethod])
def test_configuration_is_not_deleted(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_responders_do_not_enter(client):
    sign_in(client, UserFactory())

    assert client.get(url(Page, "changelist"), follow=True).status_code == 403


@pytest.mark.parametrize("model", [Schedule, Layer, EscalationPolicy, EscalationLevel, Page])
def test_pages_keep_to_the_content_policy(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    for address in (url(model, "changelist"), url(model, "change", row.pk), url(model, "history", row.pk)):
        check_no_inline_style_or_script(administrator.get(address).content.decode())


@pytest.mark.parametrize(
    ("asker", "field", "wanted"),
    [
        ("override", "person", "Ada"),
        ("escalationtarget", "schedule", "Payments weekly"),
        ("escalationpolicy", "service", "Checkout"),
    ],
)
def test_what_a_row_points_to_is_found_while_one_types(administrator, world, asker, field, wanted):
    data = {"app_label": "oncall", "model_name": asker, "field_name": field, "term": wanted[:3]}

    answer = administrator.get(reverse("admin:autocomplete"), data)

    assert wanted in [row["text"] for row in answer.json()["results"]]


# People and how they are reached


def test_the_ground_floor_knows_the_channels_of_the_pager():
    assert set(CHANNEL_WORDS) == set(Channel.values) - {"canary"}  # which only proves that the way is open


def test_a_contact_method_is_added_on_the_page_of_the_person_and_verified_by_a_tick(administrator):
    person = UserFactory()
    data = filled(administrator, url(User, "change", person.pk))
    add_row(data, "contact_methods", channel="sms", address="+49 151 2345678", position="0", verified="on", in_use="on")

    administrator.post(url(User, "change", person.pk), data)

    method = person.contact_methods.get()
    assert (method.address, method.is_usable) == ("+491512345678", True)


@pytest.mark.parametrize(("channel", "address"), [("sms", "0151 2345678"), ("email", "nobody"), ("webhook", "ftp://x")])
def test_an_address_that_does_not_fit_its_channel_is_refused(administrator, channel, address):
    answer = send(administrator, url(ContactMethod, "add"), user=UserFactory().pk, channel=channel, address=address)

    assert len(errors_of(answer)) == 1
    assert not ContactMethod.objects.exists()


def test_another_address_has_to_be_verified_anew(administrator):
    method = ContactMethodFactory()

    send(administrator, url(ContactMethod, "change", method.pk), address="other@example.com")

    method.refresh_from_db()
    assert (method.address, method.verified_at) == ("other@example.com", None)


def test_a_contact_method_saved_as_it_stands_keeps_its_times(administrator):
    method = ContactMethodFactory()
    before = ContactMethod.objects.values().get()

    send(administrator, url(ContactMethod, "change", method.pk))
    unchanged = ContactMethod.objects.values().get()
    send(administrator, url(ContactMethod, "change", method.pk), in_use=None)

    assert unchanged == before
    assert not ContactMethod.objects.get().is_usable
