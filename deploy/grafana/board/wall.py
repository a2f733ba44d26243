"""The flood wall 汛情值守墙: every pond at a glance, worst first; what is not seen is never shown as calm."""

from __future__ import annotations

from deploy.grafana.board.marks import COLOURS
from deploy.grafana.board.spec import Board, Column, Panel, Query

__all__ = ["WALL"]

AGE = Column("age_s", "age", width=110)
POND_ID = Column("pond_id", "hidden")

_COUNTS = Query(
    "wall/counts",
    (
        *(Column(name, "fixed", COLOURS[name]) for name in ("red", "orange", "yellow", "blue", "blind")),
        Column("unmonitored", "fixed", COLOURS["unmonitored"]),
        Column("normal", "fixed", COLOURS["normal"]),
        AGE,
    ),
)
_MAP = Query(
    "wall/map",
    (
        POND_ID, Column("pond"), Column("county"), Column("state", "state"), Column("blind", "yes_no"), AGE,
        Column("latitude", "hidden"), Column("longitude", "hidden"),
    ),
)  # fmt: skip
_PONDS = Query(
    "wall/ponds",
    (
        POND_ID, Column("state", "state", width=110), Column("pond"), Column("county", width=100),
        Column("blind", "yes_no", width=70), Column("silent_sensors"), AGE, Column("on_map", "yes_no", width=80),
    ),
)  # fmt: skip
_WARNINGS = Query(
    "wall/warnings",
    (
        POND_ID, Column("standing", "standing", width=90), Column("highest", "level", width=80), Column("pond"),
        Column("raised", "time", width=150), Column("open_s", width=100), Column("verified", "yes_no", width=80),
        Column("rule", "word", words="rule"), Column("sensor"), Column("answered_by"),
        Column("told", "count", width=70), Column("acknowledged_by"), AGE,
    ),
)  # fmt: skip
_BLIND = Query(
    "wall/blind",
    (
        POND_ID, Column("state", "state", width=110), Column("pond"), Column("county", width=100),
        Column("blind_since", "time", width=150), Column("blind_s", width=100), Column("silent_sensors"), AGE,
    ),
)  # fmt: skip
RAIN_SUMS = tuple(Column(f"h{hours}_mm", width=85) for hours in (1, 3, 6, 12, 24))
_RAIN = Query(
    "wall/rain",
    (POND_ID, Column("pond"), Column("sensor", width=100), *RAIN_SUMS, Column("coverage_share", width=90), AGE),
)
OUTLOOK = (
    Column("value_m", width=100), Column("next_level", "level", width=80), Column("limit_m", width=100),
    Column("distance_m", width=90), Column("rise_m_per_h", width=100),
    Column("outlook", "word", words="outlook", width=90), Column("left_h", width=90),
)  # fmt: skip
_NEXT = Query(
    "wall/next",
    (
        POND_ID, Column("pond"), Column("sensor", width=100), Column("quantity", "word", words="quantity", width=100),
        *OUTLOOK, AGE,
    ),
)  # fmt: skip

WALL = Board(
    "wall",
    (
        Panel("wall_counts", "stat", (_COUNTS,), 24, 4),
        Panel("wall_map", "geomap", (_MAP,), 12, 14, link_pond=True),
        Panel("wall_warnings", "table", (_WARNINGS,), 12, 14, link_pond=True),
        Panel("wall_next", "table", (_NEXT,), 12, 9, link_pond=True),
        Panel("wall_rain", "table", (_RAIN,), 12, 9, link_pond=True),
        Panel("wall_blind", "table", (_BLIND,), 12, 9, link_pond=True),
        Panel("wall_ponds", "table", (_PONDS,), 12, 9, link_pond=True),
    ),
    begins="now-24h",
    refresh="30s",
)
