"""The registry as it runs: commands over NATS, events in PostgreSQL and on the bus, read models that can be rebuilt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import orjson
import psycopg
import pytest
from nats.aio.client import Client

from services.registry import wiring
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.cloudevents import event_of, read_cloud_event
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import (
    AdoptLimits,
    ChangeSensorState,
    LimitBand,
    LimitDocument,
    PondDescription,
    PondRegistered,
    PondView,
    RegisterPond,
    RegisterSensor,
    SensorDescription,
    ShowPond,
)
from shared.eventstore import audit, verify
from shared.postgres import Pool
from shared.problems import BadInput, Conflict, NotFound, Unavailable
from shared.settings import Connection

POND = PondDescription(id="xiakou", name="下口尾矿库", county="平山县", grade=4, crest_level=312.5)
LEVEL = SensorDescription(id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)
LIMITS = LimitDocument(document="2023", effective_from=date(2023, 6, 1), bands={"level": (LimitBand(red=311.4),)})


async def until(condition: Callable[[], Awaitable[object]], limit: float = 15.0) -> None:
    async with asyncio.timeout(limit):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def nc(connection: Connection) -> AsyncIterator[Client]:
    client = await connect(connection, name="tests")
    yield client
    await client.close()


@pytest.fixture
async def registry(connection: Connection, nc: Client) -> AsyncIterator[CommandClient]:
    """The service, running in this process, and a client that it answers."""
    stop = asyncio.Event()
    task = asyncio.create_task(wiring.serve(stop, connection))
    client = CommandClient(nc)

    async def answers() -> bool:
        if task.done():
            task.result()
        try:
            await client.send(ShowPond(pond_id="none"), PondView)
        except NotFound:
            return True
        except Unavailable:
            return False
        return True

    try:
        await until(answers)
        yield client
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)


async def register_all(client: CommandClient) -> PondView:
    await client.send(RegisterPond(pond=POND, by="王工"), PondView)
    await client.send(RegisterSensor(pond_id="xiakou", sensor=LEVEL, by="王工"), PondView)
    return await client.send(AdoptLimits(pond_id="xiakou", limits=LIMITS, by="王工"), PondView)


async def test_a_site_is_registered_once_and_told_to_everybody(registry: CommandClient, nc: Client, pool: Pool) -> None:
    view = await register_all(registry)
    assert (view.version, view.changed) == (3, True)
    assert view.limits == (LIMITS,)
    assert view.sensors[0].state is SensorState.IN_SERVICE
    again = await register_all(registry)
    assert (again.version, again.changed) == (3, False)
    assert await registry.send(ShowPond(pond_id="xiakou"), PondView) == again

    js = nc.jetstream()

    async def published() -> bool:
        return (await js.stream_info("EVENTS")).state.messages == 3

    await until(published)
    message = await js.get_msg("EVENTS", 1)
    assert message.subject == "tw.events.registry.pond.xiakou.registered"
    event = event_of(read_cloud_event(message.data or b""))
    assert isinstance(event, PondRegistered)
    assert event.pond == POND

    parts = wiring.store()
    assert await verify(pool, parts.store, parts.projections) == []
    async with pool.connection() as conn:
        assert (await audit(conn)).events == 3
        row = await (await conn.execute("SELECT state, expected_interval_s FROM sensor")).fetchone()
        assert row == ("in_service", 300)
        row = await (await conn.execute("SELECT version FROM pond")).fetchone()
        assert row == (3,)
        row = await (await conn.execute("SELECT metadata::json->>'by' FROM event WHERE position = 1")).fetchone()
        assert row == ("王工",)


async def test_every_kind_of_event_has_its_read_model(
    registry: CommandClient, connection: Connection, pool: Pool
) -> None:
    await register_all(registry)
    await registry.send(RegisterPond(pond=POND.model_copy(update={"grade": 3}), by="李工"), PondView)
    feet = LEVEL.model_copy(update={"unit": "ft"})
    await registry.send(RegisterSensor(pond_id="xiakou", sensor=feet, by="李工"), PondView)
    move = ChangeSensorState(pond_id="xiakou", sensor_id="level-1", state=SensorState.MAINTENANCE, by="李工")
    view = await registry.send(move, PondView)
    assert view.sensors[0].state is SensorState.MAINTENANCE
    assert [state for _, state in view.sensors[0].state_history] == ["in_service", "maintenance"]
    parts = wiring.store()
    assert await verify(pool, parts.store, parts.projections) == []
    async with await psycopg.AsyncConnection.connect(connection.database("reader")) as reader:
        row = await (await reader.execute("SELECT kind, unit, state FROM dashboard.registered_sensor")).fetchone()
        assert row == ("water_level", "ft", "maintenance")
        row = await (await reader.execute("SELECT grade FROM dashboard.registered_pond")).fetchone()
        assert row == (3,)
        assert (await (await reader.execute("SELECT count(*) FROM dashboard.adopted_limits")).fetchone()) == (1,)


async def test_refusals_reach_the_caller_typed_and_in_words(registry: CommandClient, nc: Client) -> None:
    await register_all(registry)
    with pytest.raises(NotFound, match="there is no pond nowhere"):
        await registry.send(RegisterSensor(pond_id="nowhere", sensor=LEVEL, by="x"), PondView)
    furlong = LEVEL.model_copy(update={"unit": "furlong"})
    with pytest.raises(BadInput, match="unknown unit 'furlong'") as refused:
        await registry.send(RegisterSensor(pond_id="xiakou", sensor=furlong, by="x"), PondView)
    assert refused.value.field == "sensor.unit"
    mars = POND.model_copy(update={"timezone": "Mars/Olympus"})
    with pytest.raises(BadInput, match="unknown time zone"):
        await registry.send(RegisterPond(pond=mars, by="x"), PondView)
    rain = LEVEL.model_copy(update={"kind": SensorKind.RAIN})
    with pytest.raises(Conflict, match="cannot become a rain"):
        await registry.send(RegisterSensor(pond_id="xiakou", sensor=rain, by="x"), PondView)
    disorder = LIMITS.model_copy(update={"bands": {"level": (LimitBand(blue=2.0, red=1.0),)}})
    with pytest.raises(BadInput, match="blue 2 is above red 1") as refused:
        await registry.send(AdoptLimits(pond_id="xiakou", limits=disorder, by="x"), PondView)
    assert refused.value.field == "limits.bands.level[0].red"

    reply = await nc.request("tw.commands.registry.register_pond", b'{"pond": {"id": "a.b", "name": "x"}, "by": "x"}')
    assert orjson.loads(reply.data)["problem"]["field"] == "pond.id"
    assert (await registry.send(ShowPond(pond_id="xiakou"), PondView)).version == 3


async def test_commands_that_race_are_all_decided(registry: CommandClient) -> None:
    await registry.send(RegisterPond(pond=POND, by="x"), PondView)
    sensors = [LEVEL.model_copy(update={"id": f"level-{i}"}) for i in range(12)]
    await asyncio.gather(
        *(registry.send(RegisterSensor(pond_id="xiakou", sensor=each, by="x"), PondView) for each in sensors)
    )
    view = await registry.send(ShowPond(pond_id="xiakou"), PondView)
    assert {each.sensor.id for each in view.sensors} == {each.id for each in sensors}
    assert view.version == 13


async def test_without_a_database_the_service_says_so(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no database address for role registry"):
        await wiring.serve(asyncio.Event(), connection.model_copy(update={"database_urls": {}}))
