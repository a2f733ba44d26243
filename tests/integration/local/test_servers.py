"""The embedded servers: who may do what, and that they come back on their ports with what they held."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import aiomqtt
import nats
import psutil
import psycopg
import pytest
from nats.errors import NoServersError
from nats.js.api import AckPolicy, ConsumerConfig

from deploy.local import places
from deploy.local.nats import NatsServer
from deploy.local.places import temporary_home
from deploy.local.ports import choose
from deploy.local.postgres import PostgresServer
from deploy.local.process import Process
from deploy.local.secrets import Secrets
from shared.bus.copies import provision_copy
from shared.bus.streams import provision
from shared.problems import Fault
from shared.settings import Connection
from tests.conftest import in_thread

pytestmark = pytest.mark.usefixtures("streams")


async def client(connection: Connection, user: str | None = None, **options):
    password = None
    if user is not None:
        password = connection.nats_password if user == "tailwarden" else connection.nats_users[user]
    return await nats.connect(connection.nats_url, user=user, password=password, **options)


async def stored(connection: Connection, stream: str) -> int:
    nc = await client(connection, "tailwarden")
    try:
        return (await nc.jetstream().stream_info(stream)).state.messages
    finally:
        await nc.close()


async def refusals(connection: Connection, user: str | None, subject: str) -> list[str]:
    """What the server says to *user* publishing to *subject*."""
    said: list[str] = []

    async def note(error: Exception) -> None:
        said.append(str(error))

    nc = await client(connection, user, error_cb=note)
    await nc.publish(subject, b"{}")
    await nc.flush()
    await nc.flush()
    await nc.close()
    return said


@pytest.mark.parametrize("user", [None, "gateway"])
async def test_a_logger_publishes_readings_and_nothing_else(connection: Connection, user: str | None) -> None:
    assert await refusals(connection, user, "tw.telemetry.xiakou.level-1") == []
    assert await stored(connection, "TELEMETRY") == 1
    for subject in (
        "tw.events.monitor.pond.x.raised",
        "tw.commands.registry.register_pond",
        "tw.dead.x",
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.INFO.TELEMETRY",
        "$JS.API.CONSUMER.DELETE.EVENTS.newcomer",
        "$JS.API.CONSUMER.CREATE.TELEMETRY.mine",
        "core.API.CONSUMER.CREATE.EVENTS.mine",
        "copy.events.x",
    ):
        said = await refusals(connection, user, subject)
        assert said, subject
        assert "permissions violation" in said[0].lower()


async def test_what_guests_forge_or_ask_for_reaches_nothing_of_the_services(connection: Connection) -> None:
    """NATS checks neither reply subjects nor consumers' targets: the guests' account holds nothing to hit with them."""
    nc = await client(connection, "tailwarden")
    js = nc.jetstream(timeout=30)
    await js.publish("tw.events.monitor.warning.xiakou.raised", b"first")
    guest = await client(connection)
    asking = guest.jetstream(timeout=30)
    targets = ("tw.events.monitor.warning.x.raised", "tw.dead.monitor", "tw.telemetry.xiakou.level-1")
    for target, name in zip(targets, ("monitor-registry", "cases-registry", "notifier-registry"), strict=True):
        await guest.publish("tw.telemetry.xiakou.level-1", b"{}", reply=target)
        await guest.publish("$JS.API.STREAM.INFO.EVENTS", b"", reply=target)
        # A consumer of the services' names, with a target of theirs: of the guests' own copy all the same.
        config = ConsumerConfig(durable_name=name, deliver_subject=target, ack_policy=AckPolicy.NONE)
        await asking.add_consumer("EVENTS", config)
    await guest.flush()
    assert await js.consumers_info("EVENTS") == []
    assert [await stored(connection, name) for name in ("TELEMETRY", "EVENTS", "DEAD")] == [3, 1, 0]
    await guest.close()
    await nc.close()


async def test_a_logger_may_speak_mqtt_without_a_password(connection: Connection) -> None:
    async with aiomqtt.Client(connection.mqtt_host, connection.mqtt_port) as mqtt:
        await mqtt.publish("tw/telemetry/xiakou/level-1", b'{"time":"2020-07-22T00:00:00Z","value":1.2}', qos=1)
    async with asyncio.timeout(30):
        while await stored(connection, "TELEMETRY") < 1:
            await asyncio.sleep(0.02)


async def test_a_gateway_may_speak_mqtt_with_its_password(connection: Connection) -> None:
    word = connection.nats_users["gateway"]
    async with aiomqtt.Client(connection.mqtt_host, connection.mqtt_port, username="gateway", password=word) as mqtt:
        await mqtt.publish("tw/telemetry/xiakou", b"{}", qos=1)
    async with asyncio.timeout(30):
        while await stored(connection, "TELEMETRY") < 1:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("user", [None, "subscriber"])
async def test_a_stranger_reads_events_live_and_from_the_start(connection: Connection, user: str | None) -> None:
    nc = await client(connection, "tailwarden")
    await nc.jetstream(timeout=30).publish("tw.events.monitor.warning.xiakou.raised", b"first")
    stranger = await client(connection, user)
    live = await stranger.subscribe("tw.events.>")
    await stranger.flush()
    heard = None
    async with asyncio.timeout(60):
        while heard is None:  # plain NATS delivers at most once: said until it is heard
            await nc.jetstream(timeout=30).publish("tw.events.monitor.warning.xiakou.cleared", b"second")
            with suppress(nats.errors.TimeoutError):
                heard = await live.next_msg(3)
    assert heard.data == b"second"
    history = await stranger.jetstream(timeout=30).subscribe("tw.events.>", stream="EVENTS", ordered_consumer=True)
    assert [(await history.next_msg(30)).data for _ in range(2)] == [b"first", b"second"]
    pulling = await stranger.jetstream(timeout=30).pull_subscribe("tw.events.>", durable="newcomer", stream="EVENTS")
    for message in await pulling.fetch(2, timeout=30):
        await message.ack_sync()
    with pytest.raises(Exception, match=r"(?i)timeout|permissions"):
        await stranger.jetstream(timeout=0.3).stream_info("TELEMETRY")
    await stranger.close()
    await nc.close()


async def test_answers_meant_for_others_are_not_heard_by_strangers(connection: Connection) -> None:
    stranger = await client(connection)
    seen: list[bytes] = []

    async def note(message) -> None:
        seen.append(message.data)

    for subject in ("_INBOX.>", "tw.events.>"):
        await stranger.subscribe(subject, cb=note)
    await stranger.flush()
    nc = await client(connection, "tailwarden", inbox_prefix=b"_INBOX.tw")
    for inbox in ("_INBOX.tw.secret", "_INBOX.secret"):
        await nc.publish(inbox, b"for somebody else")
    async with asyncio.timeout(30):
        while not seen:  # plain NATS delivers at most once: said until it is heard, after what is not for them
            await nc.publish("tw.events.monitor.warning.xiakou.raised", b"for anybody")
            await nc.flush()
            await asyncio.sleep(0.02)
    assert set(seen) == {b"for anybody"}
    await stranger.close()
    await nc.close()


def test_a_home_that_knew_no_accounts_keeps_its_streams(tmp_path: Path) -> None:
    """What an earlier version stored in the server's one account goes to the account it belongs to now."""
    server = NatsServer(
        tmp_path / "nats", tmp_path / "log", port=choose(0, what="nats"), mqtt_port=choose(0, what="mqtt"),
        secrets=Secrets(tmp_path / "secrets"), sync=False,
    )  # fmt: skip
    before = replace(server.program(), before_start=server.prepare)
    options = server._options()
    users = [user for account in options["accounts"].values() for user in account["users"]]
    old = {name: value for name, value in options.items() if name != "accounts"}
    server._options = lambda: {**old, "authorization": {"users": users}}

    async def run(work) -> None:
        nc = await nats.connect(server.url, user="tailwarden", password=server.passwords["tailwarden"])
        try:
            await work(nc)
        finally:
            await nc.close()

    async def store(nc) -> None:
        await provision(nc.jetstream())
        await nc.jetstream().publish("tw.events.monitor.warning.xiakou.raised", b"long ago")
        await nc.jetstream().pull_subscribe("tw.events.>", durable="monitor-registry", stream="EVENTS")

    async def find(nc) -> None:
        js = nc.jetstream()
        assert {each.action for each in await provision(js)} == {"kept"}
        assert (await js.get_msg("EVENTS", 1)).data == b"long ago"
        assert [each.name for each in await js.consumers_info("EVENTS")] == ["monitor-registry"]
        assert await provision_copy(nc) == "created"

    process = Process.start(before)
    process.wait_ready()
    in_thread(lambda: run(store))
    process.stop()
    assert (tmp_path / "nats" / "jetstream" / "$G" / "streams" / "EVENTS").is_dir()
    del server._options
    process = Process.start(server.program())
    try:
        process.wait_ready()
        in_thread(lambda: run(find))
    finally:
        process.stop()


