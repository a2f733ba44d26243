"""Which act a mine's status allows, and what every act must bring along.

The heart of it: closure by law 依法关闭 is never downgraded. No act leads a mine that is to close, or has closed, back
to suspension or operation, and none turns a plan to close into something softer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, TypeAlias

from pydantic import Field

from services.registry.domain.texts import check_said
from shared.contracts.acts import Act
from shared.contracts.base import Identifier
from shared.contracts.mines import (
    GONE,
    AmendMine,
    CloseMine,
    CompleteImprovement,
    CompletePhaseOut,
    DocumentRef,
    LogPatrol,
    Mine,
    MineMerger,
    MineStatus,
    PlanClosure,
    PlanImprovement,
    PlanPhaseOut,
    ResumeMine,
    SetPolicy,
    SetSuspensionControls,
    SuspendMine,
)
from shared.names import is_blank
from shared.problems import BadInput, Conflict

__all__ = [
    "ALLOWED",
    "Absorb",
    "BeMerged",
    "CloseMineKnowing",
    "JoinMerger",
    "LeaveMerger",
    "LifeAct",
    "PlanClosureKnowing",
    "PlanPhaseOutKnowing",
    "check_allowed",
    "check_basis",
    "check_deadline",
    "check_evidence",
    "in_planned_merger",
    "status_words",
]


class PlanClosureKnowing(PlanClosure):
    """A plan to close, with the codes of the configured situations that require closure by law."""

    codes: tuple[str, ...] = ()


class CloseMineKnowing(CloseMine):
    """A closing, with the codes of the configured situations that require closure by law."""

    codes: tuple[str, ...] = ()


class PlanPhaseOutKnowing(PlanPhaseOut):
    """A plan to phase out, with the codes of the configured situations that call for it."""

    codes: tuple[str, ...] = ()


class JoinMerger(Act):
    """Take part in a merger: one mine's share of ``PlanMerger``."""

    command_name: ClassVar[str] = "registry.join_merger"
    mine_id: Identifier
    merger: MineMerger


class LeaveMerger(Act):
    """Take part no longer: one mine's share of ``WithdrawMerger``."""

    command_name: ClassVar[str] = "registry.leave_merger"
    mine_id: Identifier
    merger_id: Identifier
    reason: str


class BeMerged(Act):
    """Become part of another mine: a vanishing mine's share of ``CompleteMerger``."""

    command_name: ClassVar[str] = "registry.be_merged"
    mine_id: Identifier
    merger_id: Identifier
    into: Identifier
    evidence: tuple[DocumentRef, ...]


class Absorb(Act):
    """Take other mines in: the remaining mine's share of ``CompleteMerger``."""

    command_name: ClassVar[str] = "registry.absorb"
    mine_id: Identifier
    merger_id: Identifier
    members: tuple[Identifier, ...] = Field(min_length=1)
    evidence: tuple[DocumentRef, ...]


LifeAct: TypeAlias = (
    AmendMine
    | SuspendMine
    | SetSuspensionControls
    | LogPatrol
    | ResumeMine
    | PlanClosureKnowing
    | CloseMineKnowing
    | PlanPhaseOutKnowing
    | CompletePhaseOut
    | JoinMerger
    | LeaveMerger
    | BeMerged
    | Absorb
    | PlanImprovement
    | CompleteImprovement
    | SetPolicy
)
"""What may be asked of a registered mine; registering is told apart, for it finds none."""

_O, _S, _C, _P = MineStatus.OPERATING, MineStatus.SUSPENDED, MineStatus.CLOSING, MineStatus.PHASING_OUT
_STAYING = frozenset({_O, _S})
_COUNTED = frozenset({_O, _S, _C, _P})

ALLOWED: Mapping[type[Act], frozenset[MineStatus]] = {
    AmendMine: frozenset(MineStatus),  # a wrong name is put right whatever became of the mine
    SuspendMine: frozenset({_O}),
    # A mine that stood suspended when its end was planned stays under its controls until it is gone.
    SetSuspensionControls: frozenset({_S, _C, _P}),
    LogPatrol: frozenset({_S, _C, _P}),
    ResumeMine: frozenset({_S}),
    PlanClosureKnowing: _COUNTED,  # of a mine being phased out too: closure by law is the stricter
    CloseMineKnowing: _COUNTED,
    PlanPhaseOutKnowing: frozenset({_O, _S, _P}),
    CompletePhaseOut: frozenset({_P}),
    JoinMerger: _STAYING,
    LeaveMerger: _STAYING,
    BeMerged: _STAYING,
    Absorb: _STAYING,
    PlanImprovement: _STAYING,
    CompleteImprovement: _STAYING,
    SetPolicy: _COUNTED,
}
"""Act → statuses in which it may be done; everything else is refused."""

