"""A pond's closure as the register tells it on the day: out of use since when, overdue or not, which step."""

from __future__ import annotations

from datetime import date
from typing import assert_never

from services.cases.report.facts import Facts
from services.cases.report.pen import Pen
from shared.contracts.cases import Subject
from shared.contracts.pondfiles import (
    ClosureExtended,
    ClosureOverdue,
    ClosureStarted,
    ClosureStep,
    ClosureStepRecorded,
    PondFactsSet,
    PondFileView,
    PondUse,
    PondUseChanged,
    ReviewOutcome,
    StepRecord,
    StepState,
)
from shared.contracts.report import Block, Sentence
from shared.contracts.stories import StoryEntry

__all__ = ["pond_block", "pond_standing"]

Written = tuple[Sentence, ...]


def pond_block(pen: Pen, facts: Facts, subject: Subject, raised: StoryEntry) -> Block:
    """Write what the register knows of a pond that a finding is about."""
    view = facts.ponds.get(subject.id)
    stream = f"pondfile-{subject.id}"
    label = pen.words("label_pond")
    entries = facts.stories.get(stream, ())
    if view is None or not entries:
        return pen.paragraph(label, pen.say("pond_unknown", raised, name=subject.name), missing=True)
    file = view.file
    written = [*_use(pen, facts, view)]
    recorded = {told.record.step: (entry, told.record) for entry, told in facts.told(stream, ClosureStepRecorded)}
    for entry, record in sorted(recorded.values(), key=lambda each: each[0].position):
        written += _step(pen, entry, record)
    stands_still = file.use is PondUse.OUT_OF_USE or view.overdue_since is not None
    if file.closure is None and stands_still:
        written += pen.say("pond_no_closure", entries[-1], name=file.name)
    if file.closure is not None and file.use is PondUse.CLOSING:
        written += _due(pen, facts, view, stream)
    missing = view.overdue_since is not None or view.closure_late
    return pen.paragraph(label, written, missing=missing)


def _use(pen: Pen, facts: Facts, view: PondFileView) -> Written:
    file = view.file
    stream = f"pondfile-{file.id}"
    uses = [entry for entry, _ in facts.told(stream, PondUseChanged)]
    entered = [entry for entry, _ in facts.told(stream, PondFactsSet)]
    basis = (uses or entered or list(facts.stories[stream]))[-1:]
    since = file.out_of_use_since
    if since is None or file.use in (PondUse.CLOSED, PondUse.DEREGISTERED):
        return pen.say("pond_use", *basis, name=file.name, county=file.county, use=pen.words(f"use_{file.use.value}"))
    left = facts.told(stream, PondUseChanged, lambda told: told.use is PondUse.OUT_OF_USE)
    basis = [entry for entry, _ in left][-1:] or basis
    written = pen.say("pond_out", *basis, name=file.name, county=file.county, since=since)
    if view.overdue_since is None:
        return written
    noticed = [entry for entry, _ in facts.told(f"closure-{file.id}", ClosureOverdue)]
    return written + pen.say("pond_overdue", *basis, *noticed, overdue_since=view.overdue_since)


def _step(pen: Pen, entry: StoryEntry, record: StepRecord) -> Written:
    step = pen.words(f"step_{record.step.value}")
    organisation = pen.words("by_organisation", organisation=record.organisation) if record.organisation else ""
    match record.state:
        case StepState.COMMISSIONING:
            return pen.say("step_commissioning", entry, step=step, day=record.on)
        case StepState.UNDER_WAY if record.step is ClosureStep.REVISION:
            return pen.say("revision_under_way", entry, day=record.on)
        case StepState.UNDER_WAY:
            return pen.say("step_under_way", entry, step=step, day=record.on, organisation=organisation)
        case StepState.DONE if record.outcome is not None:
            outcome = pen.words(f"outcome_{record.outcome.value}")
            written = pen.say("review_done", entry, day=record.on, outcome=outcome)
            if record.opinions:
                opinions = pen.words("clauses").join(opinion.rstrip("。.") for opinion in record.opinions)
                written += pen.say("review_opinions", entry, opinions=opinions)
            return written
        case StepState.DONE:
            return pen.say("step_done", entry, step=step, day=record.on, organisation=organisation)
        case _:
            assert_never(record.state)


def _due(pen: Pen, facts: Facts, view: PondFileView, stream: str) -> Written:
    closure = view.file.closure
    assert closure is not None
    entries = [entry for entry, _ in facts.told(stream, ClosureStarted)]
    entries += [entry for entry, _ in facts.told(stream, ClosureExtended)]
    if not entries:
        return ()
    due = closure.extended_to or closure.due
    key = "closure_late" if view.closure_late else "closure_due"
    return pen.say(key, entries[-1], started=closure.started_on, due=due)


def pond_standing(view: PondFileView, language: str) -> str:
    """Return in a few words how far a pond's closure is: “design reviewed 2023-05-08, being revised”."""
    pen = Pen(language, date.min)
    closure = view.file.closure
    position = None if closure is None else closure.position
    if closure is None or position is None:
        return pen.words(f"use_{view.file.use.value}")
    review = next((each for each in reversed(closure.steps) if each.step is ClosureStep.EXPERT_REVIEW), None)
    if review is not None and review.state is StepState.DONE:
        if position.step is ClosureStep.REVISION and position.state is not StepState.DONE:
            return pen.words("standing_revising", day=review.on)
        if position is review and review.outcome is ReviewOutcome.REVISE:
            return pen.words("standing_to_revise", day=review.on)
    step = pen.words(f"step_{position.step.value}")
    return pen.words(f"standing_{position.state.value}", step=step, day=position.on)
