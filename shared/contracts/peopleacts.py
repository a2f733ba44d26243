"""What may be asked of the register about people, their duties and their rosters (version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from pydantic import BaseModel, Field

from shared.contracts.acts import Act, Name, PageQuery, Text
from shared.contracts.base import Command, Identifier, Moment
from shared.contracts.people import AdminLevel, Channel, DutyKind, PersonDescription, Place, PlaceKind, Shift
from shared.contracts.peopleviews import (
    ContactBook,
    GridAnswer,
    GridList,
    GridView,
    OnDutyAnswer,
    PersonList,
    PersonView,
    RosterList,
    RosterView,
    WhatGaps,
)

__all__ = [
    "PEOPLE_REPLIES",
    "AddShifts",
    "AmendPerson",
    "AssignDuty",
    "CreateRoster",
    "EndDuty",
    "HandOverDuty",
    "ListGrids",
    "ListPeople",
    "ListRosters",
    "PersonLeaves",
    "ReadContacts",
    "ReassignShift",
    "RegisterPerson",
    "RemoveContact",
    "RemoveShift",
    "RosterGaps",
    "SetContact",
    "SetDeputies",
    "ShowPerson",
    "ShowRoster",
    "WhoAnswers",
    "WhoIsOnDuty",
]


class RegisterPerson(Act):
    """Register a person; the same description again changes nothing, another one is refused (amend it)."""

    command_name: ClassVar[str] = "registry.register_person"
    person: PersonDescription


class AmendPerson(Act):
    """Replace a person's description."""

    command_name: ClassVar[str] = "registry.amend_person"
    person: PersonDescription


class SetContact(Act):
    """Set how a person is reached. The address is kept apart and never shown again but to services."""

    command_name: ClassVar[str] = "registry.set_contact"
    person_id: Identifier
    channel: Channel
    address: str = Field(repr=False, max_length=500)
    order: int | None = Field(default=None, ge=1, le=9)
    """Which place among the person's channels it takes; None: that of the same channel, else the next free one."""


class RemoveContact(Act):
    """Forget one way to reach a person."""

    command_name: ClassVar[str] = "registry.remove_contact"
    person_id: Identifier
    order: int = Field(ge=1, le=9)


class PersonLeaves(Act):
    """Record that a person left; refused while they bear a duty of the grid. Their addresses are deleted."""

    command_name: ClassVar[str] = "registry.person_leaves"
    person_id: Identifier
    reason: Text


class AssignDuty(Act):
    """Give a duty of the grid to somebody; refused while another bears it (hand it over)."""

    command_name: ClassVar[str] = "registry.assign_duty"
    place: Place
    duty: DutyKind
    unit: str = Field(default="", max_length=200)
    person_id: Identifier
    deputies: tuple[Identifier, ...] = Field(default=(), max_length=10)
    since: date | None = None
    """None: the act's day."""
    until: date | None = None
    note: str = Field(default="", max_length=2_000)


class HandOverDuty(Act):
    """Hand a duty over: the new person bears it from the act's day on."""

    command_name: ClassVar[str] = "registry.hand_over_duty"
    place: Place
    duty: DutyKind
    unit: str = Field(default="", max_length=200)
    to_person_id: Identifier
    from_person_id: Identifier | None = None
    """Who is thought to bear it: refused when somebody else does. None: whoever does."""
    deputies: tuple[Identifier, ...] = Field(default=(), max_length=10)
    note: str = Field(default="", max_length=2_000)


class SetDeputies(Act):
    """Name the deputies of a duty in force."""

    command_name: ClassVar[str] = "registry.set_deputies"
    place: Place
    duty: DutyKind
    unit: str = Field(default="", max_length=200)
    deputies: tuple[Identifier, ...] = Field(default=(), max_length=10)


class EndDuty(Act):
    """End a duty with the act's day, without another to bear it."""

    command_name: ClassVar[str] = "registry.end_duty"
    place: Place
    duty: DutyKind
    unit: str = Field(default="", max_length=200)
    reason: Text


