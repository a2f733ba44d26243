"""A case's life: opened by a person or a warning, noted, (a typical case) published, closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from services.cases.domain.names import blank, same_person, signed
from shared.contracts.acts import Asked, Recorded
from shared.contracts.cases import Subject
from shared.contracts.casework import (
    CaseFile,
    CaseFileClosed,
    CaseFileNoted,
    CaseFileOpened,
    CaseFilePublished,
    CaseKind,
    CaseNote,
    CloseCaseFile,
    FrozenWarning,
    IncidentEscalated,
    NoteCaseFile,
    OpenCaseFile,
    Publication,
    PublishCaseFile,
)
from shared.contracts.levels import Level
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["CaseFileAct", "CaseFileEvent", "HearWarning", "decide", "evolve"]

CaseFileAct = OpenCaseFile | NoteCaseFile | PublishCaseFile | CloseCaseFile
CaseFileEvent = CaseFileOpened | IncidentEscalated | CaseFileNoted | CaseFilePublished | CaseFileClosed


@dataclass(frozen=True, slots=True)
class HearWarning:
    """An orange or red warning was raised or stepped up."""

    casefile_id: str
    title: str
    county: str
    subjects: tuple[Subject, ...]
    frozen: FrozenWarning
    by: str


def decide(asked: Asked[Any], state: CaseFile | None) -> Sequence[Recorded]:
    """Return what an act (``CaseFileAct``), or a warning (``HearWarning``), does to a case.

    Raises
    ------
    NotFound
        ``acts.unknown``.
    Conflict
        ``acts.exists``, ``casework.closed``, ``casework.same_person``.
    BadInput
        ``acts.blank``, ``casework.parties``, ``casework.not_typical``, ``casework.no_evidence``,
        ``casework.no_second``.
    """
    command: CaseFileAct | HearWarning = asked.command
    at, on = asked.at, asked.on
    if isinstance(command, HearWarning):
        return _hear(asked, command, state)
    signed(by=command.by)
    if isinstance(command, OpenCaseFile):
        return _open(asked, command, state)
    if state is None:
        raise NotFound("acts.unknown", field="casefile_id", record=f"casefile {command.casefile_id}")
    case_id, by = command.casefile_id, command.by
    match command:
        case NoteCaseFile(text=text, evidence=evidence):
            if CaseNote(on=on, by=by, text=text, evidence=evidence) in state.notes:
                return []
            _still_open(state)
            return [CaseFileNoted(on=on, at=at, by=by, casefile_id=case_id, text=text, evidence=evidence)]
        case PublishCaseFile(medium=medium, address=address):
            if Publication(on=on, by=by, medium=medium, address=address) in state.publications:
                return []
            if state.case_kind is not CaseKind.TYPICAL_CASE:
                raise BadInput("casework.not_typical", field="casefile_id", case=case_id)
            _still_open(state)
            return [CaseFilePublished(on=on, at=at, by=by, casefile_id=case_id, medium=medium, address=address)]
        case CloseCaseFile():
            return _close(asked, command, state)
        case _:
            assert_never(command)


def _open(asked: Asked[Any], command: OpenCaseFile, state: CaseFile | None) -> Sequence[Recorded]:
    opened = CaseFileOpened(
        on=asked.on, at=asked.at, by=command.by, casefile_id=command.casefile_id, case_kind=command.case_kind,
        title=command.title, county=command.county, subjects=command.subjects, parties=command.parties,
        finding_ids=command.finding_ids,
    )  # fmt: skip
    if state is not None:
        same = ("case_kind", "title", "county", "subjects", "parties", "finding_ids")
        if all(getattr(state, name) == getattr(opened, name) for name in same):
            return []
        raise Conflict("acts.exists", field="casefile_id", record=f"casefile {command.casefile_id}")
    if command.case_kind is CaseKind.JOINT_ENFORCEMENT and len(set(command.parties)) < 2:
        raise BadInput("casework.parties", field="parties")
    return [opened]


def _close(asked: Asked[Any], command: CloseCaseFile, state: CaseFile) -> Sequence[Recorded]:
    second = None if blank(command.confirmed_by) else command.confirmed_by.strip()
    if state.closed_on is not None:
        if (state.closed_by, state.conclusion, state.confirmed_by) == (command.by, command.conclusion, second):
            return []
        _still_open(state)
    if not command.evidence:
        raise BadInput("casework.no_evidence", field="evidence", case=state.id)
    if state.case_kind is CaseKind.INCIDENT and second is None:
        raise BadInput("casework.no_second", field="confirmed_by", case=state.id)
    if second is not None:
        signed(confirmed_by=second)
    if second is not None and same_person(second, [command.by]):
        raise Conflict("casework.same_person", field="confirmed_by", name=second)
    return [
        CaseFileClosed(
            on=asked.on, at=asked.at, by=command.by, casefile_id=state.id, conclusion=command.conclusion,
            evidence=command.evidence, confirmed_by=second,
        )
    ]  # fmt: skip


def _still_open(state: CaseFile) -> None:
    if state.closed_on is not None:
        raise Conflict("casework.closed", field="casefile_id", case=state.id, on=state.closed_on.isoformat())


def _hear(asked: Asked[Any], heard: HearWarning, state: CaseFile | None) -> Sequence[Recorded]:
    if state is None:
        return [
            CaseFileOpened(
                on=asked.on, at=asked.at, by=heard.by, casefile_id=heard.casefile_id, case_kind=CaseKind.INCIDENT,
                title=heard.title, county=heard.county, subjects=heard.subjects, frozen=heard.frozen,
            )
        ]  # fmt: skip
    if any(known.event_id == heard.frozen.event_id for known in state.frozen):
        return []
    # Also on a closed incident: what the monitor said stays on its record, whoever thought it was over.
    on = max(asked.on, state.last_on)
    return [IncidentEscalated(on=on, at=asked.at, by=heard.by, casefile_id=state.id, frozen=heard.frozen)]


def evolve(state: CaseFile | None, event: CaseFileEvent) -> CaseFile:
    """Return the case after *event*."""
    if isinstance(event, CaseFileOpened):
        frozen = event.frozen
        return CaseFile(
            id=event.casefile_id, last_on=event.on, case_kind=event.case_kind, title=event.title, county=event.county,
            subjects=event.subjects, parties=event.parties, finding_ids=event.finding_ids, opened_on=event.on,
            opened_by=event.by, warning_id=None if frozen is None else frozen.warning_id,
            level=None if frozen is None else frozen.level, frozen=() if frozen is None else (frozen,),
        )  # fmt: skip
    assert state is not None, "a case's life begins with its opening"
    match event:
        case IncidentEscalated(frozen=frozen):
            level = max(Level.of(state.level), Level.of(frozen.level)).label
            change: dict[str, Any] = {"frozen": (*state.frozen, frozen), "level": level}
        case CaseFileNoted():
            note = CaseNote(on=event.on, by=event.by, text=event.text, evidence=event.evidence)
            change = {"notes": (*state.notes, note)}
        case CaseFilePublished():
            public = Publication(on=event.on, by=event.by, medium=event.medium, address=event.address)
            change = {"publications": (*state.publications, public)}
        case CaseFileClosed():
            change = {
                "closed_on": event.on,
                "closed_by": event.by,
                "confirmed_by": event.confirmed_by,
                "conclusion": event.conclusion,
                "evidence": event.evidence,
            }
        case _:
            assert_never(event)
    return state.model_copy(update={**change, "last_on": event.on})
