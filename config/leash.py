"""Become another program that dies with its parent; a script, run with ``python -I -S``, never imported.

Arguments: the parent's pid, the signal that the parent's death shall send, user id, group id (-1 leaves both as they
are), the program and its arguments. It is a script and no ``preexec_fn``, because the supervisor has threads, and
because the kernel forgets the death signal whenever a process changes its user.
"""

import os
import sys

try:
    from ctypes import CDLL
except ImportError:  # a Python that was built without libffi: no leash, all else works
    CDLL = None  # type: ignore[assignment,misc]

PR_SET_PDEATHSIG = 1


def tie_to(parent: int, death_signal: int) -> None:
    """Ask the kernel (Linux alone can) to signal this process when its parent dies; end now if it has died already."""
    if CDLL is None or sys.platform != "linux":
        return
    CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def become(uid: int, gid: int) -> None:
    """Give up the rights of root for those of the account."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main() -> None:
    """Do what the arguments say; returns only by becoming the program."""
    parent, death_signal, uid, gid = (int(word) for word in sys.argv[1:5])
    program = sys.argv[5:]
    if uid >= 0:
        become(uid, gid)
    tie_to(parent, death_signal)
    os.execv(program[0], program)  # noqa: S606  (no shell is wanted)


if __name__ == "__main__":
    main()
