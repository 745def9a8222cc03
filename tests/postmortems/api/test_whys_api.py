"""The five whys over the API."""

import pytest

from incidents.models import Access, Scope, TimelineEntry
from postmortems.models import DocumentStatus, Postmortem, Why
from tests.api_caller import Caller, fields_of, responder
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(db):
    return responder(name="Lee Park")


@pytest.fixture
def path(story):
    return f"postmortems/{story.incident.number}/whys"


def test_r73_r74_the_tree_is_asked_and_read(caller, path):
    [symptom] = caller.get(path).json()["items"]
    assert (symptom["depth"], symptom["kind"], symptom["parents"]) == (0, "symptom", [])

    first = caller.post(path, answer="The pool was exhausted")
    assert first.status_code == 201, first.content
    first = first.json()
    second = caller.post(path, parents=[first["id"]], answer="Slow queries", question="Why was it full?").json()

    assert (first["parents"], first["depth"]) == ([symptom["id"]], 1)
    assert first["question"].startswith("Why is it that Card payments failing at checkout")
    assert (second["depth"], second["question"], second["is_root_cause"]) == (2, "Why was it full?", False)
    read = caller.get(path).json()
    assert [item["answer"] for item in read["items"]][1:] == ["The pool was exhausted", "Slow queries"]
    assert (read["target_depth"], read["deepest"], read["next"]) == (5, 2, None)


def test_a_shared_root_has_two_parents_and_a_circle_is_refused(caller, path):
    one, two = (caller.post(path, answer=answer).json() for answer in ("one", "two"))
    shared = caller.post(path, parents=[one["id"], two["id"]], answer="shared").json()
    assert (shared["parents"], shared["depth"]) == ([one["id"], two["id"]], 2)

    refused = caller.patch(f"{path}/{one['id']}", parents=[shared["id"]])

    assert fields_of(refused) == ["parents"]
    assert "run in a circle" in refused.json()["detail"]
    moved = caller.patch(f"{path}/{shared['id']}", parents=[two["id"]], version=shared["version"]).json()
    assert (moved["parents"], moved["version"]) == ([two["id"]], 2)
    assert caller.patch(f"{path}/{shared['id']}", answer="x", version=1).status_code == 409


def test_r78_a_root_cause_needs_a_systemic_category_and_depth_or_a_reason(caller, path):
    assert fields_of(caller.post(path, answer="x", is_root_cause=True)) == ["category"]
    assert fields_of(caller.post(path, answer="x", category="human_error")) == ["category"]
    assert fields_of(caller.post(path, answer="x", is_root_cause=True, category="process")) == ["enough_because"]
    root = caller.post(path, answer="x", is_root_cause=True, category="process", enough_because="Deep enough.")
    assert root.status_code == 201
    assert root.json()["addressed"] is False
    address = f"{path}/{root.json()['id']}"
    assert caller.patch(address, accepted_risk="Too rare.").json()["addressed"] is True
    assert caller.patch(address, accepted_risk=None).json()["addressed"] is False


def test_reading_backwards_and_ticking(caller, path, story):
    one = caller.post(path, answer="one").json()
    backwards = f"postmortems/{story.incident.number}/therefore"
    [step] = caller.get(backwards).json()["items"]
    assert step == {"because": one["id"], "therefore": one["parents"][0], "holds": False, "holds_at": None}

    answer = caller.send("PUT", f"{path}/{one['id']}/therefore", f'{{"parent": {one["parents"][0]}}}')

    assert answer.json()["holds"] is True
    assert caller.get(backwards).json()["items"][0]["holds"] is True
    assert fields_of(caller.send("PUT", f"{path}/{one['id']}/therefore", '{"parent": 0}')) == ["parent"]


def test_remove_restore_depth_and_evidence(caller, path, story):
    one = caller.post(path, answer="one").json()
    assert caller.send("DELETE", f"{path}/{one['id']}").status_code == 204
    assert len(caller.get(path).json()["items"]) == 1
    assert len(caller.post(f"{path}/{one['id']}/restore").json()["items"]) == 2

    assert caller.patch(path, target_depth=3).json()["target_depth"] == 3
    assert fields_of(caller.patch(path, target_depth=11)) == ["target_depth"]

    entry = TimelineEntry.objects.filter(incident=story.incident).first()
    given = caller.post(f"{path}/{one['id']}/evidence", entry=entry.pk, label="first sign")
    assert given.status_code == 201
    assert caller.get(path).json()["items"][1]["evidence"] == [given.json()]
    assert fields_of(caller.post(f"{path}/{one['id']}/evidence", entry=10**9)) == ["entry"]
    assert (
        caller.send("DELETE", f"postmortems/{story.incident.number}/evidence/{given.json()['id']}").status_code == 204
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "answer"),
        ({"answer": ""}, "answer"),
        ({"answer": "x", "parents": [10**9]}, "parents"),
        ({"answer": "x", "kind": "symptom"}, "kind"),
        ({"answer": "x", "confidence": "sure"}, "confidence"),
        ({"answer": "x", "depth": 1}, "depth"),
    ],
)
def test_a_body_that_makes_no_sense_names_its_field(caller, path, body, field):
    assert fields_of(caller.post(path, **body)) == [field]
    assert Why.objects.count() == 1


def test_who_may_what(path, begin):
    reader = Caller(UserFactory(), Scope.READ)
    assert reader.get(path).status_code == 200
    assert reader.post(path, answer="x").status_code == 403
    assert Caller(UserFactory(access=Access.VIEWER)).post(path, answer="x").status_code == 403
    hidden = begin(private=True)
    hidden.resolve()
    assert responder().get(f"postmortems/{hidden.incident.number}/whys").status_code == 404
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)
    assert responder().post(path, answer="x").status_code == 409
