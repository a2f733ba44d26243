"""Bulletins: collected from monitor and desk, sent at their hours, each hour once whatever stops and starts."""

from __future__ import annotations

import asyncio
from datetime import datetime

from services.notifier.adapters.desk import Desk
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.recorder import ALL_PONDS
from services.notifier.domain.bulletin import BulletinPlan, due, facts, readers
from services.notifier.domain.delivery import Parcel
from services.notifier.domain.message import Message
from services.notifier.domain.world import Member
from services.notifier.wording import Language, render_bulletin
from shared.bus.rpc import CommandClient
from shared.contracts.bulletins import Bulletin, BulletinIssued, BulletinView, IssueBulletin, ShowBulletin
from shared.contracts.monitor import ListWarnings, PondStandings, ShowPondStanding, WarningList
from shared.contracts.notifier import MessageKind
from shared.eventstore.attempts import once_more
from shared.logging import logger
from shared.postgres import Connection
from shared.problems import TailwardenError

__all__ = ["Bulletins"]

_LOOK_S = 5.0
_MOST = 5000
"""Open warnings asked for; far more than a bulletin shows."""


class Bulletins:
    """``run`` it as a task; answers ``ShowBulletin`` and ``IssueBulletin``."""

    def __init__(self, desk: Desk, outbox: Outbox, client: CommandClient, plan: BulletinPlan) -> None:
        self._desk, self._outbox, self._client, self._plan = desk, outbox, client, plan
        self._began = desk.clock.now()
        self._log = logger(__name__)

    async def run(self) -> None:
        """Send what falls due until cancelled; while the monitor or the database is away, that is tried again."""
        while True:
            try:
                await self.step()
            except TailwardenError as error:
                self._log.warning("bulletin waits", code=error.code)
            except Exception as error:
                self._log.warning("bulletin waits", error=type(error).__name__)
            await asyncio.sleep(_LOOK_S)

    async def step(self) -> BulletinIssued | None:
        """Send the bulletin that is due, if one is.

        Raises
        ------
        TailwardenError
            When the monitor does not say how things stand.
        """
        now = self._desk.clock.now()
        found = due(self._plan, now, await self._last())
        if found is None:
            return None
        bulletin = await self._collect(now, found.hour, found.late)
        return await self._issue(bulletin, scheduled=True, by="clock")

    async def show(self, _command: ShowBulletin) -> BulletinView:
        """Return the bulletin as it would be now."""
        now = self._desk.clock.now()
        return self._view(await self._collect(now, now), self._readers(now), issued=False)

    async def issue(self, command: IssueBulletin) -> BulletinView:
        """Send a bulletin now."""
        now = self._desk.clock.now()
        bulletin = await self._collect(now, now)
        await self._issue(bulletin, scheduled=False, by=command.by)
        return self._view(bulletin, self._readers(now), issued=True)

    async def _last(self) -> datetime:
        async with self._desk.pool.connection() as conn:
            row = await (await conn.execute("SELECT max(hour) FROM bulletin")).fetchone()
        last: datetime | None = None if row is None else row[0]
        return self._began if last is None else last

    async def _collect(self, now: datetime, hour: datetime, late: bool = False) -> Bulletin:
        desk = self._desk
        standings = await self._client.send(ShowPondStanding(), PondStandings)
        warnings = await self._client.send(ListWarnings(limit=_MOST), WarningList)
        return facts(
            self._plan, desk.plan.routing, desk.directory, standings.ponds, warnings.warnings, desk.alarms, now, hour,
            late,
        )  # fmt: skip

    def _readers(self, now: datetime) -> tuple[Member, ...]:
        return readers(self._desk.directory, self._desk.plan.routing, self._plan, now)

    async def _issue(self, bulletin: Bulletin, *, scheduled: bool, by: str) -> BulletinIssued | None:
        """Keep the bulletin and queue it for its readers in one transaction; None: its hour was issued before."""
        desk, now = self._desk, self._desk.clock.now()
        people = self._readers(now)
        # One stream an hour: the same hour twice is the same stream, and there is something in it already.
        name = f"bulletin-{bulletin.time:%Y%m%dT%H%M%SZ}" + ("" if scheduled else f"-{now:%f}-by-hand")
        event = BulletinIssued(
            bulletin_id=name, bulletin=bulletin, scheduled=scheduled, at=now,
            told=tuple(person.person_id for person in people),
        )  # fmt: skip
        message = Message(
            kind=MessageKind.BULLETIN, alarm_id=name, pond_id=ALL_PONDS, pond_name="", timezone=bulletin.timezone,
            level=None, late=bulletin.late, time=bulletin.time, bulletin=bulletin,
        )  # fmt: skip

        async def work(conn: Connection) -> bool:
            if await desk.parts.store.read(conn, name):
                return False
            await desk.append(conn, name, "bulletin", [event], by)
            parcels = [
                Parcel(
                    id=f"{name}-{person.person_id}", alarm_id=name, pond_id=ALL_PONDS, person_id=person.person_id,
                    kind=MessageKind.BULLETIN, revision=1, channels=person.channels,
                    message=message.model_copy(update={"role": person.role}), created_at=now, due_at=now,
                )
                for person in people
            ]  # fmt: skip
            await self._outbox.put(conn, parcels)
            return True

        if not await once_more(desk.pool, desk.parts.store, work):
            return None
        desk.committed()
        if people:
            self._log.info("bulletin issued", hour=bulletin.time.isoformat(), told=len(people), late=bulletin.late)
        else:
            self._log.error("bulletin issued to nobody: no roster names anybody, and there is no fallback")
        return event

    def _view(self, bulletin: Bulletin, people: tuple[Member, ...], *, issued: bool) -> BulletinView:
        languages: tuple[Language, ...] = ("zh", "en")
        texts = {str(language): render_bulletin(bulletin, language, "full").body for language in languages}
        return BulletinView(
            bulletin=bulletin, texts=texts, readers=tuple(person.name for person in people), issued=issued
        )
