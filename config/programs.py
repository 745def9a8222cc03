"""A program that this process starts: on a leash, in a session of its own, as another account where told."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True)
class Account:
    """The user and group that a program runs as, when root starts it."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """What to run and how to end it. ``log`` is the file its output goes to; without one the output is a pipe."""

    name: str
    argv: tuple[str, ...]
    account: Account | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = Path("/")
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    keep_open: tuple[int, ...] = ()


def launch(program: Program) -> subprocess.Popen[str]:
    """Start the program; call it from a thread that lives as long as the program shall.

    Linux sends the death signal when the thread that started a child ends, not only when its process does.
    """
    account = program.account or Account(-1, -1)
    leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(program.death_signal))]
    with _output(program) as sink:
        return subprocess.Popen(  # noqa: S603  (own arguments, no shell)
            [*leash, str(account.uid), str(account.gid), *program.argv],
            env=dict(program.environment),
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=sink if program.log else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=program.keep_open,
            text=True,
            errors="replace",
        )


def _output(program: Program) -> IO[bytes]:
    path = program.log or Path(os.devnull)
    return path.open("ab")


def end(process: subprocess.Popen[str], *, with_signal: signal.Signals, patience: float) -> None:
    """Ask the process to end, wait up to ``patience`` seconds, then kill it."""
    if process.poll() is not None:
        return
    process.send_signal(with_signal)
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
