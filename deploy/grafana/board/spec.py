"""What a panel is before it is drawn: its queries, its columns with their meaning, its size; in no language.

A column's name says its unit by its ending (``_m``, ``_mm``, ``_s``, ``_h``, ``_share``, …); what a reader sees is
looked up by the name in the word catalogue (``column.<name>``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from deploy.grafana.board.marks import said, words

__all__ = ["UNITS", "Board", "Column", "Look", "Panel", "Query", "Variable", "sql", "unit_of"]

Look = Literal[
    "plain", "state", "level", "standing", "age", "time", "day", "flag", "hidden", "yes_no", "word", "count", "fixed"
]
"""How a value is shown. ``state``, ``level``, ``standing``: a word in its colour. ``word``: a word of ours by the
catalogue. ``age``: how long ago. ``fixed``: in the column's own colour."""

UNITS: dict[str, str] = {
    "_m_per_h": "suffix: m/h",
    "_per_s": "suffix:/s",
    "_share": "percentunit",
    "_days": "suffix: d",
    "_ms": "ms",
    "_mm": "suffix: mm",
    "_s": "s",
    "_h": "h",
    "_m": "suffix: m",
}
"""Ending of a column's name → Grafana's unit. Metres as a suffix: Grafana's own unit would make 1,200 m "1.2 km"."""


def unit_of(column: str) -> str | None:
    """Return the unit that a column's name tells of, or None.

    >>> unit_of("h12_mm"), unit_of("rise_m_per_h"), unit_of("county")
    ('suffix: mm', 'suffix: m/h', None)
    """
    return next((unit for ending, unit in UNITS.items() if column.endswith(ending)), None)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query. ``words``: the section of the catalogue a ``word`` is looked up in."""

    name: str
    look: Look = "plain"
    colour: str | None = None
    words: str | None = None
    band_to: str | None = None
    """Of a line: the column of the line below, down to which the space is filled."""
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query by its file below ``sql/``, and its columns in order."""

    file: str
    columns: tuple[Column, ...]
    series: bool = False
    """A time series: sorted by ``time``, with ``metric`` as the series' name where there is one."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel; its title and description are ``panel.<name>`` and ``about.<name>`` of the catalogue."""

    name: str
    kind: Literal["stat", "table", "timeseries", "barchart", "geomap", "state-timeline"]
    queries: tuple[Query, ...]
    width: int
    height: int
    unit: str | None = None
    """Of a chart's axis."""
    bars: bool = False
    stacked: bool = False
    axis_from_zero: bool = False
    link_pond: bool = False
    """Rows lead to the pond's own dashboard by their ``pond_id``."""
    bridge_ms: int | None = None
    """Lines of sensors with unlike intervals share one table: holes shorter than this are none of theirs."""
    least_interval: str | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """What a reader chooses from; the query gives ``__text`` and ``__value``, or one column that is both."""

    name: str
    file: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard. ``name`` is part of its lasting id, ``tw-<name>-<language>``."""

    name: str
    panels: tuple[Panel, ...]
    begins: str
    refresh: str
    variables: tuple[Variable, ...] = ()
    annotations: str | None = None
    """The query of its annotations."""


_WORD = re.compile(r"@(\w+)\(([^()]+)\)")


@cache
def sql(file: str, language: str) -> str:
    """Return the text of a query, ``<board>/<name>``, with ``@section(expression)`` replaced by the reader's words."""
    text = (files("deploy.grafana.board") / "sql" / f"{file}.sql").read_text("utf-8").strip()
    return _WORD.sub(lambda found: _said(found[1], found[2], language), text)


def _said(section: str, expression: str, language: str) -> str:
    cases = " ".join(f"WHEN '{value}' THEN '{said(section, value, language)}'" for value in words(section))
    return f"CASE {expression} {cases} ELSE {expression} END"
