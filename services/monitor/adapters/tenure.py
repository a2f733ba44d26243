"""Who serves: of each partition one monitor writes at a time, whatever supervisors, operators and networks think.

Two things hold that together. A session lock of PostgreSQL says who may serve; it goes with its connection, and a
second monitor waits for it. And each time the lock changes hands a new *term* begins, which every transaction
names (``in_terms`` in the database): a monitor that lost its lock without noticing is refused there, and
a new one begins only when no transaction of the last one is still under way.
"""

from __future__ import annotations

import asyncio
import time

import psycopg

from shared.bus.partitions import WHOLE, Share
from shared.logging import logger
from shared.postgres import Connection, Pool
from shared.problems import Unavailable

__all__ = ["Tenure"]

_LOCK = "SELECT serve_partitions(%s::smallint[])"
_BEGIN = "SELECT begin_terms(%s::smallint[])"
_CHECK = "SELECT in_terms(%s::smallint[], %s::bigint[])"
_POLL = 0.1
_PATIENCE = 3.0
"""Seconds a serving monitor tries to have its lock again after the database was away."""
_TOLD_EVERY = 60.0


class Tenure:
    """The right of this process to write about the ponds of its *share*."""

    def __init__(self, pool: Pool, share: Share = WHOLE) -> None:
        self._pool = pool
        self._share, self._mine = share, list(share.numbers)
        self._held: Connection | None = None
        self._numbers: list[int] | None = None
        self.over = asyncio.Event()
        """Set when another monitor serves: this one has to end."""

    @property
    def held(self) -> bool:
        """Whether this process serves, as far as it knows."""
        return self._held is not None and not self.over.is_set()

    async def begin(self) -> None:
        """Wait until nobody else serves, for as long as it takes."""
        told = -_TOLD_EVERY
        while not await self._lock():
            if time.monotonic() - told >= _TOLD_EVERY:
                told = time.monotonic()
                logger(__name__).warning("another monitor serves; waiting until it ends", partitions=str(self._share))
            await asyncio.sleep(_POLL)

    async def keep(self) -> None:
        """Make sure that the lock is still held; have it again when its connection was lost.

        Raises
        ------
        Unavailable
            When another monitor has taken over meanwhile.
        """
        if self.over.is_set():
            raise self._ended()
        if self._held is not None:
            try:
                await self._held.execute("SELECT 1")
            except psycopg.Error:
                await self._let_go()
            else:
                return
        end = time.monotonic() + _PATIENCE
        while not await self._lock():
            if time.monotonic() > end:
                raise self._ended()
            await asyncio.sleep(_POLL)

    async def check(self, conn: Connection) -> None:
        """Claim the transaction that *conn* has open for this term; call it before anything is written.

        Raises
        ------
        Unavailable
            When the term is over.
        """
        row = await (await conn.execute(_CHECK, (self._mine, self._numbers))).fetchone()
        if row is None or row[0] is not True:
            raise self._ended()

    async def end(self) -> None:
        """Give the lock up."""
        conn, self._held = self._held, None
        if conn is not None:
            try:
                await conn.execute("SELECT pg_advisory_unlock_all()")
            except psycopg.Error:
                await conn.close()
            finally:
                await self._pool.putconn(conn)

    async def _lock(self) -> bool:
        """Try to have the lock; a new term begins with it."""
        conn = await self._pool.getconn()
        try:
            row = await (await conn.execute(_LOCK, (self._mine,))).fetchone()
            if row is not None and row[0] is True:
                async with conn.transaction():
                    row = await (await conn.execute(_BEGIN, (self._mine,))).fetchone()
                assert row is not None, "a function gives one row"
                if self._numbers is not None and row[0] != [number + 1 for number in self._numbers]:
                    # Somebody served in between: what is in memory here is not what stands in the database.
                    raise self._ended()
                self._held, self._numbers = conn, list(row[0])
                return True
        except BaseException:
            await conn.close()
            raise
        finally:
            if self._held is not conn:
                await self._pool.putconn(conn)
        return False

    async def _let_go(self) -> None:
        conn, self._held = self._held, None
        if conn is not None:
            await conn.close()  # and with it the lock
            await self._pool.putconn(conn)

    def _ended(self) -> Unavailable:
        self.over.set()
        return Unavailable("intake.other_serves")
