"""The one-tap link: a look never acts, a tap acts as the person, late and forged answers say so."""

from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from incidents import lifecycle
from oncall import messages
from oncall.models import Page
from tests.oncall.conftest import paged
from tests.oncall.views.conftest import settle, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(chain, now):
    """A P2 for which Ada has just been paged."""
    incident = chain.declare(2, at=now)
    settle(now)
    return incident


def link(incident, person):
    page = Page.objects.get(incident=incident, person=person, act="page")
    return reverse("oncall:answer", args=[messages.token_of(page)])


def test_o32_looking_at_the_link_shows_the_incident_and_changes_nothing(client, chain, incident):
    answer = client.get(link(incident, chain.ada))

    text = words(answer)
    incident.refresh_from_db()
    assert answer.status_code == 200
    assert [
        part
        for part in ("P2 Major", "Payments fail", "Checkout", "Nobody yet", "Take it", "I cannot")
        if part not in text
    ] == []
    assert incident.acknowledged_at is None


def test_a_tap_takes_it_as_that_person_without_signing_in(client, chain, incident):
    answer = client.post(link(incident, chain.ada), {"action": "take"})

    incident.refresh_from_db()
    assert f"You have {incident.ref}. Nobody else is called for it now." in words(answer)
    assert incident.acknowledged_by == chain.ada
    assert incident.get_absolute_url() in answer.content.decode()
    assert incident.timeline.get(kind="acknowledged").text == "Acknowledged by link."


def test_the_tap_needs_no_cookie(chain, incident):
    strict = Client(enforce_csrf_checks=True)

    assert strict.post(link(incident, chain.ada), {"action": "take"}).status_code == 200


def test_who_cannot_passes_it_on(client, chain, incident, now):
    answer = client.post(link(incident, chain.ada), {"action": "pass"})
    settle(now + timedelta(minutes=1))

    assert f"Noted. The next level of {incident.ref} is paged now." in words(answer)
    assert paged(incident) == ["Ada", "Lea"]


def test_a_second_answer_says_what_has_become_of_it(client, chain, incident):
    address = link(incident, chain.ada)
    client.post(address, {"action": "take"})

    look, again = client.get(address), client.post(address, {"action": "take"})

    assert "You answered at" in words(look)
    assert "Take it" not in words(look)
    assert f"You have {incident.ref} already." in words(again)


def test_after_somebody_else_has_it_one_may_join(client, chain, incident, now):
    lifecycle.acknowledge(incident, by=chain.lea, at=now)
    address = link(incident, chain.ada)

    look, tap = client.get(address), client.post(address, {"action": "take"})

    assert "Lea , since" in words(look)
    assert "Join them" in words(look)
    assert "I cannot" not in words(look)
    assert f"Lea has {incident.ref}; you have joined." in words(tap)


def test_who_is_asked_beside_somebody_may_join_and_has_nothing_to_pass_on(client, chain, now):
    incident = chain.declare(0, at=now)
    settle(now)
    lifecycle.acknowledge(incident, by=chain.ada, at=now)
    settle(now + timedelta(minutes=5))  # a P0 is all hands: the leads are paged all the same

    look = words(client.get(link(incident, chain.lea)))

    assert "Join them" in look
    assert "I cannot" not in look


def test_a_late_answer_says_that_it_is_over(client, chain, incident, now):
    lifecycle.resolve(incident, by=chain.lea, at=now)
    address = link(incident, chain.ada)

    look, tap = client.get(address), client.post(address, {"action": "take"})

    assert "It is resolved" in words(look)
    assert "Your answer is not needed any more." in words(look)
    assert "<button" not in look.content.decode()
    assert f"{incident.ref} is resolved already. Nothing was changed." in words(tap)


def test_a_link_that_was_not_made_here_is_not_found_in_words(client, chain, incident):
    page = Page.objects.get(incident=incident, person=chain.ada)
    forged = [
        "nonsense",
        link(incident, chain.ada).split("/")[2][:-1] + "_",
        signing.dumps([page.pk, chain.ada.pk], salt="another"),
        messages.token_of(Page(pk=page.pk, person_id=chain.lea.pk)),
        messages.token_of(Page(pk=page.pk + 1000, person_id=chain.ada.pk)),
        signing.dumps("not a page", salt=messages.SALT),
        signing.dumps([page.pk], salt=messages.SALT),
    ]

    answers = [client.post(reverse("oncall:answer", args=[token]), {"action": "take"}) for token in forged]

    incident.refresh_from_db()
    assert {answer.status_code for answer in answers} == {404}
    assert "This link answers no page" in words(answers[0])
    assert incident.acknowledged_at is None


@pytest.mark.parametrize("body", [{}, {"action": "resolve"}, {"action": ""}])
def test_a_tap_on_nothing_that_exists_does_nothing(client, chain, incident, body):
    answer = client.post(link(incident, chain.ada), body)

    incident.refresh_from_db()
    assert answer.status_code == 400
    assert "Take it" in words(answer)
    assert incident.acknowledged_at is None


def test_other_methods_are_refused(client, chain, incident):
    assert client.put(link(incident, chain.ada)).status_code == 405


def test_the_address_is_neither_kept_nor_passed_on(client, chain, incident):
    address = link(incident, chain.ada)

    for answer in (client.get(address), client.post(address, {"action": "take"}), client.get("/a/forged/")):
        assert "no-store" in answer["Cache-Control"]
        assert answer["Referrer-Policy"] == "no-referrer"


def test_a_private_incident_shows_its_reference_and_severity_alone(client, chain, now):
    incident = chain.declare(1, at=now, title="Salaries leaked", private=True)
    settle(now)
    lifecycle.acknowledge(incident, by=chain.lea, at=now)

    text = words(client.get(link(incident, chain.ada)))

    assert f"{incident.ref} · private" in text
    assert "P1 Severe" in text
    assert [word for word in ("Salaries", "Checkout", "Lea") if word in text] == []


def test_a_drill_says_so_on_both_pages(client, chain, now):
    incident = chain.declare(1, at=now, kind="drill")
    settle(now)
    address = link(incident, chain.ada)

    assert "DRILL – not real." in words(client.get(address))
    assert "DRILL – not real." in words(client.post(address, {"action": "take"}))


def test_from_the_board_the_answer_leads_to_the_incident(client, chain, incident):
    client.force_login(chain.ada)

    answer = client.post(link(incident, chain.ada), {"action": "take", "then": "incident"}, follow=True)

    assert answer.redirect_chain == [(incident.get_absolute_url(), 302)]
    assert f"You have {incident.ref}." in words(answer)
    assert incident.timeline.get(kind="acknowledged").text == "Acknowledged in Tocsin."


def test_nobody_else_is_led_there(client, chain, incident):
    client.force_login(chain.lea)

    answer = client.post(link(incident, chain.ada), {"action": "take", "then": "incident"})

    assert answer.status_code == 200


def test_htmx_gets_the_words_alone(client, chain, incident):
    answer = client.post(link(incident, chain.ada), {"action": "take"}, headers={"HX-Request": "true"})

    assert "<html" not in answer.content.decode()
    assert f"You have {incident.ref}." in words(answer)


def test_looking_costs_two_queries(client, chain, incident, django_assert_num_queries):
    address = link(incident, chain.ada)

    # the page with its incident, person and run
    with django_assert_num_queries(2):  # the page; what the same message named
        client.get(address)
