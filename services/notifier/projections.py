"""Read models: alarms as they stand, and shelvings in force."""

from __future__ import annotations

from typing import get_args

from services.notifier.domain.alarm import Alarm, AlarmEvent, evolve
from services.notifier.domain.drill import Drill
from services.notifier.domain.drill import evolve as drill_after
from shared.contracts.bulletins import BulletinIssued
from shared.contracts.notifier import (
    AlarmAnswered,
    AlarmOpened,
    Answer,
    CapPublished,
    DrillEnded,
    DrillStarted,
    DrillTidied,
    Shelved,
    Unshelved,
)
from shared.eventstore import StoredEvent
from shared.postgres import Connection

__all__ = ["Alarms", "Bulletins", "CapDocuments", "Drills", "Shelvings"]

_ALARM_EVENTS = get_args(AlarmEvent)


class Alarms:
    """Table ``alarm``."""

    name = "alarms"
    tables = ("alarm",)

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Write the alarm after *stored*."""
        event = stored.event
        if not isinstance(event, _ALARM_EVENTS) or not stored.stream.startswith("alarm-"):
            return  # bulletins and reports have deliveries too, in streams of their own
        before: Alarm | None = None
        if not isinstance(event, AlarmOpened):
            cursor = await conn.execute("SELECT state::text FROM alarm WHERE id = %s", (event.alarm_id,))
            row = await cursor.fetchone()
            assert row is not None, "an alarm opens before anything else happens to it"
            before = Alarm.model_validate_json(row[0])
        after = evolve(before, event)
        fit = isinstance(event, AlarmAnswered) and event.answer is not Answer.CANNOT_GO
        await conn.execute(
            "INSERT INTO alarm (id, pond_id, exercise, level, highest, opened, answered, ended, version, state)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET level = excluded.level,"
            " highest = excluded.highest, answered = coalesce(alarm.answered, excluded.answered),"
            " ended = excluded.ended, version = excluded.version, state = excluded.state",
            (
                after.alarm_id, after.pond_id, after.exercise, after.level, after.highest, after.opened,
                event.at if fit else None, after.ended, stored.version, after.model_dump_json(),
            ),
        )  # fmt: skip


class CapDocuments:
    """Table ``cap_document``: what was published, as it was."""

    name = "cap"
    tables = ("cap_document",)

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Add a document."""
        match stored.event:
            case CapPublished() as event:
                await conn.execute(
                    "INSERT INTO cap_document (identifier, alarm_id, pond_id, number, published, reference, state)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    (
                        event.identifier, event.alarm_id, event.pond_id, event.number, event.at, event.reference,
                        event.model_dump_json(),
                    ),
                )  # fmt: skip
            case _:
                pass


class Drills:
    """Table ``drill``: every exercise there was."""

    name = "drills"
    tables = ("drill",)

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Write the exercise after *stored*."""
        event = stored.event
        if not isinstance(event, DrillStarted | DrillEnded | DrillTidied):
            return
        before: Drill | None = None
        if not isinstance(event, DrillStarted):
            cursor = await conn.execute("SELECT state::text FROM drill WHERE id = %s", (event.drill_id,))
            row = await cursor.fetchone()
            assert row is not None, "an exercise starts before anything else happens to it"
            before = Drill.model_validate_json(row[0])
        after = drill_after(before, event)
        await conn.execute(
            "INSERT INTO drill (id, pond_id, started, ended, tidied, state) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, tidied = excluded.tidied, state = excluded.state",
            (after.drill_id, after.pond_id, after.started, after.ended, after.tidied, after.model_dump_json()),
        )


class Shelvings:
    """Table ``shelving``: those that were not ended; expired ones stay on record."""

    name = "shelvings"
    tables = ("shelving",)

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Add or take away a shelving."""
        match stored.event:
            case Shelved(shelving=shelving):
                await conn.execute(
                    "INSERT INTO shelving (id, pond_id, expires, state) VALUES (%s, %s, %s, %s)",
                    (shelving.shelving_id, shelving.pond_id, shelving.expires, shelving.model_dump_json()),
                )
            case Unshelved(shelving_id=shelving_id):
                await conn.execute("DELETE FROM shelving WHERE id = %s", (shelving_id,))
            case _:
                pass


class Bulletins:
    """Table ``bulletin``: which hours have had theirs."""

    name = "bulletins"
    tables = ("bulletin",)

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Add a bulletin."""
        match stored.event:
            case BulletinIssued() as event:
                await conn.execute(
                    "INSERT INTO bulletin (id, hour, scheduled, issued) VALUES (%s, %s, %s, %s)",
                    (event.bulletin_id, event.bulletin.time, event.scheduled, event.at),
                )
            case _:
                pass
