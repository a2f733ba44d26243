"""``/healthz``, ``/readyz`` and ``/metrics`` of one process, on a port of their own."""

from __future__ import annotations

import asyncio
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.guard import Limits
from shared.ops.catalogue import METERS
from shared.ops.exposition import Exposition
from shared.ops.health import Health
from shared.web import server_of

__all__ = ["ops_app", "serve_ops"]

_AT_ONCE = 16
"""Answers under way at a time: whoever asks more must not disturb the service."""


def ops_app(service: str, health: Health) -> Starlette:
    """Return the application; nobody asks it anything but GET and HEAD."""
    exposition = Exposition(service, METERS)

    async def healthz(_request: Request) -> Response:
        ended = health.ended()
        body = {"service": service, "alive": not ended, "ended": ended}
        return JSONResponse(body, 503 if ended else 200)

    async def readyz(_request: Request) -> Response:
        missing = await health.missing()
        body = {"service": service, "ready": not missing, "missing": missing}
        return JSONResponse(body, 503 if missing else 200)

    async def metrics(request: Request) -> Response:
        await health.missing()  # so that tailwarden_ready says how it is now
        text, content_type = exposition.render(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type})

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    return Starlette(routes=routes)


async def serve_ops(service: str, health: Health, sock: socket.socket) -> None:
    """Serve on *sock* until cancelled."""
    # Prometheus's client takes a tenth of a second to import: not on the loop, where messages wait.
    app = await asyncio.to_thread(ops_app, service, health)
    try:
        await server_of(app, Limits(most=_AT_ONCE)).serve([sock])
    finally:
        sock.close()
