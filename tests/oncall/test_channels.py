"""Chat, push and webhooks through the real libraries, against servers that misbehave on purpose."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import due
from oncall import channels, contacts, leasing, sealing, sending, tasks
from oncall.channels import answers, outward, webhook
from oncall.channels.contract import DeliveryError
from oncall.models import Attempt, Channel, ContactMethod, Delivery, DeliveryState
from tests.oncall.conftest import story
from tests.providers.server import Answer, Provider

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # apprise, as it loads its plugins
]
HOOK = "h" * 26  # a Mattermost webhook's key


def reached_by(person, channel, address):
    """Ada has this one way alone, which is verified."""
    person.contact_methods.all().delete()
    return contacts.add(person, channel=channel, address=address, verified=True, at=timezone.now())


def declared(chain, **said):
    incident = chain.declare(2, at=timezone.now() - timedelta(seconds=1), **said)
    due.settle(due.database_now())
    return incident


def send(channel, **later):
    sending.send_due(channel, at=due.database_now() + timedelta(**later))
    return Delivery.objects.filter(channel=channel).order_by("pk").last()


def everything_written(incident):
    """Whatever people can read of a delivery."""
    yield from story(incident)
    yield from Delivery.objects.values_list("error", flat=True)
    yield from Delivery.objects.values_list("address", flat=True)
    yield from Attempt.objects.values_list("detail", flat=True)
    yield from ContactMethod.objects.values_list("address", flat=True)
    yield from ContactMethod.objects.values_list("secret", flat=True)
    yield from map(str, ContactMethod.objects.all())


# --- chat through Apprise -----------------------------------------------------------------------------------------


@pytest.fixture
def mattermost(provider):
    """The Apprise URL of a Mattermost of the test's own."""
    return f"{provider.url.replace('http', 'mmost')}/{HOOK}"


def test_a_page_goes_to_a_chat_by_its_apprise_url(chain, provider, mattermost):
    reached_by(chain.ada, Channel.CHAT, mattermost)
    incident = declared(chain, title="Card payments fail")

    delivery = send(Channel.CHAT)

    [asked] = provider.asked
    assert asked.path == f"/hooks/{HOOK}"
    assert incident.ref in asked.json["text"]
    assert "/a/" in asked.json["text"]
    assert (delivery.state, delivery.address[:12]) == (DeliveryState.ACCEPTED, "Mattermost (")


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (Answer(429), DeliveryState.PENDING, "Mattermost said 429"),
        (Answer(503), DeliveryState.PENDING, "Mattermost said 503"),
        (Answer(hang_up=True), DeliveryState.PENDING, "Mattermost could not be reached"),
        (Answer(404), DeliveryState.FAILED, "Mattermost said 404"),
    ],
)
def test_a_chat_that_refuses_is_told_apart_from_one_that_is_away(chain, provider, mattermost, answer, state, words):
    reached_by(chain.ada, Channel.CHAT, mattermost)
    declared(chain)
    provider.answers = [answer]

    delivery = send(Channel.CHAT)

    assert (delivery.state, delivery.error, len(provider.asked)) == (state, words, 1)


def test_the_key_in_a_chat_address_is_shown_nowhere(chain, provider, mattermost, caplog, monkeypatch):
    caplog.set_level("DEBUG")
    method = reached_by(chain.ada, Channel.CHAT, mattermost)
    incident = declared(chain)
    provider.answers = [Answer(429), Answer(hang_up=True), Answer(403)]

    for tries in range(3):
        send(Channel.CHAT, seconds=16 * tries)

    assert len(provider.asked) == 3
    assert not [text for text in everything_written(incident) if HOOK in text]
    assert sealing.unseal(method.secret) == mattermost
    events = type(method)._meta.apps.get_model("oncall", "ContactMethodEvent")
    assert "secret" not in {field.name for field in events._meta.fields}


def test_a_library_that_breaks_leaves_no_secret_in_the_log(chain, provider, mattermost, caplog, monkeypatch):
    reached_by(chain.ada, Channel.CHAT, mattermost)
    incident = declared(chain)

    def breaks(self, message):
        raise RuntimeError(f"cannot reach {message.address}")

    monkeypatch.setattr("oncall.channels.chat.AppriseTransport.send", breaks)

    delivery = send(Channel.CHAT)

    assert delivery.error == "internal fault: RuntimeError"
    assert "RuntimeError" in caplog.text
    assert HOOK not in caplog.text
    assert not [text for text in everything_written(incident) if HOOK in text]


def test_after_a_change_of_the_secret_key_a_sealed_address_fails_in_words(chain, provider, mattermost, settings):
    reached_by(chain.ada, Channel.CHAT, mattermost)
    declared(chain)
    settings.SECRET_KEY = "another key of which nobody need be afraid to read it here"

    delivery = send(Channel.CHAT)

    assert delivery.error == "SECRET_KEY has changed since the address was added; add it again"
    assert provider.asked == []


