"""The list of incidents: what is found, what is kept under a name, what is acknowledged at once, what it costs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import lifecycle, timeline
from incidents.models import Access, Incident, SavedFilter, Severity
from tests.factories import MembershipFactory, ServiceFactory, TeamFactory, UserFactory
from tests.incidents.test_pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada", access=Access.RESPONDER)
    client.force_login(ada)
    return ada


def declare(level=2, *, at=None, **said):
    at = at or timezone.now()
    said = {"title": "Payments fail", "severity": Severity.objects.get(level=level)} | said
    said.setdefault("service", ServiceFactory())
    return lifecycle.declare(lifecycle.Declaration(**said), by=said.pop("by", None), at=at)


def titles(client, **query):
    answer = client.get("/incidents/", query)
    assert answer.status_code == 200
    return [incident.title for incident, _ in answer.context["rows"]]


def test_a_search_looks_through_titles_texts_and_timelines_and_shows_the_line_that_holds_the_words(client, ada):
    told = declare(title="Checkout is slow")
    timeline.add(told, kind="note", text="The replica was lagging: lag > 40 s & rising", by=ada, at=timezone.now())
    fixed = declare(title="Orders are lost")
    lifecycle.mitigate(fixed, what="failed over to the second replica", by=ada, at=timezone.now())
    declare(title="Something else")

    assert set(titles(client, q="replicas lag")) == {"Checkout is slow"}
    assert set(titles(client, q="replica")) == {"Checkout is slow", "Orders are lost"}
    assert titles(client, q="heckou") == ["Checkout is slow"]
    assert titles(client, q='"second replica"') == ["Orders are lost"]
    assert titles(client, q="replica -lagging") == ["Orders are lost"]
    page = client.get("/incidents/", {"q": "replica"}).content.decode()
    assert "The <mark>replica</mark> was lagging: lag &gt; 40 s &amp; rising" in page


def test_what_a_page_or_a_delivery_says_is_no_find(client, ada):
    incident = declare(title="Checkout is slow")
    timeline.write([timeline.Line(incident, "delivery", "Zanzibar got a message")], at=timezone.now())
    incident.save()

    assert titles(client, q="Zanzibar") == []


def test_a_private_incident_is_found_by_nobody_else(client, ada):
    hidden = declare(title="Salaries leaked", private=True)
    timeline.add(hidden, kind="note", text="the spreadsheet was public", by=UserFactory(), at=timezone.now())

    assert titles(client, q="salaries") == []
    assert titles(client, q="spreadsheet") == []
    client.force_login(UserFactory(access=Access.ADMINISTRATOR))
    assert titles(client, q="spreadsheet") == ["Salaries leaked"]


def test_every_choice_narrows_and_stands_in_the_address(client, ada):
    now = timezone.now()
    mine = TeamFactory(slug="mine")
    MembershipFactory(team=mine, user=ada)
    declare(0, title="old", at=now - timedelta(days=40))
    declare(1, title="ours", service=ServiceFactory(team=mine, slug="shop"))
    declare(3, title="drill", kind="drill")
    joined = declare(4, title="joined")
    lifecycle.join(joined, by=ada, at=now)

    assert titles(client, severity=["0", "1"]) == ["ours", "old"]
    assert titles(client, team="mine") == titles(client, who="teams") == titles(client, service="shop") == ["ours"]
    assert titles(client, who="me") == ["joined"]
    assert titles(client, days="30") == ["joined", "drill", "ours"]
    assert titles(client, kind="drill") == ["drill"]
    assert titles(client, order="urgent")[0] == "old"


def test_a_choice_is_kept_under_a_name_found_again_and_forgotten(client, ada):
    declare(0, title="worst")
    said = {"name": "The worst", "choice": "severity=0&severity=1&page=3&evil=1"}

    answer = client.post("/incidents/filters/", said)

    assert answer.url == "/incidents/?severity=0&severity=1"
    kept = SavedFilter.objects.get()
    assert (kept.person, kept.query) == (ada, "severity=0&severity=1")
    assert '<a href="/incidents/?severity=0&amp;severity=1" aria-current="true">The worst</a>' in (
        client.get(answer.url).content.decode()
    )
    client.post("/incidents/filters/", said | {"choice": "severity=0"})
    assert SavedFilter.objects.get().query == "severity=0"
    client.force_login(UserFactory())
    client.post(f"/incidents/filters/{kept.pk}/forget/")
    assert SavedFilter.objects.exists()
    client.force_login(ada)
    client.post(f"/incidents/filters/{kept.pk}/forget/")
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    ("said", "words_of_refusal"),
    [
        ({"name": "All", "choice": ""}, "Choose something first"),
        ({"name": "All", "choice": "page=2"}, "Choose something first"),
        ({"name": "  ", "choice": "severity=0"}, "This field is required."),
        ({"name": "x" * 41, "choice": "severity=0"}, "at most 40 characters"),
    ],
)
def test_a_choice_that_cannot_be_kept_says_why_and_stays_chosen(client, ada, said, words_of_refusal):
    answer = client.post("/incidents/filters/", said)

    assert answer.status_code == 422
    assert words_of_refusal in words(answer)
    assert not SavedFilter.objects.exists()


def test_no_more_than_twenty_are_kept(client, ada):
    for number in range(20):
        client.post("/incidents/filters/", {"name": f"n{number}", "choice": "severity=0"})

    assert "Forget one first" in words(client.post("/incidents/filters/", {"name": "n20", "choice": "severity=0"}))
    assert client.post("/incidents/filters/", {"name": "n3", "choice": "severity=1"}).status_code == 302
    assert SavedFilter.objects.count() == 20


def test_several_are_acknowledged_at_once_and_one_refusal_stops_no_other(client, ada):
    first, second, third = declare(1, title="a"), declare(2, title="b"), declare(3, title="c")
    lifecycle.acknowledge(second, by=UserFactory(name="Lea"), at=timezone.now())
    hidden = declare(private=True)
    ticked = [first.number, second.number, third.number, hidden.number, "zebra", 999999999]

    answer = client.post("/incidents/acknowledge/", {"number": ticked, "choice": "order=urgent"}, follow=True)

    assert answer.redirect_chain == [("/incidents/?order=urgent", 302)]
    assert f"You have {first.ref}, {third.ref}. Lea has acknowledged {second.ref} already." in words(answer)
    assert set(Incident.objects.filter(held_by=ada)) == {first, third}


def test_nothing_ticked_is_said_and_a_viewer_may_not(client, ada):
    incident = declare()
    assert "Tick the incidents" in words(client.post("/incidents/acknowledge/", {"number": "zebra"}, follow=True))

    client.force_login(UserFactory(access=Access.VIEWER))
    assert 'name="number"' not in client.get("/incidents/").content.decode()
    assert client.post("/incidents/acknowledge/", {"number": [incident.number]}).status_code == 403
    incident.refresh_from_db()
    assert incident.held_by is None


def test_the_list_costs_the_same_for_two_and_for_fifty(client, ada, django_assert_num_queries):
    def cost(query):
        with django_assert_num_queries(9) if query else django_assert_num_queries(8):
            client.get("/incidents/", query)

    for number in range(2):
        declare(title=f"Replica {number}")
    cost({})
    cost({"q": "replica"})
    for number in range(48):
        declare(title=f"Replica more {number}")
    cost({})
    cost({"q": "replica"})


def test_an_empty_house_says_so(client, ada):
    assert "There has been no incident yet" in words(client.get("/incidents/"))
