"""Which transport carries which channel here. Adding a channel: write its module, name it in ``transport_for``."""

from django.conf import settings

from oncall.channels.chat import AppriseTransport
from oncall.channels.contract import DeliveryError, Transport
from oncall.channels.email import EmailTransport
from oncall.channels.in_app import InAppTransport
from oncall.channels.nowhere import NowhereTransport
from oncall.channels.ntfy import NtfyTransport
from oncall.channels.sandbox import SandboxTransport
from oncall.channels.slack import SlackTransport
from oncall.channels.twilio import SmsTransport, VoiceTransport
from oncall.channels.webhook import WebhookTransport
from oncall.models import Channel

OWN: dict[str, type[Transport]] = {
    Channel.CANARY: NowhereTransport,
    Channel.IN_APP: InAppTransport,
    Channel.SANDBOX: SandboxTransport,
}


def transport_for(channel: str, address: str = "") -> Transport:
    """The provider of the channel; where none is set up, the sandbox if it may stand in.

    ``address`` as the transport gets it: an address that is a whole URL says by itself whom to ask.

    Raises:
        DeliveryError: nothing carries this channel here.
    """
    found = OWN[channel]() if channel in OWN else _provider(channel, address)
    if found is not None:
        return found
    if settings.SANDBOX:
        return SandboxTransport()
    raise DeliveryError(f"no provider for {Channel(channel).label} is set up", permanent=True)


def _provider(channel: str, address: str) -> Transport | None:
    is_url = "://" in address
    if channel == Channel.EMAIL and settings.EMAIL_CONFIGURED:
        return EmailTransport()
    if channel == Channel.SMS and _twilio(settings.TWILIO_FROM):
        return SmsTransport()
    if channel == Channel.VOICE and _twilio(settings.TWILIO_VOICE_FROM):
        return VoiceTransport()
    if channel == Channel.CHAT:
        return AppriseTransport(address) if is_url else SlackTransport() if settings.SLACK_BOT_TOKEN else None
    if channel == Channel.PUSH and (is_url or (settings.NTFY_URL and address)):
        return NtfyTransport(address)
    return WebhookTransport(address) if channel == Channel.WEBHOOK and is_url else None


def takes_replies(channel: str) -> bool:
    """Can people answer on the channel itself, beside the link?"""
    return channel == Channel.SMS and _twilio(settings.TWILIO_FROM)


def describe() -> dict[str, str]:
    """Each channel and what carries it, for ``doctor`` and the engine's operators."""
    return {channel.label: carrier(channel) for channel in Channel}


def carrier(channel: str) -> str:
    """What carries a channel here, or that nothing does, in a few words."""
    if channel == Channel.WEBHOOK:
        return "signed webhooks"
    if channel == Channel.CHAT:
        return f"Apprise URLs{' and slack' if settings.SLACK_BOT_TOKEN else ''}"
    if channel == Channel.PUSH:
        return "ntfy" if settings.NTFY_URL else "ntfy by whole address"
    try:
        return transport_for(channel).name
    except DeliveryError as error:
        return str(error)


def is_carried(channel: str) -> bool:
    """Does a provider carry the channel here, in at least one of its forms? The sandbox does not count."""
    if channel == Channel.EMAIL:
        return settings.EMAIL_CONFIGURED
    if channel in (Channel.SMS, Channel.VOICE):
        return _twilio(settings.TWILIO_FROM if channel == Channel.SMS else settings.TWILIO_VOICE_FROM)
    return True


def _twilio(sender: str) -> bool:
    return bool(settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN and sender)
