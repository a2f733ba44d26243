"""The figures of the Operations dashboard: a row per name every ten seconds, in the service's own schema.

They are for people to look at, so nothing waits for them: while the database is away they are left out. A name
without a value in its ten seconds gets no row; a dashboard must not take silence for zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared.postgres import Connection, Pool

__all__ = ["EVERY_S", "KEPT", "Figure", "Figures", "moment"]

EVERY_S = 10.0
"""Seconds between two rows of one name; they lie on this grid, so that services can be put beside each other."""
KEPT = timedelta(days=30)
_WAIT = 2.0

Figure = Callable[[], float | None]
"""Returns the value for now; None: nothing to say."""

_LAST = """
SELECT DISTINCT ON (name) name, value FROM figure WHERE name = ANY(%s) ORDER BY name, time DESC
"""
_PUT = """
INSERT INTO figure (time, name, value) SELECT %s, name, value FROM unnest(%s::text[], %s::float8[]) AS x (name, value)
ON CONFLICT (name, time) DO UPDATE SET value = excluded.value
"""


class Figures:
    """Writes them. ``add`` what there is, then ``write`` at times.

    Totals (``…_total``) go on from the last one written: a restart is no step down.
    """

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}
        self._base: dict[str, float] | None = None
        self._purged: datetime | None = None

    def add(self, name: str, figure: Figure) -> None:
        """Write *figure* under *name* from now on."""
        self._figures[name] = figure

    async def write(self, pool: Pool, now: datetime) -> Mapping[str, float]:
        """Write the values of *now*, and forget now and then what is old; return what was written.

        Raises
        ------
        psycopg.Error, psycopg_pool.PoolTimeout
            When the database is away; nothing is written then.
        """
        found = {name: figure() for name, figure in self._figures.items()}  # first: what is not written is let go
        async with pool.connection(timeout=_WAIT) as conn:
            if self._base is None:
                self._base = await self._last(conn)
            base = self._base
            values = {name: value + base.get(name, 0.0) for name, value in found.items() if value is not None}
            await conn.execute(_PUT, (moment(now), list(values), list(values.values())))
            if self._purged is None or now - self._purged > timedelta(hours=1):
                await conn.execute("DELETE FROM figure WHERE time < %s", (now - KEPT,))
                self._purged = now
        return values

    async def _last(self, conn: Connection) -> dict[str, float]:
        totals = [name for name in self._figures if name.endswith("_total")]
        rows = await (await conn.execute(_LAST, (totals,))).fetchall()
        return {str(name): float(value) for name, value in rows}


def moment(now: datetime) -> datetime:
    """Return the grid's moment at or before *now*.

    >>> moment(datetime.fromisoformat("2026-07-22T03:05:09.5+00:00")).isoformat()
    '2026-07-22T03:05:00+00:00'
    """
    return datetime.fromtimestamp(now.timestamp() // EVERY_S * EVERY_S, now.tzinfo)
