"""How much faster two monitors are than one: the same telemetry, in partitions, on the same servers.

The baseline is one monitor that serves all 16 partitions. On a machine whose cores NATS, PostgreSQL and the monitors
share, two monitors gain what the one left idle; where each has a core of its own they gain more.
"""

from __future__ import annotations

import asyncio
import time

import psycopg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from deploy.bench.figures import Figure, Report
from deploy.bench.fleet import EACH, Fleet
from deploy.bench.ingest import COLUMN, publish_all
from deploy.bench.system import BenchSystem, bench_system
from deploy.local.machine import shares
from services.monitor.adapters.telemetry import CONSUMER
from shared.bus.connection import connect
from shared.problems import Fault

__all__ = ["scale"]

_BEGINS_US = 1_704_067_200_000_000
_LIMIT_S = 300.0


async def scale(readings: int, workers: int = 2, ponds: int = 200, interval_s: int = 60) -> Report:
    """Measure columns of 500 from publish to commit with one monitor, with *workers*, and with one again.

    Parameters
    ----------
    readings
        How many are published in each of the three rounds.
    ponds
        Ponds of ten sensors each.
    """
    setting = {"readings": readings, "column": COLUMN, "ponds": ponds, "workers": workers}
    report = Report("scale", setting)
    fleet = Fleet(ponds, interval_s)
    rates: list[float] = []
    with bench_system(options=("--monitors", str(workers))) as system:
        await fleet.register(system.connection)
        system.stop("monitor")
        begins = _BEGINS_US
        for count in (1, workers, 1):
            messages = fleet.gateway(readings, begins, COLUMN)
            rates.append(len(messages) * COLUMN / await _round(system, count, messages, begins))
            begins += (len(messages) // ponds + 2) * (COLUMN // EACH) * interval_s * 1_000_000
    one = (rates[0] + rates[2]) / 2
    report.figures += [
        Figure("scale_one", one, "1/s"),
        Figure("scale_workers", rates[1], "1/s", one),
    ]
    return report


async def _round(system: BenchSystem, workers: int, messages: list[tuple[str, bytes]], begins_us: int) -> float:
    """Return the seconds from the first publish until everything is committed."""
    names = [f"monitor-{number}" for number in range(1, workers + 1)]
    for name, share in zip(names, shares(workers), strict=True):
        system.start(name, "monitor", TAILWARDEN_MONITOR_PARTITIONS=str(share))
    nc = await connect(system.connection, name="tailwarden-bench")
    try:
        js = nc.jetstream(timeout=30.0, publish_async_max_pending=128)
        began = time.perf_counter()
        await publish_all(js, messages)
        await _drained(js, [f"{CONSUMER}{share.suffix}" for share in shares(workers)])
        seconds = time.perf_counter() - began
    finally:
        await nc.close()
        for name in names:
            system.stop(name)
    url = system.connection.database("owner")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        query = "SELECT count(*) FROM monitor.reading WHERE time >= to_timestamp(%s)"
        row = await (await conn.execute(query, (begins_us / 1e6,))).fetchone()
    stored = 0 if row is None else int(row[0])
    if stored != len(messages) * COLUMN:
        raise Fault("bench.lost", expected=len(messages) * COLUMN, stored=stored)
    return seconds


async def _drained(js: JetStreamContext, consumers: list[str]) -> None:
    """Wait until every monitor has acknowledged all it was sent: it does so after commit."""
    end = time.monotonic() + _LIMIT_S
    while time.monotonic() < end:
        try:
            found = [await js.consumer_info("TELEMETRY", name) for name in consumers]
        except NotFoundError:
            found = []
        if found and all(each.num_pending == 0 and each.num_ack_pending == 0 for each in found):
            return
        await asyncio.sleep(0.01)
    raise Fault("bench.not_taken", seconds=round(_LIMIT_S))
