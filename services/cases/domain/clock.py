"""What clocks have said of a finding: each stage of each deadline once, whoever notices it and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, assert_never

from services.cases.domain.deadlines import Stage, StageKind
from shared.contracts.acts import Asked, Recorded
from shared.contracts.cases import Finding
from shared.contracts.deadlines import (
    ClockRecord,
    ClosureNote,
    ClosureOverdueNoted,
    DeadlineEscalated,
    DeadlineOverdue,
    DeadlineReminded,
    LookBackDue,
    StagePassed,
    SupervisionLevel,
)

__all__ = ["CLOCK", "ClockEvent", "NoteClosure", "NoticeStages", "decide", "evolve"]

CLOCK = "clock"
"""Who says what nobody but the clock has done."""

ClockEvent = DeadlineReminded | DeadlineOverdue | DeadlineEscalated | LookBackDue | ClosureOverdueNoted


@dataclass(frozen=True, slots=True)
class NoticeStages:
    """These stages of a finding have fallen due, in order; those that were said already are said no more."""

    finding: Finding
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class NoteClosure:
    """The register says that the closure of a pond that a finding is about is overdue."""

    finding_id: str
    note: ClosureNote


def decide(asked: Asked[Any], state: ClockRecord | None) -> Sequence[Recorded]:
    """Return what is to be said; nothing when it was said before."""
    noticed: NoticeStages | NoteClosure = asked.command
    match noticed:
        case NoticeStages(finding, stages):
            return _notice(asked.at, finding, stages, state)
        case NoteClosure(finding_id, note):
            if state is not None and note in state.notes:
                return []
            on = asked.on if state is None else max(asked.on, state.last_on)
            return [
                ClosureOverdueNoted(
                    on=on, at=asked.at, by=CLOCK, finding_id=finding_id, pond_id=note.pond_id,
                    closure_stage=note.closure_stage, due_on=note.due_on, out_of_use_since=note.out_of_use_since,
                )
            ]  # fmt: skip
        case _:
            assert_never(noticed)


def _notice(at: object, finding: Finding, stages: tuple[Stage, ...], state: ClockRecord | None) -> list[Recorded]:
    said = set() if state is None else {(passed.deadline, passed.stage) for passed in state.passed}
    on = date.min if state is None else state.last_on
    latest = {stage.deadline: stage.key for stage in stages}
    events: list[Recorded] = []
    for stage in stages:
        if stage.key in said:
            continue
        # The record's days never go back: a deadline entered late may leave a stage behind what was said already.
        on = max(on, stage.due_on)
        particulars = {
            "finding_id": finding.id,
            "stage": stage.name,
            "due_on": stage.due_on,
            "deadline": stage.deadline,
            "official_calendar": stage.official,
            "superseded": latest[stage.deadline] != stage.key,
            "title": finding.title,
            "county": finding.county,
            "responsible_unit": "" if finding.assignment is None else finding.assignment.responsible_unit,
            "person": "" if finding.assignment is None else finding.assignment.person,
            "on": on,
            "at": at,
            "by": CLOCK,
        }
        events.append(_event(stage, particulars))
    return events


def _event(stage: Stage, particulars: dict[str, object]) -> Recorded:
    match stage.kind:
        case StageKind.REMINDER:
            return DeadlineReminded.model_validate({**particulars, "working_days": stage.working_days})
        case StageKind.OVERDUE:
            return DeadlineOverdue.model_validate(particulars)
        case StageKind.ESCALATION:
            more = {"working_days": stage.working_days, "level": stage.level or SupervisionLevel.COUNTY}
            return DeadlineEscalated.model_validate({**particulars, **more})
        case StageKind.LOOK_BACK:
            return LookBackDue.model_validate(particulars)
        case _:
            assert_never(stage.kind)


def evolve(state: ClockRecord | None, event: ClockEvent) -> ClockRecord:
    """Return what has been said after *event*."""
    known = ClockRecord(id=event.finding_id, last_on=event.on) if state is None else state
    match event:
        case ClosureOverdueNoted():
            note = ClosureNote(
                pond_id=event.pond_id, closure_stage=event.closure_stage, due_on=event.due_on,
                out_of_use_since=event.out_of_use_since,
            )  # fmt: skip
            return known.model_copy(update={"notes": (*known.notes, note), "last_on": event.on})
        case DeadlineReminded() | DeadlineOverdue() | DeadlineEscalated() | LookBackDue():
            level = event.level if isinstance(event, DeadlineEscalated) else None
            passed = StagePassed(deadline=event.deadline, stage=event.stage, due_on=event.due_on, level=level)
            return known.model_copy(update={"passed": (*known.passed, passed), "last_on": event.on})
        case _:
            assert_never(event)
