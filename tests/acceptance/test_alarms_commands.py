"""``tailwarden alarms`` against the whole system: a pond goes red, its people are told, read, answer and act."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local.running import RunningSystem
from shared.problems import NotFound, TailwardenError
from tailwarden.cli.app import app

SITE = """\
[pond]
id = "{pond}"
name = "尾矿库 {pond}"
timezone = "Asia/Shanghai"
[limits.level]
red = 309.0
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
    """The command in this process, against one running system."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, language: str = "en") -> str:
        environment = {"TAILWARDEN_HOME": str(self.home), "TAILWARDEN_LANGUAGE": language, "COLUMNS": "220"}
        done = CliRunner().invoke(app, list(arguments), env=environment)
        if isinstance(done.exception, TailwardenError):
            raise done.exception
        assert done.exit_code == 0, f"{done.output} {done.exception!r}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def until(self, *arguments: str, what: Any) -> Any:
        end = time.monotonic() + PATIENCE
        while not (found := what(self.json(*arguments))):
            assert time.monotonic() < end, f"{arguments}: {found}"
            time.sleep(0.05)
        return found

    def heard(self, *arguments: str) -> Any:
        """Ask until the notifier has heard of what was registered just now."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.json(*arguments)
            except NotFound:
                assert time.monotonic() < end, arguments
                time.sleep(0.05)

    def known(self, pond: str, folder: Path) -> Path:
        """Register a pond; return its site file."""
        site = folder / f"{pond}.toml"
        site.write_text(SITE.format(pond=pond), "utf-8")
        (folder / "level.csv").touch()
        self.run("import", str(site))
        return site

    def pond_goes_red(self, folder: Path, pond: str) -> str:
        """Register a pond with a keeper and have it go red; return the alarm's id."""
        start = datetime(2026, 7, 20, tzinfo=UTC)
        rows = [
            f"{start + timedelta(minutes=5 * step):%Y-%m-%dT%H:%M:%S%z},{level}"
            for step, level in enumerate([308.9] * 6 + [309.1] * 3)
        ]
        (folder / "level.csv").write_text("time,level\n" + "\n".join(rows) + "\n", "utf-8")
        site = self.known(pond, folder)
        person = f"keeper-{pond}"
        self.run("registry", "people", "register", person, "--name", "Li Shouba")
        self.run("registry", "grid", "assign", f"pond:{pond}", "enterprise", person)
        self.run("publish", str(site))
        return str(self.until("alarms", "list", "--pond", pond, what=lambda found: found["alarms"])[0]["alarm_id"])


@pytest.fixture
def desk(shared_system: RunningSystem) -> Desk:
    return Desk(shared_system.home)


def test_from_told_to_acted(desk: Desk, tmp_path: Path) -> None:
    alarm, keeper = desk.pond_goes_red(tmp_path, "told"), "keeper-told"
    desk.until("alarms", "show", alarm, what=lambda view: any(each["sent"] for each in view["people"]))
    assert list((desk.home / "mailbox" / keeper).glob("*.eml"))
    line = desk.run("alarms", "list", "--pond", "told")
    assert alarm in line
    assert "red" in line
    assert "1/1" in line
    assert "not answered" in line

    assert desk.json("alarms", "read", alarm, keeper)["people"][0]["read"] is not None
    answered = desk.json("alarms", "answer", alarm, keeper, "on-site", "--note", "at the dam")
    assert (answered["answered"], answered["people"][0]["note"]) == (True, "at the dam")
    step = next(each["id"] for each in answered["card"] if each["role"].startswith("enterprise"))
    photo = tmp_path / "dam.jpg"
    photo.write_bytes(b"a photo of the dam")
    digest = hashlib.sha256(b"a photo of the dam").hexdigest()
    (act,) = desk.json("alarms", "step", alarm, keeper, step, "--note", "all out", "--photo", str(photo))["acts"]
    assert (act["step_id"], act["person_id"], act["note"], act["photo_sha256"]) == (step, keeper, "all out", digest)

    shown = desk.run("alarms", "show", alarm)
    for said in ("Li Shouba", "on site “at the dam”", "mailbox ×1", "✓", "all out", digest[:12], "Proof per person"):
        assert said in shown, shown
    chinese = desk.run("alarms", "show", alarm, language="zh")
    for said in ("通知证据", "已到场", "处置卡", "迟到", "企业负责人"):
        assert said in chinese, chinese


