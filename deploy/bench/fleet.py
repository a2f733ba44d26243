"""Many ponds of one kind with plausible readings: the load that is measured with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from services.monitor.domain.ponds import PondSetup, SensorSetup
from shared.bus.connection import connect
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
from shared.problems import NotFound, Unavailable
from shared.settings import Connection

__all__ = ["BLUE", "EACH", "LEVEL", "STEP", "Fleet"]

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_KINDS: tuple[tuple[str, SensorKind, str, float, float], ...] = (
    ("rain", SensorKind.RAIN, "mm", 0.0, 0.0),
    ("level", SensorKind.WATER_LEVEL, "m", 308.6, 0.002),
    ("phreatic-1", SensorKind.PHREATIC_LEVEL, "m", 303.0, 0.003),
    ("phreatic-2", SensorKind.PHREATIC_LEVEL, "m", 302.4, 0.003),
    ("phreatic-3", SensorKind.PHREATIC_LEVEL, "m", 301.9, 0.003),
    ("phreatic-4", SensorKind.PHREATIC_LEVEL, "m", 301.5, 0.003),
    ("phreatic-5", SensorKind.PHREATIC_LEVEL, "m", 301.2, 0.003),
    ("beach", SensorKind.BEACH_LENGTH, "m", 150.0, 0.05),
    ("move-1", SensorKind.DISPLACEMENT, "mm", 4.0, 0.2),
    ("move-2", SensorKind.DISPLACEMENT, "mm", 6.0, 0.2),
)
"""Sensor, kind, unit, middle value, noise (standard deviation)."""

EACH = len(_KINDS)
LEVEL = 1
"""Place of the water level among a pond's sensors."""
BLUE = 309.0
STEP = 0.1
"""From one limit of the level to the next [m]: below the step that would be called suspect."""

_LIMITS = LimitDocument(
    document="benchmark",
    effective_from=date(2000, 1, 1),
    bands={
        "level": (LimitBand(blue=BLUE, yellow=BLUE + STEP, orange=BLUE + 2 * STEP, red=BLUE + 3 * STEP),),
        "phreatic_level": (LimitBand(blue=304.5, yellow=305.0, orange=305.5, red=306.0),),
        "beach_length": (LimitBand(blue=100.0, yellow=90.0, orange=80.0, red=70.0),),
        "displacement": (LimitBand(blue=20.0, yellow=40.0, orange=60.0, red=80.0),),
    },
)
_TOGETHER = 8
"""Ponds that register at a time."""
_PATIENCE_S = 120.0


@dataclass(slots=True)
class Fleet:
    """``ponds`` ponds of ten sensors, reporting every ``interval_s`` seconds; a rainless, quiet time."""

    ponds: int
    interval_s: int = 300
    seed: int = 20240701
    random: np.random.Generator = field(init=False)
    sensors: tuple[SensorDescription, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.sensors = tuple(
            SensorDescription(id=name, kind=kind, unit=unit, expected_interval_s=self.interval_s)
            for name, kind, unit, _, _ in _KINDS
        )

    def pond(self, index: int) -> PondDescription:
        """Return the description of one pond."""
        return PondDescription(id=f"bench-{index:05d}", name=f"Bench {index}", grade=4, crest_level=312.0)

    def setups(self) -> list[PondSetup]:
        """Return every pond as the engine takes it."""
        sensors = tuple(SensorSetup(each) for each in self.sensors)
        return [PondSetup(self.pond(index), sensors, (_LIMITS,)) for index in range(self.ponds)]

    def values(self, which: Ints) -> Doubles:
        """Return one reading of each sensor; *which* counts sensors pond by pond."""
        place = which % EACH
        middle, noise = (np.array([kind[at] for kind in _KINDS]) for at in (3, 4))
        found: Doubles = np.round(middle[place] + noise[place] * self.random.standard_normal(len(which)), 4)
        return found

    def gateway(self, readings: int, begins_us: int, each: int = 500) -> list[tuple[str, bytes]]:
        """Return messages of columns, *each* readings of one pond, in the order of time, ponds in turn.

        Returns
        -------
        list of (subject, payload), together at least *readings* readings
        """
        slots = each // EACH
        rounds = -(-readings // (self.ponds * each))
        messages: list[tuple[str, bytes]] = []
        for turn in range(rounds):
            times = begins_us + (turn * slots + np.arange(slots)) * self.interval_s * 1_000_000
            texts = np.datetime_as_string(times.astype("M8[us]"), unit="s", timezone="UTC").tolist()
            for pond in range(self.ponds):
                which = pond * EACH + np.repeat(np.arange(EACH), slots)
                columns = self.values(which).reshape(EACH, slots).tolist()
                series = {
                    sensor.id: {"times": texts, "values": values}
                    for sensor, values in zip(self.sensors, columns, strict=True)
                }
                messages.append((f"tw.telemetry.{self.pond(pond).id}", orjson.dumps({"series": series})))
        return messages

    def single(self, which: int, time: str, value: float) -> tuple[str, bytes]:
        """Return one reading as the message of a logger."""
        pond, place = divmod(which, EACH)
        payload: dict[str, Any] = {"time": time, "value": value}
        return f"tw.telemetry.{self.pond(pond).id}.{self.sensors[place].id}", orjson.dumps(payload)

    async def register(self, to: Connection) -> None:
        """Register every pond and wait until the monitor knows them.

        Raises
        ------
        Unavailable
            When it does not get to know them in time.
        """
        nc = await connect(to, name="tailwarden-bench")
        try:
            client = CommandClient(nc, timeout=20.0)
            gate = asyncio.Semaphore(_TOGETHER)
            views = await asyncio.gather(*(self._register(client, gate, index) for index in range(self.ponds)))
            versions = {view.pond.id: view.version for view in views}
            end = asyncio.get_running_loop().time() + _PATIENCE_S
            while True:
                try:
                    standings = await client.send(ShowPondStanding(), PondStandings)
                    seen = {each.pond_id: each.registry_version for each in standings.ponds}
                except NotFound:
                    seen = {}
                if all(seen.get(pond, 0) >= version for pond, version in versions.items()):
                    return
                if asyncio.get_running_loop().time() > end:
                    missing = next(pond for pond, version in versions.items() if seen.get(pond, 0) < version)
                    raise Unavailable(
                        "sites.not_seen", pond=missing, version=versions[missing], seconds=round(_PATIENCE_S)
                    )
                await asyncio.sleep(0.1)
        finally:
            await nc.close()

    async def _register(self, client: CommandClient, gate: asyncio.Semaphore, index: int) -> PondView:
        pond, by = self.pond(index), "tailwarden bench"
        async with gate:
            await client.send(RegisterPond(pond=pond, by=by), PondView)
            for sensor in self.sensors:
                await client.send(RegisterSensor(pond_id=pond.id, sensor=sensor, by=by), PondView)
            return await client.send(AdoptLimits(pond_id=pond.id, limits=_LIMITS, by=by), PondView)
