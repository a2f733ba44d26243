"""Mines in the register: what is published of them and what may be asked (version 1).

Closure by law 依法关闭 and suspension 停产停建 are two lives: a mine that is to close is never suspended instead.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded, Text
from shared.contracts.base import Command, Event, Identifier, Record

__all__ = [
    "GONE",
    "MINE_ACTS",
    "MINE_EVENTS",
    "AmendMine",
    "CloseMine",
    "ClosurePlan",
    "ClosurePlanned",
    "CompleteImprovement",
    "CompleteMerger",
    "CompletePhaseOut",
    "DocumentRef",
    "ImprovementCompleted",
    "ImprovementPlan",
    "ImprovementPlanned",
    "ListMines",
    "LogPatrol",
    "MergerPlanned",
    "MergerWithdrawn",
    "Mine",
    "MineAbsorbed",
    "MineAmended",
    "MineClosed",
    "MineDescription",
    "MineList",
    "MineMerged",
    "MineMerger",
    "MinePhasedOut",
    "MineRegistered",
    "MineResumed",
    "MineStatus",
    "MineSuspended",
    "MineView",
    "Patrol",
    "PatrolLogged",
    "PhaseOutPlanned",
    "PlanClosure",
    "PlanImprovement",
    "PlanMerger",
    "PlanPhaseOut",
    "Policy",
    "PolicySet",
    "RegisterMine",
    "ResumeMine",
    "SetPolicy",
    "SetSuspensionControls",
    "ShowMine",
    "SuspendMine",
    "Suspension",
    "SuspensionControls",
    "SuspensionControlsSet",
    "WithdrawMerger",
]


class MineStatus(StrEnum):
    """Where a mine stands."""

    OPERATING = "operating"  # 生产
    SUSPENDED = "suspended"  # 停产停建
    CLOSING = "closing"  # 列入依法关闭计划
    PHASING_OUT = "phasing_out"  # 列入淘汰退出计划
    CLOSED = "closed"  # 已依法关闭
    PHASED_OUT = "phased_out"  # 已淘汰退出
    MERGED = "merged"  # 已被整合


GONE = frozenset({MineStatus.CLOSED, MineStatus.PHASED_OUT, MineStatus.MERGED})
"""Statuses in which a mine no longer counts as one."""


class DocumentRef(Record):
    """A document by number and title; ``sha256`` when the paper itself is kept as evidence."""

    number: str = Field(default="", max_length=200)
    title: str = Field(default="", max_length=500)
    dated: date | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class MineDescription(Record):
    """A mine as registered."""

    id: Identifier
    name: Name
    county: Name
    mineral: str = Field(default="", max_length=100)
    method: str = Field(default="", max_length=100)
    """How it is mined (露天 open pit, 地下 underground, …), in the words of its licence."""
    capacity_10k_t: float | None = Field(default=None, ge=0)
    """Licensed capacity [10⁴ t/a]."""
    enterprise: str = Field(default="", max_length=200)
    credit_code: str = Field(default="", max_length=40)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    latitude: float | None = Field(default=None, ge=-90, le=90)


class SuspensionControls(Record):
    """The controls on a suspended mine: 包联包保, 驻矿盯守, 日常巡查, 限电管理."""

    guarantors: tuple[Name, ...] = ()
    on_site_watch: str = Field(default="", max_length=500)
    """Who keeps watch at the mine, and how."""
    patrol_every_days: int | None = Field(default=None, ge=1, le=365)
    power_limit_kw: float | None = Field(default=None, ge=0)


class Patrol(Record):
    """One patrol of a suspended mine."""

    on: date
    by: str
    found: str = Field(max_length=5_000)
    in_order: bool


class Suspension(Record):
    """A suspension: since when, why, under which controls, and its patrol log (the latest 200)."""

    since: date
    reason: str
    document: DocumentRef | None = None
    controls: SuspensionControls = SuspensionControls()
    patrols: tuple[Patrol, ...] = ()
    patrol_count: int = 0


class ClosurePlan(Record):
    """That and by when a mine is to close (or be phased out), on which basis, and who answers for it."""

    basis: str = Field(min_length=1, max_length=40)
    """A code of the configured list of situations."""
    deadline: date
    responsible: Name
    planned_on: date
    document: DocumentRef | None = None


class MineMerger(Record):
    """A merger 整合重组 that a mine takes part in: several mines become one."""

    merger_id: Identifier
    into: Identifier
    members: tuple[Identifier, ...]
    deadline: date
    responsible: Name
    planned_on: date


class ImprovementPlan(Record):
    """What a mine that stays must improve, by when, and who answers for it."""

    measures: tuple[Text, ...] = Field(min_length=1)
    deadline: date
    responsible: Name
    completed_on: date | None = None
    evidence: tuple[DocumentRef, ...] = ()


class Policy(Record):
    """One mine, one policy 一矿一策: where this mine is to go, how, by when, and who answers for it."""

    target: Text
    measures: tuple[Text, ...] = Field(min_length=1)
    owner: Name
    start: date
    due: date


class Mine(Kept):
    """A mine as it stands."""

    description: MineDescription
    status: MineStatus
    since: date
    """Day from which the status holds."""
    suspension: Suspension | None = None
    closure: ClosurePlan | None = None
    phase_out: ClosurePlan | None = None
    merger: MineMerger | None = None
    """The planned merger, or the one it was merged by."""
    absorbed: tuple[Identifier, ...] = ()
    """Mines that were merged into this one."""
    improvement: ImprovementPlan | None = None
    policy: Policy | None = None
    evidence: tuple[DocumentRef, ...] = ()
    """What shows that it was closed or phased out."""


# -- events -----------------------------------------------------------------------------------------------------------


class MineRegistered(Recorded):
    """A mine entered the register, in a status that needs no plan: operating or suspended."""

    event_type: ClassVar[str] = "registry.mine.registered"
    mine: MineDescription


class MineAmended(Recorded):
    """A mine's description changed; ``mine`` is the whole new description."""

    event_type: ClassVar[str] = "registry.mine.amended"
    mine: MineDescription


