"""Several monitors share the ponds: NATS puts telemetry into partitions, the database says whose each is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiomqtt
import orjson
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from deploy.local.nats import SERVICE_USER, NatsServer
from deploy.local.ports import HOST, choose
from deploy.local.process import Process
from deploy.local.secrets import Secrets
from services.monitor import wiring
from services.monitor.adapters.records import Records
from services.monitor.adapters.telemetry import Place
from services.monitor.adapters.tenure import Tenure
from shared.bus.connection import connect
from shared.bus.dead import letters
from shared.bus.partitions import PARTITIONS, WHOLE, Share, partition_of
from shared.bus.reader import read_stream
from shared.bus.rpc import CommandClient
from shared.bus.streams import provision
from shared.contracts.cloudevents import envelope, subject_of
from shared.contracts.monitor import PondStandings, ShowPondStanding
from shared.contracts.registry import PondRegistered
from shared.eventstore import StoredEvent
from shared.postgres import Pool, open_pool
from shared.problems import NotFound, Unavailable
from shared.settings import Connection
from tests.acceptance.ponds import Watched, until

LOW, HIGH = Share(0, 7), Share(8, 15)
OLD, NEW = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
async def monitor_pool(database: dict[str, str]) -> AsyncIterator[Pool]:
    made = await open_pool(database["monitor"], schema="monitor", max_size=16)
    yield made
    await made.close()


@pytest.fixture
async def mapping(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(
        tmp_path / "nats", tmp_path / "nats.log", port=choose(0, what="nats"), mqtt_port=choose(0, what="mqtt"),
        secrets=Secrets(tmp_path / "secrets"), sync=False, partitions=True,
    )  # fmt: skip
    process = Process.start(server.program())
    try:
        await asyncio.to_thread(process.wait_ready)
        yield server
    finally:
        process.stop()


async def test_the_server_counts_as_we_do_over_nats_and_mqtt(mapping: NatsServer) -> None:
    ponds = [f"pond-{number}" for number in range(40)] + ["xiakou", "a" * 64, "_", "0"]
    service = await connect(mapping.url, SERVICE_USER, mapping.passwords[SERVICE_USER], name="tests")
    guest = await connect(mapping.url, name="logger")
    try:
        js = service.jetstream()
        await provision(js)
        for pond in ponds:
            await guest.publish(f"tw.telemetry.{pond}.level-1", b"1")
            await guest.publish(f"tw.telemetry.{pond}", b"2")
        await guest.flush()
        async with aiomqtt.Client(HOST, mapping.mqtt_port) as logger:
            await logger.publish("tw/telemetry/xiakou/level-1", b"3", qos=1)
        found = sorted([each.subject async for each in read_stream(js, "TELEMETRY", "tw.>")])
        wanted = [f"tw.partition.{partition_of(pond)}.{pond}{rest}" for pond in ponds for rest in ("", ".level-1")]
        assert found == sorted([*wanted, f"tw.partition.{partition_of('xiakou')}.xiakou.level-1"])
    finally:
        await guest.close()
        await service.close()


async def taken(tenure: Tenure, limit: float = 0.4) -> bool:
    beginning = asyncio.create_task(tenure.begin())
    done, _ = await asyncio.wait({beginning}, timeout=limit)
    beginning.cancel()
    return bool(done)


async def test_of_each_partition_one_monitor_serves(monitor_pool: Pool) -> None:
    low, high, middle, whole = (Tenure(monitor_pool, each) for each in (LOW, HIGH, Share(6, 9), WHOLE))
    await low.begin()
    await high.begin()
    assert not await taken(middle)
    assert not await taken(whole)
    async with monitor_pool.connection() as conn, conn.transaction():
        await low.check(conn)
        # The others' transactions do not wait for ours.
        async with asyncio.timeout(5), monitor_pool.connection() as other, other.transaction():
            await high.check(other)
    await low.end()
    assert not await taken(middle)
    await high.end()
    await middle.begin()
    for former in (low, high):
        async with monitor_pool.connection() as conn, conn.transaction():
            with pytest.raises(Unavailable):
                await former.check(conn)
    await middle.end()
    await whole.begin()
    await whole.end()


async def test_a_monitor_of_the_version_before_and_one_that_shares_never_serve_together(monitor_pool: Pool) -> None:
    async with monitor_pool.connection() as conn:
        await conn.execute("SELECT pg_advisory_lock(hashtextextended('tailwarden.monitor.serves', 0))")
        ((number,),) = await (await conn.execute("SELECT number FROM term")).fetchall()
        low = Tenure(monitor_pool, LOW)
        assert not await taken(low)
        await conn.execute("SELECT pg_advisory_unlock_all()")
        await low.begin()
        # It lost its lock without noticing: its next transaction is refused.
        assert (await (await conn.execute("SELECT in_term(%s)", (number,))).fetchone()) == (False,)
        taken_lock = await conn.execute("SELECT pg_try_advisory_lock(hashtextextended('tailwarden.monitor.serves', 0))")
        assert await taken_lock.fetchone() == (False,)
        await low.end()


async def test_a_share_begins_where_its_last_partition_is(monitor_pool: Pool) -> None:
    records = Records()
    async with monitor_pool.connection() as conn:
        assert await records.place(conn) is None
        await records.save_place(conn, Place(OLD, 50))
        assert await records.place(conn, LOW) == Place(OLD, 50)
        await records.save_place(conn, Place(OLD, 90), LOW)
        await records.save_place(conn, Place(OLD, 70), HIGH)
        assert await records.place(conn, LOW) == Place(OLD, 90)
        assert await records.place(conn, Share(7, 8)) == Place(OLD, 70)
        assert await records.place(conn) == Place(OLD, 70), "the whole goes on where the slower half is"
        await records.save_place(conn, Place(OLD, 80))
        assert [await records.place(conn, each) for each in (LOW, HIGH)] == [Place(OLD, 90), Place(OLD, 80)]
        # A stream made anew counts from 1 again.
        await records.save_place(conn, Place(NEW, 3), HIGH)
        assert await records.place(conn, HIGH) == Place(NEW, 3)
        assert await records.place(conn) == Place(OLD, 90)
        await records.save_place(conn, Place(NEW, 2), HIGH)
        assert await records.place(conn, HIGH) == Place(NEW, 3)


async def test_the_database_has_a_term_for_every_partition(monitor_pool: Pool) -> None:
    async with monitor_pool.connection() as conn:
        rows = await (await conn.execute("SELECT partition FROM partition_term ORDER BY 1")).fetchall()
    assert [row[0] for row in rows] == list(range(PARTITIONS))


async def test_a_part_that_never_served_begins_at_the_beginning(monitor_pool: Pool) -> None:
    async with monitor_pool.connection() as conn:
        await Records().save_place(conn, Place(OLD, 90), LOW)
        assert await Records().place(conn) is None
        assert await Records().place(conn, HIGH) is None


@pytest.fixture
async def nc(connection: Connection) -> AsyncIterator[Client]:
    client = await connect(connection, name="tests")
    yield client
    await client.close()


async def test_unmapped_and_misplaced_telemetry_finds_its_own_monitor_or_is_kept(
    connection: Connection, nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the mapping every monitor reads everything; what stands in a wrong partition is never dropped."""
    ponds = {share: next(f"p{n}" for n in range(99) if share.owns(f"p{n}")) for share in (LOW, HIGH)}
    client, js = CommandClient(nc), nc.jetstream()
    async with AsyncExitStack() as stack:
        stops = {share: asyncio.Event() for share in ponds}
        tasks = {}
        for share, stop in stops.items():
            monkeypatch.setenv("TAILWARDEN_MONITOR_PARTITIONS", str(share))
            tasks[share] = asyncio.create_task(wiring.serve(stop, connection))
            await asyncio.sleep(0)  # it reads its settings before it first waits
            stack.callback(stop.set)
        for number, pond in enumerate(ponds.values(), 1):
            watched = Watched(pond)
            await _heard(js, number, pond, PondRegistered(pond=watched.description, at=OLD))

        async def both() -> bool:
            for pond in ponds.values():
                try:
                    await client.send(ShowPondStanding(pond_id=pond), PondStandings)
                except (NotFound, Unavailable):
                    return False
            return True

        await until(both, 20, "both monitors know their ponds")
        everybody = await client.send(ShowPondStanding(), PondStandings)
        assert [each.pond_id for each in everybody.ponds] == sorted(ponds.values())
        low, high = ponds[LOW], ponds[HIGH]
        body = orjson.dumps({"time": "2024-07-01T00:00:00Z", "value": 1})
        # No such sensor: whose pond it is says so, once, under the subject the logger used.
        await js.publish(f"tw.telemetry.{low}.x", body)
        await js.publish(f"tw.telemetry.{high}.x", body)
        await js.publish(f"tw.partition.0.{high}.x", body)

        async def kept() -> bool:
            return len([each async for each in letters(js)]) >= 3

        await until(kept, 15, "what nobody can use is kept")
        found = sorted([(each.subject, each.code) async for each in letters(js)])
        assert found == sorted(
            [
                (f"tw.telemetry.{low}.x", "telemetry.unknown_sensor"),
                (f"tw.telemetry.{high}.x", "telemetry.unknown_sensor"),
                (f"tw.telemetry.{high}.x", "partitions.elsewhere"),
            ]
        )
        stops[HIGH].set()
        await asyncio.wait_for(tasks[HIGH], 15)
        with pytest.raises(Unavailable) as nobody:
            await client.send(ShowPondStanding(pond_id=high), PondStandings)
        assert nobody.value.code == "partitions.nobody"
        with pytest.raises(Unavailable):
            await client.send(ShowPondStanding(), PondStandings)
        assert (await client.send(ShowPondStanding(pond_id=low), PondStandings)).ponds[0].pond_id == low
        stops[LOW].set()
        await asyncio.wait_for(tasks[LOW], 15)


async def _heard(js: JetStreamContext, number: int, pond: str, event: PondRegistered) -> None:
    stored = StoredEvent(number, uuid4(), f"pond-{pond}", 1, event, event.event_type, 1, pond, {}, OLD, b"\x00" * 32)
    await js.publish(subject_of(event.event_type, pond), envelope("registry", stored))
