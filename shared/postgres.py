"""PostgreSQL for every service: pools whose ``search_path`` is the service's schema, and forward-only migrations.

The runner of migrations is ours and small. Two kept tools were tried with these very files, and left:

- yoyo (9.0) records a migration in another transaction than the one that applied it, so a process killed in
  between can never start again, and its lock is a row that outlives its holder.
- Alembic (1.20) commits a migration with its record, too, but records the head of a chain where this records a set
  of names: a file that lands with a lower number than one a database has is left out there without a word
  (registry-0004 did land before registry-0003). Revisions can only be Python files on the disk, a stub for each of
  ours; sums of files, the lock, its time-out and the grants would stay ours beside it. Importing it takes 0.36 s of
  processor time, and a start with nothing to do 0.13 s instead of 0.02 s.

Here a migration and its record are one transaction, the lock is PostgreSQL's own and goes with the connection, and a
file changed after it was applied is refused. On a system at work a migration waits for a table's lock only for
moments at a time, for whoever comes after it in the queue waits as long; in between everybody else gets through.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar, LiteralString, Self, TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from shared.problems import Fault, NotFound, Unavailable

__all__ = ["Connection", "Pool", "migrate", "migrations_of", "open_pool"]

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
"""An asynchronous connection that gives rows as tuples."""

Pool: TypeAlias = AsyncConnectionPool[Connection]
"""A pool of those."""

_DASHBOARD = "dashboard"
_PATIENCE = 10.0
_PAUSE = 0.1
_LOCK_TIMEOUT = 0.5
"""Seconds a migration waits for a lock, and makes those behind it wait."""
_LOCK_PATIENCE = 60.0
"""Seconds after which a migration that never got its locks gives up."""
_LOCK_PAUSES = (0.2, 2.0)
"""Seconds between its attempts: the first, doubling up to the last."""


async def open_pool(
    url: str,
    *,
    schema: str,
    application: str | None = None,
    min_size: int = 1,
    max_size: int = 8,
    timeout: float = 10.0,
) -> Pool:
    """Open a pool on *url* and wait until it has a connection.

    Connections speak UTC, resolve unqualified names in *schema* (then ``public``), and are in autocommit mode: what
    belongs together goes into ``async with conn.transaction()``. Each is checked when it is taken, so a
    restart of the server costs waiting, not an error.

    Raises
    ------
    Unavailable
        ``database.unreachable`` when there is no connection within *timeout* seconds.
    """
    connector = _connector()
    pool: Pool = AsyncConnectionPool(
        url,
        connection_class=connector,
        kwargs={
            "autocommit": True,
            "application_name": application or f"tailwarden-{schema}",
            "options": f"-c search_path={schema},public -c timezone=UTC",
        },
        min_size=min_size,
        max_size=max_size,
        timeout=timeout,
        name=application or schema,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
    try:
        await pool.open(wait=True, timeout=timeout)
    except PoolTimeout as error:
        await pool.close()
        raise Unavailable("database.unreachable", address=_address(url), reason=str(error)) from error
    connector.patience = _PATIENCE
    return pool


class _Connector(psycopg.AsyncConnection[tuple[Any, ...]]):
    """Connects as soon as a server that was restarted takes connections again.

    A pool tries again after 1, 2, 4 … seconds and more; a server is back within one or two.
    """

    patience: ClassVar[float] = 0.0
    """Seconds in which one attempt of the pool keeps trying."""

    @classmethod
    async def connect(cls, conninfo: str = "", **options: Any) -> Self:
        end = time.monotonic() + cls.patience
        while True:
            try:
                return await super().connect(conninfo, **options)
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(_PAUSE)


def _connector() -> type[_Connector]:
    """Return a connection class of one pool's own: a pool that cannot be opened says so at once."""
    return type("Connector", (_Connector,), {})


def migrations_of(service: str) -> dict[str, str]:
    """Return the migrations this code has for *service*, name → SHA-256, in the order in which they are applied.

    Raises
    ------
    NotFound
        ``database.no_service``.
    """
    return {_name(file): sha256(file.read_bytes()).hexdigest() for file in _migrations(service)}


