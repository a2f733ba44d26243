"""``tailwarden publish`` against real NATS and MQTT: everything sent is acknowledged and is in the stream."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deploy.local.nats import SERVICE_USER, NatsServer
from deploy.local.ports import choose
from deploy.local.process import Process
from deploy.local.secrets import Secrets
from shared.bus.connection import connect
from shared.bus.streams import provision
from shared.problems import TailwardenError, Unavailable
from shared.settings import CONNECTION_FILE, Connection
from tailwarden.telemetry import Message, Tally, merge, mqtt_sender, nats_sender, singles

SITE = """
[pond]
id = "xiakou"
name = "下口尾矿库"
timezone = "Asia/Shanghai"

[[sensor]]
id = "level-1"
kind = "water_level"
unit = "m"
expected_interval = "5min"
[sensor.series]
file = "level.csv"
time = "Time"
value = "Level"
format = "%Y-%m-%d %H:%M"

[[sensor]]
id = "rain"
kind = "rain"
unit = "mm"
expected_interval = "1h"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    rows = [f"2020-07-{22 + i // 288} {i // 12 % 24}:{i % 12 * 5:02d},{300 + i / 100}" for i in range(400)]
    (tmp_path / "level.csv").write_text("Time,Level\n" + "\n".join(rows) + "\n", "utf-8")
    path = tmp_path / "site.toml"
    path.write_text(SITE, "utf-8")
    return path


@pytest.fixture
def home(connection: Connection, tmp_path: Path) -> Path:
    connection.write(tmp_path / "home" / CONNECTION_FILE)
    return tmp_path / "home"


def publish(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tailwarden", "publish", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


async def stored(connection: Connection) -> list[tuple[str, dict[str, object]]]:
    """Return every message of the stream."""
    nc = await connect(connection, name="tests")
    try:
        js = nc.jetstream()
        last = (await js.stream_info("TELEMETRY")).state.last_seq
        found = [await js.get_msg("TELEMETRY", seq) for seq in range(1, last + 1)]
        return [(str(message.subject), json.loads(message.data or b"")) for message in found]
    finally:
        await nc.close()


@pytest.mark.parametrize("via", ["nats", "mqtt"])
def test_columns_at_once(connection: Connection, site: Path, home: Path, via: str) -> None:
    done = publish(site, "--via", via, "--batch", 150, "--json", "--home", home)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["pond"], report["sent"], report["acknowledged"], report["messages"]) == ("xiakou", 400, 400, 3)
    messages = asyncio.run(stored(connection))
    assert [subject for subject, _ in messages] == ["tw.telemetry.xiakou"] * 3
    columns = messages[0][1]["series"]
    assert isinstance(columns, dict)
    assert columns["level-1"]["times"][0] == "2020-07-21T16:00:00Z"
    assert columns["level-1"]["unit"] == "m"


def test_paced_in_single_readings_and_a_span(connection: Connection, site: Path, home: Path) -> None:
    done = publish(site, "--speed", 36000, "--from", "2020-07-22", "--to", "2020-07-22T01:00+08:00", "--home", home)
    assert (done.returncode, done.stderr) == (0, "")
    assert "13 of 13 readings sent in 13 messages, 13 acknowledged" in done.stdout
    messages = asyncio.run(stored(connection))
    assert {subject for subject, _ in messages} == {"tw.telemetry.xiakou.level-1"}
    assert [body["value"] for _, body in messages] == [300 + i / 100 for i in range(13)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--speed", "0"), "--speed: the speed is a number above 0 or max, not 0"),
        (("--speed", "nan"), "--speed"),
        (("--from", "yesterday"), "--from: yesterday is not a time"),
        (("--from", "2031-01-01"), "hold no reading in the span"),
    ],
)
def test_what_is_refused_before_anything_is_sent(site: Path, arguments: tuple[str, ...], says: str) -> None:
    done = publish(site, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_series_or_system(site: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.toml"
    bare.write_text(SITE.split("[sensor.series]")[0], "utf-8")
    assert "add [sensor.series]" in publish(bare).stderr
    done = publish(site, "--home", tmp_path / "nobody")
    assert done.returncode == 2
    assert "tailwarden up" in done.stderr


async def test_a_subject_without_a_stream_is_not_passed_over(
    streams: NatsServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailwarden.telemetry.PATIENCE", 0.3)
    tally = Tally(1)
    with pytest.raises(Unavailable, match="0 readings were acknowledged"):
        async with nats_sender(connection, tally) as send:
            await send(Message("tw.nowhere.p", b"{}", 1, 0))
    assert (tally.sent, tally.acknowledged) == (1, 0)


async def test_a_stream_that_refuses_is_said(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailwarden.telemetry.ACK_LIMIT", 0.5)
    nc = await connect(connection, name="tests")
    config = (await nc.jetstream().stream_info("TELEMETRY")).config
    config.max_msg_size = 10
    await nc.jetstream().update_stream(config)
    await nc.close()
    with pytest.raises(TailwardenError, match="refused"):
        async with nats_sender(connection, Tally(1)) as send:
            await send(Message("tw.telemetry.p", b"x" * 100, 1, 0))


async def test_no_mqtt_server() -> None:
    nowhere = Connection(nats_url="nats://127.0.0.1:1", mqtt_port=1)
    with pytest.raises(Unavailable, match="MQTT at"):
        async with mqtt_sender(nowhere, Tally(0)):
            pass


async def test_hundreds_of_singles_stay_in_order(connection: Connection) -> None:
    merged = merge({"level-1": ("m", np.arange(500) * 1_000_000, np.arange(500.0))})
    for opened in (nats_sender(connection, Tally(500)), mqtt_sender(connection, Tally(500))):
        async with opened as send:
            for message in singles("p", merged):
                await send(message)
    values = [body["value"] for _, body in await stored(connection)]
    assert values == [*range(500), *range(500)]


async def test_nats_killed_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailwarden.telemetry.ACK_LIMIT", 1.0)
    server = NatsServer(
        tmp_path / "nats",
        tmp_path / "nats.log",
        port=choose(0, what="nats"),
        mqtt_port=choose(0, what="mqtt"),
        secrets=Secrets(tmp_path / "secrets"),
    )
    here = Connection(nats_url=server.url, nats_user=SERVICE_USER, nats_password=server.passwords[SERVICE_USER])
    process = Process.start(server.program())
    try:
        await asyncio.to_thread(process.wait_ready)
        nc = await connect(here, name="tests")
        await provision(nc.jetstream())
        await nc.close()
        merged = merge({"level-1": ("m", np.arange(600) * 1_000_000, np.arange(600.0))})
        tally = Tally(600)
        async with nats_sender(here, tally) as send:
            for message in singles("p", merged):
                if tally.sent in (200, 400):
                    os.kill(process.pid, signal.SIGKILL)
                    process.stop()
                    process = Process.start(server.program())
                await send(message)
        await asyncio.to_thread(process.wait_ready)
        assert (tally.sent, tally.acknowledged) == (600, 600)
        assert {body["value"] for _, body in await stored(here)} == set(range(600))
    finally:
        process.stop()
