"""A finding's section: the problem, who answers for it, what was done, and where it stands, missing parts included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from services.cases.report.facts import Facts
from services.cases.report.pen import Pen
from services.cases.report.ponds import pond_block
from services.cases.report.reduction import reduction_blocks
from shared.contracts.cases import (
    DeadlineExtended,
    Finding,
    FindingAssigned,
    FindingClosedOut,
    FindingLinked,
    FindingListed,
    FindingRaised,
    FindingReinspected,
    FindingReopened,
    FindingSource,
    FindingState,
    FindingSubmitted,
    FindingView,
    LookBackHeld,
    LookBackScheduled,
    ProgressReported,
    SimilarChecksProposed,
    SubjectKind,
)
from shared.contracts.report import Block, BlockKind, Sentence
from shared.contracts.stories import StoryEntry

__all__ = ["finding_blocks", "stream_of"]

Written = tuple[Sentence, ...]


def stream_of(finding: Finding) -> str:
    """Return the stream of a finding's events."""
    return f"finding-{finding.id}"


def finding_blocks(pen: Pen, facts: Facts, view: FindingView, place: int) -> Iterator[Block]:
    """Write one finding; *place* is its place in the report, from 1."""
    finding = view.finding
    raised, told = facts.told(stream_of(finding), FindingRaised)[-1]
    heading = pen.words("section", number=pen.ordinal(place), title=finding.title)
    yield Block(kind=BlockKind.SECTION, sentences=(Sentence(text=heading, sources=pen.cite([raised])),))
    of_letter = finding.source is FindingSource.LETTER
    quoted = pen.say("source_letter" if of_letter else "source_other", raised, quote=told.quote.strip("“”"))
    yield pen.paragraph(pen.words("label_found"), (*quoted, *_recurrence(pen, facts, finding, raised)))
    duty, missing = _duty(pen, facts, view, raised)
    yield pen.paragraph(pen.words("label_done"), duty, missing=missing)
    yield from _progress(pen, facts, finding, raised)
    for subject in finding.subjects:
        if subject.kind is SubjectKind.POND:
            yield pond_block(pen, facts, subject, raised)
    yield from reduction_blocks(pen, facts, finding, raised)
    if similar := _similar(pen, facts, finding):
        yield pen.paragraph(pen.words("label_similar"), similar)
    yield _standing(pen, facts, view, raised)


def _recurrence(pen: Pen, facts: Facts, finding: Finding, raised: StoryEntry) -> Written:
    if not finding.recurrence_of:
        return ()
    linked = [entry for entry, _ in facts.told(stream_of(finding), FindingLinked)]
    earlier = []
    for known in finding.recurrence_of:
        # An earlier finding that is on file is told by its title and day, one that is not by what was entered of it.
        stories = facts.told(f"finding-{known}", FindingRaised)
        if stories:
            entry, told = stories[-1]
            linked.append(entry)
            earlier.append(pen.words("recurrence_known", title=told.title, day=told.found_on))
        else:
            earlier.append(known.rstrip("。."))
    return pen.say("recurrence", raised, *linked, earlier=pen.words("clauses").join(earlier))


def _duty(pen: Pen, facts: Facts, view: FindingView, raised: StoryEntry) -> tuple[Written, bool]:
    """Write who answers for the finding and by when; say so where nobody does."""
    finding, stream = view.finding, stream_of(view.finding)
    assignments = facts.told(stream, FindingAssigned)
    if finding.assignment is None or not assignments:
        return pen.say("unassigned", raised), True
    written: list[Sentence] = []
    entry, told = assignments[-1]
    assignment = told.assignment
    written += pen.say(
        "assigned",
        entry,
        day=assignment.assigned_on,
        target=assignment.target.rstrip("。."),
        unit=assignment.responsible_unit,
        person=assignment.person,
        deadline=assignment.deadline,
    )
    measures = pen.words("clauses").join(measure.rstrip("。.") for measure in assignment.measures)
    written += pen.say("measures", entry, measures=measures)
    latest = entry
    for more, extension in facts.told(stream, DeadlineExtended):
        if more.position > entry.position:
            latest = more
            written += pen.say(
                "extended",
                more,
                day=more.on,
                approver=extension.approver,
                deadline=extension.deadline,
                reason=extension.reason.rstrip("。."),
            )
    if view.overdue and finding.deadline is not None:
        days = (facts.as_of - finding.deadline).days
        written += pen.say("overdue", latest, deadline=finding.deadline, days=days)
    return tuple(written), view.overdue


