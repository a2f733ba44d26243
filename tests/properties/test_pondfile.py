"""Whatever is asked of a pond's file, in whatever order: steps never skip, and what has ended never begins again."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.domain.closure import standing, step_done
from services.registry.domain.overdue import missed, overdue_since
from services.registry.domain.pondfile import ENDED, FileAct, PondFileAct, decide, evolve
from shared.contracts.acts import Asked, Recorded
from shared.contracts.pondfiles import (
    ChangePondUse,
    ClosureStep,
    ExtendClosure,
    PondFile,
    PondUse,
    RaiseDam,
    RecordClosureStep,
    ReviewOutcome,
    StartClosure,
    StepState,
)
from shared.contracts.registry import PondDescription
from shared.problems import Refusal
from tests.prove import examples

POND = PondDescription(id="p", name="库", county="县", grade=4)
BEGIN = date(2019, 1, 1)
AT = datetime(2030, 1, 1, tzinfo=UTC)
WHO = {"pond_id": "p", "by": "李工"}
Step = ClosureStep

in_order = [
    *(
        RecordClosureStep(step=step, state=StepState.DONE, **WHO)
        for step in (Step.STATUS_EVALUATION, Step.CLOSURE_DESIGN)
    ),
    RecordClosureStep(step=Step.EXPERT_REVIEW, state=StepState.DONE, outcome=ReviewOutcome.PASSED, **WHO),
    *(
        RecordClosureStep(step=step, state=StepState.DONE, **WHO)
        for step in (Step.APPROVAL, Step.WORKS, Step.ACCEPTANCE, Step.DEREGISTRATION)
    ),
]
acts = st.one_of(
    # Half of what is asked would be refused at once; these lead on.
    st.sampled_from(in_order),
    st.builds(
        RecordClosureStep,
        step=st.sampled_from(ClosureStep),
        state=st.sampled_from(StepState),
        outcome=st.none() | st.sampled_from(ReviewOutcome),
        pond_id=st.just("p"),
        by=st.just("李工"),
    ),
    st.builds(
        ChangePondUse,
        use=st.sampled_from(PondUse),
        since=st.none() | st.integers(0, 2000).map(lambda days: BEGIN + timedelta(days=days)),
        reason=st.just("查明"),
        pond_id=st.just("p"),
        by=st.just("李工"),
    ),
    st.just(StartClosure(reason="停用", **WHO)),
    st.just(RaiseDam(dam_height_m=50, volume_10k_m3=200, **WHO)),
    st.integers(0, 900).map(
        lambda days: ExtendClosure(due=BEGIN + timedelta(days=days), reason="雨", approver="王局长", **WHO)
    ),
)


def told(asked: list[tuple[int, PondFileAct]]) -> list[tuple[PondFile, Recorded]]:
    """Return the file after each event that came of the acts, each act so many days after the last."""
    file: PondFile | None = None
    day = BEGIN
    found: list[tuple[PondFile, Recorded]] = []
    for days, act in asked:
        day += timedelta(days=days)
        with suppress(Refusal):
            for event in decide(Asked(FileAct(by="李工", act=act, pond=POND), AT, day), file):
                file = evolve(file, event)
                found.append((file, event))
    return found


@given(st.lists(st.tuples(st.integers(0, 200), acts), max_size=40))
@settings(max_examples=examples(300), deadline=None)
def test_steps_never_skip_and_what_has_ended_stays_so(asked: list[tuple[int, PondFileAct]]) -> None:
    before: PondFile | None = None
    for file, _ in told(asked):
        done = standing(file.closure)
        if done.keys() & {Step.EXPERT_REVIEW, Step.REVISION, Step.APPROVAL}:
            assert step_done(done, Step.STATUS_EVALUATION)
            assert step_done(done, Step.CLOSURE_DESIGN)
        for step, needed in (
            (Step.REVISION, Step.EXPERT_REVIEW),
            (Step.APPROVAL, Step.EXPERT_REVIEW),
            (Step.WORKS, Step.APPROVAL),
            (Step.ACCEPTANCE, Step.WORKS),
            (Step.DEREGISTRATION, Step.ACCEPTANCE),
        ):
            assert step not in done or step_done(done, needed)
        review = done.get(Step.EXPERT_REVIEW)
        if Step.APPROVAL in done and review is not None and review.outcome is ReviewOutcome.REVISE:
            assert step_done(done, Step.REVISION)
        if file.closure is not None:
            assert (file.use in ENDED) == step_done(done, Step.ACCEPTANCE)
            assert (file.use is PondUse.DEREGISTERED) == step_done(done, Step.DEREGISTRATION)
        if before is not None and before.use in ENDED:
            assert file.use in ENDED
            assert before.use is PondUse.CLOSED or file.use is PondUse.DEREGISTERED
        if before is not None and before.closure is not None:
            assert file.closure is not None
            assert file.use in {PondUse.CLOSING, *ENDED}
        before = file


@given(st.lists(st.tuples(st.integers(0, 200), acts), max_size=25), st.integers(1000, 5000))
@settings(max_examples=examples(200), deadline=None)
def test_the_same_act_again_changes_nothing_and_reminders_agree_with_the_rule(
    asked: list[tuple[int, PondFileAct]], days: int
) -> None:
    once = told(asked)
    twice = told([each for days_on, act in asked for each in ((days_on, act), (0, act))])
    assert [event for _, event in once] == [event for _, event in twice]
    if once:
        file, day = once[-1][0], BEGIN + timedelta(days=days)
        stages = missed(file, day, None)
        assert [stage for stage, _ in stages] == list(range(1, len(stages) + 1))
        if file.use is not PondUse.DEREGISTERED:
            assert (overdue_since(file, day) is not None) == bool(stages)
            assert not stages or stages[0][1] == overdue_since(file, day)