def test_what_is_refused(desk: Desk, tmp_path: Path) -> None:
    for arguments, words in (
        (("show", "none-1"), "none-1"),
        (("answer", "none-1", "li", "maybe"), "on-site"),
        (("answer", "none-1", "li", "acknowledge"), "none-1"),
        (("step", "none-1", "li", "red-evacuate", "--photo", str(tmp_path / "no.jpg")), "no.jpg"),
        (("shelve", "p", "--reason", "x", "--by", "a"), "--for or --until"),
        (("shelve", "p", "--reason", "x", "--by", "a", "--for", "2h", "--until", "2030-01-01"), "--for or --until"),
        (("shelve", "p", "--reason", "x", "--by", "a", "--for", "soon"), "90min"),
        (("shelve", "p", "--reason", "x", "--by", "a", "--for", "2h", "--highest", "purple"), "purple"),
        (("shelve", "p", "--reason", "x", "--by", "a", "--for", "2h", "--highest", "red"), "second approver"),
        (
            ("shelve", "p", "--reason", "x", "--by", "a", "--second-approver", "A ", "--for", "2h", "--highest", "red"),
            "somebody else",
        ),
        (("shelve", "p", "--reason", "x", "--by", "a", "--until", "2020-01-01T00:00+08:00"), "has passed"),
        (("unshelve", "none", "--by", "a"), "none"),
        (("unshelve", "none", "--by", "…"), "says nothing"),
        (("list", "--pond", "X Y"), "X Y"),
        (("shelvings", "--pond", "X Y"), "X Y"),
        (("show", "\x1b[2Jnone"), r"\x1b[2Jnone"),
        (("shelve", "p", "--reason", "x", "--by", "a", "--for", "9999d"), "30 days"),
        (("shelve", "p", "--reason", "x", "--by", "a", "--for", "2h"), "no pond p"),
    ):
        with pytest.raises(TailwardenError) as refused:
            desk.run("alarms", *arguments)
        assert words in refused.value.words("en"), arguments
        assert refused.value.words("zh") != refused.value.words("en")
    done = subprocess.run(
        [sys.executable, "-m", "tailwarden", "alarms", "show", "none-1"],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "TAILWARDEN_HOME": str(desk.home), "TAILWARDEN_LANGUAGE": "zh"},
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "没有警报" in done.stderr


def test_shelved_red_is_held_back_until_unshelved(desk: Desk, tmp_path: Path) -> None:
    desk.known("shelf", tmp_path)
    for person in ("li", "han"):
        desk.run("registry", "people", "register", person, "--name", person.title())
    shelve = ("alarms", "shelve", "shelf", "--highest", "red", "--reason", "the gauge is being replaced", "--by", "Li",
              "--second-approver", "Han", "--for", "90min")  # fmt: skip
    shelving = desk.heard(*shelve)["shelving"]
    ends, begins = datetime.fromisoformat(shelving["expires"]), datetime.fromisoformat(shelving["begins"])
    assert timedelta(minutes=89) < ends - begins < timedelta(minutes=91)
    listed = desk.run("alarms", "shelvings", "--pond", "shelf")
    assert all(said in listed for said in (shelving["shelving_id"], "red", "Li", "Han", "being replaced"))

    alarm = desk.pond_goes_red(tmp_path, "shelf")
    held = desk.until("alarms", "show", alarm, what=lambda view: view["held_back"])
    assert [each["stage"] for each in held][-1] == "shelve"
    shown = desk.run("alarms", "show", alarm)
    assert "nobody has been told yet" in shown
    assert f"shelved ({shelving['shelving_id']}), until" in shown

    assert shelving["shelving_id"] in desk.run("alarms", "unshelve", shelving["shelving_id"], "--by", "Li")
    assert "nothing is shelved" in desk.run("alarms", "shelvings", "--pond", "shelf")
    told = desk.until("alarms", "show", alarm, what=lambda view: view["people"])
    assert told[0]["person_id"] == "keeper-shelf"
