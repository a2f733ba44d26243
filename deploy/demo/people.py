"""The demonstration's people: who they are, what they answer for, and how they answer an alarm; read from TOML."""

from __future__ import annotations

import shutil
import tomllib
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from shared.bus.rpc import CommandClient
from shared.contracts.levels import LevelName
from shared.contracts.notifier import Answer
from shared.contracts.people import AdminLevel, Channel, DutyKind, PersonDescription, Place, PlaceKind, Shift
from shared.contracts.peopleacts import AddShifts, AssignDuty, CreateRoster, RegisterPerson, SetContact
from shared.contracts.peopleviews import GridView, PersonView, RosterView

__all__ = ["Duty", "People", "Person", "Reaction", "people", "place_of", "register_people", "set_up"]

HERE = Path(__file__).parent
BY = "tailwarden demo"
ON_DUTY = timedelta(days=2)
"""Shifts begin so long ago and last as long again: a demonstration may stay up for a while."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Duty(_Part):
    """A duty of the grid, at a place written ``pond:ID``, ``county:NAME`` or ``city:NAME``."""

    place: str
    duty: DutyKind
    deputies: tuple[str, ...] = ()


class Person(_Part):
    """One person."""

    id: str
    name: str
    organisation: str
    position: str
    level: AdminLevel | None = None
    mail: str
    on_duty: tuple[str, ...] = ()
    duties: tuple[Duty, ...] = ()


class Reaction(_Part):
    """What a person does when an alarm of one of these levels has come: opens the link, and perhaps answers."""

    person: str
    levels: tuple[LevelName, ...]
    answer: Answer | None = None
    note: str = ""
    after_s: float = Field(default=0.5, ge=0)
    """Seconds between the mail and the page opened."""
    step: bool = False
    """Whether they also do the first step of theirs on the card."""


class People(_Part):
    """Everybody."""

    person: tuple[Person, ...]
    answer: tuple[Reaction, ...] = ()

    def reaction(self, person_id: str, level: LevelName | None) -> Reaction | None:
        """Return what a person does with an alarm of a level."""
        return next((each for each in self.answer if each.person == person_id and level in each.levels), None)


@cache
def people() -> People:
    """Return the people that come with the product."""
    return People.model_validate(tomllib.loads((HERE / "people.toml").read_text("utf-8")))


def place_of(text: str) -> Place:
    """Return a place as written.

    >>> place_of("pond:qingshi").key
    'pond-qingshi'
    """
    kind, _, name = text.partition(":")
    return Place(kind=PlaceKind(kind), id=name)


def set_up(home: Path) -> None:
    """Put the demonstration's routing into a home, before its notifier starts."""
    shutil.copyfile(HERE / "routing.toml", home / "routing.toml")


async def register_people(client: CommandClient, whole: People, now: datetime) -> None:
    """Enter everybody into the register: who they are, how they are reached, what they answer for, who is on duty.

    Raises
    ------
    TailwardenError
        What the registry refuses, or that it cannot be reached.
    """
    for each in whole.person:
        described = PersonDescription(
            id=each.id, name=each.name, organisation=each.organisation, position=each.position, level=each.level
        )
        await client.send(RegisterPerson(person=described, by=BY), PersonView)
        await client.send(SetContact(person_id=each.id, channel=Channel.MAIL, address=each.mail, by=BY), PersonView)
    for each in whole.person:
        for duty in each.duties:
            assigned = AssignDuty(
                place=place_of(duty.place), duty=duty.duty, person_id=each.id, deputies=duty.deputies, by=BY
            )
            await client.send(assigned, GridView)
        for number, place in enumerate(each.on_duty):
            roster = f"demo-{each.id}-{number}"
            role = "值班 duty"
            opened = CreateRoster(roster_id=roster, name=f"{place} 值班表", place=place_of(place), roles=(role,), by=BY)
            await client.send(opened, RosterView)
            shift = Shift(role=role, start=now - ON_DUTY, end=now + ON_DUTY, person_id=each.id)
            await client.send(AddShifts(roster_id=roster, shifts=(shift,), by=BY), RosterView)
