"""Commands and queries of people. Addresses pass through here into their table, and on to nobody else.

The domain, and so events, read models and logs, get to know of an address only that there is one, and its masked form.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeAlias

from psycopg import sql

from services.registry.domain.contacts import mask, normal_address
from services.registry.domain.grid import bearing
from services.registry.domain.person import KeepContact, order_for
from services.registry.peoplekinds import GRID, PERSON
from shared.contracts.people import Channel, ContactChannel, Person
from shared.contracts.peopleacts import (
    AmendPerson,
    ListPeople,
    PersonLeaves,
    ReadContacts,
    RegisterPerson,
    RemoveContact,
    SetContact,
    ShowPerson,
)
from shared.contracts.peopleviews import Address, ContactBook, PersonList, PersonView
from shared.eventstore.aggregates import Acting, Aggregates, Outcome
from shared.eventstore.history import find, page
from shared.postgres import Connection
from shared.problems import Conflict, NotFound

__all__ = ["People", "PersonAct", "alone", "contains", "person_act", "resolve"]

log = logging.getLogger(__name__)

PersonAct: TypeAlias = RegisterPerson | AmendPerson | SetContact | RemoveContact | PersonLeaves


async def alone(conn: Connection, what: str) -> None:
    """Wait until nobody else is deciding about *what*, and let nobody until this transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('tailwarden.registry:' || %s::text, 0))", (what,))


def contains(column: str, text: str | None) -> list[tuple[sql.Composable, Sequence[Any]]]:
    """Return the condition that *column* contains *text* as it is written (``%`` and ``_`` mean themselves)."""
    if text is None:
        return []
    return [(sql.SQL("position(%s in {}) > 0").format(sql.Identifier(column)), (text,))]


async def person_act(acting: Acting, act: PersonAct) -> Outcome[Person]:
    """Do an act on a person inside a transaction; see ``People.act``."""
    if isinstance(act, RegisterPerson | AmendPerson):
        return await acting.ask(PERSON, act.person.id, act)
    if isinstance(act, SetContact):
        return await _set_contact(acting, act)
    if isinstance(act, PersonLeaves):
        # Nobody gives this person a duty between the look and the leaving.
        await alone(acting.conn, "duties")
        await _check_free(acting, act)
    outcome = await acting.ask(PERSON, act.person_id, act)
    if isinstance(act, PersonLeaves):
        await acting.conn.execute("DELETE FROM contact WHERE person_id = %s", (act.person_id,))
    else:
        await acting.conn.execute("DELETE FROM contact WHERE person_id = %s AND place = %s", (act.person_id, act.order))
    return outcome


async def resolve(conn: Connection, ids: Sequence[str], as_of: date | None) -> dict[str, Person]:
    """Return people as they stood at the end of a day, by id; those unknown then as they were first known.

    A duty may be dated before its bearer was entered in the register.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    found = await page(conn, PERSON, {"id": wanted}, as_of=as_of, limit=None)
    people = {person.id: person for person in found.records}
    late = [each for each in wanted if each not in people]
    if late:
        cursor = await conn.execute(
            "SELECT DISTINCT ON (id) state::text FROM person_history WHERE id = ANY(%s) ORDER BY id, valid_from",
            (late,),
        )
        for (state,) in await cursor.fetchall():
            person = Person.model_validate_json(state)
            people[person.id] = person
    return people


class People:
    """Answers what may be asked of people."""

    def __init__(self, records: Aggregates) -> None:
        self._records = records

    async def act(self, act: PersonAct) -> PersonView:
        """Do an act on a person; an address goes into its table in the same transaction.

        Raises
        ------
        Refusal
            ``acts.…``; ``people.left``, ``people.bad_address``, ``people.channels_full``, ``people.bears_duties``.
        """
        outcome = await self._records.together(lambda acting: person_act(acting, act))
        return PersonView(person=outcome.state, version=outcome.version, changed=outcome.changed)

    async def show(self, query: ShowPerson) -> PersonView:
        """Return a person as they stood at the end of a day.

        Raises
        ------
        NotFound
            ``people.no_person``.
        """
        async with self._records.pool.connection() as conn:
            found = await find(conn, PERSON, query.person_id, query.as_of)
        if found is None:
            raise NotFound("people.no_person", field="person_id", person=query.person_id)
        return PersonView(person=found[0], version=found[1])

    async def list(self, query: ListPeople) -> PersonList:
        """Return people as they stood at the end of a day, by name."""
        extra = contains("name", query.name_contains)
        if query.left is not None:
            extra.append((sql.SQL("left_on IS NOT NULL" if query.left else "left_on IS NULL"), ()))
        where = {"organisation": query.organisation, "level": None if query.level is None else query.level.value}
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, PERSON, where, as_of=query.as_of, limit=query.limit, offset=query.offset,
                order=("name", "id"), extra=extra,
            )  # fmt: skip
        return PersonList(total=found.total, people=found.records)

    async def contacts(self, query: ReadContacts) -> ContactBook:
        """Return people's addresses to a service; that it asked is logged, what it got is not."""
        async with self._records.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT person_id, channel, place, address FROM contact WHERE person_id = ANY(%s)"
                " ORDER BY person_id, place",
                (list(query.person_ids),),
            )
            rows = await cursor.fetchall()
        log.info(
            "addresses read",
            extra={"service": query.service, "purpose": query.purpose, "people": len(query.person_ids)},
        )
        return ContactBook(
            addresses=tuple(
                Address(person_id=person, channel=Channel(channel), order=order, address=address)
                for person, channel, order, address in rows
            )
        )


async def _set_contact(acting: Acting, act: SetContact) -> Outcome[Person]:
    address = normal_address(act.channel, act.address)
    known = await acting.find(PERSON, act.person_id)
    order = order_for(act.channel, act.order, None if known is None else known.state)
    contact = ContactChannel(channel=act.channel, order=order, masked=mask(act.channel, address))
    if known is not None and known.state.left_on is None and contact in known.state.contacts:
        cursor = await acting.conn.execute(
            "SELECT address FROM contact WHERE person_id = %s AND place = %s", (act.person_id, order)
        )
        if await cursor.fetchone() == (address,):
            return Outcome(known.state, known.version)
    keep = KeepContact(
        by=act.by, on=act.on, expected_version=act.expected_version, person_id=act.person_id, contact=contact
    )
    outcome = await acting.ask(PERSON, act.person_id, keep)
    await acting.conn.execute(
        "INSERT INTO contact (person_id, place, channel, address) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (person_id, place) DO UPDATE SET channel = excluded.channel, address = excluded.address",
        (act.person_id, order, act.channel.value, address),
    )
    return outcome


async def _check_free(acting: Acting, act: PersonLeaves) -> None:
    """Refuse that somebody leaves who bears a duty from the act's day on."""
    named: tuple[sql.Composable, Sequence[Any]] = (sql.SQL("people @> ARRAY[%s]"), (act.person_id,))
    found = await page(acting.conn, GRID, {}, limit=None, extra=[named])
    day = acting.today if act.on is None else act.on
    places = [grid.place.id for grid in found.records if bearing(grid, act.person_id, day)]
    if places:
        known = await acting.find(PERSON, act.person_id)
        name = act.person_id if known is None else known.state.description.name
        raise Conflict("people.bears_duties", field="person_id", name=name, places=places)
