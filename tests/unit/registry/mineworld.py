"""Mines for tests: acts and events on one mine, and a mine in every status."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from services.registry.domain.mine import MineAct, decide
from services.registry.domain.minelife import evolve
from services.registry.domain.minerules import (
    Absorb,
    BeMerged,
    CloseMineKnowing,
    JoinMerger,
    LeaveMerger,
    PlanClosureKnowing,
    PlanPhaseOutKnowing,
)
from shared.contracts.acts import Asked, Recorded
from shared.contracts.mines import (
    AmendMine,
    CompleteImprovement,
    CompletePhaseOut,
    DocumentRef,
    LogPatrol,
    Mine,
    MineDescription,
    MineMerger,
    MineStatus,
    PlanImprovement,
    Policy,
    RegisterMine,
    ResumeMine,
    SetPolicy,
    SetSuspensionControls,
    SuspendMine,
    SuspensionControls,
)

DAY = date(2023, 3, 20)
END = date(2023, 12, 31)
PAPER = (DocumentRef(number="石安〔2023〕1号"),)
OTHER_PAPER = (DocumentRef(title="验收意见"),)
LAW, EXIT = ("law-01", "law-02"), ("exit-01",)
MINE = MineDescription(id="a", name="甲矿", county="元氏县")
MERGER = MineMerger(merger_id="m", into="b", members=("a", "b"), deadline=END, responsible="李县长", planned_on=DAY)
INTO_A = MERGER.model_copy(update={"into": "a"})


def of(kind: type[Any], **fields: Any) -> Any:
    """Return an act on mine ``a``, with what it needs."""
    return kind(**{"by": "王工", "mine_id": "a"} | fields)


PLANNED = {"deadline": END, "responsible": "李县长"}
REGISTER = RegisterMine(mine=MINE, by="王工")
SUSPEND = of(SuspendMine, reason="证照到期")
PLAN_CLOSURE = of(PlanClosureKnowing, basis="law-01", codes=LAW, **PLANNED)
PLAN_PHASE_OUT = of(PlanPhaseOutKnowing, basis="exit-01", codes=EXIT, **PLANNED)
CLOSE = of(CloseMineKnowing, evidence=PAPER, basis="law-02", codes=LAW)
PHASE_OUT = of(CompletePhaseOut, evidence=PAPER)
JOIN = of(JoinMerger, merger=MERGER)
BE_MERGED = of(BeMerged, merger_id="m", into="b", evidence=PAPER)
ACTS: dict[str, Any] = {
    "amend": AmendMine(mine=MINE.model_copy(update={"name": "乙矿"}), by="王工"),
    "suspend": of(SuspendMine, reason="另一原因"),
    "controls": of(SetSuspensionControls, controls=SuspensionControls(guarantors=("赵镇长",))),
    "patrol": of(LogPatrol, found="无作业", in_order=True),
    "resume": of(ResumeMine, approval=PAPER[0]),
    "plan_closure": of(PlanClosureKnowing, basis="law-02", codes=LAW, **PLANNED),
    "close": of(CloseMineKnowing, evidence=OTHER_PAPER, basis="law-02", codes=LAW),
    "plan_phase_out": of(PlanPhaseOutKnowing, basis="exit-01", codes=EXIT, deadline=END, responsible="赵县长"),
    "phase_out": of(CompletePhaseOut, evidence=OTHER_PAPER),
    "join": JOIN,
    "leave": of(LeaveMerger, merger_id="m", reason="不再整合"),
    "be_merged": BE_MERGED,
    "absorb": of(Absorb, merger_id="m", members=("b",), evidence=PAPER),
    "improve": of(PlanImprovement, measures=("通风",), **PLANNED),
    "improved": of(CompleteImprovement, evidence=PAPER),
    "policy": of(SetPolicy, policy=Policy(target="保留", measures=("整治",), owner="李县长", start=DAY, due=END)),
}


def act(state: Mine | None, command: MineAct, on: date = DAY) -> list[Recorded]:
    """Return the events of an act on a day."""
    return decide(Asked(command, datetime(2024, 1, 1, tzinfo=UTC), on), state)


def fold(state: Mine | None, events: Iterable[Recorded]) -> Mine | None:
    """Return the mine after *events*."""
    for event in events:
        state = evolve(state, event)  # type: ignore[arg-type]  # every event here is one of a mine's
    return state


def after(*commands: MineAct, mine: Mine | None = None, on: date = DAY) -> Mine:
    """Return the mine after acts on it, registered first unless one is given."""
    state = fold(mine, act(mine, REGISTER, on)) if mine is None else mine
    for command in commands:
        state = fold(state, act(state, command, on))
    assert state is not None
    return state


STATUSES: dict[MineStatus, Mine] = {
    MineStatus.OPERATING: after(),
    MineStatus.SUSPENDED: after(SUSPEND),
    MineStatus.CLOSING: after(PLAN_CLOSURE),
    MineStatus.PHASING_OUT: after(PLAN_PHASE_OUT),
    MineStatus.CLOSED: after(CLOSE),
    MineStatus.PHASED_OUT: after(PLAN_PHASE_OUT, PHASE_OUT),
    MineStatus.MERGED: after(JOIN, BE_MERGED),
}
