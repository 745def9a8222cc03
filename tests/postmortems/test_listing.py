"""The list: what is late stands first, and when a deadline counts."""

from datetime import timedelta

import pytest
from django.urls import reverse

from incidents import lifecycle
from postmortems import editing, library
from postmortems.models import DocumentStatus, Postmortem
from tests.postmortems.reading import LIST, address, card_of, set_due, words

# The list


def test_list_says_so_when_there_is_nothing(browser):
    page = browser.get(LIST)

    assert "Nothing is owed" in words(page)
    assert "No postmortem yet" in words(page)
    assert f'href="{reverse("incidents:list")}"' in page.content.decode()


def test_list_puts_late_ones_first_and_published_ones_last(browser, begin):
    titles = ["published", "optional", "running", "late", "later"]
    stories = {title: begin(title=title, level=3 if title == "optional" else 0) for title in titles}
    for story in stories.values():
        story.resolve()
    set_due(stories["running"], timedelta(hours=21, minutes=5))
    set_due(stories["late"], -timedelta(hours=5, minutes=1))
    set_due(stories["later"], -timedelta(hours=50, minutes=1))
    Postmortem.objects.filter(incident=stories["published"].incident).update(status=DocumentStatus.PUBLISHED)

    page = browser.get(LIST)

    assert [row.incident.title for row in page.context["rows"]] == ["later", "late", "running", "optional", "published"]
    assert page.context["headline"] == "Two postmortems are late, one to write"
    text = words(page)
    for said in ("2 days late", "5 h 1 min late", "due in 21 h 5 min", "no deadline", "published"):
        assert said in text
    for said in ("P0 Critical", "P3 Minor", "Checkout", "Amira Haddad", "3 of 6"):
        assert said in text


def test_list_mine_shows_those_that_i_own(browser, begin, writer, story):
    begin(title="my own", by=writer).resolve()

    assert [row.incident.title for row in browser.get(LIST, {"show": "mine"}).context["rows"]] == ["my own"]
    assert len(browser.get(LIST).context["rows"]) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_for_one_and_three(browser, begin, django_assert_num_queries, count):
    for _ in range(count):
        begin().resolve()

    with django_assert_num_queries(6):  # session, user, count, page, headline, shell
        browser.get(LIST)


def test_list_needs_a_person(client, story):
    assert client.get(LIST).status_code == 302
    assert client.get(address(story)).status_code == 302
    assert client.get(card_of(story)).status_code == 302


# When a deadline counts


def test_r29_where_it_is_optional_a_deadline_counts_once_somebody_writes(begin, writer):
    story = begin(level=4)
    story.resolve()
    at = story.minute(18 + 49 * 60)
    assert library.standing(library.visible_to(writer, at).get()).stage == library.FREE

    editing.save_section(story.section("lessons"), text="x", base_version=1, by=writer, at=at)

    assert library.standing(library.visible_to(writer, at).get()).stage == library.LATE


def test_r75_at_the_very_deadline_it_is_in_time_and_a_moment_later_late(story, writer):
    due_at = story.document.due_at

    assert library.visible_to(writer, due_at).get().stage == library.DUE
    assert library.visible_to(writer, due_at + timedelta(microseconds=1)).get().stage == library.LATE


def test_a_backfilled_incident_sets_no_deadline(begin, writer):
    story = begin(kind="backfill")
    story.resolve()

    assert library.visible_to(writer, story.minute(10_000)).get().stage == library.FREE


def test_a_reopened_incident_owes_nothing_until_it_is_resolved_again(story, writer, browser):
    lifecycle.reopen(story.incident, reason="It is back.", by=writer, at=story.minute(30))

    assert library.visible_to(writer, story.minute(10_000)).get().stage == library.OPEN_AGAIN
    assert "incident open again" in words(browser.get(LIST))
    assert "due anew" in words(browser.get(card_of(story)))
