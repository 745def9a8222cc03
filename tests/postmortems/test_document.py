"""The pages: the list, a document, a section being written, the card."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from incidents import lifecycle, moves
from incidents.models import Severity
from postmortems import editing, library
from postmortems.models import DocumentStatus, Postmortem, Section
from tests.factories import AdministratorFactory, UserFactory

LIST = "/postmortems/"


def address(story, key=None):
    number = story.incident.number
    return f"{LIST}{number}/sections/{key}/" if key else f"{LIST}{number}/"


def card_of(story):
    return f"/incidents/{story.incident.number}/postmortem/"


def words(response):
    """What a reader sees: the main part without tags, spaces made single."""
    page = response.content.decode()
    page = page.partition("<main")[2].partition("</main>")[0] or page
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def set_due(story, delta):
    Postmortem.objects.filter(incident=story.incident).update(due_at=timezone.now() + delta)


@pytest.fixture
def writer(db):
    return UserFactory(name="Lee Park")


@pytest.fixture
def browser(signed_in, writer):
    return signed_in(writer)


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

    with django_assert_num_queries(
        19
    ):  # and 4 of the whys, the writers, 2 of the wording, actions, reviews, errata, 3 of the gate
        browser.get(address(story))


def test_what_is_not_there_is_404(browser, story, begin):
    assert browser.get(f"{LIST}99999/").status_code == 404
    assert browser.get(address(begin())).status_code == 404  # not resolved yet
    assert browser.get(address(story, "nonsense")).status_code == 404
    assert browser.delete(address(story)).status_code == 405


# Writing


def fill(browser, story, key, text, base=1, **how):
    return browser.post(address(story, key), {"text": text, "base_version": base}, **how)


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
