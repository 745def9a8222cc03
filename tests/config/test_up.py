"""``manage.py up`` as a person meets it: from nothing to a page, twice, and gone without a trace."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parents[2]
FROM_THE_TESTS = {"DATABASE_URL", "CELERY_BROKER_URL", "DATABASE_POOL", "SECRET_KEY", "TOCSIN_TESTING"}

pytestmark = pytest.mark.slow


class Up:
    """A running ``manage.py up`` and what it has said so far."""

    def __init__(self, data_dir, port):
        inherited = {name: value for name, value in os.environ.items() if name not in FROM_THE_TESTS}
        self.environment = {**inherited, "DATA_DIR": str(data_dir), "PORT": str(port), "DEMO": "0"}
        self.said = data_dir.with_suffix(".log")
        with self.said.open("w") as log:
            self.process = subprocess.Popen(
                self.command("up"), env=self.environment, cwd=BASE_DIR, stdout=log, stderr=subprocess.STDOUT
            )

    @staticmethod
    def command(*words):
        return [sys.executable, "-W", "ignore", "manage.py", *words]

    def run(self, *words, without=""):
        environment = {name: value for name, value in self.environment.items() if name != without}
        return subprocess.run(
            self.command(*words), env=environment, cwd=BASE_DIR, capture_output=True, text=True, timeout=60
        )

    def wait_for(self, words, *, seconds=90):
        deadline = time.monotonic() + seconds
        while words not in self.said.read_text():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.1)

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(timeout=15)


@pytest.fixture
def port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


@pytest.fixture
def data_dir():
    place = Path(tempfile.mkdtemp(prefix="tocsin-up-"))
    place.chmod(0o711)
    yield place / "data"
    shutil.rmtree(place)


@pytest.fixture
def up(data_dir, port):
    running = []

    def start():
        running.append(Up(data_dir, port))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def processes_of(data_dir):
    """Return the pids of living processes that have the directory in their arguments or their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(data_dir) in told and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def test_up_comes_up_from_nothing_says_how_to_sign_in_once_and_leaves_nothing_behind(up, data_dir, port):
    first = up()
    first.wait_for("Ctrl-C stops everything")
    assert re.search(r"Sign in as admin@example.com with the password \S{16} ", first.said.read_text())
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200

    second = first.run("up")
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith(f"Tocsin is running on {data_dir} already.")
    assert second.stderr.count("\n") == 1

    doctor = first.run("doctor", without="PORT")
    assert doctor.returncode == 0, doctor.stdout
    assert f"the site is http://127.0.0.1:{port}," in doctor.stdout

    assert first.stop() == 0
    assert processes_of(data_dir) == []
    assert not (data_dir / "run" / "database_url").exists()
    assert not (data_dir / "run" / "broker_url").exists()
    alone = first.run("token", "admin@example.com")
    assert (alone.returncode, alone.stdout) == (1, "")
    assert alone.stderr.startswith(f"Nothing runs on {data_dir}. Start Tocsin with `make run`")

    again = up()
    again.wait_for("Ctrl-C stops everything")
    assert "Sign in as" not in again.said.read_text()
    again.process.kill()
    again.process.wait()
    deadline = time.monotonic() + 10
    while processes_of(data_dir):
        assert time.monotonic() < deadline, processes_of(data_dir)
        time.sleep(0.1)


def test_a_port_that_is_taken_is_refused_in_one_sentence_before_anything_starts(up, data_dir, port):
    with socket.socket() as door:
        door.bind(("127.0.0.1", port))
        door.listen()

        refused = up()

        assert refused.process.wait(timeout=30) == 1
    assert refused.said.read_text() == f"Port {port} cannot be had (Address already in use). Choose another: PORT=...\n"
    assert not (data_dir / "postgres").exists()
