"""A mine's life: registered, suspended and resumed, planned to go and gone, merged, improved (see ``minerules``)."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias, assert_never

from services.registry.domain.minerules import (
    Absorb,
    BeMerged,
    CloseMineKnowing,
    JoinMerger,
    LeaveMerger,
    LifeAct,
    PlanClosureKnowing,
    PlanPhaseOutKnowing,
    check_allowed,
    check_basis,
    check_deadline,
    check_evidence,
    in_planned_merger,
)
from services.registry.domain.texts import check_said
from shared.contracts.acts import Asked, Recorded
from shared.contracts.mines import (
    AmendMine,
    ClosurePlan,
    ClosurePlanned,
    CompleteImprovement,
    CompletePhaseOut,
    ImprovementCompleted,
    ImprovementPlan,
    ImprovementPlanned,
    LogPatrol,
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
    PatrolLogged,
    PhaseOutPlanned,
    PlanImprovement,
    PolicySet,
    RegisterMine,
    ResumeMine,
    SetPolicy,
    SetSuspensionControls,
    SuspendMine,
    SuspensionControlsSet,
)
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["MineAct", "decide"]

MineAct: TypeAlias = RegisterMine | LifeAct


def decide(asked: Asked[MineAct], state: Mine | None) -> list[Recorded]:
    """Return what the act brings about: nothing when it was done already.

    Raises
    ------
    NotFound
        ``acts.unknown``.
    Conflict
        ``acts.exists``; what ``check_allowed`` refuses; ``mines.merged_elsewhere``, ``mines.no_merger``,
        ``mines.no_improvement``.
    BadInput
        ``acts.blank``, ``mines.no_evidence``, ``mines.no_document``, ``mines.basis_unknown``,
        ``mines.basis_missing``, ``mines.deadline_past``, ``mines.since_future``, ``mines.policy_dates``.
    """
    command = asked.command
    check_said(by=command.by)
    stamp = {"on": asked.on, "at": asked.at, "by": command.by}
    if isinstance(command, RegisterMine):
        return _register(command, state, asked.on, stamp)
    if state is None:
        mine_id = command.mine.id if isinstance(command, AmendMine) else command.mine_id
        raise NotFound("acts.unknown", field="mine_id", record=f"mine {mine_id}")
    if _done(command, state, asked.on):
        return []
    check_allowed(command, state)
    return [_act(command, state, asked.on, stamp)]


def _register(act: RegisterMine, state: Mine | None, on: date, stamp: dict[str, Any]) -> list[Recorded]:
    check_said(name=act.mine.name, county=act.mine.county)
    entry = act.suspension
    if state is not None:
        kept = state.suspension
        if state.description == act.mine and (
            entry is None or (kept is not None and (kept.reason, kept.since) == (entry.reason, entry.since or on))
        ):
            return []
        raise Conflict("acts.exists", field="mine.id", record=f"mine {act.mine.id}")
    registered: list[Recorded] = [MineRegistered(mine=act.mine, **stamp)]
    if entry is not None:
        _check_since(entry.since, on, entry.reason)
        registered.append(MineSuspended(**entry.model_dump(), **stamp))
    return registered


def _check_since(since: date | None, on: date, reason: str) -> None:
    check_said(reason=reason)
    if since is not None and since > on:
        raise BadInput("mines.since_future", field="since", since=since.isoformat(), on=on.isoformat())


def _act(command: LifeAct, state: Mine, on: date, stamp: dict[str, Any]) -> Recorded:
    """Return the event of an act that the mine's status allows."""
    match command:
        case AmendMine():
            check_said(name=command.mine.name, county=command.mine.county)
            return MineAmended(mine=command.mine, **stamp)
        case SuspendMine():
            _check_since(command.since, on, command.reason)
            told = command.model_dump(include={"reason", "since", "document", "controls"})
            return MineSuspended(**told, **stamp)
        case SetSuspensionControls():
            return SuspensionControlsSet(controls=command.controls, **stamp)
        case LogPatrol():
            check_said(found=command.found)
            return PatrolLogged(found=command.found, in_order=command.in_order, **stamp)
        case ResumeMine():
            check_evidence((command.approval,), "approval")
            return MineResumed(approval=command.approval, **stamp)
        case PlanClosureKnowing():
            return ClosurePlanned(plan=_plan(command, state.closure, on), **stamp)
        case CloseMineKnowing():
            check_evidence(command.evidence)
            return MineClosed(basis=_basis(command, state), evidence=command.evidence, **stamp)
        case PlanPhaseOutKnowing():
            return PhaseOutPlanned(plan=_plan(command, state.phase_out, on), **stamp)
        case CompletePhaseOut():
            check_evidence(command.evidence)
            return MinePhasedOut(evidence=command.evidence, **stamp)
        case JoinMerger() | LeaveMerger() | BeMerged() | Absorb():
            return _merge(command, state, stamp)
        case PlanImprovement():
            check_deadline(command.deadline, on, command.responsible)
            check_said(**{f"measures.{place}": text for place, text in enumerate(command.measures)})
            return ImprovementPlanned(plan=_improvement(command), **stamp)
        case CompleteImprovement():
            if state.improvement is None or state.improvement.completed_on is not None:
                raise Conflict("mines.no_improvement", field="mine_id", mine=state.id)
            check_evidence(command.evidence)
            return ImprovementCompleted(evidence=command.evidence, **stamp)
        case SetPolicy():
            policy = command.policy
            check_said(target=policy.target, owner=policy.owner)
            if policy.due < policy.start:
                dates = {"start": policy.start.isoformat(), "due": policy.due.isoformat()}
                raise BadInput("mines.policy_dates", field="policy.due", **dates)
            return PolicySet(policy=policy, **stamp)
        case _:
            assert_never(command)


