"""The whole product on a machine's own services, for programs that measure it from outside."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds until the product answers


@contextmanager
def running_product() -> Iterator[str]:
    """``manage.py up`` on an empty database of its own, durable as shipped; yields the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        Path(folder).chmod(0o755)
        told = {
            "PORT": str(port),
            "DATA_DIR": folder,
            "DEMO": "0",
            "TOCSIN_TESTING": "1",
            "DOORBELL": "1",
            "LOG_LEVEL": "WARNING",
        }
        kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "CELERY_BROKER_URL"}}
        with Path(folder, "bench.log").open("wb") as log:
            product = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env={**kept, **told},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_for(f"http://127.0.0.1:{port}/readyz", product, Path(folder, "bench.log"))
            os.environ.update(told | {"DATABASE_POOL": "0", "DJANGO_SETTINGS_MODULE": "config.settings"})
            yield f"http://127.0.0.1:{port}"
        finally:
            product.send_signal(signal.SIGTERM)
            product.wait(timeout=30)


def _wait_for(address: str, product: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while product.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if json.load(answer)["ready"]:
                    return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"the product did not start:\n{log.read_text()[-2000:]}")


def quantile(values: list[float], part: float) -> float:
    """The value below which that part of the sorted values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def session_cookie(person) -> str:
    """The cookie of a person who has signed in."""
    from django.test import Client

    client = Client()
    client.force_login(person)
    return re.sub(r"\s+", "", f"sessionid={client.cookies['sessionid'].value}")
