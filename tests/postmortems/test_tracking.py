"""Action items as issues of GitHub, GitLab and Jira, spoken to over a real line that misbehaves."""

import json
import logging
from datetime import timedelta

import pytest

from incidents import sealing
from incidents.models import Notice
from incidents.refusals import Conflict, Invalid
from postmortems import actions, trackers, tracking
from postmortems.actions import Ending, Plan
from postmortems.models import Issue, Tracker
from tests.api_caller import fields_of, responder
from tests.factories import AdministratorFactory, TeamFactory
from tests.providers.server import Answer, Provider

TOKEN = "tracker-secret-5f3a9c"
MADE = {
    "github": {"number": 7, "html_url": "https://github.example/o/r/issues/7", "state": "open"},
    "gitlab": {"iid": 7, "web_url": "https://gitlab.example/o/r/-/issues/7", "state": "opened"},
    "jira": {"key": "OPS-7", "id": "1"},
}
CLOSED = {
    "github": {**MADE["github"], "state": "closed"},
    "gitlab": {**MADE["gitlab"], "state": "closed"},
    "jira": {"key": "OPS-7", "fields": {"status": {"statusCategory": {"key": "done"}}}},
}
PATHS = {
    "github": "/repos/o/r/issues",
    "gitlab": "/api/v4/projects/o%2Fr/issues",
    "jira": "/rest/api/2/issue",
}


def said(value, status=200):
    return Answer(status, json.dumps(value).encode())


@pytest.fixture
def line():
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def at(story):
    return story.minute(60)


@pytest.fixture
def item(story, writer, at):
    return actions.add(story.incident, Plan("Review SQL", writer, detail="All of it."), by=writer, at=at)


@pytest.fixture
def make_tracker(line):
    def make(kind="github", **said):
        project = "OPS" if kind == "jira" else "o/r"
        known = {"name": kind, "base_url": line.url, "project": project, "sealed": sealing.seal(TOKEN)}
        return Tracker.objects.create(kind=kind, **{**known, **said})

    return make


def do(at):
    """What tick and task do at an instant."""
    for bell in tracking.ring_due(at).bells:
        tracking.exchange(int(dict(bell.kwargs)["issue"]), at)


@pytest.mark.parametrize("kind", ["github", "gitlab", "jira"])
def test_an_item_becomes_an_issue_and_its_state_comes_back(item, make_tracker, line, writer, at, kind):
    line.answers = [said(MADE[kind], 201), said(CLOSED[kind])]
    tracking.push(item, make_tracker(kind), by=writer, at=at)

    do(at)
    issue = Issue.objects.get()
    assert (issue.key, issue.is_closed, issue.last_error) == (str(MADE[kind].get("key", 7)), False, "")
    assert issue.url.endswith("/7" if kind != "jira" else "/browse/OPS-7")
    do(at + tracking.EVERY)

    issue.refresh_from_db()
    assert issue.is_closed
    made, looked = line.asked
    assert (made.method, made.path, looked.method) == ("POST", PATHS[kind], "GET")
    assert looked.path.startswith(f"{PATHS[kind]}/{issue.key}")
    assert "Review SQL" in made.body.decode()
    assert f"tocsin-action-{item.pk}." in made.body.decode()
    header = made.headers["PRIVATE-TOKEN"] if kind == "gitlab" else made.headers["Authorization"]
    assert header.endswith(TOKEN)
    assert (
        "close “Review SQL” with how it was seen to work" in Notice.objects.get(dedupe_key__contains=":closed:").subject
    )


def test_what_is_closed_on_both_sides_is_not_looked_at_any_more(item, make_tracker, line, writer, at):
    line.answers = [said(MADE["github"]), said(CLOSED["github"])]
    tracking.push(item, make_tracker(), by=writer, at=at)
    do(at)
    actions.edit(item, actions.plan_of(item), Ending("done", verified_how="A test."), by=writer, at=at)

    do(at + tracking.EVERY)

    assert Issue.objects.get().due_at is None
    assert not Notice.objects.filter(dedupe_key__contains=":closed:").exists()


