"""The notifier's desk: every alarm that stands, what the world is like for it, and one transaction for each step.

Alarms are held in memory and run ahead of nothing: a step is decided on the stored stream, inside its transaction,
and what is held follows the commit. A lost race (a second notifier, a restart) decides anew on what is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import orjson

from services.notifier.domain.alarm import Alarm, AlarmEvent, evolve
from services.notifier.domain.delivery import Outcome
from services.notifier.domain.delivery import event_of as recorded
from services.notifier.domain.directory import Directory
from services.notifier.domain.hearing import WarningEvent, hear
from services.notifier.domain.pipeline import advance, end
from services.notifier.domain.policy import ORDER, Settings
from services.notifier.domain.routing import Routing, chain
from services.notifier.domain.world import Neighbour, World
from shared.clock import Clock
from shared.contracts.base import Event
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.levels import LevelName
from shared.contracts.notifier import AlarmChanged, AlarmOpened, CardStep, PersonDecided, Shelving
from shared.contracts.synthetic import is_exercise
from shared.eventstore import (
    Decider,
    EventStore,
    Handled,
    Inbox,
    Projection,
    Recording,
    ServiceStore,
    Snapshots,
    StoredEvent,
    handle,
)
from shared.eventstore.attempts import once_more
from shared.logging import bound, logger
from shared.ops.tracing import span, traceparent
from shared.postgres import Connection, Pool
from shared.workdays import is_working_day

__all__ = ["Desk", "Exercises", "Outgoing", "Plan", "Publishing"]

BACKLOG = timedelta(seconds=60)
"""What was said so long before it is heard belongs to a backlog (an outage, a first start on an old system)."""
QUIET = timedelta(seconds=3)
"""A backlog is over when nothing old has come for so long: only then what still stands is told."""
_Step = Callable[[Alarm | None], Sequence[AlarmEvent]]

_ALARM: Decider[_Step, Alarm | None] = Decider(
    initial=None,
    decide=lambda step, alarm: step(alarm),
    evolve=cast(Callable[[Alarm | None, Event], Alarm | None], evolve),
    snapshots=Snapshots(
        dump=lambda alarm: "null" if alarm is None else alarm.model_dump_json(),
        load=lambda text: None if text == "null" else Alarm.model_validate_json(text),
        every=50,
    ),
)


_ANYTHING: Decider[Sequence[Event], None] = Decider(
    initial=None, decide=lambda given, _: given, evolve=lambda state, _: state
)
_Settle = Callable[[Connection, Sequence[Outcome]], Awaitable[set[str]]]


class Publishing(Protocol):
    """Tells the public network (CAP) of an alarm's changes, in the transaction of the change."""

    async def publish(self, conn: Connection, alarm: Alarm) -> None:
        """Publish what holds of the alarm now."""
        ...


class Exercises(Protocol):
    """Knows the exercises 汛期演练; asked by whoever holds the desk's lock."""

    def hears(self, event: WarningEvent) -> bool:
        """Tell whether what is said of an exercise's pond is for people: its exercise runs, or has to be ended yet."""
        ...

    def began(self, pond_id: str) -> datetime | None:
        """Return when the exercise began that an exercise's pond is of; None for any other pond."""
        ...

    async def give_way(self, pond_id: str) -> None:
        """End an exercise at a pond that has a real alarm."""
        ...


class Outgoing(Protocol):
    """Takes what was decided to be told, in the transaction of the decision."""

    async def put(self, conn: Connection, alarm: Alarm, decided: Sequence[tuple[StoredEvent, PersonDecided]]) -> None:
        """Queue one message for each decision."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is configured: policy, chains, cards."""

    settings: Settings
    routing: Routing
    cards: dict[LevelName, tuple[CardStep, ...]]


