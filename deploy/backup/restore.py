"""A restore onto a system that holds nothing yet, proved equal before it counts.

Everything is checked first, then put where it belongs, the database last and in one transaction: a restore that is
killed leaves an empty database and can simply be begun again. In that transaction every table is read back and its
sum compared with the manifest's, so a restore that says it is done has the same rows as the snapshot.

The database is built with the migrations the backup knew, filled, and migrated on from there: what newer migrations do
with data, they do with these.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.backup.archive import ArchiveReader
from deploy.backup.files import evidence_folder, put_evidence_back, put_home_back
from deploy.backup.manifest import Manifest
from deploy.backup.streams import last_of, put_back
from deploy.backup.tables import Connection, copy_in, plain_text, set_sequences, sum_of, tables_of
from deploy.backup.take import SCHEMAS
from shared.bus.connection import connect
from shared.bus.reader import read_stream
from shared.bus.streams import provision
from shared.postgres import migrate, migrations_of
from shared.problems import Conflict, Fault, NotFound, Unavailable
from shared.settings import Connection as System
from shared.settings import Settings

__all__ = ["require_known_schema", "require_room", "restore"]

EVENTS = "EVENTS"
_FACTOR = 3
"""A database takes about so many times its text: rows have heads, and indexes."""
_USERS = """
SELECT DISTINCT usename FROM pg_stat_activity
WHERE datname = current_database() AND usename = ANY(%s) ORDER BY 1
"""


def require_known_schema(manifest: Manifest) -> None:
    """Refuse an archive whose migrations this code does not have, or has with another content.

    Raises
    ------
    Conflict
        ``backup.newer_schema``.
    Fault
        ``database.migration_changed``.
    """
    for service in manifest.services:
        try:
            known = migrations_of(service.name)
        except NotFound:
            known = {}
        for name, digest in service.migrations.items():
            if name not in known:
                raise Conflict("backup.newer_schema", service=service.name, name=name, version=manifest.tailwarden)
            if known[name] != digest:
                raise Fault("database.migration_changed", service=service.name, name=name)


def require_room(manifest: Manifest, home: Path, *, servers: bool = True) -> None:
    """Refuse to begin where the home's disk is too small for evidence, and for database and streams (*servers*).

    Raises
    ------
    Unavailable
        ``backup.no_room``.
    """
    needed = manifest.evidence.size
    if servers:
        needed += _FACTOR * sum(table.size for table in manifest.tables) + sum(part.size for part in manifest.streams)
    free = shutil.disk_usage(home).free
    if free < needed:
        raise Unavailable("backup.no_room", path=str(home), needed=needed >> 20, free=free >> 20)


async def restore(
    system: System,
    home: Path,
    archive: ArchiveReader,
    said: Callable[[str], None] | None = None,
    *,
    renew_events: bool = False,
) -> int:
    """Put a backup into an empty system whose services are stopped; return how many tables were proved equal.

    Parameters
    ----------
    system
        With the database's owner.
    home
        Where the operator's files and (unless set otherwise) evidence go.
    archive
        Verified by the caller.
    said
        Called with the name of each file that was there already, with other content, and stays.
    renew_events
        When NATS outlived the database, its EVENTS tells of what came after the backup, and no store knows it: save it
        as ``events-before-restore-….jsonl`` in the home, and make it anew. TELEMETRY and DEAD stay as they are, so the
        monitor takes in every reading since the backup.

    Raises
    ------
    Conflict
        ``backup.not_empty``, ``backup.in_use``, ``backup.newer_schema``.
    Fault
        ``backup.differs``: nothing was restored then.
    Unavailable
        When the database or NATS cannot be reached, or has no room.
    """
    manifest = archive.manifest
    require_known_schema(manifest)
    owner = system.database("owner")
    published = await _published(system)
    if published and not renew_events:
        raise Conflict("backup.not_empty", what="EVENTS")
    try:
        with psycopg.connect(owner, autocommit=True, application_name="tailwarden-restore") as conn:
            _require_unused(conn)
            _require_empty(conn)
            if published:
                await _renew_events(system, home / f"events-before-restore-{manifest.id}.jsonl")
            _make_schemas(conn, owner, manifest)
            for name in put_home_back(archive, home):
                if said is not None:
                    said(name)
            await put_evidence_back(archive, evidence_folder(home))
            with conn.transaction():
                _fill(conn, archive)
                # Before the commit: what is restored twice after a kill does no harm, what is left out would.
                await _put_messages_back(system, archive)
            _refresh(conn)
    except psycopg.errors.DiskFull as error:
        raise Unavailable("backup.not_written", path="PostgreSQL", reason=str(error).strip()) from error
    except psycopg.OperationalError as error:
        raise Unavailable("backup.no_database", reason=str(error).strip().splitlines()[0]) from error
    for service in manifest.services:
        migrate(owner, service.name)
    return len(manifest.tables)


async def _published(system: System) -> int:
    """Return the last sequence of EVENTS; the streams that are missing are made."""
    client = await connect(system, name="tailwarden-restore")
    try:
        js = client.jetstream(timeout=10.0)
        await provision(js, Settings.load().stream_replicas)
        return await last_of(js, EVENTS)
    finally:
        await client.close()


async def _renew_events(system: System, path: Path) -> None:
    """Save what EVENTS holds, one event a line, then make the stream anew."""
    client = await connect(system, name="tailwarden-restore")
    try:
        js = client.jetstream(timeout=10.0)
        with path.open("ab") as file:
            async for message in read_stream(js, EVENTS, "tw.events.>"):
                file.write(message.data.replace(b"\n", b" ") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        await js.delete_stream(EVENTS)
        await provision(js, Settings.load().stream_replicas)
    except OSError as error:
        raise Unavailable("backup.not_written", path=str(path), reason=error.strerror or str(error)) from error
    finally:
        await client.close()


def _require_unused(conn: Connection) -> None:
    row = conn.execute("SELECT pg_try_advisory_lock(hashtextextended('tailwarden.restore', 0))").fetchone()
    if row != (True,):
        raise Conflict("backup.in_use", who="tailwarden restore")
    roles = [f"tailwarden_{schema}" for schema in SCHEMAS]
    who = [row[0] for row in conn.execute(_USERS, (roles,)).fetchall()]
    if who:
        raise Conflict("backup.in_use", who=", ".join(who))


def _require_empty(conn: Connection) -> None:
    """Refuse a database that holds records: events or readings. All else follows from them or was put there by us."""
    for table in tables_of(conn, SCHEMAS):
        if table.name not in ("event", "reading"):
            continue
        place = sql.Identifier(table.schema, table.name)
        if conn.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(place)).fetchone() is not None:
            raise Conflict("backup.not_empty", what=f"{table.schema}.{table.name}")


def _make_schemas(conn: Connection, owner: str, manifest: Manifest) -> None:
    """Have the schemas as they were at the backup; empty ones that were migrated further are made anew."""
    for service in manifest.services:
        if _applied(conn, service.name) - set(service.migrations):
            for schema in SCHEMAS:
                conn.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
            break
    for service in manifest.services:
        migrate(owner, service.name, only=set(service.migrations))


def _applied(conn: Connection, service: str) -> set[str]:
    try:
        rows = conn.execute(sql.SQL("SELECT name FROM {}.migration").format(sql.Identifier(service))).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return set()
    return {row[0] for row in rows}


def _fill(conn: Connection, archive: ArchiveReader) -> None:
    """Copy every table in, and prove it equal."""
    plain_text(conn)
    manifest = archive.manifest
    here = {(table.schema, table.name): table for table in tables_of(conn, SCHEMAS)}
    # What migrations put there would stand twice. Children go before their parents.
    for place in reversed(here):
        if place[1] != "event":  # nobody may delete there, not even nothing
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*place)))
    for table in manifest.tables:
        if (table.table_schema, table.name) not in here:
            raise Fault("backup.differs", table=table.label)
        copy_in(conn, table, archive.plain(table))
    set_sequences(conn, manifest.sequences)
    for table in manifest.tables:
        if sum_of(conn, here[(table.table_schema, table.name)], table.columns) != table.sha256:
            raise Fault("backup.differs", table=table.label)


async def _put_messages_back(system: System, archive: ArchiveReader) -> None:
    client = await connect(system, name="tailwarden-restore")
    try:
        js = client.jetstream(timeout=30.0)
        for stream in archive.manifest.streams:
            info = await js.stream_info(stream.stream)
            if info.created != stream.created:  # else it is the very stream, and holds them
                await put_back(js, archive.manifest.id, stream.stream, archive.lines(stream))
    finally:
        await client.close()


def _refresh(conn: Connection) -> None:
    """Let the planner and TimescaleDB's aggregates know what has come."""
    row: Any = conn.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    if row is not None:
        views = conn.execute(
            "SELECT format('%I.%I', view_schema, view_name) FROM timescaledb_information.continuous_aggregates"
            " WHERE view_schema = 'monitor' ORDER BY view_name DESC"
        ).fetchall()
        for (view,) in views:
            conn.execute(sql.SQL("CALL refresh_continuous_aggregate({}, NULL, NULL)").format(sql.Literal(view)))
    for schema, name in ((table.schema, table.name) for table in tables_of(conn, SCHEMAS)):
        conn.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, name)))
