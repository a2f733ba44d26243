"""The event store of one service: streams of events in PostgreSQL, one order for all of them.

Every method takes a connection whose ``search_path`` is the service's schema (``shared.postgres.open_pool``).
Appending needs an open READ COMMITTED transaction, owned by the caller, so that read models and inbox
commit with the events or not at all.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from psycopg import errors
from psycopg.pq import TransactionStatus

from shared.clock import utc
from shared.contracts.base import Event
from shared.contracts.cloudevents import envelope
from shared.eventstore.events import NewEvent, StoredEvent
from shared.eventstore.hashing import GENESIS, link
from shared.eventstore.sql import statement
from shared.eventstore.upcasting import Upcasters
from shared.ops.tracing import HEADER, traceparent
from shared.postgres import Connection
from shared.problems import Conflict, Fault

__all__ = ["MAX_EVENT_BYTES", "EventStore"]

MAX_EVENT_BYTES = 900 * 1024
"""Largest event data: with its envelope it stays below NATS's usual 1 MiB, or it could never be published."""

_AGGREGATE = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What may stand as one token in a NATS subject."""


class EventStore:
    """Appends and reads events of the given types.

    Parameters
    ----------
    events : iterable of Event classes
        Every type this store may hold; anything else is refused, in and out.
    upcasters : Upcasters, optional
        Steps that lift older stored versions.
    """

    def __init__(self, events: Iterable[type[Event]], upcasters: Upcasters | None = None) -> None:
        self._types: dict[str, type[Event]] = {}
        for event in events:
            if self._types.setdefault(event.event_type, event) is not event:
                raise ValueError(f"two event classes for {event.event_type}")
        self._upcasters = upcasters or Upcasters()

    async def hold_appends(self, conn: Connection) -> None:
        """Let nobody else append until the caller's transaction ends: what it reads of any stream stays so."""
        await conn.execute(statement("lock_appends"))

    async def append(
        self,
        conn: Connection,
        stream: str,
        expected_version: int,
        events: Sequence[NewEvent],
        recorded_at: datetime,
    ) -> list[StoredEvent]:
        """Append *events* to *stream* inside the caller's transaction and return them as stored.

        Holds the schema's append lock until that transaction ends: positions have no gaps and are committed in
        order, so a reader that has seen position n will never see a smaller one appear.

        Raises
        ------
        Conflict
            ``store.conflict`` when the stream is not at *expected_version*; ``store.duplicate_event`` when an id is
            in the store already.
        Fault
            ``store.unknown_type`` for an event this store does not hold; ``store.bad_aggregate``, ``store.too_large``
            and ``store.unpublishable`` for one that could never be published: it would hold up every event after it.
        ValueError
            If *recorded_at* has no offset, or no transaction is open.
        """
        moment = utc(recorded_at)
        if conn.autocommit and conn.info.transaction_status is TransactionStatus.IDLE:
            raise ValueError("append needs a transaction: wrap it in `async with conn.transaction()`")
        self.check(events)
        await self.hold_appends(conn)
        cursor = await conn.execute(statement("head"), {"stream": stream})
        row = await cursor.fetchone()
        assert row is not None  # the statement always gives one row
        position, previous, actual = int(row[0]), row[1], int(row[2])
        if actual != expected_version:
            raise Conflict("store.conflict", stream=stream, expected=expected_version, actual=actual)
        if not events:
            return []
        stored, columns = self.chain(stream, position, actual, previous or GENESIS, events, moment)
        try:
            await conn.execute(statement("insert_events"), {"stream": stream, "recorded_at": moment, **columns})
        except errors.UniqueViolation as error:
            if error.diag.constraint_name != "event_id_key":
                raise
            raise Conflict("store.duplicate_event", stream=stream) from error
        return stored

    def check(self, events: Sequence[NewEvent]) -> None:
        """Refuse events that this store does not hold, or that could never be published.

        Raises
        ------
        Fault
            ``store.unknown_type``, ``store.bad_aggregate``.
        """
        for new in events:
            if self._types.get(new.event.event_type) is not type(new.event):
                raise Fault("store.unknown_type", type=new.event.event_type)
            if _AGGREGATE.fullmatch(new.aggregate_id) is None:
                raise Fault("store.bad_aggregate", type=new.event.event_type, id=new.aggregate_id)

    @staticmethod
    def chain(
        stream: str, position: int, version: int, previous: bytes, events: Sequence[NewEvent], moment: datetime
    ) -> tuple[list[StoredEvent], dict[str, list[Any]]]:
        """Number and link *events* after (*position*, *version*, *previous*); return them and their columns.

        The step of a trace that records them goes into their metadata, so that whoever reads them continues it.
        """
        stored: list[StoredEvent] = []
        columns: dict[str, list[Any]] = {
            name: []
            for name in (
                "positions", "ids", "versions", "types", "schema_versions", "aggregate_ids", "data", "metadata",
                "previous_hashes", "hashes",
            )
        }  # fmt: skip
        here = traceparent()
        for offset, new in enumerate(events, 1):
            kind = type(new.event)
            said = dict(new.metadata) if here is None else {HEADER: here, **new.metadata}
            data = new.event.model_dump_json()
            if len(data.encode()) > MAX_EVENT_BYTES:
                raise Fault("store.too_large", type=kind.event_type, bytes=len(data.encode()), limit=MAX_EVENT_BYTES)
            metadata = orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
            digest = link(
                previous, position=position + offset, id=str(new.id), stream=stream, version=version + offset,
                type=kind.event_type, schema_version=kind.schema_version, aggregate_id=new.aggregate_id,
                recorded_at=moment, metadata=metadata, data=data,
            )  # fmt: skip
            row = (
                position + offset, new.id, version + offset, kind.event_type, kind.schema_version, new.aggregate_id,
                data, metadata, previous, digest,
            )  # fmt: skip
            for values, value in zip(columns.values(), row, strict=True):
                values.append(value)
            stored.append(
                StoredEvent(
                    position + offset,
                    new.id,
                    stream,
                    version + offset,
                    new.event,
                    kind.event_type,
                    kind.schema_version,
                    new.aggregate_id,
                    said,
                    moment,
                    digest,
                )
            )
            _check_envelope(stored[-1])
            previous = digest
        return stored, columns

    async def read(self, conn: Connection, stream: str, after_version: int = 0) -> list[StoredEvent]:
        """Return the events of *stream* with a version above *after_version*, in order.

        Raises
        ------
        Fault
            ``store.unknown_type`` or ``store.no_upcaster`` when a stored event cannot be understood.
        """
        cursor = await conn.execute(statement("read_stream"), {"stream": stream, "after": after_version})
        return [self._stored(row) for row in await cursor.fetchall()]

    async def read_batch(self, conn: Connection, after_position: int, batch: int) -> list[StoredEvent]:
        """Return at most *batch* events of all streams with a position above *after_position*, in order."""
        cursor = await conn.execute(statement("read_all"), {"after": after_position, "batch": batch})
        return [self._stored(row) for row in await cursor.fetchall()]

    async def read_all(
        self, conn: Connection, after_position: int = 0, batch: int = 1000
    ) -> AsyncIterator[StoredEvent]:
        """Yield every event above *after_position* in position order, *batch* rows a query."""
        while rows := await self.read_batch(conn, after_position, batch):
            for stored in rows:
                yield stored
            after_position = rows[-1].position

    async def save_snapshot(
        self, conn: Connection, stream: str, version: int, state_json: str, snapshot_schema: int
    ) -> None:
        """Keep *state_json*, the state of *stream* at *version*; an older version never replaces a newer one."""
        await conn.execute(
            statement("save_snapshot"),
            {"stream": stream, "version": version, "state": state_json, "snapshot_schema": snapshot_schema},
        )

    async def load_snapshot(self, conn: Connection, stream: str, snapshot_schema: int) -> tuple[int, str] | None:
        """Return (version, state JSON) of the snapshot of *stream*, or None if there is none of *snapshot_schema*."""
        cursor = await conn.execute(statement("load_snapshot"), {"stream": stream, "snapshot_schema": snapshot_schema})
        row = await cursor.fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def _stored(self, row: Sequence[Any]) -> StoredEvent:
        position, id_, stream, version, type_, schema_version, aggregate_id, data, metadata, recorded_at, digest = row
        kind = self._types.get(type_)
        if kind is None:
            raise Fault("store.unknown_type", type=type_)
        if schema_version == kind.schema_version:
            event = kind.model_validate_json(data)
        else:
            event = kind.model_validate(
                self._upcasters.lift(type_, orjson.loads(data), schema_version, kind.schema_version)
            )
        meta: Mapping[str, str] = orjson.loads(metadata)
        return StoredEvent(
            position, id_, stream, version, event, type_, kind.schema_version, aggregate_id, meta, recorded_at,
            bytes(digest),
        )  # fmt: skip


def _check_envelope(stored: StoredEvent) -> None:
    """Refuse an event whose envelope cannot be written: stored, it would stop the relay for ever."""
    try:
        envelope("-", stored)
    except TypeError as error:  # what orjson raises
        raise Fault("store.unpublishable", type=stored.type, reason=str(error)) from error
