"""Who serves: one notifier at a time. A second one waits, and takes over when the first is gone.

The seat is a session lock of PostgreSQL; it goes with its connection. Two that should ever act at once do no harm:
each step is decided on what is stored, and the loser of a race decides anew.
"""

from __future__ import annotations

import asyncio

import psycopg

from shared.logging import logger
from shared.postgres import Connection, Pool
from shared.problems import Unavailable

__all__ = ["Seat"]

_TAKE = "SELECT pg_try_advisory_lock(hashtextextended('tailwarden.notifier.serves', 0))"
_POLL = 0.1
_LOOK = 5.0


class Seat:
    """The right of this process to serve."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._held: Connection | None = None

    @property
    def held(self) -> bool:
        """Whether this process serves, as far as it knows."""
        return self._held is not None

    async def take(self) -> None:
        """Wait until nobody else serves, for as long as it takes."""
        told = False
        while not await self._taken():
            if not told:
                logger(__name__).warning("another notifier serves this database; waiting until it ends")
                told = True
            await asyncio.sleep(_POLL)

    async def keep(self) -> None:
        """Look now and then whether the seat is still ours; have it again when its connection was lost.

        Raises
        ------
        Unavailable
            When another notifier has taken it: what is held in memory here is of no use any more.
        """
        while True:
            await asyncio.sleep(_LOOK)
            try:
                if self._held is not None:
                    await self._held.execute("SELECT 1")
            except psycopg.Error:
                await self.leave()
            try:
                if self._held is None and not await self._taken():
                    raise Unavailable("intake.other_serves")
            except psycopg.Error as error:
                logger(__name__).warning("the seat is looked after later", error=type(error).__name__)

    async def leave(self) -> None:
        """Give the seat up."""
        conn, self._held = self._held, None
        if conn is not None:
            await conn.close()  # and with it the lock
            await self._pool.putconn(conn)

    async def _taken(self) -> bool:
        conn = await self._pool.getconn()
        try:
            row = await (await conn.execute(_TAKE)).fetchone()
            if row is not None and row[0] is True:
                self._held = conn
        except BaseException:
            await conn.close()
            raise
        finally:
            if self._held is not conn:
                await self._pool.putconn(conn)
        return self._held is conn
