"""From the previous version: its database, with what it wrote itself, is brought up to date while it is in use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest

import shared.postgres
from deploy.local.machine import migrate_all
from services.monitor.wiring import store as monitor_store
from services.registry.wiring import store as registry_store
from shared.clock import ManualClock
from shared.contracts.registry import PondDescription, PondRegistered
from shared.eventstore import NewEvent, audit, verify
from shared.postgres import migrate, migrations_of, open_pool
from shared.problems import Fault
from tests.acceptance.ponds import stormy
from tests.integration.monitor.conftest import NOW, new_room

DATA = Path(__file__).with_name("previous") / "2026-11-24.sql"
THEN = {
    "registry": {"eventstore-0001-event", "registry-0001-register"},
    "monitor": {"eventstore-0001-event", "0001_monitor", "0010_reading", "0011_series", "0012_tenure"},
}
KEPT = ("event", "reading", "warning", "timeline", "sensor", "pond_setup", "inbox", "telemetry_position")


def rows(url: str, table: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as conn:
        return conn.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1").fetchall()


@pytest.fixture
def previous(empty_database: dict[str, str]) -> dict[str, str]:
    """The database as the system of that day left it."""
    for service, names in THEN.items():
        assert set(migrate(empty_database["owner"], service, only=names)) == names
    with psycopg.connect(empty_database["owner"], options="-c timezone=UTC") as conn:
        conn.execute("DELETE FROM monitor.term")  # a migration put it there, the system of then moved it on
        conn.execute(DATA.read_bytes())
    return empty_database


async def used(url: str, stop: asyncio.Event) -> tuple[int, float]:
    """Register ponds and read them as the service of then did; return how many, and the slowest round [s]."""
    pool = await open_pool(url, schema="registry")
    store, count, slowest = registry_store().store, 0, 0.0
    try:
        while not stop.is_set() or count < 3:
            began = time.monotonic()
            count += 1
            pond = PondDescription(id=f"p-{count}", name=f"库 {count}", county="平山县")
            event = NewEvent(PondRegistered(pond=pond, at=NOW), pond.id, uuid4())
            async with pool.connection() as conn, conn.transaction():
                await store.append(conn, f"pond-{pond.id}", 0, [event], NOW)
                await conn.execute(
                    "INSERT INTO pond (id, name, county, timezone, version) VALUES (%s, %s, %s, %s, 1)",
                    (pond.id, pond.name, pond.county, pond.timezone),
                )
            async with pool.connection() as conn:
                found = await (await conn.execute("SELECT count(*) FROM pond")).fetchone()
                assert found == (count + 2,)
            slowest = max(slowest, time.monotonic() - began)
    finally:
        await pool.close()
    return count, slowest


async def test_it_is_migrated_while_it_is_used_and_its_old_events_are_read(previous: dict[str, str]) -> None:
    owner = previous["owner"]
    before = {table: rows(owner, f"monitor.{table}") for table in KEPT}
    old_events = rows(owner, "registry.event")
    stop = asyncio.Event()
    using = asyncio.create_task(used(previous["registry"], stop))
    await asyncio.to_thread(migrate_all, owner)
    stop.set()
    count, slowest = await using
    assert count >= 3
    assert slowest < 3.0  # it waited for moments, on a machine that may be busy

    # Nothing of what was is another, and nothing that was written meanwhile is missing.
    assert {table: rows(owner, f"monitor.{table}") for table in KEPT} == before
    events = rows(owner, "registry.event")
    assert set(old_events) < set(events)
    assert len(events) == len(old_events) + count
    for service in ("registry", "cases", "monitor", "notifier"):
        found = {name for (name,) in rows(owner, f"(SELECT name FROM {service}.migration)")}
        assert len(found) == len(migrations_of(service))

    # Today's code reads the events of then, and makes of them what they made then, and what came since.
    for parts in (registry_store(), monitor_store()):
        pool = await open_pool(owner, schema=parts.schema)
        try:
            async with pool.connection() as conn:
                report = await audit(conn)
                assert (report.finding, report.events > 0) == (None, True)
            assert await verify(pool, parts.store, parts.projections) == []
        finally:
            await pool.close()
    assert rows(owner, "monitor.warning") == before["warning"]
    async with new_room(previous["monitor"], ManualClock(NOW)) as room:
        assert await room.record("yi") == stormy("yi", 230, seed=1).timeline()


@contextmanager
def held(url: str, table: str) -> Iterator[Flag]:
    """Read *table* in a transaction that stays open until the flag is set: a long report, or a backup."""
    free, there = Flag(), Flag()

    def hold() -> None:
        with psycopg.connect(url) as conn:
            conn.execute(f"SELECT count(*) FROM {table}")
            there.set()
            free.wait(30)

    thread = Thread(target=hold)
    thread.start()
    assert there.wait(10)
    try:
        yield free
    finally:
        free.set()
        thread.join()


@pytest.fixture
def altering(previous: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """One more migration of the registry, which needs the table `pond` for itself."""
    real = shared.postgres._migrations
    late = tmp_path / "registry-9999-late.sql"
    late.write_text("CREATE TABLE late (a int); ALTER TABLE pond ADD COLUMN late text;", "utf-8")
    monkeypatch.setattr(shared.postgres, "_migrations", lambda service: [*real(service), late])
    monkeypatch.setattr(shared.postgres, "_LOCK_TIMEOUT", 0.1)
    monkeypatch.setattr(shared.postgres, "_LOCK_PAUSES", (0.05, 0.1))
    migrate(previous["owner"], "registry", only=set(migrations_of("registry")) - {"registry-9999-late"})
    return previous


async def test_a_migration_behind_a_long_query_stops_nobody_and_is_applied_in_the_end(altering: dict[str, str]) -> None:
    stop = asyncio.Event()
    with held(altering["owner"], "registry.pond") as free:
        waiting = asyncio.create_task(asyncio.to_thread(migrate, altering["owner"], "registry"))
        using = asyncio.create_task(used(altering["registry"], stop))
        queue = "SELECT count(*) FROM pg_locks WHERE relation = 'registry.pond'::regclass AND NOT granted"
        ponds = "SELECT count(*) FROM registry.pond"
        with psycopg.connect(altering["owner"], autocommit=True, options="-c statement_timeout=10s") as conn:

            def count_of(query: str) -> int:
                row = conn.execute(query).fetchone()
                assert row is not None
                return int(row[0])

            async with asyncio.timeout(20):
                for _ in range(2):  # it stands in the queue, in front of everybody who comes later: and yet they go on
                    while not count_of(queue):
                        await asyncio.sleep(0.002)
                    before = count_of(ponds)
                    while count_of(ponds) < before + 3:
                        await asyncio.sleep(0.002)
        assert not waiting.done()
        free.set()
        assert await waiting == ["registry-9999-late"]
    stop.set()
    count, slowest = await using
    assert count >= 3
    assert slowest < 3.0
    with psycopg.connect(altering["owner"]) as conn:
        assert conn.execute("SELECT count(*), count(late) FROM registry.pond").fetchone() == (count + 2, 0)


def test_a_migration_that_never_gets_its_lock_says_so_and_leaves_nothing(
    altering: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.postgres, "_LOCK_PATIENCE", 0.3)
    with held(altering["owner"], "registry.pond"), pytest.raises(Fault, match="holds its table") as caught:
        migrate(altering["owner"], "registry")
    assert caught.value.code == "database.migration_blocked"
    with psycopg.connect(altering["owner"], autocommit=True) as conn:
        assert conn.execute("SELECT to_regclass('registry.late')").fetchone() == (None,)
    assert migrate(altering["owner"], "registry") == ["registry-9999-late"]