def test_only_services_that_are_known_as_chats_are_asked(chain):
    for address in ("json://127.0.0.1/x", "syslog://", "file:///etc/passwd", "mailto://a:b@example.com", "nothing://x"):
        with pytest.raises(contacts.Invalid):
            contacts.fitting(Channel.CHAT, address)


# --- push through ntfy --------------------------------------------------------------------------------------------


def test_a_push_carries_buttons_that_answer(chain, provider, settings, client):
    settings.NTFY_URL, settings.NTFY_TOKEN = provider.url, "tk_secret"
    reached_by(chain.ada, Channel.PUSH, "ada-7fk2")
    incident = declared(chain)

    delivery = send(Channel.PUSH)

    [asked] = provider.asked
    said = asked.json
    assert (said["topic"], said["priority"], asked.headers["Authorization"]) == ("ada-7fk2", 5, "Bearer tk_secret")
    assert said["click"] not in said["message"]
    assert delivery.state == DeliveryState.ACCEPTED
    button = said["actions"][0]
    client.generic(button["method"], button["url"], button["body"], content_type=button["headers"]["Content-Type"])
    incident.refresh_from_db()
    assert incident.held_by == chain.ada


def test_our_token_goes_to_no_other_server(chain, provider, settings):
    settings.NTFY_URL, settings.NTFY_TOKEN = "https://ntfy.example.com", "tk_secret"
    reached_by(chain.ada, Channel.PUSH, f"{provider.url}/ada")
    declared(chain)

    send(Channel.PUSH)

    assert provider.asked[0].json["topic"] == "ada"
    assert "Authorization" not in provider.asked[0].headers


# --- webhooks -----------------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_so_that_a_receiver_can_tell(chain, provider):
    method = reached_by(chain.ada, Channel.WEBHOOK, f"{provider.url}/hook")
    incident = declared(chain, title="Ärger")

    delivery = send(Channel.WEBHOOK)

    [asked] = provider.asked
    key, sent_at = asked.headers["Webhook-Id"], asked.headers["Webhook-Timestamp"]
    secret = base64.b64decode(sealing.signing_secret(method.pk).removeprefix("whsec_"))
    digest = hmac.new(secret, f"{key}.{sent_at}.".encode() + asked.body, hashlib.sha256).digest()
    assert asked.headers["Webhook-Signature"] == "v1," + base64.b64encode(digest).decode()
    assert abs(int(sent_at) - time.time()) < 10
    assert asked.headers["Idempotency-Key"] == asked.json["id"] == delivery.dedupe_key.replace(":", "-")
    assert asked.json["incident"]["ref"] == incident.ref
    assert asked.json["incident"]["title"] == "Ärger"
    assert delivery.state == DeliveryState.DELIVERED


def test_the_signature_is_that_of_the_published_example():
    """The example of the Standard Webhooks specification."""
    said = webhook.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )

    assert said["Webhook-Signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_repeated_try_carries_the_same_id(chain, provider):
    reached_by(chain.ada, Channel.WEBHOOK, f"{provider.url}/hook")
    declared(chain)
    provider.answers = [Answer(500)]

    send(Channel.WEBHOOK)
    send(Channel.WEBHOOK, seconds=16)

    first, second = provider.asked
    assert first.headers["Webhook-Id"] == second.headers["Webhook-Id"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(200), "delivered"),
        (Answer(204, b""), "delivered"),
        (Answer(302, headers={"Location": "http://127.0.0.1:1/"}), "failed"),
        (Answer(410), "failed"),
        (Answer(429), "pending"),
        (Answer(500), "pending"),
        (Answer(hang_up=True), "pending"),
    ],
)
def test_what_a_receiver_says_decides(chain, provider, answer, state):
    reached_by(chain.ada, Channel.WEBHOOK, f"{provider.url}/hook")
    declared(chain)
    provider.answers = [answer]

    assert send(Channel.WEBHOOK).state == state
    assert len(provider.asked) == 1


