"""Serves the web application inside the service's own loop."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from services.notifier.adapters.guard import Limits, guarded
from shared.problems import Conflict

__all__ = ["listen", "server_of"]


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises
    ------
    Conflict
        ``notifier.port_taken``.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "")
        raise Conflict("notifier.port_taken", field="port", host=host, port=port, reason=reason) from error


def server_of(app: Starlette, limits: Limits | None = None) -> uvicorn.Server:
    """Return a server for *app*: ``await server.serve([socket])``; it ends when its task is cancelled."""
    limits = Limits() if limits is None else limits
    config = uvicorn.Config(
        app, http=guarded(limits), log_config=None, access_log=False, lifespan="off", server_header=False,
        # Connections are the guard's to count: those it has given up are still there for a moment.
        timeout_keep_alive=5, limit_concurrency=2 * limits.most, h11_max_incomplete_event_size=65_536,
    )  # fmt: skip
    return _Server(config)
