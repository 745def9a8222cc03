"""Keep programs running: start, restart with back-off, relay what they say, stop in order.

Every child is on a leash (``config.leash``): when this process dies, however it dies, so do they.
"""

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import TextIO

from config.programs import Program, end, launch

FIRST_PAUSE = 0.5  # seconds before the first restart; doubles with each further one
LONGEST_PAUSE = 15.0  # seconds
STEADY_AFTER = 30.0  # seconds of life after which the next exit counts as the first again
LOOK_EVERY = 0.1  # seconds between two looks at the children
PATIENCE = 6.0  # seconds that a child has to end before it is killed; nothing is lost then, tasks are acknowledged late


class StoppedError(Exception):
    """The person at the terminal asked to stop while something was still starting."""


class StartError(Exception):
    """A program that the others need did not come up; the text is fit for the person at the terminal."""


@dataclass
class Child:
    """A program that shall run until the supervisor stops."""

    program: Program
    before: Callable[[], None]
    process: subprocess.Popen[str]
    started_at: float
    exits: int = 0
    again_at: float | None = None


def nothing() -> None:
    """Stand for the preparation of a program that needs none."""


class Supervisor:
    """The children of this process in the order of their start, and what they say on one terminal."""

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal
        self.children: list[Child] = []
        self.asked_to_stop = 0
        self._speaking = threading.Lock()

    def listen_for_signals(self) -> None:
        """Take Ctrl-C, SIGTERM and a closed terminal as the wish to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
            signal.signal(signal.SIGHUP, self._note_signal)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop += 1

    def say(self, line: str) -> None:
        """Write one whole line; a terminal that is gone is no reason to stop."""
        with self._speaking, contextlib.suppress(OSError, ValueError):
            self.terminal.write(f"{line}\n")
            self.terminal.flush()

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: the wish to stop came meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not self.asked_to_stop and time.monotonic() < deadline:
            time.sleep(min(LOOK_EVERY, seconds))
        if self.asked_to_stop:
            raise StoppedError

    def start(self, program: Program, *, before: Callable[[], None] = nothing) -> Child:
        """Start the program and look after it from now on; ``before`` runs ahead of each start."""
        before()
        child = Child(program, before, self._launch(program), time.monotonic())
        self.children.append(child)
        return child

    def wait_until(self, is_ready: Callable[[], bool], *, child: Child, seconds: float) -> None:
        """Wait until the child is ready.

        Raises:
            StartError: it ended, or took too long.
            StoppedError: the wish to stop came meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            code = child.process.poll()
            if code is not None:
                raise StartError(f"{child.program.name} {_ending(code)} while starting.{_last_words(child.program)}")
            if time.monotonic() > deadline:
                raise StartError(f"{child.program.name} was not ready after {seconds:.0f} seconds.")
            self.pause(0.02)

    def run_once(self, program: Program, *, hear: Callable[[str], None]) -> int:
        """Run a program to its end, handing each line that it says to ``hear``; return its exit code.

        Raises:
            StoppedError: the wish to stop came meanwhile; the program was ended.
        """
        process = launch(program)
        reader = threading.Thread(target=_relay, args=(process, hear), daemon=True)
        reader.start()
        try:
            while process.poll() is None:
                self.pause(0.05)
        finally:
            end(process, with_signal=program.stop_signal, patience=PATIENCE)
            reader.join(timeout=1)
        return process.returncode

    def watch(self) -> None:
        """Restart what ends, until the wish to stop."""
        with contextlib.suppress(StoppedError):
            while True:
                self.look()
                self.pause(LOOK_EVERY)

    def look(self) -> None:
        """See to each child once: note an exit, or start again what has waited long enough."""
        for child in self.children:
            if child.again_at is None:
                self._note_exit(child)
            elif time.monotonic() >= child.again_at:
                self._start_again(child)

    def _note_exit(self, child: Child) -> None:
        code = child.process.poll()
        if code is None:
            return
        steady = time.monotonic() - child.started_at > STEADY_AFTER
        child.exits = 1 if steady else child.exits + 1
        wait = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (child.exits - 1))
        child.again_at = time.monotonic() + wait
        self.say(f"{child.program.name} {_ending(code)}; starting it again in {wait:g} s")

    def _start_again(self, child: Child) -> None:
        child.started_at, child.again_at = time.monotonic(), None
        try:
            child.before()
        except Exception as error:
            self.say(f"{child.program.name} cannot start: {error}")
            child.again_at = time.monotonic() + LONGEST_PAUSE
            return
        child.process = self._launch(child.program)

    def stop(self, *stages: Iterable[str]) -> None:
        """End the named children stage by stage, those of one stage together; then what is left, newest first."""
        for names in stages:
            self._end_together([child for child in self.children if child.program.name in set(names)])
        for child in reversed(self.children):
            self._end_together([child])

    def _end_together(self, children: list[Child]) -> None:
        """Signal all first, then wait; a second wish to stop cuts the waiting short."""
        for child in children:
            if child.process.poll() is None:
                child.process.send_signal(child.program.stop_signal)
        deadline = time.monotonic() + PATIENCE
        wishes = self.asked_to_stop
        for child in children:
            while child.process.poll() is None and time.monotonic() < deadline and self.asked_to_stop == wishes:
                time.sleep(0.02)
            end(child.process, with_signal=signal.SIGKILL, patience=1)
            self.children.remove(child)

    def _launch(self, program: Program) -> subprocess.Popen[str]:
        process = launch(program)
        if process.stdout is not None:
            label = f"{program.name:<6} | "
            threading.Thread(target=_relay, args=(process, lambda line: self.say(label + line)), daemon=True).start()
        return process


def _relay(process: subprocess.Popen[str], hear: Callable[[str], None]) -> None:
    """Hand on each line until the pipe closes."""
    if process.stdout is None:
        return
    with process.stdout as lines:
        for line in lines:
            hear(line.rstrip("\n"))


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _last_words(program: Program) -> str:
    """Return the end of the program's log, for a message about why it did not start."""
    if program.log is None or not program.log.exists():
        return ""
    lines = program.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    return "\n" + "\n".join(f"  {line}" for line in lines)
