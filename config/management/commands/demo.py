"""The demo organisation, loaded or made anew."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.demo import ADMINISTRATOR, DEMO_PASSWORD, ORGANISATION, loading
from incidents import due


class Command(BaseCommand):
    """``manage.py demo``."""

    help = "Load the demo organisation into an empty database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say when to hold back and when to begin anew."""
        parser.add_argument("--if-empty", action="store_true", help="do nothing where anybody lives already")

    def handle(self, *args: Any, if_empty: bool, **options: Any) -> None:
        """Load."""
        if not loading.is_empty():
            if if_empty:
                return
            raise CommandError("There is an organisation already.")
        self._load()

    def _load(self) -> None:
        self.stdout.write(f"Loading {ORGANISATION}, the demo organisation ...")
        began = time.monotonic()
        incidents = loading.load(due.database_now())
        took = time.monotonic() - began
        self.stdout.write(
            f"{len(incidents)} incidents of half a year are there ({took:.1f} s). Everybody signs in with the password "
            f"{DEMO_PASSWORD}; the administrator is {ADMINISTRATOR}."
        )
