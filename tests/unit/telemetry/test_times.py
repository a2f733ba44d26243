"""Many times at once: the same as one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from services.monitor.decode.times import FUTURE, NO_OFFSET, NOT_TIME, OK, parse_times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
EARLIEST = -2_208_988_800_000_000


def parsed(*times: object) -> tuple[list[int], list[int]]:
    us, found = parse_times(times, LATEST, EARLIEST, 100_000_000_000)
    return us.tolist(), found.tolist()


def us_of(text: str) -> int:
    return (datetime.fromisoformat(text.upper()) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T23:59:59Z", "2024-02-29 23:59:59Z", "2024-02-29t23:59:59z", "2024-02-29T23:59Z",
        "2024-02-29T23:59:59+08:00", "2024-02-29T23:59:59-0930", "2024-02-29T23:59:59+08", "2024-02-29T23:59+05:45",
        "2024-02-29T23:59:59.1Z", "2024-02-29T23:59:59.123Z", "2024-02-29T23:59:59.123456+08:00",
        "2024-02-29T23:59:59.123456789Z", "1969-12-31T23:59:59.999Z", "1900-01-01T00:00:00Z", "2000-02-29T00:00:00Z",
    ],
)  # fmt: skip
def test_layouts_equal_the_standard_library(text: str) -> None:
    assert parsed(text) == ([us_of(text)], [OK])
    assert parsed(text, text, 1_700_000_000_000, text)[0][::3] == [us_of(text)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-00-01T00:00:00Z",
        "2024-13-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:60Z", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+00:60", "0000-01-01T00:00:00Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00 Z", "2024-W01-1T00:00:00Z", "2024-001T00:00:00Z",
        "2024-01-01T00Z", "2024/01/01T00:00:00Z", "24-01-01T00:00:00Z",
        "2024-01-01T00:00.5Z", "2024-01-01T00Z0", "2024-01-01T00:00:00+8:00", "2024-01-01T00:00:00\uff3a",
    ],
)  # fmt: skip
def test_times_that_do_not_exist(text: str) -> None:
    assert parsed(text)[1] == [NOT_TIME]
    assert parsed("2024-01-01T00:00:00Z", text, "2024-01-01T00:00:00Z")[1] == [OK, NOT_TIME, OK]


def test_mixed_layouts_of_one_length_and_of_many() -> None:
    texts = [
        "2024-01-01T00:00:00+08:00",
        "2024-01-01T00:00:00-08:00",
        "2024-01-01 00:00:00+08:00",
        "2024-01-01t00:00:00+08:00",
        "2024-01-01T00:00:00.1234Z",
        "2024-01-01T00:00:00.12+08",
        "20240101T000000.123456+08",
        "20240101T000000Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00:00Z",
    ]
    us, found = parsed(*texts)
    assert found == [OK] * len(texts)
    assert us == [us_of(text) for text in texts]


def test_kinds_do_not_disturb_each_other() -> None:
    us, found = parsed(1_700_000_000_000, "2024-01-01T00:00:00", None, "2024-01-01T00:00:00Z", 10**30, b"x")
    assert found == [OK, NO_OFFSET, NOT_TIME, OK, FUTURE, NOT_TIME]
    assert us[0] == 1_700_000_000_000_000


def test_a_year_of_minutes() -> None:
    wanted = np.arange(us_of("2023-12-31T23:00:00Z"), us_of("2025-01-01T01:00:00Z"), 7 * 60_000_000)
    texts = np.datetime_as_string(wanted.astype("M8[us]"), unit="s", timezone="UTC").tolist()
    us, found = parse_times(texts, LATEST, EARLIEST, 0)
    assert (found == OK).all()
    assert (us == wanted).all()


def test_nothing() -> None:
    assert parsed() == ([], [])
