"""Many new streams in one append: what a ledger of ten thousand rows needs, in a few statements instead of many.

The events are numbered and linked exactly as ``EventStore.append`` would, one stream after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from shared.clock import utc
from shared.eventstore.events import NewEvent, StoredEvent
from shared.eventstore.hashing import GENESIS
from shared.eventstore.history import History
from shared.eventstore.projections import Projection, project
from shared.eventstore.sql import statement
from shared.eventstore.store import EventStore
from shared.postgres import Connection
from shared.problems import Conflict

__all__ = ["append_new", "project_new"]

_STRIDE = 2_000
"""Events that one statement carries."""

_HEAD: LiteralString = "SELECT position, hash FROM event ORDER BY position DESC LIMIT 1"
_TAKEN: LiteralString = "SELECT stream FROM event WHERE stream = ANY(%s) LIMIT 1"
_INSERT: LiteralString = """
INSERT INTO event (position, id, stream, version, type, schema_version, aggregate_id, data, metadata,
                   recorded_at, previous_hash, hash)
SELECT new.position, new.id, new.stream, new.version, new.type, new.schema_version, new.aggregate_id,
       new.data::json, new.metadata::json, %(recorded_at)s, new.previous_hash, new.hash
FROM unnest(%(positions)s::bigint[], %(ids)s::uuid[], %(streams)s::text[], %(versions)s::int[], %(types)s::text[],
            %(schema_versions)s::int[], %(aggregate_ids)s::text[], %(data)s::text[], %(metadata)s::text[],
            %(previous_hashes)s::bytea[], %(hashes)s::bytea[])
     AS new (position, id, stream, version, type, schema_version, aggregate_id, data, metadata, previous_hash, hash)
"""


async def append_new(
    conn: Connection,
    store: EventStore,
    streams: Sequence[tuple[str, Sequence[NewEvent]]],
    recorded_at: datetime,
) -> list[StoredEvent]:
    """Append the first events of streams that are not there yet, inside the caller's transaction.

    Raises
    ------
    Conflict
        ``store.conflict`` when one of the streams is there.
    Fault
        As ``EventStore.append``.
    """
    moment = utc(recorded_at)
    await conn.execute(statement("lock_appends"))
    for start in range(0, len(streams), _STRIDE):
        names = [stream for stream, _ in streams[start : start + _STRIDE]]
        row = await (await conn.execute(_TAKEN, (names,))).fetchone()
        if row is not None:
            raise Conflict("store.conflict", stream=row[0], expected=0, actual=1)
    head = await (await conn.execute(_HEAD)).fetchone()
    position, previous = (0, GENESIS) if head is None else (int(head[0]), bytes(head[1]))
    stored: list[StoredEvent] = []
    waiting: dict[str, list[Any]] = {}
    for stream, events in streams:
        store.check(events)
        made, columns = store.chain(stream, position, 0, previous, events, moment)
        if made:
            position, previous = made[-1].position, made[-1].hash
        stored.extend(made)
        waiting.setdefault("streams", []).extend(stream for _ in made)
        for name, values in columns.items():
            waiting.setdefault(name, []).extend(values)
        if len(waiting["streams"]) >= _STRIDE:
            await conn.execute(_INSERT, {"recorded_at": moment, **waiting})
            waiting = {}
    if waiting:
        await conn.execute(_INSERT, {"recorded_at": moment, **waiting})
    return stored


async def project_new(conn: Connection, projections: Sequence[Projection], stored: Sequence[StoredEvent]) -> None:
    """Apply the events of new streams to every projection; histories take them in bulk."""
    bulks = [each.bulk() for each in projections if isinstance(each, History)]
    for event in stored:
        for bulk in bulks:
            await bulk.feed(conn, event)
    for bulk in bulks:
        await bulk.finish(conn)
    await project(conn, [each for each in projections if not isinstance(each, History)], stored)
