"""Alarm load from the tables: how alarms came and went, and when ponds were not seen (as the monitor says)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from services.notifier.domain.load import Passage, Spell, alarm_load
from shared.clock import Clock
from shared.contracts.alarmload import AlarmLoad, AskAlarmLoad
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.monitor import PondBlind, PondRestored
from shared.eventstore import Inbox
from shared.postgres import Pool

__all__ = ["Load"]

_PASSAGES = """
SELECT id, pond_id, highest, began, cleared, answered, exercise, opened
FROM (
    SELECT alarm.*, (first.data->>'time')::timestamptz AS began,
           CASE WHEN alarm.level IS NULL THEN (alarm.state->>'time')::timestamptz END AS cleared
    FROM alarm JOIN event AS first ON first.stream = 'alarm-' || alarm.id AND first.version = 1
) AS passage
WHERE began < %(until)s AND (cleared IS NULL OR cleared >= %(before)s OR began >= %(before)s)
"""
"""By the events' own time: an old series replayed today raised its warnings when its readings were taken."""
_SPELLS = """
SELECT spell.pond_id, greatest(spell.began, known.since), spell.ended
FROM blind_spell AS spell
LEFT JOIN (
    SELECT aggregate_id, min((data->>'at')::timestamptz) AS since
    FROM heard WHERE event_type = 'registry.pond.registered' GROUP BY aggregate_id
) AS known ON known.aggregate_id = spell.pond_id
WHERE spell.began < %(until)s AND (spell.ended IS NULL OR spell.ended > %(since)s)
"""
"""A pond is not unseen before anybody knew of it, however old the last of its readings."""


class Load:
    """Answers ``AskAlarmLoad``; ``hear`` takes the monitor's events of ponds."""

    def __init__(self, pool: Pool, clock: Clock, zone: str = "Asia/Shanghai") -> None:
        self._pool, self._clock, self._zone = pool, clock, zone

    async def hear(self, cloud_event: CloudEvent) -> None:
        """Keep when a pond went blind, and when it was seen again."""
        event = event_of(cloud_event)
        if not isinstance(event, PondBlind | PondRestored):
            return
        async with self._pool.connection() as conn, conn.transaction():
            if not await Inbox().first_time(conn, "notifier-sight", UUID(str(cloud_event.id))):
                return
            if isinstance(event, PondBlind):
                # Told again when another sensor falls silent: the spell goes on.
                await conn.execute(
                    "INSERT INTO blind_spell (pond_id, began) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (event.pond_id, event.time),
                )
            else:
                await conn.execute(
                    "UPDATE blind_spell SET ended = greatest(began, %s) WHERE pond_id = %s AND ended IS NULL",
                    (event.time, event.pond_id),
                )

    async def answer(self, command: AskAlarmLoad) -> AlarmLoad:
        """Return the figures of the days up to the moment asked for."""
        until = self._clock.now() if command.until is None else command.until
        since = until - timedelta(days=command.days)
        chatter = timedelta(minutes=command.chatter_minutes)
        asked = {"until": until, "since": since, "before": since - chatter}
        async with self._pool.connection() as conn:
            passages = [
                Passage(
                    alarm_id=row[0], pond_id=row[1], highest=row[2], opened=row[3], cleared=row[4], answered=row[5],
                    exercise=row[6], heard=row[7],
                )
                for row in await (await conn.execute(_PASSAGES, asked)).fetchall()
            ]  # fmt: skip
            spells = [
                Spell(pond_id=row[0], began=row[1], ended=row[2])
                for row in await (await conn.execute(_SPELLS, asked)).fetchall()
            ]
        return alarm_load(passages, spells, since, until, chatter=chatter, zone=self._zone)
