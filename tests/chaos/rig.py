"""All processes of the product under one roof, each of which can be killed, kept away and brought back."""

import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from config.embedded import Postgres, Valkey
from config.programs import Program, end
from config.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds until something answers
WORKER = "worker -P threads -c 4 -l ERROR -Q engine,delivery,bulk --without-gossip --without-mingle"
PYTHON = ("web", "worker1", "worker2", "beat1", "beat2", "engine")


class Rig:
    """A DATA_DIR, a port and processes of its own; nothing of it is left when it is closed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"tocsin-chaos-{os.getpid()}-"))
        self.folder.chmod(0o755)  # the account of Postgres must get through
        self.log = (self.folder / "chaos.log").open("w")
        self.supervisor = Supervisor(self.log)
        self.postgres, self.valkey = Postgres(self.folder), Valkey(self.folder)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_"))}
        return given | {
            "DATABASE_URL": self.postgres.url(),
            "CELERY_BROKER_URL": self.valkey.url(),
            "DATA_DIR": str(self.folder),
            "PORT": str(self.port),
            "SECRET_KEY": "a key for breaking things alone, of which nobody need be afraid to read it here",
            "TOCSIN_TESTING": "1",
            "DOORBELL": "1",
            "SANDBOX": "1",
            "PRIVATE_ADDRESSES": "1",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }

    def open(self) -> None:
        """Start the database and the broker, migrate, start everything."""
        self.start_postgres()
        self.postgres.make_database()
        self.start_valkey()
        migrate = Program("migrate", (sys.executable, "manage.py", "migrate", "-v0"), environment=self.environment,
                          folder=ROOT)  # fmt: skip
        if self.supervisor.run_once(migrate, hear=self.supervisor.say):
            raise SystemExit(f"the database could not be migrated:\n{self.tail()}")
        for name in PYTHON:
            self.start(name)
        self.wait_until(self.answers, "the web process")

    def close(self) -> None:
        """End everything, the database last, and remove the folder."""
        self.supervisor.stop(PYTHON, ("valkey",), ("postgres",))
        self.log.close()
        shutil.rmtree(self.postgres.sockets, ignore_errors=True)
        with contextlib.suppress(OSError):
            shutil.rmtree((self.folder / "postgres").resolve())
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, *, folder: Path = ROOT, **more: str) -> None:
        """Start one of the Python processes; ``folder`` holds the release it runs."""
        words = {
            "web": ("-m", "config.web", "--port", str(self.port)),
            "engine": ("-m", "tests.chaos.hands", "engine"),
            "worker": ("-m", "tests.chaos.hands", *WORKER.split(), "-n", f"{name}@chaos"),
            "beat": ("-m", "celery", "-q", "-A", "config", "beat", "-s", str(self.folder / name), "--pidfile="),
        }[name.rstrip("0123456789")]
        program = Program(name, (sys.executable, *words), environment=self.environment | more, folder=folder)
        self.supervisor.start(program)

    def start_postgres(self) -> None:
        child = self.supervisor.start(self.postgres.prepare(), before=self.postgres.clear_the_way)
        self.wait_until(lambda: self.postgres.is_ready(child.process.pid), "Postgres")

    def start_valkey(self) -> None:
        self.supervisor.start(self.valkey.prepare())
        self.wait_until(self.valkey.is_ready, "Valkey")

    def take_away(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a process and leave it away until it is started again."""
        for child in [one for one in self.supervisor.children if one.program.name == name]:
            self.supervisor.children.remove(child)
            end(child.process, with_signal=number, patience=10)

    def kill(self, name: str) -> None:
        """kill -9; the supervisor starts it again as it would at a customer's."""
        for child in self.supervisor.children:
            if child.program.name == name and child.process.poll() is None:
                child.process.kill()

    def arm(self, point: str, times: int) -> None:
        """Let so many processes die at a point of ``tests.chaos.hands``."""
        for number in range(times):
            (self.folder / f"arm-{point}-{number}").touch()

    def disarm(self) -> int:
        """Take back what was armed; return how many points were not reached."""
        left = list(self.folder.glob("arm-*"))
        for armed in left:
            armed.unlink(missing_ok=True)
        return len(left)

    def sleep(self, seconds: float) -> None:
        """Wait, starting again what has died."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.supervisor.look()
            time.sleep(0.05)

    def wait_until(self, reached, what: str, seconds: float = PATIENCE) -> None:
        """Wait for something, starting again what has died.

        Raises:
            SystemExit: it did not come about.
        """
        until = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > until:
                raise SystemExit(f"waited in vain for {what}\n{self.tail()}")
            self.sleep(0.1)

    def answers(self) -> bool:
        with socket.socket() as line:
            line.settimeout(1)
            return line.connect_ex(("127.0.0.1", self.port)) == 0

    def tail(self) -> str:
        """The last words of the processes."""
        self.log.flush()
        return (self.folder / "chaos.log").read_text()[-4000:]

    def connect(self) -> psycopg.Connection:
        """A connection of the onlooker's own."""
        return psycopg.connect(self.postgres.url(), autocommit=True, connect_timeout=5)

    def run(self, sql: str, *values) -> list[tuple]:
        """Ask the database, again and again while it is away."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self.connect() as connection:
                    cursor = connection.execute(sql, values or None)
                    return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                self.sleep(0.3)
