"""``tailwarden replay`` as a person runs it: JSON lines, words, exit codes, pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SITE = """\
[pond]
id = "xiakou"
name = "下口尾矿库"
timezone = "Asia/Shanghai"
[limits]
document = "2026 汛期调度"
effective_from = 2026-01-01
[limits.level]
blue = 309.0
yellow = 309.8
orange = 310.6
red = 311.4
[[sensor]]
id = "level-1"
kind = "water_level"
unit = "m"
expected_interval = "5min"
range = [290.0, 315.0]
[sensor.series]
file = "level.csv"
time = "time"
value = "level"
"""

START = datetime(2026, 7, 20, tzinfo=UTC)


def tailwarden(*arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TAILWARDEN_LANGUAGE": language}
    return subprocess.run(
        [sys.executable, "-m", "tailwarden", *arguments], capture_output=True, text=True, env=environment, timeout=60
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A pond that rises over the yellow limit and falls again, with one impossible value before."""
    levels = [308.0] * 60 + [313.9] + [308.0] * 60
    levels += [308.0 + 0.005 * step for step in range(400)] + [310.0 - 0.02 * step for step in range(100)]
    levels += [308.0] * 60
    rows = [
        f"{START + timedelta(minutes=5 * step):%Y-%m-%dT%H:%M:%S%z},{value:.2f}" for step, value in enumerate(levels)
    ]
    (tmp_path / "level.csv").write_text("time,level\n" + "\n".join(rows) + "\n", "utf-8")
    path = tmp_path / "xiakou.toml"
    path.write_text(SITE, "utf-8")
    return path


def test_json_lines_have_the_promised_form(site: Path) -> None:
    done = tailwarden("replay", str(site), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        assert list(line) == ["time", "pond", "event", "level", "verified", "causes"]
        assert line["pond"] == "xiakou"
        assert line["time"].endswith("+00:00")
    kinds = [(line["event"], line["level"]) for line in lines]
    assert kinds[0] == ("notice", None)  # the spike: a sensor question, not a flood
    assert [cause["rule"] for cause in lines[0]["causes"]] == ["spike"]
    assert ("raised", "blue") in kinds or ("raised", "yellow") in kinds
    assert kinds[-1] == ("cleared", None)
    over = next(c for line in lines for c in line["causes"] if c["rule"] == "threshold" and c["level"] == "yellow")
    assert over["sensor"] == "level-1"
    assert over["limit"] == 309.8
    assert over["value"] >= 309.8
    assert (over["document"], over["limits_version"]) == ("2026 汛期调度", 1)


@pytest.mark.parametrize(("language", "word"), [("en", "raised"), ("zh", "发布预警")])
def test_words_in_both_languages(site: Path, language: str, word: str) -> None:
    done = tailwarden("replay", str(site), language=language)
    assert done.returncode == 0
    assert word in done.stdout
    # Local time of the pond, with its offset.
    assert "+08:00" in done.stdout


@pytest.mark.parametrize("ending", ["png", "html"])
def test_the_chart_is_written(site: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"chart.{ending}"
    done = tailwarden("replay", str(site), "--chart", str(target))
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stderr
    assert target.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("yellow = 309.8", "yellow = 308.8"), "yellow"),
        (('value = "level"', 'value = "stage"'), "stage"),
        (("red = 311.4", "red = 311.4\n[rules.trend]\nno_such = 1"), "no_such"),
        (('unit = "m"', 'unit = "furlong"'), "furlong"),
        (('unit = "m"', 'unit = "mm"'), "0.29"),
        (("[[sensor]]", "[[sensor"), ""),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_bad_site_is_one_line_and_exit_2(site: Path, change: tuple[str, str], names: str, language: str) -> None:
    site.write_text(SITE.replace(*change), "utf-8")
    done = tailwarden("replay", str(site), "--json", language=language)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert str(site) in done.stderr or "level.csv" in done.stderr
    assert names in done.stderr


def test_a_bad_time_is_refused(site: Path) -> None:
    done = tailwarden("replay", str(site), "--from", "yesterday")
    assert done.returncode == 2
    assert "--from" in done.stderr
    assert tailwarden("replay", str(site), "--from", "2026-07-21", "--to", "2026-07-20").returncode == 2
    assert tailwarden("replay", str(site.with_name("none.toml"))).returncode == 2
