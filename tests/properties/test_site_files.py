"""Site files against slower truths: key lines against the TOML parser, local times against zoneinfo row by row."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.site.lines import key_lines
from shared.site.times import localise, read_times
from tests.prove import examples

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.sampled_from(["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Etc/UTC", "America/Havana"])
MINUTES = st.integers(0, 4 * 365 * 1440)

KEYS = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
VALUES = st.one_of(
    st.sampled_from(['"a # b"', "'''\nx = 1\n[y]\n'''", '"""\n]\n"""', "[1, # no\n 2]", "{ q = [1] }", "1.5", "true"])
)
TABLES = st.lists(st.tuples(KEYS, st.booleans(), st.dictionaries(KEYS, VALUES, max_size=3)), max_size=5)


@given(TABLES)
@settings(max_examples=examples(150), deadline=None)
def test_every_key_the_parser_finds_has_the_line_it_stands_on(tables: list[tuple[str, bool, dict[str, str]]]) -> None:
    kinds = dict[str, bool]()
    text, expected, counts = "", dict[tuple[str | int, ...], int](), dict[str, int]()
    for name, repeated, values in tables:
        if name in kinds and not (kinds[name] and repeated):
            continue
        kinds[name] = repeated
        counts[name] = counts.get(name, -1) + 1
        table: tuple[str | int, ...] = (name, counts[name]) if repeated else (name,)
        expected[table] = text.count("\n") + 1
        text += f"[[{name}]]\n" if repeated else f"[{name}] # [x]\n"
        for key, value in values.items():
            expected[(*table, key)] = text.count("\n") + 1
            text += f"{key} = {value}\n\n"
    tomllib.loads(text)
    assert key_lines(text) == expected


@given(ZONES, MINUTES, st.lists(st.integers(1, 200), min_size=1, max_size=60))
@settings(max_examples=examples(150), deadline=None)
def test_what_a_clock_showed_is_read_back_as_when_it_was(zone: str, start: int, steps: list[int]) -> None:
    """A logger on local time writes what its clock shows; unless two rows show the same, all comes back."""
    tz = ZoneInfo(zone)
    first = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(minutes=start)
    moments = [first + timedelta(minutes=sum(steps[: i + 1])) for i in range(len(steps))]
    shown = [f"{moment.astimezone(tz):%Y-%m-%d %H:%M}" for moment in moments]
    read = read_times(shown, None, tz)
    folds = [moment.astimezone(tz).fold for moment in moments]
    truth = [(moment - EPOCH) // timedelta(microseconds=1) for moment in moments]
    # Only a second pass that no row before it gives away can be mistaken for the first.
    wrong = [i for i, (a, b) in enumerate(zip(read.tolist(), truth, strict=True)) if a != b]
    assert all(folds[i] == 1 for i in wrong)
    assert np.all(np.diff(read) > 0)


@given(ZONES, st.lists(MINUTES, min_size=1, max_size=50))
@settings(max_examples=examples(100), deadline=None)
def test_any_order_of_rows_is_read_as_one_of_the_two_passes(zone: str, minutes: list[int]) -> None:
    tz = ZoneInfo(zone)
    start = (datetime(2019, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    walls = np.array([start + minute * 60_000_000 for minute in minutes], dtype=np.int64)
    for wall, utc in zip(walls.tolist(), localise(walls, tz).tolist(), strict=True):
        naive = (EPOCH + timedelta(microseconds=wall)).replace(tzinfo=tz)
        both = {
            wall - naive.replace(fold=fold).utcoffset() // timedelta(microseconds=1)  # type: ignore[operator]  # aware
            for fold in (0, 1)
        }
        assert utc in both


def test_no_rows() -> None:
    assert read_times([], None, ZoneInfo("Etc/UTC")).size == 0
    assert localise(np.empty(0, dtype=np.int64), ZoneInfo("Asia/Shanghai")).size == 0