def test_a_web_address_with_a_key_is_masked_and_an_open_one_is_not():
    for secret in (
        "https://hooks.example.com/services/T0AB1CD2EF3GH4IJ5",
        "https://user:pass@example.com/hook",
        "https://example.com/hook?token=abc",
    ):
        fitted = contacts.fitting(Channel.WEBHOOK, secret)
        assert fitted.secret == secret
        assert fitted.address.startswith(("https://hooks.example.com/… (", "https://example.com/… ("))
    assert contacts.fitting(Channel.WEBHOOK, "https://example.com/hook") == contacts.Fitted("https://example.com/hook")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x", "http://localhost:9/x", "http://10.0.0.8/", "http://[::1]:9/"]
)
def test_private_networks_are_closed_unless_they_are_opened(chain, settings, address):
    settings.PRIVATE_ADDRESSES = False
    reached_by(chain.ada, Channel.WEBHOOK, address)
    declared(chain)

    delivery = send(Channel.WEBHOOK)

    assert delivery.state == DeliveryState.FAILED
    assert "is in a private network" in delivery.error


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("93.184.216.34", True),
        ("169.254.169.254", False),
        ("::ffff:10.0.0.1", False),
        ("100.64.0.1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address, is_public):
    assert outward._is_public(address) is is_public


# --- servers that take their time ---------------------------------------------------------------------------------


def test_a_receiver_that_does_not_answer_is_left_in_time(chain, provider, monkeypatch):
    monkeypatch.setattr(answers, "TIMEOUT", 0.2)
    reached_by(chain.ada, Channel.WEBHOOK, f"{provider.url}/hook")
    declared(chain)
    provider.answers = [Answer(silence=3)]

    delivery = send(Channel.WEBHOOK)

    assert delivery.error == "127.0.0.1 did not answer within 0.2 s"


def test_a_deed_that_never_ends_is_left_behind():
    assert leasing.LEASE.total_seconds() > outward.LONGEST

    begun = time.monotonic()
    with pytest.raises(DeliveryError, match="did not end its answer"):
        outward.within("it", lambda: time.sleep(2), seconds=0.1)

    assert time.monotonic() - begun < 1


def test_a_batch_renews_its_lease_before_each_message(chain, provider):
    reached_by(chain.ada, Channel.WEBHOOK, f"{provider.url}/hook")
    declared(chain)
    [leased] = leasing.lease(Channel.WEBHOOK, at=due.database_now())
    Delivery.objects.filter(pk=leased.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    seen = []
    provider.usual = lambda asked: seen.append(asked) or Answer()

    sending.send([leased], at=due.database_now())

    assert len(seen) == 1
    assert Delivery.objects.get(pk=leased.pk).state == DeliveryState.DELIVERED


# --- Slack --------------------------------------------------------------------------------------------------------


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


# --- which transport ----------------------------------------------------------------------------------------------


def test_what_is_not_set_up_says_so(settings):
    settings.SANDBOX = settings.EMAIL_CONFIGURED = False

    said = channels.describe()

    assert said["SMS"] == "no provider for SMS is set up"
    assert said["Phone"] == "no provider for Phone is set up"
    assert said["E-mail"] == "no provider for E-mail is set up"
    assert [channels.is_carried(channel) for channel in (Channel.SMS, Channel.VOICE, Channel.EMAIL)] == [False] * 3


# --- Many at once, and a provider that hangs ----------------------------------------------------------------------


def paged_by_webhook(chain, provider, count):
    """So many open incidents, each of which pages Ada by webhook now."""
    reached_by(chain.ada, Channel.WEBHOOK, f"{provider.url}/hook")
    for _ in range(count):
        chain.declare(2, at=due.database_now() - timedelta(seconds=1))
    due.settle(due.database_now())


def test_the_messages_of_a_lease_go_out_beside_one_another(chain, provider):
    paged_by_webhook(chain, provider, leasing.CLAIM)
    provider.usual = lambda asked: Answer(silence=0.4)

    begun = time.monotonic()
    assert sending.send_due(Channel.WEBHOOK, at=due.database_now()) == leasing.CLAIM

    assert time.monotonic() - begun < 0.4 * leasing.CLAIM / 2
    assert Delivery.objects.filter(channel=Channel.WEBHOOK, state=DeliveryState.DELIVERED).count() == leasing.CLAIM


def test_one_message_that_fails_leaves_those_beside_it_alone(chain, provider):
    paged_by_webhook(chain, provider, 3)
    provider.answers = [Answer(410)]

    sending.send_due(Channel.WEBHOOK, at=due.database_now())

    states = Delivery.objects.filter(channel=Channel.WEBHOOK).order_by("state").values_list("state", flat=True)
    assert sorted(states) == ["delivered", "delivered", "failed"]


def test_a_channel_whose_hands_are_all_busy_keeps_no_thread(chain, provider):
    paged_by_webhook(chain, provider, 1)
    hands = [tasks._of_channel[Channel.WEBHOOK] for _ in range(tasks.HANDS)]
    for hand in hands:
        hand.acquire()
    try:
        tasks.deliver(channel=Channel.WEBHOOK)
        assert not provider.asked
    finally:
        for hand in hands:
            hand.release()

    tasks.deliver(channel=Channel.WEBHOOK)

    assert len(provider.asked) == 1
    assert tasks.HANDS * 2 <= tasks.HANDS_OF_ALL
