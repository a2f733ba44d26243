"""Grafana's macros, as its PostgreSQL plugin replaces them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.grafana.board.macros import Range, expand

DAY = Range(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("WHERE $__timeFilter(r.time)", "WHERE r.time BETWEEN '2026-07-01T00:00:00Z' AND '2026-07-02T00:00:00Z'"),
        ("$__timeGroup(time, '5m') AS t", "floor(extract(epoch from time)/300)*300 AS t"),
        ("SELECT $__timeGroup(time, '5m'), v", 'SELECT floor(extract(epoch from time)/300)*300 AS "time", v'),
        ("$__timeGroupAlias(time, '$__interval')", 'floor(extract(epoch from time)/300)*300 AS "time"'),
        ("$__timeGroup(time, '1h', NULL)", "floor(extract(epoch from time)/3600)*3600"),
        ("$__timeFrom()::timestamptz", "'2026-07-01T00:00:00Z'::timestamptz"),
        ("$__interval_ms / 1000.0, '$__interval'", "300000 / 1000.0, '5m'"),
        ("$__unixEpochTo()", "1782950400"),
        ("${pond:sqlstring}", "'o''hara'"),
        ("IN (${county:sqlstring})", "IN ('a','b')"),
    ],
)
def test_a_macro_becomes_what_postgresql_reads(given: str, expected: str) -> None:
    assert expand(given, DAY, {"pond": "o'hara", "county": ["a", "b"]}) == expected


@pytest.mark.parametrize(
    "given", ["$__timeWarp(a)", "$__timeFilter()", "${ghost:sqlstring}", "$pond", "$__timeFrom(a)"]
)
def test_what_grafana_would_not_understand_is_refused(given: str) -> None:
    with pytest.raises(ValueError):
        expand(given, DAY)


def test_an_argument_ends_at_the_first_parenthesis_as_it_does_in_grafana() -> None:
    assert expand("$__timeFilter(f(a))", DAY).startswith("f(a BETWEEN ")


def test_the_interval_goes_with_the_range() -> None:
    assert Range(DAY.begin, DAY.begin + timedelta(days=30)).interval == timedelta(hours=1)
    assert Range(DAY.begin, DAY.begin + timedelta(minutes=5)).interval == timedelta(seconds=1)
