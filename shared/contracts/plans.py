"""Reduction plans: how many mines a city or county has, how many it is to have, which go and by when (version 1).

A plan is what was promised; what became of it is read from the mines' own records, as of any day, and where the two
do not agree the answer names it.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded
from shared.contracts.base import Command, Event, Identifier, Record
from shared.contracts.minefiles import DocumentRef, MineStatus

__all__ = [
    "PLAN_EVENTS",
    "CountyProgress",
    "DifferenceKind",
    "ItemKind",
    "ItemProgress",
    "ItemState",
    "ListPlans",
    "MineFreeGoal",
    "MineFreeProgress",
    "Plan",
    "PlanDifference",
    "PlanList",
    "PlanSet",
    "PlanView",
    "PlannedClosing",
    "PlannedMerging",
    "ReductionPlan",
    "ScopeKind",
    "SetPlan",
    "ShowPlan",
]


class ScopeKind(StrEnum):
    """Whose plan it is."""

    CITY = "city"
    COUNTY = "county"


class PlannedClosing(Record):
    """A mine that is to go, closed by law or phased out, and by when."""

    mine_id: Identifier
    deadline: date


class PlannedMerging(Record):
    """Mines that are to become one, and by when; ``into`` is one of the members or another mine."""

    members: tuple[Identifier, ...] = Field(min_length=2, max_length=100)
    into: Identifier
    deadline: date

    @property
    def sources(self) -> tuple[str, ...]:
        """All mines that take part, the one they merge into as well."""
        return tuple(dict.fromkeys((*self.members, self.into)))

    @property
    def vanishing(self) -> tuple[str, ...]:
        """The mines that no longer count afterwards."""
        return tuple(each for each in self.members if each != self.into)


class MineFreeGoal(Record):
    """A county that is to have no mine left 无矿县, and by when."""

    county: Name
    deadline: date


class ReductionPlan(Record):
    """A plan as it was decided."""

    id: Identifier
    title: Name
    scope: ScopeKind
    place: Name
    """The city or county."""
    counties: tuple[Name, ...] = Field(default=(), max_length=100)
    """Counties of a city's plan; none: every county in the register."""
    baseline_on: date
    """The day from whose end the plan counts."""
    baseline_count: int = Field(ge=0)
    """Mines on that day, as the plan declares."""
    target_count: int = Field(ge=0)
    """Mines that shall be left, as the plan declares."""
    deadline: date
    closures: tuple[PlannedClosing, ...] = Field(default=(), max_length=5_000)
    mergers: tuple[PlannedMerging, ...] = Field(default=(), max_length=1_000)
    mine_free: tuple[MineFreeGoal, ...] = Field(default=(), max_length=100)
    document: DocumentRef | None = None


class Plan(Kept):
    """A plan as it stands."""

    plan: ReductionPlan
    first_set_on: date
    revisions: int = 0
    """How often it was set anew."""


class PlanSet(Recorded):
    """A plan was decided, or decided anew; this is all of it."""

    event_type: ClassVar[str] = "registry.plan.set"
    plan: ReductionPlan


class SetPlan(Act):
    """Set a plan; the same plan again changes nothing, another one replaces it."""

    command_name: ClassVar[str] = "registry.set_plan"
    plan: ReductionPlan


class ShowPlan(Command):
    """Ask for a plan and what became of it, as of a day."""

    command_name: ClassVar[str] = "registry.show_plan"
    plan_id: Identifier
    as_of: date | None = None


class ListPlans(PageQuery):
    """Ask for plans, by place."""

    command_name: ClassVar[str] = "registry.list_plans"
    place: str | None = None


# -- what became of a plan --------------------------------------------------------------------------------------------


class ItemKind(StrEnum):
    """What a plan's item is."""

    CLOSURE = "closure"
    MERGER = "merger"


class ItemState(StrEnum):
    """What became of an item."""

    PLANNED = "planned"
    DONE = "done"
    OVERDUE = "overdue"
    OTHERWISE = "otherwise"
    """The mine is gone, in another way than planned."""


