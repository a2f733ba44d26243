"""The series on a real TimescaleDB: late data, compression, retention, grants. Jobs run when a test says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

import services.monitor
from deploy.local.postgres import SUPERUSER
from deploy.local.series import series_mode
from services.monitor.adapters.series import SeriesStore
from services.monitor.rows import Rows
from shared.postgres import migrate, open_pool
from tests.given import GivenServer

pytestmark = pytest.mark.timescaledb

STORE = SeriesStore()
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
MIGRATIONS = Path(services.monitor.__file__).parent / "migrations"

Owner = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def superuser(postgres: GivenServer, database: dict[str, str]) -> Iterator[Owner]:
    """Somebody who may do anything, in a database in which TimescaleDB's scheduler runs nothing by itself."""
    name = database["owner"].rsplit("/", 1)[-1]
    with psycopg.connect(postgres.url(SUPERUSER, name), autocommit=True) as conn:
        conn.execute("SELECT _timescaledb_functions.stop_background_workers()")
        yield conn


@pytest.fixture
def owner(superuser: Owner, database: dict[str, str]) -> Iterator[Owner]:
    with psycopg.connect(
        database["owner"], autocommit=True, options="-c search_path=monitor,public -c timezone=UTC"
    ) as conn:
        yield conn


def run(owner: Owner, kind: str, what: str) -> None:
    """Run the job ``policy_<kind>`` of a relation, as the scheduler would."""
    found = owner.execute(
        "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = %s AND hypertable_name = %s",
        [f"policy_{kind}", what],
    ).fetchall()
    assert len(found) == 1, f"{kind} of {what}: {found}"
    owner.execute("CALL run_job(%s)", found[0])


def refresh(owner: Owner) -> None:
    for what in ("reading_hourly", "reading_daily"):
        run(owner, "refresh_continuous_aggregate", what)


def rows(sensor: int, times: Sequence[datetime], value: float, flag: int = 1) -> Rows:
    time_us = np.array([round(time.timestamp() * 1_000_000) for time in times], np.int64)
    n = len(time_us)
    return Rows(
        np.full(n, sensor, np.int32), time_us, np.full(n, value), np.full(n, flag, np.int16),
        np.full(n, 7, np.int32), np.full(n, 3, np.int16), time_us,
    )  # fmt: skip


async def store(database: dict[str, str], *batches: Rows) -> list[int]:
    """Store as the service would: its role, its search path."""
    pool = await open_pool(database["monitor"], schema="monitor")
    try:
        async with pool.connection() as conn:
            return [await STORE.insert(conn, batch) for batch in batches]
    finally:
        await pool.close()


def hour(owner: Owner, at: datetime, sensor: int = 1) -> tuple[int, float] | None:
    query = "SELECT readings::int, high FROM reading_hourly WHERE sensor = %s AND bucket = %s"
    return owner.execute(query, [sensor, at]).fetchone()  # type: ignore[return-value]


def day(owner: Owner, at: datetime, sensor: int = 1) -> tuple[int, float] | None:
    query = "SELECT readings::int, high FROM reading_daily WHERE sensor = %s AND bucket = %s"
    return owner.execute(query, [sensor, at.replace(hour=0)]).fetchone()  # type: ignore[return-value]


def everything(owner: Owner, what: str) -> list[tuple[Any, ...]]:
    return owner.execute(f"SELECT * FROM {what} ORDER BY 1, 2".encode()).fetchall()


