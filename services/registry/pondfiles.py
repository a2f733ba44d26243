"""Commands and queries of ponds' files: each act with the pond's registration beside it, each view with what follows.

An act on a pond that nobody registered is refused; the first act on a registered one opens its file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from psycopg import sql

from services.registry.domain import Asked, PondState, Unregistered
from services.registry.domain import decide as decide_pond
from services.registry.domain import evolve as evolve_pond
from services.registry.domain.grade import computed_grade
from services.registry.domain.overdue import RULE, OverdueRule, closure_late, overdue_since
from services.registry.domain.pondfile import FileAct, PondFileAct
from services.registry.kinds import PONDFILE
from shared.contracts.acts import Act
from shared.contracts.pondfiles import (
    ListPondFiles,
    PondFile,
    PondFileList,
    PondFileView,
    PondUse,
    ShowPondFile,
)
from shared.contracts.registry import PondDescription
from shared.eventstore import Decider, EventStore, load
from shared.eventstore.aggregates import Acting, Aggregates
from shared.eventstore.history import find, page
from shared.postgres import Connection
from shared.problems import NotFound

__all__ = ["POND", "PondFiles", "registered"]

POND: Decider[Asked, PondState] = Decider(initial=Unregistered(), decide=decide_pond, evolve=evolve_pond)
"""The pond's monitoring record, in its stream ``pond-<id>``."""


async def registered(conn: Connection, store: EventStore, pond_id: str) -> PondState:
    """Return a pond as its stream tells it.

    Raises
    ------
    NotFound
        ``registry.no_pond``.
    """
    state = (await load(conn, store, f"pond-{pond_id}", POND)).state
    if isinstance(state, Unregistered):
        raise NotFound("registry.no_pond", field="pond_id", pond=pond_id)
    return state


class PondFiles:
    """Answers what may be asked of ponds' files.

    Parameters
    ----------
    records, store
        The registry's.
    wake : callable
        Called after each act: the register looks at once for what fell overdue by it.
    rule : OverdueRule
        When a pond out of use is overdue.
    """

    def __init__(
        self, records: Aggregates, store: EventStore, wake: Callable[[], None] = lambda: None, rule: OverdueRule = RULE
    ) -> None:
        self._records, self._store, self._wake, self._rule = records, store, wake, rule

    async def act(self, act: Act) -> PondFileView:
        """Do an act on a pond's file.

        Raises
        ------
        NotFound
            ``registry.no_pond``.
        Refusal
            ``acts.…`` and ``pondfiles.…``.
        """
        assert isinstance(act, PondFileAct), "wiring serves these"

        async def work(acting: Acting) -> PondFileView:
            outcome = await acting.ask(PONDFILE, act.pond_id, await self._with_pond(acting.conn, act))
            return self._view(outcome.state, outcome.version, acting.today, changed=outcome.changed)

        view = await self._records.together(work)
        if view.changed:
            self._wake()
        return view

    async def show(self, query: ShowPondFile) -> PondFileView:
        """Return a pond's file as it stood at the end of a day.

        Raises
        ------
        NotFound
            ``registry.no_pond``, or ``pondfiles.no_file`` when nothing was recorded of it by then.
        """
        day = query.as_of or self._records.today()
        async with self._records.pool.connection() as conn:
            found = await find(conn, PONDFILE, query.pond_id, query.as_of)
            if found is None:
                await registered(conn, self._store, query.pond_id)
                raise NotFound("pondfiles.no_file", field="pond_id", pond=query.pond_id, day=day.isoformat())
        return self._view(*found, day)

    async def list(self, query: ListPondFiles) -> PondFileList:
        """Return files as they stood at the end of a day, by county and id."""
        day = query.as_of or self._records.today()
        extra: list[tuple[sql.Composable, Sequence[Any]]] = []
        if query.overdue is not None:
            late = sql.SQL(
                "({} coalesce(out_of_use_since + make_interval(months => %s) < %s AND pond_use <> %s, false))"
            ).format(sql.SQL("" if query.overdue else "NOT"))
            extra.append((late, (self._rule.after_months, day, PondUse.DEREGISTERED.value)))
        where = {
            "county": query.county,
            "pond_use": [use.value for use in query.use] or None,
            "above_residents": query.above_residents,
        }
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, PONDFILE, where, as_of=query.as_of, limit=query.limit, offset=query.offset,
                order=("county", "id"), extra=extra,
            )  # fmt: skip
            versions = await _versions(conn, [file.id for file in found.records], query.as_of)
        views = tuple(self._view(file, versions[file.id], day) for file in found.records)
        return PondFileList(total=found.total, ponds=views)

    async def _with_pond(self, conn: Connection, act: PondFileAct) -> FileAct:
        state = await registered(conn, self._store, act.pond_id)
        assert not isinstance(state, Unregistered), "registered refuses"
        pond: PondDescription = state.description
        return FileAct(by=act.by, on=act.on, expected_version=act.expected_version, act=act, pond=pond)

    def _view(self, file: PondFile, version: int, day: date, *, changed: bool = False) -> PondFileView:
        grade = computed_grade(file.facts)
        return PondFileView(
            file=file,
            version=version,
            computed_grade=grade,
            grade_differs=grade is not None and file.declared_grade is not None and grade != file.declared_grade,
            overdue_since=overdue_since(file, day, self._rule),
            closure_late=closure_late(file, day),
            changed=changed,
        )


async def _versions(conn: Connection, ids: Sequence[str], as_of: date | None) -> dict[str, int]:
    """Return the version of each record's stream at the end of a day."""
    cursor = await conn.execute(
        "SELECT DISTINCT ON (id) id, version FROM pondfile_history WHERE id = ANY(%s)"
        " AND (%s::date IS NULL OR valid_from <= %s) ORDER BY id, valid_from DESC",
        (list(ids), as_of, as_of),
    )
    return {pond: int(version) for pond, version in await cursor.fetchall()}
