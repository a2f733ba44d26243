"""Appending and reading on a real PostgreSQL: order, conflicts, refusals, snapshots, upcasters, inbox."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar
from uuid import uuid4

import psycopg
import pytest

from shared.contracts.base import Event
from shared.eventstore import (
    EventStore,
    Inbox,
    NewEvent,
    Recording,
    StoredEvent,
    Upcasters,
    audit,
    handle,
    load,
)
from shared.eventstore.hashing import GENESIS
from shared.eventstore.store import MAX_EVENT_BYTES
from shared.postgres import Pool, open_pool
from shared.problems import Conflict, Fault, Unavailable
from tests.integration.eventstore.sample import (
    MOMENT,
    SAMPLE_EVENTS,
    Levels,
    Tank,
    TankFilled,
    append,
    filled,
    sample_store,
    tank_decider,
)


async def test_what_is_appended_is_read_back_exactly(pool: Pool) -> None:
    store = sample_store()
    first = NewEvent(TankFilled(litres=0.1 + 0.2, note="坝前 “水位”\n\\"), "a", uuid4(), {"by": "李工", "cause": "x"})
    async with pool.connection() as conn:
        stored = [*await append(conn, "tank-a", 0, first, filled(2)), *await append(conn, "tank-b", 0, filled(3, "b"))]
        assert [(s.position, s.stream, s.version) for s in stored] == [
            (1, "tank-a", 1),
            (2, "tank-a", 2),
            (3, "tank-b", 1),
        ]
        assert await store.read(conn, "tank-a") == stored[:2]
        assert await store.read(conn, "tank-a", 1) == stored[1:2]
        assert await store.read(conn, "nothing") == []
        assert [s async for s in store.read_all(conn, batch=2)] == stored
        assert [s async for s in store.read_all(conn, after_position=2)] == stored[2:]
    assert stored[0].recorded_at == MOMENT
    assert stored[0].event == first.event
    assert len({s.hash for s in stored} | {GENESIS}) == 4


async def test_two_thousand_events_go_in_one_append(pool: Pool) -> None:
    async with pool.connection() as conn:
        stored = await append(conn, "tank-a", 0, *(filled(i) for i in range(2000)))
        assert [s.position for s in stored] == list(range(1, 2001))
        report = await audit(conn)
    assert (report.events, report.finding, report.head) == (2000, None, stored[-1].hash)


async def test_a_stream_that_moved_on_is_a_conflict_that_says_where_it_is(pool: Pool) -> None:
    async with pool.connection() as conn:
        await append(conn, "tank-a", 0, filled(), filled())
        with pytest.raises(Conflict) as caught:
            await append(conn, "tank-a", 1, filled())
        assert (caught.value.params["expected"], caught.value.params["actual"]) == (1, 2)
        with pytest.raises(Conflict):
            await append(conn, "tank-a", 3, filled())
        assert [s.version for s in await append(conn, "tank-a", 2, filled())] == [3]


async def test_an_event_id_enters_once(pool: Pool) -> None:
    once = filled()
    async with pool.connection() as conn:
        await append(conn, "tank-a", 0, once)
        with pytest.raises(Conflict) as caught:
            await append(conn, "tank-b", 0, once)
    assert caught.value.code == "store.duplicate_event"


async def test_appending_outside_a_transaction_is_refused(pool: Pool) -> None:
    async with pool.connection() as conn:
        with pytest.raises(ValueError, match="transaction"):
            await sample_store().append(conn, "tank-a", 0, [filled()], MOMENT)
        with pytest.raises(ValueError, match="offset"):
            await sample_store().append(conn, "tank-a", 0, [filled()], MOMENT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (
            NewEvent(type("Other", (Event,), {"event_type": "registry.tank.other"})(), "a", uuid4()),
            "store.unknown_type",
        ),
        (filled(tank="a.b"), "store.bad_aggregate"),
        (filled(tank="*"), "store.bad_aggregate"),
        (filled(tank=""), "store.bad_aggregate"),
        (filled(note="水" * (MAX_EVENT_BYTES // 3 + 1)), "store.too_large"),
        (filled(strokes=2**70), "store.unpublishable"),
    ],
)
async def test_what_could_not_be_read_or_published_later_is_refused(pool: Pool, event: NewEvent, code: str) -> None:
    async with pool.connection() as conn:
        with pytest.raises(Fault) as caught:
            await append(conn, "tank-a", 0, event)
        assert caught.value.code == code
        assert [s async for s in sample_store().read_all(conn)] == []


async def test_a_stored_type_nobody_knows_is_named(pool: Pool) -> None:
    async with pool.connection() as conn:
        await append(conn, "tank-a", 0, filled())
        with pytest.raises(Fault, match=r"registry\.tank\.filled"):
            await EventStore(()).read(conn, "tank-a")


async def test_a_rolled_back_append_leaves_no_gap(pool: Pool) -> None:
    async with pool.connection() as conn:
        await append(conn, "tank-a", 0, filled())
        async with conn.transaction(force_rollback=True):
            await sample_store().append(conn, "tank-a", 1, [filled(), filled()], MOMENT)
        assert [s.position for s in await append(conn, "tank-a", 1, filled())] == [2]
        assert (await audit(conn)).finding is None


async def test_commit_order_is_position_order_under_concurrent_writers(pool: Pool) -> None:
    """A reader that polls sees 1, 2, 3 … without ever meeting a position below one it has seen."""
    writers, each = 8, 20
    store, seen = sample_store(), list[StoredEvent]()

    async def write(number: int) -> None:
        for version in range(each):
            async with pool.connection() as conn:
                await append(conn, f"tank-{number}", version * 2, filled(), filled())

    async def follow() -> None:
        async with pool.connection() as conn:
            while len(seen) < writers * each * 2:
                seen.extend(await store.read_batch(conn, seen[-1].position if seen else 0, 50))
                await asyncio.sleep(0)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        for number in range(writers):
            tasks.create_task(write(number))
    assert [s.position for s in seen] == list(range(1, writers * each * 2 + 1))
    async with pool.connection() as conn:
        assert (await audit(conn)).finding is None


async def test_of_writers_to_one_stream_exactly_one_wins_each_version(pool: Pool) -> None:
    async def write() -> bool:
        async with pool.connection() as conn:
            try:
                await append(conn, "tank-a", 0, filled())
            except Conflict:
                return False
            return True

    async with asyncio.timeout(30):
        assert sum(await asyncio.gather(*(write() for _ in range(6)))) == 1


@pytest.mark.parametrize("act", ["UPDATE event SET stream = 'x'", "DELETE FROM event", "TRUNCATE event"])
async def test_the_service_role_cannot_change_events(pool: Pool, act: str) -> None:
    async with pool.connection() as conn:
        await append(conn, "tank-a", 0, filled())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            await conn.execute(act)


@pytest.mark.parametrize("act", ["UPDATE event SET stream = 'x'", "DELETE FROM event", "TRUNCATE event"])
@pytest.mark.parametrize("prelude", ["SELECT 1", "SET session_replication_role = replica"])
async def test_even_the_owner_meets_the_trigger(
    pool: Pool, superuser: psycopg.AsyncConnection[Any], act: str, prelude: str
) -> None:
    async with pool.connection() as conn:
        await append(conn, "tank-a", 0, filled())
    await superuser.execute(prelude)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        await superuser.execute(act)


async def test_a_snapshot_never_goes_back_and_counts_only_in_its_schema(pool: Pool) -> None:
    store = sample_store()
    async with pool.connection() as conn:
        assert await store.load_snapshot(conn, "tank-a", 1) is None
        await store.save_snapshot(conn, "tank-a", 5, '{"litres": 5.0}', 1)
        await store.save_snapshot(conn, "tank-a", 4, '{"litres": 4.0}', 1)
        assert await store.load_snapshot(conn, "tank-a", 1) == (5, '{"litres": 5.0}')
        assert await store.load_snapshot(conn, "tank-a", 2) is None
        await store.save_snapshot(conn, "tank-a", 5, "{}", 2)
        assert await store.load_snapshot(conn, "tank-a", 2) == (5, "{}")


async def test_old_events_are_lifted_when_read_and_stay_what_they_were(pool: Pool) -> None:
    class TankFilledV3(Event):
        event_type: ClassVar[str] = "registry.tank.filled"
        schema_version: ClassVar[int] = 3
        cubic_metres: float
        by: str

    upcasters = Upcasters()
    upcasters.register("registry.tank.filled", 1, lambda data: {"cubic_metres": data["litres"] / 1000})
    upcasters.register("registry.tank.filled", 2, lambda data: {**data, "by": "unknown"})
    with pytest.raises(ValueError, match="two upcasters"):
        upcasters.register("registry.tank.filled", 2, dict)
    async with pool.connection() as conn:
        old = await append(conn, "tank-a", 0, filled(1500))
        (read,) = await EventStore([TankFilledV3], upcasters).read(conn, "tank-a")
        assert read.event == TankFilledV3(cubic_metres=1.5, by="unknown")
        assert (read.schema_version, read.hash) == (3, old[0].hash)
        with pytest.raises(Fault) as caught:
            await EventStore([TankFilledV3]).read(conn, "tank-a")
        assert caught.value.code == "store.no_upcaster"
        new = NewEvent(TankFilledV3(cubic_metres=1, by="x"), "a", uuid4())
        await append(conn, "tank-a", 1, new, store=EventStore([TankFilledV3]))
        with pytest.raises(Fault, match="version 3"):  # an older program meets a newer event
            await EventStore(SAMPLE_EVENTS).read(conn, "tank-a")
        assert (await audit(conn)).finding is None


async def test_the_inbox_lets_an_event_through_once_and_only_if_committed(pool: Pool) -> None:
    inbox, event = Inbox(), uuid4()
    async with pool.connection() as conn:
        async with conn.transaction(force_rollback=True):
            assert await inbox.first_time(conn, "ponds", event)
        async with conn.transaction():
            assert await inbox.first_time(conn, "ponds", event)
        assert not await inbox.first_time(conn, "ponds", event)
        assert await inbox.first_time(conn, "another", event)


async def test_a_command_is_decided_stored_projected_and_snapshotted(pool: Pool, levels: Levels) -> None:
    store, decider = sample_store(), tank_decider(every=3)
    async with pool.connection() as conn:
        for command in (5.0, 0.0, 7.0, -2.0, 1.0):
            async with conn.transaction():
                done = await handle(conn, store, "tank-a", decider, command, Recording(MOMENT, "a"), [levels])
            assert len(done.stored) == (command != 0)
        assert (done.state, done.version) == (Tank(11.0, 4), 4)
        loaded = await load(conn, store, "tank-a", decider)
        assert (loaded.state, loaded.version, loaded.snapshot_version) == (Tank(11.0, 4), 4, 3)
        with pytest.raises(Conflict):
            async with conn.transaction():
                await handle(conn, store, "tank-a", decider, -100.0, Recording(MOMENT, "a"), [levels])
        row = await (await conn.execute("SELECT litres, doubled FROM tank_level")).fetchone()
        assert row == (11.0, 22.0)


async def test_an_unreachable_database_says_so_without_its_password() -> None:
    with pytest.raises(Unavailable) as caught:
        await open_pool("postgresql://me:hush@127.0.0.1:9/tailwarden", schema="registry", timeout=0.5)
    assert "127.0.0.1:9/tailwarden" in str(caught.value)
    assert "hush" not in str(caught.value)
