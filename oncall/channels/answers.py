"""What a provider's HTTP answer means: try again, or do not."""

import re

from oncall.channels.contract import DeliveryError

TIMEOUT = 8  # seconds, to connect and again to answer; both together stay under the lease of a delivery
LATER = {408, 425, 429, *range(500, 600)}  # worth another try
CLOSED = {401, 402, 403}  # our account is refused: nobody's message would pass
SECRETS = (  # what a provider may repeat to us and nobody else should read
    (re.compile(r"\b(AC|SK)[0-9a-f]{32}\b"), r"\1***"),
    (re.compile(r"\b\w[\w+.-]*://\S+"), "***"),
    (re.compile(r"\b(xox[a-z]|tk|whsec)[-_]\w[\w-]+"), r"\1-***"),
)


def refused(who: str, status: int, words: str = "") -> DeliveryError:
    """The failure that an HTTP status tells of; ``words`` are the provider's own."""
    said = f"{who} said {status} {without_secrets(words)}".strip()[:300]
    return DeliveryError(said, permanent=status not in LATER, of_provider=status in LATER | CLOSED)


def silent(who: str) -> DeliveryError:
    """The failure of a provider that took too long. It may have taken the message all the same."""
    return DeliveryError(f"{who} did not answer within {TIMEOUT} s", permanent=False)


def unreachable(who: str) -> DeliveryError:
    """The failure of a provider that could not be asked; the library's own words would show the address."""
    return DeliveryError(f"{who} could not be reached", permanent=False)


def without_secrets(words: str) -> str:
    """The words on one line, with addresses and keys left out."""
    for pattern, replacement in SECRETS:
        words = pattern.sub(replacement, words)
    return " ".join(words.split())
