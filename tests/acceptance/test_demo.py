"""``tailwarden demo`` as a person runs it: the whole system, a storm, and what it must have said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(150)

DEMO = [sys.executable, "-P", "-m", "tailwarden", "demo"]


def test_once_json_is_one_object_and_all_is_well() -> None:
    done = subprocess.run([*DEMO, "--once", "--json"], capture_output=True, text=True, timeout=140, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {
        "readings_published",
        "readings_stored",
        "duplicates_sent",
        "dead_letters",
        "warnings",
        "latency_ms",
        "told",
        "ok",
    }
    assert report["ok"] is True
    assert report["duplicates_sent"] > 0
    assert report["readings_stored"] == report["readings_published"] - report["duplicates_sent"]
    assert report["dead_letters"] == 5
    assert [(each["pond"], each["level"]) for each in report["warnings"]] == [
        ("qingshi", "red"),
        ("shuanglong", "yellow"),
        ("longwan", "blue"),
    ]
    for each in report["warnings"]:
        raised, cleared = datetime.fromisoformat(each["raised"]), datetime.fromisoformat(each["cleared"])
        assert raised < cleared
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    told = report["told"]
    assert set(told) == {"messages", "people", "answered", "escalations", "all_clears", "first_message_ms"}
    assert told["people"] >= 5, "three ponds' keepers, the manager where it went red, the county's duty officer"
    assert told["people"] <= told["all_clears"], "whoever was told has been told that it is over"
    assert told["messages"] > told["all_clears"]
    assert told["answered"] >= 1
    assert 0 < told["first_message_ms"]["p50"] <= told["first_message_ms"]["p99"]


def test_it_stays_for_a_second_terminal_and_leaves_nothing_behind(tmp_path: Path) -> None:
    log = tmp_path / "out.txt"
    with log.open("w") as out:
        demo = subprocess.Popen([*DEMO, "--speed", "50000"], stdout=out, stderr=subprocess.STDOUT)
    try:
        limit = time.monotonic() + 100
        while "Ctrl-C" not in (text := log.read_text("utf-8")):
            assert demo.poll() is None, text
            assert time.monotonic() < limit, text
            time.sleep(0.1)
        home = re.search(r"TAILWARDEN_HOME=(\S+)", text)
        assert home is not None
        assert "raised  blue" in text
        assert "As expected" in text
        assert "Traceback" not in text
        mailbox, page = re.search(r"(\S+/mailbox) ", text), re.search(r"(http://\S+/a/\S+)", text)
        assert mailbox is not None
        assert page is not None, text
        assert {each.name for each in Path(mailbox[1]).iterdir()} >= {"wang-shouba", "zhang-jingli", "wu-zhiban"}
        with urllib.request.urlopen(page[1], timeout=10) as answer:
            assert "尾矿库" in answer.read().decode()
        environment = {**os.environ, "TAILWARDEN_HOME": home[1]}
        command = [sys.executable, "-P", "-m", "tailwarden", "dead", "list", "--json"]
        dead = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert dead.returncode == 0, dead.stderr
        assert len(dead.stdout.splitlines()) == 5
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(timeout=40)
    assert code == 0
    assert not Path(home[1]).exists()
