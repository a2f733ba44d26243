"""The full stack's NATS, its own files and users: who may do what, and what nobody may."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError

from deploy.local.ports import HOST
from deploy.stack.loggers import add_logger, remove_logger
from deploy.stack.secrets import make_secrets
from shared.bus.connection import connect
from shared.bus.copies import provision_copy
from shared.bus.reader import read_stream
from shared.problems import Forbidden
from tests.integration.stack.conftest import StackNats

READING = b'{"time":"2020-07-22T00:00:00Z","value":1.2}'


@pytest.fixture
async def core(stack_nats: StackNats) -> AsyncIterator[JetStreamContext]:
    """The administrator's JetStream: what the services' account holds."""
    nc = await connect(stack_nats.connection("admin"), name="tests")
    yield nc.jetstream(timeout=10)
    await nc.close()


async def last(core: JetStreamContext, stream: str) -> int:
    return (await core.stream_info(stream)).state.last_seq


async def until(core: JetStreamContext, stream: str, sequence: int) -> None:
    async with asyncio.timeout(20):
        while await last(core, stream) < sequence:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def heard(server: StackNats, user: str) -> AsyncIterator[tuple[Client, list[str]]]:
    """A client and what the server says to it."""
    said: list[str] = []

    async def note(error: Exception) -> None:
        said.append(str(error).lower())

    async with server.stranger(user, said=note) as nc:
        yield nc, said


async def refused(nc: Client, said: list[str], subject: str, reply: str = "") -> bool:
    before = len(said)
    await nc.publish(subject, b"{}", reply=reply)
    await nc.flush()
    await nc.flush()
    return any("permissions violation for publish" in each for each in said[before:])


async def deaf(nc: Client, said: list[str], subject: str) -> bool:
    before = len(said)
    await nc.subscribe(subject)
    await nc.flush()
    await nc.flush()
    return any("permissions violation for subscription" in each for each in said[before:])


async def test_a_logger_sends_its_own_ponds_readings_and_nothing_else(
    stack_nats: StackNats, core: JetStreamContext
) -> None:
    events, dead = await last(core, "EVENTS"), await last(core, "DEAD")
    async with heard(stack_nats, "logger-xiakou") as (nc, said):
        for subject in ("tw.telemetry.xiakou.level-1", "tw.telemetry.xiakou"):
            kept = await nc.jetstream().publish(subject, READING)
            assert (kept.stream, said) == ("TELEMETRY", [])
        for subject in (
            "tw.telemetry.longwan.level-1",
            "tw.telemetry.longwan",
            "tw.telemetry.xiakou.level-1.more",
            "tw.events.monitor.warning.x.raised",
            "tw.commands.registry.show_pond",
            "tw.dead.monitor",
            "tw.retry.monitor-registry",
            "copy.events.x",
            "core.API.STREAM.INFO.EVENTS",
            "$JS.API.INFO",
            "$JS.API.STREAM.CREATE.MINE",
            "$JS.API.STREAM.DELETE.EVENTS",
            "$JS.API.STREAM.PURGE.TELEMETRY",
            "$JS.API.STREAM.INFO.TELEMETRY",
            "$JS.API.CONSUMER.CREATE.TELEMETRY.mine",
            "$JS.API.CONSUMER.DELETE.TELEMETRY.monitor",
            "$JS.API.CONSUMER.MSG.NEXT.TELEMETRY.monitor",
            "$JS.ACK.TELEMETRY.monitor.1.1.1.1.0",
            "$JS.API.DIRECT.GET.EVENTS",
        ):
            assert await refused(nc, said, subject), subject
        for subject in ("tw.commands.>", "tw.telemetry.>", "tw.events.>", "_INBOX.>", "$JS.>", ">", "$MQTT.>"):
            assert await deaf(nc, said, subject), subject
    assert (await last(core, "EVENTS"), await last(core, "DEAD")) == (events, dead)


async def test_a_forged_reply_puts_nothing_anywhere(stack_nats: StackNats, core: JetStreamContext) -> None:
    before = {name: await last(core, name) for name in ("TELEMETRY", "EVENTS", "DEAD")}
    async with heard(stack_nats, "logger-xiakou") as (nc, said):
        for reply in ("tw.events.monitor.warning.x.raised", "tw.dead.monitor", "tw.telemetry.longwan.level-1"):
            assert not await refused(nc, said, "tw.telemetry.xiakou.level-1", reply)
        # The server's answers were given when this one is, which comes after them.
        await nc.jetstream().publish("tw.telemetry.xiakou.level-1", READING)
    after = {name: await last(core, name) for name in before}
    assert after == {**before, "TELEMETRY": before["TELEMETRY"] + 4}


def mqtt(server: StackNats, user: str, password: str, tls: ssl.SSLContext | None) -> aiomqtt.Client:
    return aiomqtt.Client(
        HOST, server.mqtt_port, username=user, password=password, tls_context=tls, timeout=1, identifier=f"mqtt-{user}"
    )


async def test_a_logger_speaks_mqtt_over_tls(stack_nats: StackNats, core: JetStreamContext) -> None:
    before = {name: await last(core, name) for name in ("TELEMETRY", "EVENTS")}
    password = stack_nats.password("logger-xiakou")
    async with mqtt(stack_nats, "logger-xiakou", password, stack_nats.tls) as client:
        # MQTT 3.1.1 has no word for a refusal: the server acknowledges what it drops.
        for topic in ("tw/telemetry/longwan/level-1", "tw/events/monitor/warning/x/raised", "tw/commands/registry/x"):
            await client.publish(topic, READING, qos=1)
        for qos in (0, 1):
            await client.publish("tw/telemetry/xiakou/level-1", READING, qos=qos)
    await until(core, "TELEMETRY", before["TELEMETRY"] + 2)
    message = await core.get_msg("TELEMETRY", before["TELEMETRY"] + 2)
    assert str(message.subject).endswith(".xiakou.level-1")
    assert message.data == READING
    assert await last(core, "EVENTS") == before["EVENTS"]


async def test_mqtt_without_tls_password_or_trust_is_refused(stack_nats: StackNats) -> None:
    password = stack_nats.password("logger-xiakou")
    for user, word, tls in (
        ("logger-xiakou", password, None),
        ("logger-xiakou", "guess", stack_nats.tls),
        ("logger-xiakou", password, ssl.create_default_context()),  # whose authority did not sign it
        ("monitor", stack_nats.password("monitor"), stack_nats.tls),  # a user that has no business there
    ):
        with pytest.raises(aiomqtt.MqttError):
            async with mqtt(stack_nats, user, word, tls):
                pytest.fail(f"{user} came in")


async def test_nats_without_tls_or_password_is_refused(stack_nats: StackNats) -> None:
    with pytest.raises(Forbidden):
        await connect(stack_nats.connection("registry").model_copy(update={"nats_password": "guess"}))
    with pytest.raises(Forbidden):
        await connect(stack_nats.connection("registry").model_copy(update={"nats_user": None, "nats_password": None}))
    reader, writer = await asyncio.open_connection(HOST, stack_nats.port)
    info = json.loads((await reader.readline()).partition(b" ")[2])
    assert info["tls_required"]
    login = {"user": "registry", "pass": stack_nats.password("registry"), "verbose": True}
    writer.write(b"CONNECT " + json.dumps(login).encode() + b"\r\n")  # in the clear, for all that
    assert b"+OK" not in await reader.read()
    writer.close()


async def test_a_subscriber_reads_events_from_the_start_and_nothing_else(
    stack_nats: StackNats, core: JetStreamContext
) -> None:
    async with heard(stack_nats, "registry") as (registry, _), heard(stack_nats, "subscriber") as (_, _):
        first = (await registry.jetstream().publish("tw.events.registry.pond.x.registered", b"first")).seq
        async with stack_nats.stranger("subscriber", "_INBOX") as nc:
            js = nc.jetstream(timeout=5)
            live = await nc.subscribe("tw.events.>")
            await nc.flush()
            told = await js.subscribe("tw.events.registry.>", stream="EVENTS", ordered_consumer=True)
            seen = [await told.next_msg(10)]
            while seen[-1].metadata.sequence.stream < first:
                seen.append(await told.next_msg(10))
            assert seen[0].metadata.sequence.stream == 1
            assert seen[-1].data == b"first"
            await registry.jetstream().publish("tw.events.registry.pond.x.changed", b"second")
            assert (await told.next_msg(10)).data == b"second"
            assert (await live.next_msg(10)).data == b"second"
            pulling = await js.pull_subscribe("tw.events.>", durable="newcomer", stream="EVENTS")
            for message in await pulling.fetch(2, timeout=10):
                await message.ack_sync()
    async with heard(stack_nats, "subscriber") as (nc, said):
        for subject in (
            "tw.telemetry.xiakou.level-1",
            "tw.events.registry.pond.x.registered",
            "tw.commands.registry.show_pond",
            "tw.dead.x",
            "copy.events.x",
            "core.API.CONSUMER.CREATE.EVENTS.x",
            "$JS.API.STREAM.INFO.TELEMETRY",
            "$JS.API.STREAM.DELETE.EVENTS",
            "$JS.API.STREAM.CREATE.MINE",
            "$JS.API.CONSUMER.CREATE.TELEMETRY",
        ):
            assert await refused(nc, said, subject), subject
        assert await deaf(nc, said, "tw.telemetry.>")
        assert await deaf(nc, said, "tw.commands.>")


async def test_our_own_programs_follow_events_as_a_subscriber(stack_nats: StackNats) -> None:
    async with stack_nats.stranger("registry") as registry:
        sequence = (await registry.jetstream().publish("tw.events.registry.pond.y.registered", b"followed")).seq
    nc = await connect(stack_nats.connection("subscriber"), name="tests")
    try:
        async with asyncio.timeout(20):
            async for message in read_stream(nc.jetstream(), "EVENTS", "tw.events.>", follow=True):
                if message.seq == sequence:
                    break
        assert message.data == b"followed"
    finally:
        await nc.close()


async def test_what_subscribers_ask_for_stays_among_them(stack_nats: StackNats, core: JetStreamContext) -> None:
    """A consumer may deliver under any subject of its account: theirs has nothing but a copy of EVENTS."""
    before = {name: await last(core, name) for name in ("TELEMETRY", "DEAD", "EVENTS")}
    consumers = {each.name for each in await core.consumers_info("EVENTS")}
    async with stack_nats.stranger("subscriber", "_INBOX") as nc:
        js = nc.jetstream(timeout=5)
        for number, target in enumerate(("tw.dead.monitor", "tw.telemetry.xiakou.level-1", "tw.commands.registry.x")):
            config = ConsumerConfig(
                name=f"forger-{number}",
                deliver_subject=target,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=1.0,
            )
            await js.add_consumer("EVENTS", config)
        for reply in before:
            await nc.publish("$JS.API.STREAM.INFO.EVENTS", b"", reply=f"tw.{reply.lower()}.forged.x")
        await js.stream_info("EVENTS")
    assert {name: await last(core, name) for name in before} == before
    assert {each.name for each in await core.consumers_info("EVENTS")} == consumers


@pytest.mark.parametrize("user", ["registry", "cases", "monitor", "notifier", "operator"])
async def test_nobody_but_the_administrator_touches_streams(
    stack_nats: StackNats, core: JetStreamContext, user: str
) -> None:
    foreign = "registry" if user != "registry" else "monitor"
    async with heard(stack_nats, user) as (nc, said):
        for subject in (
            "$JS.API.STREAM.CREATE.MINE",
            "$JS.API.STREAM.UPDATE.EVENTS",
            "$JS.API.STREAM.DELETE.EVENTS",
            "$JS.API.STREAM.PURGE.TELEMETRY",
            "$JS.API.STREAM.MSG.DELETE.EVENTS",
            "readers.API.STREAM.DELETE.EVENTS",
            f"tw.events.{foreign}.thing.x.happened",
            "$JS.API.CONSUMER.CREATE.EVENTS.stolen-registry" if user != "operator" else "tw.dead.monitor",
            "$JS.API.CONSUMER.MSG.NEXT.TELEMETRY.monitor" if user != "monitor" else "tw.telemetry.xiakou.level-1",
        ):
            assert await refused(nc, said, subject), subject
        assert await deaf(nc, said, f"_INBOX.{foreign}.>")
        assert await deaf(nc, said, f"tw.commands.{foreign}.>")


async def test_a_logger_comes_and_goes_while_the_server_runs(stack_nats: StackNats, core: JetStreamContext) -> None:
    assert stack_nats.process is not None
    add_logger(stack_nats.secrets, "newcomer")
    new = stack_nats.connection("logger-newcomer")

    async def comes_in() -> bool:
        try:
            nc = await connect(new, name="tests")
        except Forbidden:
            return False
        await nc.close()
        return True

    assert not await comes_in()
    async with stack_nats.stranger("logger-xiakou") as other, stack_nats.stranger("subscriber", "_INBOX") as reader:
        stack_nats.process.send(signal.SIGHUP)  # docker compose kill -s HUP nats
        async with asyncio.timeout(20):
            while not await comes_in():
                await asyncio.sleep(0.05)
        async with stack_nats.stranger("logger-newcomer") as nc:
            await nc.jetstream(timeout=5).publish("tw.telemetry.newcomer.level-1", READING)
        # Whoever was there stays, and so does what goes from account to account.
        await other.jetstream(timeout=5).publish("tw.telemetry.xiakou.level-1", READING)
        assert (await reader.jetstream(timeout=5).stream_info("EVENTS")).config.mirror is not None
        remove_logger(stack_nats.secrets, "newcomer")
        stack_nats.process.send(signal.SIGHUP)
        async with asyncio.timeout(20):
            while await comes_in():
                await asyncio.sleep(0.05)
        await other.jetstream(timeout=5).publish("tw.telemetry.xiakou.level-1", READING)


async def test_events_once_in_the_stream_stay(core: JetStreamContext) -> None:
    with pytest.raises(APIError):
        await core.purge_stream("EVENTS")


async def test_the_copy_follows_an_events_stream_that_was_made_anew(stack_nats: StackNats) -> None:
    nc = await connect(stack_nats.connection("admin"), name="tests")
    try:
        js, readers = nc.jetstream(timeout=10), nc.jetstream(prefix="readers.API", timeout=10)
        assert await provision_copy(nc) == "kept"
        config = (await js.stream_info("EVENTS")).config
        await js.delete_stream("EVENTS")
        await js.add_stream(config)
        assert await provision_copy(nc) == "made anew"
        async with stack_nats.stranger("registry") as registry:
            await registry.jetstream().publish("tw.events.registry.pond.x.registered", b"again")
        await until(readers, "EVENTS", 1)
    finally:
        await nc.close()


def test_the_servers_certificate_is_for_the_names_it_is_reached_by(stack_nats: StackNats) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"):
        _greet(stack_nats, "elsewhere.example")
    _greet(stack_nats, "nats")


async def test_a_renewed_certificate_is_taken_in_while_the_server_runs(stack_nats: StackNats) -> None:
    assert stack_nats.process is not None
    async with stack_nats.stranger("registry") as there:
        make_secrets(stack_nats.secrets, ["renewed.example"])
        stack_nats.process.send(signal.SIGHUP)
        async with asyncio.timeout(20):
            while True:
                try:
                    _greet(stack_nats, "renewed.example")
                except ssl.SSLCertVerificationError:
                    await asyncio.sleep(0.05)
                else:
                    break
        assert (await there.jetstream(timeout=5).stream_info("EVENTS")).config.name == "EVENTS"
    nc = await connect(stack_nats.connection("registry"), name="tests")
    await nc.close()


def _greet(server: StackNats, name: str) -> None:
    import socket

    with (
        socket.create_connection((HOST, server.mqtt_port), 5) as raw,
        server.tls.wrap_socket(raw, server_hostname=name),
    ):
        pass
