"""The figures of the Operations dashboard: a row per name every ten seconds, in the service's own schema.

They are for people to look at, so nothing waits for them: while the database is away they are left out. A name
without a value in its ten seconds gets no row; a dashboard must not take silence for zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from shared.postgres import Pool

__all__ = ["EVERY_S", "KEPT", "Figure", "Figures", "moment"]

EVERY_S = 10.0
"""Seconds between two rows of one name; they lie on this grid, so that services can be put beside each other."""
KEPT = timedelta(days=30)
_WAIT = 2.0

Figure = Callable[[], float | None]
"""Returns the value for now; None: nothing to say."""

_PUT = """
INSERT INTO figure (time, name, value) SELECT %s, name, value FROM unnest(%s::text[], %s::float8[]) AS x (name, value)
ON CONFLICT (name, time) DO UPDATE SET value = excluded.value
"""
_JOIN = """
INSERT INTO figure AS had (time, name, value)
SELECT %s, name, value FROM unnest(%s::text[], %s::float8[]) AS x (name, value)
ON CONFLICT (name, time) DO UPDATE SET value = CASE
    WHEN excluded.name = ANY(%s) THEN had.value + excluded.value ELSE greatest(had.value, excluded.value) END
"""
_GROW = """
INSERT INTO figure AS had (time, name, value)
SELECT %(time)s, %(name)s,
       %(more)s + coalesce((SELECT value FROM figure WHERE name = %(name)s ORDER BY time DESC LIMIT 1), 0)
ON CONFLICT (name, time) DO UPDATE SET value = had.value + %(more)s
"""


class Figures:
    """Writes them. ``add`` what there is, then ``write`` at times.

    Totals (``…_total``) go on from the last one written, by whomever: neither a restart nor a second process is a step
    down.
    """

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}
        self._sums: list[str] | None = None
        self._written: dict[str, float] = {}
        self._purged: datetime | None = None

    @property
    def shared(self) -> bool:
        """Whether other processes of the service write the same names."""
        return self._sums is not None

    def add(self, name: str, figure: Figure) -> None:
        """Write *figure* under *name* from now on."""
        self._figures[name] = figure

    def share(self, sums: Sequence[str]) -> None:
        """Write together with other processes: of one moment *sums* are added up, of the rest the worst counts."""
        self._sums = list(sums)

    async def write(self, pool: Pool, now: datetime) -> Mapping[str, float]:
        """Write the values of *now*, and forget now and then what is old; return what this process had to say.

        Raises
        ------
        psycopg.Error, psycopg_pool.PoolTimeout
            When the database is away; nothing is written then.
        """
        found = {name: figure() for name, figure in self._figures.items()}  # first: what is not written is let go
        said = {name: value for name, value in found.items() if value is not None}
        plain = {name: value for name, value in said.items() if not name.endswith("_total")}
        totals = {name: value for name, value in said.items() if name.endswith("_total")}
        at = moment(now)
        async with pool.connection(timeout=_WAIT) as conn, conn.transaction():
            if self._sums is None:
                await conn.execute(_PUT, (at, list(plain), list(plain.values())))
            else:
                await conn.execute(_JOIN, (at, list(plain), list(plain.values()), self._sums))
            for name, total in totals.items():
                more = total - self._written.get(name, 0.0)
                await conn.execute(_GROW, {"time": at, "name": name, "more": more})
            if self._purged is None or now - self._purged > timedelta(hours=1):
                await conn.execute("DELETE FROM figure WHERE time < %s", (now - KEPT,))
                self._purged = now
        self._written |= totals
        return said


def moment(now: datetime) -> datetime:
    """Return the grid's moment at or before *now*.

    >>> moment(datetime.fromisoformat("2026-07-22T03:05:09.5+00:00")).isoformat()
    '2026-07-22T03:05:00+00:00'
    """
    return datetime.fromtimestamp(now.timestamp() // EVERY_S * EVERY_S, now.tzinfo)
