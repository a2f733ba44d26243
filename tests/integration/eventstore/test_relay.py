"""The relay on real servers: every committed event stands in EVENTS once and in order, whatever is interrupted."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from structlog.testing import capture_logs

from deploy.local.doctor import relay_lag
from deploy.local.nats import SERVICE_USER, NatsServer
from deploy.local.ports import choose
from deploy.local.process import Process
from deploy.local.secrets import Secrets
from shared.bus.connection import connect
from shared.bus.streams import provision
from shared.eventstore import Finding, audit, published_anchor
from shared.eventstore.relay import Relay
from shared.postgres import Connection, Pool
from shared.tasks import end
from tests.integration.eventstore.sample import SERVICE, append, filled, sample_store


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[Relay]:
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await end(task)  # as the services do: a library may swallow one cancellation


async def until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.005)


async def published(js: JetStreamContext, service: str = SERVICE) -> list[dict[str, object]]:
    """Return the service's CloudEvents in stream order."""
    state = (await js.stream_info("EVENTS")).state
    messages: list[RawStreamMsg] = [await js.get_msg("EVENTS", seq) for seq in range(1, state.last_seq + 1)]
    return [
        {**orjson.loads(message.data or b""), "subject_": message.subject}
        for message in messages
        if (message.subject or "").startswith(f"tw.events.{service}.")
    ]


async def positions(js: JetStreamContext) -> list[object]:
    return [event["position"] for event in await published(js)]


async def write(pool: Pool, count: int, version: int = 0, stream: str = "tank-a") -> None:
    async with pool.connection() as conn:
        await append(conn, stream, version, *(filled() for _ in range(count)))


async def cursor_at(pool: Pool) -> int | None:
    async with pool.connection() as conn:
        row = await (await conn.execute("SELECT position FROM relay_cursor")).fetchone()
    return None if row is None else int(row[0])


async def test_events_are_published_in_order_with_their_place(pool: Pool, js: JetStreamContext) -> None:
    await write(pool, 700)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 700)
    events = await published(js)
    assert [event["position"] for event in events] == list(range(1, 701))
    assert events[6]["streamversion"] == 7
    assert events[6]["subject_"] == "tw.events.registry.tank.a.filled"
    async with pool.connection() as conn:
        assert events[6]["hash"] == (await sample_store().read(conn, "tank-a"))[6].hash.hex()
    assert await cursor_at(pool) == 700


async def test_a_wake_publishes_at_once(pool: Pool, js: JetStreamContext) -> None:
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def note(_: object) -> None:
        arrived.put_nowait(time.perf_counter())

    subscription = await js._nc.subscribe("tw.events.>", cb=note)
    delays = []
    async with running(Relay(sample_store(), pool, js, SERVICE, poll=30)) as relay:
        await write(pool, 1)
        relay.wake()
        await asyncio.wait_for(arrived.get(), 10)
        for version in range(1, 21):
            await write(pool, 1, version)
            woken = time.perf_counter()
            relay.wake()
            delays.append(await asyncio.wait_for(arrived.get(), 10) - woken)
    await subscription.unsubscribe()
    assert sorted(delays)[10] < 0.05  # a few ms when the machine is quiet; generous for a busy one


async def test_a_forgotten_wake_is_made_good_by_polling(pool: Pool, js: JetStreamContext) -> None:
    async with running(Relay(sample_store(), pool, js, SERVICE, poll=0.05)) as relay:
        await write(pool, 1)
        await until(lambda: relay.position == 1)


async def test_dying_between_publish_and_cursor_repeats_nothing(pool: Pool, js: JetStreamContext) -> None:
    """Also after the duplicate window: the stream itself says what is in it."""
    await write(pool, 10)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 10)
    async with pool.connection() as conn:
        await conn.execute("UPDATE relay_cursor SET position = 0")
    await asyncio.sleep(0.15)  # the tests' EVENTS forgets message ids after 100 ms
    await write(pool, 5, 10)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 15)
    assert await positions(js) == list(range(1, 16))
    assert await cursor_at(pool) == 15


