"""Recorded series: the many ways loggers write, read the same; what cannot be read, named by line."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from shared.contracts.levels import SensorKind
from shared.contracts.registry import SensorDescription
from shared.problems import BadInput
from shared.site import SeriesData, SeriesSpec, SiteSensor, read_series

SHANGHAI = ZoneInfo("Asia/Shanghai")
LEVEL = SensorDescription(id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)
SPEC = SeriesSpec(file="x.csv", time="t", value="v", where="site.toml:12")


def read(tmp_path: Path, content: str | bytes, zone: ZoneInfo = SHANGHAI, **spec: object) -> SeriesData:
    (tmp_path / "x.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_series(tmp_path, SiteSensor(LEVEL, replace(SPEC, **spec)), zone)


def moments(data: SeriesData) -> list[str]:
    return [f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%dT%H:%M:%S}" for us in data.times_us.tolist()]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2020-06-01 08:05", None),
        ("2020-06-01 8:05", None),
        ("2020/06/01 08:05:00", None),
        ("2020-6-1T08:05:00.000", None),
        ("2020-06-01T00:05Z", None),
        ("2020-05-31 20:05:00-04:00", None),
        ("20200601 08:05", None),
        ("01/06/2020 08:05", "%d/%m/%Y %H:%M"),
        ("1.6.2020, 8:05", "%d.%m.%Y, %H:%M"),
        ("06/01/2020 08:05 AM", "%m/%d/%Y %I:%M %p"),
        ("202006010805", "%Y%m%d%H%M"),
        ("08:05 2020-06-01", "%H:%M %Y-%m-%d"),
        ("2020 153 0805", "%Y %j %H%M"),
        ("2020年6月1日 8时05分", "%Y年%m月%d日 %H时%M分"),
        ("2020-06-01 00:05 +0000", "%Y-%m-%d %H:%M %z"),
        ("1590969900", "unix"),
        ("1590969900000", "unix_ms"),
    ],
)
def test_one_moment_in_many_writings(tmp_path: Path, text: str, form: str | None) -> None:
    (tmp_path / "x.csv").write_text(f't;v\n"{text}";338.5\n', "utf-8")
    data = read_series(tmp_path, SiteSensor(LEVEL, replace(SPEC, format=form, delimiter=";")), SHANGHAI)
    assert moments(data) == ["2020-06-01T00:05:00"]
    assert data.values.tolist() == [338.5]


def test_a_date_alone_is_its_midnight_and_2400_the_end_of_the_day(tmp_path: Path) -> None:
    data = read(tmp_path, "t,v\n2020-06-01,1\n2020-06-01 24:00,2\n", ZoneInfo("Etc/UTC"))
    assert moments(data) == ["2020-06-01T00:00:00", "2020-06-02T00:00:00"]


def test_missing_values_are_skipped_and_counted(tmp_path: Path) -> None:
    rows = ["1.5", "", " ", "---", "-9999", "-9999.0", "nan", "inf", "2.5"]
    content = "t,v\n" + "".join(f"2020-06-01 00:{i:02},{cell}\n" for i, cell in enumerate(rows))
    data = read(tmp_path, content)
    assert data.values.tolist() == [1.5, 2.5]
    assert data.skipped == 7
    assert read(tmp_path, "t,v\n2020-06-01,-9999\n", missing=("x",)).values.tolist() == [-9999.0]


def test_rows_out_of_order_are_sorted_and_the_first_of_a_time_stands(tmp_path: Path) -> None:
    data = read(tmp_path, "t,v\n2020-06-01 02:00,2\n2020-06-01 01:00,1\n2020-06-01 02:00,9\n")
    assert data.values.tolist() == [1.0, 2.0]
    assert data.duplicates == 1


def test_columns_by_index_without_a_header_and_with_one(tmp_path: Path) -> None:
    body = "2020-06-01 00:00\t7\t4\n2020-06-01 00:15\t7\t5\n"
    for content in (body, "when\tn\ttips\n" + body):
        data = read(tmp_path, content, time=0, value=2, delimiter="\t", scale=0.5)
        assert data.values.tolist() == [2.0, 2.5]


def test_header_names_tolerate_blanks_and_lines_before_them(tmp_path: Path) -> None:
    data = read(
        tmp_path, "Lib = 1\r\n t , v [cm] ,\r\n2020-06-01 00:00, 7 ,\r\n\r\n,,\r\n", value="v [cm]", skip_rows=1
    )
    assert data.values.tolist() == [7.0]


def test_other_encodings(tmp_path: Path) -> None:
    content = "时间,水位\n2020-06-01 00:00,3\n"
    for encoding in ("gb18030", "utf-16", "utf-8"):
        data = read(tmp_path, content.encode(encoding), time="时间", value="水位", encoding=encoding)
        assert data.values.tolist() == [3.0]
    assert (
        read(tmp_path, b"\xef\xbb\xbf" + content.encode(), time="时间", value="水位", encoding="utf-8").values.size == 1
    )


BAD = [
    ("column", "t,w\n2020-06-01,1\n", {}, 1, "no column 'v' (there are: t, w)"),
    ("column-twice", "t,v,v\n2020-06-01,1,2\n", {}, 1, "2 columns are called 'v'"),
    ("time", "t,v\n\n01/02/2020 3:00,5\n", {}, 3, "cannot read the time '01/02/2020 3:00' in column t"),
    ("time-format", "t,v\n2020-06-01,1\n", {"format": "%d/%m/%Y"}, 2, "does not fit the format '%d/%m/%Y'"),
    ("time-hour", "t,v\n2020-06-01 00:00,1\n2020-06-01 25:00,1\n", {}, 3, "cannot read the time '2020-06-01 25:00'"),
    ("time-day", "t,v\n2021-02-29 00:00,1\n", {}, 2, "cannot read the time"),
    ("time-year", "t,v\n0020-02-01 00:00,1\n", {}, 2, "cannot read the time"),
    ("epoch", "t,v\nnan,1\n", {"format": "unix"}, 2, "does not fit the format 'unix'"),
    ("value", "t,v\n2020-06-01,1\n2020-06-02,ERR\n", {}, 3, "value 'ERR' in column v is not a number"),
    ("value-underscore", "t,v\n2020-06-01,1_000\n", {}, 2, "value '1_000' in column v"),
    ("short-row", "t,v\n2020-06-01,1\n2020-06-02\n", {}, 3, "has 1 columns and lacks column 1"),
    ("no-rows", "t,v\n", {}, 1, "not one reading"),
    ("no-content", "", {}, 1, "not one reading"),
    ("skipped-all", "t,v\n2020-06-01,1\n", {"skip_rows": 9}, 10, "not one reading"),
    ("all-missing", "t,v\n2020-06-01,\n2020-06-02,---\n", {}, 2, "every value of column v"),
    ("encoding", "t,v,备\n2020-06-01,1,水\n".encode("gb18030"), {}, 1, "not utf-8-sig; change encoding"),
    ("utf-16", b"t,v\n2020-06-01,1\n", {"encoding": "utf-16"}, 2, "change encoding"),
    ("wrong-index", "2020-06-01,1\n", {"time": 0, "value": 5}, 1, "lacks column 5"),
]


@pytest.mark.parametrize(("content", "spec", "line", "what"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_series_names_its_line(tmp_path: Path, content: str | bytes, spec: dict, line: int, what: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path, content, **spec)
    english, chinese = refused.value.words("en"), refused.value.words("zh")
    assert english.startswith(f"{tmp_path / 'x.csv'}:{line}: ")
    assert what in english
    assert "site.toml:12" in english
    assert "site.toml:12" in chinese
    assert "\n" not in english + chinese


def test_a_missing_series_file_names_the_line_that_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"site\.toml:12: no such series file .*nope\.csv"):
        read_series(tmp_path, SiteSensor(LEVEL, replace(SPEC, file="nope.csv")), SHANGHAI)
    with pytest.raises(BadInput, match=r"has no \[sensor\.series\]"):
        read_series(tmp_path, SiteSensor(LEVEL), SHANGHAI)


def test_a_year_of_five_minute_rows_is_read_within_a_second(tmp_path: Path) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    times = [f"{start + timedelta(minutes=5 * i):%Y-%m-%d %H:%M}" for i in range(110_000)]
    content = "t,a,b,c,v\n" + "".join(f"{text},1.25,2.5,ok,{338 + i % 97 / 100:.2f}\n" for i, text in enumerate(times))
    began = time.process_time()
    data = read(tmp_path, content, ZoneInfo("America/New_York"))
    assert time.process_time() - began < 1.0
    assert data.values.size >= 109_000
    assert np.all(np.diff(data.times_us) > 0)


NEW_YORK = ZoneInfo("America/New_York")


def test_the_doubled_hour_is_read_in_the_files_order(tmp_path: Path) -> None:
    # 2020-11-01 02:00 EDT is 01:00 EST: 01:00 to 01:30 comes twice.
    clocks = ["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]
    rows = [f"2020-11-01 {clock},{i}\n" for i, clock in enumerate(clocks)]
    expected = [f"2020-11-01T{clock}:00" for clock in ("04:30", "05:00", "05:30", "06:00", "06:30", "07:00")]
    forward = read(tmp_path, "t,v\n" + "".join(rows), NEW_YORK)
    assert moments(forward) == expected
    assert forward.values.tolist() == [0, 1, 2, 3, 4, 5]
    backward = read(tmp_path, "t,v\n" + "".join(reversed(rows)), NEW_YORK)
    assert moments(backward) == expected
    assert backward.values.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_doubtful_hour_alone_is_its_first_pass(tmp_path: Path) -> None:
    assert moments(read(tmp_path, "t,v\n2020-11-01 01:30,1\n", NEW_YORK)) == ["2020-11-01T05:30:00"]


def test_a_skipped_hour_keeps_the_offset_before_it(tmp_path: Path) -> None:
    data = read(tmp_path, "t,v\n2020-03-08 01:59,1\n2020-03-08 02:30,2\n2020-03-08 03:45,3\n", NEW_YORK)
    assert moments(data) == ["2020-03-08T06:59:00", "2020-03-08T07:30:00", "2020-03-08T07:45:00"]
