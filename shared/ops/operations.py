"""One process's operations, as its wiring builds them: the port, the conditions, and what is looked at now and then.

Nothing here may stop the service: a port that is taken, a database that is away, a look that fails are logged, and
warnings go out as before.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import nats.errors
from nats.aio.client import Client

from shared.logging import logger
from shared.ops.catalogue import DEAD_LETTERS, EVENTS, FIGURES_SKIPPED, LAG, LOOP_LAG, RELAY_LAG
from shared.ops.figures import EVERY_S, Figure, Figures
from shared.ops.health import Check, Health, answers
from shared.ops.meters import Histogram, quantile
from shared.postgres import Pool
from shared.settings import Settings

__all__ = ["Look", "Operations"]

Look = Callable[[], Awaitable[None]]
"""Brings gauges up to date; done every ten seconds."""

_LOOK_S = 4.0
"""Seconds a look may take."""
_RELAYED = """
SELECT coalesce((SELECT max(position) FROM event), 0), coalesce((SELECT max(position) FROM relay_cursor), 0)
"""


class Operations:
    """See the module's text. ``begin``, then ``stand_on``, ``check``, ``look`` and ``figure``, then run ``tasks``.

    Parameters
    ----------
    service
        Its name, in answers and in the schema.
    settings
        Where to listen (``ops_host``, ``ops_port``); None: as the environment says.
    """

    def __init__(self, service: str, settings: Settings | None = None) -> None:
        self.service = service
        self.health = Health()
        self._settings = Settings.load() if settings is None else settings
        self._figures = Figures()
        self._looks: list[Look] = []
        self._pool: Pool | None = None
        self._serving: asyncio.Task[None] | None = None
        self._late = 0.0
        self._failing = False
        self._log = logger(__name__)

    def begin(self) -> Operations:
        """Answer from now on, if a port was given: also while the service still waits for its turn."""
        host, port = self._settings.ops_host, self._settings.ops_port
        if port is not None:
            try:
                sock = socket.create_server((host, port))
            except OSError as error:
                self._log.error("no health and no metrics: cannot listen", host=host, port=port, reason=error.strerror)
            else:
                self._serving = asyncio.create_task(self._serve(sock), name="ops-http")
                self._log.info("health and metrics are served", host=host, port=sock.getsockname()[1])
        return self

    def stand_on(self, pool: Pool, nc: Client, consumers: Sequence[tuple[str, str]] = ()) -> None:
        """Depend on the database and on NATS, and look after what every service has.

        Parameters
        ----------
        pool
            On the service's schema; figures go there too.
        nc
            The client the service publishes with.
        consumers
            (stream, durable name) of what it consumes.
        """
        self._pool = pool
        self.check("database", answers(pool))

        async def connected() -> str:
            return "" if nc.is_connected else "not connected"

        self.check("nats", connected)
        self.look(lambda: _relayed(pool))
        self.look(lambda: _lags(nc, consumers))
        self.figure("relay_lag_events", lambda: RELAY_LAG.values.get(()))
        self.figure("dead_letters_total", lambda: DEAD_LETTERS.total)

    def check(self, name: str, check: Check) -> None:
        """Be ready only while *check* has nothing to say."""
        self.health.add(name, check)

    def look(self, look: Look) -> None:
        """Bring gauges up to date every ten seconds by *look*."""
        self._looks.append(look)

    def figure(self, name: str, figure: Figure) -> None:
        """Write *figure* every ten seconds."""
        self._figures.add(name, figure)

    def share(self, sums: Sequence[str]) -> None:
        """Write figures together with other processes of the service; see ``Figures.share``."""
        self._figures.share(sums)

    def latency(self, name: str, histogram: Histogram) -> None:
        """Write a histogram's median and 99th percentile of each ten seconds, in milliseconds."""
        recent: list[tuple[float, float]] = []

        def median() -> float | None:
            recent[:] = histogram.take_recent()
            return _ms(quantile(recent, 0.5))

        self.figure(f"{name}_p50", median)
        self.figure(f"{name}_p99", lambda: _ms(quantile(recent, 0.99)))

    def tasks(self, *names: str) -> list[asyncio.Task[None]]:
        """Begin what runs beside the service, and return it; *names*: the tasks without which it is not alive."""
        self.health.begun(names)
        begun = [asyncio.create_task(self._watch(), name="ops")]
        return begun if self._serving is None else [*begun, self._serving]

    async def _serve(self, sock: socket.socket) -> None:
        from shared.ops.http import serve_ops  # starlette and uvicorn: nobody needs them without a port

        try:
            await serve_ops(self.service, self.health, sock)
        except Exception as error:
            self._log.error("health and metrics are no longer served", error=str(error) or type(error).__name__)
        await asyncio.Event().wait()  # whoever waits for this task takes its end for the service's

    async def _watch(self) -> None:
        await self.step(write=not self._figures.shared)  # between two moments it would come on top of the others'
        while True:
            end = time.monotonic() + EVERY_S - time.time() % EVERY_S
            while (left := end - time.monotonic()) > 0:
                pause = min(1.0, left)
                begun = time.monotonic()
                await asyncio.sleep(pause)
                self._late = max(self._late, time.monotonic() - begun - pause)
            await self.step()

    async def step(self, *, write: bool = True) -> None:
        """Look at everything and write the figures, once."""
        LOOP_LAG.set(self._late)
        self._late = 0.0
        for look in self._looks:
            with suppress(Exception):  # what it could not find out is left out
                async with asyncio.timeout(_LOOK_S):
                    await look()
        if self._pool is None or not write:
            return
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._figures.write(self._pool, datetime.now(UTC))
        except Exception as error:
            FIGURES_SKIPPED.add()
            if not self._failing:
                self._log.warning("figures are left out", error=type(error).__name__)
            self._failing = True
        else:
            self._failing = False


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000.0


async def _relayed(pool: Pool) -> None:
    lag: dict[tuple[str, ...], float] = {}
    try:
        async with pool.connection(timeout=1.0) as conn:
            row = await (await conn.execute(_RELAYED)).fetchone()
        assert row is not None  # two scalars always give one row
        EVENTS.reach(float(row[0]))
        lag[()] = float(max(row[0] - row[1], 0))
    finally:
        RELAY_LAG.replace(lag)


async def _lags(nc: Client, consumers: Sequence[tuple[str, str]]) -> None:
    """Ask how many messages wait: those not sent yet, and those sent and not acknowledged."""
    js, lags = nc.jetstream(timeout=1.0), dict[tuple[str, ...], float]()
    try:
        for stream, durable in consumers:
            with suppress(OSError, TimeoutError, nats.errors.Error):
                info = await js.consumer_info(stream, durable)
                lags[(durable,)] = float((info.num_pending or 0) + (info.num_ack_pending or 0))
    finally:
        LAG.replace(lags)  # at once: who asks meanwhile hears what was known
