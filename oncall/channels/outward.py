"""HTTP to addresses that people typed in: no private networks unless allowed, no redirects, within the lease."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from oncall.channels import answers
from oncall.channels.contract import DeliveryError

HOPS = 4  # an address and three redirects
LONGEST = 20  # seconds for one message whatever the other side does; shorter than the lease of a delivery
T = TypeVar("T")


def within(who: str, do: Callable[[], T], *, seconds: float = LONGEST) -> T:
    """Do it in a thread that is left behind when it takes too long: a server that trickles has no other end.

    Raises:
        DeliveryError: it took too long; whatever ``do`` raises.
    """
    came: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            came.append(do())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, name=f"send to {who}", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not came:
        raise DeliveryError(f"{who} did not end its answer within {seconds:g} s", permanent=False)
    return came[0]


def resolve(who: str, host: str, port: int) -> str:
    """The IP address of a host, if messages may go there.

    Raises:
        DeliveryError: the name is unknown, or leads into a network that is nobody else's business.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise answers.unreachable(who) from None
    addresses = [str(entry[4][0]) for entry in found]
    if not settings.PRIVATE_ADDRESSES and not all(_is_public(address) for address in addresses):
        raise DeliveryError(f"{who} is in a private network, which PRIVATE_ADDRESSES does not allow", permanent=True)
    return addresses[0]


def post(who: str, url: str, *, body: bytes, headers: dict[str, str], guarded: bool = True) -> int:
    """POST and return the status of a 2xx answer; its body is not read. ``guarded`` = the address is a person's.

    Raises:
        DeliveryError: anything else.
    """
    return within(who, lambda: _post(who, url, body, headers, guarded))


def _post(who: str, url: str, body: bytes, headers: dict[str, str], guarded: bool) -> int:
    extensions: dict[str, str] = {}
    if guarded:
        url, headers, extensions = _pinned(who, url, headers)
    try:
        with (
            httpx.Client(timeout=answers.TIMEOUT, follow_redirects=False, verify=_trust()) as client,
            client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer,
        ):
            status = answer.status_code
    except httpx.TimeoutException:
        raise answers.silent(who) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        raise answers.unreachable(who) from None
    if not 200 <= status < 300:
        raise answers.refused(who, status)
    return status


def get(who: str, url: str, *, limit: int, seconds: float = LONGEST) -> bytes:
    """GET an address that a person typed in, over at most three redirects, each of them judged like the first.

    Raises:
        DeliveryError: it is no web address, leads into a private network, takes too long, is longer than ``limit``
            bytes, or answers anything but 2xx. The words never show the address.
    """
    return within(who, lambda: _get(who, url, limit), seconds=seconds)


def _get(who: str, url: str, limit: int) -> bytes:
    for _ in range(HOPS):
        if urlsplit(url).scheme not in ("http", "https"):
            raise DeliveryError(f"{who} leads to something that is neither http nor https", permanent=True)
        there, headers, extensions = _pinned(who, url, {"User-Agent": "Tocsin", "Accept": "text/calendar, */*"})
        try:
            with (
                httpx.Client(timeout=answers.TIMEOUT, follow_redirects=False, verify=_trust()) as client,
                client.stream("GET", there, headers=headers, extensions=extensions) as answer,
            ):
                if answer.has_redirect_location:
                    url = str(httpx.URL(url).join(answer.headers["Location"]))
                    continue
                if not 200 <= answer.status_code < 300:
                    raise answers.refused(who, answer.status_code)
                return _read(who, answer, limit)
        except httpx.TimeoutException:
            raise answers.silent(who) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            raise answers.unreachable(who) from None
    raise DeliveryError(f"{who} sends us from one address to the next", permanent=True)


def _read(who: str, answer: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > limit:
            raise DeliveryError(f"{who} sent more than {limit // 1_000_000} MB", permanent=True)
    return bytes(body)


@cache
def _trust() -> ssl.SSLContext:
    """The authorities that are trusted, read once: to read them costs more than to send a message."""
    return httpx.create_ssl_context()


def _pinned(who: str, url: str, headers: dict[str, str]) -> tuple[str, dict[str, str], dict[str, str]]:
    """Connect to the very address that was judged: a name that changes its mind in between gains nothing."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = resolve(who, host, port)
    shown = f"[{address}]" if ":" in address else address
    credentials, at, _ = parts.netloc.rpartition("@")
    there = parts._replace(netloc=f"{credentials}{at}{shown}:{port}").geturl()
    return there, {**headers, "Host": parts.netloc.rpartition("@")[2]}, {"sni_hostname": host}


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or found
    return mapped.is_global and not mapped.is_multicast
