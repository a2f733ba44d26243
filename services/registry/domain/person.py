"""A person in the register: who they are, how they are reached (never the address itself), when they left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeAlias, assert_never

from services.registry.domain.texts import check_said
from shared.contracts.acts import Act, Asked, Recorded
from shared.contracts.base import Identifier
from shared.contracts.people import (
    Channel,
    ContactChannel,
    ContactRemoved,
    ContactSet,
    Person,
    PersonAmended,
    PersonLeft,
    PersonRegistered,
)
from shared.contracts.peopleacts import AmendPerson, PersonLeaves, RegisterPerson, RemoveContact
from shared.problems import Conflict, NotFound

__all__ = ["PERSON_EVENTS", "KeepContact", "PersonCommand", "decide_person", "evolve_person", "order_for"]

MOST_CHANNELS = 9


class KeepContact(Act):
    """That an address was kept elsewhere: all that the domain, and so the events, get to know of it."""

    command_name: ClassVar[str] = "registry.keep_contact"
    person_id: Identifier
    contact: ContactChannel


PersonCommand: TypeAlias = RegisterPerson | AmendPerson | KeepContact | RemoveContact | PersonLeaves
PersonEvent: TypeAlias = PersonRegistered | PersonAmended | ContactSet | ContactRemoved | PersonLeft
PERSON_EVENTS: tuple[type[Recorded], ...] = (
    PersonRegistered,
    PersonAmended,
    ContactSet,
    ContactRemoved,
    PersonLeft,
)


def order_for(channel: Channel, wanted: int | None, state: Person | None) -> int:
    """Return which place among a person's channels a new address takes.

    Raises
    ------
    Conflict
        ``people.channels_full``.
    """
    if wanted is not None:
        return wanted
    contacts: Sequence[ContactChannel] = () if state is None else state.contacts
    same = next((each.order for each in contacts if each.channel is channel), None)
    if same is not None:
        return same
    taken = {each.order for each in contacts}
    free = next((order for order in range(1, MOST_CHANNELS + 1) if order not in taken), None)
    if free is None:
        raise Conflict("people.channels_full", field="order", most=MOST_CHANNELS)
    return free


def decide_person(asked: Asked[PersonCommand], state: Person | None) -> list[Recorded]:
    """Return what the command brings about: nothing when it says what is so already.

    ``KeepContact`` always is a change: only who keeps the addresses can tell whether it is one.

    Raises
    ------
    NotFound
        ``acts.unknown``.
    Conflict
        ``acts.exists``; ``people.left`` for a person who left.
    BadInput
        ``acts.blank``.
    """
    command = asked.command
    check_said(by=command.by)
    stamp = {"on": asked.on, "at": asked.at, "by": command.by}
    if isinstance(command, RegisterPerson):
        check_said(name=command.person.name)
        if state is None:
            return [PersonRegistered(person=command.person, **stamp)]
        if state.description == command.person and state.left_on is None:
            return []
        raise Conflict("acts.exists", field="person.id", record=f"person {command.person.id}")
    if state is None:
        wanted = command.person.id if isinstance(command, AmendPerson) else command.person_id
        raise NotFound("acts.unknown", field="person_id", record=f"person {wanted}")
    if state.left_on is not None:
        if isinstance(command, PersonLeaves):
            return []
        raise Conflict("people.left", field="person_id", name=state.description.name, day=state.left_on.isoformat())
    match command:
        case AmendPerson():
            check_said(name=command.person.name)
            if state.description == command.person:
                return []
            return [PersonAmended(person=command.person, **stamp)]
        case KeepContact():
            return [ContactSet(contact=command.contact, **stamp)]
        case RemoveContact():
            if all(each.order != command.order for each in state.contacts):
                return []
            return [ContactRemoved(order=command.order, **stamp)]
        case PersonLeaves():
            check_said(reason=command.reason)
            return [PersonLeft(reason=command.reason, **stamp)]
        case _:
            assert_never(command)


def evolve_person(state: Person | None, event: PersonEvent) -> Person:
    """Return the person after *event*."""
    if isinstance(event, PersonRegistered):
        return Person(id=event.person.id, description=event.person, last_on=event.on)
    if state is None:
        raise TypeError("an event of a person's life came before their registration")
    match event:
        case PersonAmended():
            change: dict[str, object] = {"description": event.person}
        case ContactSet():
            change = {"contacts": _without(state, event.contact.order, event.contact)}
        case ContactRemoved():
            change = {"contacts": _without(state, event.order)}
        case PersonLeft():
            change = {"left_on": event.on, "contacts": ()}
        case _:
            assert_never(event)
    return state.model_copy(update={**change, "last_on": event.on})


def _without(state: Person, order: int, new: ContactChannel | None = None) -> tuple[ContactChannel, ...]:
    kept = [each for each in state.contacts if each.order != order]
    if new is not None:
        kept.append(new)
    return tuple(sorted(kept, key=lambda each: each.order))
