"""The states of records over time: one row a day on which a record changed, so that any day can be asked about.

A row holds from the end of ``valid_from`` until the end of the day before ``valid_to`` (None: still). Several events
of one day leave one row: a day is answered as it stood at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from psycopg import sql

from shared.contracts.acts import Kept, Recorded
from shared.eventstore.events import StoredEvent
from shared.eventstore.kinds import Kind
from shared.postgres import Connection

__all__ = ["History", "HistoryBulk", "Page", "as_of_day", "find", "page"]

S = TypeVar("S", bound=Kept)

_FLUSH = 2_000
"""Rows a rebuild holds before it writes them."""


@dataclass(frozen=True, slots=True)
class Page(Generic[S]):
    """Some of the records that fit, and how many fit in all."""

    total: int
    records: tuple[S, ...]


class History(Generic[S]):
    """The projection that keeps the states of one kind; its table is made by the service's migration.

    The table has ``id text, version integer, valid_from date, valid_to date, <kind's columns>, state jsonb`` in this
    order, primary key (id, valid_from), and a partial index on its columns ``WHERE valid_to IS NULL``.
    """

    def __init__(self, kind: Kind[S]) -> None:
        self.kind = kind
        self.name = f"{kind.name}s"
        self.tables = (kind.table,)
        self._events = frozenset(kind.events)

    def concerns(self, stored: StoredEvent) -> bool:
        """Tell whether *stored* belongs to the life of this kind."""
        return type(stored.event) in self._events and stored.stream.startswith(f"{self.kind.name}-")

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Write the state after *stored*."""
        if not self.concerns(stored):
            return
        assert isinstance(stored.event, Recorded)
        table = sql.Identifier(self.kind.table)
        cursor = await conn.execute(
            sql.SQL("SELECT valid_from, state::text FROM {} WHERE id = %s AND valid_to IS NULL").format(table),
            (stored.aggregate_id,),
        )
        row = await cursor.fetchone()
        before = None if row is None else self.kind.state.model_validate_json(row[1])
        state = self.kind.evolve(before, stored.event)
        values = self._values(stored, state)
        if row is not None and row[0] < stored.event.on:
            await conn.execute(
                sql.SQL("UPDATE {} SET valid_to = %s WHERE id = %s AND valid_to IS NULL").format(table),
                (stored.event.on, stored.aggregate_id),
            )
        elif row is not None:
            # The same day again (or, never by the domain's rules, an earlier one): the day's end counts.
            await conn.execute(
                sql.SQL("DELETE FROM {} WHERE id = %s AND valid_to IS NULL").format(table), (stored.aggregate_id,)
            )
        names = ("id", "version", "valid_from", "valid_to", *self.kind.columns, "state")
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        places = sql.SQL(", ").join(sql.Placeholder() * len(names))
        await conn.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, columns, places),
            (values[0], values[1], stored.event.on, None, *values[2:]),
        )

    def bulk(self) -> HistoryBulk[S]:
        """Return what rebuilds the whole table faster than event by event."""
        return HistoryBulk(self)

    def _values(self, stored: StoredEvent, state: S) -> tuple[Any, ...]:
        columns = (value(state) for value in self.kind.columns.values())
        return (stored.aggregate_id, stored.version, *columns, state.model_dump_json())


