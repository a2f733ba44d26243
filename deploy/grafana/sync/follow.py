"""Annotations kept in step with events. Grafana may be down for as long as it likes: nobody waits for it but this.

Events only say which warnings changed; what is written comes from the database. So nothing needs to be remembered: at
the start, and after an outage, everything of the last days is compared, and what is missing is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import psycopg

from deploy.grafana.sync.api import Grafana
from deploy.grafana.sync.compare import Difference
from deploy.grafana.sync.marks import Mark, extend, keep, marks
from deploy.grafana.sync.things import things
from shared.clock import Clock
from shared.problems import Refusal, TailwardenError

__all__ = ["Follower", "Message"]

log = logging.getLogger(__name__)

_ID_PLACE = 4
"""Of the warning's id in ``tw.events.monitor.warning.<id>.<event>``."""


class Message(Protocol):
    """As much of a message as is read here."""

    @property
    def subject(self) -> str:
        """Its subject."""


class Follower:
    """Writes what events say has changed; tries again with growing pauses while it cannot.

    Parameters
    ----------
    things_url
        How Grafana reaches the database: folder, data source and dashboards are brought into step with the whole, too.
        None: annotations only.
    pauses
        The first and the longest between two tries [s].
    grow_s
        How often the regions of standing warnings are let reach until now [s].
    """

    def __init__(
        self,
        grafana: Grafana,
        database_url: str,
        clock: Clock,
        *,
        days: float = 30.0,
        things_url: str | None = None,
        renew: bool = False,
        told: Callable[[Difference], None] = lambda _: None,
        trouble: Callable[[str], None] = lambda _: None,
        pauses: tuple[float, float] = (1.0, 30.0),
        grow_s: float = 300.0,
    ) -> None:
        self._grafana, self._url, self._clock, self._days = grafana, database_url, clock, days
        self._told, self._trouble, self._pauses, self._grow_s = told, trouble, pauses, grow_s
        self._things_url, self._renew = things_url, renew
        self._changed: set[str] = set()
        self._all = True
        self._wake = asyncio.Event()
        self.waiting = False
        """Whether something could not be written and is tried again."""

    async def run(self, messages: AsyncIterator[Message]) -> None:
        """Follow *messages* until cancelled or until they end and everything is written.

        Raises
        ------
        Refusal
            What Grafana will not do however often it is asked: a token it does not take.
        """
        listening = asyncio.create_task(self._listen(messages))
        try:
            while True:
                await self._work()
                if listening.done() and not self._changed and not self._all:
                    listening.result()
                    return
                self._wake.clear()
                if not self._changed and not listening.done():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), self._grow_s)
        finally:
            listening.cancel()

    async def _listen(self, messages: AsyncIterator[Message]) -> None:
        """Note which warnings changed. This never waits for Grafana, and holds no more than ids."""
        try:
            async for message in messages:
                parts = message.subject.split(".")
                if len(parts) > _ID_PLACE:
                    self._changed.add(parts[_ID_PLACE])
                    self._wake.set()
        finally:
            self._wake.set()

    async def _work(self) -> None:
        """Write what is to be written, however long that takes."""
        pause, longest = self._pauses
        while True:
            everything, ids = self._all, frozenset(self._changed)
            # Taken out first: what changes again meanwhile is written again.
            self._all, self._changed = False, set()
            try:
                for difference in await asyncio.to_thread(self._written, None if everything else ids):
                    self._told(difference)
            except Refusal:
                raise  # a token that may not do this will not be allowed to by asking again
            except (TailwardenError, psycopg.Error, OSError) as error:
                # While Grafana is away events may be many: then everything is compared once, not one by one.
                self._all, self.waiting = True, True
                log.warning("annotations wait %.0f s: %s", pause, error)
                self._trouble(str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
                continue
            self.waiting = False
            return

    def _written(self, ids: frozenset[str] | None) -> list[Difference]:
        now = self._clock.now()
        if ids is None and self._things_url is not None:
            # A Grafana that came back may be a new one, with nothing in it.
            for difference in things(self._grafana, self._things_url, fix=True, renew=self._renew):
                if difference.state == "fixed":
                    self._told(difference)
            self._renew = False
        wanted: list[Mark] = marks(self._url, self._since(now), None if ids is None else sorted(ids))
        found = list(keep(self._grafana, wanted, now, fix=True))
        if ids is not None and not ids:
            # Nothing happened for a while: what stands goes on.
            extend(self._grafana, marks(self._url, now), now)
        return found

    def _since(self, now: datetime) -> datetime:
        return now - timedelta(days=self._days)
