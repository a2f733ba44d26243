"""A ledger by the real commands: filled in, refused, entered, asked about, exported, and entered again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from deploy.local.running import RunningSystem
from shared.problems import Conflict
from tailwarden.cli.app import app

ROWS: dict[str, list[list[Any]]] = {
    "矿山": [["ldg-m1", "试一矿", "灵寿县", "铁矿"], ["ldg-m2", "试二矿", "灵寿县"]],
    "尾矿库": [["ldg-p1", "试一库", "灵寿县", 3, None, 1500, 61]],
    "传感器": [["ldg-p1", "level", "库水位", "m", 300]],
    "人员": [
        ["ldg-zhang", "张县长", "灵寿县人民政府", "县长", "县级", "138 5555 1234"],
        ["ldg-li", "李镇长", None, None, "乡级"],
    ],
}


class Office:
    """The command against one running system."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAILWARDEN_HOME": str(self._home), "TAILWARDEN_LANGUAGE": "zh"}
        command = [sys.executable, "-m", "tailwarden", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=80)

    def said(self, *arguments: str) -> str:
        """Run the command in this process: starting one for each of many would take longer than all they do."""
        done = CliRunner().invoke(app, [*arguments, "--home", str(self._home)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.said(*arguments, "--json"))


@pytest.fixture
def office(shared_system: RunningSystem) -> Office:
    return Office(shared_system.home)


def test_a_ledger_is_filled_in_entered_and_comes_back(office: Office, tmp_path: Path) -> None:
    file, out = tmp_path / "台账.xlsx", tmp_path / "导出.xlsx"
    assert CliRunner().invoke(app, ["registry", "template", "--out", str(file), "--language", "zh"]).exit_code == 0
    book = load_workbook(file)
    for title, rows in ROWS.items():
        for row in rows:
            book[title].append(row)
    book["传感器"].append(["ldg-nowhere", "rain", "降雨量", "mm", 300])
    book.save(file)
    refused = office.run("import", str(file), "--by", "王工")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [
        "tailwarden: 台账.xlsx：1 处错误，整个文件未导入",
        "  传感器!A3 [尾矿库编号*]: 台账中没有尾矿库 ldg-nowhere；请先用 tailwarden import 登记",
    ]
    assert office.json("registry", "people", "list", "--name", "县长")["total"] == 0

    book["传感器"].delete_rows(3)
    book.save(file)
    entered = office.json("import", str(file), "--by", "王工")
    assert {each["sheet"]: each["added"] for each in entered["counts"]} == {
        "mines": 2, "people": 2, "ponds": 1, "sensors": 1,
    }  # fmt: skip

    guarantor = ("registry", "grid", "assign", "pond:ldg-p1", "guarantor")
    with pytest.raises(Conflict) as unfit:
        office.json(*guarantor, "ldg-li", "--by", "王工")
    assert unfit.value.words("zh") == "李镇长 为乡级，不能包保 ldg-p1：3 等库的包保领导应为：县级、市级、省级"
    office.json(*guarantor, "ldg-zhang", "--deputy", "ldg-li", "--by", "王工")
    answer = office.json("registry", "grid", "who", "pond:ldg-p1")
    assert [each["person"]["description"]["name"] for each in answer["answering"]] == ["张县长"]
    assert [each["description"]["name"] for each in answer["answering"][0]["deputies"]] == ["李镇长"]

    roster = ("registry", "duty", "create", "ldg-flood", "--name", "汛期值班", "--place", "county:灵寿县")
    office.json(*roster, "--role", "值班员", "--by", "王工")
    shift = "值班员|2023-07-01T08:00|2023-07-02T08:00|ldg-li"
    office.json("registry", "duty", "add", "ldg-flood", "--shift", shift, "--by", "王工")
    duty = office.json("registry", "duty", "who", "county:灵寿县", "--at", "2023-07-02T07:59")
    assert [each["person"]["id"] for each in duty["on_duty"]] == ["ldg-li"]
    span = ("--from", "2023-07-01T00:00", "--to", "2023-07-02T08:00")
    gaps = office.json("registry", "duty", "gaps", "ldg-flood", *span)["gaps"]
    assert [(gap["start"], gap["end"]) for gap in gaps] == [("2023-06-30T16:00:00Z", "2023-07-01T00:00:00Z")]
    people = office.said("registry", "people", "list")
    assert "138****1234" in people
    assert "5555" not in people

    office.said("registry", "export", "--out", str(out), "--language", "zh")
    grid = [[cell.value for cell in row] for row in load_workbook(out)["责任网格"].iter_rows(min_row=2)]
    assert ["尾矿库", "ldg-p1", "试一库", "包保责任"] in [row[:4] for row in grid]
    assert office.json("import", str(out), "--by", "李工")["changed"] is False
