"""How people come to have an account: an administrator makes it; nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """allauth's behaviour without open sign-up, in our words."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This account is not active.",
        "email_password_mismatch": "This pair of e-mail and password is not known.",
        "enter_current_password": "This is not your present password.",
        "incorrect_code": "This code is not right, or it was used already.",
        "incorrect_password": "This is not your password.",
        "invalid_password_reset": "This link no longer works.",
        "rate_limited": "Too many attempts. Wait a minute, then try again.",
        "too_many_login_attempts": "Too many attempts. Wait a few minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: accounts are made in the admin site."""
        return False


class SecondProofAdapter(DefaultMFAAdapter):
    """allauth's second proof in our words."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right, or it was used already.",
    }
