"""A mine as its events tell it."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias, assert_never

from shared.contracts.mines import (
    ClosurePlanned,
    ImprovementCompleted,
    ImprovementPlanned,
    MergerPlanned,
    MergerWithdrawn,
    Mine,
    MineAbsorbed,
    MineAmended,
    MineClosed,
    MineMerged,
    MinePhasedOut,
    MineRegistered,
    MineResumed,
    MineStatus,
    MineSuspended,
    Patrol,
    PatrolLogged,
    PhaseOutPlanned,
    PolicySet,
    Suspension,
    SuspensionControlsSet,
)

__all__ = ["MineEvent", "evolve"]

MineEvent: TypeAlias = (
    MineRegistered
    | MineAmended
    | MineSuspended
    | SuspensionControlsSet
    | PatrolLogged
    | MineResumed
    | ClosurePlanned
    | MineClosed
    | PhaseOutPlanned
    | MinePhasedOut
    | MergerPlanned
    | MergerWithdrawn
    | MineMerged
    | MineAbsorbed
    | ImprovementPlanned
    | ImprovementCompleted
    | PolicySet
)

_LOG = 200
"""Patrols kept with the record, the latest; the events hold them all."""


def evolve(state: Mine | None, event: MineEvent) -> Mine:
    """Return the mine after *event*; an event before the registration is an error of ours."""
    if isinstance(event, MineRegistered):
        return Mine(
            id=event.mine.id, last_on=event.on, description=event.mine, status=MineStatus.OPERATING, since=event.on
        )
    if state is None:
        raise TypeError(f"{type(event).__name__} came before the mine was registered")
    return state.model_copy(update={**_changed(state, event), "last_on": event.on})


def _changed(state: Mine, event: MineEvent) -> dict[str, Any]:
    match event:
        case MineRegistered() | MineAmended():
            return {"description": event.mine}
        case MineSuspended():
            since = event.on if event.since is None else event.since
            suspension = Suspension(since=since, reason=event.reason, document=event.document, controls=event.controls)
            return {"suspension": suspension, "status": MineStatus.SUSPENDED, "since": since}
        case SuspensionControlsSet():
            return {"suspension": _suspension(state).model_copy(update={"controls": event.controls})}
        case PatrolLogged():
            return {"suspension": _patrolled(_suspension(state), event)}
        case MineResumed():
            return {"suspension": None, "resumed_by": event.approval, **_turned(state, MineStatus.OPERATING, event.on)}
        case ClosurePlanned():
            # Whatever softer end was planned gives way.
            return {"closure": event.plan, "phase_out": None, **_turned(state, MineStatus.CLOSING, event.on)}
        case MineClosed():
            ended = {"closed_on_basis": event.basis, "phase_out": None, "suspension": None, "evidence": event.evidence}
            return ended | _turned(state, MineStatus.CLOSED, event.on)
        case PhaseOutPlanned():
            return {"phase_out": event.plan, **_turned(state, MineStatus.PHASING_OUT, event.on)}
        case MinePhasedOut():
            ended = {"suspension": None, "evidence": event.evidence}
            return ended | _turned(state, MineStatus.PHASED_OUT, event.on)
        case MergerPlanned():
            return {"merger": event.merger}
        case MergerWithdrawn():
            return {"merger": None}
        case MineMerged():
            ended = {"suspension": None, "evidence": event.evidence}
            return ended | _turned(state, MineStatus.MERGED, event.on)
        case MineAbsorbed():
            return {"absorbed": (*state.absorbed, *event.members)}
        case ImprovementPlanned():
            return {"improvement": event.plan}
        case ImprovementCompleted():
            assert state.improvement is not None, "only what was planned is completed"
            done = {"completed_on": event.on, "evidence": event.evidence}
            return {"improvement": state.improvement.model_copy(update=done)}
        case PolicySet():
            return {"policy": event.policy}
        case _:
            assert_never(event)


def _turned(state: Mine, status: MineStatus, on: date) -> dict[str, Any]:
    """Return the new status; a status that holds already has held since its first day."""
    return {} if state.status is status else {"status": status, "since": on}


def _suspension(state: Mine) -> Suspension:
    assert state.suspension is not None, "only of a suspended mine"
    return state.suspension


def _patrolled(suspension: Suspension, event: PatrolLogged) -> Suspension:
    patrol = Patrol(on=event.on, by=event.by, found=event.found, in_order=event.in_order)
    patrols = (*suspension.patrols, patrol)[-_LOG:]
    return suspension.model_copy(update={"patrols": patrols, "patrol_count": suspension.patrol_count + 1})
