"""Site files: what a good one means, and where a bad one is told to be bad."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.contracts.levels import SensorKind
from shared.problems import BadInput
from shared.site import load_site

GOOD = """\
[pond]
id = "xiakou"
name = "下口分公司尾矿库"
county = "平山县"
timezone = "Asia/Shanghai"
grade = 4
crest_level = 312.5

[limits]
document = "调洪演算 2024"
effective_from = 2024-05-20

[limits.level]
blue = 309.0
yellow = 309.8
red = 311.4

[[limits.level.season]]
from = "06-01"
to = "09-30"
blue = 308.5
orange = 310

[limits.freeboard]
blue = 3.0
red = 1.0

[rules.rainfall]
h12_blue = 40

[[sensor]]
id = "level-1"
kind = "water_level"
unit = "m"
expected_interval = "5min"
range = [290.0, 315.0]

[sensor.series]
file = "level.csv"
time = "Time"
value = "Level [m]"
format = "%Y-%m-%d %H:%M"
missing = ["", "---", "-9999"]
encoding = "utf-8-sig"
skip_rows = 0
delimiter = ","

[[sensor]]
id = "p-1"
kind = "phreatic_level"
unit = "ft"
expected_interval = "1d"

[sensor.limits]
blue = 300.0
red = 305.0
"""


def load(tmp_path: Path, text: str | bytes):
    path = tmp_path / "site.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_site(path)


def test_a_good_file_in_full(tmp_path: Path) -> None:
    site = load(tmp_path, GOOD)
    assert site.pond.id == "xiakou"
    assert site.pond.rules == {"rainfall": {"h12_blue": 40}}
    assert str(site.timezone) == "Asia/Shanghai"
    level, phreatic = site.sensors
    assert level.sensor.kind is SensorKind.WATER_LEVEL
    assert level.sensor.expected_interval_s == 300
    assert level.sensor.range == (290.0, 315.0)
    assert level.series is not None
    assert level.series.format == "%Y-%m-%d %H:%M"
    assert phreatic.series is None
    assert site.limits is not None
    assert site.limits.document == "调洪演算 2024"
    assert site.limits.effective_from == date(2024, 5, 20)
    season, always = site.limits.bands["level"]
    assert (season.season_from, season.blue, season.orange, season.red) == ("06-01", 308.5, 310.0, None)
    assert (always.season_from, always.yellow, always.red) == (None, 309.8, 311.4)
    assert site.limits.bands["freeboard"][0].red == 1.0
    assert site.limits.bands["sensor:p-1"][0].red == 305.0
    assert site.line("rules", "rainfall", "h12_blue") == 29


def test_what_may_be_left_out(tmp_path: Path) -> None:
    site = load(
        tmp_path,
        '[pond]\nid = "a"\n[limits.level]\nred = 2\n'
        '[[sensor]]\nid = "r"\nkind = "rain"\nunit = "in"\nexpected_interval = "30s"\n',
    )
    assert site.pond.name == "a"
    assert site.limits is not None
    assert (site.limits.document, site.limits.effective_from) == ("site.toml", date(1970, 1, 1))
    assert load(tmp_path, '[pond]\nid = "a"\n').limits is None


def test_a_byte_order_mark_and_windows_lines_are_no_reason_to_refuse(tmp_path: Path) -> None:
    site = load(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert site.line("limits", "level", "red") == 16


BAD = [
    ("unit", 'unit = "m"', 'unit = "furlong"', 34, "unknown unit 'furlong'", "m, cm, mm, ft, in"),
    ("unit-number", 'unit = "m"', "unit = 5", 34, "must be text", "quotes"),
    ("unknown-key", 'unit = "m"', 'unit = "m"\nunitt = 1', 35, "unknown key sensor[0].unitt", "spelling"),
    ("missing-key", 'unit = "m"\n', "", 31, "sensor[0].unit is missing", "add it"),
    ("kind", 'kind = "water_level"', 'kind = "water"', 33, "unknown sensor kind 'water'", "water_level"),
    ("distance", 'kind = "water_level"', 'kind = "water_distance"', 31, "no zero_level", "add the level"),
    ("range", "[290.0, 315.0]", "[315.0, 290.0]", 36, "low < high", "swap"),
    ("range-one", "[290.0, 315.0]", "[315.0]", 36, "takes 2 values", "[low, high]"),
    ("interval", '"5min"', '"soon"', 35, "cannot be 'soon'", "5min"),
    ("interval-long", '"5min"', '"8d"', 35, "cannot be '8d'", "at most 7d"),
    ("limits-order", "blue = 309.0", "blue = 312.0", 15, "blue 312 is above yellow 309.8", "blue <= yellow"),
    ("limits-down", "blue = 3.0", "blue = 0.5", 26, "blue 0.5 is below red 1", "downward"),
    ("limits-season", "orange = 310\n", "orange = 308\n", 22, "blue 308.5 is above orange 308", "blue <= yellow"),
    ("limits-nan", "blue = 309.0", "blue = nan", 14, "cannot be nan", "finite"),
    ("limits-text", "blue = 309.0", 'blue = "309"', 14, "must be a number", "without quotes"),
    ("limits-none", "blue = 3.0\nred = 1.0", "", 24, "sets no limit", "remove"),
    ("season-day", '"09-30"', '"09-31"', 20, "'09-31' is not a day", "MM-DD"),
    ("date", "2024-05-20", '"May"', 11, "'May' is not a date", "YYYY-MM-DD"),
    ("timezone", "Asia/Shanghai", "Asia/Pingshan", 5, "unknown time zone 'Asia/Pingshan'", "IANA"),
    ("timezone-path", "Asia/Shanghai", "../etc", 5, "unknown time zone", "IANA"),
    ("id", '"xiakou"', '"Xia kou"', 2, "cannot be 'Xia kou'", "lower-case"),
    ("id-reserved", '"xiakou"', '"drill-xiakou"', 2, "'drill-xiakou' is kept for exercises", "choose one"),
    ("name-turned", "下口分公司", r"下口\u202e分公司", 3, r"'下口\u202e分公司尾矿库'", "type it again"),
    ("county-lines", "平山县", r"平山\n县", 4, "pond.county holds control characters", "type it again"),
    ("id-watchdog", '"xiakou"', '"watchdog"', 2, "'watchdog' is kept for", "choose one"),
    ("id-dots", '"level-1"', '"level.*"', 32, "cannot be 'level.*'", "lower-case"),
    ("twice", '"p-1"', '"level-1"', 49, "two sensors of the id 'level-1'", "line 32"),
    ("grade", "grade = 4", "grade = 9", 6, "too large", "5"),
    ("encoding", '"utf-8-sig"', '"klingon"', 44, "unknown encoding 'klingon'", "gb18030"),
    ("no-text-encoding", '"utf-8-sig"', '"rot13"', 44, "unknown encoding 'rot13'", "gb18030"),
    ("delimiter", 'delimiter = ","', 'delimiter = ";;"', 46, "delimiter ';;'", "one character"),
    ("skip", "skip_rows = 0", "skip_rows = -1", 45, "too small", "0"),
    ("column", 'time = "Time"', "time = -1", 40, "cannot be -1", "from 0"),
    ("zone-name", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M %Z", 42, "%Z", "timezone"),
    ("no-format", '"%Y-%m-%d %H:%M"', '"iso"', 42, "no time format", "unix"),
    ("no-year", "%Y-%m-%d", "%m-%d", 42, "with a year", "unix"),
    ("syntax", "[limits.level]", "[limits.level", 13, "TOML syntax error", "correct"),
    ("key-twice", "grade = 4", "grade = 4\ngrade = 5", 7, "TOML syntax error", "correct"),
    ("no-table", GOOD, "pond = 3", 1, "must be a table", "[pond]"),
    ("empty", GOOD, "", 1, "pond is missing", "add it"),
    ("rain-limits", 'kind = "phreatic_level"', 'kind = "rain"', 54, "cannot have limits", "[rules.rainfall]"),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "todo"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_a_bad_file_names_line_fault_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, what: str, todo: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as refused:
        load(tmp_path, GOOD.replace(old, new, 1))
    english, chinese = refused.value.words("en"), refused.value.words("zh")
    assert english.startswith(f"{tmp_path / 'site.toml'}:{line}: ")
    assert what in english
    assert todo in english
    assert chinese.startswith(f"{tmp_path / 'site.toml'}:{line}：")
    assert "\n" not in english + chinese


def test_overlapping_seasons_are_refused(tmp_path: Path) -> None:
    more = '\n[[limits.level.season]]\nfrom = "09-30"\nto = "02-01"\nblue = 1\n'
    with pytest.raises(BadInput, match=r"line 18 both cover 09-30"):
        load(tmp_path, GOOD.replace("\n[limits.freeboard]", more + "\n[limits.freeboard]"))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.toml: no such file; check the path"):
        load_site(tmp_path / "none.toml")
    with pytest.raises(BadInput, match="cannot be read"):
        load_site(tmp_path)


def test_a_site_file_of_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"site\.toml:3: the site file is not UTF-8; save it as UTF-8"):
        load(tmp_path, GOOD.encode("gb18030"))
