"""A worker, or the plain engine, that can be told where to die and what time it believes it is.

``python -m tests.chaos.hands worker|engine …``. A file ``arm-<point>-<n>`` in DATA_DIR arms a point: whoever gets there
first takes the file and kills its own process with SIGKILL. CHAOS_CLOCK shifts this process's clock, in seconds.
"""

import functools
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def die_if_armed(point: str) -> None:
    """End this process without a word if the point is armed; each arming file kills one process."""
    for armed in Path(os.environ["DATA_DIR"]).glob(f"arm-{point}-*"):
        try:
            armed.unlink()
        except FileNotFoundError:  # another process was quicker
            continue
        os.kill(os.getpid(), signal.SIGKILL)


def around(holder, name, *, before="", after="", when=lambda result: True):
    """Let the function of that name die at a point before or after its work."""
    inner = getattr(holder, name)

    @functools.wraps(inner)
    def outer(*args, **kwargs):
        if before:
            die_if_armed(before)
        result = inner(*args, **kwargs)
        if after and when(result):
            die_if_armed(after)
        return result

    setattr(holder, name, outer)


def install_points() -> None:
    """The places at which a process may die, by the names that ``tests.chaos.faults`` uses."""
    from incidents import due
    from incidents.intake import processing
    from oncall import canary, climbing, leasing
    from oncall.channels.webhook import WebhookTransport

    around(leasing, "lease", before="before-claim", after="after-claim", when=bool)
    around(WebhookTransport, "send", after="after-provider")
    around(canary, "arrived", after="before-commit")  # the last act of the transaction that records a success
    around(climbing, "_write", after="before-commit-of-pages")
    around(due, "send", before="before-ring")
    around(processing, "_note", after="before-commit-of-events")


def main() -> None:
    """Work as told."""
    import django

    django.setup()
    install_points()
    if shift := float(os.environ.get("CHAOS_CLOCK", "0")):
        import time_machine

        time_machine.travel(datetime.now(UTC) + timedelta(seconds=shift), tick=True).start()
    kind, *words = sys.argv[1:]
    if kind == "engine":
        from django.core.management import call_command

        call_command("engine", *words)
    else:
        from config.celery import app

        app.worker_main(["-q", "worker", *words])


if __name__ == "__main__":
    main()
