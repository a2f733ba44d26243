"""Desks on a real PostgreSQL, told of ponds as the registry would tell them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from services.monitor.adapters.desk import Desk, Taken
from services.monitor.adapters.watches import Watches
from services.monitor.decode import DecodeLimits, decode
from services.monitor.wiring import store
from shared.clock import ManualClock
from shared.contracts.base import Event
from shared.contracts.levels import SensorState
from shared.contracts.registry import LimitsAdopted, PondRegistered, SensorRegistered
from shared.postgres import open_pool
from tests.acceptance.ponds import BEGINS, LIMITS, Watched, stamp

NOW = BEGINS + timedelta(days=3)


class Room:
    """A desk, its clock, and shorthands."""

    def __init__(self, desk: Desk, clock: ManualClock) -> None:
        self.desk, self.clock = desk, clock

    async def hear(self, pond: str, event: Event) -> None:
        view = self.desk.views.get(pond)
        await self.desk.hear(uuid4(), pond, 1 if view is None else view.version + 1, event)

    async def register(self, pond: Watched) -> None:
        at = self.clock.now()
        await self.hear(pond.id, PondRegistered(pond=pond.description, at=at))
        for sensor in pond.sensors:
            await self.hear(
                pond.id, SensorRegistered(pond_id=pond.id, sensor=sensor, state=SensorState.IN_SERVICE, at=at)
            )
        await self.hear(pond.id, LimitsAdopted(pond_id=pond.id, limits=LIMITS, limits_version=1, by="测试", at=at))

    async def give(self, pond: str, values: dict[int, float], sensor: str = "level-1") -> Taken:
        """Give a sensor's readings, by slot, in one message."""
        body = {"times": [stamp(slot) for slot in values], "values": list(values.values())}
        return await self.messages((f"tw.telemetry.{pond}.{sensor}", orjson.dumps(body)))

    async def messages(self, *messages: tuple[str, bytes]) -> Taken:
        now = int(datetime.now(UTC).timestamp() * 1_000_000)
        decoded = decode(messages, self.desk.directory, now, DecodeLimits())
        assert decoded.refusals == []
        return await self.desk.take(decoded)

    async def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        async with self.desk.pool.connection() as conn:
            return await (await conn.execute(query.encode(), params)).fetchall()

    async def events(self, pond: str) -> list[dict[str, Any]]:
        """Return what was said about *pond*: the event's data and its ``kind``."""
        rows = await self.rows("SELECT type, data FROM event WHERE stream = %s ORDER BY version", f"pond-{pond}")
        return [
            {"kind": type_.rsplit(".", 1)[1], **(orjson.loads(data) if isinstance(data, str) else data)}
            for type_, data in rows
        ]

    async def kinds(self, pond: str) -> list[str]:
        """Return the kinds of what was said, without notices."""
        return [event["kind"] for event in await self.events(pond) if event["kind"] != "noticed"]

    async def record(self, pond: str) -> list[tuple[str, datetime, str | None]]:
        return [
            (event, time, level)
            for event, time, level in await self.rows(
                "SELECT event, time, level FROM timeline WHERE pond_id = %s ORDER BY time, place", pond
            )
        ]


Opened = Callable[[], Awaitable[Room]]


@asynccontextmanager
async def new_room(url: str, clock: ManualClock, *, begin: bool = True) -> AsyncIterator[Room]:
    """Give a desk in a process of its own, as far as PostgreSQL can tell."""
    pool = await open_pool(url, schema="monitor")
    parts = store()
    desk = Desk(pool, Watches(parts.store, parts.projections), clock, lambda: None)
    try:
        if begin:
            await desk.tenure.begin()
            await desk.restore()
        yield Room(desk, clock)
    finally:
        await desk.tenure.end()
        await pool.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def room(database: dict[str, str], clock: ManualClock) -> AsyncIterator[Room]:
    async with new_room(database["monitor"], clock) as opened:
        yield opened


@pytest.fixture
async def another(database: dict[str, str], clock: ManualClock) -> AsyncIterator[Opened]:
    """Open further desks on the same database; the first one's tenure must have ended."""
    async with AsyncExitStack() as stack:

        async def opened() -> Room:
            return await stack.enter_async_context(new_room(database["monitor"], clock))

        yield opened
