"""What other services' events mean to the cases: subjects to know, an overdue closure, an incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from shared.contracts.base import Event
from shared.contracts.cases import FindingSource, RaiseFinding, Subject, SubjectKind
from shared.contracts.levels import LevelName
from shared.contracts.mines import (
    ClosurePlanned,
    MineAmended,
    MineClosed,
    MineMerged,
    MinePhasedOut,
    MineRegistered,
    MineResumed,
    MineStatus,
    MineSuspended,
    PhaseOutPlanned,
)
from shared.contracts.monitor import WarningEscalated, WarningRaised
from shared.contracts.pondfiles import (
    ClosureOverdue,
    ClosureStarted,
    ClosureStep,
    ClosureStepRecorded,
    PondFactsSet,
    PondUse,
    PondUseChanged,
    StepState,
)
from shared.contracts.registry import PondAmended, PondRegistered
from shared.contracts.synthetic import is_synthetic

__all__ = ["GRAVE", "Known", "closure_finding", "closure_finding_id", "incident_id", "known", "opens_incident"]

GRAVE = frozenset({LevelName.ORANGE, LevelName.RED})
"""Levels of a warning that open an incident."""

_STATUS: dict[type[Event], MineStatus] = {
    MineSuspended: MineStatus.SUSPENDED,
    MineResumed: MineStatus.OPERATING,
    ClosurePlanned: MineStatus.CLOSING,
    MineClosed: MineStatus.CLOSED,
    PhaseOutPlanned: MineStatus.PHASING_OUT,
    MinePhasedOut: MineStatus.PHASED_OUT,
    MineMerged: MineStatus.MERGED,
}


@dataclass(frozen=True, slots=True)
class Known:
    """What an event of the register tells of a mine or pond; what it does not tell is None."""

    kind: SubjectKind
    id: str
    name: str | None = None
    county: str | None = None
    tag: str | None = None
    """Its state in the register's words."""


def known(event: Event, subject: str) -> Known | None:
    """Return what *event* (about the aggregate *subject*) tells of a mine or pond, or None."""
    match event:
        case MineRegistered(mine=mine):
            return Known(SubjectKind.MINE, mine.id, mine.name, mine.county, MineStatus.OPERATING.value)
        case MineAmended(mine=mine):
            return Known(SubjectKind.MINE, mine.id, mine.name, mine.county)
        case PondRegistered(pond=pond) | PondAmended(pond=pond) if is_synthetic(pond.id):
            return None
        case PondRegistered(pond=pond) | PondAmended(pond=pond):
            return Known(SubjectKind.POND, pond.id, pond.name, pond.county)
        case PondFactsSet():
            return Known(SubjectKind.POND, event.pond_id, event.name, event.county)
        case PondUseChanged():
            return Known(SubjectKind.POND, event.pond_id, tag=event.use.value)
        case ClosureStarted():
            return Known(SubjectKind.POND, event.pond_id, tag=PondUse.CLOSING.value)
        case ClosureStepRecorded(record=record) if record.state is StepState.DONE:
            use = {ClosureStep.ACCEPTANCE: PondUse.CLOSED, ClosureStep.DEREGISTRATION: PondUse.DEREGISTERED}
            done = use.get(record.step)
            return None if done is None else Known(SubjectKind.POND, event.pond_id, tag=done.value)
        case _:
            status = _STATUS.get(type(event))
            return None if status is None else Known(SubjectKind.MINE, subject, tag=status.value)


def closure_finding_id(pond_id: str, term: int, out_of_use_since: date) -> str:
    """Return the id of the finding that an overdue closure opens: one for a pond and its time out of use.

    The term names it and not the day, which may be corrected; the day where terms were not counted yet (0).

    >>> closure_finding_id("xiakou", 1, date(2019, 5, 1)), closure_finding_id("xiakou", 0, date(2019, 5, 1))
    ('closure-xiakou-1', 'closure-xiakou-20190501')
    """
    return _identifier(f"closure-{pond_id}-{term or out_of_use_since.strftime('%Y%m%d')}")


def closure_finding(event: ClosureOverdue, county: str, by: str) -> RaiseFinding:
    """Return the finding that an overdue closure opens, in the words of the letter that criticised it."""
    since = f"{event.out_of_use_since:%Y-%m-%d}"
    name = event.name or event.pond_id
    return RaiseFinding(
        finding_id=closure_finding_id(event.pond_id, event.term, event.out_of_use_since),
        title=f"{name}停用超过3年未完成闭库治理并销号",
        quote=f"台账显示：{name}自{since}起停用，至{event.due_on:%Y-%m-%d}已超过规定期限，仍未完成闭库治理并销号。",
        source=FindingSource.CLOSURE_OVERDUE,
        subjects=(Subject(kind=SubjectKind.POND, id=event.pond_id, name=name),),
        county=county,
        found_on=event.on,
        by=by,
        on=event.on,
    )


def opens_incident(event: Event) -> WarningRaised | WarningEscalated | None:
    """Return *event* when it is a warning grave enough for an incident, else None."""
    if isinstance(event, WarningRaised | WarningEscalated) and event.level in GRAVE and not is_synthetic(event.pond_id):
        return event
    return None


def incident_id(warning_id: str) -> str:
    """Return the id of a warning's incident.

    >>> incident_id("xiakou-20230729-1")
    'incident-xiakou-20230729-1'
    """
    return _identifier(f"incident-{warning_id}")


def _identifier(text: str) -> str:
    """Cut a text that is too long for an id, with its hash for the part that is lost."""
    return text if len(text) <= 64 else f"{text[:51]}-{sha256(text.encode()).hexdigest()[:12]}"