def migrate(owner_url: str, service: str, only: Collection[str] | None = None) -> list[str]:
    """Bring the schema of *service* up to date and return the names of the migrations applied now.

    Applies the event store's migrations, then ``services/<service>/migrations/*.sql``, each group in the
    order of names; then grants the role ``tailwarden_<service>`` what it needs and no more (of ``event`` only SELECT
    and INSERT) and ``tailwarden_reader`` the ``dashboard`` schema. Safe to call from several processes at once.
    With *only*, migrations of other names are left for later: a backup is restored at the schema it was taken at.

    Raises
    ------
    NotFound
        ``database.no_service`` if there is no such service.
    Unavailable
        ``database.unreachable``.
    Fault
        ``database.migration_failed``, ``database.migration_changed``, or ``database.migration_blocked`` when somebody
        holds its table for longer than a minute; what came before it stays applied.
    """
    migrations = [file for file in _migrations(service) if only is None or _name(file) in only]
    applied: list[str] = []
    with _owner(owner_url) as conn:
        conn.execute("SELECT pg_advisory_lock(hashtextextended('tailwarden.migrate', 0))")
        schema = sql.Identifier(service)
        for name in (service, _DASHBOARD):
            conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))
        conn.execute(sql.SQL("SET search_path TO {}, public").format(schema))
        conn.execute(
            "CREATE TABLE IF NOT EXISTS migration"
            " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = dict(conn.execute("SELECT name, sha256 FROM migration").fetchall())
        for file in migrations:
            text = file.read_text("utf-8")
            digest = sha256(text.encode()).hexdigest()
            name = _name(file)
            if name in done:
                if done[name] != digest:
                    raise Fault("database.migration_changed", service=service, name=name)
                continue
            try:
                _patiently(conn, service, name, partial(_apply, conn, text, name, digest))
            except psycopg.Error as error:
                raise Fault(
                    "database.migration_failed", service=service, name=name, reason=str(error).strip()
                ) from error
            applied.append(name)
        _grant(conn, service)
    return applied


def _apply(conn: psycopg.Connection[tuple[Any, ...]], text: str, name: str, digest: str) -> None:
    # No parameters, so the file may hold many statements; it is one of our own package files.
    conn.execute(text.encode())
    conn.execute("INSERT INTO migration (name, sha256) VALUES (%s, %s)", (name, digest))


def _patiently(conn: psycopg.Connection[tuple[Any, ...]], service: str, name: str, work: Callable[[], None]) -> None:
    """Do *work* in a transaction that waits for each lock for a moment only, again until it gets them all."""
    end, pause = time.monotonic() + _LOCK_PATIENCE, _LOCK_PAUSES[0]
    while True:
        try:
            with conn.transaction():
                # For this transaction alone: the lock between runners, taken before, is waited for as long as it takes.
                conn.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_LOCK_TIMEOUT * 1000:.0f}ms",))
                work()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if time.monotonic() > end:
                raise Fault("database.migration_blocked", service=service, name=name) from error
            time.sleep(pause)
            pause = min(pause * 2, _LOCK_PAUSES[1])
        else:
            return


def _grant(conn: psycopg.Connection[tuple[Any, ...]], service: str) -> None:
    """Give the service's role and the reader's role their rights; a role that does not exist is left out."""
    schema = sql.Identifier(service)
    role, reader = f"tailwarden_{service}", "tailwarden_reader"
    rows = conn.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", ([role, reader],)).fetchall()
    present = {row[0] for row in rows}
    statements: list[LiteralString] = []
    if role in present:
        statements += [
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
            "REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {schema}.event FROM {role}",
            "REVOKE ALL ON {schema}.migration FROM {role}",
        ]
    if reader in present:
        statements += [
            "GRANT USAGE ON SCHEMA {dashboard} TO {reader}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA {dashboard} TO {reader}",
        ]
    names = {
        "schema": schema,
        "role": sql.Identifier(role),
        "reader": sql.Identifier(reader),
        "dashboard": sql.Identifier(_DASHBOARD),
    }

    def work() -> None:
        for text in statements:
            conn.execute(sql.SQL(text).format(**names))

    _patiently(conn, service, "grants", work)


def _migrations(service: str) -> list[Traversable]:
    return [*_files("shared.eventstore"), *_files(f"services.{service}", service)]


def _name(file: Traversable) -> str:
    return file.name.removesuffix(".sql")


def _files(package: str, service: str | None = None) -> list[Traversable]:
    try:
        folder = files(package) / "migrations"
    except ModuleNotFoundError as error:
        raise NotFound("database.no_service", service=service or package) from error
    if not folder.is_dir():
        return []
    return sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)


@contextmanager
def _owner(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Give an autocommit connection of the schemas' owner; closing it frees its advisory lock."""
    try:
        conn = psycopg.connect(url, autocommit=True, application_name="tailwarden-migrate", options="-c timezone=UTC")
    except psycopg.OperationalError as error:
        raise Unavailable("database.unreachable", address=_address(url), reason=str(error).strip()) from error
    with conn:
        yield conn


def _address(url: str) -> str:
    """Return host:port/database of a connection string: what a message may show, without user and password."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', '')}:{parts.get('port', '5432')}/{parts.get('dbname', '')}"