class HistoryBulk(Generic[S]):
    """Rebuilds a history in memory and writes it in strides; the rows are those of ``History.apply``."""

    def __init__(self, history: History[S]) -> None:
        self._history = history
        self._open: dict[str, tuple[S, StoredEvent, date]] = {}
        self._rows: list[tuple[Any, ...]] = []

    async def feed(self, conn: Connection, stored: StoredEvent) -> None:
        """Take one event, in order."""
        if not self._history.concerns(stored):
            return
        assert isinstance(stored.event, Recorded)
        on = stored.event.on
        known = self._open.get(stored.aggregate_id)
        state = self._history.kind.evolve(None if known is None else known[0], stored.event)
        if known is not None and known[2] < on:
            self._rows.append(self._row(known, on))
            if len(self._rows) >= _FLUSH:
                await self._flush(conn)
        self._open[stored.aggregate_id] = (state, stored, on)

    async def finish(self, conn: Connection) -> None:
        """Write what is left: the states that still hold."""
        for known in self._open.values():
            self._rows.append(self._row(known, None))
            if len(self._rows) >= _FLUSH:
                await self._flush(conn)
        await self._flush(conn)
        self._open.clear()

    def _row(self, known: tuple[S, StoredEvent, date], until: date | None) -> tuple[Any, ...]:
        values = self._history._values(known[1], known[0])
        return (values[0], values[1], known[2], until, *values[2:])

    async def _flush(self, conn: Connection) -> None:
        kind = self._history.kind
        names = ("id", "version", "valid_from", "valid_to", *kind.columns, "state")
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(kind.table), sql.SQL(", ").join(map(sql.Identifier, names))
        )
        async with conn.cursor() as cursor, cursor.copy(statement) as copy:
            for row in self._rows:
                await copy.write_row(row)
        self._rows.clear()


def as_of_day(day: date | None) -> tuple[sql.Composable, list[Any]]:
    """Return the condition that picks each record's row of *day* (None: of now), and its parameters."""
    if day is None:
        return sql.SQL("valid_to IS NULL"), []
    return sql.SQL("valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)"), [day, day]


async def find(conn: Connection, kind: Kind[S], record_id: str, as_of: date | None = None) -> tuple[S, int] | None:
    """Return a record as it stood at the end of *as_of*, with the version of its stream then; None if unknown."""
    condition, parameters = as_of_day(as_of)
    cursor = await conn.execute(
        sql.SQL("SELECT state::text, version FROM {} WHERE id = %s AND {}").format(
            sql.Identifier(kind.table), condition
        ),
        (record_id, *parameters),
    )
    row = await cursor.fetchone()
    return None if row is None else (kind.state.model_validate_json(row[0]), int(row[1]))


async def page(
    conn: Connection,
    kind: Kind[S],
    where: Mapping[str, Any],
    *,
    as_of: date | None = None,
    limit: int | None = 100,
    offset: int = 0,
    order: Sequence[str] = ("id",),
    extra: Sequence[tuple[sql.Composable, Sequence[Any]]] = (),
) -> Page[S]:
    """Return the records whose columns are as *where* says: equal to a value, or to one of a list; None is no filter.

    *extra* holds further conditions with their parameters; *order* names columns, ``-name`` for descending.
    """
    condition, parameters = as_of_day(as_of)
    conditions: list[sql.Composable] = [condition]
    for name, wanted in where.items():
        if wanted is None:
            continue
        several = isinstance(wanted, list | tuple | set | frozenset)
        conditions.append(sql.SQL("{} = ANY(%s)" if several else "{} = %s").format(sql.Identifier(name)))
        parameters.append(list(wanted) if several else wanted)
    for each, values in extra:
        conditions.append(each)
        parameters.extend(values)
    table = sql.Identifier(kind.table)
    all_of = sql.SQL(" AND ").join(conditions)
    counted = await conn.execute(sql.SQL("SELECT count(*) FROM {} WHERE {}").format(table, all_of), parameters)
    total = await counted.fetchone()
    assert total is not None  # an aggregate gives one row
    by = sql.SQL(", ").join(
        sql.SQL("{} DESC NULLS LAST" if name.startswith("-") else "{}").format(sql.Identifier(name.lstrip("-")))
        for name in order
    )
    # The page is chosen by narrow columns, which an index may hold whole, before any state is read.
    chosen = sql.SQL("SELECT id, valid_from FROM {} WHERE {} ORDER BY {} LIMIT %s OFFSET %s").format(table, all_of, by)
    cursor = await conn.execute(
        sql.SQL("SELECT state::text FROM ({}) chosen JOIN {} USING (id, valid_from) ORDER BY {}").format(
            chosen, table, by
        ),
        [*parameters, limit, offset],
    )
    rows = await cursor.fetchall()
    return Page(int(total[0]), tuple(kind.state.model_validate_json(row[0]) for row in rows))