async def test_what_is_late_by_twenty_hours_is_seen_at_once_and_stays(owner: Owner, database: dict[str, str]) -> None:
    steady = [NOW - 12 * 24 * HOUR + step * HOUR / 2 for step in range(2 * 12 * 24)]
    await store(database, rows(1, steady, 3.0))
    refresh(owner)
    late, older = NOW - 20 * HOUR, NOW - 9 * 24 * HOUR
    whole = day(owner, older)
    assert whole is not None
    assert (hour(owner, late), hour(owner, older), whole[1]) == ((2, 3.0), (2, 3.0), 3.0)

    batch = [late + timedelta(minutes=minute) for minute in (7, 17, 47)]
    backlog = [older + timedelta(minutes=minute) for minute in (7, 17, 47)]
    assert await store(database, rows(1, batch, 5.0), rows(1, backlog, 7.0)) == [3, 3]
    assert hour(owner, late) == (5, 5.0)  # the window of the last day is summed up when asked
    assert hour(owner, older) == (2, 3.0)  # what is settled waits for the job

    run(owner, "refresh_continuous_aggregate", "reading_hourly")
    assert (hour(owner, late), hour(owner, older), day(owner, older)) == ((5, 5.0), (5, 7.0), whole)
    run(owner, "refresh_continuous_aggregate", "reading_daily")
    assert day(owner, older) == (whole[0] + 3, 7.0)


async def test_a_settled_hour_takes_what_is_late_at_the_next_refresh(owner: Owner, database: dict[str, str]) -> None:
    owner.execute("UPDATE series_policy SET settle = '1 hour'")
    await store(database, rows(1, [NOW - back * HOUR for back in range(1, 200)], 3.0))
    refresh(owner)
    late = NOW - 20 * HOUR
    await store(database, rows(1, [late + timedelta(minutes=7)], 5.0), rows(2, [late], 6.0))
    assert (hour(owner, late), hour(owner, late, 2)) == ((1, 3.0), None)
    run(owner, "refresh_continuous_aggregate", "reading_hourly")
    assert (hour(owner, late), hour(owner, late, 2)) == ((2, 5.0), (1, 6.0))
    run(owner, "refresh_continuous_aggregate", "reading_daily")
    assert day(owner, late, 2) == (1, 6.0)


async def test_compression_changes_nothing_but_the_size(owner: Owner, database: dict[str, str]) -> None:
    times = [NOW - 80 * 24 * HOUR + step * HOUR / 2 for step in range(2 * 80 * 24)]
    await store(database, rows(1, times, 3.0), rows(2, times[:3000], 4.0), rows(3, times[:40], -1.0, flag=4))
    refresh(owner)
    names = ("reading", "reading_hourly", "reading_daily")
    before = [everything(owner, name) for name in names]
    run(owner, "compression", "reading")
    ((compressed,),) = owner.execute(
        "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'reading' AND is_compressed"
    ).fetchall()
    assert compressed >= 6
    assert [everything(owner, name) for name in names] == before

    # Late into what is compressed: few rows by INSERT, many by COPY; known ones among them stay what they were.
    few = [*times[100:104], times[100] + timedelta(minutes=1)]
    many = [*times[:900], *[time + timedelta(minutes=2) for time in times[:900]]]
    assert await store(database, rows(1, few, 9.0), rows(1, many, 9.0)) == [1, 900]
    assert owner.execute("SELECT count(*) FROM reading WHERE sensor = 1 AND value = 9").fetchone() == (901,)
    pool = await open_pool(database["monitor"], schema="monitor")
    async with pool.connection() as conn:
        newest = {1: times[-1], 2: times[2999], 3: times[39]}
        expected = {key: round(time.timestamp() * 1_000_000) for key, time in newest.items()}
        assert await STORE.newest(conn) == expected
        assert await STORE.newest(conn, [2, 3, 77]) == {key: expected[key] for key in (2, 3)}
        got = await STORE.read(conn, [1], round(times[100].timestamp() * 1_000_000), 2**52)
        assert got.value[:3].tolist() == [3.0, 9.0, 9.0]
    await pool.close()
    # Hours that are compressed themselves take it, too.
    owner.execute("SELECT compress_chunk(chunk) FROM show_chunks('reading_hourly', older_than => %s) AS chunk", [NOW])
    refresh(owner)
    assert hour(owner, times[100].replace(minute=0)) == (5, 9.0)
    run(owner, "compression", "reading")  # what was opened is closed again
    assert hour(owner, times[100].replace(minute=0)) == (5, 9.0)


