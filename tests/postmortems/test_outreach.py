"""The summary for customers, and the Atom feed."""

import re
from xml.etree import ElementTree

import pytest
from django.test import Client

from incidents.models import User
from postmortems import editing, outreach
from postmortems.models import ExternalSummary, FeedKey
from tests.api_caller import responder
from tests.postmortems.reading import words
from tests.postmortems.test_publishing import complete, publish

ATOM = "{http://www.w3.org/2005/Atom}"
FEED = "/postmortems/feed/"


@pytest.fixture
def at(story):
    return story.minute(60)


def page_of(story):
    return f"/postmortems/{story.incident.number}/external/"


def address(browser):
    shown = browser.post(FEED, {"how": "make"}).content.decode()
    return re.search(r'value="https?://[^/]+(/postmortems/feed/[^"]+)"', shown)[1]


def titles(text):
    return [entry.findtext(f"{ATOM}title") for entry in ElementTree.fromstring(text).iter(f"{ATOM}entry")]  # noqa: S314


def test_the_first_text_comes_from_what_is_on_record_and_names_nobody(story, browser):
    text = browser.get(page_of(story)).content.decode()

    assert (
        "Card payments failing at checkout. It lasted from 2026-11-23 14:02 to 2026-11-23 14:20 UTC, for 18 min."
        in text
    )
    assert "Amira" not in outreach.suggest(story.document)
    assert not ExternalSummary.objects.exists()


def test_r84_it_is_written_by_a_plain_form_and_blame_and_names_are_hinted_at(story, browser, writer):
    evil = "Amira Haddad forgot it. <script>alert(1)</script>"

    browser.post(page_of(story), {"text": evil, "version": 0})

    text = browser.get(page_of(story)).content.decode()
    assert ExternalSummary.objects.get().edited_by == writer
    assert "<script>alert" not in text
    assert text.count('class="note warn') >= 2


def test_of_two_who_write_it_the_second_loses_nothing(story, browser, at):
    outreach.save(story.document, text="theirs", version=0, by=story.commander, at=at)

    refused = browser.post(page_of(story), {"text": "mine", "version": 0})

    assert refused.status_code == 422
    assert "mine</textarea>" in refused.content.decode()
    assert "saved another text meanwhile" in words(refused)
    assert ExternalSummary.objects.get().text == "theirs"
    assert browser.post(page_of(story), {"text": "both", "version": 1}).status_code == 302


def test_viewers_read_it_and_do_not_write_it(story, signed_in, viewer):
    assert "Nobody has written it yet" in words(signed_in(viewer).get(page_of(story)))
    assert signed_in(viewer).post(page_of(story), {"text": "x", "version": 0}).status_code == 403


def test_the_feed_holds_what_is_published_and_visible_and_is_well_formed(story, begin, browser, at):
    text = "A <b>bold</b> & \x0bstrange walrus"
    for each in (story, begin(private=True, title="secret"), begin(kind="drill", title="rehearsal")):
        each.incident.is_open and each.resolve()
        editing.save_section(each.section("summary"), text=text, base_version=1, by=each.commander, at=at)
        complete(each, at)
        publish(each, at)
    begin(title="a draft").resolve()
    where = address(browser)

    answer = Client().get(where)

    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert titles(answer.content) == [f"P0 Checkout: {story.incident.title}"]
    assert "&amp;lt;b&amp;gt;bold" in answer.content.decode()
    assert titles(Client().get(where, {"service": "another"}).content) == []
    assert len(titles(Client().get(where, {"service": story.incident.service.slug}).content)) == 1


def test_an_address_ends_with_another_one_with_the_person_and_by_wish(story, browser, writer):
    first = address(browser)
    second = address(browser)
    assert first not in browser.get(FEED).content.decode()
    assert FeedKey.objects.get().digest not in second
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200

    User.objects.filter(pk=writer.pk).update(is_active=False)
    assert Client().get(second).status_code == 404
    User.objects.filter(pk=writer.pk).update(is_active=True)
    browser.post(FEED, {"how": "end"})
    assert Client().get(second).status_code == 404


def test_the_address_is_asked_for_by_people_alone(client, story):
    assert client.get(FEED).status_code == 302
    assert client.get(page_of(story)).status_code == 302


def test_the_summary_over_the_api(story):
    caller, path = responder(), f"postmortems/{story.incident.number}/external-summary"

    assert caller.get(path).json()["version"] == 0
    assert caller.put(path, text="It was down.", version=0).json()["version"] == 1
    assert caller.put(path, text="Again.", version=0).status_code == 409
    assert caller.get(path).json()["text"] == "It was down."
