"""The one contract of every channel: take a message, hand it over, or say why not."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """What goes out. ``key`` stays the same for each try, so that a provider can recognise a repetition."""

    key: str
    delivery_id: int
    person_id: int | None
    channel: str
    address: str
    subject: str
    text: str
    link: str  # where the person answers; empty = nothing to answer


@dataclass(frozen=True)
class Receipt:
    """What the transport said: ``delivered`` True = it arrived, False = it was accepted and is on its way."""

    delivered: bool
    detail: str = ""


class DeliveryError(Exception):
    """The message did not go out. A permanent failure is not tried again on this method."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class Transport(Protocol):
    """A way out of the house. It has a timeout of its own, shorter than the lease of a delivery."""

    name: str

    def send(self, message: Message) -> Receipt:
        """Hand the message over.

        Raises:
            DeliveryError: it did not go out.
        """
        ...
