"""The decider: ``decide(command, state) → events`` and ``evolve(state, event) → state``, run against a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID, uuid4

from shared.contracts.base import Event
from shared.eventstore.events import NewEvent, StoredEvent
from shared.eventstore.projections import Projection, project
from shared.eventstore.store import EventStore
from shared.postgres import Connection

__all__ = ["Decider", "Handled", "Loaded", "Recording", "Snapshots", "handle", "load"]

C = TypeVar("C")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Snapshots(Generic[S]):
    """When and how a state is kept: every *every* versions, as JSON, under a *schema* number raised when S changes."""

    dump: Callable[[S], str]
    load: Callable[[str], S]
    schema: int = 1
    every: int = 100


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, S]):
    """A domain's pure core: what a command means in a state, and what an event makes of a state."""

    initial: S
    decide: Callable[[C, S], Sequence[Event]]
    evolve: Callable[[S, Event], S]
    snapshots: Snapshots[S] | None = None


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A stream's state, its version, and the version of the snapshot it was built from (0: none)."""

    state: S
    version: int
    snapshot_version: int = 0


@dataclass(frozen=True, slots=True)
class Handled(Generic[S]):
    """What a command came to: the state after it, the events stored (none: nothing changed), the stream's version."""

    state: S
    stored: list[StoredEvent]
    version: int


async def load(conn: Connection, store: EventStore, stream: str, decider: Decider[C, S]) -> Loaded[S]:
    """Return the state of *stream*: its snapshot, if there is one of the right schema, and the events after it."""
    state, version = decider.initial, 0
    snapshot_version = 0
    if decider.snapshots is not None:
        found = await store.load_snapshot(conn, stream, decider.snapshots.schema)
        if found is not None:
            version = snapshot_version = found[0]
            state = decider.snapshots.load(found[1])
    for stored in await store.read(conn, stream, version):
        state, version = decider.evolve(state, stored.event), stored.version
    return Loaded(state, version, snapshot_version)


@dataclass(frozen=True, slots=True)
class Recording:
    """How events are recorded: when, about whom, under which ids and with which metadata.

    ``aggregate_id`` is one id for all, or a function of the event where one stream holds several aggregates.
    """

    at: datetime
    aggregate_id: str | Callable[[Event], str]
    metadata: Mapping[str, str] = field(default_factory=dict)
    new_id: Callable[[], UUID] = uuid4


async def handle(
    conn: Connection,
    store: EventStore,
    stream: str,
    decider: Decider[C, S],
    command: C,
    recording: Recording,
    projections: Sequence[Projection] = (),
) -> Handled[S]:
    """Load *stream*, decide, append, project and keep a snapshot when due, inside the caller's transaction.

    A Conflict (somebody else appended since the load) is the caller's to retry, with a new transaction.

    Raises
    ------
    Conflict
        ``store.conflict``.
    Refusal
        Whatever *decide* refuses.
    """
    loaded = await load(conn, store, stream, decider)
    state = loaded.state
    events = decider.decide(command, state)
    if not events:
        return Handled(state, [], loaded.version)
    about = recording.aggregate_id
    new = [
        NewEvent(event, about if isinstance(about, str) else about(event), recording.new_id(), recording.metadata)
        for event in events
    ]
    stored = await store.append(conn, stream, loaded.version, new, recording.at)
    await project(conn, projections, stored)
    for event in events:
        state = decider.evolve(state, event)
    version = stored[-1].version
    kept = decider.snapshots
    if kept is not None and version - loaded.snapshot_version >= kept.every:
        await store.save_snapshot(conn, stream, version, kept.dump(state), kept.schema)
    return Handled(state, stored, version)
