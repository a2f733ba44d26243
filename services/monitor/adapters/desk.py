"""The monitor's desk: the one writer about its ponds. Readings, ticks, registry events and people's acts come in turn.

Each step is one transaction: readings with their flags, the record of the pond, the events that say what is new,
and where a restart begins. The engine in memory runs ahead of the commit; when a commit fails, it is rebuilt from
the database before anything else is taken, so that both always say the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.monitor.adapters.held import Held
from services.monitor.adapters.records import Records
from services.monitor.adapters.series import SeriesStore
from services.monitor.adapters.speaker import Speaker
from services.monitor.adapters.telemetry import Place
from services.monitor.adapters.tenure import Tenure
from services.monitor.adapters.watches import Watches
from services.monitor.decode import Decoded
from services.monitor.engine import LATE, Engine
from services.monitor.flagging import flag
from services.monitor.kernels.quality import NOT_EVALUATED, RULE_SET_VERSION
from services.monitor.points import slot_moment
from services.monitor.pondwatch import PondWatch, Turn
from services.monitor.register import Directory, follow
from services.monitor.ring import SLOT_US, slot_of
from services.monitor.rows import Rows
from shared.bus.partitions import WHOLE, Share
from shared.clock import Clock
from shared.contracts.base import Event
from shared.contracts.registry import PondView, SensorAmended, SensorReplaced
from shared.eventstore import Inbox
from shared.postgres import Connection, Pool
from shared.problems import BadInput, Conflict, Fault

__all__ = ["Desk", "Taken"]

Ints = npt.NDArray[np.int64]

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

    def __init__(
        self, pool: Pool, watches: Watches, clock: Clock, committed: Callable[[], None], share: Share = WHOLE
    ) -> None:
        self.pool, self.watches, self.clock, self.committed, self.share = pool, watches, clock, committed, share
        self.tenure = Tenure(pool, share)
        self.records, self.series = Records(), SeriesStore()
        self.held = Held(self.records, self.series, share)
        self.speaker = Speaker(self.held, self.records, watches)
        self.lock = asyncio.Lock()
        self.stale = True

    @property
    def engine(self) -> Engine:
        """The engine as it is held now; a rebuild replaces it."""
        return self.held.engine

    @property
    def directory(self) -> Directory:
        """Who is known to decoding."""
        return self.held.directory

    @property
    def views(self) -> dict[str, PondView]:
        """The register as heard."""
        return self.held.views

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
            turns = await self.held.rebuild(conn)
            await self.speaker.recall(conn)
            await self.speaker.say(conn, turns, self.clock.now())
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
            return await self.records.place(conn, self.share)

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
            rows = self.held.keyring.row_of_key[decoded.sensor]
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
                await self.records.save_place(conn, place, self.share)

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
        zero = self.held.keyring.zero_level[rows]
        value = np.where(np.isnan(zero), value, zero - value)
        order = np.lexsort((time_us, rows))
        order = order[fits[order]]
        rows, time_us, value = rows[order], time_us[order], value[order]
        first = np.ones(len(rows), np.bool_)
        first[1:] = (rows[1:] != rows[:-1]) | (time_us[1:] != time_us[:-1])
        taken.duplicates += int(len(rows) - first.sum())
        rows, time_us, value = rows[first], time_us[first], value[first]
        async with self.writing() as conn:
            maybe = np.flatnonzero(time_us <= self.held.keyring.newest_us[rows])
            maybe = maybe[self.engine.occupied(rows[maybe], time_us[maybe])]
            if len(maybe):
                fresh = np.ones(len(rows), np.bool_)
                fresh[maybe] = await self._fresh(conn, rows[maybe], time_us[maybe])
                taken.duplicates += int(len(rows) - fresh.sum())
                rows, time_us, value = rows[fresh], time_us[fresh], value[fresh]
            if len(rows):
                turns = await self._store_and_judge(conn, rows, time_us, value)
                also = self.speaker.heard_at_last(np.unique(rows).tolist())
                await self.speaker.say(conn, turns, self.clock.now(), also)
            if place is not None:
                await self.records.save_place(conn, place, self.share)
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
        keys = self.held.keyring.key_of_row[np.unique(rows)].tolist()
        stored = await self.series.read(conn, keys, int(time_us.min()), int(time_us.max()) + 1)
        at = self.held.keyring.row_of_key[stored.sensor]
        known = np.rec.fromarrays([at, stored.time_us])
        mine = np.rec.fromarrays([rows, time_us])
        return np.asarray(~np.isin(mine, known), np.bool_)

    async def _store_and_judge(
        self, conn: Connection, rows: Ints, time_us: Ints, value: npt.NDArray[np.float64]
    ) -> list[Turn]:
        points = self.engine.points
        flags, tests = flag(self.engine.ring, points, rows, time_us, value, self.engine.raining[points.pond[rows]])
        serving = points.serving_pairs(rows, slot_of(time_us))
        flags = np.where(serving, flags, NOT_EVALUATED).astype(np.int16)
        received = int(self.clock.now().timestamp() * 1_000_000)
        count = len(rows)
        stored = Rows(
            self.held.keyring.key_of_row[rows], time_us, value, flags, np.where(serving, tests, 0).astype(np.int32),
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
        np.maximum.at(self.held.keyring.newest_us, rows, time_us)
        return turns

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
                mute = self.speaker.never_reported(now)
                if not live and not mute:
                    return
                turns = await asyncio.to_thread(self.engine.tick, live, slot)
                if not turns and not mute:
                    return
                async with self.writing() as conn:
                    await self.speaker.say(conn, turns, now)
                    for pond in mute:
                        await self.speaker.say_never_reported(conn, pond, now)
            except BaseException:
                self.stale = True
                raise
            self.committed()

    def _live(self, pond: PondWatch, slot: int) -> bool:
        """A pond follows the wall clock from its newest reading until its silence has been told.

        A sensor that came back into service since then (a maintenance window's end) has its patience from there.
        """
        if pond.head is None or not len(pond.rows) or pond.head > slot + 1 or pond.shown >= slot:
            return False
        points = self.engine.points
        longest = LATE + int(points.silent_after[pond.rows].max())
        if slot - pond.head <= longest:
            return True
        if int(points.serve_from[pond.rows].max()) <= pond.head:
            return False
        return any(pond.head < turn <= slot <= turn + longest for turn in points.service_turns(pond.rows))

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
                    self.held.put(view, await self.records.keys(conn, pond_id))
                    if isinstance(event, SensorAmended | SensorReplaced):
                        # Range, zero level or unit changed: what lies in the ring was put there under the old ones.
                        turns = await self.held.load(conn, pond_id)
                    else:
                        turns = self.engine.judge_again(pond_id)
                    await self.speaker.say(conn, turns, self.clock.now())
            except BaseException:
                self.stale = True
                raise
            self.committed()


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, tz=slot_moment(0).tzinfo).isoformat(timespec="seconds")
