"""How a person can be reached: addresses come in, are ordered, switched off and on, and go."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import transaction
from django.db.models import Max, QuerySet

from incidents import due
from incidents.models import User
from incidents.refusals import Invalid, NotAllowed, TransitionError
from oncall import recheck, sealing
from oncall.channels import chat, ntfy
from oncall.models import Channel, ContactMethod

NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
CALLED = {Channel.VOICE, Channel.SMS}
OWN = {
    Channel.IN_APP: "the board",
    Channel.SANDBOX: "the sandbox phone",
}  # nothing to verify; address when none is given
KEPT_UNVERIFIED = timedelta(hours=24)
UNVERIFIED = 10  # that one person may have at a time
ADDED = 20  # that one person may add in an hour
TOKEN = re.compile(r"(?=[^/]*\d)[^/]{16,}")  # a part of a path that looks like a key
is_web_address = URLValidator(schemes=["https", "http"])


@dataclass(frozen=True)
class Fitted:
    """An address as it is shown, and the whole of it where that is a secret."""

    address: str
    secret: str = ""


@transaction.atomic
def add(user: User, *, channel: str, address: str, verified: bool, at: datetime) -> ContactMethod:
    """Add a way to reach a person, after those that they have; ``verified`` = the address is known to be theirs.

    One that is not verified is removed after a day (O29).

    Raises:
        Invalid: the address does not fit the channel.
        ValidationError: it is listed already.
        TransitionError: too many wait for their codes.
    """
    fitted = fitting(channel, address)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    mine = ContactMethod.objects.filter(user=user)
    if not verified and mine.filter(verified_at=None, expires_at__isnull=False).count() >= UNVERIFIED:
        raise TransitionError(f"{UNVERIFIED} addresses wait for their codes. Verify or remove some first.")
    if not verified and _added_lately(user, at) >= ADDED:
        raise TransitionError("That is enough for now. Wait an hour.")
    last = mine.aggregate(last=Max("position"))["last"]
    settled = verified or channel in OWN
    method = ContactMethod(
        user=user,
        channel=channel,
        address=fitted.address,
        secret=sealing.seal(fitted.secret),
        verified_at=at if settled else None,
        expires_at=None if settled else at + KEPT_UNVERIFIED,
        position=0 if last is None else last + 1,
    )
    method.full_clean()
    method.save(force_insert=True)
    return method


def _added_lately(user: User, at: datetime) -> int:
    """How many methods the person added in the last hour, those that are gone again included: each may get codes."""
    history = apps.get_model("oncall", "ContactMethodEvent").objects
    return history.filter(user=user, pgh_label="insert", pgh_created_at__gt=at - timedelta(hours=1)).count()


@transaction.atomic
def remove(method: ContactMethod, *, by: User) -> None:
    """Take the method away; what waits to go out on it fails, visibly (O31).

    Raises:
        NotAllowed: it is somebody else's.
    """
    _require_owner(method, by)
    ContactMethod.objects.filter(pk=method.pk).delete()
    recheck.soon()


@transaction.atomic
def prefer(method: ContactMethod, *, by: User) -> None:
    """Make it the person's first: the one that is used where nothing else decides.

    Raises:
        NotAllowed: it is somebody else's.
    """
    _require_owner(method, by)
    rows = list(ContactMethod.objects.select_for_update().filter(user=method.user_id).order_by("position", "pk"))
    rows.sort(key=lambda row: row.pk != method.pk)
    for position, row in enumerate(rows):
        if row.position != position:
            row.position = position
            row.save(update_fields=["position"])


@transaction.atomic
def switch(method: ContactMethod, *, on: bool, by: User, at: datetime) -> None:
    """Stop using the method without losing it, or use it again.

    Raises:
        NotAllowed: it is somebody else's.
    """
    _require_owner(method, by)
    row = ContactMethod.objects.select_for_update(no_key=True).get(pk=method.pk)
    row.disabled_at, row.disabled_why = (None if on else row.disabled_at or at), ""
    row.save(update_fields=["disabled_at", "disabled_why"])
    recheck.soon()


def stop(methods: Iterable[ContactMethod], *, at: datetime) -> None:
    """The phone asked for no more text messages: its methods are off until it, or their owner, says otherwise (O23)."""
    for method in methods:
        if method.disabled_at is None:
            method.disabled_at, method.disabled_why = at, "stop"
            method.save(update_fields=["disabled_at", "disabled_why"])


def start(methods: Iterable[ContactMethod], *, at: datetime) -> None:
    """The phone asked for messages again: every method of its number is on (O23)."""
    for method in methods:
        if method.disabled_at is not None:
            method.disabled_at, method.disabled_why = None, ""
            method.save(update_fields=["disabled_at", "disabled_why"])


def stopped(user: User) -> QuerySet[ContactMethod]:
    """The person's methods that their phone switched off by STOP, for the warning."""
    return ContactMethod.objects.filter(user=user, disabled_at__isnull=False, disabled_why="stop").order_by("pk")


