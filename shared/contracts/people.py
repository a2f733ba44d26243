"""People in the register, what they answer for, and how they are reached (version 1).

Addresses (telephone numbers, mails, webhooks) are personal secrets. They stand in no event and no view but
``ContactBook``, which only services ask for; everybody else sees a masked form. ``peopleacts`` holds what may be asked.
"""

from __future__ import annotations

import unicodedata
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Kept, Name, Recorded
from shared.contracts.base import Event, Identifier, Moment, Record

__all__ = [
    "PEOPLE_EVENTS",
    "AdminLevel",
    "Channel",
    "ContactChannel",
    "ContactRemoved",
    "ContactSet",
    "DeputiesSet",
    "DutyAssigned",
    "DutyAssignment",
    "DutyEnded",
    "DutyHandedOver",
    "DutyKind",
    "Grid",
    "Person",
    "PersonAmended",
    "PersonDescription",
    "PersonLeft",
    "PersonRegistered",
    "Place",
    "PlaceKind",
    "Roster",
    "RosterCreated",
    "Shift",
    "ShiftReassigned",
    "ShiftRemoved",
    "ShiftsAdded",
]


class AdminLevel(StrEnum):
    """The level of government a person works at; enterprises have none."""

    PROVINCE = "province"  # 省级
    PREFECTURE = "prefecture"  # 市级
    COUNTY = "county"  # 县级
    TOWNSHIP = "township"  # 乡级


class Channel(StrEnum):
    """A way to reach a person."""

    MOBILE = "mobile"  # 手机
    PHONE = "phone"  # 固定电话
    MAIL = "mail"  # 邮箱
    WEBHOOK = "webhook"  # 网络回调


class DutyKind(StrEnum):
    """What somebody answers for in the responsibility grid 责任网格."""

    LEADERSHIP = "leadership"  # 领导责任
    DEPARTMENT = "department"  # 部门监管责任
    ENTERPRISE = "enterprise"  # 企业主体责任
    GUARANTOR = "guarantor"  # 尾矿库包保


class PlaceKind(StrEnum):
    """What a grid or a roster is about."""

    MINE = "mine"
    POND = "pond"
    COUNTY = "county"
    CITY = "city"


class Place(Record):
    """A mine or pond by its id, a county or city by its name."""

    kind: PlaceKind
    id: str = Field(min_length=1, max_length=100)

    @property
    def key(self) -> str:
        """Its id in streams and subjects: a name in any script becomes a fixed digest of itself.

        >>> Place(kind=PlaceKind.POND, id="xiakou").key
        'pond-xiakou'
        """
        if self.kind in (PlaceKind.MINE, PlaceKind.POND):
            return f"{self.kind.value}-{self.id}"
        name = unicodedata.normalize("NFKC", self.id).strip()
        return f"{self.kind.value}-{sha256(name.encode()).hexdigest()[:16]}"


class PersonDescription(Record):
    """A person as registered."""

    id: Identifier
    name: Name
    organisation: str = Field(default="", max_length=200)
    position: str = Field(default="", max_length=200)
    level: AdminLevel | None = None
    """None: not of the government (an enterprise's person)."""


class ContactChannel(Record):
    """A way to reach a person, without the address: ``order`` 1 is tried first."""

    channel: Channel
    order: int = Field(ge=1, le=9)
    masked: str
    """What may be shown of the address: ``138****1234``."""


class Person(Kept):
    """A person as they stand in the register."""

    description: PersonDescription
    contacts: tuple[ContactChannel, ...] = ()
    left_on: date | None = None


class DutyAssignment(Record):
    """One duty of the grid: who bears it from which to which day (both included), and who stands in."""

    duty: DutyKind
    unit: str = ""
    """Which department or unit, where several bear the same kind of duty; empty where only one does."""
    person_id: Identifier
    deputies: tuple[Identifier, ...] = ()
    """In the order in which they stand in."""
    since: date
    until: date | None = None
    note: str = ""

    def in_force(self, day: date) -> bool:
        """Whether it holds on *day*."""
        return self.since <= day and (self.until is None or day <= self.until)


