"""How fast a city's records answer: lists and filters, the rebuild of all read models, the reply report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from importlib import import_module
from itertools import islice
from uuid import uuid4

from deploy.bench import office
from deploy.bench.figures import Figure, Report
from deploy.bench.system import bench_system
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.base import Command
from shared.contracts.cases import FindingList, FindingState, ListFindings
from shared.contracts.commands import REPLIES
from shared.contracts.mines import ListMines, MineStatus
from shared.contracts.pondfiles import ListPondFiles, PondUse
from shared.contracts.report import WriteReport
from shared.eventstore import NewEvent, ServiceStore, rebuild
from shared.postgres import Pool, open_pool

__all__ = ["enter", "records"]

_STRIDE = 500
"""Records entered in one transaction."""
ROUNDS = 12

QUERIES: tuple[Command, ...] = (
    ListMines(),
    ListMines(county=office.COUNTIES[3]),
    ListMines(status=(MineStatus.SUSPENDED, MineStatus.CLOSING), as_of=date(2021, 6, 1)),
    ListMines(name_contains="99", offset=50),
    ListPondFiles(county=office.COUNTIES[5]),
    ListPondFiles(use=(PondUse.OUT_OF_USE,), overdue=True),
    ListFindings(),
    ListFindings(county=office.COUNTIES[7], state=(FindingState.RECTIFYING,)),
    ListFindings(overdue=True, as_of=date(2022, 1, 1)),
    ListFindings(letter_id="l00007"),
    ListFindings(subject_id="m00042"),
    ListFindings(state=(FindingState.CLOSED_OUT,), offset=20_000),
)


async def records(mines: int, ponds: int, findings: int) -> Report:
    """Fill a system of its own with that many records and measure it.

    Baselines: for a query, the bare SELECT of as many states; for the rebuild, reading and parsing the events alone.
    """
    report = Report("records", {"mines": mines, "ponds": ponds, "findings": findings})
    letters = max(1, findings // 25)
    with bench_system(("registry", "cases")) as system:
        registry, cases = (import_module(f"services.{name}.wiring").store() for name in ("registry", "cases"))
        for parts, lives in (
            (registry, (*office.mines(mines), *office.ponds(ponds))),
            (cases, (*office.letters(letters), *office.findings(findings, letters))),
        ):
            pool = await open_pool(system.connection.database("owner"), schema=parts.schema)
            try:
                await enter(pool, parts, lives)
                report.figures.append(await _rebuilt(pool, parts))
            finally:
                await pool.close()
        nc = await connect(system.connection, name="tailwarden-bench")
        try:
            client = CommandClient(nc, timeout=30.0)
            report.figures += await _queries(client, system.connection.database("cases"))
            begun = time.perf_counter()
            await client.send(WriteReport(letter_id="l00007"), REPLIES[WriteReport])
            report.figures.append(Figure("records_report", time.perf_counter() - begun, "s", most=5.0))
        finally:
            await nc.close()
    return report


async def enter(pool: Pool, parts: ServiceStore, lives: Iterable[office.Life]) -> None:
    """Append every life as it is: no decisions, no read models (the rebuild makes them)."""
    now, rest = datetime.now(UTC), iter(lives)
    while stride := list(islice(rest, _STRIDE)):
        async with pool.connection() as conn, conn.transaction():
            for stream, record_id, events in stride:
                new = [NewEvent(event, record_id, uuid4(), {"by": "bench"}) for event in events]
                await parts.store.append(conn, stream, 0, new, now)


async def _rebuilt(pool: Pool, parts: ServiceStore) -> Figure:
    begun = time.perf_counter()
    async with pool.connection() as conn:
        async for _ in parts.store.read_all(conn):
            pass
    bare = time.perf_counter() - begun
    begun = time.perf_counter()
    await rebuild(pool, parts.store, parts.projections)
    taken = time.perf_counter() - begun
    return Figure(f"records_rebuild_{parts.schema}", taken, "s", bare, most=60.0)


async def _queries(client: CommandClient, cases_url: str) -> Sequence[Figure]:
    spent: list[float] = []
    for _ in range(ROUNDS):
        for query in QUERIES:
            begun = time.perf_counter()
            await client.send(query, REPLIES[type(query)])
            spent.append((time.perf_counter() - begun) * 1000)
    bare: list[float] = []
    pool = await open_pool(cases_url, schema="cases")
    try:
        async with pool.connection() as conn:
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                cursor = await conn.execute("SELECT state::text FROM finding_history WHERE valid_to IS NULL LIMIT 100")
                FindingList.model_validate({"total": 0, "findings": ()})
                await cursor.fetchall()
                bare.append((time.perf_counter() - begun) * 1000)
                await asyncio.sleep(0)
    finally:
        await pool.close()
    return [
        Figure("records_query_p50", _quantile(spent, 0.5), "ms", _quantile(bare, 0.5)),
        Figure("records_query_p95", _quantile(spent, 0.95), "ms", _quantile(bare, 0.95), most=50.0),
    ]


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
