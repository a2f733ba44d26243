"""A backup of a system at work: the database as of one moment, and from the streams what it does not hold yet.

The moment is one REPEATABLE READ snapshot over all services, which holds up nobody. Three things are outside of the
database then:

- Readings that NATS took from the loggers and the monitor has not stored: everything behind the monitor's place *in the
  snapshot* is copied from TELEMETRY. The loggers got their acknowledgement; nobody would send these again.
- Dead letters: DEAD is copied whole, read after the snapshot, so that what the snapshot's monitor had buried is there.
- Evidence: written before it is recorded, so what the snapshot records is on the disk.

EVENTS is not copied: it is a function of the stores, and a restored relay publishes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from nats.js import JetStreamContext
from psycopg import sql

from deploy.backup.archive import ArchiveWriter
from deploy.backup.files import evidence_folder, keep_evidence, keep_home
from deploy.backup.manifest import FORMAT, Manifest, ServicePart, StreamPart
from deploy.backup.streams import keep, last_of
from deploy.backup.tables import Connection, copy_out, plain_text, sequences_of, tables_of
from deploy.local.machine import SERVICES
from shared.bus.connection import connect
from shared.bus.partitions import PARTITIONS
from shared.problems import BadInput, Forbidden, Unavailable
from shared.settings import Connection as System

__all__ = ["SCHEMAS", "Taken", "archive_path", "take"]

SCHEMAS = (*SERVICES, "dashboard")


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup: where it is, and what it says of itself."""

    path: Path
    manifest: Manifest

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        return self.path.stat().st_size


def archive_path(given: Path, now: datetime) -> Path:
    """Return the archive's path: *given*, or in the directory *given* a name with the time.

    Raises
    ------
    BadInput
        ``backup.no_directory``.
    """
    path = given / f"tailwarden-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.tar" if given.is_dir() else given
    if not path.parent.is_dir():
        raise BadInput("backup.no_directory", field="target", path=str(path.parent))
    return path


async def take(system: System, home: Path, path: Path, *, secrets: bool = False) -> Taken:
    """Write a backup of *system* to *path*, whole or not at all.

    Parameters
    ----------
    system
        With the database's owner.
    home
        Where the operator's files, secrets and (unless set otherwise) evidence are.
    secrets
        Whether passwords and keys of the home go along.

    Raises
    ------
    Unavailable
        When the database or NATS cannot be reached, or a schema is missing; ``backup.not_written``.
    Forbidden
        ``backup.not_owner``.
    Conflict
        ``backup.exists``.
    """
    try:
        with ArchiveWriter(path) as archive, _snapshot(system.database("owner")) as conn:
            manifest = await _take(conn, system, archive, home, secrets)
            archive.finish(manifest)
    except psycopg.errors.InsufficientPrivilege as error:
        raise Forbidden("backup.not_owner", reason=str(error).strip().splitlines()[0]) from error
    except psycopg.OperationalError as error:
        raise Unavailable("backup.no_database", reason=str(error).strip().splitlines()[0]) from error
    return Taken(path, manifest)


def _snapshot(owner_url: str) -> Connection:
    """Return a connection in a read-only transaction that sees one moment."""
    conn = psycopg.connect(owner_url, application_name="tailwarden-backup")
    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    conn.read_only = True
    return conn


async def _take(conn: Connection, system: System, archive: ArchiveWriter, home: Path, secrets: bool) -> Manifest:
    plain_text(conn)  # no snapshot yet: it is taken by the first query
    taken, server, timescale = _row(
        conn,
        "SELECT clock_timestamp(), pg_catalog.current_setting('server_version'),"
        " (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'timescaledb')",
    )
    services = tuple(_service(conn, name) for name in SERVICES)
    # The streams first: what is behind the monitor's place must not leave TELEMETRY meanwhile.
    client = await connect(system, name="tailwarden-backup")
    try:
        js = client.jetstream(timeout=10.0)
        streams = (await _telemetry(conn, js, archive), await keep(js, archive, "DEAD", 0))
        published = await last_of(js, "EVENTS")
    finally:
        await client.close()
    tables = tuple(copy_out(conn, archive, table) for table in tables_of(conn, SCHEMAS))
    recorded = conn.execute("SELECT DISTINCT id FROM cases.evidence_history ORDER BY id")
    evidence = await keep_evidence(archive, evidence_folder(home), [row[0] for row in recorded.fetchall()])
    files = keep_home(archive, home, secrets=secrets)
    return Manifest(
        format=FORMAT,
        id=uuid4().hex[:12],
        taken=taken,
        tailwarden=_version(),
        postgres=server,
        timescaledb=timescale,
        services=services,
        tables=tables,
        sequences=sequences_of(conn, SCHEMAS),
        streams=streams,
        events_published=published,
        evidence=evidence,
        files=files,
        parts=archive.parts,
    )


def _service(conn: Connection, name: str) -> ServicePart:
    schema = sql.Identifier(name)
    try:
        rows = conn.execute(sql.SQL("SELECT name, sha256 FROM {}.migration").format(schema)).fetchall()
        migrations = {str(name): str(digest) for name, digest in rows}
        events, head = _row(
            conn,
            sql.SQL(
                "SELECT count(*), coalesce((SELECT encode(hash, 'hex') FROM {0}.event ORDER BY position DESC LIMIT 1),"
                " '') FROM {0}.event"
            ).format(schema),
        )
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise Unavailable("audit.no_schema", service=name) from error
    return ServicePart(name=name, migrations=migrations, events=events, head=head)


async def _telemetry(conn: Connection, js: JetStreamContext, archive: ArchiveWriter) -> StreamPart:
    """Copy the readings that the snapshot's monitor has not stored.

    A place counts only in the stream it was taken in. Where several consumers share the stream, the one that is
    least far decides: what another one has stored is stored once.
    """
    info = await js.stream_info("TELEMETRY")
    asked = "SELECT consumer, sequence FROM monitor.telemetry_position WHERE created = %s"
    known: dict[str, int] = dict(conn.execute(asked, (info.created,)).fetchall())
    # One monitor has one place for the whole; several have one for each partition, once they served it.
    served = "monitor" in known or len(known) == PARTITIONS
    return await keep(js, archive, "TELEMETRY", min(known.values()) if served else 0)


def _row(conn: Connection, query: Any) -> tuple[Any, ...]:
    row = conn.execute(query).fetchone()
    assert row is not None  # each of our queries gives one
    return row


def _version() -> str:
    from importlib.metadata import version

    return version("tailwarden")
