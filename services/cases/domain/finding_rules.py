"""The rules that the source letter's criticism became: whole assignments, real extensions, a second person."""

from __future__ import annotations

from datetime import date

from services.cases.domain.names import blank, same_person, signed
from shared.contracts.cases import AssignFinding, Assignment, ExtendDeadline, Finding
from shared.problems import BadInput, Conflict

__all__ = [
    "check_assigned_anew",
    "check_assignment",
    "check_extension",
    "check_reason",
    "check_second_person",
    "not_gone",
    "rectifiers",
]


def check_assignment(given: AssignFinding, on: date) -> Assignment:
    """Return the assignment made on day *on*, if nothing of it lacks.

    Raises
    ------
    BadInput
        ``cases.missing`` naming everything that lacks; ``acts.controls``; ``cases.deadline_gone`` when its deadline
        lies before *on*.
    """
    target, unit, person = given.target.strip(), given.responsible_unit.strip(), given.person.strip()
    measures = tuple(measure.strip() for measure in given.measures if not blank(measure))
    deadline = given.deadline
    lacking = {
        "target": blank(target),
        "responsible_unit": blank(unit),
        "person": blank(person),
        "deadline": deadline is None,
        "measures": not measures,
    }
    missing = [name for name, lacks in lacking.items() if lacks]
    if missing or deadline is None:
        raise BadInput(
            "cases.missing",
            field=missing[0],
            finding=given.finding_id,
            missing=[f"cases.part_{name}" for name in missing],
        )
    signed(person=person)
    not_gone(deadline, on, "deadline")
    return Assignment(
        target=target, responsible_unit=unit, person=person, deadline=deadline, measures=measures, assigned_on=on
    )


def check_extension(given: ExtendDeadline, state: Finding, on: date) -> None:
    """Refuse more time that is none, or that the assigned person approves for himself.

    Raises
    ------
    BadInput
        ``cases.not_later``, ``cases.deadline_gone``.
    Conflict
        ``cases.approver``.
    """
    assignment = state.assignment
    assert assignment is not None, "only assigned findings have a deadline"
    if given.deadline <= assignment.deadline:
        current = assignment.deadline.isoformat()
        raise BadInput("cases.not_later", field="deadline", deadline=given.deadline.isoformat(), current=current)
    not_gone(given.deadline, on, "deadline")
    if same_person(given.approver, [assignment.person]):
        raise Conflict("cases.approver", field="approver", finding=state.id, person=given.approver)


def check_assigned_anew(state: Finding) -> None:
    """Refuse work on a finding that relapsed and that nobody was given anew (``cases.awaits_assignment``)."""
    if state.awaits_assignment:
        raise Conflict("cases.awaits_assignment", field="finding_id", finding=state.id)


def check_reason(reason: str, finding_id: str) -> None:
    """Refuse to return a rectification without saying why (``cases.no_reason``)."""
    if blank(reason):
        raise BadInput("cases.no_reason", field="reason", finding=finding_id)


def rectifiers(state: Finding) -> tuple[str, ...]:
    """Return who had a hand in the rectification, in this round or an earlier one."""
    assignments = (*state.earlier_assignments, *([] if state.assignment is None else [state.assignment]))
    return (
        *(each.person for each in assignments),
        *(each.by for each in state.progress),
        *(each.by for each in state.submissions),
    )


def check_second_person(by: str, state: Finding) -> None:
    """Refuse re-inspection, verification and look-backs by who had a hand in the work (``cases.second_person``)."""
    if same_person(by, rectifiers(state)):
        raise Conflict("cases.second_person", field="by", finding=state.id, person=by)


def not_gone(day: date, on: date, field: str) -> None:
    """Refuse a deadline that lies before the day it is set on (``cases.deadline_gone``)."""
    if day < on:
        raise BadInput("cases.deadline_gone", field=field, deadline=day.isoformat(), on=on.isoformat())
