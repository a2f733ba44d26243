"""Exercises on the desk: their record, what ends them, and their score sheets. ``adapters.drillplay`` plays them.

Whatever is decided about an exercise is decided under the desk's lock, so that a real alarm and the end of the
exercise it overtakes are one step after the other, the real one first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.notifier.adapters.desk import Desk
from services.notifier.domain.alarm import Alarm
from services.notifier.domain.drill import Drill, DrillEvent, Why, evolve, new_id, principal, sheet, verdict
from services.notifier.domain.hearing import WarningEvent
from shared.bus.rpc import CommandClient
from shared.contracts.drills import DrillView, StartDrill
from shared.contracts.monitor import ListWarnings, WarningList
from shared.contracts.notifier import DrillEnded, DrillStarted, DrillTidied
from shared.contracts.registry import PondView, ShowPond
from shared.logging import logger
from shared.problems import Conflict

__all__ = ["Drills"]

CLOCK = "tailwarden"
"""Who ends an exercise that ends by itself."""


class Drills:
    """Implements ``drilling.Exercises`` and the desk's ``Exercises``. ``restore`` before anything is heard.

    Parameters
    ----------
    wake : callable
        Called when there is something to play or to clear away.
    """

    def __init__(self, desk: Desk, client: CommandClient, wake: Callable[[], None] = lambda: None) -> None:
        self._desk, self._client, self.wake = desk, client, wake
        self.open: dict[str, Drill] = {}
        """Those of which something is left: they run, or have not been cleared away yet."""
        desk.exercises = self

    async def restore(self) -> None:
        """Read which shadows there ever were, and what is going on."""
        async with self._desk.pool.connection() as conn:
            cursor = await conn.execute("SELECT state::text FROM drill ORDER BY started")
            for (state,) in await cursor.fetchall():
                drill = Drill.model_validate_json(state)
                self._desk.shadows[drill.shadow_id] = drill.pond_id
                if drill.tidied is None:
                    self.open[drill.drill_id] = drill

    # -- what the desk asks, under its lock -------------------------------------------------------------------

    def hears(self, event: WarningEvent) -> bool:
        """See ``desk.Exercises``: of an exercise that is over nobody hears any more."""
        drill = self.open.get(event.pond_id)
        if drill is not None and not drill.running:
            self.wake()  # its warning came after its end: it is to be closed
        return (drill is not None and drill.running) or event.warning_id in self._desk.alarms

    def began(self, pond_id: str) -> datetime | None:
        """See ``desk.Exercises``: of those of which something is left."""
        drill = self.open.get(pond_id)
        return None if drill is None else drill.started

    async def give_way(self, pond_id: str) -> None:
        """See ``desk.Exercises``."""
        running = self.running_at(pond_id)
        if running is not None:
            await self._judge(running)

    # -- commands ---------------------------------------------------------------------------------------------

    def running_at(self, pond_id: str) -> Drill | None:
        """See ``drilling.Exercises``."""
        return next((each for each in self.open.values() if each.running and each.pond_id == pond_id), None)

    async def pond(self, pond_id: str) -> PondView:
        """See ``drilling.Exercises``."""
        return await self._client.send(ShowPond(pond_id=pond_id), PondView)

    async def real_warning(self, pond_id: str) -> str | None:
        """See ``drilling.Exercises``: as the monitor knows it, which may be ahead of what was heard here."""
        found = await self._client.send(ListWarnings(pond_id=pond_id, limit=1), WarningList)
        return found.warnings[0].warning_id if found.warnings else None

    async def start(self, command: StartDrill, timezone: str) -> Drill:
        """See ``drilling.Exercises``: on record, and known as a shadow, before the shadow has a reading.

        Raises
        ------
        Conflict
            ``drills.running``, ``drills.real_warning``: somebody, or the water, was faster.
        """
        desk, pond_id = self._desk, command.pond_id
        async with desk.lock:
            running = self.running_at(pond_id)
            if running is not None:
                raise Conflict("drills.running", field="pond_id", pond=pond_id, drill=running.drill_id)
            for alarm in self._alarms(pond_id):
                if alarm.level is not None:
                    raise Conflict("drills.real_warning", field="pond_id", pond=pond_id, warning=alarm.alarm_id)
            now = desk.clock.now()
            drill_id = new_id(pond_id, f"{now.astimezone(ZoneInfo(timezone)):%Y%m%d}", uuid4().hex[:6])
            started = DrillStarted(
                drill_id=drill_id, pond_id=pond_id, shadow_id=drill_id, storm=command.storm, by=command.by, at=now
            )
            desk.shadows[drill_id] = pond_id
            await self._append(None, started, command.by)
        self.wake()
        return self.open[drill_id]

    async def stop(self, drill_id: str, by: str) -> Drill | None:
        """See ``drilling.Exercises``."""
        async with self._desk.lock:
            drill = self.open.get(drill_id) or await self._stored(drill_id)
            if drill is not None and drill.running:
                drill = await self._end(drill, "stopped", by)
            return drill

    async def view(self, drill_id: str) -> DrillView | None:
        """See ``drilling.Exercises``."""
        drill = await self._stored(drill_id)
        if drill is None:
            return None
        async with self._desk.pool.connection() as conn:
            cursor = await conn.execute("SELECT state::text FROM alarm WHERE pond_id = %s", (drill.shadow_id,))
            alarm = principal([Alarm.model_validate_json(state) for (state,) in await cursor.fetchall()])
            if alarm is None:
                return sheet(drill)
            story = await self._desk.parts.store.read(conn, f"alarm-{alarm.alarm_id}")
        return sheet(drill, alarm, [stored.event for stored in story])

    async def views(self, pond_id: str | None, running: bool, limit: int) -> list[DrillView]:
        """See ``drilling.Exercises``."""
        async with self._desk.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT state::text FROM drill WHERE (%s::text IS NULL OR pond_id = %s) AND (NOT %s OR ended IS NULL)"
                " ORDER BY started DESC, id LIMIT %s",
                (pond_id, pond_id, running, limit),
            )
            return [sheet(Drill.model_validate_json(state)) for (state,) in await cursor.fetchall()]

    # -- what time brings -------------------------------------------------------------------------------------

    async def tick(self) -> None:
        """End what is to end now."""
        async with self._desk.lock:
            for drill in [each for each in self.open.values() if each.running]:
                await self._judge(drill)

    async def end_alarms(self, drill: Drill) -> None:
        """End what a process that died between two steps left: an exercise over, and its alarm not."""
        async with self._desk.lock:
            await self._conclude(drill)

    async def tidied(self, drill: Drill) -> None:
        """Note that nothing of an exercise is left."""
        at = self._desk.clock.now()
        async with self._desk.lock:
            await self._append(drill, DrillTidied(drill_id=drill.drill_id, pond_id=drill.pond_id, at=at), CLOCK)

    # -- under the lock ---------------------------------------------------------------------------------------

    async def _judge(self, drill: Drill) -> None:
        real, exercised = self._alarms(drill.pond_id), self._alarms(drill.shadow_id)
        why = verdict(drill, exercised, real, self._desk.clock.now())
        if why is not None:
            await self._end(drill, why, CLOCK)

    async def _end(self, drill: Drill, why: Why, by: str) -> Drill:
        at = self._desk.clock.now()
        ended = DrillEnded(drill_id=drill.drill_id, pond_id=drill.pond_id, why=why, by=by, at=at)
        over = await self._append(drill, ended, by)
        await self._conclude(over)
        logger(__name__).info("exercise over", drill=drill.drill_id, why=why)
        self.wake()
        return over

    async def _conclude(self, drill: Drill) -> None:
        reason = "exercise_overtaken" if drill.why == "overtaken" else "exercise_over"
        for alarm in self._alarms(drill.shadow_id):
            await self._desk.conclude(alarm.alarm_id, reason)

    async def _append(self, drill: Drill | None, event: DrillEvent, by: str) -> Drill:
        after = evolve(drill, event)
        await self._desk.append_other(after.drill_id, after.drill_id, [event], by)
        self.open[after.drill_id] = after
        if after.tidied is not None:
            del self.open[after.drill_id]
        return after

    def _alarms(self, pond_id: str) -> list[Alarm]:
        return [each for each in self._desk.alarms.values() if each.pond_id == pond_id]

    async def _stored(self, drill_id: str) -> Drill | None:
        async with self._desk.pool.connection() as conn:
            cursor = await conn.execute("SELECT state::text FROM drill WHERE id = %s", (drill_id,))
            row = await cursor.fetchone()
        return None if row is None else Drill.model_validate_json(row[0])
