"""Mines, mergers and plans in PostgreSQL: any day can be asked about, mergers act as one, plans add up or say where."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.registry import wiring
from services.registry.adapters.codes import read_codes
from services.registry.kinds import MINE
from services.registry.minekinds import MERGER
from services.registry.mines import Mines
from services.registry.plans import Plans
from shared.clock import ManualClock
from shared.contracts.acts import Recorded
from shared.contracts.mergers import ListMergers, MergerState, ShowMerger
from shared.contracts.mines import (
    AmendMine,
    CloseMine,
    CompleteMerger,
    DocumentRef,
    ListMines,
    LogPatrol,
    Mine,
    MineDescription,
    MineStatus,
    MineView,
    PlanClosure,
    PlanMerger,
    RegisterMine,
    SetPolicy,
    ShowMine,
    SuspendMine,
    WithdrawMerger,
)
from shared.contracts.plans import (
    DifferenceKind,
    ItemState,
    ListPlans,
    MineFreeGoal,
    PlannedClosing,
    PlannedMerging,
    PlanView,
    ReductionPlan,
    ScopeKind,
    SetPlan,
    ShowPlan,
)
from shared.eventstore import verify
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool
from shared.problems import BadInput, Conflict, NotFound

OPENED = date(2022, 12, 31)
PAPER = (DocumentRef(number="石安〔2023〕1号", title="关闭验收意见"),)
END = date(2023, 12, 31)


class Office:
    """The register's mines on one database, on 2024-03-01."""

    def __init__(self, pool: Pool) -> None:
        self.parts = wiring.store()
        clock = ManualClock(datetime(2024, 3, 1, 2, tzinfo=UTC))
        zone = ZoneInfo("Asia/Shanghai")
        self.records = Aggregates(pool, self.parts.store, self.parts.projections, clock, zone, lambda: None)
        self.mines, self.plans = Mines(self.records, read_codes()), Plans(self.records)

    async def register(self, *ids: str, county: str = "元氏县", on: date = OPENED) -> None:
        for mine_id in ids:
            mine = MineDescription(id=mine_id, name=f"{mine_id}矿", county=county)
            await self.mines.act(RegisterMine(mine=mine, by="王工", on=on))

    async def do(self, act: type[Any], on: date, **fields: Any) -> MineView:
        return await self.mines.act(act(by="王工", on=on, **fields))

    async def close(self, mine_id: str, planned: date, closed: date) -> None:
        plan = {"basis": "law-03", "deadline": END, "responsible": "李县长"}
        await self.do(PlanClosure, planned, mine_id=mine_id, **plan)
        await self.do(CloseMine, closed, mine_id=mine_id, evidence=PAPER)

    async def merge(self, merger_id: str, *members: str, into: str, on: date) -> MineView:
        plan = {"members": members, "into": into, "deadline": END, "responsible": "李县长"}
        return await self.do(PlanMerger, on, merger_id=merger_id, **plan)

    async def story(self, mine_id: str) -> list[Recorded]:
        return [each.event for each in await self.records.story(MINE, mine_id) if isinstance(each.event, Recorded)]


@pytest.fixture
def office(pool: Pool) -> Office:
    return Office(pool)


async def test_as_of_a_day_equals_the_replay_to_it(office: Office, pool: Pool) -> None:
    await office.register("a")
    day = timedelta(days=1)
    first = date(2023, 2, 1)
    await office.do(SuspendMine, first, mine_id="a", reason="证照到期")
    await office.do(LogPatrol, first + day, mine_id="a", found="无作业", in_order=True)
    await office.close("a", first + 2 * day, first + 5 * day)
    await office.do(AmendMine, first + 6 * day, mine=MineDescription(id="a", name="甲矿", county="元氏县"))
    told = await office.story("a")
    for offset in range(-1, 9):
        as_of = first + offset * day
        state: Mine | None = None
        for event in told:
            if event.on <= as_of:
                state = MINE.evolve(state, event)
        assert (await office.mines.show(ShowMine(mine_id="a", as_of=as_of))).mine == state
    with pytest.raises(NotFound, match="by 2022-12-30 the register held no mine a"):
        await office.mines.show(ShowMine(mine_id="a", as_of=OPENED - day))
    assert (await office.mines.list(ListMines(status=(MineStatus.CLOSED,), as_of=first + 4 * day))).total == 0
    listed = await office.mines.list(ListMines(county="元氏县", status=(MineStatus.CLOSED,), name_contains="甲"))
    assert [mine.id for mine in listed.mines] == ["a"]
    assert await verify(pool, office.parts.store, office.parts.projections) == []


