"""FastStream's NATS broker, made to come back whatever the server said while it was away.

FastStream 0.7.8 raises a server's ``-ERR`` (a refused login, too many connections …) out of nats-py's error
callback. On the first connection that is right. Later the callback runs inside nats-py's reconnection
task and the raise ends that task: the service would live on, deaf for ever, after one bad moment of the server.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from faststream.nats import NatsBroker

from shared.bus.refusal import is_refusal

__all__ = ["SteadyBroker"]

log = logging.getLogger(__name__)

ErrorCallback = Callable[[Exception], Awaitable[None]]


class SteadyBroker(NatsBroker):
    """A broker whose first connection may be refused, and whose later ones are tried for ever."""

    def _log_connection_broken(self, error_cb: ErrorCallback | None = None) -> ErrorCallback:
        """Replace FastStream's callback (the only place where it can be had)."""

        async def on_error(error: Exception) -> None:
            if error_cb is not None:
                await error_cb(error)
            if not self.config.connection_state:
                if is_refusal(error):
                    raise error
                return
            log.warning("NATS: %s", error)

        return on_error
