"""Commands and queries of reduction plans: each view reads the mines' records as of its day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from psycopg import sql

from services.registry.domain.plan import in_scope
from services.registry.domain.planitems import MineRow
from services.registry.domain.reconcile import Reconciliation
from services.registry.minekinds import MERGER, PLAN
from services.registry.mines import not_yet
from shared.contracts.mines import MineStatus
from shared.contracts.plans import (
    ItemProgress,
    ListPlans,
    Plan,
    PlanList,
    PlanView,
    ReductionPlan,
    SetPlan,
    ShowPlan,
)
from shared.eventstore.aggregates import Aggregates
from shared.eventstore.history import as_of_day, find, page
from shared.postgres import Connection

__all__ = ["Plans"]


class Plans:
    """Answers what may be asked of reduction plans."""

    def __init__(self, records: Aggregates) -> None:
        self._records = records

    async def act(self, act: SetPlan) -> PlanView:
        """Set a plan; the answer says at once where it and the register do not agree today.

        Raises
        ------
        Refusal
            ``acts.…``; ``plans.…`` of the domain.
        """
        outcome = await self._records.ask(PLAN, act.plan.id, act)
        async with self._records.pool.connection() as conn:
            return await _view(conn, outcome.state, outcome.version, self._records.today(), changed=outcome.changed)

    async def show(self, query: ShowPlan) -> PlanView:
        """Return a plan and what became of it, as of the end of a day.

        Raises
        ------
        NotFound
            ``acts.unknown``, or ``mines.not_yet`` when there was no such plan by then.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, PLAN, query.plan_id, query.as_of)
            if found is None:
                raise not_yet("plan", query.plan_id, query.as_of)
            return await _view(conn, *found, query.as_of or self._records.today())

    async def list(self, query: ListPlans) -> PlanList:
        """Return plans as they stood at the end of a day, by place and id."""
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, PLAN, {"place": query.place}, as_of=query.as_of, limit=query.limit, offset=query.offset,
                order=("place", "id"),
            )  # fmt: skip
        return PlanList(total=found.total, plans=found.records)


async def _view(conn: Connection, kept: Plan, version: int, day: date, *, changed: bool = False) -> PlanView:
    plan = kept.plan
    # Until the baseline day has come, the mines are counted as they stand.
    before = await _mines(conn, min(plan.baseline_on, day), plan)
    named = [closing.mine_id for closing in plan.closures]
    named += [mine for merging in plan.mergers for mine in merging.sources]
    now = await _mines(conn, day, plan, named)
    mergers = (await page(conn, MERGER, {}, as_of=day, limit=None)).records
    found = Reconciliation(plan, day, before, now, mergers)
    items = (
        ItemProgress(
            kind=item.kind,
            mine_id=item.mine_id,
            name=item.name,
            county=item.county,
            into=item.into,
            deadline=item.deadline,
            state=item.state,
            done_on=item.done_on,
            status=item.status,
        )
        for item in found.items
    )
    return PlanView(
        plan=kept,
        version=version,
        as_of=day,
        mines_before=found.mines_before,
        before_from_records=found.from_records,
        mines_planned=found.mines_planned,
        target_count=plan.target_count,
        mines_now=found.mines_now,
        **found.counts(),
        counties=found.counties(),
        items=tuple(items),
        mine_free=found.mine_free(),
        differences=found.differences(),
        changed=changed,
    )


async def _mines(conn: Connection, day: date, plan: ReductionPlan, named: Sequence[str] = ()) -> dict[str, MineRow]:
    """Return the mines in a plan's scope at the end of a day, and those *named*, by id: a few columns only."""
    condition, parameters = as_of_day(day)
    cursor = await conn.execute(
        sql.SQL("SELECT id, county, name, status, since FROM mine_history WHERE {} ORDER BY county, id").format(
            condition
        ),
        parameters,
    )
    wanted = set(named)
    return {
        mine_id: MineRow(mine_id, county, name, MineStatus(status), since)
        for mine_id, county, name, status, since in await cursor.fetchall()
        if in_scope(plan, county) or mine_id in wanted
    }
