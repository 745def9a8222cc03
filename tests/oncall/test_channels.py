"""Chat, push and webhooks through the real libraries, against servers that misbehave on purpose."""

import base64
import hashlib
import hmac
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import due
from oncall import channels, contacts, leasing, sealing, sending
from oncall.channels import answers, outward, webhook
from oncall.channels.contract import DeliveryError
from oncall.models import Channel, Delivery, DeliveryState
from tests.oncall.outbox import declared, everything_written, reached_by, send
from tests.providers.server import Answer

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # apprise, as it loads its plugins
]
HOOK = "h" * 26  # a Mattermost webhook's key


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


# --- which transport ----------------------------------------------------------------------------------------------


def test_what_is_not_set_up_says_so(settings):
    settings.SANDBOX = settings.EMAIL_CONFIGURED = False

    said = channels.describe()

    assert said["SMS"] == "no provider for SMS is set up"
    assert said["Phone"] == "no provider for Phone is set up"
    assert said["E-mail"] == "no provider for E-mail is set up"
    assert [channels.is_carried(channel) for channel in (Channel.SMS, Channel.VOICE, Channel.EMAIL)] == [False] * 3
