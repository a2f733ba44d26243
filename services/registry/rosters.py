"""Commands and queries of duty rosters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from services.registry.domain.roster import check_apart, covering, gaps
from services.registry.duties import check_place, working
from services.registry.people import alone, resolve
from services.registry.peoplekinds import ROSTER
from shared.contracts.people import Place, Roster
from shared.contracts.peopleacts import (
    AddShifts,
    CreateRoster,
    ListRosters,
    ReassignShift,
    RemoveShift,
    RosterGaps,
    ShowRoster,
    WhoIsOnDuty,
)
from shared.contracts.peopleviews import OnDuty, OnDutyAnswer, RosterList, RosterView, WhatGaps
from shared.eventstore.aggregates import Acting, Aggregates
from shared.eventstore.history import find, page
from shared.postgres import Connection
from shared.problems import BadInput, NotFound

__all__ = ["RosterAct", "Rosters"]

RosterAct: TypeAlias = CreateRoster | AddShifts | RemoveShift | ReassignShift

_LONGEST = timedelta(days=400)


class Rosters:
    """Answers what may be asked of duty rosters."""

    def __init__(self, records: Aggregates) -> None:
        self._records = records

    async def act(self, act: RosterAct) -> RosterView:
        """Do an act on a roster.

        Raises
        ------
        Refusal
            ``acts.…`` and ``people.…``: above all two shifts of one role at a time, in this roster or another of its
            place.
        """

        async def work(acting: Acting) -> RosterView:
            if isinstance(act, CreateRoster):
                await check_place(acting.conn, act.place)
            else:
                known = await acting.find(ROSTER, act.roster_id)
                if isinstance(act, AddShifts) and known is not None:
                    await alone(acting.conn, f"rosters of {known.state.place.key}")
                    who = (i for each in act.shifts for i in (each.person_id, each.deputy_id) if i is not None)
                    await working(acting, list(who))
                    others = await _rosters(acting.conn, known.state.place, None)
                    kept = (each for other in others if other.id != act.roster_id for each in other.shifts)
                    check_apart((*kept, *{*known.state.shifts, *act.shifts}))
                elif isinstance(act, ReassignShift):
                    await working(acting, [i for i in (act.person_id, act.deputy_id) if i is not None])
            outcome = await acting.ask(ROSTER, act.roster_id, act)
            return RosterView(roster=outcome.state, version=outcome.version, changed=outcome.changed)

        return await self._records.together(work)

    async def show(self, query: ShowRoster) -> RosterView:
        """Return a roster as it stood at the end of a day.

        Raises
        ------
        NotFound
            ``acts.unknown``.
        """
        async with self._records.pool.connection() as conn:
            roster, version = await _roster(conn, query.roster_id, query.as_of)
        return RosterView(roster=roster, version=version)

    async def list(self, query: ListRosters) -> RosterList:
        """Return rosters as they stood at the end of a day, without their shifts."""
        where = {"place": None if query.place is None else query.place.key}
        async with self._records.pool.connection() as conn:
            found = await page(conn, ROSTER, where, as_of=query.as_of, limit=query.limit, offset=query.offset)
        rosters = tuple(roster.model_copy(update={"shifts": ()}) for roster in found.records)
        return RosterList(total=found.total, rosters=rosters)

    async def on_duty(self, query: WhoIsOnDuty) -> OnDutyAnswer:
        """Return who is on duty at a moment, and which roles nobody holds.

        Raises
        ------
        BadInput
            ``people.roster_or_place``.
        NotFound
            ``acts.unknown`` for a roster that was not there then.
        """
        at = query.at or self._moment(query.as_of)
        async with self._records.pool.connection() as conn:
            rosters = await self._asked(conn, query.roster_id, query.place, query.as_of)
            held = [(roster, shift) for roster in rosters for shift in covering(roster.shifts, at)]
            ids = [who for _, shift in held for who in (shift.person_id, shift.deputy_id) if who is not None]
            people = await resolve(conn, ids, query.as_of)
        on_duty = tuple(
            OnDuty(
                roster_id=roster.id,
                roster_name=roster.name,
                shift=shift,
                person=people[shift.person_id],
                deputy=None if shift.deputy_id is None else people[shift.deputy_id],
            )
            for roster, shift in held
        )
        filled = {shift.role for _, shift in held}
        vacant = tuple(role for role in _roles(rosters) if role not in filled)
        return OnDutyAnswer(at=at, on_duty=on_duty, vacant=vacant)

    async def gaps(self, query: RosterGaps) -> WhatGaps:
        """Return when nobody is on duty, role by role; rosters of one place fill each other's gaps.

        Raises
        ------
        BadInput
            ``people.span``, ``people.roster_or_place``.
        NotFound
            ``acts.unknown``.
        """
        if not timedelta(0) < query.end - query.start <= _LONGEST:
            raise BadInput("people.span", field="end")
        async with self._records.pool.connection() as conn:
            rosters = await self._asked(conn, query.roster_id, query.place, query.as_of)
        shifts = [each for roster in rosters for each in roster.shifts]
        return WhatGaps(gaps=gaps(_roles(rosters), shifts, query.start, query.end))

    def _moment(self, as_of: date | None) -> datetime:
        """Return now, or the last moment of a day at the office."""
        if as_of is None:
            return self._records.clock.now()
        return datetime.combine(as_of, time.max, self._records.zone).astimezone(UTC)

    async def _asked(
        self, conn: Connection, roster_id: str | None, place: Place | None, as_of: date | None
    ) -> tuple[Roster, ...]:
        if (roster_id is None) == (place is None):
            raise BadInput("people.roster_or_place", field="roster_id")
        if roster_id is not None:
            return ((await _roster(conn, roster_id, as_of))[0],)
        assert place is not None, "one of both is given"
        return await _rosters(conn, place, as_of)


async def _roster(conn: Connection, roster_id: str, as_of: date | None) -> tuple[Roster, int]:
    found = await find(conn, ROSTER, roster_id, as_of)
    if found is None:
        raise NotFound("acts.unknown", field="roster_id", record=f"roster {roster_id}")
    return found


async def _rosters(conn: Connection, place: Place, as_of: date | None) -> tuple[Roster, ...]:
    return (await page(conn, ROSTER, {"place": place.key}, as_of=as_of, limit=None)).records


def _roles(rosters: Sequence[Roster]) -> list[str]:
    return list(dict.fromkeys(role for roster in rosters for role in roster.roles))
