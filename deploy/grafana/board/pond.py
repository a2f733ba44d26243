"""One pond: level between its limits, time left, rain, both freeboards, quality, warnings, sensors' health."""

from __future__ import annotations

from deploy.grafana.board.marks import COLOURS
from deploy.grafana.board.spec import Board, Column, Panel, Query, Variable
from deploy.grafana.board.wall import AGE, OUTLOOK, RAIN_SUMS

__all__ = ["POND"]

TIME, METRIC = Column("time", "time"), Column("metric")
_BRIDGE_MS = 3_600_000

_STATE = Query(
    "pond/state",
    (
        Column("state", "state"), Column("blind", "yes_no"), Column("silent", "count"), Column("points", "count"),
        Column("open_s"), AGE,
    ),
)  # fmt: skip
_FREEBOARD = Query(
    "pond/freeboard",
    (
        Column("level_m"), Column("live_freeboard_m"), Column("regulatory_freeboard_m"), Column("design_flood_m"),
        Column("document"), AGE,
    ),
)  # fmt: skip
_NEXT = Query(
    "pond/next",
    (Column("sensor"), Column("quantity", "word", words="quantity"), *OUTLOOK, Column("document"), AGE),
)
_LEVEL = Query("pond/level", (TIME, METRIC, Column("level_m")), series=True)
_LIMITS = Query(
    "pond/limits",
    (
        TIME,
        Column("blue_m", "fixed", COLOURS["blue"]),
        Column("yellow_m", "fixed", COLOURS["yellow"], band_to="blue_m"),
        Column("orange_m", "fixed", COLOURS["orange"], band_to="yellow_m"),
        Column("red_m", "fixed", COLOURS["red"], band_to="orange_m"),
    ),
    series=True,
)
_RAIN = Query("pond/rain", (TIME, METRIC, Column("rain_mm")), series=True)
_RAIN_24H = Query("pond/rain_24h", (TIME, METRIC, Column("rain_24h_mm")), series=True)
_SUMS = Query("pond/accumulations", (Column("sensor"), *RAIN_SUMS, Column("coverage_share"), AGE))
_LIVE = Query("pond/freeboard_history", (TIME, Column("live_freeboard_m", "fixed", "#5794F2")), series=True)
_REGULATORY = Query(
    "pond/freeboard_regulatory", (TIME, Column("regulatory_freeboard_m", "fixed", "#FF9830")), series=True
)
_FLAGS = Query(
    "pond/flags",
    (
        TIME, Column("suspect", "fixed", "#FADE2A"), Column("failed", "fixed", "#E02F44"),
        Column("unjudged", "fixed", "#9E9E9E"), Column("missing", "fixed", COLOURS["blind"]),
    ),
    series=True,
)  # fmt: skip
_SENSORS = Query(
    "pond/sensors",
    (
        Column("sensor"), Column("quantity", "word", words="quantity"), Column("service", "word", words="service"), AGE,
        Column("seen", "word", words="seen"), Column("value"), Column("unit", width=60), Column("flag", "flag"),
        Column("coverage_share"), Column("doubtful_share"),
    ),
)  # fmt: skip
_TIMELINE = (
    Query("pond/timeline_level", (TIME, Column("level", "word", words="timeline"))),
    Query("pond/timeline_sight", (TIME, Column("sight", "word", words="sight"))),
    Query("pond/timeline_age", (TIME, AGE)),
)
_WARNINGS = Query(
    "pond/warnings",
    (
        Column("raised", "time", width=150), Column("standing", "standing"), Column("highest", "level"),
        Column("cleared", "time", width=150), Column("verified", "yes_no"), Column("rule", "word", words="rule"),
        Column("sensor"), Column("acknowledged_by"), Column("handled_by"), Column("closed_by"), AGE,
    ),
)  # fmt: skip

POND = Board(
    "pond",
    (
        Panel("pond_state", "stat", (_STATE,), 12, 4),
        Panel("pond_freeboard", "stat", (_FREEBOARD,), 12, 4),
        Panel("pond_level", "timeseries", (_LEVEL, _LIMITS), 16, 11, unit="suffix: m", bridge_ms=_BRIDGE_MS),
        Panel("pond_next", "table", (_NEXT,), 8, 11),
        Panel("pond_rain", "timeseries", (_RAIN, _RAIN_24H), 16, 9, unit="suffix: mm", bars=True, axis_from_zero=True),
        Panel("pond_accumulations", "table", (_SUMS,), 8, 9),
        Panel(
            "pond_freeboard_history", "timeseries", (_LIVE, _REGULATORY), 12, 8, unit="suffix: m", bridge_ms=_BRIDGE_MS
        ),
        Panel("pond_flags", "timeseries", (_FLAGS,), 12, 8, unit="none", bars=True, stacked=True, axis_from_zero=True),
        Panel("pond_timeline", "state-timeline", _TIMELINE, 24, 6),
        Panel("pond_sensors", "table", (_SENSORS,), 12, 10),
        Panel("pond_warnings", "table", (_WARNINGS,), 12, 10),
    ),
    begins="now-3d",
    refresh="30s",
    variables=(Variable("pond", "pond/variable_pond"),),
    annotations="pond/annotations",
)
