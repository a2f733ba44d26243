"""Readings from the logger's publish to the monitor's commit: columns of 500, and one reading a message.

Baselines, on the same servers in the same run:

- columns: the same readings in the same order by the series store alone (binary COPY into a staging table, then
  INSERT … ON CONFLICT DO NOTHING into the same table), 25,000 a transaction. Once before and once after; their mean.
- one a message: a bare nats-py ``fetch`` loop that decodes each message's JSON, over the very same stream.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import nats.errors
import numpy as np
import orjson
import psycopg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from deploy.bench.figures import Figure, Report
from deploy.bench.fleet import EACH, Fleet
from deploy.bench.system import BenchSystem, bench_system
from services.monitor.adapters.series import SeriesStore
from services.monitor.adapters.telemetry import CONSUMER
from services.monitor.rows import Rows
from shared.bus.connection import connect
from shared.postgres import open_pool
from shared.problems import Fault

__all__ = ["COLUMN", "TRANSACTION", "ingest", "publish_all"]

COLUMN = 500
"""Readings in a message of columns."""
TRANSACTION = 25_000
"""Readings the baseline commits at a time."""
_BEGINS_US = 1_704_067_200_000_000
"""2024-01-01: the measured readings are history, so that the wall clock plays no part."""
_OUTSTANDING = 64
_FETCH = 1000
_STREAM = "TELEMETRY"
_LIMIT_S = 300.0
Messages = Sequence[tuple[str, bytes]]


async def ingest(readings: int, singles: int, ponds: int = 50, interval_s: int = 60) -> Report:
    """Measure the way of a reading in a freshly started system.

    Parameters
    ----------
    readings
        How many go out in columns.
    singles
        How many go out one a message.
    ponds
        Ponds of ten sensors each.
    interval_s
        Time between two readings of a sensor; five minutes is a slot, so a reading each is the most to judge.
    """
    report = Report(
        "ingest",
        {"readings": readings, "column": COLUMN, "singles": singles, "sensors": ponds * EACH, "interval_s": interval_s},
    )
    fleet = Fleet(ponds, interval_s)
    messages = fleet.gateway(readings, _BEGINS_US, COLUMN)
    with bench_system() as system:
        await fleet.register(system.connection)
        bare = [await _bare_copy(system, fleet, len(messages))]
        await _empty(system)
        seconds = await _published_to_committed(system, messages)
        await _check(system, len(messages) * COLUMN)
        await _empty(system)
        bare.append(await _bare_copy(system, fleet, len(messages)))
        await _empty(system)
        rate = len(messages) * COLUMN / seconds
        report.figures.append(Figure("ingest_columns", rate, "1/s", float(np.mean(bare)), least_ratio=0.7))
        one, fetched = await _singles(system, fleet, messages, singles)
        report.figures.append(Figure("ingest_singles", one, "1/s", fetched, least_ratio=0.6))
    return report


async def _bare_copy(system: BenchSystem, fleet: Fleet, count: int) -> float:
    """Return readings per second of the series store alone."""
    store = SeriesStore()
    batches = list(_batches(fleet, count))
    pool = await open_pool(system.connection.database("monitor"), schema="monitor")
    try:
        began = time.perf_counter()
        for rows in batches:
            async with pool.connection() as conn, conn.transaction():
                await store.insert(conn, rows)
        return sum(map(len, batches)) / (time.perf_counter() - began)
    finally:
        await pool.close()


def _batches(fleet: Fleet, count: int) -> list[Rows]:
    """Return the readings of *count* messages as the monitor would store them, TRANSACTION at a time."""
    slots = COLUMN // EACH
    message = np.repeat(np.arange(count), COLUMN)
    turn, pond = message // fleet.ponds, message % fleet.ponds
    place = np.tile(np.repeat(np.arange(EACH), slots), count)
    which = pond * EACH + place
    times = _BEGINS_US + (turn * slots + np.tile(np.arange(slots), count * EACH)) * fleet.interval_s * 1_000_000
    values = fleet.values(which)
    batches: list[Rows] = []
    for begin in range(0, len(which), TRANSACTION):
        part = slice(begin, begin + TRANSACTION)
        size = len(which[part])
        batches.append(
            Rows(
                (which[part] + 1).astype(np.int32), times[part].astype(np.int64), values[part],
                np.ones(size, np.int16), np.full(size, 4680, np.int32), np.ones(size, np.int16),
                np.full(size, _BEGINS_US, np.int64),
            )
        )  # fmt: skip
    return batches


async def _empty(system: BenchSystem) -> None:
    """Take the readings away again and let the disk come to rest, so that every round begins alike."""
    owner = system.connection.database("owner")
    async with await psycopg.AsyncConnection.connect(owner, autocommit=True) as conn:
        await conn.execute("TRUNCATE monitor.reading")


async def _check(system: BenchSystem, expected: int) -> None:
    """Fast and wrong would be worthless: every reading must be in the table."""
    url = system.connection.database("monitor")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        row = await (await conn.execute("SELECT count(*) FROM monitor.reading")).fetchone()
    stored = 0 if row is None else int(row[0])
    if stored != expected:
        raise Fault("bench.lost", expected=expected, stored=stored)


async def publish_all(js: JetStreamContext, messages: Messages) -> None:
    """Publish with acknowledgements, some outstanding."""
    waiting: deque[asyncio.Future[Any]] = deque()
    for subject, payload in messages:
        while len(waiting) >= _OUTSTANDING:
            await waiting.popleft()
        waiting.append(await js.publish_async(subject, payload))
    while waiting:
        await waiting.popleft()


async def _taken(js: JetStreamContext, sequence: int) -> None:
    """Wait until the monitor has acknowledged everything up to *sequence*: it does so after commit."""
    end = time.monotonic() + _LIMIT_S
    while True:
        with suppress(NotFoundError):
            info = await js.consumer_info(_STREAM, CONSUMER)
            if info.ack_floor is not None and info.ack_floor.stream_seq >= sequence:
                return
        if time.monotonic() > end:
            raise Fault("bench.not_taken", seconds=round(_LIMIT_S))
        await asyncio.sleep(0.01)


async def _published_to_committed(system: BenchSystem, messages: Messages) -> float:
    """Return the seconds from the first publish until the monitor has committed the last message."""
    nc = await connect(system.connection, name="tailwarden-bench")
    try:
        js = nc.jetstream(timeout=30.0, publish_async_max_pending=2 * _OUTSTANDING)
        before = (await js.stream_info(_STREAM)).state.last_seq
        began = time.perf_counter()
        await publish_all(js, messages)
        await _taken(js, before + len(messages))
        return time.perf_counter() - began
    finally:
        await nc.close()


async def _singles(system: BenchSystem, fleet: Fleet, columns: Messages, count: int) -> tuple[float, float]:
    """Return messages per second of the monitor, and of a bare loop, over the same backlog."""
    system.stop("monitor")
    nc = await connect(system.connection, name="tailwarden-bench")
    try:
        js = nc.jetstream(timeout=30.0, publish_async_max_pending=2 * _OUTSTANDING)
        # They follow on the columns in time: nothing is late, nothing is a duplicate.
        later = _BEGINS_US + (len(columns) // fleet.ponds + 1) * (COLUMN // EACH) * fleet.interval_s * 1_000_000
        before = (await js.stream_info(_STREAM)).state.last_seq
        await publish_all(js, _one_by_one(fleet, count, later))
        bare = [await _bare_fetch(js, before + 1, count)]
        starting = asyncio.create_task(asyncio.to_thread(system.start, "monitor"))
        began = await _moving(js, before)
        await _taken(js, before + count)
        seconds = time.perf_counter() - began
        await starting
        bare.append(await _bare_fetch(js, before + 1, count))
        return count / seconds, float(np.mean(bare))
    finally:
        await nc.close()


def _one_by_one(fleet: Fleet, count: int, begins_us: int) -> list[tuple[str, bytes]]:
    sensors = fleet.ponds * EACH
    messages: list[tuple[str, bytes]] = []
    for turn in range(-(-count // sensors)):
        when = np.datetime64(begins_us + turn * fleet.interval_s * 1_000_000, "us")
        text = str(np.datetime_as_string(when, unit="s", timezone="UTC"))
        values = fleet.values(np.arange(sensors)).tolist()
        messages += [fleet.single(which, text, value) for which, value in enumerate(values)]
    return messages[:count]


async def _moving(js: JetStreamContext, before: int) -> float:
    """Wait until the monitor begins to take messages beyond *before*; returns when."""
    end = time.monotonic() + _LIMIT_S
    while time.monotonic() < end:
        with suppress(NotFoundError):  # the monitor makes its consumer anew when it starts
            info = await js.consumer_info(_STREAM, CONSUMER)
            if info.delivered is not None and info.delivered.stream_seq > before:
                return time.perf_counter()
        await asyncio.sleep(0.002)
    raise Fault("bench.not_taken", seconds=round(_LIMIT_S))


async def _bare_fetch(js: JetStreamContext, first: int, count: int) -> float:
    """Return messages per second of nats-py's own pull loop: fetch, decode, acknowledge the last."""
    durable = f"bench-{first}-{time.monotonic_ns()}"
    config = ConsumerConfig(
        durable_name=durable,
        ack_policy=AckPolicy.ALL,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=first,
        max_ack_pending=100_000,
    )
    await js.add_consumer(_STREAM, config)
    subscription = await js.pull_subscribe_bind(durable=durable, stream=_STREAM)
    taken = 0
    began = time.perf_counter()
    while taken < count:
        try:
            batch = await subscription.fetch(min(_FETCH, count - taken), timeout=5.0)
        except (nats.errors.TimeoutError, TimeoutError) as error:
            raise Fault("bench.not_taken", seconds=5) from error
        read = [orjson.loads(message.data) for message in batch]
        taken += len(read)
        await batch[-1].ack()
    seconds = time.perf_counter() - began
    await subscription.unsubscribe()
    await js.delete_consumer(_STREAM, durable)
    return count / seconds
