"""What became of a reduction plan: its items against the mines' records, and every difference by name.

Nothing here trusts the plan's own figures: the count before comes from the records where they reach back to the
baseline day, the count planned from the items one by one, the count now from the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from services.registry.domain.plan import in_scope
from services.registry.domain.planitems import Item, MineRow, gone, items_of
from shared.contracts.mergers import Merger, MergerState
from shared.contracts.mines import MineStatus
from shared.contracts.plans import (
    CountyProgress,
    DifferenceKind,
    ItemKind,
    ItemState,
    MineFreeGoal,
    MineFreeProgress,
    PlanDifference,
    ReductionPlan,
)

__all__ = ["Reconciliation"]

_LEAVING = frozenset({MineStatus.CLOSING, MineStatus.PHASING_OUT})


@dataclass(frozen=True)
class Reconciliation:
    """A plan beside the register, as of a day.

    Parameters
    ----------
    before
        Mines of the plan's scope as they stood at the end of the baseline day, the gone ones too; none when the
        register does not reach back so far.
    now
        Mines of the scope, and whatever other mines the plan names, as of *day*.
    mergers
        Every merger in the register, as of *day*.
    """

    plan: ReductionPlan
    day: date
    before: Mapping[str, MineRow]
    now: Mapping[str, MineRow]
    mergers: Sequence[Merger] = field(default=())

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The plan's items, mine by mine."""
        return tuple(items_of(self.plan, self.now, self.mergers, self.day))

    @cached_property
    def from_records(self) -> bool:
        """Whether the register reaches back to the baseline day."""
        return bool(self.before)

    @cached_property
    def counted_before(self) -> dict[str, str]:
        """Mine → county, of those that counted on the baseline day."""
        return {mine: row.county for mine, row in self.before.items() if not gone(row)}

    @cached_property
    def counted_now(self) -> dict[str, str]:
        """Mine → county, of those of the scope that count now."""
        return {mine: row.county for mine, row in self._scope_now.items() if not gone(row)}

    @cached_property
    def _scope_now(self) -> dict[str, MineRow]:
        return {mine: row for mine, row in self.now.items() if in_scope(self.plan, row.county)}

    @cached_property
    def _ending(self) -> dict[str, str]:
        """Mine → county (empty if unknown), of those that the plan ends and that count for it."""
        return {
            item.mine_id: item.county
            for item in self.items
            if item.vanishes and (item.status is None or item.mine_id in self._scope_now)
            if not gone(self.before.get(item.mine_id))
        }

    @property
    def mines_before(self) -> int:
        """Mines on the baseline day."""
        return len(self.counted_before) if self.from_records else self.plan.baseline_count

    @property
    def mines_planned(self) -> int:
        """Mines that the plan's items leave."""
        return self.mines_before - len(self._ending)

    @property
    def mines_now(self) -> int:
        """Mines of the scope as of the day."""
        return len(self.counted_now)

    def counts(self, county: str | None = None) -> dict[str, int]:
        """Return what was planned and done, of one county or of all."""
        of = [item for item in self.items if county in (None, item.county)]
        closing = [item for item in of if item.kind is ItemKind.CLOSURE]
        merging = [item for item in of if item.kind is ItemKind.MERGER]
        remaining = [item for item in merging if not item.vanishes]
        return {
            "closures_planned": len(closing),
            "closures_done": _done(closing),
            "merged_from": len(merging),
            "merged_into": len(remaining),
            "merged_from_done": _done(merging),
            "merged_into_done": _done(remaining),
        }

    def counties(self) -> tuple[CountyProgress, ...]:
        """Return the counties, by name; mines that the register does not know stand last, under no name."""
        names = {*self.counted_before.values(), *self.counted_now.values(), *self.plan.counties}
        names |= {item.county for item in self.items} | {goal.county for goal in self.plan.mine_free}
        return tuple(self._county(name) for name in sorted(names, key=lambda name: (not name, name)))

    def _county(self, name: str) -> CountyProgress:
        before = _in(self.counted_before, name)
        return CountyProgress(
            county=name,
            mines_before=before if self.from_records else None,
            mines_planned=before - _in(self._ending, name) if self.from_records else None,
            mines_now=_in(self.counted_now, name),
            **self.counts(name),
        )

    def mine_free(self) -> tuple[MineFreeProgress, ...]:
        """Return how far the counties are that are to have no mine left."""
        return tuple(map(self._goal, self.plan.mine_free))

    def _goal(self, goal: MineFreeGoal) -> MineFreeProgress:
        known = [row for row in self._scope_now.values() if row.county == goal.county]
        now = _in(self.counted_now, goal.county)
        # A county of which the register knows nothing is not mine-free for that.
        reached = max((row.since for row in known), default=None) if now == 0 else None
        base = self.counted_before if self.from_records else self.counted_now
        left = [mine for mine, county in base.items() if county == goal.county and mine not in self._ending]
        return MineFreeProgress(
            county=goal.county,
            deadline=goal.deadline,
            mines_before=_in(self.counted_before, goal.county) if self.from_records else None,
            mines_planned=len(left),
            mines_now=now,
            reached_on=reached,
            overdue=reached is None and goal.deadline < self.day,
        )

    def differences(self) -> tuple[PlanDifference, ...]:
        """Return where plan and register do not agree: figures first, then goals, items and mines."""
        found = [*self._figures(), *self._goals()]
        for item in self.items:
            found.extend(_named(kind, item, item.deadline) for kind in item.differences)
            if item.status is not None and item.mine_id not in self._scope_now:
                found.append(_named(DifferenceKind.OUT_OF_SCOPE, item))
            if gone(self.before.get(item.mine_id)):
                found.append(_named(DifferenceKind.GONE_BEFORE, item))
        return (*found, *self._unplanned())

    def _figures(self) -> Iterable[PlanDifference]:
        plan, done = self.plan, self.counts()
        merged_away = done["merged_from_done"] - done["merged_into_done"]
        expected = self.mines_before - done["closures_done"] - merged_away
        figures = (
            (DifferenceKind.BASELINE, plan.baseline_count, self.mines_before),
            (DifferenceKind.TARGET, plan.target_count, self.mines_planned),
            (DifferenceKind.NOW, expected, self.mines_now),
        )
        for kind, wanted, found in figures:
            if wanted != found:
                yield PlanDifference(kind=kind, expected=wanted, found=found)
        if plan.deadline < self.day and self.mines_now > plan.target_count:
            yield PlanDifference(
                kind=DifferenceKind.OVERDUE,
                deadline=plan.deadline,
                expected=plan.target_count,
                found=self.mines_now,
            )

    def _goals(self) -> Iterable[PlanDifference]:
        for goal in self.mine_free():
            told = {"county": goal.county, "deadline": goal.deadline, "expected": 0}
            if goal.mines_planned:
                yield PlanDifference(kind=DifferenceKind.GOAL_NOT_COVERED, found=goal.mines_planned, **told)
            if goal.overdue:
                yield PlanDifference(kind=DifferenceKind.OVERDUE, found=goal.mines_now, **told)

    def _unplanned(self) -> Iterable[PlanDifference]:
        planned = {item.mine_id for item in self.items}
        for row in self._scope_now.values():
            if self.from_records and row.id not in self.before:
                yield _named(DifferenceKind.NEW_MINE, row)
            if row.id in planned:
                continue
            if row.status in _LEAVING:
                yield _named(DifferenceKind.NOT_IN_PLAN, row)
            elif gone(row) and not self._gone_before(row):
                yield _named(DifferenceKind.CLOSED_WITHOUT_PLAN, row)
        for merger in self.mergers:
            if merger.state is MergerState.PLANNED and merger.merger.into not in planned:
                into = self._scope_now.get(merger.merger.into)
                if into is not None:
                    yield _named(DifferenceKind.NOT_IN_PLAN, into, merger.merger.deadline)

    def _gone_before(self, row: MineRow) -> bool:
        if self.from_records:
            return gone(self.before.get(row.id))
        return row.since <= self.plan.baseline_on


def _in(mines: Mapping[str, str], county: str) -> int:
    return sum(1 for each in mines.values() if each == county)


def _done(items: Iterable[Item]) -> int:
    return sum(1 for item in items if item.state is ItemState.DONE)


def _named(kind: DifferenceKind, of: Item | MineRow, deadline: date | None = None) -> PlanDifference:
    mine_id = of.mine_id if isinstance(of, Item) else of.id
    return PlanDifference(kind=kind, mine_id=mine_id, name=of.name, county=of.county, deadline=deadline)
