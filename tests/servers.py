"""The servers of a test run: one Postgres for all workers, one Valkey, in a directory that is gone afterwards.

A pytest plugin, named in ``pyproject.toml``, because the settings are read before any ``conftest.py``. With
DATABASE_URL set the run uses that server instead (its role must be allowed to create databases); likewise
CELERY_BROKER_URL.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from config.embedded import FLEETING, Postgres, Valkey
from config.places import OPEN_STEP
from config.programs import Program, end, launch

os.environ["TOCSIN_TESTING"] = "1"
os.environ.setdefault("SECRET_KEY", "a key for tests alone, of which nobody need be afraid to read it here")
os.environ.setdefault("DATABASE_POOL", "0")  # a pool would keep the test database from being dropped

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
PATIENCE = 60  # seconds


def sweep() -> None:
    """Remove what runs left behind that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob("tocsin-test-*-*"):
        pid = folder.name.split("-")[2]
        if pid.isdigit() and not Path("/proc", pid).exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


if not IS_WORKER:
    sweep()
    RUN = Path(tempfile.mkdtemp(prefix=f"tocsin-test-{os.getpid()}-"))
    RUN.chmod(OPEN_STEP)  # the account of Postgres must get through
    os.environ["DATA_DIR"] = str(RUN)  # where the settings find the notes below, as they do beside ``manage.py up``


class Servers:
    """What this run needs beyond the addresses that were given."""

    def __init__(self) -> None:
        self.running: list[tuple[subprocess.Popen, signal.Signals]] = []
        self.postgres = None if "DATABASE_URL" in os.environ else Postgres(RUN, FLEETING)
        self.valkey = None if "CELERY_BROKER_URL" in os.environ else Valkey(RUN)

    def leave_notes(self) -> None:
        (RUN / "run").mkdir(mode=OPEN_STEP)
        for name, server in (("database_url", self.postgres), ("broker_url", self.valkey)):
            if server is not None:
                (RUN / "run" / name).write_text(server.url())

    def start(self) -> None:
        if self.postgres is not None:
            process = self._launch(self.postgres.prepare())
            self._wait(lambda: self.postgres.is_ready(process.pid), process)
            self.postgres.make_database()
        if self.valkey is not None:
            self._wait(self.valkey.is_ready, self._launch(self.valkey.prepare()))

    def _launch(self, program: Program) -> subprocess.Popen:
        process = launch(program)
        self.running.append((process, program.stop_signal))
        return process

    def _wait(self, is_ready, process) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.exit(f"A server for the tests did not start; see {RUN}/logs.", returncode=3)
            time.sleep(0.01)

    def stop(self) -> None:
        while self.running:
            process, stop_signal = self.running.pop()
            end(process, with_signal=stop_signal, patience=10)
        if self.postgres is not None:
            shutil.rmtree(self.postgres.sockets, ignore_errors=True)
            shutil.rmtree((RUN / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(RUN, ignore_errors=True)


if not IS_WORKER:
    servers = Servers()
    servers.leave_notes()
    atexit.register(servers.stop)  # also when the settings fail and pytest never gets as far as its hooks


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if not IS_WORKER:
        servers.start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if not IS_WORKER:
        servers.stop()
