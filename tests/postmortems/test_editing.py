"""Writing a section: every save is a version, no save overwrites another."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from incidents.refusals import Invalid, TransitionError
from postmortems import editing
from postmortems.models import DocumentStatus, Postmortem, SectionRevision
from postmortems.prompts import PROMPTS
from tests.factories import UserFactory
from tests.postmortems.conftest import open_incident


@pytest.fixture
def lessons(story):
    return story.section("lessons")


@pytest.fixture
def at(story):
    return story.minute(60)


def save(section, text, base, by, at):
    return editing.save_section(section, text=text, base_version=base, by=by, at=at)


def test_a_save_is_the_next_version_and_a_revision(lessons, story, at):
    saved = save(lessons, "Rollback was quick.", 1, story.commander, at)

    lessons.refresh_from_db()
    assert saved == lessons
    assert (lessons.text, lessons.version, lessons.edited_by, lessons.edited_at) == (
        "Rollback was quick.",
        2,
        story.commander,
        at,
    )
    assert list(lessons.revisions.order_by("version").values_list("version", "text", "by")) == [
        (1, "", None),
        (2, "Rollback was quick.", story.commander.pk),
    ]


def test_of_two_who_began_from_one_version_the_second_gets_theirs_and_the_base(lessons, story, at):
    ann, ben = UserFactory(name="Ann Ek"), UserFactory(name="Ben Ohm")
    save(lessons, "from the start", 1, ann, at)
    save(lessons, "theirs\nfrom the start", 2, ann, at)

    with pytest.raises(editing.Conflict, match="Ann Ek saved this section 5 minutes ago") as refused:
        save(lessons, "mine", 2, ben, at + timedelta(minutes=5))

    conflict = refused.value
    assert (conflict.theirs.text, conflict.theirs.version, conflict.base) == (
        "theirs\nfrom the start",
        3,
        "from the start",
    )
    assert conflict.lines == [("theirs", True), ("from the start", False)]
    lessons.refresh_from_db()
    assert (lessons.text, lessons.version) == ("theirs\nfrom the start", 3)


def test_after_a_conflict_the_new_base_saves(lessons, story, at):
    save(lessons, "theirs", 1, UserFactory(), at)

    save(lessons, "theirs and mine", 2, story.commander, at)

    texts = SectionRevision.objects.filter(section=lessons).order_by("version").values_list("text", flat=True)
    assert list(texts) == ["", "theirs", "theirs and mine"]


def test_sending_the_same_text_twice_is_one_version(lessons, story, at):
    save(lessons, "once", 1, story.commander, at)

    again = save(lessons, "once", 1, story.commander, at)

    assert (again.version, lessons.revisions.count()) == (2, 2)


def test_a_version_that_never_was_can_only_conflict(lessons, story, at):
    for base in (0, 99):
        with pytest.raises(editing.Conflict) as refused:
            save(lessons, "mine", base, story.commander, at)
        assert refused.value.base == ""


def test_lines_end_one_way_and_blank_space_around_is_no_text(lessons, story, at):
    saved = save(lessons, "\r\n\r\n    code\r\nnext \r\n \r\n", 1, story.commander, at)
    assert saved.text == "    code\nnext"

    emptied = save(lessons, " \r\n ", 2, story.commander, at)
    assert emptied.text == ""


def test_a_hundred_thousand_characters_fit_and_one_more_does_not(lessons, story, at):
    save(lessons, "x" * 100_000, 1, story.commander, at)

    with pytest.raises(Invalid, match="100,001 characters long; 100,000 fit") as refused:
        save(lessons, "x" * 100_001, 2, story.commander, at)

    assert refused.value.field == "text"
    lessons.refresh_from_db()
    assert lessons.version == 2


def test_a_published_postmortem_is_not_edited(lessons, story, at):
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)

    with pytest.raises(TransitionError, match="published"):
        save(lessons, "late thought", 1, story.commander, at)

    assert lessons.revisions.count() == 1


def test_of_two_who_save_at_once_one_is_refused(committed_db):
    story = open_incident()
    story.resolve()
    at = story.minute(60)
    lessons, outcomes, start = story.section("lessons"), [], threading.Barrier(2)
    people = [UserFactory(), UserFactory()]

    def write(number):
        start.wait()
        try:
            save(lessons, f"text {number}", 1, people[number], at)
            outcomes.append("saved")
        except editing.Conflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refused", "saved"]
    assert lessons.revisions.count() == 2


def test_r72_every_section_has_a_prompt_that_asks_what_and_how_never_who():
    assert list(PROMPTS) == ["summary", "timeline", "impact", "root_cause", "improvements", "lessons"]
    for prompt in PROMPTS.values():
        words = " ".join([prompt.question, *prompt.hints]).lower()
        assert prompt.question.endswith("?")
        assert not {"who", "whom", "whose", "fault", "blame", "human", "careless"} & set(
            words.replace(",", " ").split()
        )
        assert "should have" not in words
    assert "why did the system allow it" in PROMPTS["root_cause"].question