async def test_a_wrong_password_is_no_guest(connection: Connection) -> None:
    nc = nats.NATS()
    options = {"allow_reconnect": False, "max_reconnect_attempts": 0}
    with pytest.raises((NoServersError, nats.errors.Error)):
        await nc.connect(connection.nats_url, user="gateway", password="guess", **options)
    await nc.close()


async def test_an_oversized_message_reaches_the_stream(connection: Connection) -> None:
    nc = await client(connection, "tailwarden")
    await nc.publish("tw.telemetry.xiakou.level-1", b" " * 10_000_000)
    await nc.flush()
    await nc.close()
    assert await stored(connection, "TELEMETRY") == 1


def test_configuration_is_its_owners_only_and_syncs_always(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, tmp_path / "log", port=1, mqtt_port=2, secrets=Secrets(tmp_path / "s"))
    server.prepare()
    assert server.configuration.stat().st_mode & 0o777 == 0o600
    assert json.loads(server.configuration.read_text())["jetstream"]["sync_interval"] == "always"


@pytest.mark.parametrize("role", ["registry", "monitor"])
def test_a_service_reaches_its_own_schema_only(database: dict[str, str], role: str) -> None:
    other = {"registry": "monitor", "monitor": "registry"}[role]
    with psycopg.connect(database[role], autocommit=True) as connection:
        assert connection.execute("SELECT session_user").fetchone() == (f"tailwarden_{role}",)
        connection.execute(f"SELECT FROM {role}.event")
        for statement in (
            f"SELECT FROM {other}.event",
            f"DELETE FROM {role}.event",
            "CREATE SCHEMA mine",
            "CREATE TABLE public.mine ()",
            "SELECT pg_read_file('/etc/hostname')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_nobody_enters_without_the_password(database: dict[str, str]) -> None:
    address = database["monitor"].split("@", 1)[1]
    for login in ("tailwarden_monitor", "postgres", "tailwarden_monitor:guess"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://{login}@{address}", connect_timeout=5)


@pytest.fixture
def durable(tmp_path: Path):
    """A PostgreSQL with our real settings."""
    with temporary_home() as home:
        server = PostgresServer(home / "pg", home / "log", port=choose(0, what="pg"), secrets=Secrets(home / "secrets"))
        process = Process.start(server.program())
        try:
            process.wait_ready()
            server.provision()
            yield server, process
        finally:
            process.stop()


def test_postgresql_keeps_every_commit_through_kill_9(durable) -> None:
    server, process = durable
    with psycopg.connect(server.url("owner"), autocommit=True) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        connection.execute("CREATE SCHEMA s CREATE TABLE t (n int)")
        connection.execute("INSERT INTO s.t SELECT generate_series(1, 1000)")
        process.send(signal.SIGKILL)
        process.child.wait(10)
    again = Process.start(server.program())
    try:
        again.wait_ready()
        server.provision()
        with psycopg.connect(server.url("owner")) as connection:
            assert connection.execute("SELECT count(*) FROM s.t").fetchone() == (1000,)
    finally:
        again.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")
def test_data_lie_where_the_servers_user_can_reach_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with temporary_home() as elsewhere:
        monkeypatch.setattr(places, "FALLBACK_ROOT", elsewhere)
        server = PostgresServer(
            closed / "pg",
            tmp_path / "log",
            port=choose(0, what="pg"),
            secrets=Secrets(closed),
            settings={"fsync": "off"},
        )
        assert elsewhere in server.directory.parents
        process = Process.start(server.program())
        try:
            process.wait_ready()
            assert psutil.Process(process.pid).uids().effective != 0
        finally:
            process.stop()


def test_an_interrupted_initdb_is_done_again(tmp_path: Path) -> None:
    with temporary_home() as home:
        (home / "pg.new").mkdir()
        (home / "pg.new" / "PG_VERSION").write_text("18")
        server = PostgresServer(
            home / "pg",
            home / "log",
            port=choose(0, what="pg"),
            secrets=Secrets(home / "secrets"),
            settings={"fsync": "off"},
        )
        server.prepare()
        assert (server.directory / "PG_VERSION").exists()
        assert not (home / "pg.new").exists()


def test_a_server_that_cannot_start_says_why() -> None:
    with temporary_home() as home:
        server = NatsServer(
            home,
            home / "log",
            port=choose(0, what="nats"),
            mqtt_port=choose(0, what="mqtt"),
            secrets=Secrets(home / "s"),
        )
        first = Process.start(server.program())
        try:
            first.wait_ready()
            second = Process.start(server.program())
            with pytest.raises(Fault, match="address already in use"):
                second.wait_ready()
        finally:
            first.stop()
