"""Serves a web application inside a service's own loop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from shared.guard import Limits, guarded

__all__ = ["listen", "server_of"]


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one. Raises OSError."""
    return socket.create_server((host, port))


def server_of(app: Starlette, limits: Limits | None = None) -> uvicorn.Server:
    """Return a server for *app*: ``await server.serve([socket])``; it ends when its task is cancelled."""
    limits = Limits() if limits is None else limits
    config = uvicorn.Config(
        app, http=guarded(limits), ws="none", log_config=None, access_log=False, lifespan="off", server_header=False,
        # Connections are the guard's to count: those it has given up are still there for a moment.
        timeout_keep_alive=5, limit_concurrency=2 * limits.most, h11_max_incomplete_event_size=65_536,
    )  # fmt: skip
    return _Server(config)
