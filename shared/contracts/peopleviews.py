"""What the register answers about people, their duties and their rosters (version 1)."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from shared.contracts.base import Moment, Record
from shared.contracts.people import Channel, DutyAssignment, DutyKind, Grid, Person, Place, Roster, Shift

__all__ = [
    "Address",
    "Answering",
    "ContactBook",
    "Gap",
    "GridAnswer",
    "GridList",
    "GridView",
    "OnDuty",
    "OnDutyAnswer",
    "PersonList",
    "PersonView",
    "RosterList",
    "RosterView",
    "WhatGaps",
]


class PersonView(Record):
    """The answer to acts on a person and to ``ShowPerson``."""

    person: Person
    version: int
    changed: bool = False


class PersonList(Record):
    """The answer to ``ListPeople``."""

    total: int
    people: tuple[Person, ...]


class GridView(Record):
    """The answer to acts on a grid."""

    grid: Grid
    version: int
    changed: bool = False


class GridList(Record):
    """The answer to ``ListGrids``."""

    total: int
    grids: tuple[Grid, ...]


class Answering(Record):
    """A duty in force with the people it names, as they stood that day."""

    assignment: DutyAssignment
    person: Person
    deputies: tuple[Person, ...] = ()


class GridAnswer(Record):
    """The answer to ``WhoAnswers``: duties in force, in the order leadership, department, enterprise, guarantor."""

    place: Place
    day: date
    answering: tuple[Answering, ...]
    missing: tuple[DutyKind, ...]
    """Kinds of duty that nobody bears there (a guarantor is missed at ponds only)."""


class RosterView(Record):
    """The answer to acts on a roster and to ``ShowRoster``."""

    roster: Roster
    version: int
    changed: bool = False


class RosterList(Record):
    """The answer to ``ListRosters``; shifts are left out."""

    total: int
    rosters: tuple[Roster, ...]


class OnDuty(Record):
    """A shift that covers the moment asked about, with its people."""

    roster_id: str
    roster_name: str
    shift: Shift
    person: Person
    deputy: Person | None = None


class OnDutyAnswer(Record):
    """The answer to ``WhoIsOnDuty``."""

    at: Moment
    on_duty: tuple[OnDuty, ...]
    vacant: tuple[str, ...]
    """Roles that nobody holds at that moment."""


class Gap(Record):
    """A time without anybody on duty in a role."""

    role: str
    start: Moment
    end: Moment


class WhatGaps(Record):
    """The answer to ``RosterGaps``, in order of role and time."""

    gaps: tuple[Gap, ...]


class Address(Record):
    """Where a person is reached."""

    person_id: str
    channel: Channel
    order: int
    address: str = Field(repr=False)


class ContactBook(Record):
    """The answer to ``ReadContacts``, in order of person and order; people without any are left out."""

    addresses: tuple[Address, ...]
