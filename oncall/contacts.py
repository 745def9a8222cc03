"""How a person can be reached comes in."""

import re
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import transaction
from django.db.models import Max

from incidents.models import User
from incidents.refusals import Invalid
from oncall.models import Channel, ContactMethod

NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
CALLED = {Channel.VOICE, Channel.SMS}
is_web_address = URLValidator(schemes=["https", "http"])


@transaction.atomic
def add(user: User, *, channel: str, address: str, verified: bool, at: datetime) -> ContactMethod:
    """Add a way to reach a person, after those that they have; ``verified`` = the address is known to be theirs.

    Raises:
        Invalid: the address does not fit the channel.
        ValidationError: it is listed already.
    """
    last = ContactMethod.objects.filter(user=user).aggregate(last=Max("position"))["last"]
    method = ContactMethod(
        user=user,
        channel=channel,
        address=fitting(channel, address),
        verified_at=at if verified else None,
        position=0 if last is None else last + 1,
    )
    method.full_clean()
    method.save(force_insert=True)
    return method


def fitting(channel: str, address: str) -> str:
    """The address as it is kept.

    Raises:
        Invalid: it does not fit the channel.
    """
    if channel == Channel.CANARY:
        raise Invalid("channel", "This channel is the engine's own; no person has it.")
    if channel in CALLED:
        number = re.sub(r"[ ()./-]", "", address)
        if not NUMBER.fullmatch(number):
            raise Invalid("address", "Use the number with its country code, for example +49 151 2345678.")
        return number
    try:
        if channel == Channel.EMAIL:
            validate_email(address)
        elif channel == Channel.WEBHOOK:
            is_web_address(address)
    except ValidationError as refused:
        raise Invalid("address", " ".join(refused.messages)) from None
    return address
