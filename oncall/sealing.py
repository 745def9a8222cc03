"""Addresses that are secrets themselves (a chat webhook, a token in an address): kept sealed, shown masked."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "tocsin.sealing"


class Unreadable(Exception):
    """The sealed text was made under another SECRET_KEY."""


def seal(text: str) -> str:
    """Encrypt under SECRET_KEY; nothing stays nothing."""
    return _fernet().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """Decrypt what ``seal`` made.

    Raises:
        Unreadable: SECRET_KEY has changed since.
    """
    if not sealed:
        return ""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def mark_of(text: str) -> str:
    """Six characters by which two secrets are told apart without showing either."""
    return salted_hmac(SALT, text, algorithm="sha256").hexdigest()[:6]


def signing_secret(method_id: int) -> str:
    """The secret with which webhooks to this method are signed, in the form of Standard Webhooks."""
    key = salted_hmac("tocsin.webhook", str(method_id), algorithm="sha256").digest()
    return "whsec_" + base64.b64encode(key).decode()


def _fernet() -> Fernet:
    key = hashlib.sha256(f"{SALT}:{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
