"""The one contract of every channel: take a message, hand it over, or say why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """What goes out. ``key`` stays the same for each try, so that a provider can recognise a repetition."""

    key: str
    delivery_id: int
    person_id: int | None
    channel: str
    address: str = field(repr=False)  # may be a secret: a chat webhook
    subject: str
    text: str
    link: str  # where the person answers; empty = nothing to answer
    attempt: int = 1
    token: str = field(
        default="", repr=False
    )  # the signed word by which the person answers; empty = no answer is asked
    speech: str = ""  # what a call says; empty = the text
    secret: str = field(default="", repr=False)  # signs a webhook
    is_test: bool = False  # a code or a test that the owner asked for
    facts: Mapping[str, object] = field(default_factory=dict)  # what a program wants to know of it


@dataclass(frozen=True)
class Receipt:
    """What the transport said: ``delivered`` True = it arrived, False = it was accepted and is on its way."""

    delivered: bool
    detail: str = ""


class DeliveryError(Exception):
    """The message did not go out, in words without secrets. A permanent failure is not tried again on this method.

    ``of_provider`` = the provider itself is in trouble, so that other messages would fare no better.
    """

    def __init__(self, message: str, *, permanent: bool, of_provider: bool | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.of_provider = not permanent if of_provider is None else of_provider


class Transport(Protocol):
    """A way out of the house. It has a timeout of its own, shorter than the lease of a delivery.

    ``name`` is the kind of transport, ``provider`` whom it asks: those who fail together have the same one. An empty
    provider is this house itself.
    """

    name: str
    provider: str

    def send(self, message: Message) -> Receipt:
        """Hand the message over.

        Raises:
            DeliveryError: it did not go out.
        """
        ...
