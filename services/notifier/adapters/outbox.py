"""The outbox: what is to be sent, who is sending it, and what became of it.

A row is marked ``sending`` by a run in a transaction of its own before anything is sent, and settled in the transaction
of the events that record the outcome. Whichever process dies in between, its run's lock goes with it, and the
row is due again, marked: at most one duplicate, never a loss.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from services.notifier.adapters.run import Run
from services.notifier.domain.delivery import Claimed, Outcome, Parcel
from services.notifier.domain.retry import Bucket
from services.notifier.ports import Away, Due, RateLimit
from shared.contracts.notifier import ChannelDown, ChannelUp
from shared.postgres import Connection, Pool

__all__ = ["Outbox"]

TOGETHER = 1000
"""At most so many parcels in one message."""
PROBE = timedelta(seconds=30)
"""A channel that went down is looked at again after so long for the first time."""

_PUT = """
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%s) AS x (
        id text, alarm_id text, pond_id text, person_id text, kind text, revision integer, exercise boolean,
        urgency smallint, channels text[], message jsonb, created_at timestamptz, due_at timestamptz)
)
INSERT INTO delivery (id, alarm_id, pond_id, person_id, kind, revision, exercise, urgency, channels, message,
                      created_at, due_at)
SELECT id, alarm_id, pond_id, person_id, kind, revision, exercise, urgency, channels, message, created_at, due_at
FROM given
ON CONFLICT (id) DO NOTHING RETURNING id
"""
_TOGETHER = """
UPDATE delivery o
SET due_at = least(o.due_at, n.due_at), channels = n.channels, channel_index = 0, tries = 0, rounds = 0
FROM delivery n
WHERE n.id = ANY(%s) AND o.alarm_id = n.alarm_id AND o.person_id = n.person_id AND o.seq < n.seq
  AND o.state = 'waiting'
"""
_COVERED = """
UPDATE delivery o SET state = 'failed', why = 'covered', settled_at = %(now)s
WHERE o.state = 'waiting' AND o.due_at <= %(now)s AND EXISTS (
    SELECT FROM delivery n WHERE n.alarm_id = o.alarm_id AND n.person_id = o.person_id AND n.seq > o.seq
       AND n.state = 'sent')
"""
_DUE = """
SELECT person_id, channels, channel_index, exercise,
       CASE WHEN kind IN ('bulletin', 'channel_report') THEN kind ELSE 'alarm' END AS sort,
       max(urgency), min(due_at), (array_agg(id ORDER BY urgency DESC, seq))[1:%s]
FROM delivery WHERE state = 'waiting' AND due_at <= %s
GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 7, 1
"""
_CLAIM = """
UPDATE delivery SET state = 'sending', run = %s, channel = %s, attempt = attempt + 1, tries = tries + 1,
                    first_tried_at = coalesce(first_tried_at, %s)
WHERE id IN (SELECT id FROM delivery WHERE id = ANY(%s) AND state = 'waiting' AND due_at <= %s
             ORDER BY seq FOR UPDATE SKIP LOCKED)
RETURNING id, alarm_id, pond_id, person_id, kind, revision, exercise, channels, message, created_at, due_at,
          channel, attempt, tries, rounds, maybe_again, seq
"""
_COLUMNS = (
    "id", "alarm_id", "pond_id", "person_id", "kind", "revision", "exercise", "channels", "message", "created_at",
    "due_at", "channel", "attempt", "tries", "rounds", "maybe_again",
)  # fmt: skip
_SETTLE = """
UPDATE delivery d
SET state = x.state, channel = x.channel, due_at = x.due_at, channel_index = x.channel_index, tries = x.tries,
    rounds = x.rounds, maybe_again = d.maybe_again OR x.maybe_again, why = x.why, run = NULL,
    settled_at = CASE WHEN x.state = 'waiting' THEN NULL ELSE x.at END
FROM jsonb_to_recordset(%s) AS x (
    delivery_id text, state text, channel text, due_at timestamptz, channel_index integer, tries integer,
    rounds integer, maybe_again boolean, why text, at timestamptz)
