"""Whatever is asked of a finding, in whatever order: no way to closed-out without evidence and a second person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.cases.domain.finding import CloseOutKnowing, FindingAct
from shared.contracts.acts import Recorded
from shared.contracts.cases import (
    AssignFinding,
    EvidenceRef,
    ExtendDeadline,
    Finding,
    FindingState,
    HoldLookBack,
    Reinspect,
    ReportProgress,
    ScheduleLookBack,
    SubmitRectification,
)
from shared.problems import Refusal
from tests.prove import examples
from tests.unit.cases.findingworld import DAY, RAISE, act, fold

# Each person signs in several ways: the machine knows who signed, the domain only what was signed.
SIGNATURES = {
    "zhang": ("张三", "张 三", "张\u3000三"),
    "lei": ("Li Lei", "ｌｉ lei", "LILEI"),
    "wang": ("王五", "王\u200b五", " 王五"),
    "zhao": ("赵六", "赵六 ", "赵 六"),
}
signed = st.sampled_from(sorted(SIGNATURES)).flatmap(
    lambda who: st.tuples(st.just(who), st.sampled_from(SIGNATURES[who]))
)
evidence = st.sampled_from([(), (EvidenceRef(sha256="c" * 64, title="照片"),)])
days = st.integers(-3, 40)


class Desk(RuleBasedStateMachine):
    """Asks for anything, and keeps a book of its own of who did what."""

    def __init__(self) -> None:
        super().__init__()
        self.on = DAY
        self.state: Finding | None = None
        self.told: list[Recorded] = []
        self.hands: set[str] = set()
        self.submitted: tuple[EvidenceRef, ...] | None = None
        self.passed_by: str | None = None
        self.closed_by: str | None = None
        self.ask(RAISE)

    def ask(self, command: FindingAct) -> bool:
        """Do it if it is allowed; tell whether anything changed."""
        try:
            events = act(self.state, command, self.on)
        except Refusal:
            return False
        self.told += events
        self.state = fold(self.state, events)
        return bool(events)

    @rule(by=signed, proof=evidence)
    def go_on(self, by: tuple[str, str], proof: tuple[EvidenceRef, ...]) -> None:
        """The straight next step, by anybody: chance alone would seldom come far."""
        assert self.state is not None
        match self.state.state:
            case FindingState.FOUND:
                self.assign(("zhang", "张三"), by, 9, "")
            case FindingState.ASSIGNED | FindingState.RECTIFYING:
                self.submit(by, proof)
            case FindingState.SUBMITTED:
                self.reinspect(by, True)
            case _:
                self.close_out(by)

    @rule(later=st.integers(0, 5))
    def time_passes(self, later: int) -> None:
        self.on += timedelta(days=later)

    @rule(person=signed, by=signed, days=days, missing=st.sampled_from(["", "", "target", "person", "measures"]))
    def assign(self, person: tuple[str, str], by: tuple[str, str], days: int, missing: str) -> None:
        parts: dict[str, Any] = {
            "target": "闭库",
            "responsible_unit": "县政府",
            "measures": ("设计",),
            "person": person[1],
        }
        parts.pop(missing, None)
        command = AssignFinding(finding_id="f1", deadline=self.on + timedelta(days=days), by=by[1], **parts)
        if self.ask(command):
            assert not missing
            assert days >= 0
            self.hands.add(person[0])

    @rule(by=signed, text=st.sampled_from(["设计中", "施工中"]))
    def report(self, by: tuple[str, str], text: str) -> None:
        if self.ask(ReportProgress(finding_id="f1", text=text, by=by[1])):
            self.hands.add(by[0])

    @rule(by=signed, proof=evidence)
    def submit(self, by: tuple[str, str], proof: tuple[EvidenceRef, ...]) -> None:
        if self.ask(SubmitRectification(finding_id="f1", text="完成", evidence=proof, by=by[1])):
            self.hands.add(by[0])
            self.submitted, self.passed_by = proof, None

    @rule(by=signed, passed=st.booleans())
    def reinspect(self, by: tuple[str, str], passed: bool) -> None:
        if self.ask(Reinspect(finding_id="f1", passed=passed, reason="返工", by=by[1])):
            assert by[0] not in self.hands
            self.passed_by = by[0] if passed else None

    @rule(by=signed)
    def close_out(self, by: tuple[str, str]) -> None:
        if self.ask(CloseOutKnowing(finding_id="f1", by=by[1])):
            self.closed_by = by[0]

    @rule(by=signed, approver=signed, days=days)
    def extend(self, by: tuple[str, str], approver: tuple[str, str], days: int) -> None:
        command = ExtendDeadline(
            finding_id="f1", deadline=self.on + timedelta(days=days), reason="返工", approver=approver[1], by=by[1]
        )
        self.ask(command)

    @rule(by=signed, days=days)
    def schedule(self, by: tuple[str, str], days: int) -> None:
        self.ask(ScheduleLookBack(finding_id="f1", due=self.on + timedelta(days=days), by=by[1]))

    @rule(by=signed, holds=st.booleans())
    def look_back(self, by: tuple[str, str], holds: bool) -> None:
        was_closed = self.state is not None and self.state.state is FindingState.CLOSED_OUT
        if self.ask(HoldLookBack(finding_id="f1", holds=holds, note="现场查看", by=by[1])) and was_closed and not holds:
            # A relapse: what was submitted and passed before counts for nothing now.
            self.submitted = self.passed_by = self.closed_by = None

    @invariant()
    def closed_out_means_evidence_and_a_second_person(self) -> None:
        assert self.state is not None
        if self.state.state is not FindingState.CLOSED_OUT:
            return
        assert self.submitted
        assert self.passed_by is not None
        assert self.closed_by is not None
        assert self.closed_by not in self.hands
        assert self.passed_by not in self.hands
        assert self.state.look_backs

    @invariant()
    def what_was_told_replays_to_the_same_state(self) -> None:
        told = [type(event).model_validate_json(event.model_dump_json()) for event in self.told]
        assert fold(None, told) == self.state


TestFindingLife = Desk.TestCase
TestFindingLife.settings = settings(max_examples=examples(200), stateful_step_count=30, deadline=None)


def test_the_machine_can_reach_the_end() -> None:
    """The property is about something: the straight way is open to four people."""
    desk = Desk()
    desk.assign(("zhang", "张三"), ("wang", "王五"), 30, "")
    desk.report(("zhang", "张三"), "设计中")
    desk.submit(("zhang", "张三"), (EvidenceRef(sha256="c" * 64, title="照片"),))
    desk.reinspect(("zhao", "赵六"), True)
    desk.close_out(("lei", "Li Lei"))
    assert desk.state is not None
    assert desk.state.state is FindingState.CLOSED_OUT
    desk.closed_out_means_evidence_and_a_second_person()
