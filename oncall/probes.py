"""What a person asks their own contact methods: a code that proves an address, a test that shows it works."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare

from incidents import due
from incidents.models import User
from incidents.refusals import Invalid, NotAllowed, TransitionError
from oncall import messages
from oncall.models import ContactMethod, Delivery, DeliveryState, Probe, ProbeKind

CODE_LASTS = timedelta(minutes=15)
TRIES = 5  # codes that may be typed in for one that was sent
OF_METHOD, OF_PERSON = 3, 10  # probes: of a method in a quarter of an hour, of a person in an hour
URGENT, SOON = 1, 6  # priorities


@transaction.atomic
def send_code(method: ContactMethod, *, by: User, at: datetime) -> Probe:
    """Send a fresh code over the method; earlier ones are worth nothing from now on.

    Raises:
        NotAllowed: it is somebody else's.
        TransitionError: it is verified, switched off, or was asked too often.
    """
    row = _lock(method, by)
    if row.verified_at is not None:
        raise TransitionError("This address is verified already.")
    if row.disabled_at is not None:
        raise TransitionError("This address is switched off. Switch it on first.")
    _check_pace(row, at)
    Probe.objects.filter(method=row, kind=ProbeKind.CODE, expires_at__gt=at).update(expires_at=at)
    return _send(row, ProbeKind.CODE, URGENT, at)


@transaction.atomic
def verify(method: ContactMethod, code: str, *, by: User, at: datetime) -> bool:
    """Does the code prove the address? A wrong one counts as a try and answers False.

    Raises:
        NotAllowed: it is somebody else's.
        Invalid: no code is open: none was sent, it is too old, or it was tried too often.
    """
    row = _lock(method, by)
    if row.verified_at is not None:
        return True
    newest = Probe.objects.filter(method=row, kind=ProbeKind.CODE, expires_at__gt=at).order_by("-pk").first()
    if newest is None:
        raise Invalid("code", "There is no code that could be checked: send a new one.")
    if newest.tries >= TRIES:
        raise Invalid("code", "That code was tried too often: send a new one.")
    newest.tries += 1
    newest.save(update_fields=["tries"])
    if not constant_time_compare(messages.code_of(newest), "".join(code.split())):
        return False
    row.verified_at, row.expires_at = at, None
    row.save(update_fields=["verified_at", "expires_at"])
    return True


@transaction.atomic
def send_test(method: ContactMethod, *, by: User, at: datetime) -> Probe:
    """Send a test over the method.

    Raises:
        NotAllowed: it is somebody else's (O28).
        TransitionError: it cannot be used, or was asked too often.
    """
    row = _lock(method, by)
    if not row.is_usable:
        raise TransitionError("Only an address that is verified and switched on can be tested.")
    _check_pace(row, at)
    return _send(row, ProbeKind.TEST, SOON, at)


def _lock(method: ContactMethod, by: User) -> ContactMethod:
    if method.user_id != by.pk:
        raise NotAllowed("This is somebody else's contact method: only its owner may test it.")
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # the pace is kept per person
    return ContactMethod.objects.select_for_update(no_key=True).get(pk=method.pk)


def _check_pace(method: ContactMethod, at: datetime) -> None:
    quarter, hour = at - timedelta(minutes=15), at - timedelta(hours=1)
    of_method = Probe.objects.filter(method=method, created_at__gt=quarter).count()
    of_person = Delivery.objects.filter(person=method.user_id, probe__isnull=False, created_at__gt=hour).count()
    if of_method >= OF_METHOD:
        raise TransitionError("That is enough for this address for now. Wait a quarter of an hour.")
    if of_person >= OF_PERSON:
        raise TransitionError("That is enough for now. Wait an hour.")


def _send(method: ContactMethod, kind: str, priority: int, at: datetime) -> Probe:
    lasts = at + CODE_LASTS
    probe = Probe.objects.create(method=method, kind=kind, nonce=secrets.token_hex(16), created_at=at, expires_at=lasts)
    Delivery.objects.create(
        probe=probe,
        person_id=method.user_id,
        method=method,
        channel=method.channel,
        address=method.address,
        dedupe_key=f"probe:{probe.pk}",
        priority=priority,
        state=DeliveryState.PENDING,
        created_at=at,
        not_before=at,
        expires_at=lasts,
    )
    due.ring_on_commit()
    return probe
