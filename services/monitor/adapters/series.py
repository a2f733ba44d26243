"""The series in PostgreSQL: readings go in by binary COPY and come out as binary arrays, columns on both sides.

A row of the binary format has fixed length here (no column is null), so a whole batch is one numpy structured
array and one ``tobytes``: no Python object is made per reading. Source: PostgreSQL manual, COPY, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from services.monitor.rows import Rows
from shared.postgres import Connection

__all__ = ["SeriesStore"]

_EPOCH_US = 946_684_800_000_000
"""PostgreSQL counts time from 2000-01-01 UTC."""

_COLUMNS = (
    ("sensor", ">i4"),
    ("time", ">i8"),
    ("value", ">f8"),
    ("flag", ">i2"),
    ("tests", ">i4"),
    ("rule_set", ">i2"),
    ("received", ">i8"),
)


def _row_type() -> np.dtype[np.void]:
    """Return one row of the binary format: number of fields, then each field's length and its bytes."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in _COLUMNS:
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(fields)


_ROW = _row_type()
_EMPTY_ROW = np.zeros((), _ROW)
_EMPTY_ROW["fields"] = len(_COLUMNS)
for _name, _ in _COLUMNS:
    _EMPTY_ROW[f"{_name}_length"] = _ROW[_name].itemsize

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"

_STAGE = sql.SQL(
    "CREATE TEMPORARY TABLE IF NOT EXISTS reading_staging (sensor integer, time timestamptz, value double precision,"
    " flag smallint, tests integer, rule_set smallint, received timestamptz) ON COMMIT DELETE ROWS"
)
_COPY_IN = sql.SQL("COPY reading_staging FROM STDIN (FORMAT BINARY)")
_ADOPT = sql.SQL("INSERT INTO reading SELECT * FROM reading_staging ON CONFLICT DO NOTHING")
_FEW = 100
"""Up to so many rows one INSERT from arrays is quicker than COPY's four round trips (0.6 against 1.6 ms for ten)."""
_INSERT_FEW = """
INSERT INTO reading
SELECT sensor, timestamptz '2000-01-01 00:00:00+00' + time * interval '1 microsecond', value, flag, tests, rule_set,
    timestamptz '2000-01-01 00:00:00+00' + received * interval '1 microsecond'
FROM unnest(%b::integer[], %b::bigint[], %b::float8[], %b::smallint[], %b::integer[], %b::smallint[], %b::bigint[])
    AS given (sensor, time, value, flag, tests, rule_set, received)
ON CONFLICT DO NOTHING
"""


class SeriesStore:
    """Readings of all sensors, each identified by (sensor, time). Stateless: every call is given its connection."""

    async def insert(self, conn: Connection, rows: Rows) -> int:
        """Store *rows* and return how many were new; of readings with one identity the first ever stored stays.

        All or nothing; in the caller's transaction when one is open. Rows are stored in the order of their
        identity, so that concurrent writers of the same readings wait for each other and cannot deadlock.
        """
        if not len(rows):
            return 0
        table = _table(rows)
        if len(table) <= _FEW:
            columns = [table[name].tolist() for name, _ in _COLUMNS]
            return (await conn.execute(_INSERT_FEW, columns)).rowcount
        async with conn.transaction(), conn.cursor() as cursor:
            await cursor.execute(_STAGE)
            async with cursor.copy(_COPY_IN) as copy:
                await copy.write(b"".join((_HEADER, table.tobytes(), _TRAILER)))
            await cursor.execute(_ADOPT)
            return cursor.rowcount

    async def read(self, conn: Connection, sensors: Sequence[int], since_us: int, until_us: int) -> Rows:
        """Return the readings of *sensors* with ``since_us <= time < until_us``, by sensor and time."""
        async with conn.cursor(binary=True) as cursor:
            await cursor.execute(_READ, [[int(sensor) for sensor in sensors], since_us, until_us])
            return _rows(await cursor.fetchall())

    async def newest(self, conn: Connection, sensors: Iterable[int] | None = None) -> dict[int, int]:
        """Return the time [µs since 1970 UTC] of the newest reading of each sensor that has one.

        One index probe per sensor, however long the series are. Without *sensors*, of all in the series.
        """
        async with conn.cursor() as cursor:
            if sensors is None:
                await cursor.execute(_NEWEST_OF_ALL)
            else:
                await cursor.execute(_NEWEST, [[int(sensor) for sensor in sensors]])
            return {sensor: int(us) for sensor, us in await cursor.fetchall()}


