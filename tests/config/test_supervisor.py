import io
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from config import supervisor as supervision
from config.programs import Program
from config.supervisor import StartError, StoppedError, Supervisor

BASE_DIR = Path(__file__).resolve().parents[2]
FOREVER = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def program(name, code, **more):
    return Program(name=name, argv=(sys.executable, "-c", code), **more)


@pytest.fixture
def terminal():
    return io.StringIO()


@pytest.fixture
def supervisor(terminal):
    supervisor = Supervisor(terminal)
    yield supervisor
    supervisor.stop()


def wait_for(is_true, *, seconds=10.0, meanwhile=lambda: None):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it took too long"
        meanwhile()
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_child_that_dies_is_started_again_and_the_terminal_says_so(supervisor, terminal, monkeypatch):
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.05)
    child = supervisor.start(program("worker", FOREVER))
    first = child.process
    first.kill()

    wait_for(lambda: child.process is not first, meanwhile=supervisor.look)

    assert child.process.poll() is None
    assert "worker was ended by SIGKILL; starting it again in 0.05 s" in terminal.getvalue()


@pytest.mark.slow
def test_a_child_that_keeps_dying_is_started_ever_more_slowly(supervisor, terminal, monkeypatch):
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(supervision, "LONGEST_PAUSE", 0.1)
    child = supervisor.start(program("worker", "raise SystemExit(3)"))

    wait_for(lambda: child.exits == 3, meanwhile=supervisor.look)

    waits = [line.rpartition("again in ")[2] for line in terminal.getvalue().splitlines()]
    assert waits == ["0.05 s", "0.1 s", "0.1 s"]
    assert "worker ended with exit code 3" in terminal.getvalue()


@pytest.mark.slow
def test_a_preparation_that_fails_is_tried_again_later_and_disturbs_no_other(supervisor, terminal, monkeypatch):
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.01)
    refusals = iter([None, RuntimeError("not yet")])

    def before():
        refusal = next(refusals)
        if refusal:
            raise refusal

    child = supervisor.start(program("postgres", "pass"), before=before)

    wait_for(lambda: "postgres cannot start: not yet" in terminal.getvalue(), meanwhile=supervisor.look)

    assert child.again_at > time.monotonic()


@pytest.mark.slow
def test_what_a_child_says_carries_its_name(supervisor, terminal):
    supervisor.start(program("beat", "print('one'); print('two')"))

    wait_for(lambda: terminal.getvalue().count("\n") == 2)

    assert terminal.getvalue() == "beat   | one\nbeat   | two\n"


@pytest.mark.slow
def test_children_end_in_the_order_of_the_stages(supervisor):
    ends = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True);"
    order = []
    for name in ("postgres", "web"):
        child = supervisor.start(program(name, f"{ends} time.sleep(60)"))
        thread = threading.Thread(target=lambda child=child: order.append((child.process.wait(), child.program.name)))
        thread.start()
    wait_for(lambda: supervisor.terminal.getvalue().count("up") == 2)

    supervisor.stop(("web",), ("postgres",))

    wait_for(lambda: len(order) == 2)
    assert order == [(0, "web"), (0, "postgres")]


@pytest.mark.slow
def test_a_child_that_will_not_end_is_killed_when_patience_is_over(supervisor, terminal, monkeypatch):
    monkeypatch.setattr(supervision, "PATIENCE", 0.2)
    child = supervisor.start(program("web", STUBBORN))
    wait_for(lambda: "up" in terminal.getvalue())

    supervisor.stop()

    assert child.process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_second_wish_to_stop_cuts_the_patience_short(supervisor, terminal):
    child = supervisor.start(program("web", STUBBORN))
    wait_for(lambda: "up" in terminal.getvalue())
    supervisor.asked_to_stop = 1
    threading.Timer(0.2, lambda: setattr(supervisor, "asked_to_stop", 2)).start()

    before = time.monotonic()
    supervisor.stop()

    assert child.process.returncode == -signal.SIGKILL
    assert time.monotonic() - before < supervision.PATIENCE / 2


@pytest.mark.slow
def test_a_program_that_ends_while_it_is_waited_for_is_named_with_its_last_words(supervisor, tmp_path):
    log = tmp_path / "log"
    child = supervisor.start(program("valkey", "print('no room on the disk'); raise SystemExit(1)", log=log))

    with pytest.raises(StartError, match=r"valkey ended with exit code 1 while starting\.\n  no room on the disk"):
        supervisor.wait_until(lambda: False, child=child, seconds=10)


@pytest.mark.slow
def test_a_program_that_never_gets_ready_is_named(supervisor):
    child = supervisor.start(program("web", FOREVER))

    with pytest.raises(StartError, match="web was not ready after 0 seconds"):
        supervisor.wait_until(lambda: False, child=child, seconds=0.1)


@pytest.mark.slow
def test_the_wish_to_stop_ends_what_runs_once_too(supervisor):
    threading.Timer(0.2, lambda: setattr(supervisor, "asked_to_stop", 1)).start()

    with pytest.raises(StoppedError):
        supervisor.run_once(program("prepare", FOREVER), hear=print)


@pytest.mark.slow
def test_what_runs_once_is_heard_line_by_line_and_its_exit_code_returned(supervisor):
    heard = []

    code = supervisor.run_once(program("prepare", "print('a'); print('b'); raise SystemExit(4)"), hear=heard.append)

    assert (code, heard) == (4, ["a", "b"])


OWNER = """
    import signal, sys
    from config.programs import Program
    from config.supervisor import Supervisor
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the terminal of the tests does
    supervisor = Supervisor(sys.stdout)
    supervisor.listen_for_signals()
    for name in ("one", "two"):
        code = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); time.sleep(60)"
        child = supervisor.start(Program(name=name, argv=(sys.executable, "-c", code)))
        supervisor.say(str(child.process.pid))
    supervisor.watch()
    supervisor.stop()
    supervisor.say("stopped")
"""


@pytest.fixture
def owner():
    code = textwrap.dedent(OWNER)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=BASE_DIR)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_kill_of_the_supervisor_leaves_no_process(owner):
    pids = [int(owner.stdout.readline()) for _ in range(2)]
    assert all(alive(pid) for pid in pids)

    owner.kill()

    wait_for(lambda: not any(alive(pid) for pid in pids), seconds=5)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_usual_signal_stops_everything_cleanly(owner, number):
    pids = [int(owner.stdout.readline()) for _ in range(2)]

    owner.send_signal(number)

    assert owner.stdout.readline() == "stopped\n"
    assert owner.wait(timeout=5) == 0
    assert not any(alive(pid) for pid in pids)


def test_a_terminal_that_is_gone_is_no_reason_to_stop():
    terminal = io.StringIO()
    terminal.close()

    Supervisor(terminal).say("nobody hears this")
