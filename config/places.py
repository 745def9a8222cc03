"""Where the embedded servers keep their things, and whom these belong to."""

import hashlib
import os
import pwd
import stat
from pathlib import Path

from config.programs import Account

COMMON = Path("/var/lib/tocsin")  # for root alone: where `nobody` can go when DATA_DIR or the checkout is closed to it
OPEN_STEP = 0o711  # others may walk through, and see nothing
LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 107 on Linux, 103 on macOS
SOCKET_NAME = ".s.PGSQL.5432"


class EmbeddedError(Exception):
    """An embedded server cannot be had; the text says why, for the person at the terminal."""


def server_account(data_dir: Path) -> Account | None:
    """Return the account that Postgres runs as when root starts it, since it refuses root; else None.

    It is whoever owns the data already, else ``nobody``.
    """
    if os.geteuid() != 0:
        return None
    try:
        owner = (data_dir / "postgres" / "cluster").stat()
        return Account(owner.st_uid, owner.st_gid)
    except OSError:
        pass
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(entry.pw_uid, entry.pw_gid)


def can_enter(folder: Path, account: Account | None) -> bool:
    """Tell whether the account may walk down to the folder, judged by the mode of each step that exists."""
    if account is None:
        return True
    for step in (folder.resolve(), *folder.resolve().parents):
        if not step.exists():
            continue
        found = step.stat()
        if account.uid == found.st_uid:
            wanted = stat.S_IXUSR
        elif account.gid == found.st_gid:
            wanted = stat.S_IXGRP
        else:
            wanted = stat.S_IXOTH
        if not found.st_mode & wanted:
            return False
    return True


def make_own(folder: Path, account: Account | None, mode: int = 0o700) -> None:
    """Make the folder if need be, and see that it is a real one, of this owner and with this mode.

    Raises:
        EmbeddedError: something else stands there, or it belongs to somebody else.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"{folder} cannot be made: {error.strerror}.") from error
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise EmbeddedError(f"{folder} is in the way: it is not a directory that can be opened.") from error
    try:
        _claim(folder, held, account, mode)
    finally:
        os.close(held)


def _claim(folder: Path, held: int, account: Account | None, mode: int) -> None:
    """Set owner and mode of the open folder, so that nobody can put another in its place meanwhile."""
    owner = os.fstat(held).st_uid
    anybody_could_make_it = folder.parent.stat().st_mode & stat.S_IWOTH
    ours = {os.geteuid()} | ({account.uid} if account else set())
    if owner not in ours and (os.geteuid() != 0 or anybody_could_make_it):
        raise EmbeddedError(f"{folder} belongs to another user; start as that user, or choose another DATA_DIR.")
    if account is not None:
        os.fchown(held, account.uid, account.gid)
    os.fchmod(held, mode)


def make_step(folder: Path) -> None:
    """Make a folder on the way to others: closed, but for root, whose servers run as somebody else."""
    make_own(folder, None, OPEN_STEP if os.geteuid() == 0 else 0o700)


def make_data_dir(data_dir: Path) -> None:
    """Make DATA_DIR if need be; one that stands keeps its mode, for it may be anything."""
    if not data_dir.is_dir():
        make_step(data_dir)


def make_common() -> Path:
    """Make COMMON, open to all whatever the umask, and return it."""
    make_own(COMMON, None, 0o755)
    return COMMON


def sockets_place(data_dir: Path, account: Account | None) -> Path:
    """Return a folder for sockets: DATA_DIR/run, or a short one under /tmp where that path is too long or closed."""
    near = data_dir / "run"
    if len(os.fsencode(near / "postgres" / SOCKET_NAME)) <= LONGEST_SOCKET_PATH and can_enter(data_dir, account):
        return near
    key = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path("/tmp") / f"tocsin-{os.geteuid()}-{key}"  # noqa: S108  (checked to be our own before use)
