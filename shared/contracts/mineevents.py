"""What happens to mines, as it is published (version 1)."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from shared.contracts.acts import Recorded
from shared.contracts.base import Event, Identifier
from shared.contracts.minefiles import (
    ClosurePlan,
    DocumentRef,
    ImprovementPlan,
    MineDescription,
    MineMerger,
    Policy,
    SuspensionControls,
)

__all__ = [
    "MINE_EVENTS",
    "ClosurePlanned",
    "ImprovementCompleted",
    "ImprovementPlanned",
    "MergerPlanned",
    "MergerWithdrawn",
    "MineAbsorbed",
    "MineAmended",
    "MineClosed",
    "MineMerged",
    "MinePhasedOut",
    "MineRegistered",
    "MineResumed",
    "MineSuspended",
    "PatrolLogged",
    "PhaseOutPlanned",
    "PolicySet",
    "SuspensionControlsSet",
]


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
    since: date | None = None
    """Since when it stood suspended, when that was before it was recorded."""
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
"""Everything that makes up a mine's life."""
