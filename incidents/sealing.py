"""Secrets that must be read again, such as a token of a provider: kept encrypted under SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

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


def _fernet() -> Fernet:
    key = hashlib.sha256(f"{SALT}:{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
