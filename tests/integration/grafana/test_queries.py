"""Every query of every dashboard on a real PostgreSQL, as the reader's role, with a city in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from deploy.bench.walllives import PLAN_ID
from deploy.bench.wallseed import BARE, NEVER, SILENT, seed
from deploy.grafana.board.emit import BOARDS
from deploy.grafana.board.macros import Range, expand
from deploy.grafana.board.spec import Column, sql, unit_of
from deploy.local.postgres import PostgresServer
from services.monitor.domain.ponds import PondSetup, limits_in_force
from shared.contracts.levels import SensorKind
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, PondView, SensorDescription
from shared.words import LANGUAGES
from tests.conftest import cloned

NUMBER, MOMENT = (int, float, Decimal), (datetime, int, float, Decimal)
TEXTS = {"word", "state", "level", "standing", "day"}


@pytest.fixture(scope="module")
def city(postgres: PostgresServer, template_database: str) -> Iterator[dict[str, str]]:
    """Eight ponds with two days of readings: one floods, one fell silent, one never reported, one has no sensors."""
    database = cloned(postgres, template_database)
    urls = next(database)
    asyncio.run(seed(urls["owner"], ponds=8, days=2, interval_s=600, findings=40, figure_hours=0.5))
    yield urls
    database.close()


def asked(
    conn: psycopg.Connection[Any], file: str, over: Range, language: str = "en", **variables: str | Sequence[str]
) -> list[dict[str, Any]]:
    cursor = conn.execute(expand(sql(file, language), over, variables).encode())
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def choices(conn: psycopg.Connection[Any], over: Range) -> dict[str, str | Sequence[str]]:
    counties = [row["county"] for row in asked(conn, "supervision/variable_county", over)]
    assert {row["__value"] for row in asked(conn, "pond/variable_pond", over)} >= {"bench-00000"}
    assert [row["__value"] for row in asked(conn, "supervision/variable_plan", over)] == [PLAN_ID]
    return {"pond": "bench-00000", "county": counties, "plan": PLAN_ID}


def fits(column: Column, value: object) -> bool:
    if value is None:
        return True
    if column.name == "time" or column.look == "time":
        return isinstance(value, MOMENT) and not isinstance(value, bool)
    if unit_of(column.name) is not None or column.look in ("count", "age", "flag", "fixed"):
        return isinstance(value, NUMBER) and not isinstance(value, bool)
    if column.look == "yes_no":
        return isinstance(value, bool)
    if column.look in TEXTS:
        return isinstance(value, str)
    return True


def wrong(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return columns that are missing, in another order, of another type, or nothing in every row."""
    if [column.name for column in columns] != list(rows[0]):
        return [f"columns {list(rows[0])}"]
    found = [f"{each.name}: {row[each.name]!r}" for each in columns for row in rows if not fits(each, row[each.name])]
    empty = {"overdue_stage", "people_downstream", "down_since", "silent_sensors", "handled_by"}
    return found + [
        f"{each.name} is never anything"
        for each in columns
        if each.name not in empty and all(row[each.name] is None for row in rows)
    ]


def test_every_query_answers_in_both_languages(city: dict[str, str]) -> None:
    now = datetime.now(UTC)
    with psycopg.connect(city["reader"], autocommit=True) as conn:
        # A range of some days, and one of minutes: figures are that young.
        wide, narrow = Range(now - timedelta(days=8), now, 500), Range(now - timedelta(minutes=20), now, 60)
        given = choices(conn, wide)
        for language in LANGUAGES:
            for board in BOARDS:
                over = narrow if board.name == "operations" else wide
                for panel in board.panels:
                    for query in panel.queries:
                        # A pond that warns has a record of it; what is recorded of deliveries is older than figures.
                        span = wide if query.file == "operations/channels" else over
                        rows = asked(conn, query.file, span, language, **given)
                        assert rows, f"{query.file} shows nothing"
                        assert wrong(query.columns, rows) == [], query.file
                        assert not any("drill-bench" in str(row) for row in rows), f"{query.file} shows an exercise"
                        if query.series:
                            times = [row["time"] for row in rows]
                            assert times == sorted(times), f"{query.file} is not in order of time"
                if board.annotations is not None:
                    [mark] = asked(conn, board.annotations, narrow, language, **given)
                    assert ("橙色" if language == "zh" else "orange") in mark["text"]
                    assert mark["timeend"] - mark["time"] > timedelta(hours=1)


