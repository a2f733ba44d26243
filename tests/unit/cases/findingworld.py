"""A finding by its commands: the acts of one whole life, and a fold that runs them as the service does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.cases.domain.finding import FindingAct, decide
from services.cases.domain.finding_life import evolve
from shared.contracts.acts import Asked, Recorded
from shared.contracts.cases import (
    AssignFinding,
    CloseOutFinding,
    EvidenceRef,
    Finding,
    FindingState,
    HoldLookBack,
    RaiseFinding,
    Reinspect,
    ReportProgress,
    Subject,
    SubjectKind,
    SubmitRectification,
)

DAY = date(2023, 2, 7)
AT = datetime(2026, 1, 5, tzinfo=UTC)
POND = Subject(kind=SubjectKind.POND, id="xiakou", name="下口尾矿库")
EVIDENCE = EvidenceRef(sha256="a" * 64, title="验收照片")
MEASURES = ("聘请设计单位", "编制闭库设计")

RAISE = RaiseFinding(
    finding_id="f1", title="停用超三年未闭库", quote="停用时间超过3年的尾矿库仍未完成闭库治理并销号",
    subjects=(POND,), county="平山县", by="王工",
)  # fmt: skip
ASSIGN = AssignFinding(
    finding_id="f1", target="完成闭库并销号", responsible_unit="平山县政府", person="张三",
    deadline=DAY + timedelta(days=300), measures=MEASURES, by="王工",
)  # fmt: skip
PROGRESS = ReportProgress(finding_id="f1", text="正在聘请设计单位", by="李四")
SUBMIT = SubmitRectification(finding_id="f1", text="闭库完成", evidence=(EVIDENCE,), by="李四")
PASS = Reinspect(finding_id="f1", passed=True, by="赵六")
RETURN = Reinspect(finding_id="f1", passed=False, reason="坝面排水不畅", by="赵六")
CLOSE_OUT = CloseOutFinding(finding_id="f1", by="钱七")
RELAPSE = HoldLookBack(finding_id="f1", holds=False, note="又积水", by="赵六")

LIFE: dict[FindingState, tuple[FindingAct, ...]] = {
    FindingState.FOUND: (RAISE,),
    FindingState.ASSIGNED: (RAISE, ASSIGN),
    FindingState.RECTIFYING: (RAISE, ASSIGN, PROGRESS),
    FindingState.SUBMITTED: (RAISE, ASSIGN, PROGRESS, SUBMIT),
    FindingState.PASSED: (RAISE, ASSIGN, PROGRESS, SUBMIT, PASS),
    FindingState.CLOSED_OUT: (RAISE, ASSIGN, PROGRESS, SUBMIT, PASS, CLOSE_OUT),
}
"""The straight way to each state."""


def act(state: Finding | None, command: FindingAct, on: date = DAY) -> list[Recorded]:
    """Return what a command brings about on a day."""
    return decide(Asked(command, AT, on), state)


def fold(state: Finding | None, events: Iterable[Recorded]) -> Finding | None:
    for event in events:
        state = evolve(state, event)  # type: ignore[arg-type]  # decide gives events of findings only
    return state


def live(*commands: FindingAct, state: Finding | None = None) -> Finding:
    """Return the finding after *commands*, a day each, each of which must change something."""
    for number, command in enumerate(commands):
        on = (DAY if state is None else state.last_on) + timedelta(days=min(number, 1))
        events = act(state, command, on)
        assert events, command
        state = fold(state, events)
    assert state is not None
    return state


def at(state: FindingState) -> Finding:
    return live(*LIFE[state])


def but(command: FindingAct, **change: Any) -> Any:
    """Return a command with some fields changed, validated anew."""
    return type(command).model_validate({**command.model_dump(), **change})
