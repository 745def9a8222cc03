"""Action items over the API."""

import pytest

from incidents.models import Access, Scope
from postmortems.models import ActionItem
from tests.api_caller import Caller, fields_of, responder
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(db):
    return responder(name="Lee Park", email="lee@example.com")


@pytest.fixture
def body(story):
    def body(**said):
        return {"postmortem": story.incident.number, "title": "Alert on the pool", "owner": "lee@example.com", **said}

    return body


def root_of(caller, story):
    said = {"answer": "No review", "is_root_cause": True, "category": "process", "enough_because": "Ours."}
    return caller.post(f"postmortems/{story.incident.number}/whys", **said).json()["id"]


def test_r77_r79_an_action_item_is_made_and_read(caller, body, story):
    root = root_of(caller, story)

    made = caller.post("action-items", **body(kind="detect", term="short", due="2099-01-01", root_causes=[root]))
    assert fields_of(made) == ["due"]
    made = caller.post("action-items", **body(kind="detect", term="short", root_causes=[root]))

    assert made.status_code == 201, made.content
    said = made.json()
    assert {name: said[name] for name in ("postmortem", "title", "owner", "kind", "term", "status", "root_causes")} == {
        "postmortem": story.incident.number,
        "title": "Alert on the pool",
        "owner": "lee@example.com",
        "kind": "detect",
        "term": "short",
        "status": "open",
        "root_causes": [root],
    }
    assert caller.get("action-items").json()["items"] == [said]
    assert caller.get(f"action-items/{said['id']}").json() == said
    assert caller.get(f"postmortems/{story.incident.number}/whys").json()["items"][1]["addressed"] is True


def test_i51_closing_needs_a_proof(caller, body):
    pk = caller.post("action-items", **body()).json()["id"]
    assert fields_of(caller.patch(f"action-items/{pk}", status="done")) == ["verified_how"]

    done = caller.patch(f"action-items/{pk}", status="done", verified_how="It rang.", version=1).json()

    assert (done["status"], done["verified_how"], done["late"], done["version"]) == ("done", "It rang.", False, 2)
    assert done["closed_at"] is not None
    assert caller.patch(f"action-items/{pk}", title="x", version=1).status_code == 409
    assert caller.patch(f"action-items/{pk}", title="Better", root_causes=[]).json()["title"] == "Better"


def test_the_list_is_narrowed(caller, body, story):
    UserFactory(email="ann@example.com")
    one = caller.post("action-items", **body()).json()
    two = caller.post("action-items", **body(owner="ann@example.com")).json()
    caller.patch(f"action-items/{two['id']}", status="in_progress")
    ActionItem.objects.filter(pk=one["id"]).update(due_date="2026-01-01")

    def ids(**query):
        return [item["id"] for item in caller.get("action-items", **query).json()["items"]]

    assert ids() == [one["id"], two["id"]]
    assert ids(owner="ANN@example.com") == [two["id"]]
    assert ids(status="in_progress") == [two["id"]]
    assert ids(late="true") == [one["id"]]
    assert ids(postmortem=story.incident.number + 1000) == []
    assert [item["id"] for item in caller.get_all("action-items", limit=1)] == [one["id"], two["id"]]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"owner": None}, "owner"),
        ({"owner": "nobody@example.com"}, "owner"),
        ({"title": ""}, "title"),
        ({"kind": "pray"}, "kind"),
        ({"due": "soon"}, "due"),
        ({"due": "2020-01-01"}, "due"),
        ({"root_causes": [10**9]}, "root_causes"),
        ({"postmortem": 10**6}, "postmortem"),
    ],
)
def test_what_cannot_be_names_its_field(caller, body, said, field):
    assert fields_of(caller.post("action-items", **body(**said))) == [field]
    assert not ActionItem.objects.exists()


def test_an_action_without_owner_is_refused(caller, body):
    said = body()
    del said["owner"]
    assert fields_of(caller.post("action-items", **said)) == ["owner"]


def test_who_may_what(caller, body, begin):
    pk = caller.post("action-items", **body()).json()["id"]
    assert Caller(UserFactory(), Scope.READ).patch(f"action-items/{pk}", title="x").status_code == 403
    assert Caller(UserFactory(access=Access.VIEWER)).post("action-items", **body()).status_code == 403
    hidden = begin(private=True)
    hidden.resolve()
    assert fields_of(responder().post("action-items", **body(postmortem=hidden.incident.number))) == ["postmortem"]
