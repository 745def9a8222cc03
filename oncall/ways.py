"""My contact methods as a page shows them: which can be used, which wait for a code, what became of the last try."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from incidents.models import User
from oncall import channels, probes, sealing
from oncall.models import Channel, ContactMethod, Delivery, DeliveryState, ProbeKind
from oncall.wording import Way, way

CHOICES = (Channel.VOICE, Channel.SMS, Channel.PUSH, Channel.CHAT, Channel.EMAIL, Channel.WEBHOOK, Channel.IN_APP)
UNDERWAY = (DeliveryState.PENDING, DeliveryState.SENDING)
HINTS = {
    Channel.VOICE: "A number with country code. It rings, and keys answer.",
    Channel.SMS: "A number with country code.",
    Channel.PUSH: "A topic of ntfy: choose a name that nobody guesses, and subscribe to it in the app.",
    Channel.CHAT: "A Slack member ID, or an Apprise URL (slack://, mmosts://, tgram://, gchat://, workflows:// …).",
    Channel.EMAIL: "An e-mail address.",
    Channel.WEBHOOK: "An address that takes signed JSON by POST.",
    Channel.IN_APP: "On the board, for whoever looks at it. No address needed.",
}


@dataclass(frozen=True)
class Mine:
    """One of my contact methods."""

    method: ContactMethod
    way: Way
    is_first: bool  # the one that is used where nothing else decides
    last: Delivery | None  # of the codes and tests that it was sent
    at: datetime

    @property
    def waits(self) -> bool:
        """It is still to be verified."""
        return self.method.verified_at is None

    @property
    def takes_code(self) -> bool:
        """A code is out that may be typed in."""
        probe = self.last.probe if self.last else None
        return bool(
            self.waits and probe and probe.kind == ProbeKind.CODE and probe.expires_at > self.at
            and probe.tries < probes.TRIES and self.last and self.last.state != DeliveryState.FAILED
        )  # fmt: skip

    @property
    def is_underway(self) -> bool:
        """A code or test has not left yet: look again in a moment."""
        return self.last is not None and self.last.state in UNDERWAY

    @property
    def is_stopped(self) -> bool:
        """The phone texted STOP."""
        return self.method.disabled_at is not None and self.method.disabled_why == "stop"

    @property
    def signing_secret(self) -> str:
        """What a receiver checks our webhooks with; empty for other channels."""
        return sealing.signing_secret(self.method.pk) if self.method.channel == Channel.WEBHOOK else ""


@dataclass(frozen=True)
class Offer:
    """A channel that can be chosen, and what carries it here."""

    channel: str
    way: Way
    hint: str
    carrier: str
    is_carried: bool  # by a provider, not by the sandbox


def of(person: User, at: datetime) -> list[Mine]:
    """The person's methods in the order in which they are used (2 queries)."""
    methods = list(ContactMethod.objects.filter(user=person).order_by("position", "pk"))
    tried = Delivery.objects.filter(probe__isnull=False, person=person).select_related("probe").order_by("pk")
    last = {delivery.method_id: delivery for delivery in tried}
    first = next((method.pk for method in methods if method.is_usable), None)
    return [Mine(row, way(row.channel), row.pk == first, last.get(row.pk), at) for row in methods]


def one(person: User, pk: int, at: datetime) -> Mine:
    """One of the person's methods.

    Raises:
        ContactMethod.DoesNotExist: it is gone, or somebody else's.
    """
    found = next((mine for mine in of(person, at) if mine.method.pk == pk), None)
    if found is None:
        raise ContactMethod.DoesNotExist
    return found


def offers() -> list[Offer]:
    """The channels that a person can choose from, and which of them nothing carries."""
    return [_offer(channel) for channel in CHOICES]


def _offer(channel: Channel) -> Offer:
    carried = channels.is_carried(channel)
    if carried:
        words = ""
    elif settings.SANDBOX:
        words = "No provider is set up here: the sandbox phone shows what would be sent."
    else:
        words = "No provider is set up here: nothing can be sent, and no code would arrive."
    return Offer(channel, way(channel), HINTS[channel], words, carried)


def warnings(mine: Sequence[Mine]) -> list[str]:
    """What the person should mend."""
    found = [
        f"{row.method} is off because the phone texted STOP. Text START to our number, or switch it on below."
        for row in mine
        if row.is_stopped
    ]
    if not any(row.method.is_usable for row in mine):
        found.insert(0, "No page can reach you: no contact method is verified and in use.")
    return found
