"""Where people's pages and the CAP feed are served, inside the service's own loop."""

from __future__ import annotations

import errno
import socket

from shared import web
from shared.problems import Conflict
from shared.web import server_of

__all__ = ["listen", "server_of"]


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises
    ------
    Conflict
        ``notifier.port_taken``.
    """
    try:
        return web.listen(host, port)
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "")
        raise Conflict("notifier.port_taken", field="port", host=host, port=port, reason=reason) from error
