"""Chat through Apprise: the address is an Apprise URL of one of the services below, credentials included."""

import re
from urllib.parse import urlsplit

import apprise
from apprise.plugins import NotifyBase

from oncall.channels import answers, outward
from oncall.channels.contract import DeliveryError, Message, Receipt

SERVICES = frozenset(
    {"slack", "mmost", "mmosts", "msteams", "workflow", "workflows", "gchat", "tgram", "discord", "rocket", "rockets"}
    | {"matrix", "matrixs", "zulip", "wxteams", "nctalk", "nctalks", "signal", "signals", "twist", "dingtalk", "feishu"}
)
SELF_HOSTED = ("mmost", "rocket", "matrix", "nctalk", "signal", "workflow")  # the host in the address is really asked
STATUS = re.compile(r"error=(\d{3})\b")


class AppriseTransport:
    """Hands the message to one chat service."""

    name = "apprise"

    def __init__(self, address: str) -> None:
        self.address = address
        self.service = service_of(address)
        self.provider = f"chat {urlsplit(address).scheme if self.service is None else self.service.service_name}"

    def send(self, message: Message) -> Receipt:
        """Send it once: tries and their distance are ours to decide.

        Raises:
            DeliveryError: the service refused it, or could not be asked.
        """
        service = self.service
        if service is None:
            raise DeliveryError("the chat address is none that Tocsin sends to", permanent=True)
        who = str(service.service_name)
        if kind(service).startswith(SELF_HOSTED) and service.host:
            outward.resolve(who, service.host, service.port or 443)
        service.socket_connect_timeout = service.socket_read_timeout = answers.TIMEOUT
        service.retry = 0
        asset = apprise.AppriseAsset(secure_logging=True, async_mode=False)
        messenger = apprise.Apprise(asset=asset)
        messenger.add(service)
        result = outward.within(who, lambda: messenger.notify(title=message.subject, body=message.text))
        if not result:
            raise _failure(who, " ".join(str(entry.message) for one in result for entry in one.logs()))
        return Receipt(delivered=False, detail=f"{who} took it")


def service_of(address: str) -> NotifyBase | None:
    """The service behind an Apprise URL, or behind the webhook address that a chat itself gives out; None = no such."""
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    return service if service is not None and kind(service) in SERVICES else None


def kind(service: NotifyBase) -> str:
    """The word that begins the service's address."""
    words = [word for part in (service.secure_protocol, service.protocol) for word in _words(part)]
    return next((word for word in words if word in SERVICES), "")


def _words(part: object) -> tuple[str, ...]:
    if part is None:
        return ()
    return (part,) if isinstance(part, str) else tuple(str(word) for word in part)  # type: ignore[attr-defined]


def _failure(who: str, log: str) -> DeliveryError:
    """Apprise tells the status in its log alone, beside words that may show the address; only the number is kept."""
    status = STATUS.search(log)
    return answers.refused(who, int(status[1])) if status else answers.unreachable(who)
