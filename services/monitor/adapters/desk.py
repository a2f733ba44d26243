"""The monitor's desk: the one writer. Readings, ticks, registry events and people's acts come here in turn.

Each step is one transaction: readings with their flags, the record of the pond, the events that say what is new,
and where a restart begins. The engine in memory runs ahead of the commit; when a commit fails, it is rebuilt from
the database before anything else is taken, so that both always say the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.monitor.adapters.records import Anchor, Records
from services.monitor.adapters.series import SeriesStore
from services.monitor.adapters.telemetry import CONSUMER, Place
from services.monitor.adapters.tenure import Tenure
from services.monitor.adapters.watches import Watches
from services.monitor.decode import Decoded
from services.monitor.domain.watch import Announce, Standing
from services.monitor.engine import LATE, Engine
from services.monitor.flagging import flag
from services.monitor.kernels.quality import NOT_EVALUATED, RULE_SET_VERSION
from services.monitor.points import LOOKBACK, moment_slot, slot_moment
from services.monitor.pondwatch import PondWatch, Turn, merged
from services.monitor.register import Directory, follow, setup_of
from services.monitor.ring import SLOT_US, slot_of
from services.monitor.rows import Rows
from shared.clock import Clock
from shared.contracts.base import Event
from shared.contracts.levels import SensorState
from shared.contracts.monitor import Cause
from shared.contracts.registry import PondView, SensorAmended
from shared.eventstore import Inbox
from shared.postgres import Connection, Pool
from shared.problems import BadInput, Conflict, Fault

__all__ = ["Desk", "Taken"]

Ints = npt.NDArray[np.int64]

_NEVER_US = -(2**62)
_THREAD_ABOVE = 400
"""Readings above which the engine works in a thread, while the database works on the same batch."""


Refuse = Callable[[list[tuple[int, BadInput]]], Awaitable[None]]


@dataclass(slots=True)
class Taken:
    """What became of a batch: readings stored, known already, and refused as too old (by message)."""

    stored: int = 0
    duplicates: int = 0
    refusals: list[tuple[int, BadInput]] = field(default_factory=list)


class Desk:
    """See the module's text. ``restore`` before anything else."""

    def __init__(self, pool: Pool, watches: Watches, clock: Clock, committed: Callable[[], None]) -> None:
        self.pool, self.watches, self.clock, self.committed = pool, watches, clock, committed
        self.tenure = Tenure(pool)
        self.records, self.series = Records(), SeriesStore()
        self.directory = Directory()
        self.views: dict[str, PondView] = {}
        self.engine = Engine()
        self.lock = asyncio.Lock()
        self._row_of_key = np.zeros(0, np.int64)
        self._key_of_row: dict[int, int] = {}
        self._zero_level = np.zeros(0)
        self._keys = np.zeros(0, np.int32)
        """Key of each row."""
        self._newest_us: Ints = np.zeros(0, np.int64)
        """Time of each row's newest stored reading: what comes later cannot be a duplicate."""
        self.stale = True
        self._mute: set[str] = set()
        """Ponds that were called blind because they had never reported."""
        self._known_since: dict[str, datetime] = {}
        """When this process first saw each pond that has never reported."""

    # -- start ----------------------------------------------------------------------------------------------

    async def restore(self) -> None:
        """Build everything in memory from the database, and say what the interruption left unsaid."""
        async with self.lock:
            await self.restore_held()

    async def restore_held(self) -> None:
        """As ``restore``, for a caller that holds the lock."""
        await self.tenure.keep()
        self.watches.forget()
        async with self.writing() as conn:
            views = await self.records.setups(conn)
            keys = await self.records.keys(conn)
            self.views = {view.pond.id: view for view in views}
            self.engine = Engine([setup_of(view) for view in views])
            known = Directory()
            for view in views:
                known.put(view, keys)
            self.directory.ponds = known.ponds  # at once: messages are decoded in another thread meanwhile
            self._newest_us = np.zeros(0, np.int64)
            self._map(keys)
            turns = await self._load(conn, None)
            await self._say(conn, turns)
        self.stale = False
        self.committed()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """Give a transaction that only the serving monitor gets.

        Raises
        ------
        Unavailable
            When another monitor serves.
        Fault
            When what is held of a stream of events is not what the store has.
        """
        async with self.pool.connection() as conn, conn.transaction():
            await self.tenure.check(conn)
            try:
                yield conn
            except Conflict as error:
                if error.code != "store.conflict":
                    raise
                raise Fault("intake.out_of_step", reason=error) from error

    async def place(self) -> Place | None:
        """Return how far telemetry is stored."""
        async with self.pool.connection() as conn:
            return await self.records.place(conn, CONSUMER)

    def _map(self, keys: dict[tuple[str, str], int]) -> None:
        """Bring keys of the series and rows of the engine together."""
        size = max(keys.values(), default=0) + 1
        rows = np.full(max(size, len(self._row_of_key)), -1, np.int64)
        zero = np.full(self.engine.points.size, np.nan)
        for pair, row in self.engine.row_of.items():
            rows[keys[pair]] = row
            self._key_of_row[row] = keys[pair]
            about = self.engine.points.setups[row][1].description
            if about.kind == "water_distance" and about.zero_level is not None:
                zero[row] = about.zero_level
        self._row_of_key, self._zero_level = rows, zero
        known = np.flatnonzero(rows >= 0)
        self._keys = np.zeros(self.engine.points.size, np.int32)
        self._keys[rows[known]] = known
        new = np.full(self.engine.points.size - len(self._newest_us), _NEVER_US, np.int64)
        self._newest_us = np.concatenate([self._newest_us, new])

    async def _load(self, conn: Connection, pond_id: str | None) -> list[Turn]:
        """Put anchors and the readings after them back into the engine; judge again from there."""
        anchors = await self.records.anchors(conn, pond_id)
        known = [each for each in anchors if each[0] in self.engine.ponds]
        if not known:
            return []
        rows = np.concatenate([self.engine.ponds[each[0]].rows for each in known])
        keys = [self._key_of_row[row] for row in rows.tolist()]
        newest = await self.series.newest(conn, keys)
        for key, time_us in newest.items():
            self._newest_us[self._row_of_key[key]] = time_us
        for pond, born, slot, state, hour, memory in known:
            mine = self.engine.ponds[pond].rows.tolist()
            times = [newest[key] for row in mine if (key := self._key_of_row[row]) in newest]
            restored = {
                row: [np.nan if part is None else part for part in memory[key]]
                for row in mine
                if (key := self._key_of_row[row]) in memory
            }
            self.engine.restore(pond, born, (slot, state), hour, restored, max(times, default=slot * SLOT_US))
        for group in _by_time(known):
            wanted = [self._key_of_row[row] for each in group for row in self.engine.ponds[each[0]].rows.tolist()]
            since = (min(each[2] for each in group) - LOOKBACK) * SLOT_US
            until = max((newest[key] for key in wanted if key in newest), default=since) + 1
            stored = await self.series.read(conn, wanted, since, until)
            at = self._row_of_key[stored.sensor]
            self.engine.load(at, stored.time_us, stored.value)
        timelines = await self.records.timelines(conn, pond_id)
        return [turn for each in known for turn in self.engine.resume(each[0], timelines.get(each[0], []))]

    # -- readings -------------------------------------------------------------------------------------------

    async def take(self, decoded: Decoded, place: Place | None = None, refuse: Refuse | None = None) -> Taken:
        """Store and judge a batch, and move on to *place*; everything is committed when this returns, or nothing.

        Before that, *refuse* is given what came after its window, to keep it elsewhere; what it raises, this raises.

        Raises
        ------
        Fault
            When engine and database disagree; the engine is rebuilt on the next call.
        """
        async with self.lock:
            if self.stale:
                await self.restore_held()
            taken = Taken()
            rows = self._row_of_key[decoded.sensor]
            fits = await self._in_time(decoded, rows, taken)
            if refuse is not None:
                await refuse(taken.refusals)
            try:
                await self._take(decoded, rows, fits, place, taken)
            except BaseException:
                self.stale = True
                raise
        self.committed()
        return taken

    async def pass_over(self, place: Place) -> None:
        """Move on to *place* without storing anything: what is there is kept elsewhere."""
        async with self.lock:
            if self.stale:
                await self.restore_held()
            async with self.writing() as conn:
                await self.records.save_place(conn, CONSUMER, place)

    async def _in_time(self, decoded: Decoded, rows: Ints, taken: Taken) -> npt.NDArray[np.bool_]:
        """Tell which readings are to be looked at; of those before their window, what is stored is a duplicate."""
        old = self.engine.too_old(rows, decoded.time_us)
        if not old.any():
            return ~old
        async with self.pool.connection() as conn:
            unknown = await self._fresh(conn, rows[old], decoded.time_us[old])
        taken.duplicates += int(len(unknown) - unknown.sum())
        late = np.flatnonzero(old)[unknown]
        taken.refusals = self._too_old(decoded, rows, late)
        return ~old

    async def _take(
        self, decoded: Decoded, rows: Ints, fits: npt.NDArray[np.bool_], place: Place | None, taken: Taken
    ) -> None:
        time_us, value = decoded.time_us, decoded.value
        zero = self._zero_level[rows]
        value = np.where(np.isnan(zero), value, zero - value)
        order = np.lexsort((time_us, rows))
        order = order[fits[order]]
        rows, time_us, value = rows[order], time_us[order], value[order]
        first = np.ones(len(rows), np.bool_)
        first[1:] = (rows[1:] != rows[:-1]) | (time_us[1:] != time_us[:-1])
        taken.duplicates += int(len(rows) - first.sum())
        rows, time_us, value = rows[first], time_us[first], value[first]
        async with self.writing() as conn:
            maybe = np.flatnonzero(time_us <= self._newest_us[rows])
            maybe = maybe[self.engine.occupied(rows[maybe], time_us[maybe])]
            if len(maybe):
                fresh = np.ones(len(rows), np.bool_)
                fresh[maybe] = await self._fresh(conn, rows[maybe], time_us[maybe])
                taken.duplicates += int(len(rows) - fresh.sum())
                rows, time_us, value = rows[fresh], time_us[fresh], value[fresh]
            if len(rows):
                turns = await self._store_and_judge(conn, rows, time_us, value)
                await self._say(conn, turns, self._speaking(rows))
            if place is not None:
                await self.records.save_place(conn, CONSUMER, place)
        taken.stored = len(rows)

    def _too_old(self, decoded: Decoded, rows: Ints, late: Ints) -> list[tuple[int, BadInput]]:
        """One refusal a message: which of its readings (*late*, by place) came after their window."""
        refusals: list[tuple[int, BadInput]] = []
        for origin in np.unique(decoded.origin[late]).tolist():
            hit = late[decoded.origin[late] == origin]
            oldest = int(decoded.time_us[hit].min())
            pond, sensor = self.engine.points.setups[int(rows[hit[0]])]
            newest = self.engine.ponds[pond.id].newest_us
            refusals.append(
                (
                    origin,
                    BadInput(
                        "intake.too_old", field="time", count=len(hit), pond=pond.id, sensor=sensor.description.id,
                        oldest=_iso(oldest), newest=_iso(newest), hours=LATE * SLOT_US // 3_600_000_000,
                    ),
                )
            )  # fmt: skip
        return refusals

    async def _fresh(self, conn: Connection, rows: Ints, time_us: Ints) -> npt.NDArray[np.bool_]:
        """Tell which readings are not stored yet."""
        keys = self._keys[np.unique(rows)].tolist()
        stored = await self.series.read(conn, keys, int(time_us.min()), int(time_us.max()) + 1)
        at = self._row_of_key[stored.sensor]
        known = np.rec.fromarrays([at, stored.time_us])
        mine = np.rec.fromarrays([rows, time_us])
        return np.asarray(~np.isin(mine, known), np.bool_)

    async def _store_and_judge(
        self,
        conn: Connection,
        rows: npt.NDArray[np.int64],
        time_us: npt.NDArray[np.int64],
        value: npt.NDArray[np.float64],
    ) -> list[Turn]:
        flags, tests = flag(
            self.engine.ring,
            self.engine.points,
            rows,
            time_us,
            value,
            self.engine.raining[self.engine.points.pond[rows]],
        )
        serving = self.engine.points.serving_pairs(rows, slot_of(time_us))
        flags = np.where(serving, flags, NOT_EVALUATED).astype(np.int16)
        received = int(self.clock.now().timestamp() * 1_000_000)
        count = len(rows)
        stored = Rows(
            self._keys[rows], time_us, value, flags, np.where(serving, tests, 0).astype(np.int32),
            np.full(count, RULE_SET_VERSION, np.int16), np.full(count, received, np.int64),
        )  # fmt: skip
        if count > _THREAD_ABOVE:
            new, turns = await asyncio.gather(
                self.series.insert(conn, stored), asyncio.to_thread(self.engine.take, rows, time_us, value)
            )
        else:
            new = await self.series.insert(conn, stored)
            turns = self.engine.take(rows, time_us, value)
        if new != count:
            raise Fault("intake.out_of_step", reason=f"{count} readings given, {new} stored")
        np.maximum.at(self._newest_us, rows, time_us)
        return turns

    def _speaking(self, rows: npt.NDArray[np.int64]) -> list[PondWatch]:
        """Return ponds that had never reported and now did: they are to be called seen again."""
        if not self._mute:
            return []
        ids = {self.engine.points.setups[row][0].id for row in np.unique(rows).tolist()} & self._mute
        self._mute -= ids
        return [self.engine.ponds[each] for each in ids]

    # -- saying ---------------------------------------------------------------------------------------------

    async def _say(self, conn: Connection, turns: Sequence[Turn], also: Sequence[PondWatch] = ()) -> None:
        """Put turns on the record, say what is new, and keep the anchors."""
        news = merged([*turns, *(Turn(pond, [], []) for pond in also)])
        now = self.clock.now()
        for turn in news:
            pond, pond_id = turn.pond, turn.pond.setup.id
            await self.records.amend_timeline(conn, pond_id, turn.removed, turn.added, turn.restated)
            standing = pond.standing or Standing(slot_moment(pond.head or 0))
            command = Announce(
                pond_id,
                pond.setup.zone,
                now,
                standing,
                tuple(turn.added),
                tuple(turn.removed),
                self._flood_season(pond, standing),
            )
            await self.watches.announce(conn, command)
        moved = self.engine.anchored()
        if moved:
            await self.records.save_anchors(conn, [self._anchor(pond) for pond in moved])

    def _flood_season(self, pond: PondWatch, standing: Standing) -> bool:
        season = (
            self.engine.points.settings[int(self.engine.points.rules[pond.rows[0]])].season if len(pond.rows) else None
        )
        if season is None:
            return False
        today = standing.time.astimezone(pond.setup.zone).strftime("%m-%d")
        return season.begins <= today <= season.ends

    def _anchor(self, pond: PondWatch) -> Anchor:
        slot, state = pond.anchor
        memory = self.engine.memory
        rows = pond.rows.tolist()
        hour = int(memory.anchor_hour[rows[0]]) if rows else slot // 12
        states = {self._key_of_row[row]: memory.anchor[row].tolist() for row in rows}
        # JSON has no NaN: a baseline that has not begun is null.
        plain = {key: [None if np.isnan(part) else part for part in each] for key, each in states.items()}
        return pond.setup.id, int(pond.born or 0), slot, state, hour, plain

    # -- time -----------------------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Let the wall clock push on the ponds that are live, and call those blind that never reported."""
        async with self.lock:
            if self.stale:
                await self.restore_held()
            await self.tenure.keep()
            now = self.clock.now()
            slot = int(now.timestamp() * 1_000_000) // SLOT_US
            try:
                live = [pond_id for pond_id, pond in self.engine.ponds.items() if self._live(pond, slot)]
                mute = [pond for pond in self.engine.ponds.values() if self._never_reported(pond, now)]
                if not live and not mute:
                    return
                turns = await asyncio.to_thread(self.engine.tick, live, slot)
                if not turns and not mute:
                    return
                async with self.writing() as conn:
                    await self._say(conn, turns)
                    for pond in mute:
                        await self._say_mute(conn, pond, now)
            except BaseException:
                self.stale = True
                raise
            self.committed()

    def _live(self, pond: PondWatch, slot: int) -> bool:
        """A pond follows the wall clock from its newest reading until its silence has been told."""
        if pond.head is None or not len(pond.rows):
            return False
        longest = int(self.engine.points.silent_after[pond.rows].max())
        return pond.head <= slot + 1 and slot - pond.head <= LATE + longest and pond.shown < slot

    def _never_reported(self, pond: PondWatch, now: datetime) -> bool:
        if pond.head is not None or not len(pond.rows) or pond.setup.id in self._mute:
            return False
        view = self.views[pond.setup.id]
        if all(each.state is not SensorState.IN_SERVICE for each in view.sensors):
            return False
        patience = float(self.engine.points.silent_after[pond.rows].max()) * (SLOT_US / 1_000_000)
        known_since = self._known_since.setdefault(pond.setup.id, now)
        return (now - known_since).total_seconds() > patience

    async def _say_mute(self, conn: Connection, pond: PondWatch, now: datetime) -> None:
        causes = tuple(
            Cause(sensor=each.sensor.id, rule="blind", detail={"never_reported": True})
            for each in self.views[pond.setup.id].sensors
            if each.state is SensorState.IN_SERVICE
        )
        standing = Standing(slot_moment(moment_slot(now)), blind=causes)
        season = self._flood_season(pond, standing)
        await self.watches.announce(conn, Announce(pond.setup.id, pond.setup.zone, now, standing, flood_season=season))
        self._mute.add(pond.setup.id)

    # -- the register ---------------------------------------------------------------------------------------

    async def hear(self, event_id: UUID, pond_id: str, version: int, event: Event) -> None:
        """Take a registry event in: keep the copy, tell the engine, judge the window again."""
        async with self.lock:
            if self.stale:
                await self.restore_held()
            try:
                async with self.writing() as conn:
                    if not await Inbox().first_time(conn, "monitor-registry", event_id):
                        return
                    view = follow(await self.records.setup(conn, pond_id), event, version)
                    if view is None:
                        return
                    await self.records.save_setup(conn, view)
                    keys = await self.records.keys(conn)
                    self.views[pond_id] = view
                    self.engine.set_up(setup_of(view))
                    self.directory.put(view, keys)
                    self._map(keys)
                    if isinstance(event, SensorAmended):
                        # Range, zero level or unit changed: what lies in the ring was put there under the old ones.
                        turns = await self._load(conn, pond_id)
                    else:
                        turns = self.engine.judge_again(pond_id)
                    await self._say(conn, turns)
            except BaseException:
                self.stale = True
                raise
            self.committed()


def _by_time(anchors: Sequence[Anchor]) -> list[list[Anchor]]:
    """Group ponds whose anchors lie within two days, so that one query reads little more than is wanted."""
    groups: list[list[Anchor]] = []
    for each in sorted(anchors, key=lambda anchor: anchor[2]):
        if groups and each[2] - groups[-1][0][2] <= 2 * LATE and len(groups[-1]) < 2000:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, tz=slot_moment(0).tzinfo).isoformat(timespec="seconds")
