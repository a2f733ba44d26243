"""Whole ledgers into the register: every row judged, and all entered in one transaction or none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.registry.domain import Pond
from services.registry.handlers import Outcome, view_of
from services.registry.ledgerrows import Rows
from services.registry.people import alone
from services.registry.pondfiles import POND
from shared.contracts.ledger import Imported, ImportLedger, ListPonds, PondList
from shared.contracts.mines import Mine
from shared.contracts.registry import PondView
from shared.contracts.synthetic import SYNTHETIC_PATTERN
from shared.eventstore import EventStore, Projection
from shared.eventstore.aggregates import Acting, Aggregates
from shared.eventstore.kinds import Kind
from shared.eventstore.sql import statement
from shared.problems import BadInput

__all__ = ["Ledger"]


class _Undone(Exception):  # it is no error: it ends a transaction that shall leave nothing
    """Carries the answer out of a transaction that is rolled back."""

    def __init__(self, answer: Imported) -> None:
        super().__init__()
        self.answer = answer


class Ledger:
    """Takes ledgers in, and tells what ponds there are.

    Parameters
    ----------
    records, store, projections
        The registry's.
    mine : Kind
        Mines as records.
    wake : callable
        Called after a ledger changed something: ponds may have fallen overdue by it.
    """

    def __init__(
        self,
        records: Aggregates,
        store: EventStore,
        projections: tuple[Projection, ...],
        mine: Kind[Mine],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._records, self._store, self._projections = records, store, projections
        self._mine, self._wake = mine, wake

    async def take(self, act: ImportLedger) -> Imported:
        """Enter a ledger. Rows that are refused come back in the answer, and nothing is changed then.

        Raises
        ------
        BadInput
            ``acts.on_future``.
        """

        async def work(acting: Acting) -> Imported:
            on = acting.today if act.on is None else act.on
            if on > acting.today:
                raise BadInput("acts.on_future", field="on", on=on.isoformat(), today=acting.today.isoformat())
            # A long transaction that lost the race at its end would do it all again: nobody else writes meanwhile.
            # Who decides about duties takes that lock before this one, so it comes first here as well.
            await alone(acting.conn, "duties")
            await acting.conn.execute(statement("lock_appends"))
            rows = Rows(acting, act, on, self._store, self._projections, self._mine)
            answer = await rows.take_all()
            if answer.refusals or act.check_only:
                raise _Undone(answer)
            return answer

        try:
            answer = await self._records.together(work)
        except _Undone as undone:
            return undone.answer
        if answer.changed:
            self._wake()
        return answer

    async def ponds(self, query: ListPonds) -> PondList:
        """Return the registered ponds as their streams tell them up to the end of a day, by id; no synthetic ones."""
        end = None if query.as_of is None else _end_of(query.as_of, self._records.zone)
        async with self._records.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT aggregate_id, count(*) OVER () FROM event WHERE type = 'registry.pond.registered'"
                " AND aggregate_id !~ %s AND (%s::timestamptz IS NULL OR recorded_at < %s)"
                " ORDER BY aggregate_id LIMIT %s OFFSET %s",
                (SYNTHETIC_PATTERN, end, end, query.limit, query.offset),
            )
            found = await cursor.fetchall()
            views: list[PondView] = []
            for pond_id, _ in found:
                state, version = POND.initial, 0
                for stored in await self._store.read(conn, f"pond-{pond_id}"):
                    if end is None or stored.recorded_at < end:
                        state, version = POND.evolve(state, stored.event), stored.version
                if isinstance(state, Pond):
                    views.append(
                        view_of(pond_id, Outcome(state, version, changed=False), end or self._records.clock.now())
                    )
        return PondList(total=int(found[0][1]) if found else 0, ponds=tuple(views))


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
