"""Slack: pages with buttons, and the answers that come back signed."""

import hashlib
import hmac
import json
import time

import pytest

from oncall.models import Channel, DeliveryState
from tests.oncall.outbox import declared, everything_written, reached_by, send
from tests.providers.server import Answer, Provider

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # apprise, as it loads its plugins
]


@pytest.fixture
def slack(settings):
    server = Provider(lambda asked: Answer(200, b'{"ok": true, "ts": "1.2"}', {"Content-Type": "application/json"}))
    settings.SLACK_URL, settings.SLACK_BOT_TOKEN, settings.SLACK_SIGNING_SECRET = server.url, "xoxb-secret-1", "signing"
    yield server
    server.close()


def said_no(word):
    return Answer(200, json.dumps({"ok": False, "error": word}).encode(), {"Content-Type": "application/json"})


def test_slack_gets_the_page_with_buttons(chain, slack):
    reached_by(chain.ada, Channel.CHAT, "U01ABCDEF")
    incident = declared(chain)

    delivery = send(Channel.CHAT)

    [asked] = slack.asked
    said = asked.json if asked.body.startswith(b"{") else asked.form
    blocks = said["blocks"] if isinstance(said["blocks"], list) else json.loads(said["blocks"])
    assert (asked.path, said["channel"]) == ("/api/chat.postMessage", "U01ABCDEF")
    assert asked.headers["Authorization"] == "Bearer xoxb-secret-1"
    assert incident.ref in said["text"]
    assert [button["action_id"] for button in blocks[-1]["elements"]] == ["take", "pass", "over"]
    assert delivery.state == DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (said_no("ratelimited"), "pending", "Slack said ratelimited"),
        (said_no("channel_not_found"), "failed", "Slack said channel_not_found"),
        (said_no("invalid_auth"), "failed", "Slack said invalid_auth"),
        (Answer(429, b'{"ok": false, "error": "ratelimited"}', {"Retry-After": "30"}), "pending", "Slack said 429"),
        (Answer(500, b"oops"), "pending", "Slack"),
        (Answer(200, b"<html>"), "pending", "Slack"),
        (Answer(hang_up=True), "pending", "Slack could not be reached"),
    ],
)
def test_slacks_refusals_are_told_apart(chain, slack, answer, state, words):
    reached_by(chain.ada, Channel.CHAT, "U01ABCDEF")
    incident = declared(chain)
    slack.answers = [answer]

    delivery = send(Channel.CHAT)

    assert (delivery.state, delivery.error[: len(words)]) == (state, words)
    assert not [text for text in everything_written(incident) if "xoxb" in text]


def test_a_name_that_is_no_member_is_said_to_be_none(chain, slack):
    reached_by(chain.ada, Channel.CHAT, "@ada")
    declared(chain)

    assert send(Channel.CHAT).error == "Slack needs the member ID, such as U01ABCDEF"


def pressed(client, payload, *, signed_with="signing", at=None):
    body = "payload=" + json.dumps(payload).replace("&", "%26").replace("+", "%2B")
    stamp = str(int(at or time.time()))
    digest = hmac.new(signed_with.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
    return client.post("/slack/actions/", body, content_type="application/x-www-form-urlencoded", headers=headers)


@pytest.fixture
def press(chain, slack, client):
    """Press a button under Ada's page."""
    reached_by(chain.ada, Channel.CHAT, "@U01ABCDEF")
    incident = declared(chain)
    send(Channel.CHAT)
    asked = slack.asked.pop()
    blocks = asked.json["blocks"] if asked.body.startswith(b"{") else json.loads(asked.form["blocks"])

    def press(deed, member="U01ABCDEF", **said):
        value = blocks[-1]["elements"][0]["value"]
        payload = {
            "user": {"id": member},
            "actions": [{"action_id": deed, "value": value}],
            "response_url": f"{slack.url}/actions/1",
            "message": {"blocks": blocks},
        }
        return pressed(client, payload, **said)

    press.incident = incident
    return press


def test_a_button_takes_the_page_and_gives_way_to_what_happened(chain, slack, press):
    assert press("take").status_code == 200

    press.incident.refresh_from_db()
    assert press.incident.held_by == chain.ada
    assert press.incident.timeline.get(kind="acknowledged").text == "Acknowledged by chat."
    said = slack.asked[0].json
    assert said["replace_original"] is True
    assert said["text"].startswith(f"You have {press.incident.ref}.")
    assert [block["type"] for block in said["blocks"]] == ["header", "section", "section"]


def test_a_button_pressed_by_somebody_else_does_nothing(slack, press):
    press("take", member="U99ZZZZZZ")

    press.incident.refresh_from_db()
    assert press.incident.held_by is None
    assert slack.asked[0].json["text"] == "This is a page for Ada: only they can answer it here."


@pytest.mark.parametrize("said", [{"signed_with": "another"}, {"at": 1_000_000_000}])
def test_a_button_with_a_wrong_or_an_old_signature_is_refused(press, said):
    assert press("take", **said).status_code == 403

    press.incident.refresh_from_db()
    assert press.incident.held_by is None


def test_a_button_counts_even_when_slack_does_not_take_the_answer(chain, slack, press):
    slack.answers = [Answer(500)]

    assert press("over").status_code == 200

    press.incident.refresh_from_db()
    assert press.incident.status == "resolved"


def test_the_answer_to_a_button_goes_to_slack_alone(slack, client, chain):
    payload = {
        "user": {"id": "U1"},
        "actions": [{"action_id": "take", "value": "x"}],
        "response_url": "http://127.0.0.1:1/",
    }

    assert pressed(client, payload).status_code == 200
    assert slack.asked == []
    assert pressed(client, {"actions": []}).status_code == 400


def test_without_a_signing_secret_there_is_no_door_for_slack(client, settings):
    settings.SLACK_SIGNING_SECRET = ""

    assert client.post("/slack/actions/", {}).status_code == 404
