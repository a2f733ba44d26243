"""A county's reduction plan by the real command: planned, carried out, reconciled, and closure never downgraded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local.running import RunningSystem
from shared.problems import BadInput, Conflict
from tailwarden.cli.app import app

PLAN = """\
id = "pl-yuanshi"
title = "元氏县非煤矿山压减方案"
scope = "county"
place = "元氏县·验收"
baseline_on = 2022-12-31
baseline_count = 4
target_count = 2
deadline = 2023-12-31
closures = [{ mine_id = "pl-a", deadline = 2023-06-30 }]
mergers = [{ members = ["pl-b", "pl-c"], into = "pl-b", deadline = 2023-12-31 }]
"""


class Office:
    """The command against one running system: ``run`` as a process of its own, ``json`` and ``shown`` inside this one.

    A process takes a second to start, so most of the dozen acts do without.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAILWARDEN_HOME": str(self._home), "TAILWARDEN_LANGUAGE": language}
        command = [sys.executable, "-m", "tailwarden", "registry", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env={**environment, "COLUMNS": "200"}, timeout=60
        )

    def shown(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, ["registry", *arguments, "--home", str(self._home)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def json(self, *arguments: str) -> Any:
        return json.loads(self.shown(*arguments, "--json"))


def test_a_plan_from_the_file_to_the_last_closed_mine(shared_system: RunningSystem, tmp_path: Path) -> None:
    office = Office(shared_system.home)
    by = ("--by", "王工")
    opened = ("--on", "2022-12-31", *by)
    county = ("--county", "元氏县·验收")
    office.json("mines", "register", "pl-a", "--name", "甲矿", *county, "--suspended", "证照到期", *opened)
    for mine_id, name in (("pl-b", "乙矿"), ("pl-c", "丙矿"), ("pl-d", "丁矿")):
        office.json("mines", "register", mine_id, "--name", name, *county, *opened)
    file = tmp_path / "plan.toml"
    file.write_text(PLAN, "utf-8")
    plan = office.json("plans", "set", str(file), "--on", "2023-03-20", *by)
    assert (plan["mines_before"], plan["mines_planned"], plan["changed"]) == (4, 2, True)

    spring = ("--on", "2023-03-20", *by)
    to_close = ("--basis", "law-01", "--deadline", "2023-06-30", "--responsible", "李县长")
    office.json("mines", "plan-closure", "pl-a", *to_close, *spring)
    merger = ("--member", "pl-b", "--member", "pl-c", "--into", "pl-b", "--deadline", "2023-12-31")
    office.json("mines", "merger", "plan", "pl-m", *merger, "--responsible", "李县长", *spring)
    downgraded = office.run("mines", "suspend", "pl-a", "--reason", "停产整顿", *by, language="zh")
    assert downgraded.returncode == 2
    assert "不得降为停产停建" in downgraded.stderr
    with pytest.raises(BadInput, match="evidence is needed"):
        office.json("mines", "close", "pl-a", *by)

    proof = ("--evidence", "石安〔2023〕1号 关闭验收意见")
    closed = office.json("mines", "close", "pl-a", *proof, "--on", "2023-06-20", *by)
    assert closed["mine"]["status"] == "closed"
    with pytest.raises(Conflict, match="was changed by somebody else: you saw version 1"):
        office.json("mines", "resume", "pl-a", "--approval", "批复", "--expected-version", "1", *by)
    listed = office.json("mines", "list", *county, "--status", "closed")
    assert [each["id"] for each in listed["mines"]] == ["pl-a"]
    stood = office.json("mines", "show", "pl-a", "--as-of", "2023-05-01")
    assert stood["mine"]["status"] == "closing"

    june = office.json("plans", "show", "pl-yuanshi", "--as-of", "2023-06-30")
    assert (june["mines_now"], june["closures_done"], june["merged_from"], june["merged_into"]) == (3, 1, 2, 1)
    assert june["differences"] == []
    told = office.run("plans", "show", "pl-yuanshi", language="zh")
    assert told.returncode == 0, told.stderr
    for words in (
        "计划 2 座整合为 1 座，已完成 0 座整合为 0 座",
        "完成 1 / 计划 1",
        "乙矿 (pl-b)：逾期，期限 2023-12-31",
    ):
        assert words in told.stdout
    for arguments in (("mines", "list", *county), ("mines", "show", "pl-d"), ("mines", "merger", "show", "pl-m")):
        assert "pl-" in office.shown(*arguments)


def test_a_mine_that_stays(shared_system: RunningSystem) -> None:
    office = Office(shared_system.home)
    on, later = ("--on", "2023-03-01", "--by", "王工"), ("--on", "2023-04-01", "--by", "王工")
    office.json("mines", "register", "st-a", "--name", "甲矿", "--county", "某县", *on)
    office.json("mines", "suspend", "st-a", "--reason", "证照到期", "--guarantor", "赵镇长", "--power-limit", "50", *on)
    kept = office.json("mines", "controls", "st-a", "--watch", "两人驻矿", *on)["mine"]["suspension"]["controls"]
    assert (kept["guarantors"], kept["on_site_watch"], kept["power_limit_kw"]) == (["赵镇长"], "两人驻矿", 50)
    office.json("mines", "patrol", "st-a", "--found", "无作业", "--in-order", *on)
    assert "无作业" in office.shown("mines", "show", "st-a")
    office.json("mines", "resume", "st-a", "--approval", "复产批复", *later)
    term = ("--deadline", "2023-12-31", "--responsible", "李矿长")
    office.json("mines", "improve", "st-a", "--measure", "通风改造", *term, *later)
    office.json("mines", "improved", "st-a", "--evidence", "验收意见", *later)
    policy = ("--target", "保留提升", "--measure", "通风改造", "--owner", "李县长")
    office.json("mines", "policy", "st-a", *policy, "--start", "2023-04-01", "--due", "2023-12-31", *later)
    amended = office.json("mines", "amend", "st-a", "--mineral", "铁", *later)["mine"]
    assert (amended["description"]["name"], amended["description"]["mineral"]) == ("甲矿", "铁")
    out = ("--basis", "exit-02", "--deadline", "2023-12-31", "--responsible", "李县长")
    office.json("mines", "plan-phase-out", "st-a", *out, *later)
    gone = office.json("mines", "phase-out", "st-a", "--evidence", "退出公告", *later)
    assert gone["mine"]["status"] == "phased_out"
    office.json("mines", "register", "st-b", "--name", "乙矿", "--county", "某县", *on)
    office.json("mines", "register", "st-c", "--name", "丙矿", "--county", "某县", *on)
    mines = ("--member", "st-b", "--member", "st-c", "--into", "st-c")
    office.json("mines", "merger", "plan", "st-m", *mines, *term, *later)
    office.json("mines", "merger", "withdraw", "st-m", "--reason", "不再整合", *later)
    office.json("mines", "merger", "plan", "st-n", *mines, *term, *later)
    assert office.json("mines", "merger", "complete", "st-n", "--evidence", "换证", *later)["mine"]["absorbed"] == [
        "st-b"
    ]
    states = {each["id"]: each["state"] for each in office.json("mines", "merger", "list")["mergers"]}
    assert (states["st-m"], states["st-n"]) == ("withdrawn", "completed")