class MineSuspended(Recorded):
    """A mine was suspended 停产停建."""

    event_type: ClassVar[str] = "registry.mine.suspended"
    reason: str
    document: DocumentRef | None = None
    controls: SuspensionControls


class SuspensionControlsSet(Recorded):
    """The controls on a suspended mine changed; these are all of them."""

    event_type: ClassVar[str] = "registry.mine.suspension_controls_set"
    controls: SuspensionControls


class PatrolLogged(Recorded):
    """A suspended mine was patrolled."""

    event_type: ClassVar[str] = "registry.mine.patrol_logged"
    found: str
    in_order: bool


class MineResumed(Recorded):
    """A suspended mine may operate again, by this approval."""

    event_type: ClassVar[str] = "registry.mine.resumed"
    approval: DocumentRef


class ClosurePlanned(Recorded):
    """A mine is to be closed by law 依法关闭."""

    event_type: ClassVar[str] = "registry.mine.closure_planned"
    plan: ClosurePlan


class MineClosed(Recorded):
    """A mine was closed by law, as the evidence shows."""

    event_type: ClassVar[str] = "registry.mine.closed"
    basis: str
    evidence: tuple[DocumentRef, ...]


class PhaseOutPlanned(Recorded):
    """A mine is to be phased out 淘汰退出."""

    event_type: ClassVar[str] = "registry.mine.phase_out_planned"
    plan: ClosurePlan


class MinePhasedOut(Recorded):
    """A mine was phased out, as the evidence shows."""

    event_type: ClassVar[str] = "registry.mine.phased_out"
    evidence: tuple[DocumentRef, ...]


class MergerPlanned(Recorded):
    """A mine is to take part in a merger 整合重组; told of each member and of the mine they merge into."""

    event_type: ClassVar[str] = "registry.mine.merger_planned"
    merger: MineMerger


class MergerWithdrawn(Recorded):
    """The planned merger of a mine was given up."""

    event_type: ClassVar[str] = "registry.mine.merger_withdrawn"
    merger_id: Identifier
    reason: str


class MineMerged(Recorded):
    """A mine was merged into another and no longer counts."""

    event_type: ClassVar[str] = "registry.mine.merged"
    merger_id: Identifier
    into: Identifier
    evidence: tuple[DocumentRef, ...]


class MineAbsorbed(Recorded):
    """Other mines were merged into this one."""

    event_type: ClassVar[str] = "registry.mine.absorbed"
    merger_id: Identifier
    members: tuple[Identifier, ...]
    evidence: tuple[DocumentRef, ...]


class ImprovementPlanned(Recorded):
    """A mine that stays must improve."""

    event_type: ClassVar[str] = "registry.mine.improvement_planned"
    plan: ImprovementPlan


class ImprovementCompleted(Recorded):
    """A mine's improvement plan was carried out."""

    event_type: ClassVar[str] = "registry.mine.improvement_completed"
    evidence: tuple[DocumentRef, ...]


class PolicySet(Recorded):
    """A mine's policy 一矿一策 was set; it replaces any before."""

    event_type: ClassVar[str] = "registry.mine.policy_set"
    policy: Policy


# -- commands ---------------------------------------------------------------------------------------------------------


class RegisterMine(Act):
    """Register a mine; the same description again changes nothing, another one is refused (amend it)."""

    command_name: ClassVar[str] = "registry.register_mine"
    mine: MineDescription


class AmendMine(Act):
    """Replace a mine's description."""

    command_name: ClassVar[str] = "registry.amend_mine"
    mine: MineDescription


class SuspendMine(Act):
    """Suspend a mine 停产停建. Refused for a mine that is to close: closure is never downgraded."""

    command_name: ClassVar[str] = "registry.suspend_mine"
    mine_id: Identifier
    reason: Text
    document: DocumentRef | None = None
    controls: SuspensionControls = SuspensionControls()


