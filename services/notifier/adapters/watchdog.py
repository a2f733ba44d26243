"""The watchdog's edge: registers its pond, sends the beats, hears them come back, and tells when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import nats.errors
import orjson
from nats.js import JetStreamContext

from services.notifier.adapters.deadman import DeadMan
from services.notifier.adapters.desk import Desk
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.recorder import ALL_PONDS
from services.notifier.domain.delivery import Parcel
from services.notifier.domain.message import Message
from services.notifier.domain.routing import control_room
from services.notifier.domain.watchdog import (
    LIMITS,
    POND,
    SENSOR,
    Beat,
    Watch,
    beat,
    heard,
    look,
    next_at,
    standing,
    tried,
    value_of,
)
from shared.bus.rpc import CommandClient
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.monitor import (
    CloseWarning,
    ListWarnings,
    PondStandings,
    ShowPondStanding,
    WarningCleared,
    WarningClosed,
    WarningEased,
    WarningEscalated,
    WarningList,
    WarningRaised,
    WarningView,
)
from shared.contracts.notifier import MessageKind
from shared.contracts.registry import AdoptLimits, PondView, RegisterPond, RegisterSensor
from shared.contracts.synthetic import WATCHDOG_POND
from shared.contracts.watchdog import ShowWatchdog, WatchdogRestored, WatchdogSilent, WatchdogView
from shared.eventstore.attempts import once_more
from shared.logging import logger
from shared.postgres import Connection
from shared.problems import NotFound, Refusal, TailwardenError
from shared.tasks import end_if_cancelled

__all__ = ["STREAM", "Bus", "Watchdog"]

STREAM = "watchdog"
_NAME = "watchdog"
_PUBLISH_S = 5.0
_LONGEST_PAUSE = 5.0
_HEARD_S = 10.0
"""So long the monitor has to hear of the pond, in one try."""
_AWAY = (TailwardenError, OSError, TimeoutError, nats.errors.Error)

Publish = Callable[[str, bytes], Awaitable[object]]


class Bus:
    """Sends readings as a logger would, and waits until they are kept."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js

    async def __call__(self, subject: str, body: bytes) -> object:
        """Publish a reading.

        Raises
        ------
        OSError, TimeoutError, nats.errors.Error
            When it is not known to be kept.
        """
        return await self._js.publish(subject, body, timeout=_PUBLISH_S)


