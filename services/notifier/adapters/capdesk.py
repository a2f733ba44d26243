"""CAP documents: made once, in the transaction of the change they tell of; then a record, an event and a feed."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from services.notifier.cap import (
    CapDocument,
    Feed,
    Revision,
    Sender,
    Subject,
    atom_feed,
    cap_document,
    china_identifier,
    revisions,
)
from services.notifier.cap.model import CHINA
from services.notifier.domain.alarm import Alarm
from services.notifier.domain.directory import Directory
from shared.contracts.notifier import AlarmChanged, AlarmOpened, CapPublished
from shared.eventstore import Decider, Recording, ServiceStore, handle
from shared.names import has_controls
from shared.postgres import Connection, Pool

__all__ = ["CapDesk"]

NEWEST = 500
"""Documents in the feed beside those in force; every single one stays readable under its own address."""

_FEED = """
(SELECT identifier, state::text FROM cap_document ORDER BY published DESC, identifier LIMIT %s)
UNION
SELECT d.identifier, d.state::text FROM alarm a CROSS JOIN LATERAL (
    SELECT identifier, state FROM cap_document WHERE alarm_id = a.id ORDER BY number DESC LIMIT 1) d
WHERE a.ended IS NULL AND d.state->>'level' IS NOT NULL
"""

_DOCUMENT: Decider[CapPublished, None] = Decider(
    initial=None, decide=lambda event, _: [event], evolve=lambda state, _: state
)


class CapDesk:
    """Implements the desk's ``Publishing`` and the web's ``Feed``.

    Parameters
    ----------
    pool, parts
        The notifier's.
    directory : Directory
        Names and places of ponds, and which one an exercise's stands for.
    sender : Sender
    base_url : str
        Below which the feed is served.
    """

    def __init__(self, pool: Pool, parts: ServiceStore, directory: Directory, sender: Sender, base_url: str) -> None:
        self._pool, self._parts, self._directory, self._sender = pool, parts, directory, sender
        self._base = base_url.rstrip("/")

    async def publish(self, conn: Connection, alarm: Alarm) -> None:
        """See ``desk.Publishing``: what was superseded when it was heard is not published."""
        story = await self._parts.store.read(conn, f"alarm-{alarm.alarm_id}")
        told = [each.event for each in story if isinstance(each.event, AlarmOpened | AlarmChanged)]
        history = revisions(told)
        if not history or history[-1].number != len(told):
            return
        known = await self._identifiers(conn, alarm.alarm_id)
        past = tuple(
            each.model_copy(update={"identifier": known[each.number]}) for each in history[:-1] if each.number in known
        )
        last = history[-1]
        if last.level is None and (not past or (alarm.exercise and past[-1].level is None)):
            return  # nothing stands that could be cleared
        last = last.model_copy(update={"identifier": await self._own(conn, last)})
        document = cap_document(self._subject(alarm), (*past, last), self._sender)
        event = CapPublished(
            identifier=document.identifier, alarm_id=alarm.alarm_id, pond_id=alarm.pond_id, number=last.number,
            msg_type=document.msg_type, status=document.status, level=document.level, reference=document.reference,
            headlines=document.headlines, xml=document.xml.decode(), at=last.sent,
        )  # fmt: skip
        recording = Recording(at=last.sent, aggregate_id=alarm.pond_id, metadata={"by": "cap"}, new_id=uuid4)
        stream = f"cap-{alarm.alarm_id}"
        await handle(conn, self._parts.store, stream, _DOCUMENT, event, recording, self._parts.projections)

    async def atom(self) -> bytes:
        """See ``web.Feed``: every document in force, and the newest, of alarms that are over too."""
        async with self._pool.connection() as conn:
            cursor = await conn.execute(_FEED, (NEWEST,))
            found = [_document(CapPublished.model_validate_json(row[1])) for row in await cursor.fetchall()]
        updated = max((datetime.fromisoformat(each.sent) for each in found), default=datetime(1970, 1, 1, tzinfo=UTC))
        return atom_feed(Feed(url=f"{self._base}/cap/feed.atom", documents=f"{self._base}/cap"), found, updated)

    async def document(self, identifier: str) -> bytes | None:
        """See ``web.Feed``."""
        if has_controls(identifier):
            return None  # no document has such a name, and the database takes none with NUL
        async with self._pool.connection() as conn:
            cursor = await conn.execute("SELECT state->>'xml' FROM cap_document WHERE identifier = %s", (identifier,))
            row = await cursor.fetchone()
        return None if row is None else str(row[0]).encode()

    async def _identifiers(self, conn: Connection, alarm_id: str) -> dict[int, str]:
        cursor = await conn.execute("SELECT number, identifier FROM cap_document WHERE alarm_id = %s", (alarm_id,))
        return {int(number): str(identifier) for number, identifier in await cursor.fetchall()}

    async def _own(self, conn: Connection, revision: Revision) -> str | None:
        """Return the identifier when it does not follow from the alarm: China's is a number among those of a second."""
        if self._sender.pattern != CHINA:
            return None
        cursor = await conn.execute(
            "SELECT identifier FROM cap_document WHERE published > %s - interval '1 hour'", (revision.sent,)
        )
        taken = {str(row[0]) for row in await cursor.fetchall()}
        return china_identifier(self._sender.unit, revision.sent, taken)

    def _subject(self, alarm: Alarm) -> Subject:
        pond = self._directory.pond(alarm.pond_id)
        if pond is None:
            return Subject(
                alarm_id=alarm.alarm_id, pond_id=alarm.pond_id, pond_name=alarm.pond_id, exercise=alarm.exercise
            )
        return Subject(
            alarm_id=alarm.alarm_id, pond_id=alarm.pond_id, pond_name=pond.name, county=pond.county,
            timezone=pond.timezone, exercise=alarm.exercise, latitude=pond.latitude, longitude=pond.longitude,
        )  # fmt: skip


def _document(event: CapPublished) -> CapDocument:
    sender, _, sent = event.reference.split(",")
    return CapDocument(
        identifier=event.identifier, sender=sender, sent=sent, msg_type=event.msg_type, status=event.status,
        level=event.level, headlines=event.headlines, xml=event.xml.encode(),
    )  # fmt: skip