class Desk:
    """See the module's text. ``restore`` before anything else."""

    def __init__(
        self,
        pool: Pool,
        parts: ServiceStore,
        plan: Plan,
        outgoing: Outgoing,
        clock: Clock,
        committed: Callable[[], None],
        publishing: Publishing | None = None,
        directory: Directory | None = None,
    ) -> None:
        self.pool, self.plan, self.clock = pool, plan, clock
        self.parts = parts
        self._store: EventStore = parts.store
        self._projections: Sequence[Projection] = parts.projections
        self._outgoing, self.committed, self._publishing = outgoing, committed, publishing
        self.directory = Directory() if directory is None else directory
        self.alarms: dict[str, Alarm] = {}
        self._of_pond: dict[str, dict[str, Alarm]] = {}
        self.shelvings: dict[str, Shelving] = {}
        self.shadows = self.directory.shadows
        """Exercise ponds: shadow id → the pond it stands for."""
        self.exercises: Exercises | None = None
        self._heard: set[int] = set()
        """Positions of the registry's events that the directory holds."""
        self.lock = asyncio.Lock()
        self._traces: dict[str, str] = {}
        """Alarm → the step of a trace in which it was heard of: what the clock does later belongs to it."""
        self._behind_until: datetime | None = None

    async def restore(self) -> None:
        """Read everything that is held from the database."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute("SELECT position, aggregate_id, event_type, data FROM heard ORDER BY position")
            for position, aggregate_id, event_type, data in await cursor.fetchall():
                self._heard.add(position)
                self._fold(aggregate_id, event_type, data)
            cursor = await conn.execute("SELECT state::text FROM alarm WHERE ended IS NULL")
            for (state,) in await cursor.fetchall():
                self._hold(Alarm.model_validate_json(state))
            cursor = await conn.execute("SELECT state::text FROM shelving")
            for (state,) in await cursor.fetchall():
                shelving = Shelving.model_validate_json(state)
                self.shelvings[shelving.shelving_id] = shelving

    # -- what is heard --------------------------------------------------------------------------------------

    async def hear_registry(self, cloud_event: CloudEvent) -> None:
        """Take a registry event in: people, duties, rosters and ponds."""
        event = event_of(cloud_event)
        if event is None:
            return
        async with self.lock:
            # All of them come again when EVENTS was made anew (a restored backup), and some after any crash: an old
            # duty folded in once more would stand twice.
            if cloud_event.position in self._heard or not self.directory.apply(cloud_event.subject, event):
                return
            data = orjson.dumps(cloud_event.data).decode()
            async with self.pool.connection() as conn, conn.transaction():
                await conn.execute(
                    "INSERT INTO heard (position, aggregate_id, event_type, data) VALUES (%s, %s, %s, %s)"
                    " ON CONFLICT (position) DO NOTHING",
                    (cloud_event.position, cloud_event.subject, cloud_event.type, data),
                )
            self._heard.add(cloud_event.position)

    async def hear_monitor(self, cloud_event: CloudEvent) -> None:
        """Take a warning's event in, and tell whom it concerns."""
        event = event_of(cloud_event)
        if not isinstance(event, WarningEvent):
            return
        async with self.lock:
            exercise = is_exercise(event.pond_id)
            if exercise and (self.exercises is None or not self.exercises.hears(event)):
                logger(__name__).info("not told", why="no_such_exercise", pond=event.pond_id, what=event.event_type)
                return
            now = self.clock.now()

            def step(alarm: Alarm | None) -> Sequence[AlarmEvent]:
                # Asked only about what has not been heard before. Nothing real waits for an exercise.
                if now - event.at > BACKLOG and not exercise:
                    self._behind_until = now + QUIET
                level = getattr(event, "level", None)
                world = self.world(alarm, event.pond_id, level)
                return hear(alarm, event, world, self.plan.cards, exercise)

            await self._step(event.warning_id, step, "monitor", UUID(str(cloud_event.id)))
            self._remember(event.warning_id)
            if not exercise and self.exercises is not None:
                await self.exercises.give_way(event.pond_id)  # what is real has been told first

    # -- time and people ------------------------------------------------------------------------------------

    async def tick(self) -> int:
        """Do what has fallen due in every alarm, the worst first; return for how many something had.

        Between two alarms whoever waits comes first: an answer, a fresh red.
        """
        due = [
            alarm
            for alarm in sorted(self.alarms.values(), key=lambda alarm: -ORDER[alarm.level])
            if advance(alarm, self.world(alarm, alarm.pond_id, alarm.level))
        ]
        for alarm in due:
            async with self.lock:  # fair: whoever asked for it before has it before
                trace = self._traces.get(alarm.alarm_id)
                about = bound(alarm=alarm.alarm_id, pond=alarm.pond_id)
                with about, span("advance alarm", parent=trace, within=True):
                    await self._step(alarm.alarm_id, self._advance, "clock")
        return len(due)

    async def act(self, alarm_id: str, by: str, acts: Callable[[Alarm], Sequence[AlarmEvent]]) -> Alarm | None:
        """Do a person's act on an alarm, and what follows from it; None when there is no such alarm."""

        def step(alarm: Alarm | None) -> Sequence[AlarmEvent]:
            if alarm is None:
                return []
            events = list(acts(alarm))
            for event in events:
                alarm = evolve(alarm, event)
            return [*events, *advance(alarm, self.world(alarm, alarm.pond_id, alarm.level))]

        async with self.lock:
            return await self._step(alarm_id, step, by)

    async def conclude(self, alarm_id: str, reason: str) -> None:
        """End an exercise's alarm: everybody who was told hears it. For whoever holds the lock."""

        def step(alarm: Alarm | None) -> Sequence[AlarmEvent]:
            return [] if alarm is None else end(alarm, self.world(alarm, alarm.pond_id, alarm.level), reason)

        await self._step(alarm_id, step, "exercise")

    def world(self, alarm: Alarm | None, pond_id: str, level: LevelName | None) -> World:
        """Return what the pipeline needs to know about the rest of the world."""
        now = self.clock.now()
        level = alarm.level if level is None and alarm is not None else level
        real = self.shadows.get(pond_id, pond_id)
        pond = self.directory.ponds.get(real)
        zone = ZoneInfo("Asia/Shanghai" if pond is None else pond.timezone)
        night, morning = _night(now.astimezone(zone), self.plan.settings)
        own = None if alarm is None else alarm.alarm_id
        return World(
            now=now,
            settings=self.plan.settings,
            chain=() if level is None else chain(self.directory, self.plan.routing, real, level, now, is_working_day),
            shelvings=tuple(each for each in self.shelvings.values() if each.pond_id == real),
            neighbours=tuple(
                Neighbour(alarm_id=each.alarm_id, level=each.level, opened=each.opened, exercise=each.exercise)
                for each in self._beside(real)
                if each.alarm_id != own
            ),
            night=night,
            morning=morning,
            exercise_began=None if self.exercises is None else self.exercises.began(pond_id),
            catching_up=self._behind_until is not None and now < self._behind_until,
        )

    def _advance(self, alarm: Alarm | None) -> Sequence[AlarmEvent]:
        return [] if alarm is None else advance(alarm, self.world(alarm, alarm.pond_id, alarm.level))

    # -- one step -------------------------------------------------------------------------------------------

    async def _step(self, alarm_id: str, step: _Step, by: str, heard: UUID | None = None) -> Alarm | None:
        async def work(conn: Connection) -> Handled[Alarm | None] | None:
            if heard is not None and not await Inbox().first_time(conn, "notifier-monitor", heard):
                return None
            return await self._append(conn, alarm_id, step, by)

        handled = await once_more(self.pool, self._store, work)
        if handled is None:
            return self.alarms.get(alarm_id)
        return self._keep(alarm_id, handled)

    async def _append(self, conn: Connection, alarm_id: str, step: _Step, by: str) -> Handled[Alarm | None]:
        """Take a step in the caller's transaction, with everything that goes out because of it."""
        recording = Recording(at=self.clock.now(), aggregate_id=_aggregate, metadata={"by": by}, new_id=uuid4)
        stream = f"alarm-{alarm_id}"
        handled = await handle(conn, self._store, stream, _ALARM, step, recording, self._projections)
        if handled.state is not None:
            decided = [(each, each.event) for each in handled.stored if isinstance(each.event, PersonDecided)]
            if decided:
                await self._outgoing.put(conn, handled.state, decided)
            changed = [each for each in handled.stored if isinstance(each.event, AlarmOpened | AlarmChanged)]
            if changed and self._publishing is not None:
                await self._publishing.publish(conn, handled.state)
        return handled

    async def record(self, outcomes: Sequence[Outcome], settle: _Settle) -> None:
        """Keep what became of messages: their rows (by *settle*) and their events, in one transaction."""
        async with self.lock:

            async def work(conn: Connection) -> dict[str, Handled[Alarm | None]]:
                new = await settle(conn, outcomes)
                events: dict[str, list[Event]] = {}
                for outcome in outcomes:
                    if outcome.delivery_id in new:
                        events.setdefault(outcome.alarm_id, []).append(recorded(outcome))
                handled = {}
                for alarm_id, said in events.items():
                    if alarm_id in self.alarms or await self._known(conn, alarm_id):
                        step = _said(cast(Sequence[AlarmEvent], said))
                        handled[alarm_id] = await self._append(conn, alarm_id, step, "sender")
                    else:
                        await self.append(conn, f"post-{alarm_id}", _aggregate(said[0]), said, "sender")
                return handled

            for alarm_id, each in (await once_more(self.pool, self._store, work)).items():
                self._keep(alarm_id, each)
            self.committed()

    async def _known(self, conn: Connection, alarm_id: str) -> bool:
        cursor = await conn.execute("SELECT FROM alarm WHERE id = %s", (alarm_id,))
        return await cursor.fetchone() is not None

    def _keep(self, alarm_id: str, handled: Handled[Alarm | None]) -> Alarm | None:
        alarm = handled.state
        if alarm is not None:
            self._hold(alarm)
        if handled.stored:
            self.committed()
        return alarm

    def _hold(self, alarm: Alarm) -> None:
        """Keep an alarm at hand for as long as it has not ended, findable by its pond."""
        beside = self._of_pond.setdefault(alarm.pond_id, {})
        if alarm.ended is None:
            self.alarms[alarm.alarm_id] = beside[alarm.alarm_id] = alarm
            return
        self.alarms.pop(alarm.alarm_id, None)
        self._traces.pop(alarm.alarm_id, None)
        beside.pop(alarm.alarm_id, None)
        if not beside:
            del self._of_pond[alarm.pond_id]

    def _remember(self, alarm_id: str) -> None:
        """Keep the trace of a standing alarm's last news."""
        here = traceparent()
        if here is not None and alarm_id in self.alarms:
            self._traces[alarm_id] = here

    def _beside(self, real: str) -> list[Alarm]:
        """Return the alarms of a pond and of its exercises."""
        ponds = (real, *(shadow for shadow, pond in self.shadows.items() if pond == real))
        return [alarm for pond in ponds for alarm in self._of_pond.get(pond, {}).values()]

    async def append_other(self, stream: str, aggregate_id: str, events: Sequence[Event], by: str) -> None:
        """Append events that are no alarm's (shelvings, drills, channels), at the end of their stream."""

        async def work(conn: Connection) -> None:
            await self.append(conn, stream, aggregate_id, events, by)

        await once_more(self.pool, self._store, work)
        self.committed()

    async def append(
        self, conn: Connection, stream: str, aggregate_id: str, events: Sequence[Event], by: str
    ) -> list[StoredEvent]:
        """Append events that are no alarm's in the caller's transaction; see ``append_other``."""
        recording = Recording(at=self.clock.now(), aggregate_id=aggregate_id, metadata={"by": by})
        handled = await handle(conn, self._store, stream, _ANYTHING, events, recording, self._projections)
        return handled.stored

    def _fold(self, aggregate_id: str, event_type: str, data: object) -> None:
        from shared.contracts.cloudevents import EVENT_TYPES

        kind = EVENT_TYPES.get(event_type)
        if kind is not None:
            self.directory.apply(aggregate_id, kind.model_validate(data))


def _said(events: Sequence[AlarmEvent]) -> _Step:
    return lambda alarm: [] if alarm is None else events


def _aggregate(event: Event) -> str:
    """Events of alarms are published under their pond, like the warnings they follow."""
    return str(getattr(event, "pond_id", "alarm"))


def _night(local: datetime, settings: Settings) -> tuple[bool, datetime | None]:
    """Return whether it is night there, and when the morning begins."""
    begins, ends = settings.night_from, settings.night_to
    clock = local.timetz().replace(tzinfo=None)
    night = clock >= begins or clock < ends if begins > ends else begins <= clock < ends
    if not night:
        return False, None
    morning = local.replace(hour=ends.hour, minute=ends.minute, second=0, microsecond=0)
    return True, morning if morning > local else morning + timedelta(days=1)
