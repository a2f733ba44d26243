"""``tailwarden import`` as a person runs it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from services.registry import wiring
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.registry import PondView, ShowPond
from shared.problems import NotFound, Unavailable
from shared.settings import CONNECTION_FILE, Connection

SITE = """\
[pond]
id = "xiakou"
name = "下口尾矿库"
[limits.level]
blue = 309.0
red = 311.4
[[sensor]]
id = "level-1"
kind = "water_level"
unit = "m"
expected_interval = "5min"
"""


def tailwarden(*arguments: str, home: Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TAILWARDEN_HOME": str(home), "TAILWARDEN_LANGUAGE": language}
    return subprocess.run(
        [sys.executable, "-m", "tailwarden", *arguments], capture_output=True, text=True, env=environment, timeout=60
    )


@pytest.fixture
async def home(connection: Connection, tmp_path: Path) -> AsyncIterator[Path]:
    """The home of a system whose registry runs here, and whose monitor only says which version it has seen."""
    connection.write(tmp_path / "home" / CONNECTION_FILE)
    stop = asyncio.Event()
    task = asyncio.create_task(wiring.serve(stop, connection))
    nc = await connect(connection, name="tests")
    asked = 0

    async def monitor(message: Msg) -> None:
        nonlocal asked
        asked += 1
        standing = {"pond_id": "xiakou", "registry_version": min(asked, 3)}
        await message.respond(json.dumps({"result": {"ponds": [standing]}}).encode())

    await nc.subscribe("tw.commands.monitor.show_pond", cb=monitor)
    client = CommandClient(nc)
    try:
        async with asyncio.timeout(15):
            while not task.done():
                try:
                    await client.send(ShowPond(pond_id="none"), PondView)
                except NotFound:
                    break
                except Unavailable:
                    await asyncio.sleep(0.02)
        yield tmp_path / "home"
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)
        await nc.close()


async def test_import_registers_waits_and_may_be_repeated(home: Path, tmp_path: Path) -> None:
    site = tmp_path / "xiakou.toml"
    site.write_text(SITE, "utf-8")
    first = await asyncio.to_thread(tailwarden, "import", str(site), "--by", "王工", home=home)
    assert first.returncode == 0, first.stderr
    assert "registered: 下口尾矿库 (xiakou)" in first.stdout
    assert "water level" in first.stdout
    assert "309 / 311.4" in first.stdout
    assert "The monitor has seen it." in first.stdout
    again = await asyncio.to_thread(tailwarden, "import", str(site), "--json", home=home)
    view = PondView.model_validate_json(again.stdout)
    assert (view.version, view.changed) == (3, False)
    chinese = await asyncio.to_thread(tailwarden, "import", str(site), "--no-wait", home=home, language="zh")
    assert "无变化：下口尾矿库" in chinese.stdout


@pytest.mark.parametrize(
    ("old", "new", "line", "language", "words"),
    [
        ("blue = 309.0", "blue = 312.0", 6, "zh", "限值次序颠倒"),
        ("[pond]", "[pond", 1, "en", "TOML syntax error"),
        (SITE, SITE + SITE[SITE.index("[[sensor]]") :], 13, "en", "two sensors of the id 'level-1'"),
    ],
)
def test_a_bad_site_file_is_one_line_and_exit_code_2(
    tmp_path: Path, old: str, new: str, line: int, language: str, words: str
) -> None:
    site = tmp_path / "bad.toml"
    site.write_text(SITE.replace(old, new), "utf-8")
    done = tailwarden("import", str(site), home=tmp_path / "none", language=language)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"bad.toml:{line}" in done.stderr
    assert words in done.stderr


def test_without_a_running_system(tmp_path: Path) -> None:
    site = tmp_path / "xiakou.toml"
    site.write_text(SITE, "utf-8")
    done = tailwarden("import", str(site), home=tmp_path / "none")
    assert done.returncode == 2
    assert "tailwarden up" in done.stderr
    assert done.stderr.count("\n") == 1
