"""Bring the database up to date and, if it is empty, fill it."""

import secrets
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from config.demo import ADMINISTRATOR, DEMO_PASSWORD
from incidents.models import User


class Command(BaseCommand):
    """``manage.py up`` runs it on each start; a deploy may run it by itself."""

    help = "Migrate; load the demo organisation into an empty database, or with DEMO=0 make the first administrator."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then see to the first content; the last line says how to sign in."""
        call_command("migrate", interactive=False)
        if settings.DEMO:
            call_command("demo", "--if-empty")
            self._say_demo_sign_in()
        else:
            self._make_first_administrator()

    def _say_demo_sign_in(self) -> None:
        """Name the demo password, unless somebody has changed it."""
        person = User.objects.filter(email=ADMINISTRATOR, is_active=True).first()
        if person is not None and person.check_password(DEMO_PASSWORD):
            self.stdout.write(f"Sign in as {person.email} with the password {DEMO_PASSWORD}")

    @transaction.atomic
    def _make_first_administrator(self) -> None:
        """Make the administrator of an empty house with a password that is shown this once."""
        if User.objects.exists():
            return
        password = secrets.token_urlsafe(12)
        person = User.objects.create_superuser(settings.ADMIN_EMAIL, password)
        self.stdout.write(
            f"Sign in as {person.email} with the password {password} (shown this once; change it after signing in)"
        )
