"""Evidence, deadlines, cases and campaigns by the real command, on a running system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from deploy.local.running import RunningSystem

PDF = b"%PDF-1.7\n" + "险情处置报告".encode()
DIGEST = sha256(PDF).hexdigest()


class Desk:
    """The command against one running system."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TAILWARDEN_HOME": str(self._home), "TAILWARDEN_LANGUAGE": "en"}
        return subprocess.run(
            [sys.executable, "-m", "tailwarden", "cases", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def test_evidence_damaged_on_the_disk_is_refused_and_an_incident_needs_two(
    shared_system: RunningSystem, tmp_path: Path
) -> None:
    desk = Desk(shared_system.home)
    report, copy = tmp_path / "report.pdf", tmp_path / "copy.pdf"
    report.write_bytes(PDF)
    added = desk.run("evidence", "add", str(report), "--title", "处置报告", "--effective", "2023-07-30", "--by", "王工")
    assert (added.returncode, added.stdout) == (0, f"in the store: {DIGEST}\n")

    kept = shared_system.home / "evidence" / DIGEST[:2] / DIGEST[2:]
    kept.write_bytes(PDF + b"x")
    refused = desk.run("evidence", "get", DIGEST, "--out", str(copy))
    assert refused.returncode == 2
    assert "is damaged on the disk" in refused.stderr
    assert not copy.exists()
    verified = desk.run("evidence", "verify", DIGEST)
    assert verified.returncode == 1
    assert DIGEST in verified.stdout
    assert desk.json("evidence", "add", str(report), "--title", "处置报告", "--by", "王工")["changed"] is False
    assert desk.run("evidence", "get", DIGEST, "--out", str(copy)).returncode == 0
    assert copy.read_bytes() == PDF

    opened = ("files", "open", "ev-i1", "--kind", "incident", "--title", "超汛限", "--county", "平山县", "--by", "王工")
    assert desk.run(*opened).returncode == 0
    close = ("incidents", "close", "ev-i1", "--conclusion", "险情解除", "--by", "王工", "--evidence", DIGEST)
    alone = desk.run(*close)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "needs a second person" in alone.stderr
    closed = desk.json(*close, "--confirmed-by", "赵六")["casefile"]
    assert [each["title"] for each in closed["evidence"]] == ["处置报告"]


def test_a_finding_whose_deadline_is_near_is_reminded_of_by_the_running_clock(shared_system: RunningSystem) -> None:
    desk = Desk(shared_system.home)
    plan = ("--from", "2023-05-01", "--to", "2023-12-31", "--scope", "尾矿库", "--leader", "常务副市长")
    assert desk.run("campaigns", "open", "dl-c1", "--name", "专项排查", *plan, "--by", "王工").returncode == 0
    today = date.today()  # noqa: DTZ011  # the office's day is within a day of this one
    due, then = (today + timedelta(days=1)).isoformat(), (today - timedelta(days=40)).isoformat()
    raised = desk.run(
        "findings", "raise", "dl-f1", "--title", "未闭库", "--quote", "超过3年", "--subject", "county:平山县=平山县",
        "--county", "平山县", "--source", "campaign", "--campaign", "dl-c1", "--by", "王工",
        "--on", then,
    )  # fmt: skip
    assert raised.returncode == 0, raised.stderr
    assigned = desk.run(
        "findings", "assign", "dl-f1", "--target", "闭库", "--unit", "县政府", "--person", "张三", "--measure", "设计",
        "--deadline", due, "--by", "王工", "--on", then,
    )  # fmt: skip
    assert assigned.returncode == 0, assigned.stderr
    end = time.monotonic() + 25
    found: list[dict[str, Any]] = []
    while time.monotonic() < end and not any(each["said"] for each in found):
        listed = desk.json("deadlines", "list", "--county", "平山县")["deadlines"]
        found = [each for each in listed if each["finding_id"] == "dl-f1"]
    assert [(each["deadline"], each["standing"]) for each in found] == [(due, "due_soon")]
    assert found[0]["said"]
    assert desk.json("campaigns", "show", "dl-c1")["progress"]["by_state"] == {"assigned": 1}
