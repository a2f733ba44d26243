"""What each event makes of a finding."""

from __future__ import annotations

from typing import Any, TypeAlias, assert_never

from shared.contracts.cases import (
    DeadlineExtended,
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
    LookBack,
    LookBackHeld,
    LookBackScheduled,
    Progress,
    ProgressReported,
    Reinspection,
    Relapse,
    SimilarChecksProposed,
    Submission,
)

__all__ = ["FindingEvent", "evolve"]

FindingEvent: TypeAlias = (
    FindingRaised
    | FindingLinked
    | FindingAssigned
    | ProgressReported
    | DeadlineExtended
    | FindingSubmitted
    | FindingReinspected
    | FindingClosedOut
    | LookBackScheduled
    | LookBackHeld
    | FindingReopened
    | FindingListed
    | SimilarChecksProposed
)


def evolve(state: Finding | None, event: FindingEvent) -> Finding:
    """Return the finding after *event*."""
    if isinstance(event, FindingRaised):
        return Finding(
            id=event.finding_id,
            last_on=event.on,
            title=event.title,
            quote=event.quote,
            source=event.source,
            letter_id=event.letter_id,
            number=event.number,
            subjects=event.subjects,
            county=event.county,
            found_on=event.found_on,
            state=FindingState.FOUND,
            recurrence_of=event.recurrence_of,
            campaign_id=event.campaign_id,
            similar_to=event.similar_to,
        )
    assert state is not None, "a finding's life begins with its being raised"
    return state.model_copy(update={**_change(state, event), "last_on": event.on})


def _change(state: Finding, event: FindingEvent) -> dict[str, Any]:
    on, by = event.on, event.by
    match event:
        case FindingRaised():
            raise AssertionError("a finding is raised once")
        case FindingLinked(recurrence_of=earlier):
            return {"recurrence_of": (*state.recurrence_of, earlier)}
        case FindingAssigned(assignment=assignment):
            replaced = () if state.assignment is None else (state.assignment,)
            # Handed over in the middle of the work it goes on where it is; a new one, or one after a relapse, begins.
            going_on = state.state is FindingState.RECTIFYING and not state.awaits_assignment
            return {
                "assignment": assignment,
                "earlier_assignments": (*state.earlier_assignments, *replaced),
                "state": FindingState.RECTIFYING if going_on else FindingState.ASSIGNED,
                "awaits_assignment": False,
            }
        case ProgressReported():
            report = Progress(on=on, by=by, text=event.text, heading=event.heading, evidence=event.evidence)
            return {"progress": (*state.progress, report), "state": FindingState.RECTIFYING}
        case DeadlineExtended():
            assert state.assignment is not None
            extension = Extension(on=on, by=by, deadline=event.deadline, reason=event.reason, approver=event.approver)
            return {
                "assignment": state.assignment.model_copy(update={"deadline": event.deadline}),
                "extensions": (*state.extensions, extension),
            }
        case FindingSubmitted():
            submission = Submission(on=on, by=by, text=event.text, evidence=event.evidence)
            return {"submissions": (*state.submissions, submission), "state": FindingState.SUBMITTED}
        case FindingReinspected():
            inspection = Reinspection(on=on, by=by, passed=event.passed, reason=event.reason)
            after = FindingState.PASSED if event.passed else FindingState.RECTIFYING
            return {"reinspections": (*state.reinspections, inspection), "state": after}
        case FindingClosedOut():
            return {"closed_out_on": on, "verifier": event.verifier, "state": FindingState.CLOSED_OUT}
        case LookBackScheduled(due=due):
            return {"look_backs": (*state.look_backs, LookBack(due=due))}
        case LookBackHeld():
            return {"look_backs": _held(state, event)}
        case FindingReopened():
            assert state.closed_out_on is not None
            assert state.verifier is not None
            relapse = Relapse(
                on=on, by=by, reason=event.reason, closed_out_on=state.closed_out_on, verifier=state.verifier
            )
            return {
                "reopened": event.time,
                "relapses": (*state.relapses, relapse),
                "state": FindingState.ASSIGNED,
                "awaits_assignment": True,
                "closed_out_on": None,
                "verifier": None,
            }
        case FindingListed(listed=listed):
            return {"listed": listed}
        case SimilarChecksProposed(checks=checks):
            return {"similar": (*state.similar, *checks)}
        case _:
            assert_never(event)


def _held(state: Finding, event: LookBackHeld) -> tuple[LookBack, ...]:
    """Return the look-backs with the earliest one that has come due held.

    One that nobody scheduled, or that was held before the scheduled day, stands for itself: who looks the day after the
    close-out has not looked whether it lasts.
    """
    waiting = [index for index, each in enumerate(state.look_backs) if each.held_on is None and each.due <= event.on]
    what = {"held_on": event.on, "by": event.by, "holds": event.holds, "note": event.note}
    if not waiting:
        return (*state.look_backs, LookBack(due=event.on).model_copy(update=what))
    which = min(waiting, key=lambda index: state.look_backs[index].due)
    return tuple(
        each.model_copy(update=what) if index == which else each for index, each in enumerate(state.look_backs)
    )
