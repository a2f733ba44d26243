"""Commands and queries of the responsibility grid, and what grids and rosters both ask of people and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from psycopg import sql

from services.registry.domain import Unregistered
from services.registry.domain.grade import computed_grade
from services.registry.domain.grid import LevelTable, check_guarantor, in_force, missing
from services.registry.kinds import PONDFILE
from services.registry.people import alone, resolve
from services.registry.peoplekinds import GRID, PERSON
from services.registry.pondfiles import registered
from shared.contracts.people import DutyKind, Person, Place, PlaceKind
from shared.contracts.peopleacts import AssignDuty, EndDuty, HandOverDuty, ListGrids, SetDeputies, WhoAnswers
from shared.contracts.peopleviews import Answering, GridAnswer, GridList, GridView
from shared.eventstore import EventStore
from shared.eventstore.aggregates import Acting, Aggregates
from shared.eventstore.history import find, page
from shared.postgres import Connection
from shared.problems import Conflict, NotFound

__all__ = ["Duties", "GridAct", "check_place", "working"]

GridAct: TypeAlias = AssignDuty | HandOverDuty | SetDeputies | EndDuty


async def working(acting: Acting, ids: Sequence[str]) -> dict[str, Person]:
    """Return people who are in the register and have not left.

    Raises
    ------
    NotFound
        ``people.no_person``.
    Conflict
        ``people.left``.
    """
    people: dict[str, Person] = {}
    for person_id in dict.fromkeys(ids):
        known = await acting.find(PERSON, person_id)
        if known is None:
            raise NotFound("people.no_person", field="person_id", person=person_id)
        person = people[person_id] = known.state
        if person.left_on is not None:
            name, day = person.description.name, person.left_on.isoformat()
            raise Conflict("people.left", field="person_id", name=name, day=day)
    return people


async def check_place(conn: Connection, place: Place) -> None:
    """Refuse a mine or pond that nobody registered; a county or city is whatever it is called."""
    if place.kind not in (PlaceKind.MINE, PlaceKind.POND):
        return
    cursor = await conn.execute(
        "SELECT EXISTS (SELECT FROM event WHERE stream = %s)", (f"{place.kind.value}-{place.id}",)
    )
    if await cursor.fetchone() != (True,):
        kind = [f"people.kind_{place.kind.value}"]
        raise NotFound("people.no_place", field="place.id", kind=kind, place=place.id)


class Duties:
    """Answers what may be asked of the responsibility grid.

    Parameters
    ----------
    records, store
        The registry's.
    levels : LevelTable
        Which level of government guarantees ponds of which grade.
    """

    def __init__(self, records: Aggregates, store: EventStore, levels: LevelTable) -> None:
        self._records, self._store, self._levels = records, store, levels

    async def act(self, act: GridAct) -> GridView:
        """Do an act on a place's grid.

        Raises
        ------
        Refusal
            ``acts.…`` and ``people.…``: above all a person nobody registered, a duty that another bears, and a
            guarantor whose level does not fit the pond's grade.
        """

        async def work(acting: Acting) -> GridView:
            await alone(acting.conn, "duties")
            await self._check(acting, act)
            outcome = await acting.ask(GRID, act.place.key, act)
            return GridView(grid=outcome.state, version=outcome.version, changed=outcome.changed)

        return await self._records.together(work)

    async def who(self, query: WhoAnswers) -> GridAnswer:
        """Return who answers for a place on a day; a place without a grid has everything missing."""
        day = query.as_of or self._records.today()
        async with self._records.pool.connection() as conn:
            found = await find(conn, GRID, query.place.key, query.as_of)
            if found is None:
                await check_place(conn, query.place)
            held = () if found is None else in_force(found[0], day)
            ids = [who for each in held for who in (each.person_id, *each.deputies)]
            people = await resolve(conn, ids, query.as_of)
        answering = tuple(
            Answering(
                assignment=each,
                person=people[each.person_id],
                deputies=tuple(people[who] for who in each.deputies),
            )
            for each in held
        )
        return GridAnswer(place=query.place, day=day, answering=answering, missing=missing(query.place.kind, held))

    async def list(self, query: ListGrids) -> GridList:
        """Return grids as they stood at the end of a day, by place."""
        extra: list[tuple[sql.Composable, Sequence[Any]]] = []
        if query.person_id is not None:
            extra.append((sql.SQL("people @> ARRAY[%s]"), (query.person_id,)))
        where = {"kind": None if query.kind is None else query.kind.value}
        async with self._records.pool.connection() as conn:
            found = await page(
                conn, GRID, where, as_of=query.as_of, limit=query.limit, offset=query.offset,
                order=("kind", "place"), extra=extra,
            )  # fmt: skip
        return GridList(total=found.total, grids=found.records)

    async def _check(self, acting: Acting, act: GridAct) -> None:
        await check_place(acting.conn, act.place)
        match act:
            case AssignDuty(person_id=bearer) | HandOverDuty(to_person_id=bearer):
                people = await working(acting, (bearer, *act.deputies))
                if act.duty is DutyKind.GUARANTOR and act.place.kind is PlaceKind.POND:
                    await self._check_guarantor(acting, people[bearer], act.place.id)
            case SetDeputies():
                await working(acting, act.deputies)
            case EndDuty():
                pass

    async def _check_guarantor(self, acting: Acting, person: Person, pond_id: str) -> None:
        """Judge by the graver of the declared and the computed grade: a wrong declaration lowers nothing."""
        pond = await registered(acting.conn, self._store, pond_id)
        assert not isinstance(pond, Unregistered), "registered refuses"
        file = await acting.find(PONDFILE, pond_id)
        computed = None if file is None else computed_grade(file.state.facts)
        grades = [grade for grade in (pond.description.grade, computed) if grade is not None]
        described = person.description
        check_guarantor(described.name, described.level, pond_id, min(grades, default=None), self._levels)
