"""Who there is: people, what they answer for, who is on duty, and which pond lies where. Folded from the register."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from pydantic import Field

from shared.contracts.base import Event, Record
from shared.contracts.people import (
    ContactRemoved,
    ContactSet,
    DeputiesSet,
    DutyAssigned,
    DutyAssignment,
    DutyEnded,
    DutyHandedOver,
    DutyKind,
    PersonAmended,
    PersonLeft,
    PersonRegistered,
    Place,
    PlaceKind,
    RosterCreated,
    Shift,
    ShiftReassigned,
    ShiftRemoved,
    ShiftsAdded,
)
from shared.contracts.registry import PondAmended, PondDescription, PondRegistered
from shared.contracts.synthetic import is_exercise
from shared.names import same_name

__all__ = ["Directory", "GridEntry", "PersonEntry", "RosterEntry"]


class PersonEntry(Record):
    """A person: name, and ways to reach them in their order (channel kinds)."""

    person_id: str
    name: str
    position: str = ""
    channels: dict[int, str] = Field(default_factory=dict)
    left: bool = False


class GridEntry(Record):
    """Duties at one place, past ones too."""

    place: Place
    assignments: tuple[DutyAssignment, ...] = ()

    def bearing(self, duty: DutyKind, day: date) -> tuple[DutyAssignment, ...]:
        """Return who bears *duty* on *day*."""
        return tuple(each for each in self.assignments if each.duty is duty and each.in_force(day))


class RosterEntry(Record):
    """A roster with its shifts."""

    roster_id: str
    place: Place
    shifts: tuple[Shift, ...] = ()

    def on_duty(self, at: datetime) -> tuple[Shift, ...]:
        """Return the shifts that cover *at*."""
        return tuple(shift for shift in self.shifts if shift.start <= at < shift.end)


class Directory:
    """Everything the routing looks up, held in memory; ``apply`` takes one registry event in."""

    def __init__(self) -> None:
        self.people: dict[str, PersonEntry] = {}
        self.grids: dict[str, GridEntry] = {}
        self.rosters: dict[str, RosterEntry] = {}
        self.ponds: dict[str, PondDescription] = {}
        self.cities: set[str] = set()
        """Cities that somebody answers for, or is on duty for."""
        self.shadows: dict[str, str] = {}
        """Exercise ponds, past ones too: shadow id → the pond it stands for."""

    def called(self, given: str) -> list[PersonEntry]:
        """Return who is meant by an id or a name, however it is written: none, one, or several of one name.

        An id means its bearer whatever others are called. Who has left signs nothing any more.
        """
        present = [person for person in self.people.values() if not person.left]
        by_id = [person for person in present if person.person_id == given.strip()]
        return by_id or [person for person in present if same_name(person.name, given)]

    def pond(self, pond_id: str) -> PondDescription | None:
        """Return a pond, or the one that an exercise's pond stands for."""
        return self.ponds.get(self.shadows.get(pond_id, pond_id))

    def rosters_of(self, place: Place) -> list[RosterEntry]:
        """Return the rosters of a place."""
        return [roster for roster in self.rosters.values() if roster.place.key == place.key]

    def apply(self, aggregate_id: str, event: Event) -> bool:
        """Take an event in; return whether it concerned the directory."""
        match event:
            case PondRegistered(pond=pond) | PondAmended(pond=pond):
                if is_exercise(pond.id):
                    return False  # the people are those of the pond it stands for
                self.ponds[pond.id] = pond
            case PersonRegistered(person=person) | PersonAmended(person=person):
                known = self.people.get(person.id, PersonEntry(person_id=person.id, name=person.name))
                self.people[person.id] = known.model_copy(update={"name": person.name, "position": person.position})
            case ContactSet(contact=contact):
                self._channels(aggregate_id, contact.order, contact.channel.value)
            case ContactRemoved(order=order):
                self._channels(aggregate_id, order, None)
            case PersonLeft():
                if (known_person := self.people.get(aggregate_id)) is not None:
                    self.people[aggregate_id] = known_person.model_copy(update={"left": True, "channels": {}})
            case DutyAssigned() | DutyHandedOver() | DeputiesSet() | DutyEnded():
                self._duty(event)
            case RosterCreated(roster_id=roster_id, place=place):
                self._place(place)
                self.rosters[roster_id] = RosterEntry(roster_id=roster_id, place=place)
            case ShiftsAdded(shifts=shifts):
                self._shifts(aggregate_id, lambda known: (*known, *shifts))
            case ShiftRemoved(role=role, start=start):
                self._shifts(
                    aggregate_id,
                    lambda known: tuple(each for each in known if (each.role, each.start) != (role, start)),
                )
            case ShiftReassigned(role=role, start=start, person_id=person_id, deputy_id=deputy_id):
                update = {"person_id": person_id, "deputy_id": deputy_id}
                self._shifts(
                    aggregate_id,
                    lambda known: tuple(
                        each.model_copy(update=update) if (each.role, each.start) == (role, start) else each
                        for each in known
                    ),
                )
            case _:
                return False
        return True

    def _channels(self, person_id: str, order: int, channel: str | None) -> None:
        person = self.people.get(person_id)
        if person is None:
            return
        kept = {number: name for number, name in person.channels.items() if number != order and name != channel}
        if channel is not None:
            kept[order] = channel
        self.people[person_id] = person.model_copy(update={"channels": dict(sorted(kept.items()))})

    def _place(self, place: Place) -> None:
        if place.kind is PlaceKind.CITY:
            self.cities.add(place.id.strip())

    def _duty(self, event: DutyAssigned | DutyHandedOver | DeputiesSet | DutyEnded) -> None:
        self._place(event.place)
        entry = self.grids.get(event.place.key, GridEntry(place=event.place))
        assignments = entry.assignments
        match event:
            case DutyAssigned(assignment=assignment):
                assignments = (*entry.assignments, assignment)
            case DutyHandedOver():
                before = date.fromordinal(event.since.toordinal() - 1)
                ended = _ended(entry.assignments, event.duty, event.unit, event.from_person_id, before)
                new = DutyAssignment(
                    duty=event.duty, unit=event.unit, person_id=event.to_person_id, deputies=event.deputies,
                    since=event.since, note=event.note,
                )  # fmt: skip
                assignments = (*ended, new)
            case DeputiesSet():
                assignments = tuple(
                    each.model_copy(update={"deputies": event.deputies})
                    if (each.duty, each.unit, each.person_id) == (event.duty, event.unit, event.person_id)
                    and each.in_force(event.on)
                    else each
                    for each in entry.assignments
                )
            case DutyEnded():
                assignments = _ended(entry.assignments, event.duty, event.unit, event.person_id, event.until)
        self.grids[event.place.key] = entry.model_copy(update={"assignments": assignments})

    def _shifts(self, roster_id: str, change: Callable[[tuple[Shift, ...]], tuple[Shift, ...]]) -> None:
        roster = self.rosters.get(roster_id)
        if roster is not None:
            self.rosters[roster_id] = roster.model_copy(update={"shifts": change(roster.shifts)})


def _ended(
    assignments: tuple[DutyAssignment, ...], duty: DutyKind, unit: str, person_id: str, until: date
) -> tuple[DutyAssignment, ...]:
    return tuple(
        each.model_copy(update={"until": until})
        if (each.duty, each.unit, each.person_id) == (duty, unit, person_id)
        and (each.until is None or each.until > until)
        else each
        for each in assignments
    )
