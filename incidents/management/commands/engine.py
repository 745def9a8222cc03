"""The engine without a broker: one loop that ticks, and threads that do what the bells ask for."""

import logging
import signal
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections

from incidents import due

log = logging.getLogger(__name__)


class Command(BaseCommand):
    """``manage.py engine``: needs the database and nothing else; any number may run, beside workers or alone."""

    help = "Run the engine as a plain loop, without a broker."

    def add_arguments(self, parser: CommandParser) -> None:
        """How many hands, how often."""
        parser.add_argument("--threads", type=int, default=8, help="hands that send messages (default 8)")
        parser.add_argument("--every", type=float, default=1.0, help="seconds between two ticks (default 1)")
        parser.add_argument("--once", action="store_true", help="tick once, do what it asks for, and stop")

    def handle(self, *args: Any, **options: Any) -> None:
        """Tick until told to stop."""
        current_app.loader.import_default_modules()  # or no task is known by its name
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())
        with ThreadPoolExecutor(options["threads"], thread_name_prefix="hand") as hands:
            while not stop.is_set():
                began = time.monotonic()
                self._tick(hands)
                if options["once"]:
                    return
                stop.wait(max(0.0, options["every"] - (time.monotonic() - began)))

    def _tick(self, hands: ThreadPoolExecutor) -> None:
        def ring(bells: Iterable[due.Bell]) -> None:
            for bell in bells:
                hands.submit(_do, bell)

        try:
            due.tick(rung=True, ring=ring)
        except DatabaseError as error:
            log.warning("the database did not answer, trying again: %s", error)
            connections.close_all()


def _do(bell: due.Bell) -> None:
    """Do here what a worker would do, and give the database connection back."""
    try:
        current_app.tasks[bell.task].run(**dict(bell.kwargs))
    except Exception:
        log.exception("%s failed; the next tick rings again", bell.task)
    finally:
        connections.close_all()