async def test_a_relay_that_was_killed_before_it_recorded_says_where_it_stands_as_soon_as_it_leads(
    pool: Pool, js: JetStreamContext
) -> None:
    """Whoever reads the cursor (doctor, say) would take what is published for stuck."""
    await write(pool, 3)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 3)
    async with pool.connection() as conn:
        await conn.execute("UPDATE relay_cursor SET position = 1")
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 3)
        async with asyncio.timeout(10):
            while await cursor_at(pool) != 3:
                await asyncio.sleep(0.01)


async def test_doctor_tells_a_relay_that_is_stuck(pool: Pool, js: JetStreamContext) -> None:
    await write(pool, 3)  # events recorded long ago
    async with pool.connection() as conn:
        (stuck,) = await relay_lag(conn, SERVICE)
        assert (stuck.ok, stuck.name) == (False, "relay registry")
        assert stuck.detail.startswith("3 stored, 0 published; event 1 waits for ")
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 3)
    async with pool.connection() as conn:
        (well,) = await relay_lag(conn, SERVICE)
        assert (well.ok, well.detail) == (True, "3 stored, 3 published")


async def test_cancelled_at_any_moment_it_goes_on_where_it_was(pool: Pool, js: JetStreamContext) -> None:
    chance = random.Random(7)
    await write(pool, 3000)
    for _ in range(12):
        task = asyncio.create_task(Relay(sample_store(), pool, js, SERVICE, batch=64).run())
        await asyncio.sleep(chance.uniform(0.005, 0.09))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 3000)
    assert await positions(js) == list(range(1, 3001))


async def test_one_of_two_relays_leads_and_the_other_takes_over(pool: Pool, js: JetStreamContext) -> None:
    first, second = (Relay(sample_store(), pool, js, SERVICE, poll=0.05) for _ in range(2))
    async with running(second):
        async with running(first):
            await write(pool, 5)
            await until(lambda: 5 in (first.position, second.position))
            assert {first.position, second.position} == {0, 5}
        await write(pool, 5, 5)
        await until(lambda: second.position == 10 or first.position == 10)
    assert await positions(js) == list(range(1, 11))


async def test_two_that_both_believe_they_lead_still_publish_each_event_once(
    pool: Pool, js: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def yes(_: Connection) -> bool:
        return True

    monkeypatch.setattr(Relay, "_try_lead", staticmethod(yes))
    first, second = (Relay(sample_store(), pool, js, SERVICE, poll=0.01, batch=8) for _ in range(2))
    async with running(first), running(second):
        for batch in range(20):
            await write(pool, 10, batch * 10)
            first.wake()
            second.wake()
        await until(lambda: max(first.position, second.position) == 200)
    assert await positions(js) == list(range(1, 201))


async def test_another_services_events_in_between_do_no_harm(pool: Pool, js: JetStreamContext) -> None:
    stop = asyncio.Event()

    async def disturb() -> None:
        while not stop.is_set():
            await js.publish("tw.events.monitor.pond.a.blind", b'{"position": 1}')

    await write(pool, 1500)
    other = asyncio.create_task(disturb())
    async with running(Relay(sample_store(), pool, js, SERVICE, batch=100)) as relay:
        await until(lambda: relay.position == 1500, 40)
    stop.set()
    await other
    assert await positions(js) == list(range(1, 1501))


async def test_a_store_behind_its_published_history_stops_the_relay(pool: Pool, js: JetStreamContext) -> None:
    await write(pool, 2)
    ahead = {"specversion": "1.0", "source": f"/tailwarden/{SERVICE}", "position": 7, "hash": "ab" * 32}
    await js.publish("tw.events.registry.tank.a.filled", json.dumps(ahead).encode())
    with capture_logs() as logs:
        async with running(Relay(sample_store(), pool, js, SERVICE)):
            await until(lambda: any("up to position 7" in str(line.get("error")) for line in logs))
    assert await positions(js) == [7]


@pytest.mark.parametrize("headers", [None, {"Nats-Sequence": "2"}])
async def test_a_copy_of_an_old_event_neither_moves_the_relay_nor_keeps_it(
    pool: Pool, js: JetStreamContext, headers: dict[str, str] | None
) -> None:
    """Within the duplicate window and after it: history would be told again, and news would wait for it."""
    await write(pool, 20)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 20)
        old = await js.get_msg("EVENTS", 2)
        for more in (5, 10):
            await js.publish(str(old.subject), old.data or b"", headers=headers)
            await write(pool, 5, 15 + more)
            relay.wake()
            await until(lambda more=more: relay.position == 20 + more, 5)
            await asyncio.sleep(0.15)  # the tests' EVENTS forgets message ids after 100 ms
    # And one that starts anew behind such a copy.
    await js.publish(str(old.subject), old.data or b"", headers=headers)
    await write(pool, 1, 30)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 31, 5)
    copied = [2, 2, 2]
    found = await positions(js)
    for position in copied:
        found.reverse()
        found.remove(position)
        found.reverse()
    assert found == list(range(1, 32))


