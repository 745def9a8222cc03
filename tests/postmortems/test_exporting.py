"""A postmortem as a file, read back."""

import json

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from markdown import markdown

from postmortems import actions, editing, whys
from postmortems.actions import Plan
from postmortems.whys import Said
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lee(db):
    return UserFactory(name="Lee Park")


@pytest.fixture
def written(story, lee):
    """A postmortem with a text, a shared root cause two whys deep, and an action for it."""
    at = timezone.now()
    editing.save_section(story.section("lessons"), text="The *rollback* was quick.", base_version=1, by=lee, at=at)
    first = whys.ask(story.document, Said("The pool was exhausted"), by=lee, at=at)
    other = whys.ask(story.document, Said("The alarm came late"), by=lee, at=at)
    cause = Said("No limit on <b>slow</b> queries", is_root_cause=True, category="process", enough_because="ours")
    root = whys.ask(story.document, cause, under=[first.pk, other.pk], by=lee, at=at)
    whys.add_evidence(root, url="https://graphs.example.com/1", label="Slow queries", by=lee, at=at)
    item = actions.add(story.incident, Plan("Limit slow queries", lee, root_causes=(root.pk,)), by=lee, at=at)
    return story, first, root, item


def fetch(client, story, form):
    return client.get(f"/postmortems/{story.incident.number}/export.{form}")


def test_i50_the_json_holds_the_sections_the_tree_and_the_actions(written, signed_in, lee):
    story, _first, root, item = written

    answer = fetch(signed_in(lee), story, "json")

    said = json.loads(answer.content)
    assert answer["Content-Disposition"] == f'attachment; filename="{story.incident.ref}-postmortem.json"'
    assert said["incident"]["ref"] == story.incident.ref
    assert [each["key"] for each in said["sections"]][-1] == "lessons"
    assert said["sections"][-1]["text"] == "The *rollback* was quick."
    tree = said["whys"]["tree"]
    assert (tree["kind"], [cause["answer"] for cause in tree["causes"]]) == (
        "symptom",
        ["The pool was exhausted", "The alarm came late"],
    )
    below = [cause for branch in tree["causes"] for cause in branch["causes"]]
    told, referred = sorted(below, key=lambda cause: "see" in cause)
    assert (told["id"], told["is_root_cause"], told["category"]) == (root.pk, True, "process")
    assert told["evidence"] == [{"text": "Slow queries", "at": None, "url": "https://graphs.example.com/1"}]
    assert referred == {"see": root.pk}
    [action] = [each for each in said["action_items"] if each["id"] == item.pk]
    assert (action["owner"], action["root_causes"], action["status"]) == ("Lee Park", [root.pk], "open")


def test_i50_the_markdown_has_its_ids_in_the_front_matter_and_draws_the_tree(written, signed_in, lee):
    story, _first, root, item = written

    text = fetch(signed_in(lee), story, "md").content.decode()

    front = yaml.safe_load(text.split("---\n")[1])
    assert (front["incident"], front["title"]) == (story.incident.number, story.incident.title)
    assert front["action_items"] == [item.pk]
    body = markdown(text.split("---\n", 2)[2], extensions=["sane_lists"])
    assert body.count("<h2>") == 6
    assert f"No limit on <b>slow</b> queries **(root cause)** `why {root.pk}`" in text
    assert f"- see why {root.pk}" in text
    assert (
        f"- [ ] Limit slow queries (Lee Park, due {item.due_date}, open, for why {root.pk}) `action {item.pk}`" in text
    )


def test_i50_the_page_holds_the_same_and_nothing_in_it_runs(written, signed_in, lee):
    story, _first, root, _item = written
    evil = "<script>alert(1)</script> [x](javascript:alert(2))"
    editing.save_section(story.section("summary"), text=evil, base_version=1, by=lee, at=timezone.now())

    page = fetch(signed_in(lee), story, "html").content.decode()

    assert page.startswith("<!doctype html>")
    assert "<em>rollback</em>" in page
    assert f"<code>why {root.pk}</code>" in page
    assert "<script" not in page
    assert 'href="javascript' not in page


def test_an_export_shows_what_was_frozen(written, signed_in, lee):
    story, *_ = written
    facts = {"severity": "P0 as it was", "moments": [], "percent": "12 %"}
    document = story.document
    document.status, document.facts = "published", facts
    document.save()

    assert json.loads(fetch(signed_in(lee), story, "json").content)["facts"] == facts


def test_strangers_of_a_private_incident_and_other_forms_get_nothing(begin, signed_in, lee):
    story = begin(private=True)
    story.resolve()

    assert [fetch(signed_in(lee), story, form).status_code for form in ("md", "html", "json", "pdf")] == [404] * 4


def test_an_export_costs_the_same_for_many_whys_and_actions(written, signed_in, lee):
    story, first, root, _item = written
    client, costs = signed_in(lee), []
    for size in (0, 20):
        for number in range(size):
            whys.ask(story.document, Said(f"cause {number}"), under=[first.pk], by=lee, at=timezone.now())
            actions.add(story.incident, Plan(f"act {number}", lee, root_causes=(root.pk,)), by=lee, at=timezone.now())
        with CaptureQueriesContext(connection) as asked:
            fetch(client, story, "json")
        costs.append(len(asked))

    assert costs[0] == costs[1] <= 28
