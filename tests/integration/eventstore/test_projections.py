"""Read models rebuilt beside the live ones: equal when honest, the doctored row named when not."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from shared.eventstore import Difference, Recording, handle, rebuild, verify
from shared.postgres import Pool
from tests.integration.eventstore.sample import MOMENT, Levels, sample_store, tank_decider

Superuser = psycopg.AsyncConnection[Any]


async def act(pool: Pool, levels: Levels, tank: str, *litres: float) -> None:
    async with pool.connection() as conn:
        for command in litres:
            async with conn.transaction():
                recording = Recording(MOMENT, tank)
                await handle(conn, sample_store(), f"tank-{tank}", tank_decider(), command, recording, [levels])


async def test_an_honest_read_model_equals_its_rebuild(pool: Pool, levels: Levels) -> None:
    await act(pool, levels, "a", 5, 0.1, 0.2, -1)
    await act(pool, levels, "b", 2)
    assert await verify(pool, sample_store(), [levels]) == []


async def test_doctored_rows_are_named_and_a_rebuild_puts_them_right(
    pool: Pool, levels: Levels, superuser: Superuser, owner_pool: Pool
) -> None:
    await act(pool, levels, "a", 5, 2)
    await act(pool, levels, "b", 3)
    await act(pool, levels, "c", 3)
    await superuser.execute("UPDATE tank_level SET litres = 70 WHERE tank = 'a'")
    await superuser.execute("INSERT INTO tank_level VALUES ('ghost', 1, '{}')")
    await superuser.execute("DELETE FROM filling WHERE tank = 'b'")
    found = await verify(owner_pool, sample_store(), [levels])
    assert {(d.table, d.side, d.row.split(",")[0]) for d in found} == {
        ("tank_level", "live", "(a"),
        ("tank_level", "live", "(ghost"),
        ("tank_level", "rebuilt", "(a"),
        ("filling", "rebuilt", "(3"),
    }
    assert all(isinstance(d, Difference) and d.projection == "levels" for d in found)
    assert await rebuild(owner_pool, sample_store(), [levels]) == 3 + 4
    assert await verify(owner_pool, sample_store(), [levels]) == []
    await act(pool, levels, "a", 1)  # and the service goes on
    assert await verify(owner_pool, sample_store(), [levels]) == []


async def test_verifying_neither_stops_nor_disturbs_a_working_service(pool: Pool, levels: Levels) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for tank in "abc":
            tasks.create_task(act(pool, levels, tank, *[1.0] * 20))
        for _ in range(5):
            assert await verify(pool, sample_store(), [levels]) == []
    assert await verify(pool, sample_store(), [levels]) == []
    async with pool.connection() as conn:
        row = await (await conn.execute("SELECT sum(litres) FROM tank_level")).fetchone()
    assert row == (60.0,)