async def test_a_stream_made_anew_is_filled_again_whatever_the_cursor_says(pool: Pool, js: JetStreamContext) -> None:
    await write(pool, 8)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 8)
    config = (await js.stream_info("EVENTS")).config
    copy = await js.get_msg("EVENTS", 3)
    await js.delete_stream("EVENTS")
    await js.add_stream(config)
    await js.publish(str(copy.subject), b"no event")
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 8)
    events = [await js.get_msg("EVENTS", seq) for seq in range(2, 10)]
    assert [orjson.loads(each.data or b"")["position"] for each in events] == list(range(1, 9))


async def test_a_stream_that_is_not_there_yet_is_waited_for(pool: Pool, js: JetStreamContext) -> None:
    config = (await js.stream_info("EVENTS")).config
    await js.delete_stream("EVENTS")
    await write(pool, 3)
    with capture_logs() as logs:
        async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
            await until(lambda: any("interrupted" in line["event"] for line in logs))
            await js.add_stream(config)
            await until(lambda: relay.position == 3)
    assert await positions(js) == [1, 2, 3]


async def test_killed_nats_and_cut_database_connections_lose_and_repeat_nothing(
    pool: Pool, superuser: psycopg.AsyncConnection[Any], tmp_path: Path
) -> None:
    server = NatsServer(
        tmp_path / "nats", tmp_path / "nats.log", port=choose(0, what="nats"), mqtt_port=choose(0, what="mqtt"),
        secrets=Secrets(tmp_path / "secrets"),
    )  # fmt: skip
    process = Process.start(server.program())
    try:
        await asyncio.to_thread(process.wait_ready)
        client = await connect(server.url, user=SERVICE_USER, password=server.passwords[SERVICE_USER], name="tests")
        try:
            context = client.jetstream()
            await provision(context)
            await write(pool, 4000)
            async with running(Relay(sample_store(), pool, context, SERVICE, batch=50, ack_timeout=0.5)) as relay:
                for goal in (300, 900):
                    await until(lambda goal=goal: relay.position >= goal)
                    process.send(signal.SIGKILL)
                    await asyncio.to_thread(process.child.wait, 10)
                    process = Process.start(server.program())
                    await asyncio.to_thread(process.wait_ready)
                for goal in (1500, 2200):
                    await until(lambda goal=goal: relay.position >= goal)
                    await superuser.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                await until(lambda: relay.position == 4000, 40)
            assert await positions(context) == list(range(1, 4001))
        finally:
            await client.close()
    finally:
        process.stop()


async def test_the_published_history_convicts_a_forged_store(
    pool: Pool, js: JetStreamContext, superuser: psycopg.AsyncConnection[Any]
) -> None:
    """Whoever rules the database can forge chain and cursor, but not what NATS keeps."""
    assert await published_anchor(js, SERVICE) is None
    await write(pool, 5)
    async with running(Relay(sample_store(), pool, js, SERVICE)) as relay:
        await until(lambda: relay.position == 5)
    anchor = await published_anchor(js, SERVICE)
    assert anchor is not None
    async with pool.connection() as conn:
        assert (await audit(conn, [anchor])).finding is None
        async with superuser.transaction():
            await superuser.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
            await superuser.execute("DELETE FROM event WHERE position > 3")
            await superuser.execute("DELETE FROM relay_cursor")
        assert (await audit(conn)).finding is None
        assert (await audit(conn, [anchor])).finding == Finding(4, "tail")
        await write(pool, 2, 3)
        assert (await audit(conn, [anchor])).finding == Finding(5, "anchor")
