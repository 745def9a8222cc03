"""The demo organisation, loaded or made anew."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.demo import ADMINISTRATOR, DEMO_PASSWORD, ORGANISATION, loading, removal
from incidents import due


class Command(BaseCommand):
    """``manage.py demo``."""

    help = (
        f"Load the demo organisation {ORGANISATION} into an empty database: three teams, six services, half a year of "
        "incidents and four that are open now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say when to hold back, and when to begin anew."""
        parser.add_argument("--if-empty", action="store_true", help="do nothing where a team or a person exists")
        parser.add_argument("--reset", action="store_true", help="delete the whole organisation first, then load")
        parser.add_argument("--force", action="store_true", help="with --reset: even if it is not the demo's")
        parser.add_argument("--yes", action="store_true", help="with --reset: do not ask")

    def handle(self, *args: Any, if_empty: bool, reset: bool, force: bool, yes: bool, **options: Any) -> None:
        """Load, unless there is a reason not to."""
        empty = loading.is_empty()
        if if_empty and not empty:
            return
        if not empty and not reset:
            raise CommandError(
                "There is an organisation here already. “manage.py demo --reset” deletes the demo's and loads it anew."
            )
        if not empty:
            self._ask(force=force, yes=yes)
        with transaction.atomic():
            if not empty:
                removal.remove()
            self._load()

    def _ask(self, *, force: bool, yes: bool) -> None:
        """Tell what goes and wait for a yes; without a terminal, a demo that nobody has joined needs none."""
        if not removal.is_demo() and not force:
            raise CommandError(
                f"{removal.summary()} It is not the demo's ({ORGANISATION}), so nothing was done. Add --force if you "
                "mean it."
            )
        self.stdout.write(removal.summary())
        if yes or (not sys.stdin.isatty() and removal.is_demo() and not removal.strangers().exists()):
            return
        if not sys.stdin.isatty():
            raise CommandError("Nothing was done: add --yes, since nobody can be asked here.")
        if input("Type yes to go on: ").strip().lower() != "yes":
            raise CommandError("Nothing was done.")

    def _load(self) -> None:
        self.stdout.write(f"Loading {ORGANISATION}, the demo organisation ...")
        began = time.monotonic()
        incidents = loading.load(due.database_now())
        self.stdout.write(
            f"{len(incidents)} incidents of half a year are there ({time.monotonic() - began:.1f} s). Sign in as "
            f"{ADMINISTRATOR} or as anybody else of {ORGANISATION} with the password {DEMO_PASSWORD}."
        )
