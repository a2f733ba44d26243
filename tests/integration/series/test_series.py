"""The series on a real PostgreSQL: what is stored once stays, whoever sends it again and however often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np
import psycopg
import pytest

from deploy.local.series import series_mode
from services.monitor.adapters.series import SeriesStore
from services.monitor.rows import Rows
from shared.postgres import Pool, open_pool

T0 = 1_595_376_000_000_000  # 2020-07-22T00:00Z
SLOT = 300_000_000
STORE = SeriesStore()


@pytest.fixture
async def monitor(database: dict[str, str]) -> AsyncIterator[Pool]:
    opened = await open_pool(database["monitor"], schema="monitor")
    try:
        yield opened
    finally:
        await opened.close()


def rows(sensor: object, time_us: object, value: object, flag: int = 1) -> Rows:
    sensors, times, values = np.broadcast_arrays(*np.atleast_1d(sensor, time_us, value))
    n = sensors.size
    return Rows(
        sensors.astype(np.int32),
        times.astype(np.int64),
        values.astype(np.float64),
        np.full(n, flag, np.int16),
        np.arange(n, dtype=np.int32) + 7,
        np.full(n, 3, np.int16),
        times.astype(np.int64) + 1,
    )


def many(sensors: int, each: int) -> Rows:
    which = np.tile(np.arange(sensors), each)  # as they would come: time by time, not sensor by sensor
    when = np.repeat(np.arange(each), sensors) * SLOT + T0
    return rows(which, when, np.sin(which * 7.0 + when / 1e9))


def as_set(got: Rows) -> set[tuple[float, ...]]:
    return set(zip(*(column.tolist() for column in vars(got).values()), strict=True))


@pytest.mark.parametrize("n", [1, 100, 101, 3000])
async def test_what_goes_in_comes_out_exactly(monitor: Pool, n: int) -> None:
    values = np.random.default_rng(n).normal(300, 1e6, n)
    values[:1] = 5e-324
    given = rows(np.arange(n) % 7 + 2**31 - 8, T0 + np.arange(n) * 1_000_003, values, flag=3)
    async with monitor.connection() as conn:
        assert await STORE.insert(conn, given) == n
        got = await STORE.read(conn, np.unique(given.sensor).tolist(), T0, T0 + n * 1_000_003)
    assert as_set(got) == as_set(given)
    assert np.lexsort((got.time_us, got.sensor)).tolist() == list(range(n))


@pytest.mark.parametrize("before_2000", [-5_000_000_000_000_001, 946_684_799_999_999])
async def test_times_before_postgresqls_own_epoch(monitor: Pool, before_2000: int) -> None:
    for n in (1, 200):
        given = rows(n, before_2000 + np.arange(n), 1.0)
        async with monitor.connection() as conn:
            assert await STORE.insert(conn, given) == n
            got = await STORE.read(conn, [n], before_2000, before_2000 + n)
        assert got.time_us.tolist() == given.time_us.tolist()


async def test_nothing(monitor: Pool) -> None:
    async with monitor.connection() as conn:
        assert await STORE.insert(conn, rows([], [], [])) == 0
        assert len(await STORE.read(conn, [], 0, T0)) == 0
        assert len(await STORE.read(conn, [1, 2], 0, T0)) == 0
        assert await STORE.newest(conn) == {}
        assert await STORE.newest(conn, []) == {}


@pytest.mark.parametrize("n", [40, 400])
async def test_the_first_of_an_identity_stays(monitor: Pool, n: int) -> None:
    times = T0 + np.arange(n) * SLOT
    async with monitor.connection() as conn:
        doubled = rows(1, np.concatenate([times, times]), np.concatenate([np.full(n, 1.0), np.full(n, 2.0)]))
        assert await STORE.insert(conn, doubled) == n
        assert await STORE.insert(conn, rows(1, times, 3.0, flag=4)) == 0
        assert await STORE.insert(conn, rows(1, np.append(times, times[-1] + SLOT), 4.0, flag=4)) == 1
        got = await STORE.read(conn, [1], T0, T0 + 2 * n * SLOT)
    assert got.value.tolist() == [1.0] * n + [4.0]
    assert got.flag.tolist() == [1] * n + [4]
    assert got.tests[: n - 1].tolist() == list(range(7, n + 6))


async def test_reading_back_is_bounded_by_sensor_and_time(monitor: Pool) -> None:
    async with monitor.connection() as conn:
        await STORE.insert(conn, many(5, 100))
        got = await STORE.read(conn, [1, 3, 99], T0 + 10 * SLOT, T0 + 20 * SLOT)
    assert sorted(set(got.sensor.tolist())) == [1, 3]
    assert (got.time_us.min(), got.time_us.max(), len(got)) == (T0 + 10 * SLOT, T0 + 19 * SLOT, 20)


async def test_newest(monitor: Pool) -> None:
    async with monitor.connection() as conn:
        await STORE.insert(conn, many(4, 10))
        await STORE.insert(conn, rows(2, T0 + 50 * SLOT + 1, 0.0))
        newest = {0: T0 + 9 * SLOT, 1: T0 + 9 * SLOT, 2: T0 + 50 * SLOT + 1, 3: T0 + 9 * SLOT}
        assert await STORE.newest(conn) == newest
        assert await STORE.newest(conn, [2, 3, 77]) == {key: newest[key] for key in (2, 3)}


async def test_in_the_callers_transaction(monitor: Pool) -> None:
    async with monitor.connection() as conn:
        async with conn.transaction():
            assert await STORE.insert(conn, many(2, 100)) == 200
            assert await STORE.insert(conn, many(3, 100)) == 100
            raise psycopg.Rollback
        assert await STORE.newest(conn) == {}
        async with conn.transaction():
            assert await STORE.insert(conn, many(2, 100)) == 200
            assert await STORE.insert(conn, many(3, 100)) == 100
        assert await STORE.insert(conn, many(3, 101)) == 3


async def test_many_writers_of_the_same_readings(monitor: Pool) -> None:
    given = many(20, 60)
    order = np.random.default_rng(1)

    async def write(size: int) -> int:
        stored = 0
        places = order.permutation(len(given))
        for begin in range(0, len(places), size):
            part = places[begin : begin + size]
            async with monitor.connection() as conn:
                stored += await STORE.insert(conn, Rows(*(column[part] for column in vars(given).values())))
        return stored

    stored = await asyncio.gather(*(write(size) for size in (60, 150, 300, 1200, 150, 60)))
    assert sum(stored) == len(given)
    async with monitor.connection() as conn:
        assert as_set(await STORE.read(conn, range(20), T0, T0 + 60 * SLOT)) == as_set(given)


async def test_a_hundred_thousand_rows(monitor: Pool) -> None:
    given = many(200, 500)
    async with monitor.connection() as conn:
        began = time.monotonic()
        for begin in range(0, len(given), 25_000):
            part = slice(begin, begin + 25_000)
            assert await STORE.insert(conn, Rows(*(column[part] for column in vars(given).values()))) == 25_000
        got = await STORE.read(conn, range(200), T0, T0 + 500 * SLOT)
        took = time.monotonic() - began
    assert len(got) == 100_000
    assert took < 20  # some 0.6 s on an idle machine


async def test_hourly_and_daily_values_leave_out_what_failed(monitor: Pool) -> None:
    async with monitor.connection() as conn:
        await STORE.insert(conn, rows(1, T0 + np.arange(24) * SLOT, np.arange(24)))
        await STORE.insert(conn, rows(1, T0 + 24 * SLOT - 1, 9999.0, flag=4))
        hourly = await (
            await conn.execute(
                "SELECT extract(epoch FROM bucket)::int, readings, failed, mean, low, high, total"
                " FROM reading_hourly WHERE sensor = 1 ORDER BY bucket"
            )
        ).fetchall()
        daily = await (
            await conn.execute("SELECT extract(epoch FROM bucket)::int, readings, failed, total FROM reading_daily")
        ).fetchall()
    start = T0 // 1_000_000
    assert hourly == [(start, 12, 0, 5.5, 0.0, 11.0, 66.0), (start + 3600, 13, 1, 17.5, 12.0, 23.0, 210.0)]
    assert daily == [(start, 25, 1, 276.0)]


async def test_days_are_made_of_hours_and_say_what_the_readings_say(monitor: Pool) -> None:
    rng = np.random.default_rng(5)
    when = T0 + np.sort(rng.choice(3 * 288, 500, replace=False)) * SLOT
    given = rows(1, when, rng.normal(300, 40, 500))
    given.flag[rng.random(500) < 0.1] = 4
    given.flag[when < T0 + 12 * SLOT] = 4  # an hour of which nothing counts
    async with monitor.connection() as conn:
        await STORE.insert(conn, given)
        await STORE.insert(conn, rows(2, T0, 1.0, flag=4))
        daily = await (
            await conn.execute(
                "SELECT readings, failed, mean, low, high, total FROM reading_daily WHERE sensor = 1 ORDER BY bucket"
            )
        ).fetchall()
        nothing = await (await conn.execute("SELECT * FROM reading_daily WHERE sensor = 2")).fetchall()
        types = await (
            await conn.execute(
                "SELECT pg_typeof(readings)::text, pg_typeof(failed)::text, pg_typeof(mean)::text,"
                " pg_typeof(bucket)::text FROM reading_daily LIMIT 1"
            )
        ).fetchall()
    counts = given.flag != 4
    for place, row in enumerate(daily):
        mine = (when - T0) // (288 * SLOT) == place
        good = given.value[mine & counts]
        assert row[:2] == (mine.sum(), (mine & ~counts).sum())
        assert row[2:] == pytest.approx((good.mean(), good.min(), good.max(), good.sum()), rel=1e-12)
    assert len(daily) == 3
    assert [row[2:] for row in nothing] == [(1, 1, None, None, None, None)]
    assert types == [("bigint", "bigint", "double precision", "timestamp with time zone")]


async def test_a_column_that_is_short_is_refused_before_anything_is_sent() -> None:
    good = many(2, 2)
    with pytest.raises(ValueError, match="differ in length"):
        Rows(good.sensor, good.time_us[:1], good.value, good.flag, good.tests, good.rule_set, good.received_us)


async def test_the_plain_branch_needs_no_extension(database: dict[str, str]) -> None:
    async with await psycopg.AsyncConnection.connect(database["owner"]) as conn:
        found = await conn.execute("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")
        if await found.fetchone() != (0,):
            pytest.skip("this database has TimescaleDB")
        kinds = await conn.execute(
            "SELECT relname::text, relkind::text FROM pg_class WHERE relnamespace = 'monitor'::regnamespace"
            " AND relname IN ('reading', 'reading_hourly', 'reading_daily') ORDER BY 1"
        )
        assert await kinds.fetchall() == [("reading", "r"), ("reading_daily", "v"), ("reading_hourly", "v")]
        (mode,) = await series_mode(conn, None)
        assert (mode.ok, mode.detail.split(":")[0]) == (True, "plain PostgreSQL")
