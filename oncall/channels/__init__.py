"""Which transport carries which channel here. Adding a channel: write its module, name it in ``transport_for``."""

from django.conf import settings

from oncall.channels.contract import DeliveryError, Transport
from oncall.channels.email import EmailTransport
from oncall.channels.in_app import InAppTransport
from oncall.channels.nowhere import NowhereTransport
from oncall.channels.sandbox import SandboxTransport
from oncall.models import Channel


def transport_for(channel: str) -> Transport:
    """The provider of the channel; where none is set up, the sandbox if it may stand in.

    Raises:
        DeliveryError: nothing carries this channel here.
    """
    if channel == Channel.CANARY:
        return NowhereTransport()
    if channel == Channel.IN_APP:
        return InAppTransport()
    if channel == Channel.SANDBOX:
        return SandboxTransport()
    if channel == Channel.EMAIL and settings.EMAIL_CONFIGURED:
        return EmailTransport()
    if settings.SANDBOX:
        return SandboxTransport()
    raise DeliveryError(f"no provider for {Channel(channel).label} is set up", permanent=True)


def describe() -> dict[str, str]:
    """Each channel and what carries it, for ``doctor`` and the engine's operators."""
    found = {}
    for channel in Channel:
        try:
            found[channel.label] = transport_for(channel).name
        except DeliveryError as error:
            found[channel.label] = str(error)
    return found
