"""Everything the monitor holds in memory, and how it is built from the database: at the start, and after a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from services.monitor.adapters.keyring import Keyring
from services.monitor.adapters.records import Anchor, Records
from services.monitor.adapters.series import SeriesStore
from services.monitor.engine import LATE, Engine
from services.monitor.points import LOOKBACK
from services.monitor.pondwatch import PondWatch, Turn
from services.monitor.register import Directory, setup_of
from services.monitor.ring import SLOT_US
from shared.bus.partitions import WHOLE, Share
from shared.contracts.registry import PondView
from shared.postgres import Connection

__all__ = ["Held"]


class Held:
    """The register as heard, who is known to decoding, the engine, and its keys: of the ponds of *share*."""

    def __init__(self, records: Records, series: SeriesStore, share: Share = WHOLE) -> None:
        self._records, self._series, self._share = records, series, share
        self.views: dict[str, PondView] = {}
        self.directory = Directory()
        self.engine = Engine()
        self.keyring = Keyring()

    async def rebuild(self, conn: Connection) -> list[Turn]:
        """Build everything anew; returns what the record does not say yet."""
        views = [view for view in await self._records.setups(conn) if self._share.owns(view.pond.id)]
        keys = await self._records.keys(conn)
        self.views = {view.pond.id: view for view in views}
        self.engine = Engine([setup_of(view) for view in views])
        self.keyring = Keyring()
        known = Directory()
        for view in views:
            known.put(view, keys)
            self.keyring.put(self.engine, view.pond.id, keys)
        self.directory.ponds = known.ponds  # at once: messages are decoded in another thread meanwhile
        return await self.load(conn, None)

    def put(self, view: PondView, keys: Mapping[tuple[str, str], int]) -> None:
        """Take a pond in, or take its new description, sensors and limits."""
        self.views[view.pond.id] = view
        self.engine.set_up(setup_of(view))
        self.keyring.put(self.engine, view.pond.id, keys)
        self.directory.put(view, dict(keys))

    def pond(self, row: int) -> PondWatch:
        """Return the pond of a row."""
        return self.engine.ponds[self.engine.points.setups[row][0].id]

    async def load(self, conn: Connection, pond_id: str | None) -> list[Turn]:
        """Put anchors and the readings after them back into the engine, of one pond or all; judge again from there."""
        anchors = await self._records.anchors(conn, pond_id)
        known = [each for each in anchors if each[0] in self.engine.ponds]
        if not known:
            return []
        ring = self.keyring
        rows = np.concatenate([self.engine.ponds[each[0]].rows for each in known])
        newest = await self._series.newest(conn, ring.key_of_row[rows].tolist())
        for key, time_us in newest.items():
            ring.newest_us[ring.row_of_key[key]] = time_us
        for pond, born, slot, state, hour, memory in known:
            mine = {row: int(ring.key_of_row[row]) for row in self.engine.ponds[pond].rows.tolist()}
            times = [newest[key] for key in mine.values() if key in newest]
            restored = {
                row: [np.nan if part is None else part for part in memory[key]]
                for row, key in mine.items()
                if key in memory
            }
            self.engine.restore(pond, born, (slot, state), hour, restored, max(times, default=slot * SLOT_US))
        for group in _by_time(known):
            wanted = np.concatenate([ring.key_of_row[self.engine.ponds[each[0]].rows] for each in group]).tolist()
            since = (min(each[2] for each in group) - LOOKBACK) * SLOT_US
            until = max((newest[key] for key in wanted if key in newest), default=since) + 1
            stored = await self._series.read(conn, wanted, since, until)
            self.engine.load(ring.row_of_key[stored.sensor], stored.time_us, stored.value)
        timelines = await self._records.timelines(conn, pond_id)
        return [turn for each in known for turn in self.engine.resume(each[0], timelines.get(each[0], []))]


def _by_time(anchors: Sequence[Anchor]) -> list[list[Anchor]]:
    """Group ponds whose anchors lie within two days, so that one query reads little more than is wanted."""
    groups: list[list[Anchor]] = []
    for each in sorted(anchors, key=lambda anchor: anchor[2]):
        if groups and each[2] - groups[-1][0][2] <= 2 * LATE and len(groups[-1]) < 2000:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups
