"""Logs are one JSON object a line on stderr, whoever speaks."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging
from shared.logging import configure, logger
configure("info", "{form}", service="monitor")
logger("ours").info("水位", pond="xiakou", level=3.2)
logging.getLogger("theirs").warning("old style %s", 1)
logger("ours").debug("not shown")
try:
    1 / 0
except ZeroDivisionError:
    logger("ours").exception("went wrong")
"""


def said(form: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(form=form)], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_json_lines_carry_service_time_and_values() -> None:
    out, err = said("json")
    assert out == ""
    ours, theirs, wrong = (json.loads(line) for line in err.splitlines())
    assert (ours["event"], ours["service"], ours["level"], ours["pond"]) == ("水位", "monitor", "info", "xiakou")
    assert ours["time"].endswith("Z")
    assert (theirs["event"], theirs["logger"], theirs["service"]) == ("old style 1", "theirs", "monitor")
    assert wrong["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_lines_for_people_are_lines() -> None:
    out, err = said("console")
    assert out == ""
    assert "水位" in err
    assert "not shown" not in err
