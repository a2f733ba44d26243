"""The README's subscriber, taken from the README and run as it stands: no password, nothing but nats-py."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local.nats import SERVICE_USER
from shared.bus.connection import connect
from tests.acceptance.test_bus_commands import event

README = Path(__file__).parents[2] / "README.md"

pytestmark = pytest.mark.timeout(60)


def subscriber() -> str:
    """Return the README's Python block that talks to NATS."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "tw.events" in block]
    return str(block)


def test_it_is_ten_lines_and_knows_nothing_of_us() -> None:
    code = subscriber()
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    assert not re.search(r"import (tailwarden|shared|services|deploy)|from (tailwarden|shared|services|deploy)", code)
    assert "password" not in code


async def test_it_prints_the_warnings_there_were_and_those_that_come(streams: Any) -> None:
    nc = await connect(streams.url, SERVICE_USER, streams.passwords[SERVICE_USER], name="tests")
    js = nc.jetstream()
    await js.publish(*event(1))
    await js.publish("tw.events.registry.pond.p.registered", b"{}")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        "-c",
        subscriber(),
        stdout=subprocess.PIPE,
        env={**os.environ, "NATS_URL": streams.url},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            before = await process.stdout.readline()
            await js.publish(*event(2))
            after = await process.stdout.readline()
    finally:
        process.terminate()
        await process.wait()
        await nc.close()
    for line, position in ((before, 1), (after, 2)):
        text = line.decode()
        assert json.loads(text[text.index("{") :])["position"] == position