async def test_a_backlog_into_compressed_weeks_is_not_refused(owner: Owner, database: dict[str, str]) -> None:
    """TimescaleDB gives up a transaction that opens more than 100,000 compressed readings; inserting must open none."""
    begin = NOW - 60 * 24 * HOUR
    owner.execute(
        "INSERT INTO reading SELECT sensor, %s + step * interval '5 minutes', 3, 1, 7, 3, now()"
        " FROM generate_series(1, 120) AS sensor, generate_series(0, 999) AS step",
        [begin],
    )
    run(owner, "compression", "reading")
    backlog = [begin + timedelta(minutes=step * 5 + 1) for step in range(0, 1000, 100)]
    batches = [rows(sensor, backlog, 4.0) for sensor in range(1, 121)]
    together = Rows(*(np.concatenate(parts) for parts in zip(*(vars(each).values() for each in batches), strict=True)))
    assert await store(database, together) == [1200]


async def test_retention_drops_what_it_should_and_never_an_hour_or_a_day(
    owner: Owner, database: dict[str, str]
) -> None:
    owner.execute("UPDATE series_policy SET keep_raw = NULL, keep_hourly = NULL, keep_daily = NULL")
    years = {back: (NOW - timedelta(days=365 * back)).replace(hour=5) for back in (1, 3, 6)}
    for back, at in years.items():
        await store(database, rows(1, [at + step * HOUR / 4 for step in range(48)], float(back)))
    refresh(owner)
    hours, days = everything(owner, "reading_hourly"), everything(owner, "reading_daily")
    assert (len(hours), len(days)) == (36, 3)
    with pytest.raises(psycopg.errors.UndefinedObject):  # nothing drops what is kept for ever
        owner.execute("SELECT remove_retention_policy('reading')")

    owner.execute("UPDATE series_policy SET keep_raw = '2 years', keep_hourly = '4 years'")
    run(owner, "retention", "reading")
    run(owner, "retention", "reading_hourly")
    assert owner.execute("SELECT DISTINCT value FROM reading").fetchall() == [(1.0,)]
    kept = [row for row in hours if row[1] > NOW - timedelta(days=4 * 365)]
    assert len(kept) == 24
    assert (everything(owner, "reading_hourly"), everything(owner, "reading_daily")) == (kept, days)

    # A reading as old as what was dropped must not turn its hour into one reading.
    await store(database, rows(1, [years[3] + timedelta(minutes=3)], 99.0))
    refresh(owner)
    assert (everything(owner, "reading_hourly"), everything(owner, "reading_daily")) == (kept, days)


