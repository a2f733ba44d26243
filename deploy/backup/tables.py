"""Tables out of a database and into another, as text in the order of their keys: the same bytes are the same rows.

Rows are read by ``COPY (SELECT …)``, never ``COPY table``: of a TimescaleDB hypertable the latter gives nothing.
Text, because it is the same whatever engine and version; numbers are written so that they come back exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from deploy.backup.archive import ArchiveWriter
from deploy.backup.manifest import SequencePart, Table

__all__ = [
    "Connection",
    "Found",
    "copy_in",
    "copy_out",
    "plain_text",
    "sequences_of",
    "set_sequences",
    "sum_of",
    "tables_of",
]

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_TEXT = """
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL client_encoding = 'UTF8';
SET LOCAL search_path = ''; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0
"""

_TABLES = """
SELECT n.nspname, c.relname,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
    (SELECT array_agg(ARRAY[a.attname::text, (a.attcollation <> 0)::text] ORDER BY k.place)
     FROM pg_index i, unnest(i.indkey::int[]) WITH ORDINALITY AS k (number, place), pg_attribute a
     WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.number),
    (SELECT array_agg(r.relname::text) FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
     WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY array_position(%s, n.nspname), c.relname
"""

_SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind = 'S' ORDER BY 1, 2
"""


class Found:
    """A table as the catalogue has it: its columns, its primary key (name, has a collation), whom it refers to."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.schema, self.name, columns, key, parents = row
        self.columns: list[str] = columns
        self.key: list[list[str]] | None = key
        self.parents = {(self.schema, parent) for parent in parents or ()}


def plain_text(conn: Connection) -> None:
    """Make values come as text that any other server reads the same; for the transaction that is open."""
    conn.execute(_TEXT)


def tables_of(conn: Connection, schemas: Sequence[str]) -> list[Found]:
    """Return the tables of *schemas*, those that others refer to before these."""
    names = list(schemas)
    found = {(row[0], row[1]): Found(row) for row in conn.execute(_TABLES, (names, names)).fetchall()}
    order = TopologicalSorter({place: table.parents for place, table in found.items()})
    return [found[place] for place in order.static_order() if place in found]


def copy_out(conn: Connection, archive: ArchiveWriter, table: Found) -> Table:
    """Copy a table into *archive*."""
    writer = archive.series(f"tables/{table.schema}.{table.name}")
    with conn.cursor() as cursor, cursor.copy(_select(table, table.columns)) as copy:
        for block in copy:
            writer.write(block)
    series = writer.close()
    return Table(table_schema=table.schema, name=table.name, columns=tuple(table.columns), **series.model_dump())


def sum_of(conn: Connection, table: Found, columns: Sequence[str]) -> str:
    """Return the SHA-256 of a table's rows, as ``copy_out`` would note it."""
    digest = hashlib.sha256()
    with conn.cursor() as cursor, cursor.copy(_select(table, columns)) as copy:
        for block in copy:
            digest.update(block)
    return digest.hexdigest()


def copy_in(conn: Connection, table: Table, content: Iterator[bytes]) -> None:
    """Copy rows into an empty table. Values of identity columns are taken as they come."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.table_schema, table.name), columns)
    with conn.cursor() as cursor, cursor.copy(into) as copy:
        for block in content:
            copy.write(block)


def sequences_of(conn: Connection, schemas: Sequence[str]) -> tuple[SequencePart, ...]:
    """Return where each sequence stands: it runs ahead of every snapshot, and numbers may be left out."""
    found = []
    for schema, name in conn.execute(_SEQUENCES, (list(schemas),)).fetchall():
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        row = conn.execute(query).fetchone()
        assert row is not None  # a sequence is one row
        found.append(SequencePart(sequence_schema=schema, name=name, last=row[0], called=row[1]))
    return tuple(found)


def set_sequences(conn: Connection, sequences: Iterable[SequencePart]) -> None:
    """Let each sequence go on where it stood."""
    for each in sequences:
        place = sql.Identifier(each.sequence_schema, each.name).as_string(conn)
        conn.execute("SELECT setval(%s::regclass, %s, %s)", (place, each.last, each.called))


def _select(table: Found, columns: Sequence[str]) -> sql.Composed:
    """Return the COPY of a table's rows, ordered the same under every collation."""
    collated = sql.SQL(' COLLATE "C"')
    if table.key is None:
        order: sql.Composable = sql.SQL("t::text") + collated
    else:
        order = sql.SQL(", ").join(
            sql.Identifier(name) + (collated if text == "true" else sql.SQL("")) for name, text in table.key
        )
    return sql.SQL("COPY (SELECT {} FROM {} AS t ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table.schema, table.name), order
    )
