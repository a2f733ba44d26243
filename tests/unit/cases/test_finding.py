"""A finding's life: every act in every state, and the rules the source letter's criticism became."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.cases.domain.finding import CloseOutKnowing, FindingAct
from shared.contracts.cases import (
    AssignFinding,
    ExtendDeadline,
    FindingReopened,
    FindingState,
    HoldLookBack,
    LinkRecurrence,
    ListedSupervision,
    ListFinding,
    LookBackHeld,
    LookBackScheduled,
    ScheduleLookBack,
    SimilarCheck,
    SimilarChecksProposed,
    Subject,
    SubjectKind,
)
from shared.problems import BadInput, Conflict, NotFound, Refusal
from tests.unit.cases.findingworld import (
    ASSIGN,
    CLOSE_OUT,
    DAY,
    EVIDENCE,
    LIFE,
    MEASURES,
    PASS,
    PROGRESS,
    RAISE,
    RELAPSE,
    RETURN,
    SUBMIT,
    act,
    at,
    but,
    fold,
    live,
)

LISTED = ListedSupervision(
    leader="孙县长", measures=MEASURES, funds_10k_yuan=120.0, person="张三", deadline=date(2023, 12, 1),
    emergency_plan="应急预案",
)  # fmt: skip
LATER = DAY + timedelta(days=10)
EXTEND = ExtendDeadline(finding_id="f1", deadline=date(2024, 6, 1), reason="设计返工", approver="孙县长", by="王工")
ACTS: dict[str, FindingAct] = {
    "assign": but(ASSIGN, target="闭库", by="周八"),
    "progress": but(PROGRESS, text="设计完成"),
    "extend": EXTEND,
    "submit": but(SUBMIT, text="再次报验"),
    "pass": but(PASS, by="吴九"),
    "return": but(RETURN, by="吴九"),
    "close out": but(CLOSE_OUT, by="吴九"),
    "look back": HoldLookBack(finding_id="f1", holds=True, note="保持良好", by="吴九"),
    "relapse": RELAPSE,
    "schedule": ScheduleLookBack(finding_id="f1", due=date(2023, 8, 1), by="吴九"),
    "list": ListFinding(finding_id="f1", listed=LISTED, by="吴九"),
    "link": LinkRecurrence(finding_id="f1", recurrence_of="2022年7月监督监察提出", by="吴九"),
}
NO = "cases.not_now"
#              found       assigned    rectifying  submitted   passed      closed out
TABLE = {
    "assign": ("assigned", "assigned", "rectifying", NO, NO, NO),
    "progress": (NO, "rectifying", "rectifying", NO, NO, NO),
    "extend": (NO, "assigned", "rectifying", "submitted", "passed", NO),
    "submit": (NO, "submitted", "submitted", NO, NO, NO),
    "pass": (NO, NO, NO, "passed", "passed", NO),
    "return": (NO, NO, NO, "rectifying", "rectifying", NO),
    "close out": (NO, NO, NO, NO, "closed_out", NO),
    "look back": ("found", "assigned", "rectifying", "submitted", "passed", "closed_out"),
    "relapse": ("found", "assigned", "rectifying", "submitted", "passed", "assigned"),
    "schedule": ("found", "assigned", "rectifying", "submitted", "passed", "closed_out"),
    "list": ("found", "assigned", "rectifying", "submitted", "passed", NO),
    "link": ("found", "assigned", "rectifying", "submitted", "passed", "closed_out"),
}


@pytest.mark.parametrize(
    ("state", "name", "after"),
    [(state, name, after) for name, row in TABLE.items() for state, after in zip(FindingState, row, strict=True)],
)
def test_every_act_in_every_state(state: FindingState, name: str, after: str) -> None:
    before = at(state)
    if after == NO:
        with pytest.raises(Conflict) as refused:
            act(before, ACTS[name], LATER)
        assert refused.value.code == NO
        assert refused.value.params["state"] == [f"cases.state_{state}"]
        return
    events = act(before, ACTS[name], LATER)
    assert events
    moved = fold(before, events)
    assert moved is not None
    assert (moved.state, moved.last_on) == (after, LATER)
    assert act(moved, ACTS[name], LATER) == []  # the same act again changes nothing


@pytest.mark.parametrize("state", list(FindingState))
def test_the_whole_way_again_changes_nothing(state: FindingState) -> None:
    finding = at(state)
    assert act(finding, RAISE, LATER) == []
    if state is FindingState.CLOSED_OUT:
        assert act(finding, CLOSE_OUT, LATER) == []
    with pytest.raises(Conflict, match="exists already"):
        act(finding, but(RAISE, quote="另一件事"), LATER)


@pytest.mark.parametrize("name", TABLE)
def test_nothing_can_be_done_to_a_finding_nobody_raised(name: str) -> None:
    with pytest.raises(NotFound, match="no finding f1"):
        act(None, ACTS[name])


@pytest.mark.parametrize("name", [*TABLE, "raise"])
@pytest.mark.parametrize("blank", ["--", "\u200b"])
def test_every_act_has_a_name(name: str, blank: str) -> None:
    command = RAISE if name == "raise" else ACTS[name]
    with pytest.raises(BadInput, match="by is blank"):
        act(at(FindingState.PASSED), but(command, by=blank))


def test_all_that_lacks_in_an_assignment_is_named_at_once_in_both_languages() -> None:
    found = at(FindingState.FOUND)
    bare = AssignFinding(finding_id="f1", measures=(" ", "\u3000", "——"), person="  ", by="王工")
    with pytest.raises(BadInput) as refused:
        act(found, bare, LATER)
    assert refused.value.words("en") == (
        "finding f1 cannot be assigned without: target, responsible unit, person, deadline, measures; give all of them"
    )
    assert "目标任务、责任单位、责任人、完成时限、工作措施" in refused.value.words("zh")
    with pytest.raises(BadInput) as refused:
        act(found, but(ASSIGN, measures=("\u200b",), deadline=None), LATER)
    assert refused.value.params["missing"] == ["cases.part_deadline", "cases.part_measures"]
    with pytest.raises(BadInput, match="before the act itself"):
        act(found, but(ASSIGN, deadline=LATER - timedelta(days=1)), LATER)
    assert act(found, but(ASSIGN, deadline=LATER), LATER)


def test_a_hand_over_goes_on_but_gives_no_more_time() -> None:
    rectifying = at(FindingState.RECTIFYING)
    with pytest.raises(Conflict, match="more time takes an extension"):
        act(rectifying, but(ASSIGN, person="周八", deadline=date(2024, 12, 31)), LATER)
    handed = fold(rectifying, act(rectifying, but(ASSIGN, person="周八"), LATER))
    assert handed is not None
    assert handed.assignment is not None
    assert (handed.assignment.person, handed.earlier_assignments[0].person) == ("周八", "张三")


def test_an_extension_is_later_reasoned_and_approved_by_another() -> None:
    rectifying = at(FindingState.RECTIFYING)
    with pytest.raises(BadInput, match="not later than the present one"):
        act(rectifying, but(EXTEND, deadline=ASSIGN.deadline), LATER)
    with pytest.raises(BadInput, match="reason is blank"):
        act(rectifying, but(EXTEND, reason="…"), LATER)
    with pytest.raises(Conflict, match="somebody else must"):
        act(rectifying, but(EXTEND, approver="张　三"), LATER)
    extended = fold(rectifying, act(rectifying, EXTEND, LATER))
    assert extended is not None
    assert extended.deadline == EXTEND.deadline
    assert extended.extensions[0].approver == "孙县长"


def test_without_evidence_nothing_is_submitted() -> None:
    with pytest.raises(BadInput, match="without evidence"):
        act(at(FindingState.RECTIFYING), but(SUBMIT, evidence=()), LATER)


@pytest.mark.parametrize("name", ["李四", " 李 四", "李\u200b四", "张三", "张　三"])
def test_a_hand_in_the_rectification_verifies_nothing(name: str) -> None:
    for state, command in (
        (FindingState.SUBMITTED, PASS), (FindingState.SUBMITTED, RETURN), (FindingState.PASSED, CLOSE_OUT),
    ):  # fmt: skip
        with pytest.raises(Conflict, match="second person"):
            act(at(state), but(command, by=name), LATER)


def test_names_are_compared_as_people_read_them() -> None:
    submitted = live(*LIFE[FindingState.RECTIFYING], but(SUBMIT, by="Ｌｉ Lei"))
    with pytest.raises(Conflict, match="second person"):
        act(submitted, but(PASS, by="LI LEI"), LATER)
    assert act(submitted, but(PASS, by="Li Le"), LATER)


def test_who_answered_for_it_once_never_verifies_it() -> None:
    handed = live(*LIFE[FindingState.RECTIFYING], but(ASSIGN, person="周八"), SUBMIT)
    for name in ("张三", "周八", "李四"):
        with pytest.raises(Conflict, match="second person"):
            act(handed, but(PASS, by=name), LATER)


def test_the_inspector_may_close_it_out() -> None:
    passed = at(FindingState.PASSED)
    closed = fold(passed, act(passed, but(CLOSE_OUT, by=PASS.by), LATER))
    assert closed is not None
    assert (closed.verifier, closed.closed_out_on) == (PASS.by, LATER)


def test_a_return_says_why_and_is_worked_on() -> None:
    submitted = at(FindingState.SUBMITTED)
    with pytest.raises(BadInput, match="needs its reason"):
        act(submitted, but(RETURN, reason=" … "), LATER)
    again = live(RETURN, but(SUBMIT, text="已整改"), PASS, CLOSE_OUT, state=submitted)
    assert [each.passed for each in again.reinspections] == [False, True]
    assert len(again.submissions) == 2


def test_closing_looks_back_by_itself_and_proposes_the_check_elsewhere() -> None:
    passed = at(FindingState.PASSED)
    other = Subject(kind=SubjectKind.POND, id="yihe", name="怡和尾矿库")
    similar = tuple(SimilarCheck(subject=each, why="same_state") for each in (other, RAISE.subjects[0]))
    knowing = CloseOutKnowing(finding_id="f1", by="钱七", look_back_days=30, similar=similar)
    events = act(passed, knowing, LATER)
    closed, scheduled, proposed = events
    assert isinstance(scheduled, LookBackScheduled)
    assert isinstance(proposed, SimilarChecksProposed)
    assert scheduled.due == LATER + timedelta(days=30)
    assert [check.subject.id for check in proposed.checks] == ["yihe"]  # not at the very place
    assert getattr(closed, "evidence", None) == (EVIDENCE,)
    # Closed out again after a relapse, it does not propose again what it proposed before.
    finding = fold(passed, events)
    assert finding is not None
    reopened = live(RELAPSE, but(ASSIGN, deadline=date(2024, 1, 1)), SUBMIT, PASS, state=finding)
    again = act(reopened, knowing, reopened.last_on)
    assert [type(event).__name__ for event in again] == ["FindingClosedOut", "LookBackScheduled"]


def test_a_relapse_reopens_with_its_lineage_and_a_new_assignment() -> None:
    closed = at(FindingState.CLOSED_OUT)
    events = act(closed, RELAPSE, LATER)
    assert [type(event) for event in events] == [LookBackHeld, FindingReopened]
    reopened = fold(closed, events)
    assert reopened is not None
    assert (reopened.state, reopened.reopened, reopened.closed_out_on) == (FindingState.ASSIGNED, 1, None)
    assert reopened.relapses[0].verifier == "钱七"
    # Looked at before the scheduled day, it stands beside the one that is still due.
    assert [(each.due == LATER, each.holds) for each in reopened.look_backs] == [(False, None), (True, False)]
    # Work begins with an assignment: the old one's person and deadline are of the round that failed.
    for early in (SUBMIT, ACTS["progress"]):
        with pytest.raises(Conflict) as refused:
            act(reopened, early, LATER)
        assert refused.value.code == "cases.awaits_assignment"
    # The old assignment may be given again, with more time: it is a new one.
    assigned = fold(reopened, act(reopened, but(ASSIGN, deadline=date(2024, 12, 31)), LATER))
    assert assigned is not None
    assert (assigned.awaits_assignment, assigned.deadline) == (False, date(2024, 12, 31))
    twice = live(SUBMIT, PASS, CLOSE_OUT, but(RELAPSE, note="三次"), state=assigned)
    assert (twice.reopened, len(twice.relapses)) == (2, 2)


def test_who_had_a_hand_in_it_does_not_look_back() -> None:
    closed = at(FindingState.CLOSED_OUT)
    for by in ("张三", "李 四", "李四（科长）"):
        with pytest.raises(Conflict) as refused:
            act(closed, but(RELAPSE, by=by), LATER)
        assert refused.value.code == "cases.second_person"


def test_a_look_back_on_or_after_its_day_is_the_scheduled_one() -> None:
    closed = at(FindingState.CLOSED_OUT)
    due = closed.look_backs[0].due
    held = fold(closed, act(closed, but(RELAPSE, holds=True), due))
    assert held is not None
    assert [(each.due, each.held_on, each.holds) for each in held.look_backs] == [(due, due, True)]


@pytest.mark.parametrize("name", ["张\n三", "\u202e三张", "张三\x1b[2J"])
def test_a_name_reads_as_it_is_stored(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        act(at(FindingState.FOUND), but(ASSIGN, person=name))
    assert refused.value.code == "acts.controls"


def test_a_look_back_at_an_open_finding_is_only_recorded() -> None:
    looked = live(*LIFE[FindingState.RECTIFYING], RELAPSE)
    assert (looked.state, looked.reopened, looked.look_backs[0].holds) == (FindingState.RECTIFYING, 0, False)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (LinkRecurrence(finding_id="f1", recurrence_of="f1", by="x"), "cases.itself"),
        (LinkRecurrence(finding_id="f1", recurrence_of="--", by="x"), "acts.blank"),
        (ScheduleLookBack(finding_id="f1", due=DAY, by="x"), "cases.deadline_gone"),
        (but(ACTS["list"], listed=LISTED.model_copy(update={"deadline": DAY}).model_dump()), "cases.deadline_gone"),
        (but(ACTS["list"], listed=LISTED.model_copy(update={"measures": ("-",)}).model_dump()), "acts.blank"),
    ],
)
def test_what_else_is_refused(command: FindingAct, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        act(at(FindingState.FOUND), command, LATER)
    assert refused.value.code == code


def test_a_finding_is_not_found_after_it_is_entered() -> None:
    with pytest.raises(BadInput, match="after the day it is entered"):
        act(None, but(RAISE, found_on=DAY + timedelta(days=1)))
