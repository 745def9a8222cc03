"""Push through ntfy: a topic on the server of NTFY_URL, or the whole address of a topic elsewhere."""

import json
import re
from urllib.parse import urlsplit

from django.conf import settings

from oncall.channels import outward
from oncall.channels.contract import DeliveryError, Message, Receipt

TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}", re.ASCII)
URGENT, LOUD = 5, 4  # ntfy's priorities
LONGEST = 3500  # characters; ntfy turns longer messages into attachments


class NtfyTransport:
    """Publishes the message, with buttons that answer it."""

    name = "ntfy"

    def __init__(self, address: str) -> None:
        self.server, self.topic = split(address)
        self.is_ours = self.server == settings.NTFY_URL
        self.provider = f"ntfy {urlsplit(self.server).netloc.rpartition('@')[2]}"

    def send(self, message: Message) -> Receipt:
        """Publish it.

        Raises:
            DeliveryError: the server refused it, or could not be asked.
        """
        body = {
            "topic": self.topic,
            "title": message.subject,
            "message": message.text.replace(message.link, "").strip()[:LONGEST] if message.link else message.text,
            "priority": URGENT if message.token else LOUD,
            "tags": ["rotating_light"] if message.token else [],
            "actions": _buttons(message),
        }
        if message.link:
            body["click"] = message.link
        headers = {"Content-Type": "application/json", "User-Agent": "Tocsin"}
        if self.is_ours and settings.NTFY_TOKEN:
            headers["Authorization"] = f"Bearer {settings.NTFY_TOKEN}"
        content = json.dumps(body).encode()
        outward.post("ntfy", self.server, body=content, headers=headers, guarded=not self.is_ours)
        return Receipt(delivered=False, detail="ntfy took it")


def split(address: str) -> tuple[str, str]:
    """The server and the topic.

    Raises:
        DeliveryError: the address names a topic alone, and no server is set up.
    """
    if "://" in address:
        server, _, topic = address.rstrip("/").rpartition("/")
        return server, topic
    if not settings.NTFY_URL:
        raise DeliveryError("NTFY_URL is not set, so a topic alone leads nowhere", permanent=True)
    return settings.NTFY_URL, address


def _buttons(message: Message) -> list[dict[str, object]]:
    """Take it and cannot, done by the phone itself through the one-tap link."""
    if not message.token:
        return []
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return [
        {
            "action": "http",
            "label": label,
            "url": message.link,
            "method": "POST",
            "headers": form,
            "body": body,
            "clear": True,
        }
        for label, body in (("Take it", "action=take"), ("I cannot", "action=pass"))
    ]
