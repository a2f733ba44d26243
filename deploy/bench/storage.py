"""What a stored reading costs: bytes as written and bytes compressed, and how fast readings are written.

On TimescaleDB the baseline is a plain table with the same key in the same database, filled with the same readings
in the same run; on plain PostgreSQL there is that table only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deploy.bench.figures import Figure, Report
from deploy.bench.system import bench_system
from services.monitor.adapters.series import SeriesStore
from services.monitor.rows import Rows
from shared.postgres import Pool, migrate, open_pool
from shared.problems import Fault, Unavailable

__all__ = ["EACH", "measure", "storage"]

EACH = 10
"""Sensors of a pond: a level, a rain gauge, four phreatic levels, four displacements."""
_SLOT_US = 300_000_000
_DAY = 288
_BEGINS_US = 1_704_067_200_000_000
"""2024-01-01: history, so that no job or window plays a part."""
_TRANSACTION = 25_000
_SCHEMA = "monitor"
_PLAIN = """
CREATE SCHEMA plain;
CREATE TABLE plain.reading (LIKE reading, PRIMARY KEY (sensor, time));
CREATE INDEX reading_time ON plain.reading USING brin (time)
"""
_CONTENT = "SELECT sum(hashtextextended(reading::text, 0)) FROM reading"
# Readings of years ago are what jobs are waiting for.
_STILL = """
SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE hypertable_schema = 'monitor'
"""
_SIZE = {True: "SELECT hypertable_size('reading')", False: "SELECT pg_total_relation_size('reading')"}


async def storage(ponds: int, days: int, database: str | None) -> Report:
    """Measure on a server given, in a database made for it and dropped afterwards, or on an embedded one.

    Parameters
    ----------
    ponds
        Ponds of ten sensors, a reading each per five minutes.
    days
        How long they report.
    database
        Address of a role that may create databases (and TimescaleDB in them, where it is installed).

    Raises
    ------
    Unavailable
        ``database.unreachable``.
    Fault
        ``bench.lost`` when fewer readings are found than were stored.
    """
    if database is None:
        with bench_system(()) as system:
            return await measure(system.connection.database("owner"), ponds, days)
    with _made(database) as url:
        migrate(url, _SCHEMA)
        return await measure(url, ponds, days)


async def measure(owner_url: str, ponds: int, days: int) -> Report:
    """Measure in a migrated database without readings."""
    batches = list(_batches(ponds, days))
    count = sum(map(len, batches))
    async with await psycopg.AsyncConnection.connect(
        owner_url, autocommit=True, options=f"-c search_path={_SCHEMA},public"
    ) as owner:
        engine, timescale = await _engine(owner)
        report = Report("storage", {"engine": engine, "sensors": ponds * EACH, "days": days, "readings": count})
        if timescale:
            await owner.execute(_STILL)
        pool = await open_pool(owner_url, schema=_SCHEMA)
        try:
            rate = await _store(pool, batches)
            as_written = await _bytes(owner, _SIZE[timescale]) / count
            if not timescale:
                report.figures += [
                    Figure("storage_plain", as_written, "B"),
                    Figure("storage_rate", rate, "1/s"),
                ]
                return report
            content = await _value(owner, _CONTENT)
            began = time.perf_counter()
            await owner.execute("SELECT compress_chunk(chunk) FROM show_chunks('reading') AS chunk")
            took = time.perf_counter() - began
            compressed = await _bytes(owner, _SIZE[True]) / count
            if content != await _value(owner, _CONTENT):
                raise Fault("bench.lost", expected=count, stored=await _bytes(owner, "SELECT count(*) FROM reading"))
            # The same readings into a plain table under the same name, as the store writes them.
            await owner.execute(_PLAIN)
            plain_pool = await open_pool(owner_url, schema="plain")
            try:
                plain_rate = await _store(plain_pool, batches)
            finally:
                await plain_pool.close()
            plain = await _bytes(owner, "SELECT pg_total_relation_size('plain.reading')") / count
        finally:
            await pool.close()
    report.figures += [
        Figure("storage_plain", plain, "B"),
        Figure("storage_written", as_written, "B", plain),
        Figure("storage_compressed", compressed, "B", as_written),
        Figure("storage_compress_rate", count / took, "1/s"),
        Figure("storage_rate", rate, "1/s", plain_rate),
    ]
    return report


@contextmanager
def _made(url: str) -> Iterator[str]:
    """Give the address of a new database on the server of *url*."""
    name = f"tailwarden_bench_{uuid4().hex[:8]}"
    identifier = sql.Identifier(name)
    try:
        server = psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable("database.unreachable", address="--database", reason=str(error).strip()) from error
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


async def _engine(owner: psycopg.AsyncConnection[Any]) -> tuple[str, bool]:
    version = await _value(owner, "SELECT current_setting('server_version')")
    if not await _value(owner, "SELECT series_on_timescale()"):
        return f"plain PostgreSQL {version}", False
    extension = await _value(owner, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
    return f"TimescaleDB {extension} on PostgreSQL {version}", True


async def _store(pool: Pool, batches: list[Rows]) -> float:
    """Store *batches*, a transaction each; returns readings per second."""
    store = SeriesStore()
    began = time.perf_counter()
    for rows in batches:
        async with pool.connection() as conn, conn.transaction():
            stored = await store.insert(conn, rows)
            if stored != len(rows):
                raise Fault("bench.lost", expected=len(rows), stored=stored)
    return sum(map(len, batches)) / (time.perf_counter() - began)


def _batches(ponds: int, days: int) -> Iterator[Rows]:
    """Give readings slot by slot, as they come in: levels in mm, rain in steps of 0.2 mm, displacements in 0.01 mm.

    All readings of a slot are received in one moment, as the monitor stores them: one transaction, one time.
    """
    rng = np.random.default_rng(20_240_101)
    sensors = ponds * EACH
    place = np.tile(np.arange(EACH), ponds)
    base = rng.uniform(250, 350, sensors)
    phase = rng.uniform(0, 2 * np.pi, sensors)
    slots = days * _DAY
    per = max(1, _TRANSACTION // sensors)
    for begin in range(0, slots, per):
        slot = np.arange(begin, min(begin + per, slots))
        n = len(slot)
        turn = 2 * np.pi * slot[:, None] / _DAY
        level = np.round(base + 0.4 * np.sin(turn / 9 + phase) + rng.normal(0, 0.002, (n, sensors)), 3)
        moved = np.round(5 + 0.001 * slot[:, None] / _DAY + rng.normal(0, 0.05, (n, sensors)), 2)
        tips = np.where(rng.random((n, sensors)) < 0.02, rng.integers(1, 8, (n, sensors)) * 0.2, 0.0)
        value = np.where(place == 1, tips, np.where(place >= 6, moved, level))
        time_us = _BEGINS_US + slot * _SLOT_US
        received = time_us + rng.integers(1_000_000, 9_000_000, n)
        size = n * sensors
        yield Rows(
            np.tile(np.arange(1, sensors + 1, dtype=np.int32), n),
            np.repeat(time_us, sensors),
            value.reshape(-1),
            np.where(rng.random(size) < 0.001, 3, 1).astype(np.int16),
            np.full(size, 4680, np.int32),
            np.ones(size, np.int16),
            np.repeat(received, sensors),
        )


async def _value(owner: psycopg.AsyncConnection[Any], query: str) -> Any:
    row = await (await owner.execute(query.encode())).fetchone()
    return None if row is None else row[0]


async def _bytes(owner: psycopg.AsyncConnection[Any], query: str) -> int:
    return int(await _value(owner, query))
