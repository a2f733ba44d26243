"""A duty roster 值班表: shifts by role, never two of one role at a time; who is on duty when, and when nobody is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias, assert_never

from services.registry.domain.texts import check_said
from shared.contracts.acts import Asked, Recorded
from shared.contracts.people import Roster, RosterCreated, Shift, ShiftReassigned, ShiftRemoved, ShiftsAdded
from shared.contracts.peopleacts import AddShifts, CreateRoster, ReassignShift, RemoveShift
from shared.contracts.peopleviews import Gap
from shared.problems import BadInput, Conflict, NotFound

__all__ = [
    "MOST_SHIFTS",
    "ROSTER_EVENTS",
    "RosterCommand",
    "check_apart",
    "covering",
    "decide_roster",
    "evolve_roster",
    "gaps",
]

MOST_SHIFTS = 1_000
"""Shifts of one roster: each change keeps the whole roster, so a new season opens a new one."""

RosterCommand: TypeAlias = CreateRoster | AddShifts | RemoveShift | ReassignShift
RosterEvent: TypeAlias = RosterCreated | ShiftsAdded | ShiftRemoved | ShiftReassigned
ROSTER_EVENTS: tuple[type[Recorded], ...] = (RosterCreated, ShiftsAdded, ShiftRemoved, ShiftReassigned)


def covering(shifts: Iterable[Shift], at: datetime) -> tuple[Shift, ...]:
    """Return the shifts that cover the moment *at*: from their start until before their end."""
    return tuple(each for each in shifts if each.start <= at < each.end)


def gaps(roles: Sequence[str], shifts: Iterable[Shift], start: datetime, end: datetime) -> tuple[Gap, ...]:
    """Return when, between *start* and *end*, no shift of a role covers, role by role in the order given.

    Shifts of several rosters may be given; they may overlap.
    """
    by_role: dict[str, list[Shift]] = {role: [] for role in roles}
    for each in shifts:
        if each.role in by_role:
            by_role[each.role].append(each)
    found: list[Gap] = []
    for role, held in by_role.items():
        reached = start
        for each in sorted(held, key=lambda shift: shift.start):
            if each.start >= end:
                break
            if each.start > reached:
                found.append(Gap(role=role, start=reached, end=each.start))
            reached = max(reached, each.end)
        if reached < end:
            found.append(Gap(role=role, start=reached, end=end))
    return tuple(found)


def check_apart(shifts: Iterable[Shift]) -> None:
    """Refuse two shifts of one role that overlap.

    Raises
    ------
    Conflict
        ``people.shifts_overlap``.
    """
    for one, other in pairwise(sorted(shifts, key=_place)):
        if one.role == other.role and other.start < one.end:
            raise Conflict(
                "people.shifts_overlap",
                field="shifts",
                role=one.role,
                one=f"{one.start.isoformat()} – {one.end.isoformat()} {one.person_id}",
                other=f"{other.start.isoformat()} – {other.end.isoformat()} {other.person_id}",
            )


def decide_roster(asked: Asked[RosterCommand], state: Roster | None) -> list[Recorded]:
    """Return what the command brings about: nothing when it says what is so already.

    Raises
    ------
    NotFound
        ``acts.unknown``, ``people.no_shift``.
    Conflict
        ``acts.exists``, ``people.shifts_overlap``, ``people.roster_full``.
    BadInput
        ``acts.blank``, ``people.shift_order``, ``people.no_such_role``, ``people.own_deputy``, ``people.roles_twice``.
    """
    command = asked.command
    check_said(by=command.by)
    stamp = {"on": asked.on, "at": asked.at, "by": command.by}
    if isinstance(command, CreateRoster):
        return _create(command, state, stamp)
    if state is None:
        raise NotFound("acts.unknown", field="roster_id", record=f"roster {command.roster_id}")
    match command:
        case AddShifts():
            known = set(state.shifts)
            new = [each for each in dict.fromkeys(command.shifts) if each not in known]
            for each in new:
                _check_shift(each, state)
            if len(known) + len(new) > MOST_SHIFTS:
                raise Conflict("people.roster_full", field="shifts", roster=state.id, most=MOST_SHIFTS)
            check_apart((*state.shifts, *new))
            return [ShiftsAdded(shifts=tuple(sorted(new, key=_place)), **stamp)] if new else []
        case RemoveShift():
            check_said(reason=command.reason)
            _shift(state, command.role, command.start)
            return [ShiftRemoved(role=command.role, start=command.start, reason=command.reason, **stamp)]
        case ReassignShift():
            check_said(reason=command.reason)
            shift = _shift(state, command.role, command.start)
            _check_deputy(command.person_id, command.deputy_id)
            if (shift.person_id, shift.deputy_id) == (command.person_id, command.deputy_id):
                return []
            return [
                ShiftReassigned(
                    role=command.role,
                    start=command.start,
                    person_id=command.person_id,
                    deputy_id=command.deputy_id,
                    reason=command.reason,
                    **stamp,
                )
            ]
        case _:
            assert_never(command)


def evolve_roster(state: Roster | None, event: RosterEvent) -> Roster:
    """Return the roster after *event*."""
    if isinstance(event, RosterCreated):
        return Roster(id=event.roster_id, name=event.name, place=event.place, roles=event.roles, last_on=event.on)
    if state is None:
        raise TypeError("an event of a roster came before it was opened")
    match event:
        case ShiftsAdded():
            shifts = tuple(sorted((*state.shifts, *event.shifts), key=_place))
        case ShiftRemoved():
            shifts = tuple(each for each in state.shifts if not _named(each, event))
        case ShiftReassigned():
            who = {"person_id": event.person_id, "deputy_id": event.deputy_id}
            shifts = tuple(each.model_copy(update=who) if _named(each, event) else each for each in state.shifts)
        case _:
            assert_never(event)
    return state.model_copy(update={"shifts": shifts, "last_on": event.on})


def _create(command: CreateRoster, state: Roster | None, stamp: Mapping[str, object]) -> list[Recorded]:
    check_said(name=command.name)
    if len(set(command.roles)) != len(command.roles):
        raise BadInput("people.roles_twice", field="roles")
    if state is None:
        made = {"roster_id": command.roster_id, "name": command.name, "place": command.place, "roles": command.roles}
        return [RosterCreated.model_validate({**stamp, **made})]
    if (state.name, state.place, state.roles) == (command.name, command.place, command.roles):
        return []
    raise Conflict("acts.exists", field="roster_id", record=f"roster {command.roster_id}")


def _check_shift(shift: Shift, roster: Roster) -> None:
    if shift.end <= shift.start:
        raise BadInput("people.shift_order", field="shifts", start=shift.start.isoformat(), end=shift.end.isoformat())
    if shift.role not in roster.roles:
        raise BadInput("people.no_such_role", field="shifts", role=shift.role, known=list(roster.roles))
    _check_deputy(shift.person_id, shift.deputy_id)


def _check_deputy(person_id: str, deputy_id: str | None) -> None:
    if person_id == deputy_id:
        raise BadInput("people.own_deputy", field="deputy_id")


def _shift(roster: Roster, role: str, start: datetime) -> Shift:
    for each in roster.shifts:
        if each.role == role and each.start == start:
            return each
    raise NotFound("people.no_shift", field="start", role=role, start=start.isoformat(), roster=roster.id)


def _named(shift: Shift, event: ShiftRemoved | ShiftReassigned) -> bool:
    return shift.role == event.role and shift.start == event.start


def _place(shift: Shift) -> tuple[str, datetime]:
    return shift.role, shift.start