class CreateRoster(Act):
    """Open a duty roster; the same again changes nothing."""

    command_name: ClassVar[str] = "registry.create_roster"
    roster_id: Identifier
    name: Name
    place: Place
    roles: tuple[Name, ...] = Field(min_length=1, max_length=10)


class AddShifts(Act):
    """Enter shifts, all or none; those that are there already change nothing."""

    command_name: ClassVar[str] = "registry.add_shifts"
    roster_id: Identifier
    shifts: tuple[Shift, ...] = Field(min_length=1, max_length=500)


class RemoveShift(Act):
    """Take a shift out, named by its role and start."""

    command_name: ClassVar[str] = "registry.remove_shift"
    roster_id: Identifier
    role: Name
    start: Moment
    reason: Text


class ReassignShift(Act):
    """Give a shift to another person or deputy."""

    command_name: ClassVar[str] = "registry.reassign_shift"
    roster_id: Identifier
    role: Name
    start: Moment
    person_id: Identifier
    deputy_id: Identifier | None = None
    reason: Text


# -- questions --------------------------------------------------------------------------------------------------------


class ShowPerson(Command):
    """Ask for a person, as of a day."""

    command_name: ClassVar[str] = "registry.show_person"
    person_id: Identifier
    as_of: date | None = None


class ListPeople(PageQuery):
    """Ask for people, by name."""

    command_name: ClassVar[str] = "registry.list_people"
    organisation: str | None = None
    level: AdminLevel | None = None
    name_contains: str | None = None
    left: bool | None = False
    """Whether they left; None: either."""


class WhoAnswers(Command):
    """Ask who answers for a place on a day, deputies included."""

    command_name: ClassVar[str] = "registry.who_answers"
    place: Place
    as_of: date | None = None


class ListGrids(PageQuery):
    """Ask for grids: of a kind of place, or those in which a person bears a duty or stands in."""

    command_name: ClassVar[str] = "registry.list_grids"
    kind: PlaceKind | None = None
    person_id: Identifier | None = None


class ShowRoster(Command):
    """Ask for a roster, as of a day."""

    command_name: ClassVar[str] = "registry.show_roster"
    roster_id: Identifier
    as_of: date | None = None


class ListRosters(PageQuery):
    """Ask for rosters, without their shifts."""

    command_name: ClassVar[str] = "registry.list_rosters"
    place: Place | None = None


class WhoIsOnDuty(Command):
    """Ask who is on duty at a moment, by roster or by place."""

    command_name: ClassVar[str] = "registry.who_is_on_duty"
    roster_id: Identifier | None = None
    place: Place | None = None
    at: Moment | None = None
    """None: now; with ``as_of``, the last moment of that day."""
    as_of: date | None = None
    """Answer by the rosters as they stood at the end of this day."""


class RosterGaps(Command):
    """Ask when nobody is on duty between two moments, role by role."""

    command_name: ClassVar[str] = "registry.roster_gaps"
    roster_id: Identifier | None = None
    place: Place | None = None
    start: Moment
    end: Moment
    as_of: date | None = None


class ReadContacts(Command):
    """Ask for people's addresses: for services only, which say what for. Neither kept nor logged by who asks."""

    command_name: ClassVar[str] = "registry.read_contacts"
    person_ids: tuple[Identifier, ...] = Field(min_length=1, max_length=1_000)
    service: Identifier
    purpose: Name


PEOPLE_REPLIES: Mapping[type[Command], type[BaseModel]] = {
    **dict.fromkeys(
        (RegisterPerson, AmendPerson, SetContact, RemoveContact, PersonLeaves, ShowPerson),
        PersonView,
    ),
    ListPeople: PersonList,
    **dict.fromkeys((AssignDuty, HandOverDuty, SetDeputies, EndDuty), GridView),
    WhoAnswers: GridAnswer,
    ListGrids: GridList,
    **dict.fromkeys((CreateRoster, AddShifts, RemoveShift, ReassignShift, ShowRoster), RosterView),
    ListRosters: RosterList,
    WhoIsOnDuty: OnDutyAnswer,
    RosterGaps: WhatGaps,
    ReadContacts: ContactBook,
}
"""Every question and act about people with what answers it."""