async def test_of_two_writers_one_sees_what_the_other_left(office: Office) -> None:
    await office.register("a")
    on = date(2023, 2, 1)
    seen = (await office.mines.show(ShowMine(mine_id="a"))).version
    policy = {"target": "年内关闭", "measures": ["断电"], "owner": "李县长", "start": on, "due": END}
    asked = [
        office.do(SuspendMine, on, mine_id="a", reason="证照到期", expected_version=seen),
        office.do(SetPolicy, on, mine_id="a", policy=policy, expected_version=seen),
    ]
    done = await asyncio.gather(*asked, return_exceptions=True)
    refused = [each for each in done if isinstance(each, Conflict)]
    assert [each.code for each in refused] == ["acts.stale"]
    now = await office.mines.show(ShowMine(mine_id="a"))
    assert refused[0].params["state"] == now.mine.model_dump(mode="json")
    assert refused[0].params["actual"] == now.version == seen + 1


async def test_a_merger_is_one_act_of_all_its_mines_or_none(office: Office) -> None:
    await office.register("a", "b", "c")
    on = date(2023, 3, 20)
    later = on + timedelta(days=30)
    await office.do(PlanClosure, on, mine_id="c", basis="law-01", deadline=END, responsible="李县长")
    with pytest.raises(Conflict, match="only mines that stay"):
        await office.merge("m1", "a", "b", "c", into="b", on=on)
    with pytest.raises(NotFound):
        await office.merge("m1", "a", "b", into="z", on=on)
    assert await office.records.find(MERGER, "m1") is None
    assert (await office.mines.show(ShowMine(mine_id="a"))).mine.merger is None

    view = await office.merge("m1", "a", "b", into="b", on=on)
    assert (view.mine.id, view.changed) == ("b", True)
    assert not (await office.merge("m1", "a", "b", into="b", on=on)).changed
    await office.register("d")
    with pytest.raises(Conflict, match="takes part in the merger m1 already"):
        await office.merge("m2", "a", "d", into="d", on=on)
    with pytest.raises(Conflict, match="withdraw that first"):
        await office.do(PlanClosure, on, mine_id="a", basis="law-01", deadline=END, responsible="李县长")
    counted = await office.mines.list(ListMines(status=(MineStatus.OPERATING,)))
    assert counted.total == 3  # members count until it is done
    with pytest.raises(BadInput, match="evidence is needed"):
        await office.do(CompleteMerger, later, merger_id="m1")

    # One of the mines has moved on past the day of the act: nothing of the merger happens.
    policy = {"target": "t1", "measures": ["m1"], "owner": "o1", "start": on, "due": END}
    await office.do(SetPolicy, later + timedelta(days=1), mine_id="b", policy=policy)
    with pytest.raises(Conflict, match="last changed on"):
        await office.do(CompleteMerger, later, merger_id="m1", evidence=PAPER)
    assert (await office.mines.show(ShowMine(mine_id="a"))).mine.status is MineStatus.OPERATING

    done = await office.do(CompleteMerger, later + timedelta(days=2), merger_id="m1", evidence=PAPER)
    assert (done.mine.absorbed, done.mine.status) == (("a",), MineStatus.OPERATING)
    assert (await office.mines.show(ShowMine(mine_id="a"))).mine.status is MineStatus.MERGED
    again = await office.do(CompleteMerger, later + timedelta(days=2), merger_id="m1", evidence=PAPER)
    assert not again.changed
    with pytest.raises(Conflict, match="carried out on"):
        await office.do(WithdrawMerger, later + timedelta(days=3), merger_id="m1", reason="不再整合")
    earlier = await office.mines.show_merger(ShowMerger(merger_id="m1", as_of=later))
    assert earlier.merger.state is MergerState.PLANNED
    assert (await office.mines.list_mergers(ListMergers(state=(MergerState.COMPLETED,)))).total == 1

    # The survivor, done with its merger, may join another; what is withdrawn leaves no trace on its mines.
    after = later + timedelta(days=4)
    await office.merge("m3", "b", "d", into="d", on=after)
    await office.do(WithdrawMerger, after, merger_id="m3", reason="不再整合")
    assert (await office.mines.show(ShowMine(mine_id="d"))).mine.merger is None
    with pytest.raises(Conflict, match="withdrawn"):
        await office.merge("m3", "b", "d", into="d", on=after)


def plan(**fields: Any) -> ReductionPlan:
    parts: dict[str, Any] = {
        "id": "p",
        "title": "压减方案",
        "scope": ScopeKind.CITY,
        "place": "石家庄市",
        "baseline_on": OPENED,
        "baseline_count": 6,
        "target_count": 3,
        "deadline": END,
        "closures": (
            PlannedClosing(mine_id="a1", deadline=date(2023, 6, 30)),
            PlannedClosing(mine_id="a2", deadline=END),
        ),
        "mergers": (PlannedMerging(members=("b1", "b2"), into="b1", deadline=END),),
        "mine_free": (MineFreeGoal(county="甲县", deadline=END),),
    }
    return ReductionPlan(**parts | fields)


def named(view: PlanView) -> set[tuple[str, str]]:
    return {(each.kind.value, each.mine_id or each.county) for each in view.differences}


