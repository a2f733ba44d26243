"""Mergers of mines 整合重组 as records of their own: found by their id, with what became of them (version 1).

The acts (``PlanMerger`` …) stand in ``shared.contracts.mines``: they change the mines that take part in one
transaction with the merger's record.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from shared.contracts.acts import Kept, PageQuery, Recorded
from shared.contracts.base import Command, Event, Identifier, Record
from shared.contracts.mines import DocumentRef, MineMerger

__all__ = [
    "MERGER_EVENTS",
    "ListMergers",
    "Merger",
    "MergerCarriedOut",
    "MergerGivenUp",
    "MergerList",
    "MergerOpened",
    "MergerState",
    "MergerView",
    "ShowMerger",
]


class MergerState(StrEnum):
    """What became of a merger."""

    PLANNED = "planned"  # 计划整合
    COMPLETED = "completed"  # 已完成整合
    WITHDRAWN = "withdrawn"  # 已取消


class Merger(Kept):
    """A merger as it stands."""

    merger: MineMerger
    state: MergerState = MergerState.PLANNED
    ended_on: date | None = None
    """The day it was carried out or given up."""
    evidence: tuple[DocumentRef, ...] = ()
    reason: str = ""
    """Why it was given up."""


class MergerOpened(Recorded):
    """A merger was planned, or its deadline or responsible person changed."""

    event_type: ClassVar[str] = "registry.merger.planned"
    merger: MineMerger


class MergerCarriedOut(Recorded):
    """A merger was carried out, as the evidence shows."""

    event_type: ClassVar[str] = "registry.merger.completed"
    evidence: tuple[DocumentRef, ...]


class MergerGivenUp(Recorded):
    """A planned merger was given up."""

    event_type: ClassVar[str] = "registry.merger.withdrawn"
    reason: str


class ShowMerger(Command):
    """Ask for a merger, as of a day."""

    command_name: ClassVar[str] = "registry.show_merger"
    merger_id: Identifier
    as_of: date | None = None


class ListMergers(PageQuery):
    """Ask for mergers, by deadline."""

    command_name: ClassVar[str] = "registry.list_mergers"
    state: tuple[MergerState, ...] = ()
    """Any of these; none: every one."""


class MergerView(Record):
    """The answer to ``ShowMerger``."""

    merger: Merger
    version: int


class MergerList(Record):
    """The answer to ``ListMergers``."""

    total: int
    mergers: tuple[Merger, ...]


MERGER_EVENTS: tuple[type[Event], ...] = (MergerOpened, MergerCarriedOut, MergerGivenUp)
