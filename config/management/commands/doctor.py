"""Say in plain words what is well and what is broken."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.health import Verdict, examine


class Command(BaseCommand):
    """Exit code 1 when something is broken."""

    help = "Look at configuration, database, broker, mail, channels, clock and engine."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line for each thing that was looked at."""
        verdicts = set()
        for finding in examine():
            verdicts.add(finding.verdict)
            self.stdout.write(f"{finding.verdict.value:<7} {finding.subject:<14} {finding.words}")
        if Verdict.BROKEN in verdicts:
            self.stdout.write("Something is broken.")
            sys.exit(1)
        self.stdout.write("Nothing is broken.")
