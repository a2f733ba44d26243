"""``tailwarden events|dead|contracts`` as a person runs them, against a NATS configured as ours is."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from nats.js import JetStreamContext

from deploy.local.nats import SERVICE_USER
from shared.bus import dead
from shared.bus.connection import connect
from shared.contracts.cloudevents import envelope, subject_of
from shared.contracts.monitor import WarningAcknowledged
from shared.problems import BadInput
from shared.settings import CONNECTION_FILE, Connection

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def home(streams: Any, tmp_path: Path) -> Path:
    to = Connection(nats_url=streams.url, nats_user=SERVICE_USER, nats_password=streams.passwords[SERVICE_USER])
    to.write(tmp_path / CONNECTION_FILE)
    return tmp_path


@pytest.fixture
async def js(home: Path) -> AsyncIterator[JetStreamContext]:
    to = Connection.read(home / CONNECTION_FILE)
    assert to is not None
    nc = await connect(to, name="tests")
    yield nc.jetstream()
    await nc.close()


def environment(home: Path, language: str = "en") -> dict[str, str]:
    return {**os.environ, "TAILWARDEN_HOME": str(home), "TAILWARDEN_LANGUAGE": language, "COLUMNS": "200"}


async def run(home: Path, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tailwarden", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, language),
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return subprocess.CompletedProcess(command, process.returncode or 0, out, err)


def event(n: int) -> tuple[str, bytes]:
    happened = WarningAcknowledged(warning_id=f"w-{n}", pond_id="p", at=datetime.now(UTC), by="王")
    stored = SimpleNamespace(
        position=n, id=uuid4(), stream="pond-p", version=n, event=happened, type=happened.event_type,
        schema_version=1, aggregate_id="p", metadata={}, recorded_at=datetime.now(UTC), hash=bytes(32),
    )  # fmt: skip
    return subject_of(happened.event_type, "p"), envelope("monitor", stored)


async def until_line(process: asyncio.subprocess.Process, act: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    """Repeat *act* until *process* writes a line, and return it as JSON."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = asyncio.create_task(process.stdout.readline())
        while not line.done():
            await act()
            await asyncio.wait({line}, timeout=0.2)
    return dict(json.loads(line.result()))


async def test_events_from_the_start(home: Path, js: JetStreamContext) -> None:
    for n in range(1, 4):
        await js.publish(*event(n))
    await js.publish("tw.events.registry.pond.p.registered", b"{}")
    done = await run(home, "events", "--from-start", "--subject", "tw.events.monitor.>", "--count", "3")
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["position"], line["data"]["by"]) for line in lines] == [(1, "王"), (2, "王"), (3, "王")]


async def test_events_from_now_on(home: Path, js: JetStreamContext) -> None:
    await js.publish(*event(1))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tailwarden", "events", stdout=subprocess.PIPE, env=environment(home)
    )
    try:
        later = iter(range(2, 10_000))

        async def publish() -> None:
            await js.publish(*event(next(later)))

        assert (await until_line(process, publish))["position"] > 1
    finally:
        process.terminate()
        await process.wait()


async def test_events_refuses_what_is_no_event_subject(home: Path) -> None:
    done = await run(home, "events", "--subject", "tw.commands.>", language="zh")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == "tailwarden: subject: 主题应以 tw.events. 开头：tw.commands.>\n"


@pytest.mark.parametrize("command", [("events",), ("dead", "list"), ("dead", "retry", "1")])
async def test_without_a_system_one_line_says_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = await run(tmp_path, *command)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"tailwarden up" in done.stderr


async def bury(js: JetStreamContext, n: int, body: bytes = b'{"value": "three"}', consumer: str = "monitor") -> int:
    error = BadInput("input.not_number", field="value", where="value", got="三")
    return await dead.bury(js, consumer, body, f"tw.telemetry.p.level-{n}", error, n)


async def test_dead_list_in_both_languages_and_as_json(home: Path, js: JetStreamContext) -> None:
    nothing = await run(home, "dead", "list")
    assert nothing.stdout == b"no dead letters\n"
    for n in (1, 2, 3):
        await bury(js, n)
    await bury(js, 4, consumer="cases")
    english, chinese = await run(home, "dead", "list"), await run(home, "dead", "list", language="zh")
    assert "value must be a number, not 三" in english.stdout.decode()
    assert "tw.telemetry.p.level-1" in english.stdout.decode()
    assert "value 应为数，收到 三" in chinese.stdout.decode()
    only = await run(home, "dead", "list", "--consumer", "monitor", "--limit", "2", "--json")
    facts = [json.loads(line) for line in only.stdout.splitlines()]
    assert [(f["seq"], f["stream_seq"], f["code"], f["size"]) for f in facts] == [
        (2, 2, "input.not_number", 18),
        (3, 3, "input.not_number", 18),
    ]
    cut = await run(home, "dead", "list", "--limit", "1")
    assert "3 earlier" in cut.stdout.decode()


async def test_dead_show(home: Path, js: JetStreamContext) -> None:
    seq = await bury(js, 1, b"\x1b[31mred\x00" + b"x" * 5000)
    shown = (await run(home, "dead", "show", str(seq), language="zh")).stdout.decode()
    assert "value 应为数，收到 三" in shown
    assert "来源主题：tw.telemetry.p.level-1" in shown
    assert not [word for word in ("Tw-Reason", "advisory", "False", "None", "seq") if word in shown]
    assert "+08:00" in shown
    assert "--raw" in shown
    assert "\x1b" not in shown
    assert len(shown) < 5000
    raw = await run(home, "dead", "show", str(seq), "--raw")
    assert raw.stdout == b"\x1b[31mred\x00" + b"x" * 5000
    facts = json.loads((await run(home, "dead", "show", str(seq), "--json")).stdout)
    assert (facts["subject"], facts["cut"], facts["headers"]["Tw-Code"]) == (
        "tw.telemetry.p.level-1",
        True,
        "input.not_number",
    )
    missing = await run(home, "dead", "show", "99")
    assert (missing.returncode, missing.stderr) == (
        2,
        b"tailwarden: there is no dead letter 99; see `tailwarden dead list`\n",
    )


async def test_dead_retry(home: Path, js: JetStreamContext) -> None:
    for n in (1, 2, 3):
        await bury(js, n, f'{{"n": {n}}}'.encode())
    await bury(js, 4, consumer="cases")
    one = await run(home, "dead", "retry", "2", "99")
    assert one.returncode == 1
    assert one.stdout == b"dead letter 2 went back to tw.telemetry.p.level-2\n"
    assert b"99" in one.stderr
    rest = await run(home, "dead", "retry", "--all", "--consumer", "monitor")
    assert rest.returncode == 0
    assert [(await js.get_msg("TELEMETRY", n)).data for n in (1, 2, 3)] == [b'{"n": 2}', b'{"n": 1}', b'{"n": 3}']
    assert [letter.seq async for letter in dead.letters(js)] == [4]
    for wrong in ([], ["1", "--all"]):
        done = await run(home, "dead", "retry", *wrong)
        assert done.returncode == 2
        assert b"--all" in done.stderr


async def test_contracts_check(tmp_path: Path) -> None:
    done = await run(tmp_path, "contracts", "export", "--check", language="zh")
    assert (done.returncode, done.stdout.decode()) == (0, "契约文件与代码一致\n")
    assert (await run(tmp_path, "contracts", "export", language="zh")).stdout == done.stdout