def test_no_data_is_never_normal(city: dict[str, str]) -> None:
    now = datetime.now(UTC)
    over = Range(now - timedelta(days=2), now)
    with psycopg.connect(city["owner"]) as conn:
        states = {row["pond_id"]: row for row in asked(conn, "wall/ponds", over)}
        shown = {place: states[f"bench-{place:05d}"]["state"] for place in range(8)}
        assert shown == {
            0: "orange", SILENT: "blind", NEVER: "no_data", BARE: "unmonitored", 4: "normal", 5: "normal", 6: "normal",
            7: "normal",
        }  # fmt: skip
        assert states["bench-00007"]["on_map"] is False
        assert {row["pond_id"] for row in asked(conn, "wall/blind", over)} == {f"bench-{at:05d}" for at in (1, 2, 3)}
        [counts] = asked(conn, "wall/counts", over)
        assert (counts["orange"], counts["blind"], counts["unmonitored"], counts["normal"]) == (1, 2, 1, 4)
        first = asked(conn, "wall/next", over)[0]
        assert (first["pond_id"], first["sensor"], first["outlook"]) == ("bench-00000", "level", "rising")
        assert 0 < first["left_h"] < 4
        [rain] = [row for row in asked(conn, "wall/rain", over) if row["pond_id"] == "bench-00001"]
        assert rain["coverage_share"] == pytest.approx(0.5, abs=0.02)
        # Half a day later, with nothing new and no monitor to say so: nobody is normal, the warning stands.
        conn.execute("ALTER TABLE monitor.reading DISABLE TRIGGER ALL")
        conn.execute("UPDATE monitor.reading SET time = time - interval '12 hours 1 second'")
        later = {row["pond_id"]: row["state"] for row in asked(conn, "wall/ponds", over)}
        assert set(later.values()) == {"orange", "blind", "no_data", "unmonitored"}
        assert later["bench-00000"] == "orange"
        [counts] = asked(conn, "wall/counts", over)
        assert (counts["normal"], counts["blind"]) == (0, 7)
        assert counts["age_s"] > 12 * 3600
        assert all(row["outlook"] == "silent" and row["left_h"] is None for row in asked(conn, "wall/next", over))
        flood = asked(conn, "pond/timeline_sight", over, pond="bench-00000")
        assert flood[-1]["sight"] == "blind"
        conn.rollback()
        conn.execute("SELECT 1")


def test_supervision_counts_what_the_register_says(city: dict[str, str]) -> None:
    over = Range(datetime.now(UTC) - timedelta(days=2), datetime.now(UTC))
    with psycopg.connect(city["reader"]) as conn:
        months = {row["month"]: row for row in asked(conn, "supervision/burndown", over, plan=PLAN_ID)}
        assert [months["2022-12"][name] for name in ("planned", "actual", "target")] == [57, 57, 48]
        assert [months["2023-09"][name] for name in ("planned", "actual")] == [57, 55]
        assert [months["2023-12"][name] for name in ("planned", "actual")] == [51, 55]
        assert [months["2024-06"][name] for name in ("planned", "actual")] == [48, 55]
        [plan] = asked(conn, "supervision/plan", over, plan=PLAN_ID)
        assert (plan["mines_now"], plan["planned_now"]) == (55, 48)
        assert len(asked(conn, "supervision/items", over, plan=PLAN_ID)) == 9


def test_the_views_take_the_limits_the_monitor_takes(database: dict[str, str]) -> None:
    documents = (
        LimitDocument(
            document="year",
            effective_from=date(2023, 5, 1),
            bands={
                "level": (
                    LimitBand(blue=1.0, red=4.0),
                    LimitBand(blue=0.5, red=3.5, season_from="06-01", season_to="09-30"),
                ),
                "sensor:level-2": (LimitBand(blue=9.0),),
            },
        ),
        LimitDocument(
            document="winter",
            effective_from=date(2024, 1, 15),
            bands={
                "level": (LimitBand(blue=0.8, season_from="11-15", season_to="02-29"),),
                "freeboard": (LimitBand(),),
            },
        ),
    )
    pond = PondDescription(id="p", name="p")
    setup, view = PondSetup(pond, (), documents), PondView(pond=pond, limits=documents)
    days = [
        date(2023, 4, 30), date(2023, 5, 1), date(2023, 6, 1), date(2023, 9, 30), date(2023, 10, 1), date(2023, 11, 20),
        date(2024, 1, 20), date(2024, 2, 29), date(2024, 3, 1), date(2024, 7, 1), date(2024, 12, 31), date(2025, 2, 28),
        date(2025, 3, 1),
    ]  # fmt: skip
    kinds = {"level": SensorKind.WATER_LEVEL, "freeboard": SensorKind.FREEBOARD, "rain": SensorKind.RAIN}
    with psycopg.connect(database["owner"]) as conn:
        for day in days:
            for sensor, quantity in (("level-1", "level"), ("level-2", "level"), ("free", "freeboard"), ("r", "rain")):
                about = SensorDescription(id=sensor, kind=kinds[quantity], unit="m", expected_interval_s=300)
                mine = limits_in_force(setup, about, day)
                row = conn.execute(
                    "SELECT monitor.limits_in_force(%s, %s, %s, %s)",
                    (Jsonb(view.model_dump(mode="json")), sensor, quantity, day),
                ).fetchone()
                assert row is not None
                band = row[0] or {}
                theirs = [band.get(name) for name in ("blue", "yellow", "orange", "red", "document", "limits_version")]
                assert theirs == [*mine.four, mine.document or None, mine.version], (day, sensor)
        conn.execute(
            "INSERT INTO monitor.pond_setup VALUES ('p', 1, %s)",
            (
                Jsonb(
                    view.model_dump(mode="json")
                    | {"sensors": [{"sensor": about.model_copy(update={"id": "level-1"}).model_dump(mode="json"),
                                    "state": "in_service", "windows": []}]}
                ),
            ),
        )  # fmt: skip
        conn.execute(
            "INSERT INTO monitor.sensor (pond_id, sensor_id, kind, unit) VALUES ('p', 'level-1', 'water_level', 'm')"
        )
        spans = conn.execute(
            "SELECT begins, least(ends, '2100-01-01'), blue, document FROM dashboard.limit_span WHERE pond_id = 'p'"
        ).fetchall()
        level = SensorDescription(id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)
        for day in days[1:]:
            noon = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
            [here] = [each for each in spans if each[0] <= noon < each[1]]
            assert (here[2], here[3] or "") == (
                limits_in_force(setup, level, day).blue,
                limits_in_force(setup, level, day).document,
            )
