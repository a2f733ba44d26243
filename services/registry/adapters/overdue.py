"""The register's own doing: ponds out of use for more than three years and not deregistered are raised, stage by stage.

What was raised stands in streams of its own (``closure-<pond>``); each look asks the database which ponds have a
stage that fell due and was not raised, so a look that was missed, cut off or done twice at once makes no difference.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date

import psycopg

from services.registry.domain.overdue import RULE, OverdueRule, RemindOverdue, missed
from services.registry.kinds import CLOSURE, PONDFILE
from shared.eventstore.aggregates import Acting, Aggregates
from shared.logging import logger
from shared.tasks import end_if_cancelled

__all__ = ["Overdue"]

_DUE = """
SELECT p.id FROM pondfile_history p
LEFT JOIN closure_history c ON c.id = p.id AND c.valid_to IS NULL
WHERE p.valid_to IS NULL AND p.out_of_use_since IS NOT NULL
  AND p.out_of_use_since + make_interval(months => %(after)s + %(remind)s *
        CASE WHEN c.out_of_use_since = p.out_of_use_since
                  AND coalesce((c.state->>'term')::int, 0) IN (0, coalesce((p.state->>'term')::int, 0))
             THEN c.stage ELSE 0 END)
      < least(%(today)s::date,
              CASE WHEN p.pond_use = 'deregistered' THEN (p.state->>'use_since')::date - 1 END)
ORDER BY p.id
"""
"""Ponds with a stage that fell due: what ``missed`` says, asked of all at once. least() passes over NULL."""


class Overdue:
    """Looks for what fell due, every so often and when woken.

    Parameters
    ----------
    records : Aggregates
        The registry's; its clock says which day it is.
    rule : OverdueRule
    every : float
        Seconds between looks.
    """

    def __init__(self, records: Aggregates, rule: OverdueRule = RULE, every: float = 15.0) -> None:
        self._records, self._rule, self._every = records, rule, every
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look soon: something may have fallen due by what was just recorded."""
        self._woken.set()

    async def run(self) -> None:
        """Look for ever; an outage of the database only delays it."""
        log = logger(__name__)
        while True:
            end_if_cancelled()
            self._woken.clear()
            try:
                raised = await self.look()
                if raised:
                    log.info("closures overdue", raised=raised)
            except Exception as error:
                log.warning("look for overdue closures failed", error=str(error) or type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._woken.wait()

    async def look(self) -> int:
        """Raise every stage that fell due and was not raised; return how many. A pond that fails stops no other."""
        today = self._records.today()
        terms = {"after": self._rule.after_months, "remind": self._rule.remind_months, "today": today}
        async with self._records.pool.connection() as conn:
            due = [str(row[0]) for row in await (await conn.execute(_DUE, terms)).fetchall()]
        raised = 0
        for pond_id in due:
            try:
                raised += await self._remind(pond_id, today)
            except psycopg.OperationalError:
                raise
            except Exception as error:
                reason = str(error) or type(error).__name__
                logger(__name__).error("overdue closure cannot be raised", pond=pond_id, error=reason)
        return raised

    async def _remind(self, pond_id: str, today: date) -> int:
        async def work(acting: Acting) -> int:
            # The streams, not the tables, are asked again: between the look and now somebody may have acted.
            file = await acting.find(PONDFILE, pond_id)
            known = await acting.find(CLOSURE, pond_id)
            if file is None:
                return 0
            stages = missed(file.state, today, None if known is None else known.state, self._rule)
            if not stages:
                return 0
            command = RemindOverdue(
                file=file.state,
                today=today,
                after_months=self._rule.after_months,
                remind_months=self._rule.remind_months,
            )
            outcome = await acting.put(CLOSURE, pond_id, command, stages[0][1], "registry")
            return len(outcome.events)

        return await self._records.together(work)