_ENDING = (PlanClosureKnowing, CloseMineKnowing, PlanPhaseOutKnowing, CompletePhaseOut)
_UNDER_SUSPENSION = (SetSuspensionControls, LogPatrol)


def status_words(status: MineStatus) -> list[str]:
    """Return a status as a refusal's parameter: said in the reader's words."""
    return [f"ledger.mine_status_{status.value}"]


def in_planned_merger(mine: Mine) -> bool:
    """Tell whether a mine takes part in a merger that is still to be carried out."""
    if mine.merger is None or mine.status is MineStatus.MERGED:
        return False
    return not {*mine.merger.members} <= {*mine.absorbed, mine.id}


def check_allowed(act: LifeAct, mine: Mine) -> None:
    """Refuse what the mine's status does not allow, with the reason and the way out.

    Raises
    ------
    Conflict
        ``mines.never_suspended``: the mine is to close or gone, and suspension would be a downgrade;
        ``mines.never_back``: its planned end is never taken back; ``mines.gone``; ``mines.suspended_already``;
        ``mines.not_suspended``; ``mines.not_phasing_out``; ``mines.leaving``: only mines that stay are merged or
        improved; ``mines.in_merger``.
    """
    told: dict[str, Any] = {"field": "mine_id", "mine": mine.id, "status": status_words(mine.status)}
    if mine.status not in ALLOWED[type(act)]:
        match act:
            case SuspendMine() if mine.status is _S:
                raise Conflict("mines.suspended_already", **told)
            case SuspendMine():
                raise Conflict("mines.never_suspended", **told)
            case _ if mine.status in GONE:
                raise Conflict("mines.gone", **told)
            case CompletePhaseOut() if mine.status in _STAYING:
                raise Conflict("mines.not_phasing_out", **told)
            case ResumeMine() if mine.status is _O:
                raise Conflict("mines.not_suspended", **told)
            case SetSuspensionControls() | LogPatrol():
                raise Conflict("mines.not_suspended", **told)
            case ResumeMine() | PlanPhaseOutKnowing() | CompletePhaseOut():
                raise Conflict("mines.never_back", **told)
            case _:
                raise Conflict("mines.leaving", **told)
    if isinstance(act, _UNDER_SUSPENSION) and mine.suspension is None:
        raise Conflict("mines.not_suspended", **told)
    if isinstance(act, _ENDING) and in_planned_merger(mine):
        assert mine.merger is not None, "a mine in a merger has one"
        raise Conflict("mines.in_merger", **told, merger=mine.merger.merger_id)


def check_evidence(evidence: Sequence[DocumentRef], field: str = "evidence") -> None:
    """Refuse an end without anything that shows it, and documents that nobody could find.

    Raises
    ------
    BadInput
        ``mines.no_evidence``, ``mines.no_document``, ``mines.no_digest``.
    """
    if not evidence:
        raise BadInput("mines.no_evidence", field=field)
    for document in evidence:
        if document.sha256 is not None and not document.sha256.strip("0"):
            raise BadInput("mines.no_digest", field=field)
        if document.sha256 is None and is_blank(document.number + document.title):
            raise BadInput("mines.no_document", field=field)


def check_basis(basis: str, codes: Sequence[str]) -> None:
    """Refuse a basis that is not one of the configured situations.

    Raises
    ------
    BadInput
        ``mines.basis_unknown``; its parameters hold the codes there are.
    """
    if basis not in codes:
        raise BadInput("mines.basis_unknown", field="basis", basis=basis, known=list(codes))


def check_deadline(deadline: date, on: date, responsible: str) -> None:
    """Refuse a deadline before the day of the plan, and a responsible person without a name.

    Raises
    ------
    BadInput
        ``mines.deadline_past``, ``acts.blank``.
    """
    check_said(responsible=responsible)
    if deadline < on:
        raise BadInput("mines.deadline_past", field="deadline", deadline=deadline.isoformat(), on=on.isoformat())
