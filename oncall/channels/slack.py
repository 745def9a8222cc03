"""Slack through its own API: messages to a member, with buttons that answer."""

import re
from typing import Any

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from oncall.channels import answers, outward
from oncall.channels.contract import DeliveryError, Message, Receipt

MEMBER = re.compile(r"@?([UW][A-Z0-9]{6,})", re.ASCII)
LATER = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
CLOSED = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"}
BUTTONS = (("take", "Take it", "primary"), ("pass", "I cannot", ""), ("over", "It is over", ""))
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


def _button(token: str, deed: str, label: str, style: str) -> dict[str, Any]:
    button = {"type": "button", "action_id": deed, "value": token, "text": {"type": "plain_text", "text": label}}
    return {**button, "style": style} if style else button


def _failure(error: SlackApiError) -> DeliveryError:
    status = int(getattr(error.response, "status_code", 0) or 0)
    word = str(error.response.get("error", "")) if isinstance(getattr(error.response, "data", None), dict) else ""
    if status == 200 or (word and status < 400):
        return DeliveryError(
            f"Slack said {answers.without_secrets(word)}"[:300],
            permanent=word not in LATER,
            of_provider=word in LATER | CLOSED,
        )
    return answers.refused("Slack", status or 500, word)
