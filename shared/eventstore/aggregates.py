"""Acting on records: load, decide, append and project in one transaction, across as many records as it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from shared.clock import Clock
from shared.contracts.acts import Act, Asked, Kept
from shared.contracts.base import Event
from shared.eventstore.decider import Recording, handle, load
from shared.eventstore.events import StoredEvent
from shared.eventstore.kinds import Kind
from shared.eventstore.projections import Projection
from shared.eventstore.store import EventStore
from shared.postgres import Connection, Pool
from shared.problems import BadInput, Conflict

__all__ = ["Acting", "Aggregates", "Outcome", "event_types"]

_ATTEMPTS = 5
"""An act that lost the race to another is decided anew on what the other left; more losses in a row are told."""

S = TypeVar("S", bound=Kept)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """A record after an act: its state, the version of its stream, and what the act brought about."""

    state: S
    version: int
    events: tuple[StoredEvent, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the act changed anything."""
        return bool(self.events)


class Acting:
    """One transaction in which acts are done; made by ``Aggregates.together``."""

    def __init__(
        self, conn: Connection, store: EventStore, projections: Sequence[Projection], clock: Clock, zone: ZoneInfo
    ) -> None:
        self.conn, self._store, self._projections = conn, store, projections
        self.now = clock.now()
        self.today = self.now.astimezone(zone).date()
        self.stored: list[StoredEvent] = []

    async def find(self, kind: Kind[S], record_id: str) -> Outcome[S] | None:
        """Return a record as its stream tells it, or None when nothing is known of it."""
        loaded = await load(self.conn, self._store, kind.stream(record_id), kind.decider)
        return None if loaded.state is None else Outcome(loaded.state, loaded.version)

    async def ask(self, kind: Kind[S], record_id: str, act: Act) -> Outcome[S]:
        """Do *act* on a record.

        Raises
        ------
        BadInput
            ``acts.on_future``.
        Conflict
            ``acts.on_order``; ``acts.stale`` when the act expected another version: the problem's parameters hold the
            record as it stands (``state``) and its version (``actual``).
        Refusal
            What the domain refuses.
        """
        on = self.today if act.on is None else act.on
        if on > self.today:
            raise BadInput("acts.on_future", field="on", on=on.isoformat(), today=self.today.isoformat())
        known = await self.find(kind, record_id)
        if act.expected_version is not None and act.expected_version != (0 if known is None else known.version):
            raise Conflict(
                "acts.stale",
                field="expected_version",
                record=f"{kind.name} {record_id}",
                expected=act.expected_version,
                actual=0 if known is None else known.version,
                state=None if known is None else known.state.model_dump(mode="json"),
            )
        if known is not None and on < known.state.last_on:
            last = known.state.last_on.isoformat()
            raise Conflict("acts.on_order", field="on", on=on.isoformat(), last=last, record=f"{kind.name} {record_id}")
        outcome = await self.put(kind, record_id, act, on, act.by)
        judged = 0 if known is None else known.version
        decided = outcome.version - len(outcome.events)
        if decided != judged:
            # Somebody else's act was committed between the look and the decision: look again.
            raise Conflict("store.conflict", stream=kind.stream(record_id), expected=judged, actual=decided)
        return outcome

    async def put(self, kind: Kind[S], record_id: str, command: Any, on: date, by: str) -> Outcome[S]:
        """Do what is no person's act: a clock's or another service's, dated *on* by its cause."""
        handled = await handle(
            self.conn,
            self._store,
            kind.stream(record_id),
            kind.decider,
            Asked(command, self.now, on),
            Recording(at=self.now, aggregate_id=record_id, metadata={"by": by}),
            self._projections,
        )
        assert handled.state is not None, "a decider without events for an unknown record refuses"
        self.stored.extend(handled.stored)
        return Outcome(handled.state, handled.version, tuple(handled.stored))


class Aggregates:
    """Where a service's records live.

    Parameters
    ----------
    pool, store, projections
        The service's.
    clock, zone
        What time it is, and where a day begins and ends.
    committed : callable
        Called after each transaction that stored events (wakes the relay).
    """

    def __init__(
        self,
        pool: Pool,
        store: EventStore,
        projections: Sequence[Projection],
        clock: Clock,
        zone: ZoneInfo,
        committed: Callable[[], None],
    ) -> None:
        self.pool, self.clock, self.zone = pool, clock, zone
        self._store, self._projections, self._committed = store, projections, committed

    def today(self) -> date:
        """Return the day it is at the office."""
        return self.clock.now().astimezone(self.zone).date()

    async def together(self, work: Callable[[Acting], Awaitable[T]]) -> T:
        """Do *work* in one transaction: all of its acts or none. It is done anew after a lost race: let it be pure."""
        for left in reversed(range(_ATTEMPTS)):
            try:
                async with self.pool.connection() as conn, conn.transaction():
                    acting = Acting(conn, self._store, self._projections, self.clock, self.zone)
                    result = await work(acting)
            except Conflict as error:
                # The domain's own conflicts stay so however often they are tried.
                if error.code != "store.conflict" or not left:
                    raise
                continue
            if acting.stored:
                self._committed()
            return result
        raise AssertionError("the last attempt returns or raises")

    async def ask(self, kind: Kind[S], record_id: str, act: Act) -> Outcome[S]:
        """Do one act on one record; see ``Acting.ask``."""
        return await self.together(lambda acting: acting.ask(kind, record_id, act))

    async def find(self, kind: Kind[S], record_id: str) -> Outcome[S] | None:
        """Return a record as its stream tells it, or None when nothing is known of it."""
        async with self.pool.connection() as conn:
            loaded = await load(conn, self._store, kind.stream(record_id), kind.decider)
        return None if loaded.state is None else Outcome(loaded.state, loaded.version)

    async def story(self, kind: Kind[S], record_id: str) -> list[StoredEvent]:
        """Return everything that ever happened to a record, in order."""
        async with self.pool.connection() as conn:
            return await self._store.read(conn, kind.stream(record_id))


def event_types(kinds: Sequence[Kind[Any]]) -> tuple[type[Event], ...]:
    """Return the events of all *kinds*, each once."""
    return tuple(dict.fromkeys(event for kind in kinds for event in kind.events))
