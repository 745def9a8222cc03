"""The shipped severity contract as people meet it: on the form, in the admin, and kept by the database."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from incidents import due
from incidents.models import Severity
from oncall.models import Delivery
from tests.factories import AdministratorFactory, UserFactory
from tests.oncall.conftest import make_chain

pytestmark = pytest.mark.django_db
SHIPPED = [
    ("P0 Critical", "Core business completely unavailable", "All users", "Immediate, staffed within 5 minutes"),
    ("P1 Severe", "Core functionality severely impaired", "Many users", "Within 15 minutes"),
    ("P2 Major", "Some features malfunctioning", "Some users", "Within 1 hour"),
    ("P3 Minor", "Non-core features malfunctioning", "Very few users", "Acknowledged the same day, handled this week"),
    ("P4 Low", "User experience issues", "No direct impact", "Scheduled by priority, no clock"),
]


def words(answer):
    return " ".join(answer.content.decode().split())


def test_r10_r11_r13_the_form_shows_five_levels_in_their_order_with_scope_and_time(client):
    client.force_login(UserFactory())

    form = words(client.get("/incidents/declare/"))

    places = [form.index(name) for name, *_ in SHIPPED]
    assert places == sorted(places)
    for name, scope, _, response_time in SHIPPED:
        assert name in form
        assert scope in form
        assert response_time in form


@pytest.mark.parametrize(
    ("level", "user_impact", "percent"),
    [
        (0, "All users", 100),
        (1, "Many users", 60),
        (2, "Some users", 30),
        (3, "Very few users", 5),
        (4, "No direct impact", 0),
    ],
)
def test_r11_r12_the_admin_shows_and_changes_each_cell_of_the_contract(client, level, user_impact, percent):
    client.force_login(AdministratorFactory())

    form = words(client.get(f"/admin/incidents/severity/{level}/change/"))

    assert SHIPPED[level][1] in form
    assert f'value="{user_impact}"' in form
    assert f'value="{percent}"' in form


def test_r10_there_is_no_sixth_level():
    with pytest.raises(IntegrityError), transaction.atomic():
        Severity.objects.filter(level=4).update(level=5)


def test_i07_a_p4_declared_on_the_page_pages_nobody_and_sends_the_one_on_call_one_quiet_notice(client):
    chain = make_chain()
    client.force_login(chain.lea)

    client.post("/incidents/declare/", {"title": "A typo", "service": chain.service.pk, "severity": 4})
    due.settle(timezone.now() + due.FRESH)

    told = Delivery.objects.filter(page__isnull=False).values_list("person__name", "page__act", "channel")
    assert sorted(told) == [("Ada", "inform", "email"), ("Ada", "inform", "in_app")]
