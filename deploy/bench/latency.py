"""From a logger's publish to the warning event at a subscriber, while single readings stream in.

Baseline: what the way cannot do without: a message through NATS to a subscriber, and one PostgreSQL commit.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import psycopg
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from deploy.bench.figures import Figure, Report
from deploy.bench.fleet import BLUE, EACH, LEVEL, STEP, Fleet
from deploy.bench.system import BenchSystem, bench_system
from shared.bus.connection import connect
from shared.contracts.levels import LevelName
from shared.problems import Fault

__all__ = ["latency"]

_BEATS = 100
"""Bursts a second that the readings are sent in."""
_OUTSTANDING = 400
_TRIES = 200
_LIMIT_S = 15.0
_EVENTS = ("monitor.warning.raised", "monitor.warning.escalated")
_COLOURS = tuple(LevelName)


async def latency(seconds: float, rate: int = 2000, warnings: float = 8.0) -> Report:
    """Measure latency in a freshly started system.

    Parameters
    ----------
    seconds
        How long readings stream in.
    rate
        Readings a second, one a message, times as they are now.
    warnings
        Of them a second, so many take a pond's level over its next limit.
    """
    ponds = max(50, -(-round(seconds * warnings) // len(_COLOURS)))
    setting = {"seconds": seconds, "rate": rate, "warnings_per_s": warnings, "sensors": ponds * EACH}
    report = Report("latency", setting)
    fleet = Fleet(ponds)
    with bench_system() as system:
        await fleet.register(system.connection)
        bare = await _bare(system)
        nc = await connect(system.connection, name="tailwarden-bench")
        try:
            run = _Run(fleet, nc, round(seconds * warnings))
            await run.play(rate, seconds)
            sent = run.published / run.took
        finally:
            await nc.close()
    measured = np.percentile(run.latencies_ms(), [50, 99])
    base = np.percentile(bare, [50, 99])
    report.figures += [
        Figure("latency_rate", sent, "1/s", float(rate), least_ratio=0.99),
        Figure("latency_warnings", len(run.heard), ""),
        Figure("latency_p50", float(measured[0]), "ms", float(base[0])),
        Figure("latency_p99", float(measured[1]), "ms", float(base[1]), most=250.0),
    ]
    return report


async def _bare(system: BenchSystem) -> list[float]:
    """Return milliseconds of: a message to a subscriber and back to us, then one commit."""
    nc = await connect(system.connection, name="tailwarden-bench")
    url = system.connection.database("owner")
    taken: list[float] = []
    try:
        heard: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = nc.new_inbox()
        await nc.subscribe(inbox, cb=heard.put)
        async with await psycopg.AsyncConnection.connect(url) as conn:
            await conn.execute("CREATE TABLE public.bench (number bigint PRIMARY KEY)")
            await conn.commit()
            for number in range(_TRIES):
                began = time.perf_counter()
                await nc.publish(inbox, b"{}")
                await heard.get()
                await conn.execute("INSERT INTO public.bench VALUES (%s)", (number,))
                await conn.commit()
                taken.append((time.perf_counter() - began) * 1e3)
    finally:
        await nc.close()
    return taken


class _Run:
    """One run: what was sent when, and what was heard when."""

    def __init__(self, fleet: Fleet, nc: Client, warnings: int) -> None:
        self.fleet, self.nc = fleet, nc
        self.js: JetStreamContext = nc.jetstream(timeout=30.0, publish_async_max_pending=2 * _OUTSTANDING)
        self.warnings = warnings
        self.sent: dict[tuple[str, str], float] = {}
        self.heard: dict[tuple[str, str], float] = {}
        self.published = 0
        self.took = 0.0
        self._level = np.zeros(fleet.ponds, np.int64)
        """Limits each pond's level stands over."""
        self._waiting: deque[asyncio.Future[Any]] = deque()

    def latencies_ms(self) -> list[float]:
        """Return how long each warning took."""
        return [(at - self.sent[key]) * 1e3 for key, at in self.heard.items()]

    async def play(self, rate: int, seconds: float) -> None:
        """Send, listen, and wait for the last warning."""
        await self.js.subscribe("tw.events.monitor.warning.>", cb=self._hear, ordered_consumer=True, stream="EVENTS")
        loop = asyncio.get_running_loop()
        beats = round(seconds * _BEATS)
        began = time.perf_counter()
        for beat in range(beats):
            due = began + beat / _BEATS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self._beat(round(rate * (beat + 1) / _BEATS), round(self.warnings * (beat + 1) / beats))
        while self._waiting:
            await self._waiting.popleft()
        self.took = max(time.perf_counter() - began, seconds)
        end = loop.time() + _LIMIT_S
        while len(self.heard) < len(self.sent):
            if loop.time() > end:
                raise Fault("bench.not_heard", expected=len(self.sent), heard=len(self.heard))
            await asyncio.sleep(0.05)

    async def _beat(self, readings: int, warnings: int) -> None:
        """Send up to *readings* in all, and up to *warnings* in all that go over a limit."""
        sensors = self.fleet.ponds * EACH
        which = np.arange(self.published, readings)
        values = self.fleet.values(which % sensors)
        for number, value in zip(which.tolist(), values.tolist(), strict=True):
            sensor = number % sensors
            pond, place = divmod(sensor, EACH)
            if place == LEVEL and self._level[pond]:
                value = self._height(pond)
            await self._send(sensor, value)
        while len(self.sent) < warnings:
            pond = len(self.sent) % self.fleet.ponds
            self._level[pond] += 1
            key = (self.fleet.pond(pond).id, _COLOURS[int(self._level[pond]) - 1].value)
            self.sent[key] = time.perf_counter()
            await self._send(pond * EACH + LEVEL, self._height(pond))

    def _height(self, pond: int) -> float:
        return BLUE + STEP * (int(self._level[pond]) - 1) + 0.01

    async def _send(self, sensor: int, value: float) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        subject, payload = self.fleet.single(sensor, now, value)
        while len(self._waiting) >= _OUTSTANDING:
            await self._waiting.popleft()
        self._waiting.append(await self.js.publish_async(subject, payload))
        self.published += 1

    async def _hear(self, message: Msg) -> None:
        at = time.perf_counter()
        event = orjson.loads(message.data)
        if event["type"] in _EVENTS:
            self.heard.setdefault((event["data"]["pond_id"], event["data"]["level"]), at)
