"""Operations: whether the system itself keeps up, by the figures each service writes every few seconds."""

from __future__ import annotations

from deploy.grafana.board.pond import METRIC, TIME
from deploy.grafana.board.spec import Board, Column, Panel, Query
from deploy.grafana.board.wall import AGE

__all__ = ["OPERATIONS"]

_LEAST = "30s"
"""Each service writes every ten seconds: a shorter interval would be full of holes."""


def _chart(name: str, column: str, unit: str, width: int = 8, metric: bool = True) -> Panel:
    columns = (TIME, METRIC, Column(column)) if metric else (TIME, Column(column))
    query = Query(f"operations/{name}", columns, series=True)
    return Panel(
        f"operations_{name}", "timeseries", (query,), width, 8, unit=unit, axis_from_zero=True, least_interval=_LEAST
    )


_FIGURES = Query("operations/figures", (Column("service"), AGE, Column("figures", "count")))
_CHANNELS = Query(
    "operations/channels",
    (
        Column("channel"), Column("sent", "count"), Column("failed", "count"), Column("waiting", "count"),
        Column("took_s"), AGE, Column("down_since", "time"),
    ),
)  # fmt: skip

OPERATIONS = Board(
    "operations",
    (
        Panel("operations_figures", "table", (_FIGURES,), 8, 8),
        _chart("ingest", "rate_per_s", "suffix:/s"),
        _chart("store", "delay_ms", "ms"),
        _chart("warning", "delay_ms", "ms"),
        _chart("lag", "messages", "none"),
        _chart("relay", "events", "none"),
        _chart("dead", "letters", "none"),
        _chart("delivery", "success_share", "percentunit", metric=False),
        Panel("operations_channels", "table", (_CHANNELS,), 8, 8),
    ),
    begins="now-6h",
    refresh="10s",
)
