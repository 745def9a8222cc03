"""What runs on one machine and in which order: Postgres, Valkey, migrations, web, worker, beat."""

import fcntl
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded import Postgres, Valkey
from config.places import make_data_dir, make_own, make_step
from config.programs import Program
from config.supervisor import Child, StartError, Supervisor

BASE_DIR = Path(__file__).resolve().parent.parent
NOTES = ("database_url", "broker_url", "port")  # what every other command of this DATA_DIR reads
SIGN_IN = "Sign in as "  # how `manage.py prepare` begins the line that is repeated at the end
CELERY = ("-W", "ignore:You're running the worker with superuser", "-m", "celery", "-A", "config", "-q")
WORKER_THREADS = 8
BACKLOG = 2048  # connections that wait while the web process starts again
SERVER_PATIENCE = 60.0  # seconds; a database that crashed may have to recover
WEB_PATIENCE = 60.0  # seconds


class Machine:
    """One Tocsin on this machine: its DATA_DIR, its port, its programs."""

    def __init__(self, data_dir: Path, port: int, supervisor: Supervisor, *, database: bool, broker: bool) -> None:
        """``database`` and ``broker`` tell whether to run our own or leave it to the addresses that were given."""
        self.data_dir = data_dir
        self.port = port
        self.supervisor = supervisor
        self.postgres = Postgres(data_dir) if database else None
        self.valkey = Valkey(data_dir) if broker else None
        self.notes = data_dir / "run"
        self._sign_in: list[str] = []

    @property
    def address(self) -> str:
        """Where the site is, from this machine."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def reserved(self) -> Iterator[int]:
        """Hold DATA_DIR and the port for this process; yields the descriptor of the listening socket.

        Raises:
            StartError: another process holds one of them.
        """
        make_data_dir(self.data_dir)
        make_own(self.data_dir / "media", None)
        with (self.data_dir / "lock").open("w") as lock, socket.socket() as door:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StartError(
                    f"Tocsin is running on {self.data_dir} already. Stop it, or choose another directory: DATA_DIR=..."
                ) from error
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise StartError(
                    f"Port {self.port} cannot be had ({error.strerror}). Choose another: PORT=..."
                ) from error
            door.listen(BACKLOG)
            yield door.fileno()

    def start(self, door: int) -> None:
        """Start everything in order and say where to go.

        Raises:
            StartError: something did not come up.
            EmbeddedError: an embedded server cannot be had.
            StoppedError: the wish to stop came meanwhile.
        """
        self._start_servers()
        self._note("port", str(self.port))
        self._prepare()
        web = self._start_python("web", "-m", "config.web", "--fd", str(door), keep_open=(door,))
        self._start_python("worker", *CELERY, *self._worker_words())
        self._start_python("beat", *CELERY, *self._beat_words())
        self.supervisor.wait_until(self._answers, child=web, seconds=WEB_PATIENCE)
        self._say_where_to_go()

    def stop(self) -> None:
        """Stop everything in order, the database last."""
        self.supervisor.stop(("web", "worker", "beat"), ("valkey",), ("postgres",))
        for note in NOTES:
            (self.notes / note).unlink(missing_ok=True)

    def _start_servers(self) -> None:
        if self.postgres:
            first = not self.postgres.cluster.exists()
            self.supervisor.say("Making the database ..." if first else "Starting the database ...")
            child = self.supervisor.start(self.postgres.prepare(), before=self.postgres.clear_the_way)
            ready = self.postgres.is_ready
            self.supervisor.wait_until(lambda: ready(child.process.pid), child=child, seconds=SERVER_PATIENCE)
            self.postgres.make_database()
            self._note("database_url", self.postgres.url())
        if self.valkey:
            child = self.supervisor.start(self.valkey.prepare())
            self.supervisor.wait_until(self.valkey.is_ready, child=child, seconds=SERVER_PATIENCE)
            self._note("broker_url", self.valkey.url())

    def _note(self, name: str, words: str) -> None:
        """Leave the words where every other command of this DATA_DIR looks for it (``config.settings``)."""
        make_step(self.notes)
        (self.notes / name).write_text(f"{words}\n", encoding="utf-8")

    def _prepare(self) -> None:
        code = self.supervisor.run_once(self._python("prepare", "manage.py", "prepare"), hear=self._hear)
        if code != 0:
            raise StartError("The database could not be prepared; the lines above say why.")

    def _hear(self, line: str) -> None:
        """Show a line of the preparation; keep the sign-in for the end, where it is seen."""
        if line.startswith(SIGN_IN):
            self._sign_in.append(line)
        else:
            self.supervisor.say(line)

    def _python(self, name: str, *words: str, keep_open: tuple[int, ...] = ()) -> Program:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PORT": str(self.port), "DATA_DIR": str(self.data_dir)}
        argv = (sys.executable, *words)
        return Program(name=name, argv=argv, environment=environment, folder=BASE_DIR, keep_open=keep_open)

    def _start_python(self, name: str, *words: str, keep_open: tuple[int, ...] = ()) -> Child:
        return self.supervisor.start(self._python(name, *words, keep_open=keep_open))

    def _worker_words(self) -> tuple[str, ...]:
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        pool = ("--pool", "threads", "--concurrency", str(WORKER_THREADS))
        return ("worker", *pool, "-Q", "engine,delivery,bulk", *quiet)

    def _beat_words(self) -> tuple[str, ...]:
        make_own(self.data_dir / "beat", None)
        return ("beat", "--schedule", str(self.data_dir / "beat" / "schedule"), "--pidfile=")

    def _answers(self) -> bool:
        """Tell whether the site says that it is up."""
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=2) as answer:  # noqa: S310  (our own address)
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _say_where_to_go(self) -> None:
        self.supervisor.say(f"\nTocsin is running at {self.address}")
        for line in self._sign_in:
            self.supervisor.say(line)
        self.supervisor.say(f"Its data are in {self.data_dir}. Ctrl-C stops everything.\n")
