"""A reduction plan's items, mine by mine, and what the register says of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.registry.domain.merger import parties
from shared.contracts.mergers import Merger, MergerState
from shared.contracts.mines import GONE, MineStatus
from shared.contracts.plans import DifferenceKind, ItemKind, ItemState, PlannedClosing, PlannedMerging, ReductionPlan

__all__ = ["Item", "MineRow", "gone", "items_of"]

_ENDED = frozenset({MineStatus.CLOSED, MineStatus.PHASED_OUT})
_STAYING = frozenset({MineStatus.OPERATING, MineStatus.SUSPENDED})


@dataclass(frozen=True, slots=True)
class MineRow:
    """A mine in a few words; *since*: the day from which its status holds."""

    id: str
    county: str
    name: str
    status: MineStatus
    since: date


@dataclass(frozen=True, slots=True)
class Item:
    """One mine of a plan.

    Parameters
    ----------
    name, county
        Empty for a mine that the register does not know; *status* is None then.
    into
        Of a merger: the mine that remains.
    vanishes
        Whether the plan ends the mine (it does not end the one that others merge into).
    differences
        Where the item and the mine's record do not agree.
    """

    kind: ItemKind
    mine_id: str
    name: str
    county: str
    into: str | None
    vanishes: bool
    deadline: date
    state: ItemState
    done_on: date | None
    status: MineStatus | None
    differences: tuple[DifferenceKind, ...]


def gone(row: MineRow | None) -> bool:
    """Tell whether a mine is known and counts no longer."""
    return row is not None and row.status in GONE


def items_of(plan: ReductionPlan, now: Mapping[str, MineRow], mergers: Sequence[Merger], day: date) -> Iterable[Item]:
    """Yield a plan's items as of a day: closures first, then mergers, each with all mines that take part."""
    for closing in plan.closures:
        yield _closing(closing, now.get(closing.mine_id), day)
    for merging in plan.mergers:
        record = _record(merging, mergers)
        for mine_id in merging.sources:
            yield _merging(merging, mine_id, now.get(mine_id), record, day)


def _closing(planned: PlannedClosing, row: MineRow | None, day: date) -> Item:
    differences: list[DifferenceKind] = []
    state = _waiting(planned.deadline, day)
    if row is None:
        differences.append(DifferenceKind.UNKNOWN_MINE)
    elif row.status in _ENDED:
        state = ItemState.DONE
    elif row.status is MineStatus.MERGED:
        state = ItemState.OTHERWISE
        differences.append(DifferenceKind.GONE_OTHERWISE)
    elif row.status in _STAYING:
        differences.append(DifferenceKind.NOT_IN_REGISTER)
    if state is ItemState.OVERDUE:
        differences.append(DifferenceKind.OVERDUE)
    done_on = row.since if row is not None and state is ItemState.DONE else None
    return _item(ItemKind.CLOSURE, planned.mine_id, row, None, planned.deadline, state, done_on, differences)


def _merging(planned: PlannedMerging, mine_id: str, row: MineRow | None, record: Merger | None, day: date) -> Item:
    differences: list[DifferenceKind] = []
    done = record is not None and record.state is MergerState.COMPLETED
    state = ItemState.DONE if done else _waiting(planned.deadline, day)
    if row is None:
        differences.append(DifferenceKind.UNKNOWN_MINE)
    elif not done and gone(row):
        state = ItemState.OTHERWISE
        differences.append(DifferenceKind.GONE_OTHERWISE)
    elif record is None:
        differences.append(DifferenceKind.NOT_IN_REGISTER)
    if state is ItemState.OVERDUE:
        differences.append(DifferenceKind.OVERDUE)
    done_on = record.ended_on if record is not None and done else None
    return _item(ItemKind.MERGER, mine_id, row, planned.into, planned.deadline, state, done_on, differences)


def _item(
    kind: ItemKind,
    mine_id: str,
    row: MineRow | None,
    into: str | None,
    deadline: date,
    state: ItemState,
    done_on: date | None,
    differences: Sequence[DifferenceKind],
) -> Item:
    return Item(
        kind=kind,
        mine_id=mine_id,
        name="" if row is None else row.name,
        county="" if row is None else row.county,
        into=into,
        vanishes=into != mine_id,
        deadline=deadline,
        state=state,
        done_on=done_on,
        status=None if row is None else row.status,
        differences=tuple(differences),
    )


def _waiting(deadline: date, day: date) -> ItemState:
    return ItemState.OVERDUE if deadline < day else ItemState.PLANNED


def _record(planned: PlannedMerging, mergers: Sequence[Merger]) -> Merger | None:
    """Return the merger in the register that is the planned one; what was given up does not count."""
    wanted = tuple(sorted(planned.sources))
    for merger in mergers:
        same = parties(merger.merger) == wanted and merger.merger.into == planned.into
        if same and merger.state is not MergerState.WITHDRAWN:
            return merger
    return None
