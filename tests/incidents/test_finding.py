"""The palette and the steps from one open incident to the next."""

import pytest
from django.utils import timezone

from incidents import lifecycle
from incidents.models import Access, SavedFilter
from tests.factories import ServiceFactory, UserFactory
from tests.incidents.test_listing import declare
from tests.incidents.test_pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada", access=Access.RESPONDER)
    client.force_login(ada)
    return ada


def labels(client, q=""):
    answer = client.get("/palette/", {"q": q})
    assert answer.status_code == 200
    return [one.label for one in answer.context["found"]]


def test_without_words_the_palette_offers_the_pages_and_what_is_open(client, ada):
    one = declare(1, title="Cards fail")
    over = declare(2, title="Old thing")
    lifecycle.resolve(over, by=ada, at=timezone.now())

    found = labels(client)

    assert found[:3] == ["Declare an incident", "Now", "Incidents"]
    assert f"{one.ref} Cards fail" in found
    assert f"{over.ref} Old thing" not in found
    assert "Admin" not in found


def test_words_find_pages_kept_choices_and_incidents_that_one_may_see(client, ada):
    SavedFilter.objects.create(person=ada, name="Card trouble", query="q=card")
    SavedFilter.objects.create(person=UserFactory(), name="Card of another", query="q=card")
    mine, _ = declare(title="Cards fail"), declare(title="Cards leaked", private=True)

    assert labels(client, "card") == [f"{mine.ref} Cards fail", "Card trouble"]
    assert labels(client, mine.ref) == [f"{mine.ref} Cards fail"]
    assert labels(client, "postm") == ["Postmortems"]
    assert "Nothing fits" in words(client.get("/palette/", {"q": "zebra\0"}))


def test_a_viewer_is_not_offered_to_declare(client):
    client.force_login(UserFactory(access=Access.VIEWER))

    assert "Declare an incident" not in labels(client)


def test_the_steps_go_round_what_is_open_by_urgency(client, ada):
    low, high, hidden = declare(3), declare(1), declare(0, private=True)
    over = lifecycle.resolve(declare(2), by=ada, at=timezone.now())

    def to(incident, way):
        return client.get(f"/incidents/{incident.number}/{way}/")

    assert to(high, "next").url == low.get_absolute_url()
    assert to(low, "next").url == high.get_absolute_url()
    assert to(high, "previous").url == low.get_absolute_url()
    assert to(over, "next").url == high.get_absolute_url()
    assert to(hidden, "next").status_code == 404


def test_single_keys_can_be_switched_off(client, ada):
    assert 'data-single-keys="on"' in words(client.get("/"))

    client.post("/me/", {"name": "Ada", "time_zone": "UTC", "theme": ""})

    page = words(client.get("/"))
    assert "data-single-keys" not in page
    assert "Single keys are off." in page


def known(client, **said):
    answer = client.get("/incidents/declare/preview/", said)
    assert answer.status_code == 200
    return [incident.title for incident in answer.context["known"]]


def test_what_is_alike_is_shown_while_one_types_whatever_the_service(client, ada):
    cards = declare(1, title="Card payments fail at checkout")
    declare(3, title="Newsletter links are broken")
    declare(1, title="Card payments leaked", private=True)
    lifecycle.resolve(declare(2, title="Card payment fails"), by=ada, at=timezone.now())

    assert known(client, title="payments with card failing") == [cards.title]
    assert known(client, title="Nwsletter link") == ["Newsletter links are broken"]
    assert known(client, title="car") == []
    assert known(client, title="The moon is down") == []
    assert known(client, title="\0", service="zebra") == []


def test_the_same_service_is_shown_whatever_the_words_and_the_likeliest_first(client, ada):
    mail, shop = ServiceFactory(), ServiceFactory()
    declare(3, title="Card payments fail", service=mail)
    declare(2, title="Search is slow", service=shop)
    declare(4, title="Queue is long", service=mail, affected_services=(shop,))

    assert known(client, title="Search slow", service=shop.pk) == ["Search is slow", "Queue is long"]