class SetSuspensionControls(Act):
    """Set the controls on a suspended mine."""

    command_name: ClassVar[str] = "registry.set_suspension_controls"
    mine_id: Identifier
    controls: SuspensionControls


class LogPatrol(Act):
    """Log a patrol of a suspended mine."""

    command_name: ClassVar[str] = "registry.log_patrol"
    mine_id: Identifier
    found: Text
    in_order: bool


class ResumeMine(Act):
    """Let a suspended mine operate again."""

    command_name: ClassVar[str] = "registry.resume_mine"
    mine_id: Identifier
    approval: DocumentRef


class PlanClosure(Act):
    """Plan a closure by law; given again, it changes deadline or person (never to no plan)."""

    command_name: ClassVar[str] = "registry.plan_closure"
    mine_id: Identifier
    basis: str = Field(min_length=1, max_length=40)
    deadline: date
    responsible: Name
    document: DocumentRef | None = None


class CloseMine(Act):
    """Record that a mine was closed by law; needs evidence, and a basis unless it was planned."""

    command_name: ClassVar[str] = "registry.close_mine"
    mine_id: Identifier
    evidence: tuple[DocumentRef, ...] = ()
    basis: str | None = None


class PlanPhaseOut(Act):
    """Plan to phase a mine out."""

    command_name: ClassVar[str] = "registry.plan_phase_out"
    mine_id: Identifier
    basis: str = Field(min_length=1, max_length=40)
    deadline: date
    responsible: Name
    document: DocumentRef | None = None


class CompletePhaseOut(Act):
    """Record that a mine was phased out; needs evidence."""

    command_name: ClassVar[str] = "registry.complete_phase_out"
    mine_id: Identifier
    evidence: tuple[DocumentRef, ...] = ()


class PlanMerger(Act):
    """Plan a merger of several mines into one of them or into another registered mine."""

    command_name: ClassVar[str] = "registry.plan_merger"
    merger_id: Identifier
    members: tuple[Identifier, ...] = Field(min_length=2)
    into: Identifier
    deadline: date
    responsible: Name


class CompleteMerger(Act):
    """Record that a planned merger was carried out; needs evidence. All members act in one transaction."""

    command_name: ClassVar[str] = "registry.complete_merger"
    merger_id: Identifier
    evidence: tuple[DocumentRef, ...] = ()


class WithdrawMerger(Act):
    """Give a planned merger up, with the reason."""

    command_name: ClassVar[str] = "registry.withdraw_merger"
    merger_id: Identifier
    reason: Text


class PlanImprovement(Act):
    """Plan what a mine that stays must improve."""

    command_name: ClassVar[str] = "registry.plan_improvement"
    mine_id: Identifier
    measures: tuple[Text, ...] = Field(min_length=1)
    deadline: date
    responsible: Name


class CompleteImprovement(Act):
    """Record that the improvement plan was carried out; needs evidence."""

    command_name: ClassVar[str] = "registry.complete_improvement"
    mine_id: Identifier
    evidence: tuple[DocumentRef, ...] = ()


class SetPolicy(Act):
    """Set a mine's policy 一矿一策."""

    command_name: ClassVar[str] = "registry.set_policy"
    mine_id: Identifier
    policy: Policy


class ShowMine(Command):
    """Ask for a mine, as of a day."""

    command_name: ClassVar[str] = "registry.show_mine"
    mine_id: Identifier
    as_of: date | None = None


class ListMines(PageQuery):
    """Ask for mines."""

    command_name: ClassVar[str] = "registry.list_mines"
    county: str | None = None
    status: tuple[MineStatus, ...] = ()
    """Any of these; none: every status."""
    name_contains: str | None = None


class MineView(Record):
    """The answer to acts on a mine and to ``ShowMine``."""

    mine: Mine
    version: int
    changed: bool = False


class MineList(Record):
    """The answer to ``ListMines``."""

    total: int
    mines: tuple[Mine, ...]


MINE_EVENTS: tuple[type[Event], ...] = (
    MineRegistered,
    MineAmended,
    MineSuspended,
    SuspensionControlsSet,
    PatrolLogged,
    MineResumed,
    ClosurePlanned,
    MineClosed,
    PhaseOutPlanned,
    MinePhasedOut,
    MergerPlanned,
    MergerWithdrawn,
    MineMerged,
    MineAbsorbed,
    ImprovementPlanned,
    ImprovementCompleted,
    PolicySet,
)
MINE_ACTS: tuple[type[Act], ...] = (
    RegisterMine,
    AmendMine,
    SuspendMine,
    SetSuspensionControls,
    LogPatrol,
    ResumeMine,
    PlanClosure,
    CloseMine,
    PlanPhaseOut,
    CompletePhaseOut,
    PlanMerger,
    CompleteMerger,
    WithdrawMerger,
    PlanImprovement,
    CompleteImprovement,
    SetPolicy,
)
"""Acts, each answered by a ``MineView`` (of a merger: the mine merged into)."""
