"""Everything on one machine, under one roof."""

import sys
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.env import env_int, env_str
from config.machine import Machine
from config.places import EmbeddedError
from config.supervisor import StartError, StoppedError, Supervisor


class Command(BaseCommand):
    """Start what is missing, keep it running, stop it in order."""

    help = "Run Tocsin on this machine: web, worker, beat, and a database and a broker where no address is given."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Let the port be said here too."""
        parser.add_argument("--port", type=int, default=env_int("PORT", 8000), help="of the site (default: PORT)")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        """Run until Ctrl-C."""
        supervisor = Supervisor(sys.stdout)
        supervisor.listen_for_signals()
        machine = Machine(
            settings.DATA_DIR,
            port,
            supervisor,
            database=not env_str("DATABASE_URL"),
            broker=not env_str("CELERY_BROKER_URL"),
        )
        try:
            with machine.reserved() as door, suppress(StoppedError):
                try:
                    machine.start(door)
                    supervisor.watch()
                finally:
                    machine.stop()
        except (StartError, EmbeddedError) as error:
            self.stderr.write(str(error))
            sys.exit(1)
