"""What can be done to a person's account: deactivate, reactivate, tokens, sign-in. People are never deleted."""

import logging
from collections.abc import Callable
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from incidents.models import Access, ApiToken, Organisation, User
from incidents.refusals import NotAllowed

log = logging.getLogger(__name__)

Hook = Callable[[User, datetime], object]
HOOKS: list[Hook] = []


def register_departure(hook: Hook) -> None:
    """Let a floor above hear, in its transaction, of each deactivation; called from ``AppConfig.ready()``."""
    if hook not in HOOKS:
        HOOKS.append(hook)


@transaction.atomic
def deactivate(user: User, *, by: User, at: datetime) -> User:
    """End a person's access: from ``at`` they can neither sign in nor be paged, and they leave every rotation.

    Raises:
        NotAllowed: oneself, the last active administrator, the organisation's fallback contact, or somebody inactive.
    """
    others = _lock_administrators_beside(user)
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not locked.is_active:
        raise NotAllowed(f"{locked} is inactive already.")
    if locked.pk == by.pk:
        raise NotAllowed("You cannot deactivate yourself. Ask another administrator.")
    if locked.is_administrator and not others:
        raise NotAllowed(f"{locked} is the last active administrator. Make somebody else an administrator first.")
    if Organisation.objects.filter(fallback=locked).exists():
        raise NotAllowed(f"{locked} is the organisation's fallback contact. Name another fallback contact first.")
    locked.is_active, locked.deactivated_at = False, at
    locked.save(update_fields=["is_active", "deactivated_at"])
    for hook in HOOKS:
        _hear(hook, locked, at)
    return locked


def _hear(hook: Hook, user: User, at: datetime) -> None:
    """Run one hook; one that raises is undone alone and never keeps anybody's access: the next tick repairs it."""
    try:
        with transaction.atomic():
            hook(user, at)
    except Exception:
        log.exception("a hook failed when %s was deactivated", user.pk)


@transaction.atomic
def reactivate(user: User, *, by: User, at: datetime) -> User:
    """Let a person sign in and be paged again. They are in no rotation until somebody puts them there.

    Raises:
        NotAllowed: they are active already.
    """
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if locked.is_active:
        raise NotAllowed(f"{locked} is active already.")
    locked.is_active, locked.deactivated_at = True, None
    locked.save(update_fields=["is_active", "deactivated_at"])
    return locked


@transaction.atomic
def require_another_administrator(user: User) -> None:
    """Let a change pass that takes the administrator's right away from ``user``.

    Raises:
        NotAllowed: nobody else has it.
    """
    if not _lock_administrators_beside(user):
        raise NotAllowed(f"{user} is the last active administrator. Make somebody else an administrator first.")


@transaction.atomic
def forget_former_addresses(user: User) -> None:
    """Drop the e-mail addresses that sign-in kept from before a change: a reset link must not go to an old one."""
    EmailAddress.objects.filter(user=user).exclude(email__iexact=user.email).delete()


@transaction.atomic
def remove_second_factor(user: User, *, by: User, at: datetime) -> int:
    """Let a person sign in with the password alone, for instance after a lost phone; return how many factors went.

    Raises:
        NotAllowed: they have none.
    """
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if not removed:
        raise NotAllowed(f"{user} has no second factor.")
    return removed


@transaction.atomic
def revoke(token: ApiToken, *, at: datetime) -> ApiToken:
    """End a token for ever.

    Raises:
        NotAllowed: it is revoked already.
    """
    locked = ApiToken.objects.select_for_update(no_key=True).get(pk=token.pk)
    if locked.revoked_at:
        raise NotAllowed("This token is revoked already.")
    locked.revoked_at = at
    locked.save(update_fields=["revoked_at"])
    return locked


def _lock_administrators_beside(user: User) -> list[int]:
    """Lock all active administrators and return the others, so that of two who remove each other one is refused."""
    administrators = User.objects.filter(access=Access.ADMINISTRATOR, is_active=True)
    locked = administrators.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)
    return [pk for pk in locked if pk != user.pk]
