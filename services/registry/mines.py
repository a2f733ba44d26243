"""Commands and queries of mines. Acts on a merger change its record and every mine that takes part, or nothing."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias

from services.registry.domain.codes import CodeLists
from services.registry.domain.merger import MergerAct, parties
from services.registry.domain.mine import MineAct
from services.registry.domain.minerules import (
    Absorb,
    BeMerged,
    CloseMineKnowing,
    JoinMerger,
    LeaveMerger,
    PlanClosureKnowing,
    PlanPhaseOutKnowing,
)
from services.registry.minekinds import MERGER, MINE
from services.registry.people import contains
from shared.contracts.acts import Act
from shared.contracts.mergers import ListMergers, Merger, MergerList, MergerView, ShowMerger
from shared.contracts.mines import (
    AmendMine,
    CloseMine,
    CompleteMerger,
    ListMines,
    MineList,
    MineView,
    PlanClosure,
    PlanMerger,
    PlanPhaseOut,
    RegisterMine,
    ShowMine,
    WithdrawMerger,
)
from shared.eventstore.aggregates import Acting, Aggregates
from shared.eventstore.history import find, page
from shared.problems import NotFound

__all__ = ["Mines", "not_yet"]

_Share: TypeAlias = JoinMerger | LeaveMerger | BeMerged | Absorb


class Mines:
    """Answers what may be asked of mines and their mergers.

    Parameters
    ----------
    records
        The registry's.
    codes
        The situations on which a planned end may rest.
    """

    def __init__(self, records: Aggregates, codes: CodeLists) -> None:
        self._records, self._codes = records, codes

    async def act(self, act: Act) -> MineView:
        """Do an act on a mine, or on a merger: the answer is the mine merged into then.

        Raises
        ------
        Refusal
            ``acts.…``; ``mines.…`` of the domain.
        """
        if isinstance(act, PlanMerger | CompleteMerger | WithdrawMerger):
            return await self._records.together(lambda acting: self._merge(acting, act))
        assert isinstance(act, MineAct | PlanClosure | CloseMine | PlanPhaseOut), "wiring serves these"
        mine_id = act.mine.id if isinstance(act, RegisterMine | AmendMine) else act.mine_id
        outcome = await self._records.ask(MINE, mine_id, self._knowing(act))
        return MineView(mine=outcome.state, version=outcome.version, changed=outcome.changed)

    async def show(self, query: ShowMine) -> MineView:
        """Return a mine as it stood at the end of a day.

        Raises
        ------
        NotFound
            ``acts.unknown``, or ``mines.not_yet`` when it was not in the register by then.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, MINE, query.mine_id, query.as_of)
        if found is None:
            raise not_yet("mine", query.mine_id, query.as_of)
        return MineView(mine=found[0], version=found[1])

    async def list(self, query: ListMines) -> MineList:
        """Return mines as they stood at the end of a day, by county and id."""
        where = {"county": query.county, "status": [each.value for each in query.status] or None}
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, MINE, where, as_of=query.as_of, limit=query.limit, offset=query.offset,
                order=("county", "id"), extra=contains("name", query.name_contains),
            )  # fmt: skip
        return MineList(total=found.total, mines=found.records)

    async def show_merger(self, query: ShowMerger) -> MergerView:
        """Return a merger as it stood at the end of a day.

        Raises
        ------
        NotFound
            ``acts.unknown``, ``mines.not_yet``.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, MERGER, query.merger_id, query.as_of)
        if found is None:
            raise not_yet("merger", query.merger_id, query.as_of)
        return MergerView(merger=found[0], version=found[1])

    async def list_mergers(self, query: ListMergers) -> MergerList:
        """Return mergers as they stood at the end of a day, by deadline and id."""
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, MERGER, {"merger_state": [each.value for each in query.state] or None}, as_of=query.as_of,
                limit=query.limit, offset=query.offset, order=("deadline", "id"),
            )  # fmt: skip
        return MergerList(total=found.total, mergers=found.records)

    def _knowing(self, act: Act) -> Act:
        """Return the act with the code list that its decision needs."""
        given: dict[str, Any] = dict(act)
        match act:
            case PlanClosure():
                return PlanClosureKnowing(**given, codes=self._codes.law)
            case CloseMine():
                return CloseMineKnowing(**given, codes=self._codes.law)
            case PlanPhaseOut():
                return PlanPhaseOutKnowing(**given, codes=self._codes.exit)
            case _:
                return act

    async def _merge(self, acting: Acting, act: MergerAct) -> MineView:
        outcome = await acting.ask(MERGER, act.merger_id, act)
        merger = outcome.state.merger
        if outcome.changed:
            for mine_id in parties(merger):
                await acting.ask(MINE, mine_id, _share(act, outcome.state, mine_id))
        into = await acting.find(MINE, merger.into)
        assert into is not None, "a mine that takes part is in the register"
        return MineView(mine=into.state, version=into.version, changed=outcome.changed)


def _share(act: MergerAct, merger: Merger, mine_id: str) -> _Share:
    """Return what an act on a merger asks of one mine that takes part."""
    asked: dict[str, Any] = {"by": act.by, "on": act.on, "mine_id": mine_id}
    planned = merger.merger
    match act:
        case PlanMerger():
            return JoinMerger(merger=planned, **asked)
        case WithdrawMerger():
            return LeaveMerger(merger_id=merger.id, reason=act.reason, **asked)
        case CompleteMerger() if mine_id == planned.into:
            absorbed = tuple(each for each in planned.members if each != mine_id)
            return Absorb(merger_id=merger.id, members=absorbed, evidence=act.evidence, **asked)
        case CompleteMerger():
            return BeMerged(merger_id=merger.id, into=planned.into, evidence=act.evidence, **asked)


def not_yet(kind: str, record_id: str, as_of: date | None) -> NotFound:
    """Return the refusal of a record that is not there, or was not there on a day."""
    record = f"{kind} {record_id}"
    if as_of is None:
        return NotFound("acts.unknown", field=f"{kind}_id", record=record)
    return NotFound("mines.not_yet", field=f"{kind}_id", record=record, day=as_of.isoformat())
