"""A finding of a letter by the real commands: entered, refused, worked through, closed out, told."""

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
from tailwarden.cli.app import app

LETTER = (
    "cases", "letters", "receive", "desk-letter", "--number", "矿安冀函〔2023〕5号", "--title", "建议函",
    "--issuer", "河北局", "--received", "2023-02-07", "--addressee", "石家庄市人民政府", "--text", "一、二、三",
)  # fmt: skip
RAISE = (
    "cases", "findings", "raise", "desk-f1", "--title", "停用未闭库", "--quote", "仍未完成闭库治理并销号",
    "--subject", "pond:xiakou=下口尾矿库", "--county", "平山县", "--letter", "desk-letter", "--number", "1",
    "--recurrence-of", "2022年7月监督监察提出", "--on", "2023-02-07",
)  # fmt: skip


class Desk:
    """The command against one running system."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAILWARDEN_HOME": str(self._home), "TAILWARDEN_LANGUAGE": language}
        command = [sys.executable, "-m", "tailwarden", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    def json(self, *arguments: str) -> Any:
        """Run the command in this process: starting one for each of many would take longer than all they do."""
        done = CliRunner().invoke(app, [*arguments, "--json", "--home", str(self._home)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def refused(self, *arguments: str, language: str = "en") -> str:
        done = self.run(*arguments, language=language)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    def on(self, act: str, by: str, day: str, *more: str) -> Any:
        return self.json("cases", "findings", act, "desk-f1", "--by", by, "--on", day, *more)["finding"]


@pytest.fixture
def desk(shared_system: RunningSystem) -> Desk:
    return Desk(shared_system.home)


def test_a_finding_from_the_letter_to_its_timeline(desk: Desk, tmp_path: Path) -> None:
    assert desk.json(*LETTER, "--by", "王工")["changed"] is True
    assert desk.json(*RAISE, "--by", "王工")["finding"]["recurrence_of"] == ["2022年7月监督监察提出"]
    missing = desk.refused("cases", "findings", "assign", "desk-f1", "--by", "王工", "--measure", " ", language="zh")
    assert "缺少：目标任务、责任单位、责任人、完成时限、工作措施" in missing
    whole = ("--target", "闭库", "--unit", "平山县政府", "--person", "张三", "--measure", "编制闭库设计")
    assigned = desk.on("assign", "王工", "2023-02-13", *whole, "--deadline", "2023-03-31", "--expected-version", "1")
    assert assigned["state"] == "assigned"
    desk.on("progress", "李四", "2023-03-02", "--text", "正在聘请设计单位")
    assert "without evidence" in desk.refused(
        "cases", "findings", "submit", "desk-f1", "--by", "李四", "--text", "完成"
    )
    photo = tmp_path / "acceptance.txt"
    photo.write_text("验收合格\n", "utf-8")
    desk.on("submit", "李四", "2023-05-08", "--text", "完成", "--evidence", str(photo))
    assert "second person" in desk.refused("cases", "findings", "reinspect", "desk-f1", "--by", "李 四", "--passed")
    desk.on("reinspect", "赵六", "2023-05-09", "--passed")
    closed = desk.on("close-out", "钱七", "2023-05-10")
    assert (closed["state"], closed["verifier"]) == ("closed_out", "钱七")
    assert closed["look_backs"][0]["due"] == "2023-08-08"

    late = desk.run("cases", "findings", "list", "--letter", "desk-letter", "--overdue", "--as-of", "2023-04-10")
    assert "desk-f1" in late.stdout
    assert "2023-03-31" in late.stdout
    shown = desk.run("cases", "letters", "show", "desk-letter", language="zh")
    assert "已销号" in shown.stdout

    told = desk.json("cases", "timeline", "desk-f1")["entries"]
    acts = [entry["type"].removeprefix("cases.finding.") for entry in told if entry["stream"].startswith("finding-")]
    assert acts == [
        "raised", "assigned", "progress_reported", "submitted", "reinspected", "closed_out", "look_back_scheduled",
    ]  # fmt: skip
    assert "李四" in {entry["by"] for entry in told}
    assert "责任单位平山县政府" in told[1]["words"]["zh"]
    assert "responsible unit" not in told[1]["words"]["zh"]
    assert "unit 平山县政府" in told[1]["words"]["en"]
    readable = desk.run("cases", "timeline", "desk-f1", "--as-of", "2023-03-02")
    for entry in told[:3]:
        assert entry["event_id"] in readable.stdout
    assert told[3]["event_id"] not in readable.stdout
    assert "nothing is on record" in desk.refused("cases", "timeline", "nobody")
