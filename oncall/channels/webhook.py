"""A signed webhook, in the form of Standard Webhooks: id, timestamp, HMAC-SHA256 over both and the body."""

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

from oncall.channels import outward
from oncall.channels.contract import Message, Receipt


class WebhookTransport:
    """Posts the message as JSON to the address of one person."""

    name = "webhook"

    def __init__(self, address: str) -> None:
        self.host = urlsplit(address).hostname or ""
        self.provider = f"webhook {self.host}"

    def send(self, message: Message) -> Receipt:
        """Post it; a repeated try has the same id and a new timestamp.

        Raises:
            DeliveryError: any answer but 2xx, or none.
        """
        body = json.dumps(
            {
                "id": message.key,
                "test": message.is_test,
                "subject": message.subject,
                "text": message.text,
                "link": message.link,
                **message.facts,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key, "User-Agent": "Tocsin"}
        headers |= signature(message.secret, message.key, int(time.time()), body)
        status = outward.post(self.host, message.address, body=body, headers=headers)
        return Receipt(delivered=True, detail=f"{self.host} said {status}")


def signature(secret: str, key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows that it was we, and when. ``secret`` begins with whsec_."""
    signed = f"{key}.{timestamp}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return {
        "Webhook-Id": key,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": "v1," + base64.b64encode(digest).decode(),
    }
