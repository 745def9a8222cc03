"""Writing a section: every save is a version, no save overwrites another."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from incidents.refusals import Invalid, TransitionError
from postmortems import editing
from postmortems.merging import Pick
from postmortems.models import DocumentStatus, Postmortem, SectionRevision, SideText
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
    save(lessons, "theirs", 2, ann, at)

    with pytest.raises(editing.Conflict, match="Ann Ek saved this section 5 minutes ago") as refused:
        save(lessons, "mine", 2, ben, at + timedelta(minutes=5))

    conflict = refused.value
    assert (conflict.theirs.text, conflict.theirs.version, conflict.base) == ("theirs", 3, "from the start")
    [place] = conflict.places
    assert (place.base, place.mine, place.theirs) == (("from the start",), ("mine",), ("theirs",))
    lessons.refresh_from_db()
    assert (lessons.text, lessons.version) == ("theirs", 3)


def test_what_two_wrote_at_different_places_is_brought_together(lessons, story, at):
    ann, ben = UserFactory(name="Ann Ek"), UserFactory(name="Ben Ohm")
    save(lessons, "one\n\ntwo\n\nthree", 1, ann, at)
    save(lessons, "ONE\n\ntwo\n\nthree", 2, ann, at)

    saved = save(lessons, "one\n\ntwo\n\nthree\n\nfour", 2, ben, at)

    assert (saved.text, saved.version, saved.edited_by) == ("ONE\n\ntwo\n\nthree\n\nfour", 4, ben)
    assert [row.text for row in lessons.revisions.order_by("version")][-2:] == ["ONE\n\ntwo\n\nthree", saved.text]


def test_whoever_asks_for_it_is_refused_instead_with_what_it_would_become(lessons, story, at):
    save(lessons, "one\ntwo", 1, story.commander, at)
    save(lessons, "ONE\ntwo", 2, story.commander, at)

    with pytest.raises(editing.Conflict) as refused:
        editing.save_section(lessons, text="one\ntwo\nthree", base_version=2, by=UserFactory(), at=at, together=False)

    assert (refused.value.merged, refused.value.places) == ("ONE\ntwo\nthree", [])


def test_two_texts_that_fit_alone_and_not_together_are_refused(lessons, story, at):
    save(lessons, "one\ntwo\nthree", 1, story.commander, at)
    save(lessons, "x" * 60_000 + "\ntwo\nthree", 2, story.commander, at)

    with pytest.raises(Invalid, match="100,000 fit"):
        save(lessons, "one\ntwo\n" + "y" * 60_000, 2, UserFactory(), at)


def test_what_met_another_text_is_kept_aside_until_the_person_saves(lessons, story, at):
    ben = UserFactory()
    editing.keep_aside(lessons, text="mine", base_version=1, by=ben, at=at)
    editing.keep_aside(lessons, text="mine, longer", base_version=1, by=ben, at=at)

    [kept] = SideText.objects.all()
    assert (kept.text, kept.base_version, kept.by) == ("mine, longer", 1, ben)
    save(lessons, "somebody else's", 1, story.commander, at)
    assert SideText.objects.exists()
    save(lessons, "together", 2, ben, at)
    assert not SideText.objects.exists()


def test_each_place_is_decided_on_its_own(lessons, story, at):
    save(lessons, "a\n-\nb\n-\nc", 1, story.commander, at)
    save(lessons, "A1\n-\nB1\n-\nc", 2, story.commander, at)
    said = {"mine": "A2\n-\nB2\n-\nC2", "began": 2, "base_version": 3}
    lessons.refresh_from_db()

    assert editing.decide(lessons, **said, picks={0: Pick.MINE, 1: Pick.THEIRS}) == "A2\n-\nB1\n-\nC2"
    assert editing.decide(lessons, **said, picks={0: Pick.BASE, 1: Pick.BOTH}) == "a\n-\nB1\nB2\n-\nC2"
    with pytest.raises(Invalid, match="place 2"):
        editing.decide(lessons, **said, picks={0: Pick.MINE})


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
