"""Telemetry taken from JetStream: everything once, wherever the database stands, whatever happens to the consumer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from services.monitor.adapters import telemetry
from services.monitor.adapters.telemetry import CONSUMER, Place, Pull
from shared.bus.connection import connect
from shared.bus.streams import TELEMETRY
from shared.settings import Connection
from tests.acceptance.ponds import until

SUBJECT = "tw.telemetry.p.level-1"


@pytest.fixture
async def nc(connection: Connection) -> AsyncIterator[Client]:
    client = await connect(connection, name="tests")
    yield client
    await client.close()


@pytest.fixture
def js(nc: Client) -> JetStreamContext:
    return nc.jetstream()


def pull(nc: Client, place: Place | None = None, batch: int = 10) -> Pull:
    async def stored() -> Place | None:
        return place

    return Pull(nc, stored, batch)


async def put(js: JetStreamContext, first: int, last: int) -> None:
    for n in range(first, last + 1):
        await js.publish(SUBJECT, str(n).encode())


async def taken(one: Pull, count: int, limit: float = 15.0) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(limit):
        while len(found) < count:
            found += [int(message.data) for message in await one.take(0.2)]
    return found


async def created(js: JetStreamContext) -> Place:
    at = (await js.stream_info("TELEMETRY")).created
    assert at is not None
    return Place(at, 0)


async def test_everything_in_order_and_what_is_stored_is_seen_from_outside(nc: Client, js: JetStreamContext) -> None:
    await put(js, 1, 25)
    one = pull(nc)
    await one.open()
    assert await taken(one, 25) == list(range(1, 26))
    await put(js, 26, 30)
    (message,) = [each for each in await one.take() if each.data == b"26"]
    assert one.place(message).sequence == 26
    await one.acknowledge(message)

    async def seen() -> bool:
        info = await js.consumer_info("TELEMETRY", CONSUMER)
        return info.ack_floor is not None and info.ack_floor.stream_seq == 26

    await until(seen, 10, "the server has taken the acknowledgement in")
    await one.close()


async def test_what_a_killed_process_had_in_hand_comes_again_and_what_is_stored_does_not(
    nc: Client, js: JetStreamContext, connection: Connection
) -> None:
    await put(js, 1, 20)
    one = pull(nc)
    await one.open()
    assert await taken(one, 20) == list(range(1, 21))
    # It stored 7, acknowledged nothing, and died. Its successor does not wait for any redelivery.
    other = await connect(connection, name="tests-successor")
    two = pull(other, replace(await created(js), sequence=7))
    await two.open()
    assert await taken(two, 13, limit=3.0) == list(range(8, 21))
    await other.close()


async def test_a_stream_that_was_made_anew_is_read_from_its_beginning(nc: Client, js: JetStreamContext) -> None:
    await put(js, 1, 5)
    before = replace(await created(js), sequence=5)
    await js.delete_stream("TELEMETRY")
    await js.add_stream(TELEMETRY)
    await put(js, 101, 103)
    one = pull(nc, before)
    await one.open()
    assert await taken(one, 3) == [101, 102, 103]
    # And under our feet.
    await js.delete_stream("TELEMETRY")
    await js.add_stream(TELEMETRY)
    await put(js, 201, 203)
    assert await taken(one, 3) == [201, 202, 203]


async def test_a_stream_that_lost_its_end_is_read_again(nc: Client, js: JetStreamContext) -> None:
    await put(js, 1, 3)
    one = pull(nc, replace(await created(js), sequence=1000))
    await one.open()
    assert await taken(one, 3) == [1, 2, 3]


async def test_a_consumer_that_somebody_deleted_is_made_again(nc: Client, js: JetStreamContext) -> None:
    one = pull(nc)
    await one.open()
    await put(js, 1, 3)
    assert await taken(one, 3) == [1, 2, 3]
    await js.delete_consumer("TELEMETRY", CONSUMER)
    await put(js, 4, 6)
    assert await taken(one, 3) == [4, 5, 6]


async def test_what_somebody_else_swallowed_is_noticed(
    nc: Client, js: JetStreamContext, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process on our consumer: by the gap when more comes, and by asking when nothing does."""
    monkeypatch.setattr(telemetry, "_IDLE_CHECK", 0.5)
    one = pull(nc, batch=2)
    await one.open()
    await put(js, 1, 3)
    assert await taken(one, 3) == [1, 2, 3]
    thief = await js.pull_subscribe_bind(durable=CONSUMER, stream="TELEMETRY")
    stolen: list[int] = []
    got: list[int] = []
    for n in range(4, 40):
        reading = asyncio.create_task(thief.fetch(1, timeout=0.3))
        await asyncio.sleep(0.01)
        await put(js, n, n)
        with suppress(TimeoutError):
            stolen += [int(each.data) for each in await reading]
        got += [int(each.data) for each in await one.take(0.05)]
        if len(stolen) >= 2:
            break
    assert stolen
    while got[-1:] != [n] or got != list(range(4, n + 1)):
        got += await taken(one, 1)
    assert got == list(range(4, n + 1))


async def test_after_a_reconnection_nothing_is_missing(
    nc: Client, js: JetStreamContext, connection: Connection
) -> None:
    client = await connect(connection, name="tests-flaky")
    one = pull(client)
    await one.open()
    await put(js, 1, 3)
    assert await taken(one, 3) == [1, 2, 3]
    for n in range(4, 40, 6):
        transport = client._transport
        assert transport is not None
        await put(js, n, n + 2)
        transport.close()  # whatever was on its way is lost
        await put(js, n + 3, n + 5)
        assert await taken(one, 6) == list(range(n, n + 6))
    await client.close()
