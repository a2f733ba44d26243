"""How long each panel's query takes: every dashboard over 30 days of 1,000 sensors, asked one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from deploy.bench.figures import Figure, Report
from deploy.bench.system import bench_system
from deploy.bench.walllives import PLAN_ID
from deploy.bench.wallseed import seed
from deploy.grafana.board.emit import BOARDS
from deploy.grafana.board.macros import Range, expand
from deploy.grafana.board.spec import Board, sql
from deploy.local.machine import migrate_all

__all__ = ["boards"]

MOST_MS = 200.0
"""What a panel's query may take."""
_ROUNDS = 15


async def boards(ponds: int, days: int, findings: int, interval_s: int = 300) -> Report:
    """Fill a system of its own and time every panel of every dashboard; of some rounds the quickest one counts.

    What else the machine does can only add to what a query takes, and 44 queries leave it many chances.
    The baseline is ``SELECT 1`` by the same connection: what any query costs.
    """
    report = Report("boards", {"sensors": ponds * 10, "days": days, "interval_s": interval_s, "findings": findings})
    with bench_system(()) as system:
        owner = system.connection.database("owner")
        migrate_all(owner)
        await seed(owner, ponds=ponds, days=days, interval_s=interval_s, findings=findings, figure_hours=24.0 * days)
        now = datetime.now(UTC)
        over = Range(now - timedelta(days=days), now)
        with psycopg.connect(system.connection.database("reader"), autocommit=True) as conn:
            bare = _quickest(conn, "SELECT 1")
            counties = [row[0] for row in conn.execute(sql("supervision/variable_county", "en").encode())]
            given: dict[str, str | Sequence[str]] = {"pond": "bench-00000", "plan": PLAN_ID, "county": counties}
            stored = conn.execute("SELECT count(*) FROM dashboard.reading").fetchone()
            report.setting["readings"] = 0 if stored is None else stored[0]
            for board in BOARDS:
                spent = {name: _quickest(conn, expand(sql(name, "en"), over, given)) for name in _queries(board)}
                slowest = max(spent, key=lambda name: spent[name])
                report.setting[f"slowest_{board.name}"] = slowest
                report.figures.append(Figure(f"boards_{board.name}_slowest", spent[slowest], "ms", bare, most=MOST_MS))
                report.figures.append(Figure(f"boards_{board.name}_all", sum(spent.values()), "ms"))
    return report


def _queries(board: Board) -> Iterator[str]:
    yield from (query.file for panel in board.panels for query in panel.queries)
    yield from (variable.file for variable in board.variables)
    if board.annotations is not None:
        yield board.annotations


def _quickest(conn: psycopg.Connection, query: str) -> float:
    spent: list[float] = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        conn.execute(query.encode()).fetchall()
        spent.append((time.perf_counter() - begun) * 1000)
    return min(spent)