class Grid(Kept):
    """The responsibility grid 责任网格 of one place: every assignment, past ones too."""

    place: Place
    assignments: tuple[DutyAssignment, ...] = ()


class Shift(Record):
    """One turn of duty, from ``start`` until before ``end``."""

    role: Name
    start: Moment
    end: Moment
    person_id: Identifier
    deputy_id: Identifier | None = None


class Roster(Kept):
    """A duty roster 值班表 of a place; its shifts in order of role and start, never two of one role at a time."""

    name: str
    place: Place
    roles: tuple[str, ...]
    shifts: tuple[Shift, ...] = ()


# -- events -----------------------------------------------------------------------------------------------------------


class PersonRegistered(Recorded):
    """A person entered the register."""

    event_type: ClassVar[str] = "registry.person.registered"
    person: PersonDescription


class PersonAmended(Recorded):
    """A person's description changed; ``person`` is the whole new description."""

    event_type: ClassVar[str] = "registry.person.amended"
    person: PersonDescription


class ContactSet(Recorded):
    """A person can be reached another way; the address itself is kept outside of the events."""

    event_type: ClassVar[str] = "registry.person.contact_set"
    contact: ContactChannel


class ContactRemoved(Recorded):
    """A person is no longer reached this way."""

    event_type: ClassVar[str] = "registry.person.contact_removed"
    order: int


class PersonLeft(Recorded):
    """A person left their post; their addresses were deleted."""

    event_type: ClassVar[str] = "registry.person.left"
    reason: str


class DutyAssigned(Recorded):
    """A duty of the grid was given to somebody."""

    event_type: ClassVar[str] = "registry.grid.assigned"
    place: Place
    assignment: DutyAssignment


class DutyHandedOver(Recorded):
    """A duty went from one person to another; the new one bears it from ``since`` on."""

    event_type: ClassVar[str] = "registry.grid.handed_over"
    place: Place
    duty: DutyKind
    unit: str = ""
    from_person_id: Identifier
    to_person_id: Identifier
    since: date
    deputies: tuple[Identifier, ...] = ()
    note: str = ""


class DeputiesSet(Recorded):
    """The deputies of a duty in force changed; these are all of them."""

    event_type: ClassVar[str] = "registry.grid.deputies_set"
    place: Place
    duty: DutyKind
    unit: str = ""
    person_id: Identifier
    deputies: tuple[Identifier, ...]


class DutyEnded(Recorded):
    """A duty ended without another to bear it; ``until`` is its last day."""

    event_type: ClassVar[str] = "registry.grid.ended"
    place: Place
    duty: DutyKind
    unit: str = ""
    person_id: Identifier
    until: date
    reason: str


class RosterCreated(Recorded):
    """A duty roster was opened."""

    event_type: ClassVar[str] = "registry.roster.created"
    roster_id: Identifier
    name: str
    place: Place
    roles: tuple[str, ...]


class ShiftsAdded(Recorded):
    """Shifts were entered in a roster."""

    event_type: ClassVar[str] = "registry.roster.shifts_added"
    shifts: tuple[Shift, ...]


class ShiftRemoved(Recorded):
    """A shift was taken out of a roster."""

    event_type: ClassVar[str] = "registry.roster.shift_removed"
    role: str
    start: Moment
    reason: str


class ShiftReassigned(Recorded):
    """Another person (or deputy) took a shift over."""

    event_type: ClassVar[str] = "registry.roster.shift_reassigned"
    role: str
    start: Moment
    person_id: Identifier
    deputy_id: Identifier | None = None
    reason: str


PEOPLE_EVENTS: tuple[type[Event], ...] = (
    PersonRegistered,
    PersonAmended,
    ContactSet,
    ContactRemoved,
    PersonLeft,
    DutyAssigned,
    DutyHandedOver,
    DeputiesSet,
    DutyEnded,
    RosterCreated,
    ShiftsAdded,
    ShiftRemoved,
    ShiftReassigned,
)
