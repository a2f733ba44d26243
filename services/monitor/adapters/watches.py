"""Each pond's watch stream: what has been said about it, kept in memory and appended to with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from pydantic import TypeAdapter

from services.monitor.adapters.origins import received, saying
from services.monitor.domain.watch import Announce, WatchState, act, announce, evolve
from shared.contracts.base import Event
from shared.contracts.monitor import AcknowledgeWarning, CloseWarning, HandleWarning
from shared.eventstore import Decider, EventStore, NewEvent, Projection, Snapshots, StoredEvent, load, project
from shared.postgres import Connection

__all__ = ["Watches"]

_NAMESPACE = UUID("6f3b0d0a-7f55-4a39-9a5c-6d3f0a0c5d11")
_STATE = TypeAdapter(WatchState)
_DECIDER: Decider[object, WatchState] = Decider(
    initial=WatchState(),
    decide=lambda _command, _state: (),
    evolve=evolve,
    snapshots=Snapshots(dump=lambda state: _STATE.dump_json(state).decode(), load=_STATE.validate_json, schema=2),
)


@dataclass(frozen=True, slots=True)
class _Held:
    state: WatchState
    version: int
    snapshot: int


class Watches:
    """Loads, decides, appends and projects; the caller owns the transaction and the lock.

    What is held in memory runs ahead of the commit: after a failed transaction call ``forget``.
    """

    def __init__(self, store: EventStore, projections: Sequence[Projection]) -> None:
        self._store, self._projections = store, projections
        self._held: dict[str, _Held] = {}

    def forget(self) -> None:
        """Drop what is held; the next use loads it from the store."""
        self._held.clear()

    async def state(self, conn: Connection, pond_id: str) -> WatchState:
        """Return what has been said about a pond."""
        return (await self._load(conn, pond_id)).state

    async def announce(self, conn: Connection, command: Announce) -> list[StoredEvent]:
        """Say what is new."""
        held = await self._load(conn, command.pond_id)
        return await self._append(conn, command.pond_id, held, announce(held.state, command), command.at, {})

    async def act(
        self,
        conn: Connection,
        pond_id: str,
        command: AcknowledgeWarning | HandleWarning | CloseWarning,
        at: datetime,
        silent: frozenset[str] | None = None,
    ) -> list[StoredEvent]:
        """Carry out a person's act; raises what the domain refuses."""
        held = await self._load(conn, pond_id)
        events = act(held.state, command, pond_id, at, silent)
        return await self._append(conn, pond_id, held, events, at, {"by": command.by})

    async def _load(self, conn: Connection, pond_id: str) -> _Held:
        held = self._held.get(pond_id)
        if held is None:
            loaded = await load(conn, self._store, _stream(pond_id), _DECIDER)
            held = self._held[pond_id] = _Held(loaded.state, loaded.version, loaded.snapshot_version)
        return held

    async def _append(
        self,
        conn: Connection,
        pond_id: str,
        held: _Held,
        events: Sequence[Event],
        at: datetime,
        metadata: dict[str, str],
    ) -> list[StoredEvent]:
        if not events:
            return []
        stream = _stream(pond_id)
        # The id follows from the event's place, so that deciding again after a crash makes the same event.
        new = [
            NewEvent(
                event,
                _about(event, pond_id),
                uuid5(_NAMESPACE, f"{stream}:{held.version + place}"),
                {**metadata, **received(pond_id, event)},
            )
            for place, event in enumerate(events, 1)
        ]
        with saying(pond_id, events):
            stored = await self._store.append(conn, stream, held.version, new, at)
        await project(conn, self._projections, stored)
        state = held.state
        for event in events:
            state = evolve(state, event)
        after = _Held(state, stored[-1].version, held.snapshot)
        kept = _DECIDER.snapshots
        if kept is not None and after.version - held.snapshot >= kept.every:
            await self._store.save_snapshot(conn, stream, after.version, kept.dump(state), kept.schema)
            after = replace(after, snapshot=after.version)
        self._held[pond_id] = after
        return stored


def _stream(pond_id: str) -> str:
    return f"pond-{pond_id}"


def _about(event: Event, pond_id: str) -> str:
    warning: str = getattr(event, "warning_id", pond_id)
    return warning
