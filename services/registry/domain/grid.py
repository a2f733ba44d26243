"""The responsibility grid 责任网格 of a place: who answers for what, from which day to which, and who stands in.

Whether a guarantor 包保 is of the right level is judged by a table that is configuration (``LevelTable``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TypeAlias, assert_never

from services.registry.domain.texts import check_said
from shared.contracts.acts import Asked, Recorded
from shared.contracts.people import (
    AdminLevel,
    DeputiesSet,
    DutyAssigned,
    DutyAssignment,
    DutyEnded,
    DutyHandedOver,
    DutyKind,
    Grid,
    PlaceKind,
)
from shared.contracts.peopleacts import AssignDuty, EndDuty, HandOverDuty, SetDeputies
from shared.problems import BadInput, Conflict, NotFound

__all__ = [
    "GRID_EVENTS",
    "YUNNAN",
    "GridCommand",
    "LevelTable",
    "bearing",
    "check_guarantor",
    "decide_grid",
    "evolve_grid",
    "in_force",
    "missing",
]

GridCommand: TypeAlias = AssignDuty | HandOverDuty | SetDeputies | EndDuty
GridEvent: TypeAlias = DutyAssigned | DutyHandedOver | DeputiesSet | DutyEnded
GRID_EVENTS: tuple[type[Recorded], ...] = (DutyAssigned, DutyHandedOver, DeputiesSet, DutyEnded)

LevelTable: TypeAlias = Mapping[int, tuple[AdminLevel, ...]]
"""Grade of a pond → levels its guarantor may be of."""

_AT_LEAST_COUNTY = (AdminLevel.COUNTY, AdminLevel.PREFECTURE, AdminLevel.PROVINCE)
YUNNAN: LevelTable = {
    1: (AdminLevel.PREFECTURE, AdminLevel.PROVINCE),
    2: (AdminLevel.PREFECTURE, AdminLevel.PROVINCE),
    3: _AT_LEAST_COUNTY,
    4: _AT_LEAST_COUNTY,
    5: (AdminLevel.TOWNSHIP, *_AT_LEAST_COUNTY),
}
"""The default, after Yunnan's example: grades 1 and 2 a leader of the prefecture, 3 and 4 of the county, 5 of the
township; a higher leader fits as well."""

_DAY = timedelta(days=1)
_ORDER = tuple(DutyKind)


def check_guarantor(name: str, level: AdminLevel | None, pond: str, grade: int | None, table: LevelTable) -> None:
    """Refuse a guarantor whose level does not fit the pond's grade.

    Raises
    ------
    Conflict
        ``people.pond_without_grade``, ``people.no_level``, ``people.level_unfit``.
    """
    if grade is None:
        raise Conflict("people.pond_without_grade", field="place", pond=pond)
    fitting = table.get(grade, ())
    wanted = [f"people.level_{each.value}" for each in fitting]
    if level is None:
        raise Conflict("people.no_level", field="person_id", name=name, pond=pond, grade=grade, wanted=wanted)
    if level not in fitting:
        raise Conflict(
            "people.level_unfit",
            field="person_id",
            name=name,
            level=[f"people.level_{level.value}"],
            pond=pond,
            grade=grade,
            wanted=wanted,
        )


def in_force(grid: Grid, day: date) -> tuple[DutyAssignment, ...]:
    """Return the assignments that hold on *day*: leadership, department, enterprise, guarantor; units by name."""
    held = (each for each in grid.assignments if each.in_force(day))
    return tuple(sorted(held, key=lambda each: (_ORDER.index(each.duty), each.unit)))


def missing(kind: PlaceKind, held: Iterable[DutyAssignment]) -> tuple[DutyKind, ...]:
    """Return the kinds of duty that nobody bears at a place of *kind*."""
    wanted = {DutyKind.LEADERSHIP, DutyKind.DEPARTMENT}
    if kind in (PlaceKind.MINE, PlaceKind.POND):
        wanted.add(DutyKind.ENTERPRISE)
    if kind is PlaceKind.POND:
        wanted.add(DutyKind.GUARANTOR)
    there = {each.duty for each in held}
    return tuple(duty for duty in DutyKind if duty in wanted and duty not in there)


def bearing(grid: Grid, person_id: str, day: date) -> tuple[DutyAssignment, ...]:
    """Return what a person bears on *day* or later."""
    return tuple(
        each for each in grid.assignments if each.person_id == person_id and (each.until is None or each.until >= day)
    )


def decide_grid(asked: Asked[GridCommand], state: Grid | None) -> list[Recorded]:
    """Return what the command brings about: nothing when it says what is so already.

    Raises
    ------
    NotFound
        ``people.no_duty`` when nobody bears the duty on the act's day.
    Conflict
        ``people.duty_taken``, ``people.not_the_bearer``, ``people.guarantor_of_ponds``, ``people.enterprise_of_sites``.
    BadInput
        ``acts.blank``, ``people.own_deputy``, ``people.until_before_since``.
    """
    command, on = asked.command, asked.on
    check_said(by=command.by)
    stamp = {"on": on, "at": asked.at, "by": command.by, "place": command.place}
    duty = {"duty": command.duty, "unit": command.unit.strip()}
    if isinstance(command, AssignDuty):
        return _assign(command, state, on, stamp)
    held = _held(state, command, on)
    match command:
        case HandOverDuty():
            if command.from_person_id not in (None, held.person_id, command.to_person_id):
                raise Conflict("people.not_the_bearer", field="from_person_id", person=command.from_person_id)
            _check_deputies(command.to_person_id, command.deputies)
            if held.person_id == command.to_person_id:
                if command.deputies in ((), held.deputies):
                    return []
                return [DeputiesSet(person_id=held.person_id, deputies=command.deputies, **duty, **stamp)]
            later = _later(state, command, on)
            if later is not None:
                raise _taken(later)
            return [
                DutyHandedOver(
                    from_person_id=held.person_id,
                    to_person_id=command.to_person_id,
                    since=on,
                    deputies=command.deputies,
                    note=command.note,
                    **duty,
                    **stamp,
                )
            ]
        case SetDeputies():
            _check_deputies(held.person_id, command.deputies)
            if command.deputies == held.deputies:
                return []
            return [DeputiesSet(person_id=held.person_id, deputies=command.deputies, **duty, **stamp)]
        case EndDuty():
            check_said(reason=command.reason)
            if held.until == on:
                return []
            return [DutyEnded(person_id=held.person_id, until=on, reason=command.reason, **duty, **stamp)]
        case _:
            assert_never(command)


def evolve_grid(state: Grid | None, event: GridEvent) -> Grid:
    """Return the grid after *event*."""
    if isinstance(event, DutyAssigned):
        known = () if state is None else state.assignments
        return Grid(id=event.place.key, place=event.place, assignments=(*known, event.assignment), last_on=event.on)
    if state is None:
        raise TypeError("an event of a grid came before its first assignment")
    match event:
        case DutyHandedOver():
            assignments = _cut(state, event, event.from_person_id, event.since - _DAY)
            new = DutyAssignment(
                duty=event.duty,
                unit=event.unit,
                person_id=event.to_person_id,
                deputies=event.deputies,
                since=event.since,
                note=event.note,
            )
            assignments = (*assignments, new)
        case DeputiesSet():
            assignments = tuple(
                each.model_copy(update={"deputies": event.deputies})
                if _same(each, event) and each.person_id == event.person_id and each.in_force(event.on)
                else each
                for each in state.assignments
            )
        case DutyEnded():
            assignments = _cut(state, event, event.person_id, event.until)
        case _:
            assert_never(event)
    return state.model_copy(update={"assignments": assignments, "last_on": event.on})


def _assign(command: AssignDuty, state: Grid | None, on: date, stamp: Mapping[str, object]) -> list[Recorded]:
    kind = command.place.kind
    if command.duty is DutyKind.GUARANTOR and kind is not PlaceKind.POND:
        raise Conflict("people.guarantor_of_ponds", field="duty")
    if command.duty is DutyKind.ENTERPRISE and kind not in (PlaceKind.MINE, PlaceKind.POND):
        raise Conflict("people.enterprise_of_sites", field="duty")
    since = on if command.since is None else command.since
    new = DutyAssignment(
        duty=command.duty,
        unit=command.unit.strip(),
        person_id=command.person_id,
        deputies=command.deputies,
        since=since,
        until=command.until,
        note=command.note,
    )
    if new.until is not None and new.until < since:
        raise BadInput("people.until_before_since", field="until", since=since.isoformat(), until=new.until.isoformat())
    _check_deputies(new.person_id, new.deputies)
    for each in () if state is None else state.assignments:
        if not _same(each, new) or not _overlap(each, new):
            continue
        told = command.since is not None
        if each == new or (not told and each == new.model_copy(update={"since": each.since})):
            return []
        raise _taken(each)
    return [DutyAssigned.model_validate({**stamp, "assignment": new})]


def _held(state: Grid | None, command: HandOverDuty | SetDeputies | EndDuty, on: date) -> DutyAssignment:
    unit = command.unit.strip()
    for each in () if state is None else state.assignments:
        if each.duty is command.duty and each.unit == unit and each.in_force(on):
            return each
    raise NotFound("people.no_duty", field="duty", duty=[f"people.duty_{command.duty.value}"], day=on.isoformat())


def _later(state: Grid | None, command: HandOverDuty, on: date) -> DutyAssignment | None:
    """Return an assignment of the same duty that begins after *on*: nobody takes it over unnoticed."""
    unit = command.unit.strip()
    for each in () if state is None else state.assignments:
        if each.duty is command.duty and each.unit == unit and each.since > on:
            return each
    return None


def _cut(state: Grid, event: DutyHandedOver | DutyEnded, person_id: str, until: date) -> tuple[DutyAssignment, ...]:
    """End the assignment that holds on the event's day; one that would end before it began is gone."""
    cut: list[DutyAssignment] = []
    for each in state.assignments:
        if _same(each, event) and each.person_id == person_id and each.in_force(event.on):
            if until >= each.since:
                cut.append(each.model_copy(update={"until": until}))
        else:
            cut.append(each)
    return tuple(cut)


def _same(assignment: DutyAssignment, other: DutyAssignment | GridEvent) -> bool:
    if isinstance(other, DutyAssigned):
        other = other.assignment
    return assignment.duty is other.duty and assignment.unit == other.unit


def _overlap(one: DutyAssignment, other: DutyAssignment) -> bool:
    return (other.until is None or one.since <= other.until) and (one.until is None or other.since <= one.until)


def _taken(assignment: DutyAssignment) -> Conflict:
    return Conflict(
        "people.duty_taken",
        field="duty",
        duty=[f"people.duty_{assignment.duty.value}"],
        person=assignment.person_id,
        since=assignment.since.isoformat(),
        until="…" if assignment.until is None else assignment.until.isoformat(),
    )


def _check_deputies(person_id: str, deputies: tuple[str, ...]) -> None:
    if person_id in deputies or len(set(deputies)) != len(deputies):
        raise BadInput("people.own_deputy", field="deputies")
