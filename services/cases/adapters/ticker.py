"""The clock over the findings' deadlines: what has fallen due is said, each stage once.

What falls due is a function of the findings' history, so a clock that was down says later what it missed, on the days
it belongs to. Two clocks at once do no harm: both find the same stages, and a record takes each only once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import date

import psycopg

from services.cases.domain.clock import CLOCK, NoticeStages
from services.cases.domain.deadlines import Calendar, Snapshot, StagePolicy, next_due, stages_due
from services.cases.workkinds import DEADLINE
from shared.contracts.cases import Finding
from shared.eventstore.aggregates import Acting, Aggregates
from shared.postgres import Connection

__all__ = ["DeadlineClock"]

log = logging.getLogger(__name__)

_BATCH = 50
"""Findings looked at in one transaction: while it runs, other appends wait."""


class DeadlineClock:
    """Looks at the findings whose state is new or whose next stage has come.

    Parameters
    ----------
    records
        Where findings live.
    policy, calendar
        The stages, and which days are worked.
    edition
        Names the calendar's edition: under another one every finding is looked at anew.
    """

    def __init__(self, records: Aggregates, policy: StagePolicy, calendar: Calendar, edition: str) -> None:
        self._records, self._policy, self._calendar = records, policy, calendar
        self._fingerprint = f"{policy.fingerprint}|{edition}"

    async def run(self, every: float) -> None:
        """Tick for ever, at once and then every so many seconds; an outage only delays it."""
        while True:
            try:
                await self.tick()
            except Exception as error:
                log.warning("deadlines were not looked at: %s", str(error) or type(error).__name__)
            await asyncio.sleep(every)

    async def tick(self) -> int:
        """Say everything that has fallen due by today and was not said; return how many stages that were."""
        today = self._records.today()
        async with self._records.pool.connection() as conn:
            waiting = await self._waiting(conn, today)
        said = 0
        for start in range(0, len(waiting), _BATCH):
            ids = waiting[start : start + _BATCH]
            try:
                said += await self._look_at(ids, today)
            except psycopg.OperationalError:
                raise
            except Exception as error:
                # One that cannot be judged must not keep the others from being said.
                log.warning("looking at %d findings one by one: %s", len(ids), error)
                said += await self._one_by_one(ids, today)
        return said

    async def _look_at(self, ids: Sequence[str], today: date) -> int:
        async def work(acting: Acting) -> int:
            return await self._look(acting, ids, today)

        return await self._records.together(work)

    async def _one_by_one(self, ids: Sequence[str], today: date) -> int:
        said = 0
        for finding_id in ids:
            try:
                said += await self._look_at([finding_id], today)
            except psycopg.OperationalError:
                raise
            except Exception:
                log.exception("the deadline of finding %s cannot be judged", finding_id)
        return said

    async def _waiting(self, conn: Connection, today: date) -> list[str]:
        cursor = await conn.execute(
            "SELECT f.id FROM finding_history f LEFT JOIN deadline_plan p ON p.finding_id = f.id"
            " WHERE f.valid_to IS NULL AND (p.version IS DISTINCT FROM f.version OR p.policy <> %s OR p.next_on <= %s)"
            " ORDER BY f.id",
            (self._fingerprint, today),
        )
        return [row[0] for row in await cursor.fetchall()]

    async def _look(self, acting: Acting, ids: Sequence[str], today: date) -> int:
        said = 0
        plans = []
        for finding_id, (version, history) in (await _histories(acting.conn, ids)).items():
            due = stages_due(history, today, self._policy, self._calendar)
            if due:
                notice = NoticeStages(history[-1].finding, due)
                outcome = await acting.put(DEADLINE, finding_id, notice, due[-1].due_on, CLOCK)
                said += len(outcome.events)
            coming = next_due(history, today, self._policy, self._calendar)
            plans.append((finding_id, version, self._fingerprint, coming))
        async with acting.conn.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO deadline_plan (finding_id, version, policy, next_on) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (finding_id) DO UPDATE SET version = excluded.version, policy = excluded.policy,"
                " next_on = excluded.next_on",
                plans,
            )
        return said


async def _histories(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[int, list[Snapshot]]]:
    """Return each finding's version and its states over time."""
    cursor = await conn.execute(
        "SELECT id, version, valid_from, valid_to, state::text FROM finding_history WHERE id = ANY(%s)"
        " ORDER BY id, valid_from",
        (list(ids),),
    )
    found: dict[str, tuple[int, list[Snapshot]]] = {}
    for finding_id, version, since, until, state in await cursor.fetchall():
        shots = found.setdefault(finding_id, (version, []))[1]
        shots.append(Snapshot(since, until, Finding.model_validate_json(state)))
        found[finding_id] = (version, shots)
    return found