def _progress(pen: Pen, facts: Facts, finding: Finding, raised: StoryEntry) -> Iterator[Block]:
    """Write progress, what was reported under one heading as one paragraph."""
    reports = facts.told(stream_of(finding), ProgressReported)
    if not reports:
        yield pen.paragraph("", pen.say("no_progress", raised), missing=True)
    headings = list(dict.fromkeys(told.heading.strip() for _, told in reports))
    for place, heading in enumerate(headings, 1):
        written = [
            sentence
            for entry, told in reports
            if told.heading.strip() == heading
            for sentence in pen.quote(entry, told.text)
        ]
        yield pen.paragraph(label_of(pen, place, heading, len(headings)), written)


def label_of(pen: Pen, place: int, heading: str, among: int) -> str:
    """Return the words a numbered paragraph begins with: 一是强化组织保障。"""
    heading = heading.rstrip("。.")
    if heading:
        return pen.words("label_heading", ordinal=pen.ordinal(place), heading=heading)
    return pen.words("label_item", ordinal=pen.ordinal(place)) if among > 1 else ""


def _similar(pen: Pen, facts: Facts, finding: Finding) -> Written:
    written: list[Sentence] = []
    for entry, told in facts.told(stream_of(finding), SimilarChecksProposed):
        written += pen.say("similar", entry, day=entry.on, names=pen.listed(c.subject.name for c in told.checks))
    return tuple(written)


def _standing(pen: Pen, facts: Facts, view: FindingView, raised: StoryEntry) -> Block:
    """Write the steps after rectification in their order, then look-backs, then the state on the day."""
    finding, stream = view.finding, stream_of(view.finding)
    steps: list[tuple[StoryEntry, Callable[[], Written]]] = []

    def step(entry: StoryEntry, key: str, **params: object) -> None:
        steps.append((entry, lambda: pen.say(key, entry, day=entry.on, **params)))

    for entry, listed in facts.told(stream, FindingListed):
        told = listed.listed
        step(entry, "listed", leader=told.leader, person=told.person, deadline=told.deadline, funds=told.funds_10k_yuan)
    for entry, submitted in facts.told(stream, FindingSubmitted):
        step(entry, "submitted", by=entry.by, text=submitted.text.rstrip("。."), evidence=len(submitted.evidence))
    for entry, seen in facts.told(stream, FindingReinspected):
        step(entry, "passed" if seen.passed else "returned", by=entry.by, reason=seen.reason.rstrip("。."))
    for entry, closed in facts.told(stream, FindingClosedOut):
        step(entry, "closed_out", verifier=closed.verifier)
    for entry, held in facts.told(stream, LookBackHeld):
        step(entry, "look_back_holds" if held.holds else "look_back_fails", by=entry.by, note=held.note)
    for entry, reopened in facts.told(stream, FindingReopened):
        step(entry, "reopened", time=reopened.time, reason=reopened.reason.rstrip("。."))
    steps.sort(key=lambda each: each[0].position)
    written = [sentence for _, write in steps for sentence in write()]
    late = False
    for entry, scheduled in facts.told(stream, LookBackScheduled):
        if any(look.due == scheduled.due and look.held_on is None for look in finding.look_backs):
            past = scheduled.due < facts.as_of
            late = late or past
            written += pen.say("look_back_late" if past else "look_back_due", entry, due=scheduled.due)
    last = _last(facts, stream, raised)
    written += pen.say("state", last, state=pen.words(f"state_{finding.state.value}"))
    missing = late or finding.state is FindingState.FOUND
    return pen.paragraph(pen.words("label_state"), written, missing=missing)


def _last(facts: Facts, stream: str, raised: StoryEntry) -> StoryEntry:
    """Return the event that put the finding where it stands."""
    movers = {
        event.event_type
        for event in (
            FindingRaised,
            FindingAssigned,
            ProgressReported,
            FindingSubmitted,
            FindingReinspected,
            FindingClosedOut,
            FindingReopened,
        )
    }
    moved: Sequence[StoryEntry] = [entry for entry in facts.stories.get(stream, ()) if entry.type in movers]
    return moved[-1] if moved else raised
