"""The card of the incident page."""

from datetime import timedelta

import pytest

from incidents import lifecycle, moves
from incidents.models import Severity
from tests.postmortems.reading import address, card_of, set_due, words

# The card of the incident page


def test_card_tells_how_far_the_draft_is(browser, story):
    set_due(story, timedelta(hours=23, minutes=30, seconds=40))  # a slow machine is no reason to fail

    card = browser.get(card_of(story))

    assert "<html" not in card.content.decode()
    assert card.content.decode().lstrip().startswith('<section class="card"')
    assert words(card) == (
        "Postmortem due in 23 h 30 min A draft, owner Amira Haddad, 3 of 6 sections have text. Read and write it"
    )
    assert f'href="{address(story)}"' in card.content.decode()


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (0, "P0 Critical: required, due 24 h after the resolution."),
        (1, "P1 Severe: required, due 48 h after the resolution."),
        (2, "P2 Major: recommended, due 48 h after the resolution."),
        (4, "P4 Low: optional, nothing is owed."),
    ],
)
def test_card_says_before_the_resolution_whether_one_is_owed(browser, begin, level, said):
    text = words(browser.get(card_of(begin(level=level))))

    assert "A draft is made at the moment when the incident is resolved" in text
    assert said in text


def test_card_follows_the_contract_as_administrators_edit_it(browser, begin):
    Severity.objects.filter(level=4).update(postmortem_rule="required", postmortem_due=timedelta(hours=36))

    assert "P4 Low: required, due 36 h after" in words(browser.get(card_of(begin(level=4))))


def test_card_of_a_false_alarm_says_that_there_is_none(browser, begin):
    story = begin()
    lifecycle.decline(story.incident, reason="A test.", by=story.commander, at=story.minute(5))

    assert "None: the incident was declined." in words(browser.get(card_of(story)))


def test_card_while_the_draft_is_being_repaired_says_so(browser, begin, monkeypatch):
    story = begin()
    with monkeypatch.context() as broken:
        broken.setattr(moves, "HOOKS", [])
        story.resolve()

    assert "It is here in a moment." in words(browser.get(card_of(story)))


@pytest.mark.parametrize("count", [1, 3])
def test_card_costs_the_same_for_one_and_three(browser, begin, django_assert_num_queries, count):
    for _ in range(count):
        story = begin()
        story.resolve()

    with django_assert_num_queries(5):  # session, user, incident, its other services, document
        browser.get(card_of(story))
