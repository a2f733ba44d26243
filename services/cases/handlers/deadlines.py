"""Deadlines over the bus: what is due, overdue or escalated, and which look-backs are due, on any day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import sql

from services.cases.domain.deadlines import Calendar, StagePolicy, shifted, standing, working_days_between
from services.cases.workkinds import DEADLINE
from shared.contracts.cases import Finding
from shared.contracts.deadlines import (
    ClockRecord,
    DeadlineList,
    DeadlineStanding,
    DeadlineView,
    ListDeadlines,
    StagePassed,
    SupervisionLevel,
)
from shared.eventstore.aggregates import Aggregates
from shared.eventstore.history import as_of_day, page
from shared.postgres import Connection

__all__ = ["Deadlines"]

_DUE = sql.SQL("earliest_look_back(state)")
"""An index holds it; see cases-0003."""


class Deadlines:
    """Answers ``ListDeadlines``.

    Parameters
    ----------
    records
        Where findings live, and what the clock has said of them.
    policy, calendar
        The stages, and which days are worked.
    calendar_until
        The last day whose holidays are known.
    """

    def __init__(self, records: Aggregates, policy: StagePolicy, calendar: Calendar, calendar_until: date) -> None:
        self._records, self._policy, self._calendar = records, policy, calendar
        self._until = calendar_until

    async def list(self, command: ListDeadlines) -> DeadlineList:
        """Return findings by how they stand to their deadline; the earliest deadline first."""
        day = self._records.today() if command.as_of is None else command.as_of
        async with self._records.pool.connection() as conn:
            total, found = await self._found(conn, command, day)
            ids = [finding.id for finding, _, _ in found]
            records = await page(conn, DEADLINE, {"id": ids}, as_of=command.as_of, limit=None)
        said = {record.id: record for record in records.records}
        views = tuple(self._view(*each, day, said.get(each[0].id)) for each in found)
        return DeadlineList(as_of=day, total=total, calendar_until=self._until, deadlines=views)

    async def _found(
        self, conn: Connection, command: ListDeadlines, day: date
    ) -> tuple[int, Sequence[tuple[Finding, date, bool]]]:
        """Return how many there are, and of a page: the finding, its day, and whether that is a look-back's."""
        horizon = (
            date.max if command.everything else shifted(day, max(self._policy.reminders, default=0), self._calendar)
        )
        standing_then, then = as_of_day(command.as_of)
        of_county: Sequence[Any] = ()
        county = sql.SQL("TRUE")
        if command.county is not None:
            county, of_county = sql.SQL("county = %s"), [command.county]
        # Which and how many first, by what indices hold; then the states of one page of them.
        rows = sql.SQL(
            "SELECT id, valid_from, deadline AS due, false AS look_back FROM finding_history"
            " WHERE {then} AND {county} AND deadline <= %s"
            " UNION ALL SELECT id, valid_from, {due}::date, true FROM finding_history"
            " WHERE {then} AND {county} AND {due} IS NOT NULL AND {due} <= %s"
        ).format(then=standing_then, county=county, due=_DUE)
        parameters = [*then, *of_county, horizon, *then, *of_county, day.isoformat()]
        cursor = await conn.execute(sql.SQL("SELECT count(*) FROM ({}) AS f").format(rows), parameters)
        counted = await cursor.fetchone()
        assert counted is not None  # an aggregate gives one row
        paged = sql.SQL(
            "SELECT h.state::text, f.due, f.look_back"
            " FROM (SELECT * FROM ({}) AS g ORDER BY due, id, look_back LIMIT %s OFFSET %s) AS f"
            " JOIN finding_history h USING (id, valid_from) ORDER BY f.due, id, f.look_back"
        ).format(rows)
        cursor = await conn.execute(paged, [*parameters, command.limit, command.offset])
        found = [(Finding.model_validate_json(row[0]), row[1], bool(row[2])) for row in await cursor.fetchall()]
        return int(counted[0]), found

    def _view(
        self, finding: Finding, due: date, look_back: bool, day: date, record: ClockRecord | None
    ) -> DeadlineView:
        assignment = finding.assignment
        if look_back:
            how, level, coming = DeadlineStanding.LOOK_BACK_DUE, SupervisionLevel.UNIT, None
        else:
            how, level, coming = standing(due, day, self._policy, self._calendar)
        return DeadlineView(
            finding_id=finding.id,
            title=finding.title,
            county=finding.county,
            deadline=due,
            standing=how,
            level=level,
            working_days=working_days_between(day, due, self._calendar),
            official_calendar=all(map(self._calendar.is_known, (day, due))),
            responsible_unit="" if assignment is None else assignment.responsible_unit,
            person="" if assignment is None else assignment.person,
            next_stage=None if coming is None else coming.name,
            next_on=None if coming is None else coming.due_on,
            said=() if record is None else tuple(_of_deadline(record, due, look_back)),
        )


def _of_deadline(record: ClockRecord, due: date, look_back: bool) -> list[StagePassed]:
    return [each for each in record.passed if each.deadline == due and (each.stage == "look-back") is look_back]
