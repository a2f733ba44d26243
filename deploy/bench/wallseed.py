"""Fills a migrated database with what the dashboards show: readings, warnings, alarms, deliveries, figures, records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from deploy.bench.fleet import Fleet
from deploy.bench.office import Life
from deploy.bench.records import enter
from deploy.bench.walllives import case_lives, pond_lives, pond_views, record_lives
from services.notifier.domain.alarm import Alarm, Told
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import Answer, MessageKind
from shared.contracts.registry import PondDescription, PondView
from shared.eventstore import rebuild
from shared.postgres import open_pool

__all__ = ["FIGURES", "ensure_figures", "seed"]

SILENT, NEVER, BARE = 1, 2, 3
"""Ponds that fell silent, never reported, have no sensors; pond 0 floods."""
FIGURES: dict[str, tuple[str, ...]] = {
    "monitor": (
        "ingest_readings_per_s", "publish_to_store_ms_p50", "publish_to_store_ms_p99", "publish_to_warning_ms_p50",
        "publish_to_warning_ms_p99", "consumer_lag_messages", "dead_letters_total", "relay_lag_events",
    ),
    "notifier": ("deliveries_succeeded_total", "deliveries_failed_total", "consumer_lag_messages", "relay_lag_events"),
}  # fmt: skip
"""By service, what it writes of itself."""

_VALUE = """
CASE s.kind
    WHEN 'water_level' THEN 308.6 + 0.004 * random() + CASE WHEN s.pond_id = %(flood)s
        THEN 0.16 + 0.12 * greatest(0, 4 - extract(epoch FROM now() - t) / 3600)
        ELSE 0.2 * sin(extract(epoch FROM t) / 86400.0) END
    WHEN 'rain' THEN CASE WHEN hashint8(s.key + extract(epoch FROM t)::bigint / 36000) %% 5 = 0 THEN 0.2 * random() * 10
        ELSE 0 END
    WHEN 'beach_length' THEN 150 + random() WHEN 'displacement' THEN 5 + random() ELSE 302 + 0.1 * random() END
"""
_READINGS: LiteralString = f"""
INSERT INTO monitor.reading (sensor, time, value, flag, tests, rule_set, received)
SELECT s.key, t, round(({_VALUE})::numeric, 4),
    CASE WHEN hashint8(s.key * 7919 + extract(epoch FROM t)::bigint) %% 200 = 0 THEN 3
        WHEN hashint8(s.key * 104729 + extract(epoch FROM t)::bigint) %% 900 = 0 THEN 4 ELSE 1 END,
    0, 1, t + interval '2 seconds'
FROM generate_series(%(begin)s::timestamptz, %(end)s::timestamptz, make_interval(secs => %(interval)s)) AS t
    CROSS JOIN monitor.sensor s
WHERE s.pond_id <> %(never)s AND NOT (s.pond_id = %(silent)s AND t > now() - interval '6 hours')
ORDER BY t, s.key
"""  # noqa: S608 - our own constant


def ensure_figures(url: str) -> None:
    """Make ``dashboard.figure`` where no migration has yet: one table, as the monitor's."""
    with psycopg.connect(url, autocommit=True) as conn:
        if conn.execute("SELECT to_regclass('dashboard.figure')").fetchone() != (None,):
            return
        conn.execute(
            "CREATE TABLE monitor.figure (time timestamptz, name text, value double precision,"
            " PRIMARY KEY (name, time));"
            "CREATE TABLE notifier.figure (LIKE monitor.figure INCLUDING ALL);"
            "CREATE VIEW dashboard.figure AS SELECT time, 'monitor' AS service, name, value FROM monitor.figure"
            " UNION ALL SELECT time, 'notifier', name, value FROM notifier.figure;"
            "GRANT SELECT ON dashboard.figure TO tailwarden_reader"
        )


