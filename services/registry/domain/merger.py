"""A merger's own record: planned, then carried out or given up. The mines' shares stand on their own records."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias, assert_never

from services.registry.domain.minerules import check_deadline, check_evidence
from services.registry.domain.texts import check_said
from shared.contracts.acts import Asked, Recorded
from shared.contracts.mergers import Merger, MergerCarriedOut, MergerGivenUp, MergerOpened, MergerState
from shared.contracts.mines import CompleteMerger, MineMerger, PlanMerger, WithdrawMerger
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["MergerAct", "MergerEvent", "decide_merger", "evolve_merger", "parties"]

MergerAct: TypeAlias = PlanMerger | CompleteMerger | WithdrawMerger
MergerEvent: TypeAlias = MergerOpened | MergerCarriedOut | MergerGivenUp


def parties(merger: MineMerger) -> tuple[str, ...]:
    """Return every mine that takes part, the one they merge into as well, in a fixed order."""
    return tuple(sorted({*merger.members, merger.into}))


def decide_merger(asked: Asked[MergerAct], state: Merger | None) -> list[Recorded]:
    """Return what the act brings about: nothing when it was done already.

    Raises
    ------
    NotFound
        ``acts.unknown``.
    Conflict
        ``mines.merger_fixed``: other mines under the same id; ``mines.merger_over``.
    BadInput
        ``mines.merger_twice``, ``mines.deadline_past``, ``mines.no_evidence``, ``mines.no_document``, ``acts.blank``.
    """
    act = asked.command
    check_said(by=act.by)
    stamp = {"on": asked.on, "at": asked.at, "by": act.by}
    if isinstance(act, PlanMerger):
        return _plan(act, state, asked.on, stamp)
    if state is None:
        raise NotFound("acts.unknown", field="merger_id", record=f"merger {act.merger_id}")
    match act:
        case CompleteMerger():
            check_evidence(act.evidence)
            if state.state is MergerState.COMPLETED and state.evidence == act.evidence:
                return []
            _check_planned(state)
            return [MergerCarriedOut(evidence=act.evidence, **stamp)]
        case WithdrawMerger():
            check_said(reason=act.reason)
            if state.state is MergerState.WITHDRAWN and state.reason == act.reason:
                return []
            _check_planned(state)
            return [MergerGivenUp(reason=act.reason, **stamp)]
        case _:
            assert_never(act)


def evolve_merger(state: Merger | None, event: MergerEvent) -> Merger:
    """Return the merger after *event*."""
    if isinstance(event, MergerOpened):
        return Merger(id=event.merger.merger_id, merger=event.merger, last_on=event.on)
    if state is None:
        raise TypeError(f"{type(event).__name__} came before the merger was planned")
    changed: dict[str, Any]
    match event:
        case MergerCarriedOut():
            changed = {"state": MergerState.COMPLETED, "evidence": event.evidence}
        case MergerGivenUp():
            changed = {"state": MergerState.WITHDRAWN, "reason": event.reason}
        case _:
            assert_never(event)
    return state.model_copy(update={**changed, "ended_on": event.on, "last_on": event.on})


def _plan(act: PlanMerger, state: Merger | None, on: date, stamp: dict[str, Any]) -> list[Recorded]:
    if len(set(act.members)) < len(act.members):
        raise BadInput("mines.merger_twice", field="members", merger=act.merger_id)
    planned_on = on if state is None else state.merger.planned_on
    told = act.model_dump(include={"merger_id", "into", "members", "deadline", "responsible"})
    merger = MineMerger(planned_on=planned_on, **told)
    if state is not None:
        if state.merger == merger and state.state is not MergerState.WITHDRAWN:
            return []
        _check_planned(state)
        if parties(state.merger) != parties(merger) or state.merger.into != merger.into:
            raise Conflict("mines.merger_fixed", field="members", merger=act.merger_id)
    check_deadline(act.deadline, on, act.responsible)
    return [MergerOpened(merger=merger, **stamp)]


def _check_planned(state: Merger) -> None:
    if state.state is not MergerState.PLANNED:
        day = "" if state.ended_on is None else state.ended_on.isoformat()
        what = [f"mines.merger_{state.state.value}"]
        raise Conflict("mines.merger_over", field="merger_id", merger=state.id, what=what, day=day)
