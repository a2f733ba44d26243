"""A finding's life: raised, assigned, rectified, submitted, re-inspected, closed out, looked back at, reopened.

The way to closed-out leads through evidence and a second person: ``close_out`` refuses whoever answered for the
finding, reported progress on it or submitted it, in this round or an earlier one. Nor may they hold a look-back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias, assert_never

from pydantic import Field

from services.cases.domain.finding_rules import (
    check_assigned_anew,
    check_assignment,
    check_extension,
    check_reason,
    check_second_person,
    not_gone,
)
from services.cases.domain.names import named, signed
from shared.contracts.acts import Asked, Recorded
from shared.contracts.cases import (
    AssignFinding,
    CloseOutFinding,
    DeadlineExtended,
    ExtendDeadline,
    Extension,
    Finding,
    FindingAssigned,
    FindingClosedOut,
    FindingLinked,
    FindingListed,
    FindingRaised,
    FindingReinspected,
    FindingReopened,
    FindingState,
    FindingSubmitted,
    HoldLookBack,
    LinkRecurrence,
    ListFinding,
    LookBackHeld,
    LookBackScheduled,
    Progress,
    ProgressReported,
    RaiseFinding,
    Reinspect,
    Reinspection,
    ReportProgress,
    ScheduleLookBack,
    SimilarCheck,
    SimilarChecksProposed,
    Submission,
    SubmitRectification,
)
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["CloseOutKnowing", "FindingAct", "decide"]

_FOUND, _ASSIGNED, _RECTIFYING = FindingState.FOUND, FindingState.ASSIGNED, FindingState.RECTIFYING
_SUBMITTED, _PASSED, _CLOSED_OUT = FindingState.SUBMITTED, FindingState.PASSED, FindingState.CLOSED_OUT


class CloseOutKnowing(CloseOutFinding):
    """A close-out with what the domain cannot know of itself: when to look back, and where else to look."""

    look_back_days: int = Field(default=90, ge=1)
    similar: tuple[SimilarCheck, ...] = ()


FindingAct: TypeAlias = (
    RaiseFinding
    | LinkRecurrence
    | AssignFinding
    | ReportProgress
    | ExtendDeadline
    | SubmitRectification
    | Reinspect
    | CloseOutFinding
    | ScheduleLookBack
    | HoldLookBack
    | ListFinding
)


def decide(asked: Asked[FindingAct], state: Finding | None) -> list[Recorded]:
    """Return what *asked* brings about; nothing when it was done already.

    Raises
    ------
    NotFound
        ``acts.unknown``: no such finding.
    Conflict
        ``acts.exists``; ``cases.not_now``: the act does not fit where the finding stands; ``cases.second_person``;
        ``cases.approver``; ``cases.awaits_assignment``.
    BadInput
        ``acts.blank``, ``acts.controls``; ``cases.missing`` (an assignment's parts, all that lack);
        ``cases.no_evidence``; ``cases.no_reason``; ``cases.deadline_gone``, ``cases.not_later``;
        ``cases.found_later``; ``cases.itself``.
    """
    command = asked.command
    signed(by=command.by)
    if isinstance(command, RaiseFinding):
        return _raise(asked, command, state)
    if state is None:
        raise NotFound("acts.unknown", field="finding_id", record=f"finding {command.finding_id}")
    match command:
        case LinkRecurrence():
            return _link(asked, command, state)
        case AssignFinding():
            return _assign(asked, command, state)
        case ReportProgress():
            return _report(asked, command, state)
        case ExtendDeadline():
            return _extend(asked, command, state)
        case SubmitRectification():
            return _submit(asked, command, state)
        case Reinspect():
            return _reinspect(asked, command, state)
        case CloseOutFinding():
            return _close_out(asked, command, state)
        case ScheduleLookBack():
            return _schedule(asked, command, state)
        case HoldLookBack():
            return _look_back(asked, command, state)
        case ListFinding():
            return _list(asked, command, state)
        case _:
            assert_never(command)


def _raise(asked: Asked[FindingAct], command: RaiseFinding, state: Finding | None) -> list[Recorded]:
    earlier = tuple(dict.fromkeys(command.recurrence_of))
    if state is not None:
        same = ("title", "quote", "source", "letter_id", "number", "subjects", "county", "campaign_id", "similar_to")
        found_on = state.found_on if command.found_on is None else command.found_on
        if (
            all(getattr(command, name) == getattr(state, name) for name in same)
            and found_on == state.found_on
            and set(earlier) <= set(state.recurrence_of)
        ):
            return []
        raise Conflict("acts.exists", field="finding_id", record=f"finding {command.finding_id}")
    named(title=command.title, quote=command.quote, county=command.county)
    for each in earlier:
        _not_itself(each, command.finding_id)
    if command.similar_to is not None:
        _not_itself(command.similar_to, command.finding_id)
    found_on = asked.on if command.found_on is None else command.found_on
    if found_on > asked.on:
        raise BadInput("cases.found_later", field="found_on", found=found_on.isoformat(), on=asked.on.isoformat())
    raised = FindingRaised(
        finding_id=command.finding_id,
        on=asked.on,
        at=asked.at,
        by=command.by,
        title=command.title,
        quote=command.quote,
        source=command.source,
        letter_id=command.letter_id,
        number=command.number,
        subjects=command.subjects,
        county=command.county,
        found_on=found_on,
        recurrence_of=earlier,
        campaign_id=command.campaign_id,
        similar_to=command.similar_to,
    )
    return [raised]


def _not_itself(earlier: str, finding_id: str) -> None:
    named(recurrence_of=earlier)
    if earlier == finding_id:
        raise BadInput("cases.itself", field="recurrence_of", finding=finding_id)


def _link(asked: Asked[FindingAct], command: LinkRecurrence, state: Finding) -> list[Recorded]:
    _not_itself(command.recurrence_of, state.id)
    if command.recurrence_of in state.recurrence_of:
        return []
    linked = FindingLinked(
        finding_id=state.id, on=asked.on, at=asked.at, by=command.by, recurrence_of=command.recurrence_of
    )
    return [linked]


def _assign(asked: Asked[FindingAct], command: AssignFinding, state: Finding) -> list[Recorded]:
    assignment = check_assignment(command, asked.on)
    # After a relapse the same assignment again is a new one.
    current = None if state.awaits_assignment else state.assignment
    if current is not None and assignment == current.model_copy(update={"assigned_on": asked.on}):
        return []
    _in(state, "assign", _FOUND, _ASSIGNED, _RECTIFYING)
    if current is not None and assignment.deadline > current.deadline:
        # More time is asked for by its own act, with a reason and an approver.
        until = current.deadline.isoformat()
        raise Conflict("cases.extend_instead", field="deadline", finding=state.id, deadline=until)
    return [FindingAssigned(finding_id=state.id, on=asked.on, at=asked.at, by=command.by, assignment=assignment)]


def _report(asked: Asked[FindingAct], command: ReportProgress, state: Finding) -> list[Recorded]:
    named(text=command.text)
    report = Progress(on=asked.on, by=command.by, text=command.text, heading=command.heading, evidence=command.evidence)
    if report in state.progress:
        return []
    _in(state, "progress", _ASSIGNED, _RECTIFYING)
    check_assigned_anew(state)
    reported = ProgressReported(
        finding_id=state.id,
        on=asked.on,
        at=asked.at,
        by=command.by,
        text=command.text,
        heading=command.heading,
        evidence=command.evidence,
    )
    return [reported]


def _extend(asked: Asked[FindingAct], command: ExtendDeadline, state: Finding) -> list[Recorded]:
    named(reason=command.reason)
    signed(approver=command.approver)
    extension = Extension(
        on=asked.on, by=command.by, deadline=command.deadline, reason=command.reason, approver=command.approver
    )
    if extension in state.extensions:
        return []
    _in(state, "extend", _ASSIGNED, _RECTIFYING, _SUBMITTED, _PASSED)
    check_extension(command, state, asked.on)
    extended = DeadlineExtended(
        finding_id=state.id,
        on=asked.on,
        at=asked.at,
        by=command.by,
        deadline=command.deadline,
        reason=command.reason,
        approver=command.approver,
    )
    return [extended]


def _submit(asked: Asked[FindingAct], command: SubmitRectification, state: Finding) -> list[Recorded]:
    named(text=command.text)
    if state.state is _SUBMITTED:
        again = Submission(on=asked.on, by=command.by, text=command.text, evidence=command.evidence)
        if again == state.submissions[-1]:
            return []
    _in(state, "submit", _ASSIGNED, _RECTIFYING)
    check_assigned_anew(state)
    if not command.evidence:
        raise BadInput("cases.no_evidence", field="evidence", finding=state.id)
    submitted = FindingSubmitted(
        finding_id=state.id, on=asked.on, at=asked.at, by=command.by, text=command.text, evidence=command.evidence
    )
    return [submitted]


def _reinspect(asked: Asked[FindingAct], command: Reinspect, state: Finding) -> list[Recorded]:
    reason = command.reason.strip()
    again = Reinspection(on=asked.on, by=command.by, passed=command.passed, reason=reason)
    after = _PASSED if command.passed else _RECTIFYING
    if state.reinspections and again == state.reinspections[-1] and state.state is after:
        return []
    # What one inspector passed, another may still return before it is closed out.
    _in(state, "reinspect", _SUBMITTED, _PASSED)
    check_second_person(command.by, state)
    if not command.passed:
        check_reason(reason, state.id)
    inspected = FindingReinspected(
        finding_id=state.id, on=asked.on, at=asked.at, by=command.by, passed=command.passed, reason=reason
    )
    return [inspected]


def _close_out(asked: Asked[FindingAct], command: CloseOutFinding, state: Finding) -> list[Recorded]:
    if state.state is _CLOSED_OUT and command.by == state.verifier:
        return []
    _in(state, "close_out", _PASSED)
    check_second_person(command.by, state)
    latest = state.submissions[-1]
    if not latest.evidence:
        raise BadInput("cases.no_evidence", field="evidence", finding=state.id)
    knowing = command if isinstance(command, CloseOutKnowing) else CloseOutKnowing(finding_id=state.id, by=command.by)
    at, on, by = asked.at, asked.on, command.by
    events: list[Recorded] = [
        FindingClosedOut(finding_id=state.id, on=on, at=at, by=by, verifier=by, evidence=latest.evidence),
        LookBackScheduled(finding_id=state.id, on=on, at=at, by=by, due=on + timedelta(days=knowing.look_back_days)),
    ]
    proposed = {(each.subject.kind, each.subject.id) for each in state.similar}
    own = {(each.kind, each.id) for each in state.subjects}
    checks = tuple(check for check in knowing.similar if (check.subject.kind, check.subject.id) not in proposed | own)
    if checks:
        events.append(SimilarChecksProposed(finding_id=state.id, on=on, at=at, by=by, checks=checks))
    return events


def _schedule(asked: Asked[FindingAct], command: ScheduleLookBack, state: Finding) -> list[Recorded]:
    if any(each.due == command.due and each.held_on is None for each in state.look_backs):
        return []
    not_gone(command.due, asked.on, "due")
    return [LookBackScheduled(finding_id=state.id, on=asked.on, at=asked.at, by=command.by, due=command.due)]


def _look_back(asked: Asked[FindingAct], command: HoldLookBack, state: Finding) -> list[Recorded]:
    named(note=command.note)
    told = (asked.on, command.by, command.holds, command.note)
    if any((each.held_on, each.by, each.holds, each.note) == told for each in state.look_backs):
        return []
    check_second_person(command.by, state)
    held = LookBackHeld(
        finding_id=state.id, on=asked.on, at=asked.at, by=command.by, holds=command.holds, note=command.note
    )
    if command.holds or state.state is not _CLOSED_OUT:
        return [held]
    reopened = FindingReopened(
        finding_id=state.id, on=asked.on, at=asked.at, by=command.by, time=state.reopened + 1, reason=command.note
    )
    return [held, reopened]


def _list(asked: Asked[FindingAct], command: ListFinding, state: Finding) -> list[Recorded]:
    listed = command.listed
    if listed == state.listed:
        return []
    _in(state, "list", _FOUND, _ASSIGNED, _RECTIFYING, _SUBMITTED, _PASSED)
    signed(leader=listed.leader, person=listed.person)
    named(emergency_plan=listed.emergency_plan)
    for measure in listed.measures:
        named(measures=measure)
    not_gone(listed.deadline, asked.on, "listed.deadline")
    return [FindingListed(finding_id=state.id, on=asked.on, at=asked.at, by=command.by, listed=listed)]


def _in(state: Finding, act: str, *fitting: FindingState) -> None:
    """Refuse *act* where the finding does not stand at one of *fitting*, saying where it stands and where it may."""
    if state.state not in fitting:
        raise Conflict(
            "cases.not_now",
            finding=state.id,
            act=[f"cases.act_{act}"],
            state=[f"cases.state_{state.state}"],
            fitting=[f"cases.state_{each}" for each in fitting],
        )
