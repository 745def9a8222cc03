"""The pages of writing: saved by itself, seen beforehand, decided place by place, brought back."""

import pytest
from django.utils import timezone

from postmortems import editing, writers
from postmortems.models import DocumentStatus, Postmortem, Section, SectionRevision, SideText, Writer
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer(db):
    return UserFactory(name="Lee Park")


@pytest.fixture
def ann(db):
    return UserFactory(name="Ann Ek")


@pytest.fixture
def browser(signed_in, writer):
    return signed_in(writer)


def address(story, rest="", key="lessons"):
    return f"/postmortems/{story.incident.number}/sections/{key}/{rest}"


def write(story, text, by, base=None):
    section = story.section("lessons")
    base = section.version if base is None else base
    return editing.save_section(section, text=text, base_version=base, by=by, at=timezone.now())


def test_what_is_typed_is_saved_by_itself(browser, story, writer):
    answer = browser.post(address(story, "autosave/"), {"text": "half a sent", "base_version": "1"})

    assert answer.status_code == 200
    assert answer.json()["version"] == 2
    assert answer.json()["at"].endswith(" UTC")
    assert "text" not in answer.json()
    assert (story.text("lessons"), story.section("lessons").edited_by) == ("half a sent", writer)


def test_what_somebody_else_wrote_at_another_place_comes_back_with_the_save(browser, story, ann):
    write(story, "one\n\ntwo", ann)
    write(story, "ONE\n\ntwo", ann)

    answer = browser.post(address(story, "autosave/"), {"text": "one\n\ntwo\n\nthree", "base_version": "2"}).json()

    assert (answer["version"], answer["text"]) == (4, "ONE\n\ntwo\n\nthree")


def test_what_contradicts_somebody_elses_save_is_kept_and_told(browser, story, writer, ann):
    write(story, "theirs", ann)

    answer = browser.post(address(story, "autosave/"), {"text": "mine", "base_version": "1"})

    assert answer.status_code == 409
    assert answer.json()["words"].startswith("Ann Ek saved this section just now")
    assert story.text("lessons") == "theirs"
    kept = SideText.objects.get(by=writer)
    assert (kept.text, kept.base_version) == ("mine", 1)
    page = browser.get(address(story)).content.decode()
    assert "met another text and is not in the document. It is kept for you." in page
    taken = browser.get(address(story, "?take=aside")).content.decode()
    assert "mine</textarea>" in taken
    assert 'name="base_version" value="1"' in taken


def test_what_was_kept_is_thrown_away_when_the_person_says_so(browser, story, writer):
    editing.keep_aside(story.section("lessons"), text="mine", base_version=1, by=writer, at=timezone.now())

    browser.post(address(story, "aside/drop/"))

    assert not SideText.objects.exists()


def test_a_published_text_and_one_that_is_too_long_are_refused_in_words(browser, story):
    long = browser.post(address(story, "autosave/"), {"text": "x" * 100_001, "base_version": "1"})
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)
    late = browser.post(address(story, "autosave/"), {"text": "x", "base_version": "1"})
    nul = browser.post(address(story, "autosave/"), {"text": "x\x00", "base_version": "1"})

    assert [each.status_code for each in (long, late, nul)] == [422, 422, 422]
    assert "100,000 fit" in long.json()["words"]
    assert "published" in late.json()["words"]
    assert "NUL" in nul.json()["words"]


@pytest.mark.parametrize("rest", ["autosave/", "preview/", "writers/", "aside/drop/", "history/restore/"])
def test_viewers_and_strangers_write_nothing(signed_in, viewer, story, client, rest):
    said = {"text": "x", "base_version": "1", "version": "1"}
    assert client.post(address(story, rest), said).status_code == 302
    assert signed_in(viewer).post(address(story, rest), said).status_code == 403
    assert (story.text("lessons"), Writer.objects.count()) == ("", 0)


@pytest.mark.parametrize("htmx", [False, True])
def test_a_conflict_is_decided_place_by_place(browser, story, ann, htmx):
    how = {"headers": {"HX-Request": "true"}} if htmx else {}
    write(story, "a\n-\nb\n-\nc", ann)
    write(story, "A theirs\n-\nb\n-\nC theirs", ann)
    refused = browser.post(address(story), {"text": "A mine\n-\nb\n-\nC mine", "base_version": "2"}, **how)
    page = refused.content.decode()
    assert refused.status_code == 409
    assert 'name="began" value="2"' in page
    assert page.count("Both of you changed this") == 2

    said = {"text": "A mine\n-\nb\n-\nC mine", "base_version": "3", "began": "2", "how": "choose"}
    half = browser.post(address(story), {**said, "pick-0": "mine"}, **how)
    assert half.status_code == 409
    assert "Choose whose lines to take at place 2 too." in half.content.decode()
    assert 'name="pick-0" value="mine" checked' in half.content.decode()
    assert story.section("lessons").version == 3

    browser.post(address(story), {**said, "pick-0": "mine", "pick-1": "both"}, **how)

    assert story.text("lessons") == "A mine\n-\nb\n-\nC theirs\nC mine"
    assert not SideText.objects.exists()


