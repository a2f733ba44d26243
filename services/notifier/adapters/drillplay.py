"""Plays exercises: registers the shadow pond, sends its readings over NATS, and clears everything away afterwards.

Each exercise is taken one step further at a time, by what stands on record and in the register; so a restart goes on
where it was, and whatever is away (registry, monitor, NATS) only delays it. What was sent before is sent again after a
restart: it is the same readings, which the monitor knows as such.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson

from services.notifier.adapters.drills import Drills
from services.notifier.domain.drill import Drill
from services.notifier.domain.storm import EVERY, Reading, Storm, shadow_of, storm_of
from shared.bus.rpc import CommandClient
from shared.clock import Clock
from shared.contracts.levels import SensorState
from shared.contracts.monitor import (
    CloseWarning,
    ListWarnings,
    PondStandings,
    ShowPondStanding,
    WarningList,
    WarningView,
)
from shared.contracts.registry import (
    AdoptLimits,
    ChangeSensorState,
    PondView,
    RegisterPond,
    RegisterSensor,
    ShowPond,
)
from shared.logging import logger
from shared.problems import NotFound
from shared.words import say

__all__ = ["DrillPlayer", "Publish"]

BY = "tailwarden"
SOON_S, SELDOM_S = 0.1, 1.0
"""Between looks while others are waited for, and otherwise."""

Publish = Callable[[str, bytes], Awaitable[object]]
"""Puts a payload on a subject of telemetry; returns when the stream has it."""


@dataclass(slots=True)
class _Part:
    """How far an exercise has been played in this process. ``version`` is the shadow's in the register."""

    storm: Storm | None = None
    version: int = 0
    heard: bool = False
    """Whether the monitor knows the shadow as it stands."""
    sent: datetime | None = None
    """Time of the newest readings sent."""


class DrillPlayer:
    """See the module's text. ``run`` it as a task; ``wake`` it when an exercise began or ended."""

    def __init__(self, drills: Drills, client: CommandClient, publish: Publish, clock: Clock) -> None:
        self._drills, self._client, self._publish, self._clock = drills, client, publish, clock
        self._woken = asyncio.Event()
        self._parts: dict[str, _Part] = {}
        self._said: dict[str, str] = {}

    def wake(self) -> None:
        """Look at the exercises at once."""
        self._woken.set()

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            self._woken.clear()
            waiting = await self.step()
            try:
                async with asyncio.timeout(SOON_S if waiting else SELDOM_S):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def step(self) -> bool:
        """Take every exercise one step further; return whether one waits for somebody else's next word."""
        await self._safely("", self._drills.tick)
        waiting = False
        for drill in list(self._drills.open.values()):
            done = await self._safely(drill.drill_id, partial(self._further, drill))
            waiting |= not done
        return waiting

    async def _further(self, drill: Drill) -> bool:
        part = self._parts.setdefault(drill.drill_id, _Part())
        return await (self._play(drill, part) if drill.running else self._tidy(drill, part))

    async def _safely(self, about: str, work: Callable[[], Awaitable[bool | None]]) -> bool:
        """Do *work*; what goes wrong is said once, and tried again with the next step."""
        try:
            done = await work()
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if self._said.get(about) != said:
                self._said[about] = said
                logger(__name__).warning("exercise waits", drill=about, error=said)
            return True  # not waiting for an answer: no need to hurry
        self._said.pop(about, None)
        return done is not False

    # -- the storm --------------------------------------------------------------------------------------------

    async def _play(self, drill: Drill, part: _Part) -> bool:
        """Register, wait until the monitor has heard of it, then send what is due."""
        if part.storm is None:
            shadow = await self._shadow(drill)
            part.version = shadow.version
            part.storm = storm_of(shadow, drill.storm, drill.started)
        if not part.heard:
            part.heard = await self._monitor_knows(drill.shadow_id, part.version)
            if not part.heard:
                return False
        now = self._clock.now()
        if part.sent is None or now >= part.sent + EVERY:
            await self._send(drill, part, part.storm.readings(part.sent, now))
        return True

    async def _shadow(self, drill: Drill) -> PondView:
        """Return the shadow as it is registered; register it when it is not, or not whole."""
        try:
            known = await self._client.send(ShowPond(pond_id=drill.shadow_id), PondView)
        except NotFound:
            known = None
        if known is not None and known.limits:
            return known  # limits come last; another look at the real pond might make it another storm
        shadow = shadow_of(await self._client.send(ShowPond(pond_id=drill.pond_id), PondView), drill.shadow_id)
        about = {"pond_id": drill.shadow_id, "by": drill.by}
        view = await self._client.send(RegisterPond(pond=shadow.pond, by=drill.by), PondView)
        for each in shadow.sensors:
            view = await self._client.send(RegisterSensor.model_validate({"sensor": each.sensor, **about}), PondView)
        for document in shadow.limits:
            view = await self._client.send(AdoptLimits.model_validate({"limits": document, **about}), PondView)
        return view

    async def _monitor_knows(self, shadow_id: str, version: int) -> bool:
        try:
            found = await self._client.send(ShowPondStanding(pond_id=shadow_id), PondStandings)
        except NotFound:
            return False
        return found.ponds[0].registry_version >= version

    async def _send(self, drill: Drill, part: _Part, readings: list[Reading]) -> None:
        sensors, times, values = zip(*readings, strict=True)
        payload = {"sensors": sensors, "times": [time.isoformat() for time in times], "values": values}
        # Nothing may go out once the exercise is over, and between this look and the sending nothing else runs.
        if self._drills.open.get(drill.drill_id, drill).running:
            await self._publish(f"tw.telemetry.{drill.shadow_id}", orjson.dumps(payload))
            part.sent = times[-1]

    # -- afterwards -------------------------------------------------------------------------------------------

    async def _tidy(self, drill: Drill, part: _Part) -> bool:
        """Take the shadow's sensors out of service, and close its warning once the monitor knows that."""
        await self._drills.end_alarms(drill)
        try:
            view = await self._client.send(ShowPond(pond_id=drill.shadow_id), PondView)
        except NotFound:
            view = None  # it was over before it was registered
        if view is not None:
            view = await self._retire(drill, view)
            if not await self._monitor_knows(drill.shadow_id, view.version):
                return False
            await self._close(drill)
        await self._drills.tidied(drill)
        self._parts.pop(drill.drill_id, None)
        return True

    async def _retire(self, drill: Drill, view: PondView) -> PondView:
        reason = _both("drills.retired", drill=drill.drill_id)
        for each in view.sensors:
            if each.state is not SensorState.RETIRED:
                retire = ChangeSensorState(
                    pond_id=drill.shadow_id, sensor_id=each.sensor.id, state=SensorState.RETIRED, reason=reason, by=BY
                )
                view = await self._client.send(retire, PondView)
        return view

    async def _close(self, drill: Drill) -> None:
        evidence = _both("drills.evidence", drill=drill.drill_id, why=[f"drills.why_{drill.why}"])
        found = await self._client.send(ListWarnings(pond_id=drill.shadow_id), WarningList)
        for warning in found.warnings:
            close = CloseWarning(warning_id=warning.warning_id, by=drill.ended_by, evidence=evidence)
            await self._client.send(close, WarningView)


def _both(key: str, **params: object) -> str:
    """Say something in both languages: whoever reads the record may read either."""
    return f"{say(key, 'zh', **params)} / {say(key, 'en', **params)}"
