"""Real series, replayed by the real command: when a monitor must warn, and when it must keep quiet.

The series are not ours to publish: they are looked for beside the checkout, and the tests skip where they are not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

POND = """
[pond]
id = "pond"
name = "Real pond"
timezone = "UTC"
[limits.level]
blue = 338.75
yellow = 338.85
orange = 338.95
red = 339.1
[[sensor]]
id = "level-1"
kind = "water_level"
unit = "m"
expected_interval = "5min"
range = [330.0, 345.0]
[sensor.series]
file = "{data}/tailings_pond_ca_2020/pp_station.csv"
time = "Time"
value = "Primary Pond Level[m]"
[[sensor]]
id = "rain-1"
kind = "rain"
unit = "mm"
expected_interval = "1d"
[sensor.series]
file = "{data}/tailings_pond_ca_2020/envcanada_rainfall.csv"
time = "date"
value = "total_rain_mm"
"""

KENDUSKEAG = """
[pond]
id = "kenduskeag"
name = "Kenduskeag"
timezone = "Etc/GMT+4"
[limits.level]
blue = 1.2
yellow = 1.6
orange = 2.0
red = 2.6
[[sensor]]
id = "level-1"
kind = "water_level"
unit = "ft"
expected_interval = "1h"
[sensor.series]
file = "{data}/kenduskeag_us_2014_2016/keag_small.csv"
time = "datetime"
value = "65565_00065"
[[sensor]]
id = "rain-1"
kind = "rain"
unit = "mm"
expected_interval = "1h"
[sensor.series]
file = "{data}/kenduskeag_us_2014_2016/keag_small.csv"
time = "datetime"
value = "precip"
"""

TROUT = """
[pond]
id = "trout"
name = "Trout Creek"
timezone = "UTC"
[limits.level]
blue = 1.7
yellow = 1.9
orange = 2.1
red = 2.3
[[sensor]]
id = "level-1"
kind = "water_distance"
unit = "cm"
zero_level = 5.0
expected_interval = "5min"
range = [100, 500]
[sensor.series]
file = "{data}/trout_creek_us_2021/Log00017.txt"
time = "Time [UTC]"
value = "Range [cm]"
skip_rows = 1
"""

MUKILTEO = """
[pond]
id = "mukilteo"
name = "Mukilteo"
timezone = "Etc/GMT+8"
[limits.phreatic_level]
blue = 29.4
yellow = 29.6
orange = 29.8
red = 30.0
[[sensor]]
id = "piezo-1"
kind = "phreatic_level"
unit = "m"
expected_interval = "15min"
[sensor.series]
file = "{data}/mukilteo_us_piezo_2015/waMVD116_14d.txt"
time = 0
value = 17
delimiter = "\\t"
scale = 0.01
[[sensor]]
id = "rain-1"
kind = "rain"
unit = "mm"
expected_interval = "15min"
[sensor.series]
file = "{data}/mukilteo_us_piezo_2015/waMVD116_14d.txt"
time = 0
value = 5
delimiter = "\\t"
scale = 0.254
"""


def replayed(tmp_path: Path, text: str, data: Path, *arguments: str) -> list[dict[str, Any]]:
    site = tmp_path / "site.toml"
    site.write_text(text.format(data=data.resolve()), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tailwarden", "replay", str(site), "--json", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "TAILWARDEN_LANGUAGE": "en"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def between(changes: list[dict[str, Any]], first: str, last: str) -> list[dict[str, Any]]:
    return [change for change in changes if first <= change["time"] < last]


def warned(changes: list[dict[str, Any]]) -> list[str]:
    return [change["level"] for change in changes if change["event"] in ("raised", "escalated")]


def test_tailings_pond_2020(tmp_path: Path, shared_data: Path) -> None:
    changes = replayed(tmp_path, POND, shared_data)
    storm = between(changes, "2020-07-22T12:00", "2020-07-26")
    assert storm[0]["event"] == "raised"
    # The onset was at 02:05; half an hour later the control room knows, 22 hours before the yellow limit.
    assert "2020-07-23T02:05" <= storm[0]["time"] <= "2020-07-23T03:00"
    assert "yellow" in warned(storm)
    climb = between(changes, "2020-06-01", "2020-06-19")
    assert any(cause["rule"] == "slow_climb" for change in climb for cause in change["causes"])
    # It comes before the first limit does.
    first_limit = next(change["time"] for change in climb if change["event"] == "raised")
    assert min(c["time"] for c in climb if c["event"] == "notice") < first_limit
    assert between(changes, "2020-07-13", "2020-07-20") == []
    pumping = between(changes, "2020-08-06", "2020-08-07") + between(changes, "2020-08-18", "2020-08-20")
    assert set(warned(pumping)) <= {"blue"}
    assert warned(between(changes, "2020-07-26T06:00", "2020-08-05")) == []
    assert between(changes, "2020-08-26", "2020-09-01") == []


def test_kenduskeag_in_feet(tmp_path: Path, shared_data: Path) -> None:
    changes = replayed(tmp_path, KENDUSKEAG, shared_data)
    flood = between(changes, "2015-09-29T12:00", "2015-10-05")
    raised = next(change for change in flood if change["event"] == "raised")
    assert "2015-09-30" <= raised["time"] < "2015-10-01"
    # Rain was over by 20:00 local, the stage rose for 25 hours more (crest 2015-10-01 21:00 local).
    eased = [change["time"] for change in flood if change["event"] in ("eased", "cleared")]
    assert eased
    assert min(eased) > "2015-10-02T01:00"
    assert flood[-1]["event"] != "cleared" or flood[-1]["time"] > "2015-10-02"
    quiet = between(changes, "2014-09-01T04:00", "2014-10-01T04:00")
    assert [change for change in quiet if change["event"] != "notice"] == []
    assert quiet == []


def test_trout_creek_by_distance(tmp_path: Path, shared_data: Path) -> None:
    changes = replayed(tmp_path, TROUT, shared_data)
    flood = between(changes, "2021-08-27T20:00", "2021-08-28T12:00")
    assert flood[0]["event"] == "raised"
    assert flood[0]["time"] < "2021-08-28T04:30"
    assert "red" in warned(flood)
    assert between(changes, "2021-09-25", "2021-10-06") == []
    assert warned(changes) == warned(flood)


def test_mukilteo_is_quiet(tmp_path: Path, shared_data: Path) -> None:
    assert replayed(tmp_path, MUKILTEO, shared_data) == []


def test_a_span_is_a_slice_of_the_whole(tmp_path: Path, shared_data: Path) -> None:
    whole = replayed(tmp_path, POND, shared_data)
    span = replayed(tmp_path, POND, shared_data, "--from", "2020-07-20", "--to", "2020-07-30T00:00+00:00")
    assert span == between(whole, "2020-07-20", "2020-07-30T00:00:01")
