"""The warning's life by the real command: acknowledged, handled, cleared and closed are four things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.running import RunningSystem

SITE = """\
[pond]
id = "{pond}"
name = "Life of a warning"
timezone = "Asia/Shanghai"
[limits.level]
blue = 309.0
yellow = 309.8
[[sensor]]
id = "level-1"
kind = "water_level"
unit = "m"
expected_interval = "5min"
[sensor.series]
file = "level.csv"
time = "time"
value = "level"
"""

PATIENCE = 20.0


class Desk:
    """The command against one running system."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAILWARDEN_HOME": str(self._home), "TAILWARDEN_LANGUAGE": language}
        return subprocess.run(
            [sys.executable, "-m", "tailwarden", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def until(self, pond: str, what: str) -> dict[str, Any]:
        """Wait for the pond's only warning to have *what* (or, for "level", to stand)."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.json("warnings", "list", "--pond", pond, "--all")["warnings"]
            if found and found[0][what] is not None:
                warning: dict[str, Any] = found[0]
                return warning
            time.sleep(0.1)
        raise AssertionError(f"no warning of {pond} with {what} within {PATIENCE} s")


def write_site(folder: Path, pond: str, levels: list[float]) -> Path:
    start = datetime(2026, 7, 20, tzinfo=UTC)
    rows = [f"{start + timedelta(minutes=5 * step):%Y-%m-%dT%H:%M:%S%z},{level}" for step, level in enumerate(levels)]
    (folder / "level.csv").write_text("time,level\n" + "\n".join(rows) + "\n", "utf-8")
    path = folder / f"{pond}.toml"
    path.write_text(SITE.format(pond=pond), "utf-8")
    return path


UP = [308.9] * 12 + [309.1] * 6
DOWN = [308.8] * 24


@pytest.fixture
def desk(shared_system: RunningSystem) -> Desk:
    return Desk(shared_system.home)


def test_the_four_facts_of_a_warning(desk: Desk, tmp_path: Path) -> None:
    site = write_site(tmp_path, "life", UP)
    assert desk.run("import", str(site)).returncode == 0
    assert desk.run("publish", str(site)).returncode == 0
    warning = desk.until("life", "level")
    name = warning["warning_id"]
    assert (warning["level"], warning["cleared"], warning["acknowledged_by"]) == ("blue", None, None)

    seen = desk.json("warnings", "ack", name, "--by", "Li Lei")
    assert (seen["acknowledged_by"], seen["handled_by"], seen["cleared"]) == ("Li Lei", None, None)
    done = desk.json("warnings", "handle", name, "--by", "Han Meimei", "--note", "opened the decant")
    assert (done["handled_by"], done["action"], done["closed_by"]) == ("Han Meimei", "opened the decant", None)

    early = desk.run("warnings", "close", name, "--by", "Li Lei", "--evidence", "looks fine")
    assert early.returncode == 2
    assert "still stands" in early.stderr

    write_site(tmp_path, "life", UP + DOWN)
    assert desk.run("publish", str(site)).returncode == 0
    cleared = desk.until("life", "cleared")
    assert cleared["level"] is None
    assert cleared["closed_by"] is None  # cleared is not closed

    blank = desk.run("warnings", "close", name, "--by", "Li Lei", "--evidence", "   ")
    assert blank.returncode == 2
    assert "evidence" in blank.stderr
    closed = desk.json("warnings", "close", name, "--by", "Li Lei", "--evidence", "gauge read by eye, 308.8 m")
    assert (closed["closed_by"], closed["evidence"]) == ("Li Lei", "gauge read by eye, 308.8 m")
    assert desk.json("warnings", "list", "--pond", "life")["warnings"] == []

    again = desk.run("warnings", "ack", name, "--by", "Li Lei", language="zh")
    assert again.returncode == 2
    assert "已经销警" in again.stderr


def test_a_warning_that_never_was(desk: Desk) -> None:
    for act in (["show"], ["ack", "--by", "x"], ["close", "--by", "x", "--evidence", "y"]):
        done = desk.run("warnings", act[0], "none-20260720-1", *act[1:])
        assert done.returncode == 2
        assert "none-20260720-1" in done.stderr


@pytest.mark.parametrize(("language", "words"), [("en", "not acknowledged"), ("zh", "未确认")])
def test_the_table_reads_in_both_languages(desk: Desk, tmp_path: Path, language: str, words: str) -> None:
    pond = f"table-{language}"
    site = write_site(tmp_path, pond, UP)
    assert desk.run("import", str(site)).returncode == 0
    assert desk.run("publish", str(site)).returncode == 0
    name = desk.until(pond, "level")["warning_id"]
    table = desk.run("warnings", "list", "--pond", pond, language=language)
    assert name in table.stdout
    assert words in table.stdout
    shown = desk.run("warnings", "show", name, language=language)
    assert "309.1" in shown.stdout
    assert f"{pond}.toml" in shown.stdout  # the limit's document