@pytest.mark.parametrize(
    "change",
    [
        "keep_raw = '1 year'",
        "keep_hourly = '10 years'",
        "keep_daily = '30 years'",
        "settle = '90 days'",
    ],
)
def test_a_policy_that_would_lose_something_is_refused(owner: Owner, change: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute(f"UPDATE series_policy SET {change}".encode())


async def test_rights_on_hypertable_chunks_and_aggregates(owner: Owner, database: dict[str, str]) -> None:
    await store(database, rows(1, [NOW - back * HOUR for back in range(0, 24 * 20, 5)], 3.0))
    refresh(owner)
    owner.execute(
        "CREATE VIEW dashboard.trial AS SELECT * FROM reading_hourly JOIN sensor ON key = reading_hourly.sensor"
    )
    assert migrate(database["owner"], "monitor") == []  # grants once more
    with psycopg.connect(database["monitor"], autocommit=True, options="-c search_path=monitor,public") as service:
        for what in ("reading", "reading_hourly", "reading_daily"):
            assert service.execute(f"SELECT count(*) > 0 FROM {what}".encode()).fetchone() == (True,)
        for forbidden in (
            "TRUNCATE reading",
            "SELECT drop_chunks('reading', now())",
            "CALL refresh_continuous_aggregate('reading_hourly', NULL, NULL)",
            "UPDATE series_policy SET keep_raw = '3 years'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(forbidden.encode())
    with psycopg.connect(database["reader"], autocommit=True) as reader:
        assert reader.execute("SELECT count(*) FROM dashboard.trial").fetchone() == (0,)
        chunks = owner.execute("SELECT show_chunks('reading')::text").fetchall()
        for (what,) in [*chunks, ("monitor.reading",), ("monitor.reading_daily",)]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f"SELECT * FROM {what}".encode())


async def mode(database: dict[str, str], role: str = "owner") -> tuple[bool, str, str]:
    async with await psycopg.AsyncConnection.connect(database[role], autocommit=True) as conn:
        (finding,) = await series_mode(conn, "2.x", "en")
        return finding.ok, finding.detail, finding.remedy("en")


def noted(superuser: Owner, ago: timedelta, *, success: bool = True) -> None:
    """Note for each job what the scheduler would have."""
    superuser.execute("DELETE FROM _timescaledb_internal.bgw_job_stat")
    superuser.execute(
        "INSERT INTO _timescaledb_internal.bgw_job_stat SELECT job_id, at, at, now(), at, %s, 1, interval '1 s',"
        " interval '0', 1, 0, 0, 0, 0 FROM timescaledb_information.jobs, (SELECT now() - %s AS at) AS done",
        [success, ago],
    )


async def test_doctor_says_which_mode_runs_and_which_job_fails(
    owner: Owner, database: dict[str, str], superuser: Owner
) -> None:
    await store(database, rows(1, [NOW - back * 24 * HOUR for back in range(60)], 3.0))
    run(owner, "compression", "reading")
    noted(superuser, HOUR / 2)
    for role in ("owner", "monitor"):
        ok, detail, _ = await mode(database, role)
        told = r"TimescaleDB 2\.x: (9|10) chunks, [1-9] of them compressed; hours refreshed 30 min ago"
        assert ok, detail
        assert re.fullmatch(told, detail), detail
    noted(superuser, 4 * HOUR)
    ok, detail, remedy = await mode(database)
    assert (ok, "240 min ago" in detail, "job_errors" in remedy) == (False, True, True)
    noted(superuser, HOUR / 2, success=False)
    ok, detail, _ = await mode(database)
    assert (ok, "Columnstore Policy" in detail) == (False, True), detail


async def test_series_that_were_plain_are_taken_over(owner: Owner, database: dict[str, str]) -> None:
    """A database migrated without TimescaleDB, to which it comes later."""
    owner.execute("DROP MATERIALIZED VIEW reading_daily")
    owner.execute("DROP MATERIALIZED VIEW reading_hourly")
    owner.execute("DROP TABLE reading CASCADE")  # and whatever dashboards stand on it
    owner.execute((MIGRATIONS / "0010_reading.sql").read_bytes())
    for name in ("0011_series.sql", "0015_timescale.sql"):
        plain = re.findall(
            r"^    ELSE\n(.*?)^    END IF;", (MIGRATIONS / name).read_text("utf-8"), re.DOTALL | re.MULTILINE
        )
        owner.execute(plain[-1].encode())
    owner.execute("CREATE VIEW dashboard.days AS SELECT * FROM reading_daily")
    owner.execute("CREATE VIEW dashboard.worst AS SELECT sensor, max(high) AS high FROM dashboard.days GROUP BY 1")
    migrate(database["owner"], "monitor")
    await store(database, rows(1, [NOW - back * HOUR for back in range(24 * 40)], 3.0), rows(2, [NOW], 4.0, flag=4))
    names = ("reading", "reading_hourly", "reading_daily", "dashboard.days", "dashboard.worst")
    before = [everything(owner, name) for name in names]
    assert owner.execute("SELECT series_on_timescale()").fetchone() == (False,)
    assert (await mode(database))[:2] == (
        False,
        "TimescaleDB is in this database, but the series are still plain tables",
    )

    owner.execute("SELECT series_to_timescale()")
    assert owner.execute("SELECT series_on_timescale()").fetchone() == (True,)
    assert [everything(owner, name) for name in names] == before
    refresh(owner)
    assert [everything(owner, name) for name in names] == before
    migrate(database["owner"], "monitor")
    with psycopg.connect(database["reader"], autocommit=True) as reader:
        assert reader.execute("SELECT high FROM dashboard.worst ORDER BY 1").fetchall() == [(3.0,), (None,)]
    assert await store(database, rows(1, [NOW - HOUR, NOW - HOUR / 2], 5.0)) == [1]
