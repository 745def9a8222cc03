"""The ground floor's part of the admin site."""

# The first four are imported because they register what is taken out below.
import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin  # noqa: F401
import django.contrib.auth.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group

from incidents.admin import catalog, incident, people, practice, quiet, role, severity

__all__ = ["catalog", "incident", "people", "practice", "quiet", "role", "severity"]

# Groups mean nothing here; the others hold secrets of sign-in, which the page of a person deals with.
admin.site.unregister([Group, EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken])
