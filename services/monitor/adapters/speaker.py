"""What the engine found goes on the record and is said: timeline, events, and where a restart begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from services.monitor.adapters.held import Held
from services.monitor.adapters.records import Anchor, Records
from services.monitor.adapters.watches import Watches
from services.monitor.domain.watch import Announce, Standing
from services.monitor.points import moment_slot, slot_moment
from services.monitor.pondwatch import PondWatch, Turn, merged
from services.monitor.ring import SLOT_US
from shared.contracts.levels import SensorState
from shared.contracts.monitor import Cause
from shared.postgres import Connection

__all__ = ["Speaker"]


class Speaker:
    """Speaks in the caller's transaction."""

    def __init__(self, held: Held, records: Records, watches: Watches) -> None:
        self._held, self._records, self._watches = held, records, watches
        self._mute: set[str] = set()
        """Ponds that were called blind because they had never reported."""
        self._known_since: dict[str, datetime] = {}
        """When this process first saw each pond that has never reported."""

    async def recall(self, conn: Connection) -> None:
        """Find out, after a restart, which ponds were called blind because they had never reported."""
        self._mute = {
            pond_id
            for pond_id, pond in self._held.engine.ponds.items()
            if pond.head is None and (await self._watches.state(conn, pond_id)).blind
        }

    async def say(self, conn: Connection, turns: Sequence[Turn], now: datetime, also: Sequence[PondWatch] = ()) -> None:
        """Put turns on the record, say what is new, and keep the anchors."""
        for turn in merged([*turns, *(Turn(pond, [], []) for pond in also)]):
            pond, pond_id = turn.pond, turn.pond.setup.id
            await self._records.amend_timeline(conn, pond_id, turn.removed, turn.added, turn.restated)
            standing = pond.standing or Standing(slot_moment(pond.head or 0))
            added, removed, season = tuple(turn.added), tuple(turn.removed), self._flood_season(pond, standing)
            await self._watches.announce(
                conn, Announce(pond_id, pond.setup.zone, now, standing, added, removed, season)
            )
        moved = self._held.engine.anchored()
        if moved:
            await self._records.save_anchors(conn, [self._anchor(pond) for pond in moved])

    def _flood_season(self, pond: PondWatch, standing: Standing) -> bool:
        if not len(pond.rows):
            return False
        points = self._held.engine.points
        season = points.settings[int(points.rules[pond.rows[0]])].season
        today = standing.time.astimezone(pond.setup.zone).strftime("%m-%d")
        return season.begins <= today <= season.ends

    def _anchor(self, pond: PondWatch) -> Anchor:
        slot, state = pond.anchor
        memory, keys = self._held.engine.memory, self._held.keyring.key_of_row
        rows = pond.rows.tolist()
        hour = int(memory.anchor_hour[rows[0]]) if rows else slot // 12
        # JSON has no NaN: a baseline that has not begun is null.
        plain = {
            int(keys[row]): [None if np.isnan(part) else part for part in memory.anchor[row].tolist()] for row in rows
        }
        return pond.setup.id, int(pond.born or 0), slot, state, hour, plain

    def heard_at_last(self, rows: Sequence[int]) -> list[PondWatch]:
        """Return ponds that had never reported and now did: they are to be called seen again."""
        if not self._mute:
            return []
        ids = {self._held.pond(row).setup.id for row in rows} & self._mute
        self._mute -= ids
        return [self._held.engine.ponds[each] for each in ids]

    def never_reported(self, now: datetime) -> list[PondWatch]:
        """Return ponds that are in service, have never reported, and whose patience has run out."""
        return [pond for pond in self._held.engine.ponds.values() if self._overdue(pond, now)]

    def _overdue(self, pond: PondWatch, now: datetime) -> bool:
        if pond.head is not None or not len(pond.rows) or pond.setup.id in self._mute:
            return False
        view = self._held.views[pond.setup.id]
        if all(each.state is not SensorState.IN_SERVICE for each in view.sensors):
            return False
        patience = float(self._held.engine.points.silent_after[pond.rows].max()) * (SLOT_US / 1_000_000)
        known_since = self._known_since.setdefault(pond.setup.id, now)
        return (now - known_since).total_seconds() > patience

    async def say_never_reported(self, conn: Connection, pond: PondWatch, now: datetime) -> None:
        """Call a pond blind that has never reported."""
        causes = tuple(
            Cause(sensor=each.sensor.id, rule="blind", detail={"never_reported": True})
            for each in self._held.views[pond.setup.id].sensors
            if each.state is SensorState.IN_SERVICE
        )
        standing = Standing(slot_moment(moment_slot(now)), blind=causes)
        season = self._flood_season(pond, standing)
        command = Announce(pond.setup.id, pond.setup.zone, now, standing, flood_season=season)
        await self._watches.announce(conn, command)
        self._mute.add(pond.setup.id)
