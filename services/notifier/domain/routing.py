"""From a pond and a level to a chain of people: who is told first, and who is next up when nobody answers.

The chain's ranks are rules (a configuration), the people come from the register as it stands at that moment: a
handover, a new shift or a deputy takes effect with the next look.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from services.notifier.domain.directory import Directory, PersonEntry
from services.notifier.domain.world import Member
from shared.contracts.base import Record
from shared.contracts.levels import LevelName
from shared.contracts.people import DutyAssignment, DutyKind, Place, PlaceKind

__all__ = ["Rank", "Routing", "Selector", "chain", "city_of", "control_room", "members_at"]


class Selector(Record):
    """Some people of a rank: whoever bears a duty, or is on duty, at the pond, its county or its city."""

    of: Literal["pond", "county", "city"] = "pond"
    duty: DutyKind | None = None
    roster: bool = False
    """Whoever is on duty there."""
    deputies: bool = False
    """Not the bearers, but those who stand in for them."""
    when: Literal["always", "working_hours", "off_hours"] = "always"
    """Off hours are nights, weekends and holidays: then whoever is on duty rather than an office."""


class Rank(Record):
    """One step of the chain."""

    who: tuple[Selector, ...] = Field(min_length=1)


class Routing(Record):
    """The chains: per level, and where a grade has its own, per level and grade (``"red:1"``)."""

    city: str = ""
    """Name of the city in the register's grid; empty: the one city whose duties or rosters are registered."""
    chains: dict[str, tuple[Rank, ...]]
    fallback: tuple[str, ...] = ()
    """Ids of people told when a chain names nobody."""
    working_from: time = time(8, 30)
    working_to: time = time(17, 30)
    """Office hours on working days, local time."""

    def ranks(self, level: LevelName, grade: int | None) -> tuple[Rank, ...]:
        """Return the chain of a level, the grade's own before the general one."""
        own = self.chains.get(f"{level.value}:{grade}")
        return own if own is not None else self.chains.get(level.value, ())


def chain(
    directory: Directory,
    routing: Routing,
    pond_id: str,
    level: LevelName,
    now: datetime,
    works: Callable[[date], bool] = lambda day: day.weekday() < 5,
) -> tuple[tuple[Member, ...], ...]:
    """Return the ranks of people for a pond's level at *now*; ranks that name nobody are left out.

    Whoever has left is replaced by their first deputy who has not. A chain that names nobody at all is the fallback.

    Parameters
    ----------
    works
        Whether a day is a working day; without a calendar, Monday to Friday.
    """
    pond = directory.ponds.get(pond_id)
    county = "" if pond is None else pond.county
    grade = None if pond is None else pond.grade
    places = {
        "pond": Place(kind=PlaceKind.POND, id=pond_id),
        "county": Place(kind=PlaceKind.COUNTY, id=county or "-"),
        "city": Place(kind=PlaceKind.CITY, id=city_of(directory, routing) or "-"),
    }
    zone = ZoneInfo("Asia/Shanghai" if pond is None else pond.timezone)
    local = now.astimezone(zone)
    office = works(local.date()) and routing.working_from <= local.time() < routing.working_to
    passed_over = "off_hours" if office else "working_hours"
    ranks = []
    for rank in routing.ranks(level, grade):
        members: dict[str, Member] = {}
        for selector in rank.who:
            if selector.when == passed_over:
                continue
            for member in _selected(directory, selector, places[selector.of], now, zone):
                members.setdefault(member.person_id, member)
        if members:
            ranks.append(tuple(members.values()))
    if not ranks and routing.fallback:
        known = [directory.people[person_id] for person_id in routing.fallback if person_id in directory.people]
        if known:
            ranks.append(tuple(_member(person, "fallback") for person in known))
    return tuple(ranks)


def city_of(directory: Directory, routing: Routing) -> str:
    """Return the city's name: as configured, else the only one the register knows of; empty when there is none."""
    return routing.city or (next(iter(directory.cities)) if len(directory.cities) == 1 else "")


def control_room(directory: Directory, routing: Routing, now: datetime) -> tuple[Member, ...]:
    """Return who watches the whole: whoever is on duty for the city, and the fallback people."""
    city = Place(kind=PlaceKind.CITY, id=city_of(directory, routing) or "-")
    found = _selected(directory, Selector(of="city", roster=True), city, now, ZoneInfo("Asia/Shanghai"))
    found += [_member(directory.people[each], "fallback") for each in routing.fallback if each in directory.people]
    return tuple({member.person_id: member for member in reversed(found)}.values())[::-1]


def members_at(directory: Directory, selector: Selector, place: Place, now: datetime, zone: str) -> list[Member]:
    """Return whom a selector means at one place, whichever it is *of*."""
    return _selected(directory, selector, place, now, ZoneInfo(zone))


def _selected(directory: Directory, selector: Selector, place: Place, now: datetime, zone: ZoneInfo) -> list[Member]:
    found: list[Member] = []
    if selector.duty is not None and (grid := directory.grids.get(place.key)) is not None:
        for assignment in grid.bearing(selector.duty, now.astimezone(zone).date()):
            people = _standing(directory, assignment, selector.deputies)
            found += [_member(person, f"{selector.duty.value}@{selector.of}") for person in people]
    if selector.roster:
        for roster in directory.rosters_of(place):
            for shift in roster.on_duty(now):
                wanted = shift.deputy_id if selector.deputies else shift.person_id
                person = directory.people.get(wanted or "")
                if (person is None or person.left) and not selector.deputies:
                    person = directory.people.get(shift.deputy_id or "")
                if person is not None and not person.left:
                    found.append(_member(person, f"duty:{shift.role}@{selector.of}"))
    return found


def _standing(directory: Directory, assignment: DutyAssignment, deputies: bool) -> list[PersonEntry]:
    """Return the bearer, or the first deputy still there in their place; or else the deputies, all of them."""
    present = [
        person
        for person_id in (assignment.person_id, *assignment.deputies)
        if (person := directory.people.get(person_id)) is not None and not person.left
    ]
    if deputies:
        return [person for person in present if person.person_id != assignment.person_id]
    return present[:1]


def _member(person: PersonEntry, role: str) -> Member:
    channels = tuple(person.channels[order] for order in sorted(person.channels))
    return Member(person_id=person.person_id, name=person.name, role=role, channels=channels)
