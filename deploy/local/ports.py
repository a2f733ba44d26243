"""Ports of the loopback interface: which are free, which answer."""

from __future__ import annotations

import random
import socket

from shared.problems import Conflict, Fault

__all__ = ["HOST", "answers", "choose", "is_free"]

HOST = "127.0.0.1"

# Below the range systems give to outgoing connections, so that none of those sits on our port while a server restarts.
CANDIDATES = range(18_000, 32_000)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on *port* now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: connections of a former server that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = HOST, timeout: float = 1.0) -> bool:
    """Tell whether somebody accepts connections on *port*."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False


def choose(wanted: int | None, *, preferred: int | None = None, what: str) -> int:
    """Return a port to listen on.

    Parameters
    ----------
    wanted
        What was asked for: a port, 0 for any free one, None for *preferred* or, when that is taken, any free one.
    preferred
        The customary port.
    what
        Who will listen, for the refusal.

    Raises
    ------
    Conflict
        When the port asked for is taken.
    """
    if wanted:
        if not is_free(wanted):
            raise Conflict("local.port_taken", port=wanted, what=what)
        return wanted
    if wanted is None and preferred is not None and is_free(preferred):
        return preferred
    for port in random.sample(CANDIDATES, min(200, len(CANDIDATES))):
        if is_free(port) and _reserve(port):
            return port
    raise Fault("local.no_free_port")


_reserved: list[socket.socket] = []


def _reserve(port: int) -> bool:
    """Keep others that choose at the same time off *port* until this process ends.

    A server may take seconds to listen (a database is made first). Its UDP twin, which nobody needs, is bound at once.
    """
    twin = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        twin.bind((HOST, port))
    except OSError:
        twin.close()
        return False
    _reserved.append(twin)
    return True
