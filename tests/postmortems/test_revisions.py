"""The history of a section: steps, comparison, what is kept for how long."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from postmortems import editing, revisions
from postmortems.models import SectionRevision
from postmortems.revisions import Piece, compare
from tests.factories import UserFactory

TEXTS = st.text(alphabet="ab \n.", max_size=30)


def write(section, at, *said):
    """Save one text after another: (minutes after ``at``, by whom, text)."""
    for minutes, by, text in said:
        section.refresh_from_db()
        editing.save_section(
            section, text=text, base_version=section.version, by=by, at=at + timedelta(minutes=minutes)
        )


def test_the_saves_of_one_sitting_are_one_step_of_the_history(story):
    lessons, ann, ben = story.section("lessons"), UserFactory(), UserFactory()
    write(lessons, story.minute(60), (0, ann, "a"), (4, ann, "ab"), (8, ann, "abc"), (13, ann, "abcd"), (14, ben, "x"))

    steps = revisions.steps(lessons)

    assert [(step.version, step.by) for step in steps] == [(6, ben), (5, ann), (4, ann), (1, None)]


def test_intermediate_saves_are_forgotten_after_a_day_and_the_steps_stay(story):
    lessons, ann = story.section("lessons"), UserFactory()
    write(lessons, story.minute(60), (0, ann, "a"), (1, ann, "ab"), (2, ann, "abc"))
    assert SectionRevision.objects.filter(section=lessons).count() == 4

    write(lessons, story.minute(60), (25 * 60, ann, "a day later"))

    kept = SectionRevision.objects.filter(section=lessons).order_by("version")
    assert [row.text for row in kept] == ["", "abc", "a day later"]
    lessons.refresh_from_db()
    assert [revisions.text_at(lessons, version) for version in range(1, 6)] == ["", "", "", "abc", "a day later"]


def test_versions_that_never_were_have_no_text(story):
    assert [revisions.text_at(story.section("lessons"), version) for version in (0, -1, 2)] == [None, None, None]


def test_a_changed_word_is_shown_as_the_word_alone():
    assert compare("The disk was full.", "The log was full.") == [
        Piece("same", "The "),
        Piece("removed", "disk"),
        Piece("added", "log"),
        Piece("same", " was full."),
    ]


def test_a_change_of_very_many_words_is_shown_as_a_whole():
    pieces = compare("a " * 9_000, "b " * 9_000)

    assert [piece.kind for piece in pieces] == ["removed", "added", "same"]


@given(TEXTS, TEXTS)
def test_a_comparison_holds_both_texts_whole(before, after):
    pieces = compare(before, after)

    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
