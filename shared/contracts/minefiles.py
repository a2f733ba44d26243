"""A mine's record: what the register holds of it, and the values that its events and acts share (version 1)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import Field

from shared.contracts.acts import Kept, Name, Text
from shared.contracts.base import Identifier, Record

__all__ = [
    "GONE",
    "ClosurePlan",
    "DocumentRef",
    "ImprovementPlan",
    "Mine",
    "MineDescription",
    "MineMerger",
    "MineStatus",
    "Patrol",
    "Policy",
    "Suspension",
    "SuspensionControls",
    "SuspensionEntry",
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
    """A document by number and title; ``sha256`` when the paper itself is kept as evidence.

    To the register it is a reference and no more: the files lie in the evidence store of the cases, which the register
    does not read. Whether the bytes are there and sound, ``cases.verify_evidence`` says.
    """

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


class SuspensionEntry(Record):
    """That a mine stood suspended when it entered the register, since when, and why."""

    since: date | None = None
    """None: since the day of its registration."""
    reason: Text
    document: DocumentRef | None = None
    controls: SuspensionControls = SuspensionControls()


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
    """In force: also while a mine that stood suspended waits to be closed or phased out."""
    closure: ClosurePlan | None = None
    phase_out: ClosurePlan | None = None
    merger: MineMerger | None = None
    """The planned merger, or the latest one it took part in."""
    absorbed: tuple[Identifier, ...] = ()
    """Mines that were merged into this one."""
    improvement: ImprovementPlan | None = None
    policy: Policy | None = None
    resumed_by: DocumentRef | None = None
    """The approval by which it last resumed."""
    closed_on_basis: str | None = None
    """The situation under which it was closed by law."""
    evidence: tuple[DocumentRef, ...] = ()
    """What shows that it was closed, phased out or merged."""