class Watchdog:
    """See the module's text. ``run`` it as a task and give it the monitor's events by ``hear``.

    Parameters
    ----------
    publish
        Sends one reading; see ``Bus``.
    patience_s
        Without a beat that came back for so long [s], it is silent.
    dead_man
        What is pinged while beats come back.
    """

    def __init__(
        self,
        desk: Desk,
        outbox: Outbox,
        client: CommandClient,
        publish: Publish,
        patience_s: float = 180.0,
        dead_man: DeadMan | None = None,
    ) -> None:
        self._desk, self._outbox, self._client, self._publish = desk, outbox, client, publish
        self._dead_man = dead_man
        self.watch = Watch(patience_s=patience_s)
        self._ready = False
        self._over: set[str] = set()
        """Warnings that are to be closed."""
        self._news: list[WatchdogSilent | WatchdogRestored] = []
        self._woken = asyncio.Event()
        self._log = logger(__name__)

    async def run(self) -> None:
        """Watch until cancelled; outages are what it is for."""
        recalled = False
        while True:
            end_if_cancelled()
            self._woken.clear()
            try:
                if not recalled:
                    await self.recall()
                    recalled = True
                await self.step()
            except Exception as error:  # whatever breaks here, people must still be told of warnings
                self._log.warning("watchdog held up", error=type(error).__name__)
            now = self._desk.clock.now()
            pause = min((next_at(self.watch, now) - now).total_seconds(), _LONGEST_PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(pause, 0.05)):
                    await self._woken.wait()

    async def recall(self) -> None:
        """Find out whether it was silent before this start: that is not told twice."""
        async with self._desk.pool.connection() as conn:
            story = await self._desk.parts.store.read(conn, STREAM)
        if story and isinstance(last := story[-1].event, WatchdogSilent):
            self.watch = self.watch.model_copy(update={"silent_since": last.since})

    async def step(self) -> None:
        """Do what is due: a beat, closing what is over, telling that it is silent or back."""
        now = self._desk.clock.now()
        if next_at(self.watch, now) <= now:
            await self._beat(now)
        await self._close()
        self.watch, silent = look(self.watch, self._desk.clock.now())
        if silent is not None:
            self._ready = False  # perhaps the pond is gone from the register
            self._news.append(silent)
        while self._news:
            await self._tell(self._news[0])
            del self._news[0]

    def hear(self, cloud_event: CloudEvent) -> None:
        """Take in what the monitor says of the watchdog's warnings."""
        match event := event_of(cloud_event):
            case WarningRaised() | WarningEscalated() | WarningEased():
                self._heard(event.time, event)
            case WarningCleared():
                self._over.add(event.warning_id)
                self._heard(event.time, event)
            case WarningClosed():
                self._over.discard(event.warning_id)
            case _:
                pass

    def show(self) -> WatchdogView:
        """Return how the watchdog is."""
        watch, dead_man = self.watch, self._dead_man
        return WatchdogView(
            enabled=True, silent_since=watch.silent_since, last_beat=watch.beaten, last_return=watch.last_return,
            round_trip_s=watch.round_trip_s, worst_round_trip_s=watch.worst_s, beats=watch.beats,
            returned=watch.returned, patience_s=watch.patience_s, pinging=dead_man is not None,
            last_ping=None if dead_man is None else dead_man.last,
        )  # fmt: skip

    async def answer(self, _command: ShowWatchdog) -> WatchdogView:
        """Answer ``ShowWatchdog``."""
        return self.show()

    # -- beats ----------------------------------------------------------------------------------------------

    def _heard(self, time: datetime, event: WarningRaised | WarningEscalated | WarningEased | WarningCleared) -> None:
        level = None if isinstance(event, WarningCleared) else event.level
        self.watch, back, restored = heard(self.watch, time, level, self._desk.clock.now())
        if back and self._dead_man is not None:
            self._dead_man.ping()
        if restored is not None:
            self._news.append(restored)
        self._woken.set()

    async def _beat(self, now: datetime) -> None:
        self.watch = tried(self.watch, now, "setup") if not self._ready else self.watch
        try:
            if not self._ready:
                await self._set_up()
                self._ready = True
            self.watch, made = beat(self.watch, self._desk.clock.now())
            if made is not None:
                await self._publish(f"tw.telemetry.{WATCHDOG_POND}.{SENSOR.id}", _reading(made))
                self.watch = self.watch.model_copy(update={"step": "return"})
        except _AWAY as error:
            # The next beat is a minute away, whether or not this one could be sent.
            self.watch = self.watch.model_copy(update={"beaten": now})
            self._log.warning("no beat", step=self.watch.step, error=type(error).__name__)

    async def _set_up(self) -> None:
        """Register the pond (the same again changes nothing), wait until the monitor knows it, and take up from there.

        Raises
        ------
        TailwardenError
            While registry or monitor do not answer.
        """
        send = self._client.send
        await send(RegisterPond(pond=POND, by=_NAME), PondView)
        await send(RegisterSensor(pond_id=POND.id, sensor=SENSOR, by=_NAME), PondView)
        view = await send(AdoptLimits(pond_id=POND.id, limits=LIMITS, by=_NAME), PondView)
        async with asyncio.timeout(_HEARD_S):
            while True:
                with suppress(NotFound):
                    (seen,) = (await send(ShowPondStanding(pond_id=POND.id), PondStandings)).ponds
                    if seen.registry_version >= view.version:
                        break
                await asyncio.sleep(0.2)
        self.watch = standing(self.watch, seen.head, seen.level)
        left = await send(ListWarnings(pond_id=POND.id, limit=1000), WarningList)
        self._over |= {each.warning_id for each in left.warnings if each.level is None}

    async def _close(self) -> None:
        """Close the warnings that are over, so that they do not pile up; what cannot be closed now is next time."""
        for warning_id in sorted(self._over):
            command = CloseWarning(warning_id=warning_id, by=_NAME, evidence="watchdog: came and went as it had to")
            try:
                await self._client.send(command, WarningView)
            except Refusal as error:
                self._log.info("watchdog's warning not closed", warning=warning_id, why=error.code)
            except _AWAY:
                return
            self._over.discard(warning_id)

    # -- telling --------------------------------------------------------------------------------------------

    async def _tell(self, event: WatchdogSilent | WatchdogRestored) -> None:
        """Keep what happened and tell the control room, in one transaction."""
        desk, now = self._desk, event.at
        up = isinstance(event, WatchdogRestored)
        people = control_room(desk.directory, desk.plan.routing, now)

        async def work(conn: Connection) -> None:
            (stored,) = await desk.append(conn, STREAM, WATCHDOG_POND, [event], _NAME)
            report = f"watchdog-{stored.id}"
            message = Message(
                kind=MessageKind.CHANNEL_REPORT, alarm_id=report, pond_id=ALL_PONDS, pond_name="", level=None,
                time=event.silent_since if isinstance(event, WatchdogRestored) else event.since, watchdog=True,
                channel_up=up, why="" if isinstance(event, WatchdogRestored) else event.why,
            )  # fmt: skip
            parcels = [
                Parcel(
                    id=f"{report}-{person.person_id}", alarm_id=report, pond_id=ALL_PONDS, person_id=person.person_id,
                    kind=MessageKind.CHANNEL_REPORT, revision=1, channels=person.channels,
                    message=message.model_copy(update={"role": person.role}), created_at=now, due_at=now,
                )
                for person in people
            ]  # fmt: skip
            await self._outbox.put(conn, parcels)

        await once_more(desk.pool, desk.parts.store, work)
        desk.committed()
        if up:
            self._log.warning("watchdog back: warnings find their way again", told=len(people))
        else:
            self._log.error("watchdog silent: warnings may not get through", told=len(people), step=self.watch.step)


def _reading(made: Beat) -> bytes:
    milliseconds = (made.at - datetime.fromtimestamp(0, made.at.tzinfo)) // timedelta(milliseconds=1)
    return orjson.dumps({"time": milliseconds, "value": value_of(made.level)})
