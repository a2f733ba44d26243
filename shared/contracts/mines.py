"""Mines in the register: what may be asked (version 1); their records and events are offered from here too.

Closure by law 依法关闭 and suspension 停产停建 are two lives: a mine that is to close is never suspended instead.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Act, Name, PageQuery, Text
from shared.contracts.base import Command, Identifier, Record
from shared.contracts.mineevents import (
    MINE_EVENTS,
    ClosurePlanned,
    ImprovementCompleted,
    ImprovementPlanned,
    MergerPlanned,
    MergerWithdrawn,
    MineAbsorbed,
    MineAmended,
    MineClosed,
    MineMerged,
    MinePhasedOut,
    MineRegistered,
    MineResumed,
    MineSuspended,
    PatrolLogged,
    PhaseOutPlanned,
    PolicySet,
    SuspensionControlsSet,
)
from shared.contracts.minefiles import (
    GONE,
    ClosurePlan,
    DocumentRef,
    ImprovementPlan,
    Mine,
    MineDescription,
    MineMerger,
    MineStatus,
    Patrol,
    Policy,
    Suspension,
    SuspensionControls,
    SuspensionEntry,
)

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
    "SuspensionEntry",
    "WithdrawMerger",
]


class RegisterMine(Act):
    """Register a mine; the same description again changes nothing, another one is refused (amend it).

    It enters as operating or, with *suspension*, as suspended; any other status takes an act of its own.
    """

    command_name: ClassVar[str] = "registry.register_mine"
    mine: MineDescription
    suspension: SuspensionEntry | None = None


class AmendMine(Act):
    """Replace a mine's description."""

    command_name: ClassVar[str] = "registry.amend_mine"
    mine: MineDescription


class SuspendMine(Act):
    """Suspend a mine 停产停建. Refused for a mine that is to close or has closed: closure is never downgraded."""

    command_name: ClassVar[str] = "registry.suspend_mine"
    mine_id: Identifier
    reason: Text
    since: date | None = None
    """Since when it stands suspended, when that was before the day of the act."""
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
    """Plan a closure by law; given again, it changes deadline, person or basis (never to no plan)."""

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
    """Plan a merger of several mines into one of them or into another; given again, it changes deadline or person."""

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
