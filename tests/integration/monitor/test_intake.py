"""The telemetry loop when something fails: tried again, halved, given up, and nothing passed over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import nats.js.errors
import orjson
import psycopg
import pytest
from nats.js import JetStreamContext

from services.monitor.adapters.intake import Intake
from services.monitor.adapters.telemetry import CONSUMER, Place, Pull
from shared.bus.connection import connect
from shared.bus.dead import bury, letters
from shared.problems import Fault, TailwardenError
from shared.settings import Connection
from tests.acceptance.ponds import Watched, stamp
from tests.integration.monitor.conftest import Room

YI = Watched("yi")
SUBJECT = "tw.telemetry.yi.level-1"


async def until(condition: Callable[[], Awaitable[object]], limit: float = 20.0) -> None:
    async with asyncio.timeout(limit):
        while not await condition():
            await asyncio.sleep(0.02)


class Loop:
    """An intake at work, whose burying may be made to fail."""

    def __init__(self, room: Room, js: JetStreamContext) -> None:
        self.room, self.js = room, js
        self.attempts = self.burials = 0
        self.no_burial: Exception | None = None
        self.intake = Intake(Pull(js._nc, room.desk.place, 50), room.desk, self.bury)

    async def bury(self, payload: bytes, subject: str, errors: list[TailwardenError], sequence: int) -> None:
        self.attempts += 1
        if self.no_burial is not None:
            raise self.no_burial
        self.burials += 1
        await bury(self.js, CONSUMER, payload, subject, errors, sequence)

    async def put(self, *bodies: bytes) -> int:
        for body in bodies:
            last = (await self.js.publish(SUBJECT, body)).seq
        return last

    async def place(self) -> int:
        place = await self.room.desk.place()
        return 0 if place is None else place.sequence

    async def reaches(self, sequence: int) -> None:
        async def there() -> bool:
            return await self.place() == sequence

        await until(there)

    async def stored(self) -> list[float]:
        return [value for (value,) in await self.room.rows("SELECT value FROM reading ORDER BY time")]

    async def dead(self) -> list[tuple[int | None, str]]:
        return [(each.stream_seq, each.code) async for each in letters(self.js)]


@pytest.fixture
async def loop(room: Room, connection: Connection):
    await room.register(YI)
    nc = await connect(connection, name="tests")
    made = Loop(room, nc.jetstream())
    await made.intake._pull.open()
    task = asyncio.create_task(made.intake.run())
    yield made
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await nc.close()


def good(slot: int) -> bytes:
    return orjson.dumps({"time": stamp(slot), "value": 11 + slot / 1000})


async def test_a_dead_letter_is_kept_before_the_rest_is_committed(loop: Loop) -> None:
    loop.no_burial = nats.js.errors.ServiceUnavailableError(code=503, err_code=10008, description="not yet")
    last = await loop.put(b"?", good(1), good(2))

    async def tried() -> bool:
        return loop.attempts >= 2

    await until(tried)
    assert (await loop.place(), await loop.stored()) == (0, [])
    loop.no_burial = None
    await loop.reaches(last)
    assert await loop.stored() == [11.001, 11.002]
    assert await loop.dead() == [(1, "telemetry.not_json")]


async def test_an_outage_of_the_database_buries_once(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = 3
    save = loop.room.desk.records.save_place

    async def flaky(conn: Any, consumer: str, place: Place) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise psycopg.OperationalError("the server closed the connection")
        await save(conn, consumer, place)

    monkeypatch.setattr(loop.room.desk.records, "save_place", flaky)
    last = await loop.put(b"?", good(1), good(2))
    await loop.reaches(last)
    assert await loop.stored() == [11.001, 11.002]
    assert await loop.dead() == [(1, "telemetry.not_json")]
    assert loop.burials == 1


async def test_out_of_step_once_is_mended_and_nothing_is_buried(loop: Loop) -> None:
    last = await loop.put(good(1))
    await loop.reaches(last)
    await loop.room.rows(
        "INSERT INTO reading SELECT sensor, time + interval '5 min', value, flag, tests, rule_set, received"
        " FROM reading RETURNING 1"
    )
    last = await loop.put(good(2))
    await loop.reaches(last)
    assert await loop.stored() == [11.001, 11.001]
    assert await loop.dead() == []


async def test_the_message_that_our_code_cannot_handle_is_found_and_kept(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = loop.room.desk.series.insert

    async def picky(conn: Any, rows: Any) -> int:
        if (rows.value == 11.007).any():
            raise RuntimeError("a bug of ours")
        return await insert(conn, rows)

    monkeypatch.setattr(loop.room.desk.series, "insert", picky)
    last = await loop.put(*(good(slot) for slot in range(1, 14)))
    await loop.reaches(last)
    assert await loop.stored() == [11 + slot / 1000 for slot in range(1, 14) if slot != 7]
    assert await loop.dead() == [(7, "intake.failed")]


async def test_a_fault_that_says_what_it_is_is_kept_under_its_name(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: Any) -> Any:
        raise Fault("store.too_large", type="x", bytes=1, limit=0)

    monkeypatch.setattr(loop.room.desk.series, "insert", failing)
    last = await loop.put(good(1))
    await loop.reaches(last)
    assert await loop.dead() == [(1, "store.too_large")]