WHERE d.id = x.delivery_id AND (d.state = 'sending' AND d.run = %s OR d.state = 'waiting' AND x.state = 'sent')
RETURNING d.id
"""


class Outbox:
    """The outbox on PostgreSQL (schema ``notifier``).

    Parameters
    ----------
    pool
        One of its connections is held for as long as this process sends.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.run = Run(pool)

    # -- in others' transactions ------------------------------------------------------------------------------

    async def put(self, conn: Connection, deliveries: Sequence[Parcel]) -> int:
        """Queue parcels in the caller's transaction; return how many were new.

        What still waits for the same person about the same alarm goes along with the newer parcel, from its first
        channel on: whoever could not be reached gets one message with what holds now, not a series of old ones.
        """
        if not deliveries:
            return 0
        rows = [{**each.model_dump(mode="json"), "urgency": each.urgency} for each in deliveries]
        new = [str(row[0]) for row in await (await conn.execute(_PUT, (_jsonb(rows),))).fetchall()]
        if new:
            await conn.execute(_TOGETHER, (new,))
        return len(new)

    async def settle(self, conn: Connection, outcomes: Sequence[Outcome]) -> set[str]:
        """Write outcomes to their rows in the caller's transaction; return the ids of those that are to be recorded.

        Left out is what was settled before, and what another process took over and has in hand: it will say itself.
        """
        rows = [each.model_dump(mode="json") for each in outcomes]
        cursor = await conn.execute(_SETTLE, (_jsonb(rows), self.run.id))
        return {str(row[0]) for row in await cursor.fetchall()}

    async def turn(self, conn: Connection, event: ChannelDown | ChannelUp) -> bool:
        """Write that a channel went down or works again, in the caller's transaction; False: it was known.

        What waits for another attempt is due at once when a channel works again.
        """
        await conn.execute("INSERT INTO channel_health (channel) VALUES (%s) ON CONFLICT DO NOTHING", (event.channel,))
        if isinstance(event, ChannelDown):
            cursor = await conn.execute(
                "UPDATE channel_health SET down_since = %s, why = %s, probe_at = %s"
                " WHERE channel = %s AND down_since IS NULL",
                (event.at, event.why, event.at + PROBE, event.channel),
            )
            return cursor.rowcount == 1
        cursor = await conn.execute(
            "UPDATE channel_health SET down_since = NULL, why = '', probe_at = NULL"
            " WHERE channel = %s AND down_since IS NOT NULL",
            (event.channel,),
        )
        if cursor.rowcount != 1:
            return False
        await conn.execute(
            "UPDATE delivery SET due_at = %(at)s WHERE state = 'waiting' AND attempt > 0 AND due_at > %(at)s",
            {"at": event.at},
        )
        return True

    async def withdraw(self, conn: Connection, alarm_id: str, person_id: str | None = None) -> int:
        """Give up, in the caller's transaction, what waits about an alarm (for one person); return how much that was.

        What is being sent goes out.
        """
        cursor = await conn.execute(
            "UPDATE delivery SET state = 'failed', why = 'withdrawn', settled_at = due_at"
            " WHERE alarm_id = %s AND (%s::text IS NULL OR person_id = %s) AND state = 'waiting'",
            (alarm_id, person_id, person_id),
        )
        return cursor.rowcount

    async def close(self) -> None:
        """Let go of what is in hand, before the pool is closed."""
        await self.run.end()

    # -- in its own -------------------------------------------------------------------------------------------

    async def recover(self, now: datetime, flying: Collection[str]) -> int:
        """See ``ports.Post``; *flying*: the ids this process has in hand."""
        await self.run.keep()
        async with self._pool.connection() as conn:
            # Claimed by ourselves, but the answer was lost on the way: nothing was sent.
            await conn.execute(
                "UPDATE delivery SET state = 'waiting', run = NULL WHERE state = 'sending' AND run = %s"
                " AND NOT id = ANY(%s)",
                (self.run.id, list(flying)),
            )
            cursor = await conn.execute("SELECT DISTINCT run FROM delivery WHERE state = 'sending'")
            runs = [row[0] for row in await cursor.fetchall() if row[0] != self.run.id]
            found = 0
            for run in runs:
                async with conn.transaction():
                    if await self.run.over(conn, run):
                        cursor = await conn.execute(
                            "UPDATE delivery SET state = 'waiting', run = NULL, maybe_again = true,"
                            " due_at = least(due_at, %s) WHERE state = 'sending' AND run = %s",
                            (now, run),
                        )
                        found += cursor.rowcount
            return found

    async def due(self, now: datetime) -> list[Due]:
        """See ``ports.Post``. What a newer message about the same alarm has covered is put aside."""
        async with self._pool.connection() as conn:
            await conn.execute(_COVERED, {"now": now})
            rows = await (await conn.execute(_DUE, (TOGETHER, now))).fetchall()
        return [
            Due(
                person_id=row[0], channels=tuple(row[1]), channel_index=row[2], exercise=row[3], sort=row[4],
                urgency=row[5], since=row[6], ids=tuple(row[7]),
            )
            for row in rows
        ]  # fmt: skip

    async def next_due(self, now: datetime) -> datetime | None:
        """See ``ports.Post``."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT min(due_at) FROM delivery WHERE state = 'waiting' AND due_at > %s", (now,)
            )
            row = await cursor.fetchone()
        return None if row is None else row[0]

    async def claim(
        self, ids: Sequence[str], channel: str, rate: RateLimit, now: datetime, again: datetime | None = None
    ) -> list[Claimed] | datetime:
        """See ``ports.Post``. A token of the channel's rate goes with what is claimed, and so does a look at it."""
        claimed: list[Claimed] | datetime = []
        async with self._pool.connection() as conn, conn.transaction():
            if again is not None and not await _look(conn, channel, now, again):
                return now  # another process is trying it: look again who goes where
            ready = await _token(conn, channel, rate, now)
            if ready is not None:
                claimed = ready
                raise psycopg.Rollback  # the look too
            cursor = await conn.execute(_CLAIM, (self.run.id, channel, now, list(ids), now))
            rows = sorted(await cursor.fetchall(), key=lambda row: int(row[-1]))
            claimed = [Claimed.model_validate(dict(zip(_COLUMNS, row[:-1], strict=True))) for row in rows]
            if not claimed:
                raise psycopg.Rollback  # the token too, and the look
        return claimed

    async def away(self) -> dict[str, Away]:
        """See ``ports.Post``."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT channel, down_since, probe_at FROM channel_health WHERE down_since IS NOT NULL"
            )
            return {row[0]: Away(since=row[1], probe_at=row[2]) for row in await cursor.fetchall()}

    async def purge(self, before: datetime) -> int:
        """Forget what was settled before a moment (the events stay); return how much that was."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute("DELETE FROM delivery WHERE settled_at < %s", (before,))
            return cursor.rowcount

    async def standing(self) -> dict[str, int]:
        """Return how many parcels are in which state."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute("SELECT state, count(*) FROM delivery GROUP BY state")
            return {str(state): int(count) for state, count in await cursor.fetchall()}


async def _look(conn: Connection, channel: str, now: datetime, again: datetime) -> bool:
    """Take the right to try a channel that is down; nobody else has it before *again*."""
    cursor = await conn.execute(
        "UPDATE channel_health SET probe_at = %s WHERE channel = %s AND probe_at <= %s", (again, channel, now)
    )
    return cursor.rowcount == 1


async def _token(conn: Connection, channel: str, rate: RateLimit, now: datetime) -> datetime | None:
    """Take a token of a channel's rate; or return when there will be one."""
    if rate.per_second is None and rate.per_minute is None:
        return None
    second, minute = rate.per_second, rate.per_minute
    # At once: a second's worth, a minute's worth; at least one.
    sizes = (max(1.0, second or 1.0), max(1.0, minute or 1.0))
    await conn.execute(
        "INSERT INTO channel_rate (channel, second_tokens, minute_tokens, at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (channel, *sizes, now),
    )
    cursor = await conn.execute(
        "SELECT second_tokens, minute_tokens, at FROM channel_rate WHERE channel = %s FOR UPDATE", (channel,)
    )
    row = await cursor.fetchone()
    assert row is not None, "it was put there just now, and nobody takes it away"
    full = 1e9  # a rate that is not limited fills at once
    buckets = [
        Bucket(size, speed, tokens, row[2]).filled(now)
        for size, speed, tokens in (
            (sizes[0], full if second is None else second, float(row[0])),
            (sizes[1], full if minute is None else minute / 60.0, float(row[1])),
        )
    ]
    if not all(bucket.ready for bucket in buckets):
        return max(bucket.ready_at for bucket in buckets)
    left = [bucket.take() for bucket in buckets]
    await conn.execute(
        "UPDATE channel_rate SET second_tokens = %s, minute_tokens = %s, at = %s WHERE channel = %s",
        (left[0].tokens, left[1].tokens, left[0].at, channel),
    )
    return None


def _jsonb(rows: list[dict[str, Any]]) -> Jsonb:
    return Jsonb(rows, dumps=lambda value: json.dumps(value, ensure_ascii=False))