async def seed(
    url: str, *, ponds: int, days: float, interval_s: int = 300, findings: int = 60, figure_hours: float = 2.0
) -> list[PondView]:
    """Fill the database at *url* (the owner's) with *ponds* ponds of ten sensors, *days* of readings, and records."""
    fleet = Fleet(ponds, interval_s)
    views = pond_views(fleet)
    await _records(url, views, findings)
    ensure_figures(url)
    # The shadow of an exercise has everything a pond has: it must not be seen.
    shadow = views[0].model_copy(update={"pond": views[0].pond.model_copy(update={"id": "drill-bench"})})
    with psycopg.connect(url, autocommit=True) as conn:
        for view in (*views, shadow):
            _setup(conn, view)
        _readings(conn, views, days, interval_s)
        _warnings(conn, [view.pond for view in views])
        _warning(conn, shadow.pond, "drill-bench-1", LevelName.RED, datetime.now(UTC) - timedelta(hours=1), None)
        _figures(conn, figure_hours)
        conn.execute("VACUUM ANALYZE")
    return views


async def _records(url: str, views: Sequence[PondView], findings: int) -> None:
    lives: dict[str, tuple[Life, ...]] = {
        "registry": (*pond_lives(list(views)), *record_lives(max(12, len(views) // 2))),
        "cases": tuple(case_lives(findings, datetime.now(UTC).date())),
    }
    for name, each in lives.items():
        parts = import_module(f"services.{name}.wiring").store()
        pool = await open_pool(url, schema=name)
        try:
            await enter(pool, parts, each)
            await rebuild(pool, parts.store, parts.projections)
        finally:
            await pool.close()


def _setup(conn: psycopg.Connection, view: PondView) -> None:
    conn.execute(
        "INSERT INTO monitor.pond_setup (pond_id, version, setup) VALUES (%s, %s, %s)",
        (view.pond.id, view.version, Jsonb(view.model_dump(mode="json"))),
    )
    for each in view.sensors:
        conn.execute(
            "INSERT INTO monitor.sensor (pond_id, sensor_id, kind, unit) VALUES (%s, %s, %s, %s)",
            (view.pond.id, each.sensor.id, each.sensor.kind, each.sensor.unit),
        )


def _readings(conn: psycopg.Connection, views: Sequence[PondView], days: float, interval_s: int) -> None:
    """Put readings in, day by day in the order of time: as live ones lie on the disk."""
    end = datetime.now(UTC)
    begin = end - timedelta(days=days)
    ids = {name: views[place].pond.id for name, place in (("flood", 0), ("silent", SILENT), ("never", NEVER))}
    while begin < end:
        until = min(end, begin + timedelta(days=1))
        span = {"begin": begin, "end": until - timedelta(milliseconds=1), "interval": interval_s}
        conn.execute(_READINGS, {**ids, **span})
        begin = until


def _warnings(conn: psycopg.Connection, ponds: Sequence[PondDescription]) -> None:
    now = datetime.now(UTC)
    levels = tuple(LevelName)
    for place, pond in enumerate(ponds):
        for number in range(1, 4):
            raised = now - timedelta(days=3 * number, hours=place % 5)
            warning_id = f"{pond.id}-{number}"
            _warning(conn, pond, warning_id, levels[place % 4], raised, raised + timedelta(hours=9), closed=number > 1)
        if place % 25 == 0:
            _warning(conn, pond, f"{pond.id}-now", LevelName.ORANGE, now - timedelta(hours=2), None)
    silent = ponds[SILENT].id
    conn.execute(
        "INSERT INTO monitor.timeline (pond_id, time, place, event, level, verified, causes)"
        " VALUES (%s, %s, 0, 'blind', NULL, true, '[]')",
        (silent, now - timedelta(hours=5, minutes=45)),
    )


def _warning(
    conn: psycopg.Connection, pond: PondDescription, warning_id: str, level: LevelName, raised: datetime,
    cleared: datetime | None, closed: bool = False,
) -> None:  # fmt: skip
    """Put a warning in with its place on the record, its alarm, who was told, and their messages."""
    cause = Cause(sensor="level", rule="threshold", value=309.05, limit=309.0, level=level, unit="m")
    causes = Jsonb([cause.model_dump(mode="json")])
    conn.execute(
        "INSERT INTO monitor.warning (warning_id, pond_id, level, highest, verified, raised, cleared, acknowledged_by,"
        " acknowledged_at, closed_by, closed_at, causes, version) VALUES (%s, %s, %s, %s, true, %s, %s, 'Li', %s,"
        " %s, %s, %s, 1)",
        (
            warning_id, pond.id, None if cleared else level, level, raised, cleared, raised + timedelta(minutes=3),
            "Li" if closed else None, cleared if closed else None, causes,
        ),
    )  # fmt: skip
    changes = [(raised, "raised", level)] + ([(cleared, "cleared", None)] if cleared is not None else [])
    for time, event, shown in changes:
        conn.execute(
            "INSERT INTO monitor.timeline (pond_id, time, place, event, level, verified, causes)"
            " VALUES (%s, %s, 0, %s, %s, true, %s)",
            (pond.id, time, event, shown, causes),
        )
    people = {
        name: Told(
            person_id=name, name=name.title(), role="enterprise", rank=0, channels=("mail",), decided=raised,
            last_decided=raised, revision=1, kind=MessageKind.ALARM, level=level, sent=raised,
            answered=raised + timedelta(minutes=2), answer=answer, answered_revision=1,
        )
        for name, answer in (("wang", Answer.ON_SITE), ("zhao", Answer.CANNOT_GO))
    }  # fmt: skip
    alarm = Alarm(
        alarm_id=warning_id, pond_id=pond.id, exercise=False, level=None if cleared else level, highest=level,
        verified=True, late=False, time=raised, causes=(cause,), opened=raised, changed=raised, people=people,
    )  # fmt: skip
    conn.execute(
        "INSERT INTO notifier.alarm (id, pond_id, exercise, level, highest, opened, answered, ended, version, state)"
        " VALUES (%s, %s, false, %s, %s, %s, %s, %s, 1, %s)",
        (
            warning_id, pond.id, alarm.level, level, raised, raised + timedelta(minutes=2), cleared,
            alarm.model_dump_json(),
        ),
    )  # fmt: skip
    for name in people:
        conn.execute(
            "INSERT INTO notifier.delivery (id, alarm_id, pond_id, person_id, kind, revision, exercise, urgency,"
            " channels, message, created_at, due_at, state, channel, settled_at) VALUES (%s, %s, %s, %s, 'alarm', 1,"
            " false, 3, '{mail}', '{}', %s, %s, %s, 'mail', %s)",
            (
                f"{warning_id}-{name}", warning_id, pond.id, name, raised, raised,
                "sent" if name == "wang" else "failed", raised + timedelta(seconds=4),
            ),
        )  # fmt: skip


def _figures(conn: psycopg.Connection, hours: float) -> None:
    """Put a figure in every 10 seconds, where the services' tables are; totals grow."""
    for service, names in FIGURES.items():
        if conn.execute("SELECT to_regclass(%s)", (f"{service}.figure",)).fetchone() == (None,):
            continue
        insert = sql.SQL(
            "INSERT INTO {} (time, name, value) SELECT t, name, CASE WHEN name LIKE '%%_total'"
            " THEN extract(epoch FROM t) / 60 ELSE 40 + 10 * random() END"
            " FROM generate_series(now() - make_interval(secs => %s), now(), interval '10 seconds') AS t"
            " CROSS JOIN unnest(%s::text[]) AS name ON CONFLICT DO NOTHING"
        ).format(sql.Identifier(service, "figure"))
        conn.execute(insert, (hours * 3600, list(names)))