def _done(command: LifeAct, state: Mine, on: date) -> bool:
    """Tell whether the record says already what the act would make it say."""
    suspension = state.suspension
    match command:
        case AmendMine():
            return state.description == command.mine
        case SuspendMine():
            if state.status is not MineStatus.SUSPENDED or suspension is None:
                return False
            kept = (suspension.since, suspension.reason, suspension.document, suspension.controls)
            since = suspension.since if command.since is None else command.since
            return kept == (since, command.reason, command.document, command.controls)
        case SetSuspensionControls():
            return suspension is not None and suspension.controls == command.controls
        case LogPatrol():
            told = (on, command.by, command.found, command.in_order)
            patrols = () if suspension is None else suspension.patrols
            return any((each.on, each.by, each.found, each.in_order) == told for each in patrols)
        case ResumeMine():
            return state.status is MineStatus.OPERATING and state.resumed_by == command.approval
        case PlanClosureKnowing():
            return _same(command, state.closure, on)
        case PlanPhaseOutKnowing():
            return _same(command, state.phase_out, on)
        case CloseMineKnowing():
            basis = state.closed_on_basis if command.basis is None else command.basis
            same = (state.closed_on_basis, state.evidence) == (basis, command.evidence)
            return state.status is MineStatus.CLOSED and same
        case CompletePhaseOut():
            return state.status is MineStatus.PHASED_OUT and state.evidence == command.evidence
        case JoinMerger():
            return state.merger == command.merger
        case LeaveMerger() | BeMerged() | Absorb():
            return False  # the merger's own record knows what was done
        case PlanImprovement():
            return state.improvement == _improvement(command)
        case CompleteImprovement():
            better = state.improvement
            return better is not None and better.completed_on is not None and better.evidence == command.evidence
        case SetPolicy():
            return state.policy == command.policy
        case _:
            assert_never(command)


def _plan(act: PlanClosureKnowing | PlanPhaseOutKnowing, known: ClosurePlan | None, on: date) -> ClosurePlan:
    check_basis(act.basis, act.codes)
    check_deadline(act.deadline, on, act.responsible)
    return _planned(act, known, on)


def _planned(act: PlanClosureKnowing | PlanPhaseOutKnowing, known: ClosurePlan | None, on: date) -> ClosurePlan:
    # A deadline that moves leaves the day since which the mine's end has been planned.
    first = on if known is None else known.planned_on
    return ClosurePlan(planned_on=first, **act.model_dump(include={"basis", "deadline", "responsible", "document"}))


def _same(act: PlanClosureKnowing | PlanPhaseOutKnowing, known: ClosurePlan | None, on: date) -> bool:
    return known is not None and known == _planned(act, known, on)


def _basis(act: CloseMineKnowing, state: Mine) -> str:
    planned = None if state.closure is None else state.closure.basis
    basis = planned if act.basis is None else act.basis
    if basis is None:
        raise BadInput("mines.basis_missing", field="basis", mine=state.id, known=list(act.codes))
    if act.basis is not None:  # the planned one was judged by the list of its day
        check_basis(basis, act.codes)
    return basis


def _improvement(act: PlanImprovement) -> ImprovementPlan:
    return ImprovementPlan(measures=act.measures, deadline=act.deadline, responsible=act.responsible)


def _merge(act: JoinMerger | LeaveMerger | BeMerged | Absorb, state: Mine, stamp: dict[str, Any]) -> Recorded:
    joined = None if state.merger is None or not in_planned_merger(state) else state.merger.merger_id
    if isinstance(act, JoinMerger):
        if joined not in (None, act.merger.merger_id):
            raise Conflict("mines.merged_elsewhere", field="members", mine=state.id, merger=joined)
        return MergerPlanned(merger=act.merger, **stamp)
    if joined != act.merger_id:
        raise Conflict("mines.no_merger", field="merger_id", mine=state.id, merger=act.merger_id)
    match act:
        case LeaveMerger():
            return MergerWithdrawn(merger_id=act.merger_id, reason=act.reason, **stamp)
        case BeMerged():
            return MineMerged(merger_id=act.merger_id, into=act.into, evidence=act.evidence, **stamp)
        case Absorb():
            return MineAbsorbed(merger_id=act.merger_id, members=act.members, evidence=act.evidence, **stamp)
        case _:
            assert_never(act)