def expire_due(at: datetime) -> due.Done:
    """Remove what was not verified in time, with its codes: the due source ``contact methods`` (O29)."""
    return due.do_set("contact methods", expired(at), _expire, at)


def expired(at: datetime) -> QuerySet[ContactMethod]:
    """Methods whose time to be verified has run out."""
    return ContactMethod.objects.filter(verified_at=None, expires_at__lt=at).order_by("expires_at", "pk")


@transaction.atomic
def _expire(ids: Sequence[int], at: datetime) -> int:
    locked = list(expired(at).filter(pk__in=ids).select_for_update(skip_locked=True).values_list("pk", flat=True))
    ContactMethod.objects.filter(pk__in=locked).delete()
    return len(locked)


def _require_owner(method: ContactMethod, by: User) -> None:
    if method.user_id != by.pk:
        raise NotAllowed("This is somebody else's contact method.")


def fitting(channel: str, address: str) -> Fitted:
    """The address as it is kept.

    Raises:
        Invalid: it does not fit the channel.
    """
    address = address.strip()
    if channel == Channel.CANARY:
        raise Invalid("channel", "This channel is the engine's own; no person has it.")
    if channel in CALLED:
        return Fitted(_number(address))
    if channel == Channel.EMAIL:
        _checked(validate_email, address)
    elif channel == Channel.WEBHOOK:
        _checked(is_web_address, address)
        return _url(address)
    elif channel == Channel.CHAT and "://" in address:
        return _chat(address)
    elif channel == Channel.PUSH:
        return _push(address)
    return Fitted(address)


def _number(address: str) -> str:
    number = re.sub(r"[ ()./-]", "", address)
    if not NUMBER.fullmatch(number):
        raise Invalid("address", "Use the number with its country code, for example +49 151 2345678.")
    return number


def _checked(check: object, address: str) -> None:
    try:
        check(address)  # type: ignore[operator]
    except ValidationError as refused:
        raise Invalid("address", " ".join(refused.messages)) from None


def _chat(address: str) -> Fitted:
    """A chat address carries a key: only the name of the service is shown, with a mark to tell two apart."""
    service = chat.service_of(address)
    if service is None:
        raise Invalid(
            "address", "This is no chat address that Tocsin knows. Use an Apprise URL, or a webhook of the chat."
        )
    return Fitted(f"{service.service_name} ({sealing.mark_of(address)})", address)


def _push(address: str) -> Fitted:
    if "://" in address:
        _checked(is_web_address, address)
        if not ntfy.TOPIC.fullmatch(ntfy.split(address)[1]):
            raise Invalid(
                "address", "The address must end with an ntfy topic, for example https://ntfy.example.com/my-topic."
            )
        return _url(address)
    if settings.NTFY_URL and not ntfy.TOPIC.fullmatch(address):
        raise Invalid("address", "An ntfy topic has letters, digits, - and _ alone, 64 at most.")
    return Fitted(address)


def _url(address: str) -> Fitted:
    """A web address; one with a password, a query or a key in its path is a secret."""
    parts = urlsplit(address)
    if not (parts.username or parts.password or parts.query or TOKEN.search(parts.path)):
        return Fitted(address)
    host = parts.netloc.rpartition("@")[2]
    return Fitted(f"{parts.scheme}://{host}/… ({sealing.mark_of(address)})", address)
