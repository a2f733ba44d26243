"""Projections (read models): written with the events, rebuilt beside the live ones, proved equal.

A projection must be a function of the events alone: no clock (use ``stored.recorded_at``), no ids of its
own, and only unqualified table names, so that the same code can write a shadow copy.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from psycopg import IsolationLevel, sql
from psycopg_pool import AsyncConnectionPool

from shared.eventstore.events import StoredEvent
from shared.eventstore.sql import statement
from shared.eventstore.store import EventStore
from shared.postgres import Connection

__all__ = ["Bulk", "BulkProjection", "Difference", "Projection", "ServiceStore", "project", "rebuild", "verify"]


class Projection(Protocol):
    """A read model: its name, its tables (parents before children), and how one event changes them."""

    @property
    def name(self) -> str:
        """The read model's name, as the command line shows it."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """Unqualified names of its tables, parents before children."""
        ...

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Write what *stored* changes; runs in the transaction of the append."""
        ...


class Bulk(Protocol):
    """Rebuilds a whole read model faster than event by event, to the same rows."""

    async def feed(self, conn: Connection, stored: StoredEvent) -> None:
        """Take the next event."""
        ...

    async def finish(self, conn: Connection) -> None:
        """Write what is left."""
        ...


@runtime_checkable
class BulkProjection(Protocol):
    """A projection with a fast way to be rebuilt."""

    def bulk(self) -> Bulk:
        """Return a fresh builder."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceStore:
    """A service's event store as the command line needs it; each service gives it as ``wiring.store()``."""

    schema: str
    store: EventStore
    projections: tuple[Projection, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A row on one side only: ``live`` (nothing in the events explains it) or ``rebuilt`` (it is missing)."""

    projection: str
    table: str
    side: Literal["live", "rebuilt"]
    row: str


async def project(conn: Connection, projections: Sequence[Projection], stored: Sequence[StoredEvent]) -> None:
    """Apply *stored*, in order, to every projection, inside the caller's transaction."""
    for event in stored:
        for projection in projections:
            await projection.apply(conn, event)


async def verify(
    pool: AsyncConnectionPool[Connection], store: EventStore, projections: Sequence[Projection], limit: int = 100
) -> list[Difference]:
    """Rebuild *projections* from the events in a shadow and compare with the live tables, both ways.

    Runs in one REPEATABLE READ transaction that is rolled back, so a working service is neither stopped nor
    changed. At most *limit* differing rows are returned for each table and side.
    """
    differences: list[Difference] = []
    async with _shadow(pool, store, projections, IsolationLevel.REPEATABLE_READ) as (conn, schema):
        for projection in projections:
            for table in projection.tables:
                live, shadow = sql.Identifier(schema, table), sql.Identifier("pg_temp", table)
                sides: tuple[tuple[Literal["live", "rebuilt"], sql.Identifier, sql.Identifier], ...] = (
                    ("live", live, shadow),
                    ("rebuilt", shadow, live),
                )
                for side, here, there in sides:
                    # Rows as text: it compares types that have no equality of their own (json) and is exact for floats.
                    cursor = await conn.execute(
                        sql.SQL("SELECT t::text FROM {} AS t EXCEPT ALL SELECT t::text FROM {} AS t LIMIT {}").format(
                            here, there, limit
                        )
                    )
                    rows = await cursor.fetchall()
                    differences.extend(Difference(projection.name, table, side, str(row[0])) for row in rows)
        await conn.rollback()
    return differences


async def rebuild(pool: AsyncConnectionPool[Connection], store: EventStore, projections: Sequence[Projection]) -> int:
    """Replace the live rows of *projections* by rows rebuilt from the events; return the number of rows written.

    Appends of the service wait meanwhile. Needs DELETE and INSERT on the tables (the owner has them).
    """
    written = 0
    tables = [table for projection in projections for table in projection.tables]
    async with _shadow(pool, store, projections, IsolationLevel.READ_COMMITTED) as (conn, schema):
        for table in reversed(tables):
            await conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, table)))
        for table in tables:
            cursor = await conn.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = format('%%I.%%I', %s::text, %s::text)::regclass"
                " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
                (schema, table),
            )
            columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in await cursor.fetchall())
            copied = await conn.execute(
                sql.SQL("INSERT INTO {live} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {shadow}").format(
                    live=sql.Identifier(schema, table), shadow=sql.Identifier("pg_temp", table), columns=columns
                )
            )
            written += copied.rowcount
        await conn.commit()
        # A table written anew has no statistics and no visibility map: lists would read it row by row until autovacuum.
        await conn.set_autocommit(True)
        for table in tables:
            await conn.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(schema, table)))
    return written


async def _fill(conn: Connection, store: EventStore, projections: Sequence[Projection]) -> None:
    bulks = [each.bulk() for each in projections if isinstance(each, BulkProjection)]
    others = [each for each in projections if not isinstance(each, BulkProjection)]
    async for stored in store.read_all(conn):
        for bulk in bulks:
            await bulk.feed(conn, stored)
        await project(conn, others, [stored])
    for bulk in bulks:
        await bulk.finish(conn)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep the garbage collector from walking, over and over, hundreds of thousands of states that all live on."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@asynccontextmanager
async def _shadow(
    pool: AsyncConnectionPool[Connection],
    store: EventStore,
    projections: Sequence[Projection],
    isolation: IsolationLevel,
) -> AsyncIterator[tuple[Connection, str]]:
    """Give a connection whose unqualified read-model tables are rebuilt shadows, and the live schema's name.

    The shadows are temporary tables: PostgreSQL finds those before any schema, and they end with the session.
    """
    async with pool.connection() as conn:
        before = conn.autocommit, conn.isolation_level, conn.prepare_threshold
        await conn.set_autocommit(False)
        await conn.set_isolation_level(isolation)
        conn.prepare_threshold = None  # a statement prepared earlier would still mean the live table
        try:
            if isolation is IsolationLevel.READ_COMMITTED:
                await conn.execute(statement("lock_appends"))
            cursor = await conn.execute("SELECT current_schema()")
            row = await cursor.fetchone()
            assert row is not None  # a SELECT without FROM gives one row
            schema = str(row[0])
            for projection in projections:
                # Who rebuilds in bulk never looks into the shadow: indices would only slow it down.
                like = "INCLUDING ALL EXCLUDING INDEXES" if isinstance(projection, BulkProjection) else "INCLUDING ALL"
                for table in projection.tables:
                    await conn.execute(
                        sql.SQL("CREATE TEMP TABLE {} (LIKE {} {}) ON COMMIT DROP").format(
                            sql.Identifier(table), sql.Identifier(schema, table), sql.SQL(like)
                        )
                    )
            with _without_collecting():
                await _fill(conn, store, projections)
            yield conn, schema
        finally:
            if not conn.closed:
                await conn.rollback()
                await conn.set_isolation_level(before[1])
                await conn.set_autocommit(before[0])
                conn.prepare_threshold = before[2]
