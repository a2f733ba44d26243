"""One service's operations on a real NATS and a real PostgreSQL: what it says of itself, and what it writes down."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from deploy.local.machine import SERVICES
from deploy.local.ports import HOST, choose
from shared.bus.connection import connect
from shared.bus.dead import bury
from shared.ops.catalogue import DEAD_LETTERS, FIGURES_SKIPPED
from shared.ops.figures import KEPT, Figures, moment
from shared.ops.operations import Operations
from shared.postgres import Pool, migrate, open_pool
from shared.problems import BadInput
from shared.settings import Connection, Settings
from shared.tasks import end

NOW = datetime(2026, 7, 22, 3, 5, 9, tzinfo=UTC)


async def until(condition: Callable[[], Awaitable[bool]], limit: float = 20.0) -> None:
    async with asyncio.timeout(limit):
        while not await condition():
            await asyncio.sleep(0.05)


@pytest.fixture
async def asked() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def test_ready_is_what_can_work_and_alive_is_what_runs(connection: Connection, asked: httpx.AsyncClient) -> None:
    port = choose(0, what="ops")
    ops = Operations("registry", Settings(ops_port=port)).begin()
    url = f"http://{HOST}:{port}"

    async def missing() -> dict[str, str]:
        with suppress(httpx.TransportError):
            answer = await asked.get(f"{url}/readyz")
            assert answer.status_code == (503 if answer.json()["missing"] else 200)
            found: dict[str, str] = answer.json()["missing"]
            return found
        return {"port": "nobody listens"}

    async def lacks(*names: str) -> None:
        await until(lambda: _same(missing(), set(names)))

    # It answers before it can do anything, so that whoever waits knows for what.
    await lacks("start")
    pool = await open_pool(connection.database("registry"), schema="registry")
    nc = await connect(connection, name="tests")
    work = asyncio.create_task(asyncio.sleep(60), name="work")
    wrong = ["the roof leaks"]

    async def roof() -> str:
        return wrong[0]

    ops.stand_on(pool, nc)
    ops.check("roof", roof)
    tasks = ops.tasks("work")
    try:
        await lacks("roof")
        assert (await missing())["roof"] == "the roof leaks"
        wrong[0] = ""
        await lacks()
        text = (await asked.get(f"{url}/metrics")).text
        assert 'tailwarden_ready{check="database"} 1.0' in text
        assert "tailwarden_relay_lag_events 0.0" in text
        await nc.close()
        await lacks("nats")
        work.cancel()
        await lacks("nats", "tasks")
        dead = await asked.get(f"{url}/healthz")
        assert (dead.status_code, dead.json()["ended"]) == (503, ["work"])
        await pool.close()
        await lacks("nats", "tasks", "database")
        assert connection.database("registry") not in str(await missing())
    finally:
        await end(*tasks)


async def _same(found: Awaitable[dict[str, str]], wanted: set[str]) -> bool:
    return set(await found) == wanted


async def test_a_taken_port_or_none_stops_nobody() -> None:
    with socket.create_server((HOST, 0)) as taken:
        blocked = Operations("registry", Settings(ops_port=taken.getsockname()[1])).begin()
        for ops in (blocked, Operations("registry", Settings()).begin()):
            (only,) = ops.tasks()  # the looks go on, nobody listens
            await asyncio.sleep(0)
            assert not only.done()
            await end(only)


@pytest.fixture
async def figures_pool(database: dict[str, str]) -> AsyncIterator[Pool]:
    opened = await open_pool(database["notifier"], schema="notifier")
    try:
        yield opened
    finally:
        await opened.close()


async def rows(pool: Pool) -> list[tuple[datetime, str, float]]:
    async with pool.connection() as conn:
        return await (await conn.execute("SELECT time, name, value FROM figure ORDER BY time, name")).fetchall()


async def test_totals_go_on_after_a_restart_and_silence_is_no_zero(figures_pool: Pool) -> None:
    def begun(total: float, rate: float | None) -> Figures:
        figures = Figures()
        figures.add("dead_letters_total", lambda: total)
        figures.add("ingest_readings_per_s", lambda: rate)
        return figures

    await begun(3.0, 12.5).write(figures_pool, NOW)
    again = begun(2.0, None)
    later = NOW + timedelta(seconds=10)
    for _ in range(2):  # nothing new the second time
        assert await again.write(figures_pool, later) == {"dead_letters_total": 2.0}
    assert await rows(figures_pool) == [
        (moment(NOW), "dead_letters_total", 3.0),
        (moment(NOW), "ingest_readings_per_s", 12.5),
        (moment(later), "dead_letters_total", 5.0),
    ]
    end = moment(later) + KEPT
    await begun(0.0, 1.0).write(figures_pool, end)
    assert [time for time, _, _ in await rows(figures_pool)] == [moment(later), end, end]


async def test_several_processes_of_a_service_write_one_row(figures_pool: Pool) -> None:
    def begun(dead: float, waiting: float, latency: float) -> Figures:
        figures = Figures()
        figures.share(["consumer_lag_messages"])
        for name, value in (
            ("dead_letters_total", dead), ("consumer_lag_messages", waiting), ("publish_to_store_ms_p99", latency)
        ):  # fmt: skip
            figures.add(name, lambda value=value: value)  # type: ignore[misc]
        return figures

    one, other = begun(1.0, 10.0, 30.0), begun(2.0, 5.0, 20.0)
    for each in (one, other):
        await each.write(figures_pool, NOW)
    assert {name: value for _, name, value in await rows(figures_pool)} == {
        "dead_letters_total": 3.0, "consumer_lag_messages": 15.0, "publish_to_store_ms_p99": 30.0,
    }  # fmt: skip


async def test_an_outage_only_leaves_figures_out(connection: Connection) -> None:
    pool = await open_pool(connection.database("registry"), schema="registry")
    nc = await connect(connection, name="tests")
    try:
        ops = Operations("registry", Settings())
        ops.stand_on(pool, nc)
        await ops.step()
        written = await rows(pool)
        assert [name for _, name, _ in written] == ["dead_letters_total", "relay_lag_events"]
        skipped = FIGURES_SKIPPED.total
    finally:
        await pool.close()
        await nc.close()
    await ops.step()
    assert FIGURES_SKIPPED.total == skipped + 1


async def test_dead_letters_are_counted_once(connection: Connection) -> None:
    nc = await connect(connection, name="tests")
    try:
        before = DEAD_LETTERS.value("ops-test")
        for _ in range(2):  # the second time it came again, and is kept already
            await bury(
                nc.jetstream(), "ops-test", b"?", "tw.telemetry.a.b", BadInput("watch.no_warning", warning="w"), 7
            )
        assert DEAD_LETTERS.value("ops-test") == before + 1
    finally:
        await nc.close()


@pytest.mark.parametrize("order", [SERVICES[::-1], (*SERVICES[2:], *SERVICES[:2])], ids="-".join)
def test_the_view_holds_for_whoever_has_migrated(empty_database: dict[str, str], order: tuple[str, ...]) -> None:
    seen: list[str] = []
    with psycopg.connect(empty_database["owner"], autocommit=True) as owner:
        for service in order:
            migrate(empty_database["owner"], service)
            owner.execute(f"INSERT INTO {service}.figure VALUES (now(), 'relay_lag_events', 1)".encode())
            seen.append(service)
            with psycopg.connect(empty_database["reader"]) as reader:
                found = reader.execute("SELECT service, name, value FROM dashboard.figure").fetchall()
            assert sorted(found) == sorted((each, "relay_lag_events", 1.0) for each in seen)
