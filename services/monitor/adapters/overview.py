"""How the monitor stands, for health, metrics and figures: read where it is held, never asked of the hot path."""

from __future__ import annotations

import time

from services.monitor.adapters.desk import Desk
from services.monitor.adapters.telemetry import Pull
from shared.contracts.levels import LevelName
from shared.contracts.synthetic import SYNTHETIC_PATTERN, is_synthetic
from shared.ops.catalogue import BLIND, LAG, PONDS, PUBLISH_TO_STORE, PUBLISH_TO_WARNING, READINGS, WARNINGS_OPEN
from shared.ops.operations import Operations

__all__ = ["Rate", "overlook"]

_OPEN = "SELECT level, count(*) FROM warning WHERE closed_at IS NULL AND pond_id !~ %s GROUP BY level"


class Rate:
    """How fast readings are stored, since it was asked last [1/s]."""

    def __init__(self) -> None:
        self._stored, self._at = READINGS.value("stored"), time.monotonic()

    def __call__(self) -> float | None:
        """Return the mean rate; None when no time has passed."""
        stored, at = READINGS.value("stored"), time.monotonic()
        fresh, seconds = stored - self._stored, at - self._at
        self._stored, self._at = stored, at
        return fresh / seconds if seconds > 0 else None


def overlook(ops: Operations, desk: Desk, pull: Pull, ready_lag: int) -> None:
    """Add the monitor's own conditions, gauges and figures to *ops*.

    Parameters
    ----------
    ready_lag
        With so many messages waiting the monitor is not ready: what it says is of the past.
    """

    async def serves() -> str:
        return "" if desk.tenure.held else "another monitor serves, or the database was away"

    async def follows() -> str:
        lag = LAG.values.get((pull.durable,))
        if lag is None:
            return "not known how far it is"
        return "" if lag < ready_lag else f"{lag:.0f} messages wait"

    async def ponds() -> None:
        real = [pond for pond_id, pond in desk.engine.ponds.items() if not is_synthetic(pond_id)]
        PONDS.set(len(real))
        BLIND.set(sum(1 for pond in real if pond.standing is not None and pond.standing.blind))
        standing: dict[tuple[str, ...], float] = {}
        try:
            async with desk.pool.connection(timeout=1.0) as conn:
                found = await (await conn.execute(_OPEN, (SYNTHETIC_PATTERN,))).fetchall()
            standing = dict.fromkeys(((level.value,) for level in LevelName), 0.0)
            standing |= {(str(level),): float(count) for level, count in found}
        finally:
            WARNINGS_OPEN.replace(standing)

    if not desk.share.whole:
        ops.share(("ingest_readings_per_s", "consumer_lag_messages"))
    ops.check("tenure", serves)
    ops.check("telemetry", follows)
    ops.look(ponds)
    ops.figure("ingest_readings_per_s", Rate())
    ops.figure("consumer_lag_messages", lambda: LAG.values.get((pull.durable,)))
    ops.latency("publish_to_store_ms", PUBLISH_TO_STORE)
    ops.latency("publish_to_warning_ms", PUBLISH_TO_WARNING)
