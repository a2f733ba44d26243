"""Loggers that speak MQTT, with a client of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiomqtt
import orjson
import pytest
from nats.js import JetStreamContext

from deploy.local.running import RunningSystem
from shared.bus.connection import connect
from shared.bus.dead import DeadLetter, letters
from shared.bus.rpc import CommandClient
from tests.acceptance.ponds import Watched, query, register, stamp, stamp_us, until


@pytest.fixture
async def js(shared_system: RunningSystem) -> AsyncIterator[JetStreamContext]:
    nc = await connect(shared_system.connection, name="mqtt-test")
    yield nc.jetstream()
    await nc.close()


@pytest.fixture
async def pond(js: JetStreamContext) -> Watched:
    made = Watched(f"mqtt-{uuid4().hex[:8]}", rain=True)
    await register(CommandClient(js._nc), [made])
    return made


def logger(system: RunningSystem, *, known: bool = True) -> aiomqtt.Client:
    to = system.connection
    name = "gateway" if known else None
    return aiomqtt.Client(
        to.mqtt_host, to.mqtt_port, username=name, password=to.nats_users["gateway"] if known else None,
        identifier=f"logger-{uuid4().hex[:8]}", timeout=10,
    )  # fmt: skip


async def expect_stored(system: RunningSystem, pond: Watched, wanted: dict[tuple[str, int], float]) -> None:
    async def stored() -> dict[tuple[str, int], float]:
        rows = await query(
            system.connection.database("owner"),
            "SELECT sensor_id, (extract(epoch FROM time) * 1000000)::bigint, value"
            " FROM monitor.reading JOIN monitor.sensor ON key = sensor WHERE pond_id = %s",
            pond.id,
        )
        return {(sensor, int(us)): value for sensor, us, value in rows}

    async def there() -> bool:
        return len(await stored()) >= len(wanted)

    await until(there, 20, "the readings are stored")
    assert await stored() == wanted


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("known", [True, False], ids=["gateway", "guest"])
async def test_every_shape_is_stored(
    shared_system: RunningSystem, js: JetStreamContext, pond: Watched, qos: int, known: bool
) -> None:
    topic = f"tw/telemetry/{pond.id}"
    shapes: list[tuple[str, Any]] = [
        (f"{topic}/level-1", {"time": stamp(1), "value": 11.01}),
        (f"{topic}/level-1", [{"time": stamp(2), "value": 1102, "unit": "cm"}, {"time": stamp(3), "value": 11.03}]),
        (f"{topic}/level-1", {"times": [stamp(4), stamp(5)], "values": [11.04, 11.05]}),
        (topic, {"sensors": ["level-1", "rain-1"], "times": [stamp(6), stamp(6)], "values": [11.06, 0.2]}),
        (topic, {"series": {"level-1": {"times": [stamp(7)], "values": [11.07]},
                            "rain-1": {"times": [stamp(7)], "values": [0.4]}}}),
    ]  # fmt: skip
    async with logger(shared_system, known=known) as client:
        for where, body in shapes:
            await client.publish(where, orjson.dumps(body), qos=qos)
    wanted = {("level-1", stamp_us(slot)): 11 + slot / 100 for slot in range(1, 8)}
    wanted |= {("rain-1", stamp_us(6)): 0.2, ("rain-1", stamp_us(7)): 0.4}
    await expect_stored(shared_system, pond, wanted)


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_bad_one_becomes_a_dead_letter_and_the_next_is_stored(
    shared_system: RunningSystem, js: JetStreamContext, pond: Watched, qos: int
) -> None:
    async with logger(shared_system) as client:
        await client.publish(f"tw/telemetry/{pond.id}/level-1", b"11.2 m", qos=qos)
        await client.publish(f"tw/telemetry/{pond.id}/level-9", orjson.dumps({"time": stamp(1), "value": 1}), qos=qos)
        await client.publish(f"tw/telemetry/{pond.id}/水位", orjson.dumps({"time": stamp(1), "value": 1}), qos=qos)
        await client.publish(
            f"tw/telemetry/{pond.id}/level-1", orjson.dumps({"time": stamp(1), "value": 11.2}), qos=qos
        )
    await expect_stored(shared_system, pond, {("level-1", stamp_us(1)): 11.2})
    found: list[DeadLetter] = []

    async def three() -> bool:
        found[:] = [each async for each in letters(js, "monitor") if pond.id in each.subject]
        return len(found) >= 3

    await until(three, 20, "the dead letters")
    assert [each.code for each in found] == ["telemetry.not_json", "telemetry.unknown_sensor", "telemetry.subject"]


async def test_a_gateway_may_publish_telemetry_and_nothing_else(
    shared_system: RunningSystem, js: JetStreamContext, pond: Watched
) -> None:
    before = (await js.stream_info("EVENTS")).state.last_seq
    async with logger(shared_system) as client:
        # The server acknowledges what it drops, as MQTT 3.1.1 has no word for a refusal.
        await client.publish("tw/events/monitor/warning/x/raised", b"{}", qos=1)
        await client.publish(f"tw/telemetry/{pond.id}/level-1", orjson.dumps({"time": stamp(1), "value": 11.2}), qos=1)
    await expect_stored(shared_system, pond, {("level-1", stamp_us(1)): 11.2})
    assert (await js.stream_info("EVENTS")).state.last_seq == before
