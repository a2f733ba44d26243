"""Become another program that ends when its parent does: ``python -I -S shim.py PARENT SIGNAL UID GID -- COMMAND …``.

Run as a script between fork and exec of every process we start: it drops root when asked to (UID and GID other
than -1), asks the kernel to send SIGNAL when the parent is gone (Linux; elsewhere the janitor alone sees to that),
and replaces itself by COMMAND. It keeps to the standard library and starts without site-packages, in some 15 ms.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def kernel_call() -> Callable[[int], int]:
    """Return the call that has the kernel send us a signal, by number, when our parent ends."""
    if sys.platform != "linux":
        return lambda number: 0
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda number: int(prctl(PR_SET_PDEATHSIG, number, 0, 0, 0))


def drop_root(uid: int, gid: int) -> None:
    """Give up root for good: groups, group, user, in this order."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main(arguments: list[str]) -> None:
    """Do it; never returns."""
    parent, number, uid, gid = (int(word) for word in arguments[:4])
    command = arguments[5:]
    # Before the change of user: the one we become may not be able to read the standard library.
    signal_at_parents_end = kernel_call()
    if uid != -1:
        drop_root(uid, gid)
    # After it, because it clears the setting; exec keeps it.
    if signal_at_parents_end(number) != 0:
        sys.exit("the kernel refuses PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        sys.exit(0)  # it ended before we asked
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