class ItemProgress(Record):
    """One item of a plan: which mine, by when, and what the register says of it."""

    kind: ItemKind
    mine_id: Identifier
    name: str
    """Empty for a mine the register does not know."""
    county: str
    into: Identifier | None = None
    """Of a merger: the mine that this one merges into."""
    deadline: date
    state: ItemState
    done_on: date | None = None
    status: MineStatus | None = None
    """Of the mine; None for one that the register does not know."""


class DifferenceKind(StrEnum):
    """Where plan and register do not agree."""

    UNKNOWN_MINE = "unknown_mine"
    """Planned in the plan, and the register does not know the mine."""
    NOT_IN_REGISTER = "not_in_register"
    """Planned in the plan, and no such plan stands on the mine's record."""
    NOT_IN_PLAN = "not_in_plan"
    """Planned on the mine's record, and not in the plan."""
    CLOSED_WITHOUT_PLAN = "closed_without_plan"
    """Gone since the baseline, closed, phased out or merged, without being in the plan."""
    GONE_OTHERWISE = "gone_otherwise"
    """Merged where the plan closes it, or closed where the plan merges it."""
    GONE_BEFORE = "gone_before"
    """Gone on the baseline day already."""
    OUT_OF_SCOPE = "out_of_scope"
    """A mine of a county that the plan is not about."""
    BASELINE = "baseline"
    """The register counted another number of mines on the baseline day than the plan declares."""
    TARGET = "target"
    """The plan's items do not lead from the count before to the target."""
    NOW = "now"
    """What was carried out does not lead from the count before to the count now."""
    NEW_MINE = "new_mine"
    """Entered the register after the baseline day."""
    OVERDUE = "overdue"
    """Not done by its deadline: an item, a county's goal, or (no mine, no county) the whole plan."""
    GOAL_NOT_COVERED = "goal_not_covered"
    """A county is to have no mine left, and the plan leaves some."""


class PlanDifference(Record):
    """One difference between plan and register, by name."""

    kind: DifferenceKind
    mine_id: Identifier | None = None
    name: str = ""
    county: str = ""
    deadline: date | None = None
    expected: int | None = None
    found: int | None = None


class CountyProgress(Record):
    """A plan in one county; ``county`` is empty for mines that the register does not know."""

    county: str
    mines_before: int | None
    """On the baseline day; None where the register does not reach back to it."""
    mines_planned: int | None
    mines_now: int
    closures_planned: int = 0
    closures_done: int = 0
    merged_from: int = 0
    merged_into: int = 0
    merged_from_done: int = 0
    merged_into_done: int = 0


class MineFreeProgress(Record):
    """How far a county is that is to have no mine left."""

    county: str
    deadline: date
    mines_before: int | None
    mines_planned: int
    """What the plan's items leave of the mines that the register knows."""
    mines_now: int
    reached_on: date | None = None
    overdue: bool = False


class PlanView(Record):
    """The answer to ``SetPlan`` and ``ShowPlan``."""

    plan: Plan
    version: int
    as_of: date
    mines_before: int
    """On the baseline day: as the register counts them where it reaches back so far, else as declared."""
    before_from_records: bool
    mines_planned: int
    """Mines before, less those that the plan's items end."""
    target_count: int
    mines_now: int
    closures_planned: int
    closures_done: int
    merged_from: int
    """Mines that take part in the planned mergers."""
    merged_into: int
    """Mines that these become."""
    merged_from_done: int
    merged_into_done: int
    counties: tuple[CountyProgress, ...]
    items: tuple[ItemProgress, ...]
    mine_free: tuple[MineFreeProgress, ...]
    differences: tuple[PlanDifference, ...]
    changed: bool = False

    @property
    def reconciles(self) -> bool:
        """Whether plan and register agree in everything."""
        return not self.differences


class PlanList(Record):
    """The answer to ``ListPlans``."""

    total: int
    plans: tuple[Plan, ...]


PLAN_EVENTS: tuple[type[Event], ...] = (PlanSet,)
