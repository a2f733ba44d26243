"""What Grafana does to a query before PostgreSQL sees it: the macros of its PostgreSQL plugin, and variables.

Facts of Grafana 11 and 12: a macro's arguments end at the first closing parenthesis, so none may stand in them;
``$__interval`` and ``$__interval_ms`` are replaced first, variables before everything (by the page).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["Range", "expand"]

_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_VARIABLE = re.compile(r"\$\{(\w+):sqlstring\}")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 43200, 86400)
"""Intervals Grafana rounds to [s], those that matter here."""


@dataclass(frozen=True, slots=True)
class Range:
    """The time range of a dashboard, and how many points a panel of its width asks for."""

    begin: datetime
    end: datetime
    points: int = 1000

    @property
    def interval(self) -> timedelta:
        """The interval a query is asked to group by."""
        wanted = (self.end - self.begin).total_seconds() / self.points
        return timedelta(seconds=next((step for step in _STEPS if step >= wanted), _STEPS[-1]))


def expand(sql: str, over: Range, variables: Mapping[str, str | Sequence[str]] | None = None) -> str:
    """Return the SQL that PostgreSQL gets.

    Raises
    ------
    ValueError
        For a macro or a variable that there is not, and for what Grafana would not understand.
    """
    given = variables or {}
    sql = _VARIABLE.sub(lambda found: _quoted(given, found[1]), sql)
    seconds = over.interval.total_seconds()
    sql = sql.replace("$__interval_ms", str(int(seconds * 1000))).replace("$__interval", _short(seconds))
    begin, end = int(over.begin.timestamp()), int(over.end.timestamp())
    sql = sql.replace("$__unixEpochFrom()", str(begin)).replace("$__unixEpochTo()", str(end))
    sql = _MACRO.sub(lambda found: _evaluated(found, over), sql)
    if "$" in sql:
        raise ValueError(f"left over: {sql[sql.index('$') :][:40]}")
    return sql


def _evaluated(found: re.Match[str], over: Range) -> str:
    arguments = [each.strip() for each in found[2].split(",")]
    begin, end = (f"'{each.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'" for each in (over.begin, over.end))
    match found[1], arguments:
        case "__timeFilter", [column] if column:
            return f"{column} BETWEEN {begin} AND {end}"
        case "__unixEpochFilter", [column] if column:
            return f"{column} >= {int(over.begin.timestamp())} AND {column} <= {int(over.end.timestamp())}"
        case "__timeFrom", [""]:
            return begin
        case "__timeTo", [""]:
            return end
        case "__timeGroup" | "__timeGroupAlias", [column, step] | [column, step, "NULL"]:
            # The third one fills what is missing with NULL, after the query.
            seconds = _seconds(step.strip("'"))
            grouped = f"floor(extract(epoch from {column})/{seconds:g})*{seconds:g}"
            # A group that a comma follows gets the name too: a kindness of Grafana's to old queries.
            named = found[1].endswith("Alias") or found.string[found.end() : found.end() + 1] == ","
            return f'{grouped} AS "time"' if named else grouped
        case name, _:
            raise ValueError(f"no such macro, or not with these arguments: ${name}({found[2]})")


def _seconds(step: str) -> float:
    found = re.fullmatch(r"(\d+)([smhd])", step)
    if found is None:
        raise ValueError(f"no interval: {step!r}")
    return int(found[1]) * _UNITS[found[2]]


def _short(seconds: float) -> str:
    unit = next(unit for unit, length in reversed(_UNITS.items()) if seconds % length == 0)
    return f"{int(seconds / _UNITS[unit])}{unit}"


def _quoted(given: Mapping[str, str | Sequence[str]], name: str) -> str:
    if name not in given:
        raise ValueError(f"no such variable: {name}")
    value = given[name]
    values = [value] if isinstance(value, str) else value
    return ",".join("'" + each.replace("'", "''") + "'" for each in values)
