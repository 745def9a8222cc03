"""The document over the API."""

import pytest

from incidents.models import Access, Scope
from postmortems.models import DocumentStatus, Postmortem
from tests.api_caller import Caller, responder
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(db):
    return responder(name="Lee Park")


@pytest.fixture
def path(story):
    return f"postmortems/{story.incident.number}"


def test_i44_the_six_sections_are_read_in_their_order(caller, path, story):
    read = caller.get(path).json()

    keys = ["summary", "timeline", "impact", "root_cause", "improvements", "lessons"]
    assert [section["key"] for section in read["sections"]] == keys
    assert (read["incident"], read["ref"], read["status"]) == (story.incident.number, story.incident.ref, "draft")
    assert set(read["sections"][0]) == {"key", "title", "text", "version", "edited_by", "edited_at"}


def test_a_section_is_written(caller, path, story):
    answer = caller.patch(f"{path}/sections/lessons", text="Rollback was quick.", version=1)

    assert answer.status_code == 200
    assert (answer.json()["text"], answer.json()["version"]) == ("Rollback was quick.", 2)
    assert story.text("lessons") == "Rollback was quick."


def test_a_stale_version_gets_both_texts_and_what_they_would_become(caller, path, story):
    caller.patch(f"{path}/sections/lessons", text="one\ntwo", version=1)
    caller.patch(f"{path}/sections/lessons", text="ONE\ntwo", version=2)

    answer = caller.patch(f"{path}/sections/lessons", text="one\ntwo\nthree", version=2)

    said = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert said["type"] == "urn:tocsin:problem:stale-version"
    assert (said["theirs"]["text"], said["theirs"]["version"]) == ("ONE\ntwo", 3)
    assert (said["base"], said["merged"]) == ("one\ntwo", "ONE\ntwo\nthree")
    assert story.text("lessons") == "ONE\ntwo"
    again = caller.patch(f"{path}/sections/lessons", text=said["merged"], version=3)
    assert again.json()["version"] == 4


def test_what_contradicts_itself_has_no_merged_text(caller, path):
    caller.patch(f"{path}/sections/lessons", text="theirs", version=1)

    assert caller.patch(f"{path}/sections/lessons", text="mine", version=1).json()["merged"] is None


@pytest.mark.parametrize(
    "said", [{}, {"text": "x"}, {"version": 1}, {"text": 1, "version": 1}, {"text": "x", "version": 0}]
)
def test_a_body_that_is_not_whole_is_refused(caller, path, said, story):
    assert caller.patch(f"{path}/sections/lessons", **said).status_code == 422
    assert story.section("lessons").version == 1


def test_too_long_published_unknown_and_foreign_are_refused(caller, path, story):
    assert caller.patch(f"{path}/sections/lessons", text="x" * 100_001, version=1).status_code == 422
    assert caller.patch(f"{path}/sections/nothing", text="x", version=1).status_code == 404
    assert caller.patch("postmortems/999/sections/lessons", text="x", version=1).status_code == 404
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)
    assert caller.patch(f"{path}/sections/lessons", text="x", version=1).status_code == 409


def test_viewers_and_reading_tokens_write_nothing(path, story):
    viewer = UserFactory(access=Access.VIEWER)
    for person, scope in ((viewer, Scope.WRITE), (UserFactory(), Scope.READ)):
        assert Caller(person, scope).patch(f"{path}/sections/lessons", text="x", version=1).status_code == 403
    assert story.text("lessons") == ""
