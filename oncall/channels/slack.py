"""Slack through its own API: messages to a member, with buttons that answer."""

import json
import re
from typing import Any

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from oncall.channels import answers, outward
from oncall.channels.contract import DeliveryError, Message, Receipt

WORD = re.compile(r"[a-z_]+", re.ASCII)
MEMBER = re.compile(r"@?([UW][A-Z0-9]{6,})", re.ASCII)
LATER = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
CLOSED = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"}
BUTTONS = (("take", "Take it", "primary"), ("pass", "I cannot", ""), ("over", "It is over", ""))
HOOKS = "https://hooks.slack.com/"
PATIENCE = 2  # seconds for an answer to a button: Slack waits three for ours
LONGEST = 2900  # characters of one block


class SlackTransport:
    """Writes to one member as the app of SLACK_BOT_TOKEN."""

    name = "slack"
    provider = "slack"

    def send(self, message: Message) -> Receipt:
        """Write a direct message.

        Raises:
            DeliveryError: Slack refused it, or could not be asked.
        """
        member = MEMBER.fullmatch(message.address)
        if member is None:
            raise DeliveryError("Slack needs the member ID, such as U01ABCDEF", permanent=True)
        return outward.within("Slack", lambda: self._post(member[1], message))

    def _post(self, member: str, message: Message) -> Receipt:
        client = WebClient(
            token=settings.SLACK_BOT_TOKEN,
            base_url=f"{settings.SLACK_URL}/api/",
            timeout=answers.TIMEOUT,
            retry_handlers=[],
        )
        try:
            client.chat_postMessage(channel=member, text=f"{message.subject}\n{message.text}", blocks=blocks(message))
        except SlackApiError as error:
            raise _failure(error) from None
        except TimeoutError:
            raise answers.silent("Slack") from None
        except (SlackClientError, OSError, ValueError):
            raise answers.unreachable("Slack") from None
        return Receipt(delivered=True, detail="Slack took it")


def blocks(message: Message) -> list[dict[str, Any]]:
    """The message, and under it the buttons that answer it."""
    found: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": message.subject[:150]}},
        {"type": "section", "text": {"type": "plain_text", "text": message.text[:LONGEST]}},
    ]
    if message.token:
        found.append({"type": "actions", "elements": [_button(message.token, *button) for button in BUTTONS]})
    return found


def replace(address: str, message: object, words: str) -> None:
    """Put the words in place of the buttons, at the address that Slack gave with the press.

    Raises:
        DeliveryError: Slack did not take it in time, or the address is not Slack's.
    """
    if not address.startswith((HOOKS, f"{settings.SLACK_URL}/")):
        raise DeliveryError("the address for the answer is not Slack's", permanent=True)
    kept = message.get("blocks", []) if isinstance(message, dict) else []
    kept = [block for block in kept if isinstance(block, dict) and block.get("type") != "actions"]
    said = {"type": "section", "text": {"type": "plain_text", "text": words[:LONGEST]}}
    body = json.dumps({"replace_original": True, "text": words, "blocks": [*kept, said]}).encode()
    headers = {"Content-Type": "application/json"}
    outward.within(
        "Slack",
        lambda: outward.post("Slack", address, body=body, headers=headers, guarded=False),
        seconds=PATIENCE,
    )


def _button(token: str, deed: str, label: str, style: str) -> dict[str, Any]:
    button = {"type": "button", "action_id": deed, "value": token, "text": {"type": "plain_text", "text": label}}
    return {**button, "style": style} if style else button


def _failure(error: SlackApiError) -> DeliveryError:
    """Slack says no with 200 and a word, or with a status; what is neither can be tried again."""
    status = int(getattr(error.response, "status_code", 0) or 0)
    data = getattr(error.response, "data", None)
    word = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status >= 400:
        return answers.refused("Slack", status, word)
    if not WORD.fullmatch(word):
        return DeliveryError("Slack gave an answer that cannot be read", permanent=False)
    said = f"Slack said {answers.without_secrets(word)}"[:300]
    return DeliveryError(said, permanent=word not in LATER, of_provider=word in LATER | CLOSED)