async def test_a_plan_adds_up_from_the_mines_own_records(office: Office) -> None:
    await office.register("a1", "a2", county="甲县")
    await office.register("b1", "b2", "b3", "b4", county="乙县")
    on = date(2023, 3, 20)
    view = await office.plans.act(SetPlan(plan=plan(), by="王工", on=on))
    assert (view.changed, view.mines_before, view.before_from_records) == (True, 6, True)
    waiting = await office.plans.show(ShowPlan(plan_id="p", as_of=on))
    missing = {("not_in_register", mine) for mine in ("a1", "a2", "b1", "b2")}
    assert named(waiting) == missing

    for mine_id in ("a1", "a2"):
        await office.do(PlanClosure, on, mine_id=mine_id, basis="law-02", deadline=END, responsible="李县长")
    await office.merge("m1", "b1", "b2", into="b1", on=on)
    agreed = await office.plans.show(ShowPlan(plan_id="p", as_of=on))
    assert agreed.reconciles, agreed.differences
    assert (agreed.mines_planned, agreed.target_count, agreed.mines_now) == (3, 3, 6)
    figures = (agreed.closures_planned, agreed.closures_done, agreed.merged_from, agreed.merged_into)
    assert (*figures, agreed.merged_from_done, agreed.merged_into_done) == (2, 0, 2, 1, 0, 0)
    assert [(row.county, row.mines_before, row.mines_planned, row.mines_now) for row in agreed.counties] == [
        ("乙县", 4, 3, 4),
        ("甲县", 2, 0, 2),
    ]
    assert agreed.mine_free[0].reached_on is None

    summer = date(2023, 7, 1)
    assert named(await office.plans.show(ShowPlan(plan_id="p", as_of=summer))) == {("overdue", "a1")}
    await office.do(CloseMine, summer, mine_id="a1", evidence=PAPER)
    await office.do(CloseMine, summer, mine_id="b4", basis="law-05", evidence=PAPER)
    await office.register("n1", county="丙县", on=summer)
    await office.do(CompleteMerger, summer, merger_id="m1", evidence=PAPER)
    half = await office.plans.show(ShowPlan(plan_id="p", as_of=summer))
    assert (half.mines_now, half.closures_done, half.merged_from_done, half.merged_into_done) == (4, 1, 2, 1)
    assert named(half) == {("closed_without_plan", "b4"), ("new_mine", "n1")}
    assert [item.done_on for item in half.items if item.state is ItemState.DONE] == [summer] * 3
    late = await office.plans.show(ShowPlan(plan_id="p"))
    assert named(late) >= {("overdue", "a2"), ("overdue", "甲县"), ("overdue", "")}
    await office.do(CloseMine, date(2024, 2, 1), mine_id="a2", evidence=PAPER)
    assert (await office.plans.show(ShowPlan(plan_id="p"))).mine_free[0].reached_on == date(2024, 2, 1)
    # What is learnt later does not change what is said of the day before.
    assert await office.plans.show(ShowPlan(plan_id="p", as_of=on)) == agreed


async def test_where_plan_and_register_do_not_agree_is_named(office: Office) -> None:
    await office.register("a1", "a2", "a3", county="甲县")
    await office.register("x", county="邻县")
    await office.close("a2", date(2023, 1, 5), date(2023, 1, 6))
    await office.do(PlanClosure, date(2023, 1, 5), mine_id="a3", basis="law-02", deadline=END, responsible="李县长")
    on = date(2023, 3, 20)
    start = date(2023, 2, 1)
    closures = tuple(PlannedClosing(mine_id=mine, deadline=END) for mine in ("a2", "x", "nobody"))
    wrong = plan(baseline_on=start, baseline_count=5, target_count=2, counties=("甲县",), closures=closures, mergers=())
    view = await office.plans.act(SetPlan(plan=wrong, by="王工", on=on))
    assert named(view) >= {
        ("baseline", ""), ("target", ""), ("gone_before", "a2"), ("out_of_scope", "x"), ("unknown_mine", "nobody"),
        ("not_in_plan", "a3"), ("goal_not_covered", "甲县"),
    }  # fmt: skip
    figures = {each.kind: (each.expected, each.found) for each in view.differences if each.expected is not None}
    assert figures[DifferenceKind.BASELINE] == (5, 2)
    # Of the three items, one mine was gone before and one is another county's: only the unknown one counts.
    assert figures[DifferenceKind.TARGET] == (2, 1)
    # A register that does not reach back leaves the declared count standing, and says so.
    early = wrong.model_copy(update={"id": "q", "baseline_on": OPENED - timedelta(days=30)})
    declared = await office.plans.act(SetPlan(plan=early, by="王工", on=on))
    assert (declared.before_from_records, declared.mines_before, declared.counties[0].mines_before) == (False, 5, None)
    assert (await office.plans.list(ListPlans(place="石家庄市"))).total == 2
    twice = plan(closures=(PlannedClosing(mine_id="a1", deadline=END),) * 2)
    with pytest.raises(BadInput, match="names more than once: a1"):
        await office.plans.act(SetPlan(plan=twice, by="王工", on=on))
