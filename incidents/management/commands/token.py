"""``manage.py token EMAIL``: a new API token for a person."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents.models import ApiToken, Scope, User


class Command(BaseCommand):
    """Print a new token; it is stored hashed, so this is the only time that it can be read."""

    help = "Print a new API token that acts for a person. It is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and what for."""
        parser.add_argument("email", help="the person's e-mail address")
        parser.add_argument(
            "--scope", choices=Scope.values, default=Scope.WRITE.value, help="what it may do (default: %(default)s)"
        )
        parser.add_argument("--name", default="", help="what it is for; shown in the admin site")

    def handle(self, *args: Any, email: str, scope: str, name: str, **options: Any) -> None:
        """Make the token and print it, alone on its line."""
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"There is no person with the address {email}.")
        if not user.is_active:
            raise CommandError(f"{user} is inactive: a token would not let anybody in.")
        if scope == Scope.ADMIN and not user.is_administrator:
            raise CommandError(f"{user} is no administrator: the scope admin would give them nothing.")
        _, secret = ApiToken.issue(user, scope=scope, name=name[:80])
        self.stdout.write(secret)
