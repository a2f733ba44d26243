"""A pond's file: what follows what, the letter's two ponds, and when a pond is overdue."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.registry.domain.overdue import (
    OverdueRule,
    Reminders,
    RemindOverdue,
    closure_late,
    decide_reminders,
    evolve_reminders,
    missed,
    overdue_since,
)
from services.registry.domain.pondfile import FileAct, PondFileAct, decide, evolve
from services.registry.domain.terms import months_after
from shared.contracts.acts import Asked
from shared.contracts.pondfiles import (
    ChangePondUse,
    ClosureOverdue,
    ClosureStep,
    ExtendClosure,
    PondFacts,
    PondFile,
    PondUse,
    RaiseDam,
    RecordClosureStep,
    ReviewOutcome,
    SetPondFacts,
    StartClosure,
    StepState,
)
from shared.contracts.registry import PondDescription
from shared.problems import BadInput, Conflict

AT = datetime(2024, 1, 1, tzinfo=UTC)
POND = PondDescription(id="p", name="怡和矿业有限公司尾矿库", county="行唐县", grade=5)
DAY = date(2023, 2, 13)
Step, Done = ClosureStep, StepState.DONE


def after(*acts: PondFileAct, file: PondFile | None = None, on: date = DAY) -> PondFile:
    for act in acts:
        filed = FileAct(by="李工", on=on, act=act, pond=POND)
        for event in decide(Asked(filed, AT, on), file):
            file = evolve(file, event)
    assert file is not None
    return file


def remind(file: PondFile, today: date, known: Reminders | None) -> list[ClosureOverdue]:
    return decide_reminders(Asked(RemindOverdue(file=file, today=today), AT, today), known)


def use(wanted: PondUse, since: date | None = None) -> ChangePondUse:
    return ChangePondUse(pond_id="p", use=wanted, since=since, reason="查明", by="李工")


def step(which: ClosureStep, state: StepState = Done, outcome: ReviewOutcome | None = None) -> RecordClosureStep:
    return RecordClosureStep(pond_id="p", step=which, state=state, outcome=outcome, by="李工")


START = StartClosure(pond_id="p", reason="停用超过三年", by="李工")
TO_REVIEW = (step(Step.STATUS_EVALUATION), step(Step.CLOSURE_DESIGN))
TO_THE_END = (
    *TO_REVIEW,
    step(Step.EXPERT_REVIEW, outcome=ReviewOutcome.PASSED),
    step(Step.APPROVAL),
    step(Step.WORKS),
    step(Step.ACCEPTANCE),
    step(Step.DEREGISTRATION),
)


def test_the_first_act_opens_the_file_with_what_the_register_says() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 1)))
    assert (file.name, file.county, file.declared_grade) == (POND.name, POND.county, 5)
    assert (file.use, file.out_of_use_since, file.last_on) == (PondUse.OUT_OF_USE, date(2019, 5, 1), DAY)
    assert after(use(PondUse.OUT_OF_USE, date(2019, 5, 1)), file=file) is file
    again = SetPondFacts(pond_id="p", facts=PondFacts(), by="李工")
    assert after(again, file=file) is file


def test_jianguos_pond_is_commissioning_its_closure_design() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 1)), step(Step.CLOSURE_DESIGN, StepState.COMMISSIONING))
    assert file.closure is not None
    position = file.closure.position
    assert position is not None
    assert (position.step, position.state) == (Step.CLOSURE_DESIGN, StepState.COMMISSIONING)
    assert file.use is PondUse.CLOSING
    assert file.out_of_use_since == date(2019, 5, 1)
    assert file.closure.due == date(2024, 2, 13)


def test_yihes_pond_was_reviewed_and_is_being_revised() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2018, 9, 1)), *TO_REVIEW)
    file = after(step(Step.EXPERT_REVIEW, outcome=ReviewOutcome.REVISE), file=file, on=date(2023, 5, 8))
    with pytest.raises(Conflict, match="revision"):
        after(step(Step.APPROVAL), file=file, on=date(2023, 5, 9))
    file = after(step(Step.REVISION, StepState.UNDER_WAY), file=file, on=date(2023, 5, 9))
    assert file.closure is not None
    position = file.closure.position
    assert position is not None
    assert (position.step, position.state) == (Step.REVISION, StepState.UNDER_WAY)
    assert overdue_since(file, date(2023, 6, 1)) == date(2021, 9, 1)
    with pytest.raises(Conflict, match="revision"):
        after(step(Step.APPROVAL, StepState.UNDER_WAY), file=file, on=date(2023, 6, 1))
    after(step(Step.REVISION), step(Step.APPROVAL), file=file, on=date(2023, 6, 1))


def test_a_rejected_design_is_made_and_reviewed_again() -> None:
    file = after(START, *TO_REVIEW, step(Step.EXPERT_REVIEW, outcome=ReviewOutcome.REJECTED))
    for waits in (step(Step.EXPERT_REVIEW, StepState.UNDER_WAY), step(Step.APPROVAL), step(Step.REVISION)):
        with pytest.raises(Conflict, match="waits for earlier steps"):
            after(waits, file=file)
    file = after(step(Step.CLOSURE_DESIGN, StepState.COMMISSIONING), step(Step.CLOSURE_DESIGN), file=file)
    file = after(step(Step.EXPERT_REVIEW, outcome=ReviewOutcome.PASSED), step(Step.APPROVAL), file=file)
    with pytest.raises(Conflict, match="has begun"):
        after(
            step(Step.CLOSURE_DESIGN, StepState.DONE, None),
            step(Step.STATUS_EVALUATION, StepState.UNDER_WAY),
            file=file,
        )


def test_steps_keep_their_order_and_direction() -> None:
    file = after(START, step(Step.STATUS_EVALUATION))
    for early in (Step.EXPERT_REVIEW, Step.APPROVAL, Step.WORKS, Step.ACCEPTANCE, Step.DEREGISTRATION):
        with pytest.raises(Conflict, match="waits for earlier steps"):
            after(step(early, StepState.UNDER_WAY), file=file)
    with pytest.raises(Conflict, match="does not go back"):
        after(step(Step.STATUS_EVALUATION, StepState.COMMISSIONING), file=file)
    file = after(step(Step.CLOSURE_DESIGN), file=file)
    with pytest.raises(BadInput, match="outcome"):
        after(step(Step.EXPERT_REVIEW), file=file)
    with pytest.raises(BadInput, match="no outcome"):
        after(step(Step.EXPERT_REVIEW, StepState.UNDER_WAY, ReviewOutcome.PASSED), file=file)
    passed = after(step(Step.EXPERT_REVIEW, outcome=ReviewOutcome.PASSED), file=file)
    with pytest.raises(Conflict, match="no revision"):
        after(step(Step.REVISION), file=passed)
    with pytest.raises(Conflict, match="that stays"):
        after(step(Step.EXPERT_REVIEW, outcome=ReviewOutcome.REVISE), file=passed)
    assert after(step(Step.EXPERT_REVIEW, outcome=ReviewOutcome.PASSED), file=passed) is passed


def test_acceptance_closes_and_deregistration_ends() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 1)), *TO_THE_END[:-1])
    assert (file.use, file.use_since, file.out_of_use_since) == (PondUse.CLOSED, DAY, date(2019, 5, 1))
    assert overdue_since(file, DAY) == date(2022, 5, 1), "closed is not yet deregistered"
    ended = after(TO_THE_END[-1], file=file)
    assert ended.use is PondUse.DEREGISTERED
    assert overdue_since(ended, date(2030, 1, 1)) is None
    for never in (
        use(PondUse.IN_USE),
        use(PondUse.OUT_OF_USE),
        START,
        RaiseDam(pond_id="p", dam_height_m=9, volume_10k_m3=9, by="x"),
    ):
        for closed in (file, ended):
            with pytest.raises(Conflict, match="never used again"):
                after(never, file=closed)


def test_only_steps_close_a_pond_that_is_known_to_be_used() -> None:
    file = after(use(PondUse.IN_USE, date(2010, 1, 1)))
    for wanted in (PondUse.CLOSING, PondUse.CLOSED, PondUse.DEREGISTERED):
        with pytest.raises(Conflict, match="closure procedure"):
            after(use(wanted), file=file)
    with pytest.raises(Conflict, match="cannot go from in use to under construction"):
        after(use(PondUse.UNDER_CONSTRUCTION), file=file)
    with pytest.raises(Conflict, match="began on 2010-01-01"):
        after(use(PondUse.OUT_OF_USE, date(2009, 1, 1)), file=file)
    with pytest.raises(BadInput, match="after the day of record"):
        after(use(PondUse.OUT_OF_USE, DAY + timedelta(days=1)), file=file)
    # A pond may have been closed before this register was kept.
    old = after(use(PondUse.CLOSED, date(2005, 1, 1)))
    assert after(use(PondUse.DEREGISTERED, date(2006, 1, 1)), file=old).use is PondUse.DEREGISTERED


def test_a_closing_pond_keeps_the_day_it_stopped_even_when_that_is_learnt_later() -> None:
    file = after(START)
    assert (file.use, file.out_of_use_since) == (PondUse.CLOSING, None)
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 1)), file=file)
    assert (file.use, file.out_of_use_since) == (PondUse.CLOSING, date(2019, 5, 1))
    with pytest.raises(Conflict, match="cannot go from closing to in use"):
        after(use(PondUse.IN_USE), file=file)


def test_a_raise_is_higher_and_its_grade_follows() -> None:
    file = after(SetPondFacts(pond_id="p", facts=PondFacts(volume_10k_m3=90, dam_height_m=28), by="x"))
    higher = RaiseDam(pond_id="p", dam_height_m=35, volume_10k_m3=150, by="x")
    raised = after(higher, file=file)
    assert (raised.facts.dam_height_m, raised.facts.volume_10k_m3, raised.raised) == (35, 150, (DAY,))
    assert after(higher, file=raised) is raised
    with pytest.raises(BadInput, match="no higher"):
        after(RaiseDam(pond_id="p", dam_height_m=35, volume_10k_m3=160, by="x"), file=raised)


def test_a_closure_is_due_in_a_year_and_extended_once() -> None:
    file = after(START)
    assert file.closure is not None
    assert file.closure.due == date(2024, 2, 13)
    assert not closure_late(file, date(2024, 2, 13))
    assert closure_late(file, date(2024, 2, 14))

    def extend(due: date) -> ExtendClosure:
        return ExtendClosure(pond_id="p", due=due, reason="雨季", approver="王局长", by="李工")

    for wrong in (date(2024, 2, 13), date(2024, 8, 14)):
        with pytest.raises(BadInput, match="at most 6 months"):
            after(extend(wrong), file=file)
    file = after(extend(date(2024, 8, 13)), file=file)
    assert not closure_late(file, date(2024, 8, 13))
    assert after(extend(date(2024, 8, 13)), file=file) is file
    with pytest.raises(Conflict, match="extended once"):
        after(extend(date(2024, 8, 1)), file=file)


def test_overdue_is_more_than_three_years() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 1)))
    assert overdue_since(file, date(2022, 5, 1)) is None
    assert overdue_since(file, date(2022, 5, 2)) == date(2022, 5, 1)
    assert overdue_since(after(use(PondUse.IN_USE, date(2019, 5, 1))), date(2030, 1, 1)) is None
    assert overdue_since(file, date(2021, 5, 2), OverdueRule(after_months=24)) == date(2021, 5, 1)


def test_stages_that_were_missed() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 31)))
    assert missed(file, date(2022, 5, 31), None) == []
    assert missed(file, date(2022, 6, 1), None) == [(1, date(2022, 5, 31))]
    three = [(1, date(2022, 5, 31)), (2, date(2022, 11, 30)), (3, date(2023, 5, 31))]
    assert missed(file, date(2023, 7, 1), None) == three
    known = Reminders(
        id="p", last_on=date(2022, 11, 30), out_of_use_since=date(2019, 5, 31), stage=2, due_on=date(2022, 11, 30)
    )
    assert missed(file, date(2023, 7, 1), known) == three[2:]
    # The day it stopped is corrected, backwards or forwards: other stages, counted from the right day.
    earlier = after(use(PondUse.OUT_OF_USE, date(2019, 3, 1)), file=file)
    assert missed(earlier, date(2023, 2, 1), known) == [(1, date(2022, 3, 1)), (2, date(2022, 9, 1))]
    later = after(use(PondUse.OUT_OF_USE, date(2021, 3, 1)), file=file)
    assert (earlier.term, later.term) == (1, 1)
    assert missed(later, date(2024, 3, 1), known) == []
    assert missed(later, date(2024, 3, 2), known) == [(1, date(2024, 3, 1))]
    # Used again, and stopped again: a new time out of use.
    anew = after(use(PondUse.IN_USE, date(2023, 1, 1)), use(PondUse.OUT_OF_USE, date(2023, 2, 1)), file=file)
    assert anew.term == 2
    assert missed(anew, date(2026, 2, 2), known) == [(1, date(2026, 2, 1))]


def test_a_corrected_day_is_told_by_its_latest_stage_alone() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 31)))
    told = remind(file, date(2022, 6, 1), None)
    assert [(each.stage, each.on, each.corrected, each.passed_over) for each in told] == [
        (1, date(2022, 5, 31), False, 0)
    ]
    known = evolve_reminders(None, told[0])
    earlier = after(use(PondUse.OUT_OF_USE, date(2018, 3, 1)), file=file)
    corrected = remind(earlier, date(2022, 6, 1), known)
    assert [(each.stage, each.due_on, each.on, each.corrected, each.passed_over) for each in corrected] == [
        (3, date(2022, 3, 1), date(2022, 5, 31), True, 2)
    ]
    known = evolve_reminders(known, corrected[0])
    assert remind(earlier, date(2022, 6, 1), known) == []
    assert [each.stage for each in remind(earlier, date(2022, 9, 2), known)] == [4]
    # Stopped anew, it is a time out of use of its own, all of whose stages are told.
    anew = after(use(PondUse.IN_USE, date(2022, 9, 1)), use(PondUse.OUT_OF_USE, date(2022, 10, 1)), file=earlier)
    assert [(each.term, each.stage, each.corrected) for each in remind(anew, date(2026, 4, 2), known)] == [
        (2, 1, False),
        (2, 2, False),
    ]


def test_what_fell_due_before_deregistration_is_raised_even_when_noticed_after() -> None:
    file = after(use(PondUse.OUT_OF_USE, date(2019, 5, 1)), *TO_THE_END)
    assert file.use_since == DAY
    assert missed(file, date(2030, 1, 1), None) == [(1, date(2022, 5, 1)), (2, date(2022, 11, 1))]


def test_terms_end_on_the_same_day_of_the_month() -> None:
    assert months_after(date(2020, 2, 29), 36) == date(2023, 2, 28)
    assert months_after(date(2022, 12, 31), 6) == date(2023, 6, 30)
