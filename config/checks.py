"""System checks of the configuration: what would hurt later is said at the start, each with a hint."""

import ipaddress
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from oncall.channels.twilio import TWILIO

SHORTEST_KEY = 32  # characters


@register(Tags.security)
def secret_key_is_long(**_: Any) -> Iterable[CheckMessage]:
    """tocsin.E001."""
    if len(settings.SECRET_KEY) < SHORTEST_KEY:
        yield Error(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters; whoever guesses it can sign in as anybody.",
            hint='Make one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="tocsin.E001",
        )


@register()
def public_url_is_whole(**_: Any) -> Iterable[CheckMessage]:
    """tocsin.E002 and W001."""
    parts = urlsplit(settings.PUBLIC_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        yield Error(
            f"PUBLIC_URL is {settings.PUBLIC_URL!r}; links in pages would lead nowhere.",
            hint="Give scheme and host alone, for example https://tocsin.example.com",
            id="tocsin.E002",
        )
    elif parts.scheme == "http" and not _is_this_machine(parts.hostname):
        yield Warning(
            "PUBLIC_URL is plain http; passwords and acknowledge links would travel for all to read.",
            hint="Put a proxy with TLS in front and set PUBLIC_URL to its https address.",
            id="tocsin.W001",
        )


@register()
def data_dir_can_be_written(**_: Any) -> Iterable[CheckMessage]:
    """tocsin.E003."""
    folder = settings.DATA_DIR
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Error(
            f"{settings.DATA_DIR} cannot be written.",
            hint="Start as the user who owns it, or set DATA_DIR to a directory of your own.",
            id="tocsin.E003",
        )


@register()
def mail_has_a_way_out(**_: Any) -> Iterable[CheckMessage]:
    """tocsin.W002."""
    if not settings.EMAIL_CONFIGURED and not settings.SANDBOX:
        yield Warning(
            "EMAIL_URL is not set and the sandbox is off: no page can leave by e-mail.",
            hint="Set EMAIL_URL, for example smtp+tls://user:password@mail.example.com:587",
            id="tocsin.W002",
        )


@register()
def twilio_is_whole(**_: Any) -> Iterable[CheckMessage]:
    """tocsin.W003 and W004."""
    names = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
    missing = [name for name in names if not getattr(settings, name)]
    if 0 < len(missing) < len(names):
        yield Warning(
            f"Twilio is set up by half: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing, so no "
            "text message and no call can leave.",
            hint="Set all three, or none.",
            id="tocsin.W003",
        )
    elif (
        not missing and settings.TWILIO_URL == TWILIO and _is_this_machine(urlsplit(settings.PUBLIC_URL).hostname or "")
    ):
        yield Warning(
            "PUBLIC_URL is an address of this machine alone, so Twilio cannot come back: calls take no keys, and what "
            "became of messages stays unknown.",
            hint="Set PUBLIC_URL to an https address that the internet reaches.",
            id="tocsin.W004",
        )


@register()
def slack_and_ntfy_are_whole(**_: Any) -> Iterable[CheckMessage]:
    """tocsin.W005 and W006."""
    if bool(settings.SLACK_BOT_TOKEN) != bool(settings.SLACK_SIGNING_SECRET):
        missing = "SLACK_SIGNING_SECRET" if settings.SLACK_BOT_TOKEN else "SLACK_BOT_TOKEN"
        yield Warning(
            f"Slack is set up by half: {missing} is missing, so "
            + ("buttons do nothing." if settings.SLACK_BOT_TOKEN else "no message can leave."),
            hint="Set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET, or neither.",
            id="tocsin.W005",
        )
    if settings.NTFY_TOKEN and not settings.NTFY_URL:
        yield Warning(
            "NTFY_TOKEN is set without NTFY_URL: it is used for no server.",
            hint="Set NTFY_URL, for example https://ntfy.example.com",
            id="tocsin.W006",
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