# Each sensor's readings come as arrays: a row of the protocol for every reading would take four times as long.
_READ = """
SELECT sensor, array_send(array_agg(time ORDER BY time)), array_send(array_agg(value ORDER BY time)),
    array_send(array_agg(flag ORDER BY time)), array_send(array_agg(tests ORDER BY time)),
    array_send(array_agg(rule_set ORDER BY time)), array_send(array_agg(received ORDER BY time))
FROM reading
WHERE sensor = ANY(%s::integer[])
    AND time >= timestamptz '1970-01-01 00:00:00+00' + %s::bigint * interval '1 microsecond'
    AND time < timestamptz '1970-01-01 00:00:00+00' + %s::bigint * interval '1 microsecond'
GROUP BY sensor
ORDER BY sensor
"""
_NEWEST = """
SELECT sensor, (extract(epoch FROM newest) * 1000000)::bigint
FROM unnest(%s::integer[]) AS asked (sensor),
    LATERAL (SELECT time FROM reading WHERE reading.sensor = asked.sensor ORDER BY time DESC LIMIT 1) AS last (newest)
"""
_NEWEST_OF_ALL = """
WITH RECURSIVE known (sensor, newest) AS (
    (SELECT sensor, time FROM reading ORDER BY sensor DESC, time DESC LIMIT 1)
    UNION ALL
    SELECT below.sensor, below.time FROM known, LATERAL (
        SELECT sensor, time FROM reading WHERE sensor < known.sensor ORDER BY sensor DESC, time DESC LIMIT 1
    ) AS below
)
SELECT sensor, (extract(epoch FROM newest) * 1000000)::bigint FROM known
"""


def _table(rows: Rows) -> NDArray[np.void]:
    """Return the rows as COPY wants them, ordered by (sensor, time), the first of equals only."""
    order = np.lexsort((rows.time_us, rows.sensor))  # stable: of equals the first stays first
    sensor, time_us = rows.sensor[order], rows.time_us[order]
    first = np.ones(len(order), bool)
    first[1:] = (sensor[1:] != sensor[:-1]) | (time_us[1:] != time_us[:-1])
    if not first.all():
        order, sensor, time_us = order[first], sensor[first], time_us[first]
    table = np.full(len(order), _EMPTY_ROW)
    table["sensor"] = sensor
    table["time"] = time_us - _EPOCH_US
    table["value"] = rows.value[order]
    table["flag"] = rows.flag[order]
    table["tests"] = rows.tests[order]
    table["rule_set"] = rows.rule_set[order]
    table["received"] = rows.received_us[order] - _EPOCH_US
    return table


_ARRAY_HEADER = 20
"""Bytes of a one-dimensional binary array before its elements: dimensions, nulls, type, length, lower bound."""


def _array(data: bytes, kind: str) -> NDArray[Any]:
    """Return the elements of a binary array, of which none is null: each has its length before it."""
    elements = np.frombuffer(data, np.dtype([("length", ">i4"), ("element", kind)]), offset=_ARRAY_HEADER)
    return elements["element"]


def _rows(found: Sequence[Sequence[Any]]) -> Rows:
    """Return what :data:`_READ` found: per sensor its key and the arrays of the other columns."""
    columns = {
        name: np.concatenate([_array(row[at], kind) for row in found]) if found else np.zeros(0)
        for at, (name, kind) in enumerate(_COLUMNS)
        if at
    }
    counts = [int.from_bytes(row[1][12:16], "big") for row in found]
    return Rows(
        sensor=np.repeat(np.array([row[0] for row in found], np.int32), counts),
        time_us=columns["time"].astype(np.int64) + _EPOCH_US,
        value=columns["value"].astype(np.float64),
        flag=columns["flag"].astype(np.int16),
        tests=columns["tests"].astype(np.int32),
        rule_set=columns["rule_set"].astype(np.int16),
        received_us=columns["received"].astype(np.int64) + _EPOCH_US,
    )
