"""Ponds, storms and readings for tests against a whole running system."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import nats.errors
import nats.js.errors
import numpy as np
import orjson
import psycopg
from nats.js import JetStreamContext

from services.monitor.domain.ponds import PondSetup, SensorSetup
from services.monitor.engine import Engine
from shared.bus.rpc import CommandClient
from shared.contracts.levels import SensorKind
from shared.contracts.monitor import PondStandings, ShowPondStanding
from shared.contracts.registry import (
    AdoptLimits,
    LimitBand,
    LimitDocument,
    PondDescription,
    PondView,
    RegisterPond,
    RegisterSensor,
    SensorDescription,
)
from shared.problems import Fault, NotFound

SLOT_S = 300
BEGINS = datetime(2024, 7, 1, tzinfo=UTC)
LIMITS = LimitDocument(
    document="防汛 2024-1",
    effective_from=date(2024, 1, 1),
    bands={"level": (LimitBand(blue=12.0, yellow=12.5, orange=13.0, red=13.5),)},
)


async def until(condition: Callable[[], Awaitable[object]], limit: float = 30.0, what: str = "") -> float:
    """Wait until *condition* holds; returns the seconds it took."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < limit, f"not within {limit} s: {what or condition}"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


@dataclass(frozen=True)
class Watched:
    """A pond with a level sensor, and a gauge where it says so."""

    id: str
    rain: bool = False
    series: dict[str, dict[int, float]] = field(default_factory=dict)
    """Sensor → slot after ``BEGINS`` → value."""

    @property
    def description(self) -> PondDescription:
        return PondDescription(id=self.id, name=f"库 {self.id}", crest_level=16.0)

    @property
    def sensors(self) -> tuple[SensorDescription, ...]:
        level = SensorDescription(
            id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=SLOT_S, range=(0.0, 20.0)
        )
        gauge = SensorDescription(id="rain-1", kind=SensorKind.RAIN, unit="mm", expected_interval_s=SLOT_S)
        return (level, gauge) if self.rain else (level,)

    @property
    def identities(self) -> set[tuple[str, str, int]]:
        """(pond, sensor, µs) of every reading."""
        return {(self.id, name, stamp_us(slot)) for name, values in self.series.items() for slot in values}

    def timeline(self) -> list[tuple[str, datetime, str | None]]:
        """Return what the engine says of these readings when it gets them all at once."""
        setup = PondSetup(self.description, tuple(SensorSetup(each) for each in self.sensors), (LIMITS,))
        engine = Engine([setup], width=8192)
        rows = [(engine.row_of[(self.id, name)], stamp_us(slot), value) for name, values in self.series.items()
                for slot, value in values.items()]  # fmt: skip
        rows.sort(key=lambda row: (row[1], row[0]))
        keys, times, values = (np.array(column) for column in zip(*rows, strict=True))
        turns = engine.take(keys, times, values.astype(np.float64))
        return [(change.event, change.time, change.level) for turn in turns for change in turn.added]


def stamp_us(slot: int) -> int:
    """Return the time of a reading in *slot*, not on its edge."""
    return int(BEGINS.timestamp() * 1_000_000) + (slot * SLOT_S + 7) * 1_000_000


def stamp(slot: int) -> str:
    """Return that time as text."""
    return datetime.fromtimestamp(stamp_us(slot) / 1e6, UTC).isoformat()


def stormy(pond: str, slots: int, *, rain: bool = False, seed: int = 0, silence: range = range(0)) -> Watched:
    """Return a pond whose level goes through every limit and back, once in one and a half days."""
    random = np.random.default_rng(seed)
    day = np.arange(slots) / 288.0
    phase = (day + 0.3 * seed) % 1.5
    rise = np.clip((phase - 0.6) / 0.25, 0, 1) - np.clip((phase - 0.95) / 0.4, 0, 1)
    level = 11.2 + 2.6 * rise + 0.004 * random.standard_normal(slots)
    fall = np.where((phase > 0.55) & (phase < 0.8), 1.4, 0.0)
    series = {"level-1": {n: round(float(level[n]), 3) for n in range(slots) if n not in silence}}
    if rain:
        series["rain-1"] = {n: float(fall[n]) for n in range(slots) if n not in silence}
    return Watched(pond, rain, series)


async def register(client: CommandClient, ponds: Sequence[Watched], limit: float = 30.0) -> None:
    """Register ponds and wait until the monitor knows them."""
    versions: dict[str, int] = {}
    for pond in ponds:
        await client.send(RegisterPond(pond=pond.description, by="测试"), PondView)
        for sensor in pond.sensors:
            await client.send(RegisterSensor(pond_id=pond.id, sensor=sensor, by="测试"), PondView)
        view = await client.send(AdoptLimits(pond_id=pond.id, limits=LIMITS, by="测试"), PondView)
        versions[pond.id] = view.version

    async def known() -> bool:
        try:
            found = await client.send(ShowPondStanding(), PondStandings)
        except (NotFound, Fault):
            return False
        have = {each.pond_id: each.registry_version for each in found.ponds}
        return all(have.get(pond, 0) >= version for pond, version in versions.items())

    await until(known, limit, "the monitor knows the ponds")


def messages(pond: Watched, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield a pond's readings in time order, in all three shapes; what has one time goes in one message."""
    random = np.random.default_rng(seed)
    slots = sorted({slot for values in pond.series.values() for slot in values})
    at = 0
    while at < len(slots):
        some = slots[at : at + int(random.choice([1, 1, 1, 2, 4, 9]))]
        at += len(some)
        if pond.rain:
            yield f"tw.telemetry.{pond.id}", orjson.dumps({"series": {
                name: {"times": [stamp(slot) for slot in some if slot in values],
                       "values": [values[slot] for slot in some if slot in values]}
                for name, values in pond.series.items()}})  # fmt: skip
            continue
        values = pond.series["level-1"]
        subject = f"tw.telemetry.{pond.id}.level-1"
        entries = [{"time": stamp(slot), "value": values[slot]} for slot in some]
        if len(some) == 1:
            yield subject, orjson.dumps(entries[0])
        elif len(some) == 2:
            yield subject, orjson.dumps(entries)
        else:
            columns = {key + "s": [entry[key] for entry in entries] for key in ("time", "value")}
            yield subject, orjson.dumps(columns)


async def published(
    js: JetStreamContext, subject: str, payload: bytes, headers: Mapping[str, str] | None = None
) -> int:
    """Publish until it is acknowledged, whatever the server does; returns the number of attempts."""
    attempts = 0
    while True:
        attempts += 1
        try:
            await js.publish(subject, payload, timeout=1.0, headers=None if headers is None else dict(headers))
        except (TimeoutError, OSError, nats.errors.Error, nats.js.errors.Error):
            await asyncio.sleep(0.05)
        else:
            return attempts


async def query(url: str, text: str, *params: Any) -> list[tuple[Any, ...]]:
    """Ask the database, waiting while it is away."""
    end = time.monotonic() + 30
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=2) as conn:
                return await (await conn.execute(text.encode(), params)).fetchall()
        except psycopg.OperationalError:
            assert time.monotonic() < end, "the database does not come back"
            await asyncio.sleep(0.1)


async def stored_identities(url: str) -> list[tuple[str, str, int]]:
    """Return (pond, sensor, µs) of every stored reading."""
    return [
        (pond, sensor, int(us))
        for pond, sensor, us in await query(
            url,
            "SELECT pond_id, sensor_id, (extract(epoch FROM time) * 1000000)::bigint"
            " FROM monitor.reading JOIN monitor.sensor ON key = sensor",
        )
    ]
