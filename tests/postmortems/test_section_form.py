"""A section being written by form; what is refused comes back as it was typed."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from postmortems import editing
from postmortems.models import DocumentStatus, Postmortem, Section
from tests.factories import UserFactory
from tests.postmortems.reading import address, fill, words

# Writing


def test_r84_a_plain_post_saves_and_goes_back_to_the_section(browser, story, writer):
    answer = fill(browser, story, "lessons", "Rollback was quick.\r\n")

    assert (answer.status_code, answer["Location"]) == (302, f"{address(story)}#lessons")
    section = story.section("lessons")
    assert (section.text, section.version, section.edited_by) == ("Rollback was quick.", 2, writer)
    page = words(browser.get(address(story)))
    assert "Rollback was quick. Lee Park" in page
    assert "4 of 6 sections have text" in page


def test_htmx_saves_and_is_sent_back_to_the_section(browser, story):
    answer = fill(browser, story, "lessons", "Rollback was quick.", headers={"HX-Request": "true"})

    assert answer["HX-Redirect"] == f"{address(story)}#lessons"
    assert story.text("lessons") == "Rollback was quick."


def test_edit_section_begins_with_its_text_its_version_and_its_prompt(browser, story):
    page = browser.get(address(story, "summary"))

    assert page.context["form"].initial == {"text": story.text("summary"), "base_version": 1}
    assert "What happened, from when to when" in words(page)
    form = page.content.decode().partition('id="section-form"')[2].partition("</form>")[0]
    assert "maxlength" not in form  # a browser would cut a pasted text without a word


@pytest.mark.parametrize("htmx", [False, True])
def test_of_two_writers_the_second_sees_both_texts_and_can_save_what_they_typed(browser, story, writer, htmx):
    ann = UserFactory(name="Ann Ek")
    how = {"headers": {"HX-Request": "true"}} if htmx else {}
    editing.save_section(
        story.section("lessons"), text="theirs\n<b>", base_version=1, by=ann, at=timezone.now() - timedelta(minutes=3)
    )

    refused = fill(browser, story, "lessons", "mine\r\n<i>", 1, **how)

    page = refused.content.decode()
    assert refused.status_code == 409
    assert story.text("lessons") == "theirs\n<b>"
    assert "Ann Ek saved this section 3 minutes ago, and changed lines that you changed too" in words(refused)
    assert ">\nmine\r\n&lt;i&gt;</textarea>" in page
    assert '<b>Ann Ek’s</b><pre class="plain">theirs\n&lt;b&gt;</pre>' in page
    assert 'name="base_version" value="2"' in page
    assert page.startswith("<form") is htmx or "<!doctype html>" not in page

    saved = fill(browser, story, "lessons", "mine and theirs", 2, **how)

    assert saved.status_code in (200, 302)
    assert list(story.section("lessons").revisions.order_by("version").values_list("text", flat=True)) == [
        "",
        "theirs\n<b>",
        "mine and theirs",
    ]


@pytest.mark.parametrize("base", ["", "abc", "-1", "0", "99999999999999", "²"])
def test_a_base_version_that_makes_no_sense_overwrites_nothing(browser, story, base):
    refused = fill(browser, story, "summary", "mine", base)

    assert refused.status_code == 409
    assert "mine</textarea>" in refused.content.decode()
    assert Section.objects.get(postmortem=story.document, key="summary").version == 1


@pytest.mark.parametrize("htmx", [False, True])
def test_a_text_that_is_too_long_is_refused_in_words_and_kept(browser, story, htmx):
    typed = "word " * 20_001

    refused = fill(browser, story, "lessons", typed, headers={"HX-Request": "true"} if htmx else {})

    assert refused.status_code == 422
    assert "100,004 characters long; 100,000 fit" in words(refused)
    assert f"{typed}</textarea>" in refused.content.decode()
    assert story.text("lessons") == ""


def test_a_nul_character_is_refused_in_words_and_the_rest_kept(browser, story):
    refused = fill(browser, story, "lessons", "a\x00b")

    assert refused.status_code == 422
    assert "cannot be stored" in words(refused)


def test_a_post_without_its_token_is_refused(story, writer):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(writer)

    assert strict.post(address(story, "lessons"), {"text": "x", "base_version": 1}).status_code == 403
    assert story.text("lessons") == ""


def test_viewers_read_but_do_not_write(signed_in, viewer, story):
    browser = signed_in(viewer)

    page = browser.get(address(story))
    refused = fill(browser, story, "lessons", "x")

    assert page.status_code == 200
    assert f'href="{address(story, "lessons")}"' not in page.content.decode()
    assert browser.get(address(story, "lessons")).status_code == 403
    assert refused.status_code == 403
    assert "You may read, not act. Ask an administrator to make you a responder." in words(refused)
    assert story.text("lessons") == ""


def test_a_published_postmortem_is_read_only_and_a_late_text_is_not_lost(browser, story):
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)

    page = browser.get(address(story))
    refused = fill(browser, story, "lessons", "late thought")

    assert f'href="{address(story, "lessons")}"' not in page.content.decode()
    assert browser.get(address(story, "lessons"))["Location"] == f"{address(story)}#lessons"
    assert refused.status_code == 422
    assert "was published" in words(refused)
    assert "late thought</textarea>" in refused.content.decode()