@pytest.mark.parametrize(
    ("answer", "words", "is_over"),
    [
        (Answer(401), "does not know the token (401)", True),
        (Answer(403), "does not allow it (403)", True),
        (Answer(404), "knows no such project or issue (404)", True),
        (Answer(422), "refused it (422)", True),
        (Answer(429), "refused it (429)", False),
        (Answer(500), "refused it (500)", False),
        (Answer(302, headers={"Location": "http://127.0.0.1:1/"}), "refused it (302)", False),
        (Answer(hang_up=True), "could not be reached", False),
        (Answer(200, b"<html>"), "answered with something that is no JSON", False),
        (Answer(200, b"[]"), "answered without the number", False),
        (Answer(200, b'{"number": {"a": 1}}'), "answered without the number", False),
        (Answer(200, b"x" * 1_100_000), "did not end its answer", False),
        (Answer(200, b"{}", silence=2), "did not answer in time", False),
    ],
)
def test_a_tracker_that_misbehaves_is_told_in_words_without_the_token(
    item, make_tracker, line, writer, at, answer, words, is_over, monkeypatch, caplog
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(trackers, "TIMEOUT", 1)
    line.answers = [answer]
    tracking.push(item, make_tracker(), by=writer, at=at)

    do(at)

    issue = Issue.objects.get()
    assert words in issue.last_error
    assert (issue.due_at is None) == is_over
    assert issue.key == ""
    assert Notice.objects.filter(dedupe_key__contains=":failed:").exists() == is_over
    assert TOKEN not in caplog.text + issue.last_error + "".join(Notice.objects.values_list("text", flat=True))


def test_who_heard_nothing_looks_before_making_a_second_one(item, make_tracker, line, writer, at):
    mark = f"tocsin-action-{item.pk}."
    line.answers = [Answer(hang_up=True), said([{**MADE["github"], "body": f"Text. {mark}"}])]
    tracking.push(item, make_tracker(), by=writer, at=at)

    do(at)
    do(at + timedelta(minutes=5))

    assert [asked.method for asked in line.asked] == ["POST", "GET"]
    assert Issue.objects.get().key == "7"


def test_an_address_that_is_none_of_the_web_is_not_linked(item, make_tracker, line, writer, at):
    line.answers = [said({**MADE["github"], "html_url": "javascript:alert(1)"})]
    tracking.push(item, make_tracker(), by=writer, at=at)

    do(at)

    assert (Issue.objects.get().key, Issue.objects.get().url) == ("7", "")


def test_it_is_sent_once_only_to_trackers_of_the_team_and_never_from_a_private_incident(
    item, make_tracker, begin, writer, at
):
    tracker = make_tracker()
    tracking.push(item, tracker, by=writer, at=at)
    with pytest.raises(Conflict):
        tracking.push(item, tracker, by=writer, at=at)
    with pytest.raises(Invalid):
        tracking.push(item, make_tracker("gitlab", team=TeamFactory()), by=writer, at=at)
    hidden = begin(private=True, by=writer)
    hidden.resolve()
    secret = actions.add(hidden.incident, Plan("Secret", writer), by=writer, at=at)
    with pytest.raises(Invalid):
        tracking.push(secret, tracker, by=writer, at=at)


def test_a_key_of_another_age_is_told_and_another_try_is_possible(item, make_tracker, writer, at, settings, line):
    tracker = make_tracker()
    tracking.push(item, tracker, by=writer, at=at)
    settings.SECRET_KEY = "another-" * 8

    do(at)

    assert "another SECRET_KEY" in Issue.objects.get().last_error
    assert line.asked == []
    assert tracking.push(item, tracker, by=writer, at=at).due_at == at


def test_r84_it_is_sent_by_a_plain_form_and_shown_on_its_page(item, make_tracker, line, browser, at):
    line.answers = [said(MADE["github"])]
    home = f"/action-items/{item.pk}/"
    assert "Make an issue in" not in browser.get(home).content.decode()
    tracker = make_tracker()
    assert "Make an issue in" in browser.get(home).content.decode()

    browser.post(f"{home}push/", {"tracker": tracker.pk})
    assert "on its way to github" in browser.get(home).content.decode()
    do(Issue.objects.get().due_at)

    page = browser.get(home).content.decode()
    assert 'href="https://github.example/o/r/issues/7"' in page
    assert "open there" in page
    assert browser.post(f"{home}push/", {"tracker": "x"}).status_code == 302


def test_only_responders_send(item, make_tracker, signed_in, viewer):
    answer = signed_in(viewer).post(f"/action-items/{item.pk}/push/", {"tracker": make_tracker().pk})

    assert answer.status_code == 403
    assert not Issue.objects.exists()


def test_an_administrator_keeps_a_token_that_is_never_shown_again(client, db):
    client.force_login(AdministratorFactory())
    said = {"name": "Ours", "kind": "github", "base_url": "https://api.github.com", "project": "o/r", "is_active": "on"}
    client.post("/admin/postmortems/tracker/add/", {**said, "token": TOKEN})
    tracker = Tracker.objects.get()
    assert sealing.unseal(tracker.sealed) == TOKEN
    assert TOKEN not in tracker.sealed

    page = client.get(f"/admin/postmortems/tracker/{tracker.pk}/change/").content.decode()
    client.post(f"/admin/postmortems/tracker/{tracker.pk}/change/", {**said, "project": "o/s", "token": ""})

    tracker.refresh_from_db()
    assert (tracker.project, sealing.unseal(tracker.sealed)) == ("o/s", TOKEN)
    assert TOKEN not in page
    assert tracker.sealed not in page


def test_issues_over_the_api(item, make_tracker):
    caller, path = responder(), f"action-items/{item.pk}/issue"
    assert caller.get(path).status_code == 404
    assert fields_of(caller.post(path, tracker="none")) == ["tracker"]
    make_tracker()

    assert caller.post(path, tracker="github").json()["key"] == ""
    assert caller.post(path, tracker="github").status_code == 409
    assert caller.get(path).json()["tracker"] == "github"
