"""The claim of a process to what it is sending: a lock of PostgreSQL that goes with its connection, and so with it."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg

from shared.postgres import Connection, Pool

__all__ = ["Run"]

_KEY = "hashtextextended('tailwarden.notifier.run.' || %s::text, 0)"


class Run:
    """One process's life. ``keep`` before anything is claimed, and now and then afterwards."""

    def __init__(self, pool: Pool) -> None:
        self.id: UUID = uuid4()
        self._pool = pool
        self._held: Connection | None = None

    async def keep(self) -> None:
        """Hold the lock; have it again when its connection was lost."""
        if self._held is not None:
            try:
                await self._held.execute("SELECT 1")
            except psycopg.Error:
                await self.end()
            else:
                return
        conn = await self._pool.getconn()
        try:
            await conn.execute(f"SELECT pg_advisory_lock({_KEY})", (self.id,))
        except BaseException:
            await conn.close()
            await self._pool.putconn(conn)
            raise
        self._held = conn

    async def end(self) -> None:
        """Give the lock up: what is left in hand is another's now."""
        conn, self._held = self._held, None
        if conn is not None:
            await conn.close()
            await self._pool.putconn(conn)

    @staticmethod
    async def over(conn: Connection, run: UUID) -> bool:
        """Tell whether the process of *run* is no more; until the transaction ends, it cannot come back either."""
        row = await (await conn.execute(f"SELECT pg_try_advisory_xact_lock({_KEY})", (run,))).fetchone()
        return row is not None and row[0] is True
