"""Tests against the real server: rows that are really committed, and a web process that reads them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30  # seconds


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def running_server(database_url, *, certificate=None, **environment) -> Iterator[str]:
    """Run the web process on this database and yield its address; ``certificate`` = (file, key) makes it https."""
    port = free_port()
    scheme, words = "http", ["-m", "config.web", "--port", str(port)]
    if certificate:
        scheme, words = "https", ["-m", "uvicorn", "config.asgi:application", "--port", str(port), "--ws", "none"]
        words += ["--ssl-certfile", str(certificate[0]), "--ssl-keyfile", str(certificate[1])]
    told = {"TOCSIN_TESTING": "1", "DATABASE_URL": database_url, "PORT": str(port), "DATABASE_POOL": "0"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env={**os.environ, **told, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(port, process, log)
            yield f"{scheme}://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port, process, log):
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as line:
            line.settimeout(1)
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    log.seek(0)
    raise AssertionError(f"the server did not start: {log.read().decode()[-2000:]}")