def test_a_choice_that_was_overtaken_by_another_save_is_asked_anew(browser, story, ann):
    write(story, "theirs", ann)
    said = {"text": "mine", "base_version": "2", "began": "1", "how": "choose", "pick-0": "mine"}
    write(story, "theirs, later", ann)

    answer = browser.post(address(story), said)

    assert answer.status_code == 409
    assert "theirs, later" in answer.content.decode()
    assert story.text("lessons") == "theirs, later"


def test_the_preview_is_what_readers_will_see_and_nothing_runs_in_it(browser, story):
    said = {"text": "**bold** <script>alert(1)</script> [x](javascript:alert(1))", "base_version": "1"}

    fragment = browser.post(address(story, "preview/"), said).content.decode()
    page = browser.post(address(story), {**said, "how": "preview"}).content.decode()

    for shown in (fragment, page):
        assert "<strong>bold</strong>" in shown
        assert "<script>alert" not in shown
        assert 'href="javascript' not in shown
    assert story.section("lessons").version == 1


def test_others_who_write_here_are_named_until_they_leave(browser, story, writer, ann):
    section = story.section("lessons")
    assert b"here too" not in browser.post(address(story, "writers/")).content

    writers.write_here(section, by=ann, at=timezone.now())

    assert "Ann Ek writes here too" in browser.post(address(story, "writers/")).content.decode()
    document = browser.get(f"/postmortems/{story.incident.number}/").content.decode()
    assert "Ann Ek, Lee Park write here" in document
    browser.post(address(story), {"text": "done", "base_version": "1"})
    assert writers.others(section, by=ann, at=timezone.now()) == []
    later = timezone.now() + writers.GONE_AFTER
    assert writers.in_document(story.document, later) == {}


def test_the_history_shows_what_changed_and_brings_a_version_back(browser, story, ann, writer):
    write(story, "The disk was full.", ann)
    write(story, "The <b>log</b> was full.", writer)

    page = browser.get(address(story, "history/")).content.decode()
    assert "<del>disk</del><ins>&lt;b&gt;log&lt;/b&gt;</ins>" in page
    first = browser.get(address(story, "history/?from=1&to=2")).content.decode()
    assert "<ins>The disk was full.</ins>" in first
    assert "Bring version 2 back" in first

    answer = browser.post(address(story, "history/restore/"), {"version": "2", "base_version": "3"}, follow=True)

    assert "Version 2 is back, as a new version." in answer.content.decode()
    assert (story.text("lessons"), story.section("lessons").version) == ("The disk was full.", 4)
    assert SectionRevision.objects.filter(section=story.section("lessons")).count() == 4


def test_a_version_is_not_brought_back_over_a_save_that_was_not_seen(browser, story, ann):
    write(story, "one", ann)
    write(story, "two", ann)

    answer = browser.post(address(story, "history/restore/"), {"version": "2", "base_version": "2"}, follow=True)

    assert "Ann Ek saved this section while you looked." in answer.content.decode()
    assert story.text("lessons") == "two"


@pytest.mark.parametrize("asked", ["?from=9&to=7", "?from=x", "?to=²", "?from=", "?to=99999999999999999999"])
def test_the_history_answers_nonsense_with_the_last_change(browser, story, ann, asked):
    write(story, "one", ann)

    page = browser.get(address(story, f"history/{asked}")).content.decode()

    assert "From version 1 to 2" in page


@pytest.mark.parametrize("version", ["", "9", "x", "-1"])
def test_a_version_that_is_not_there_is_not_brought_back(browser, story, version):
    answer = browser.post(address(story, "history/restore/"), {"version": version, "base_version": "1"}, follow=True)

    assert "There is no such version any more." in answer.content.decode()


def test_the_history_of_a_section_costs_the_same_for_one_and_thirty_versions(
    browser, story, ann, django_assert_max_num_queries
):
    people = [UserFactory() for _ in range(30)]
    for place, person in enumerate(people):
        write(story, f"text {place}", person)

    with django_assert_max_num_queries(12):
        browser.get(address(story, "history/"))


def test_a_private_incident_has_no_history_for_strangers(signed_in, begin):
    story = begin(private=True)
    story.resolve()
    stranger = signed_in(UserFactory())

    assert stranger.get(address(story, "history/")).status_code == 404
    assert stranger.post(address(story, "autosave/"), {"text": "x", "base_version": "1"}).status_code == 404
    assert not Section.objects.exclude(version=1).exists()
