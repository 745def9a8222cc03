"""Addresses that are secrets themselves (a chat webhook, a token in an address): kept sealed, shown masked."""

import base64

from django.utils.crypto import salted_hmac

from incidents.sealing import SALT, Unreadable, seal, unseal

__all__ = ["Unreadable", "mark_of", "seal", "signing_secret", "unseal"]


def mark_of(text: str) -> str:
    """Six characters by which two secrets are told apart without showing either."""
    return salted_hmac(SALT, text, algorithm="sha256").hexdigest()[:6]


def signing_secret(method_id: int) -> str:
    """The secret with which webhooks to this method are signed, in the form of Standard Webhooks."""
    key = salted_hmac("tocsin.webhook", str(method_id), algorithm="sha256").digest()
    return "whsec_" + base64.b64encode(key).decode()
