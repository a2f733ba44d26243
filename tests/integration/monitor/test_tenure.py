"""Two monitors on one database: one waits, and one that was thought dead writes no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from services.monitor import wiring
from services.monitor.adapters.people import StoredWarnings
from services.monitor.adapters.tenure import Tenure
from shared.bus.connection import connect
from shared.clock import ManualClock
from shared.contracts.monitor import AcknowledgeWarning
from shared.postgres import open_pool
from shared.problems import Unavailable
from shared.settings import Connection
from tests.acceptance.ponds import Watched
from tests.integration.monitor.conftest import Room, new_room

YI = Watched("yi")


async def until(condition: Callable[[], Awaitable[object]], limit: float = 15.0) -> None:
    async with asyncio.timeout(limit):
        while not await condition():
            await asyncio.sleep(0.02)


async def cut_off(owner: str, tenure: Tenure) -> None:
    """End the connection that holds the lock, as a network or an administrator may."""
    held = tenure._held
    assert held is not None
    async with await psycopg.AsyncConnection.connect(owner, autocommit=True) as conn:
        await conn.execute("SELECT pg_terminate_backend(%s)", (held.info.backend_pid,))

        async def gone() -> bool:
            row = await (
                await conn.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (held.info.backend_pid,))
            ).fetchone()
            return row == (0,)

        await until(gone)


@pytest.fixture
def superuser(postgres, database: dict[str, str]) -> str:
    name = database["owner"].rsplit("/", 1)[-1].split("?")[0]
    return str(postgres.url("postgres", name))


async def test_a_second_one_waits_until_the_first_ends(room: Room, database: dict[str, str]) -> None:
    pool = await open_pool(database["monitor"], schema="monitor")
    second = Tenure(pool)
    waiting = asyncio.create_task(second.begin())
    done, _ = await asyncio.wait({waiting}, timeout=0.5)
    assert not done
    await room.register(YI)
    await room.desk.tenure.end()
    await asyncio.wait_for(waiting, 5)
    await second.end()
    await pool.close()


async def test_a_lock_lost_without_anybody_taking_over_is_had_again(room: Room, superuser: str) -> None:
    await room.register(YI)
    await cut_off(superuser, room.desk.tenure)
    await room.desk.tick()
    assert not room.desk.tenure.over.is_set()
    assert (await room.give("yi", {0: 11.0})).stored == 1


async def test_one_whose_term_is_over_can_write_no_more(
    room: Room, database: dict[str, str], clock: ManualClock, superuser: str
) -> None:
    await room.register(YI)
    await room.give("yi", dict.fromkeys(range(50), 11.0) | dict.fromkeys(range(50, 60), 12.2))
    ((name,),) = await room.rows("SELECT warning_id FROM warning")
    await cut_off(superuser, room.desk.tenure)
    async with new_room(database["monitor"], clock) as second:
        with pytest.raises(Unavailable, match="nother monitor"):
            await room.give("yi", {60: 13.9})
        assert room.desk.tenure.over.is_set()
        with pytest.raises(Unavailable):
            await StoredWarnings(room.desk).act(AcknowledgeWarning(warning_id=name, by="王"))
        with pytest.raises(Unavailable):
            await room.desk.tick()
        with pytest.raises(Unavailable):
            await room.register(Watched("er"))
        assert (await second.give("yi", {60: 12.2})).stored == 1
        assert await second.rows("SELECT count(*), max(value) FROM reading") == [(61, 12.2)]
        assert await second.kinds("yi") == ["raised"]
    # Also when the second one has ended: somebody served in between.
    with pytest.raises(Unavailable):
        await room.give("yi", {61: 13.9})


async def test_a_new_one_begins_only_after_the_last_transaction_of_the_old(
    room: Room, database: dict[str, str], clock: ManualClock, superuser: str
) -> None:
    """The commit of a process that was killed may still be on its way when its successor starts."""
    await room.register(YI)
    async with room.desk.writing() as conn:
        await conn.execute("UPDATE pond_setup SET version = 41")
        await cut_off(superuser, room.desk.tenure)
        opening = new_room(database["monitor"], clock)
        starting = asyncio.create_task(opening.__aenter__())
        done, _ = await asyncio.wait({starting}, timeout=0.5)
        assert not done
    second = await asyncio.wait_for(starting, 5)
    try:
        assert await second.rows("SELECT version FROM pond_setup") == [(41,)]
    finally:
        await opening.__aexit__(None, None, None)


async def test_two_services_at_once_serve_one_after_the_other(connection: Connection) -> None:
    stops = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(wiring.serve(stops[0], connection))
    nc = await connect(connection, name="tests")
    js = nc.jetstream()

    async def serving() -> bool:
        return bool(await js.consumers_info("TELEMETRY"))

    await until(serving)
    second = asyncio.create_task(wiring.serve(stops[1], connection))
    done, _ = await asyncio.wait({first, second}, timeout=1.0)
    assert not done
    stops[0].set()
    await asyncio.wait_for(first, 15)
    # A service that waits for its turn can be told to stop as well.
    third_stop = asyncio.Event()
    third = asyncio.create_task(wiring.serve(third_stop, connection))
    await asyncio.wait({third}, timeout=0.5)
    third_stop.set()
    await asyncio.wait_for(third, 15)
    stops[1].set()
    await asyncio.wait_for(second, 15)
    await nc.close()
