"""The document as it is read, and who may not read it."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import lifecycle, moves
from postmortems import editing
from tests.factories import AdministratorFactory, UserFactory
from tests.postmortems.reading import LIST, address, card_of, fill, set_due, words

# The document


def test_r76_detail_shows_the_six_sections_in_order_with_their_states(browser, story):
    page = browser.get(address(story))

    outline = re.findall(r'<a href="#(\w+)">.*?<small>(\w+)</small>', page.content.decode())
    assert outline == [
        ("summary", "draft"),
        ("timeline", "draft"),
        ("impact", "draft"),
        ("root_cause", "empty"),
        ("improvements", "empty"),
        ("lessons", "empty"),
    ]
    headings = re.findall(r'<h2 id="(\w+)-h">(\d) ', page.content.decode())
    assert headings == [(key, str(number)) for number, (key, _) in enumerate(outline, start=1)]


def test_detail_says_what_it_is_about_and_when_it_is_due(browser, story):
    set_due(story, timedelta(hours=21, minutes=30))

    text = words(browser.get(address(story)))

    for said in ("P0 Critical", story.incident.ref, "owner Amira Haddad", "Card payments failing", "due in 21 h"):
        assert said in text
    for said in ("What is on record", "Detected", "after 18:00", "3 of 6 sections have text"):
        assert said in text


def test_r84_every_section_offers_a_plain_link_to_write_it(browser, story):
    page = browser.get(address(story)).content.decode()

    for key in ("summary", "timeline", "impact", "root_cause", "improvements", "lessons"):
        assert page.count(f'href="{address(story, key)}"') == 1


def test_an_empty_section_shows_its_prompt_and_a_written_one_hides_it_behind_a_button(browser, story):
    page = browser.get(address(story)).content.decode()
    lessons = page.partition('id="lessons"')[2]
    summary = page.partition('id="summary"')[2].partition("</section>")[0]

    assert "What went well" in lessons
    assert 'class="prompt' in lessons
    assert 'class="prompt' not in summary
    assert 'popovertarget="help-summary"' in summary


def test_r85_text_is_markdown_and_nothing_in_it_runs(browser, story, writer):
    evil = "**bold** <script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    editing.save_section(story.section("lessons"), text=evil, base_version=1, by=writer, at=timezone.now())

    page = browser.get(address(story)).content.decode()

    assert "<strong>bold</strong> &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page


def test_the_writing_form_shows_the_source_and_lets_nothing_out(browser, story, writer):
    evil = "</textarea><script>alert(1)</script>"
    editing.save_section(story.section("lessons"), text=evil, base_version=1, by=writer, at=timezone.now())

    page = browser.get(address(story, "lessons")).content.decode()

    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;</textarea>" in page
    assert "<script>alert" not in page


def test_detail_of_a_drill_says_drill(browser, begin):
    story = begin(kind="drill")
    story.resolve()

    assert b"DRILL" in browser.get(address(story)).content
    assert b"DRILL" in browser.get(LIST).content


@pytest.mark.parametrize("people", [1, 3])
def test_detail_costs_the_same_for_one_and_three(browser, begin, django_assert_num_queries, people):
    story = begin()
    for _ in range(people):
        lifecycle.join(story.incident, by=UserFactory(), at=story.minute(2))
    story.resolve()
    for section in story.document.sections.all()[:people]:
        editing.save_section(section, text="x", base_version=1, by=UserFactory(), at=timezone.now())

    with django_assert_num_queries(17):  # 4 of the whys, 2 of the wording; the gate reads what the page has read
        browser.get(address(story))


def test_what_is_not_there_is_404(browser, story, begin):
    assert browser.get(f"{LIST}99999/").status_code == 404
    assert browser.get(address(begin())).status_code == 404  # not resolved yet
    assert browser.get(address(story, "nonsense")).status_code == 404
    assert browser.delete(address(story)).status_code == 405


# Private incidents


def test_the_postmortem_of_a_private_incident_does_not_exist_for_others(signed_in, begin, writer):
    story = begin(private=True, title="Secret title")
    story.resolve()
    browser = signed_in(writer)

    for path in (address(story), address(story, "summary"), card_of(story)):
        assert browser.get(path).status_code == 404
    assert fill(browser, story, "summary", "x").status_code == 404
    page = browser.get(LIST)
    assert b"Secret title" not in page.content
    assert "Nothing is owed" in words(page)


def test_those_who_take_part_and_administrators_see_it(signed_in, begin, writer):
    story = begin(private=True)
    moves.take_part(story.incident, writer, why="added", at=story.minute(2))
    story.resolve()

    for person in (writer, AdministratorFactory()):
        browser = signed_in(person)
        assert browser.get(address(story)).status_code == 200
        assert browser.get(card_of(story)).status_code == 200
        assert "private" in words(browser.get(LIST))


def test_a_viewer_who_may_not_see_it_gets_404_not_403(signed_in, begin, viewer):
    story = begin(private=True)
    story.resolve()

    assert signed_in(viewer).get(address(story, "summary")).status_code == 404
