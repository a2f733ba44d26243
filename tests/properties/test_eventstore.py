"""For any history: the state from all events equals the state from any snapshot and the events after it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.eventstore import Recording, audit, handle, load
from shared.postgres import open_pool
from shared.problems import Conflict
from tests.integration.eventstore.sample import MOMENT, Tank, evolve, sample_store, tank_decider
from tests.prove import examples

commands = st.lists(st.floats(-50, 100, allow_nan=False).map(lambda litres: round(litres, 3)), max_size=12)


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commands=commands, every=st.integers(1, 6))
def test_a_snapshot_and_its_tail_give_the_state_of_the_whole(
    database: dict[str, str], commands: list[float], every: int
) -> None:
    asyncio.run(check(database["registry"], commands, every))


async def check(url: str, commands: list[float], every: int) -> None:
    store, decider, stream = sample_store(), tank_decider(every), f"tank-{uuid4().hex}"
    pool = await open_pool(url, schema="registry")
    try:
        async with pool.connection() as conn:
            state = Tank()
            for command in commands:
                try:
                    async with conn.transaction():
                        done = await handle(conn, store, stream, decider, command, Recording(MOMENT, "a"))
                except Conflict:
                    continue
                state = done.state
            whole = Tank()
            stored = await store.read(conn, stream)
            for event in stored:
                whole = evolve(whole, event.event)
            loaded = await load(conn, store, stream, decider)
            assert loaded.state == whole == state
            assert loaded.version == len(stored)
            assert len(stored) - loaded.snapshot_version < every
            assert (await audit(conn)).finding is None
    finally:
        await pool.close()
