"""The desk as people meet it: acts on warnings and queries, answered from the database and the engine."""

from __future__ import annotations

import numpy as np

from services.monitor.adapters.desk import Desk
from services.monitor.kernels.arrays import last_valid
from services.monitor.kernels.rain import accumulate, coverage
from services.monitor.points import ITEMS, slot_moment
from services.monitor.pondwatch import PondWatch
from shared.contracts.levels import Level, SensorState
from shared.contracts.monitor import AcknowledgeWarning, CloseWarning, HandleWarning, PondStanding, WarningView
from shared.contracts.synthetic import is_synthetic
from shared.problems import NotFound

__all__ = ["StoredWarnings"]

DAY = 288
"""24 h [5-minute slots]."""


class StoredWarnings:
    """Implements ``handlers.WarningDesk``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def act(self, command: AcknowledgeWarning | HandleWarning | CloseWarning) -> WarningView:
        """See ``handlers.WarningDesk``."""
        desk = self._desk
        async with desk.lock:
            if desk.stale:
                await desk.restore_held()
            try:
                async with desk.writing() as conn:
                    found = await desk.records.warning(conn, command.warning_id)
                    if found is None:
                        raise NotFound("watch.no_warning", field="warning_id", warning=command.warning_id)
                    silent = self._silent(found.pond_id)
                    await desk.watches.act(conn, found.pond_id, command, desk.clock.now(), silent)
                    after = await desk.records.warning(conn, command.warning_id)
                    assert after is not None, "warnings are never removed"
            except BaseException:
                # What is held of the stream may be ahead of what was committed.
                desk.watches.forget()
                raise
            desk.committed()
        return after

    def _silent(self, pond_id: str) -> frozenset[str]:
        """Return the sensors that cannot tell now: silent ones, and those that are not in service."""
        view, standing = self._desk.views.get(pond_id), self._desk.engine.ponds[pond_id].standing
        out = [each.sensor.id for each in view.sensors if each.state is not SensorState.IN_SERVICE] if view else []
        return frozenset([*out, *(cause.sensor for cause in standing.blind)] if standing is not None else out)

    async def warning(self, warning_id: str) -> WarningView | None:
        """See ``handlers.WarningDesk``."""
        async with self._desk.pool.connection() as conn:
            return await self._desk.records.warning(conn, warning_id)

    async def warnings(self, pond_id: str | None, include_closed: bool, limit: int) -> list[WarningView]:
        """See ``handlers.WarningDesk``."""
        async with self._desk.pool.connection() as conn:
            return await self._desk.records.warnings(conn, pond_id=pond_id, include_closed=include_closed, limit=limit)

    async def standings(self, pond_id: str | None) -> list[PondStanding]:
        """See ``handlers.WarningDesk``."""
        desk = self._desk
        async with desk.lock:
            if desk.stale:
                await desk.restore_held()
            # The watchdog and exercises are no ponds to look at: they answer to their ids alone.
            ids = [pond_id] if pond_id is not None else sorted(each for each in desk.views if not is_synthetic(each))
            async with desk.pool.connection() as conn:
                current = {each: (await desk.watches.state(conn, each)).current for each in ids if each in desk.views}
            return [self._standing(each, current[each]) for each in ids if each in desk.views]

    def _standing(self, pond_id: str, warning_id: str | None) -> PondStanding:
        engine, view = self._desk.engine, self._desk.views[pond_id]
        pond = engine.ponds[pond_id]
        standing = pond.standing
        crest = view.pond.crest_level
        values: dict[str, float | None] = {}
        levels: list[float] = []
        if pond.head is not None and len(pond.rows):
            windows = engine.ring.windows(pond.rows, np.full(len(pond.rows), pond.head), 288)
            newest = last_valid(windows, 1)[0][:, 0]
            for row, value in zip(pond.rows.tolist(), newest.tolist(), strict=True):
                name = engine.points.setups[row][1].description.id
                if engine.points.item[row] == ITEMS.index("level") and not np.isnan(value):
                    levels.append(value)
                values[name] = None if np.isnan(value) else round(float(engine.points.sign[row]) * value, 4)
        return PondStanding(
            pond_id=pond_id,
            registry_version=view.version,
            level=None if standing is None else Level(standing.level).label,
            verified=True if standing is None else standing.verified,
            blind=() if standing is None else tuple(cause.sensor for cause in standing.blind),
            head=None if pond.head is None else slot_moment(pond.shown),
            values=values,
            rain_24h=self._rain(pond),
            live_freeboard=None if crest is None or not levels else round(crest - max(levels), 3),
            warning_id=warning_id,
        )

    def _rain(self, pond: PondWatch) -> float | None:
        """Return the rain of the 24 h up to the newest slot judged [mm], at the wettest gauge; None: unknown."""
        points, ring = self._desk.engine.points, self._desk.engine.ring
        rows = pond.rows[points.rain[pond.rows]]
        if pond.head is None or not len(rows):
            return None
        # Slots are labelled by their ends; those after the newest reading are not opened yet and hold nothing.
        silent = max(0, pond.shown - pond.head)
        if silent >= DAY:
            return None
        window = ring.windows(rows, np.full(len(rows), pond.head), DAY)
        window[:, :silent] = np.nan
        sums, counts = accumulate(window, (DAY,))
        known = coverage(counts, (DAY,), points.interval[rows])[:, 0] > 0
        return round(float(sums[known, 0].max()), 3) if known.any() else None
