"""The first answer of somebody fit to act is the warning's acknowledgement: the monitor is told, until it knows."""

from __future__ import annotations

from services.notifier.domain.alarm import Alarm
from shared.bus.rpc import CommandClient
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.monitor import AcknowledgeWarning, WarningView
from shared.contracts.notifier import AlarmAnswered, Answer
from shared.eventstore import ServiceStore
from shared.logging import logger
from shared.postgres import Pool
from shared.problems import Refusal

__all__ = ["Forwarding"]


class Forwarding:
    """Hears the notifier's own answers from the stream: what was committed is forwarded, whatever dies in between."""

    def __init__(self, pool: Pool, parts: ServiceStore, client: CommandClient) -> None:
        self._pool, self._parts, self._client = pool, parts, client

    async def hear(self, cloud_event: CloudEvent) -> None:
        """Acknowledge the warning in the name of whoever answered.

        Raises
        ------
        Unavailable
            While the monitor does not answer: the event comes again.
        """
        event = event_of(cloud_event)
        if not isinstance(event, AlarmAnswered) or event.answer is Answer.CANNOT_GO:
            return
        name = await self._name(event)
        command = AcknowledgeWarning(warning_id=event.alarm_id, by=name, note=event.note)
        try:
            await self._client.send(command, WarningView)
        except Refusal as error:
            # Acknowledged by somebody else before, or over: nothing is left to say.
            logger(__name__).info("answer not forwarded", alarm=event.alarm_id, why=error.code)

    async def _name(self, event: AlarmAnswered) -> str:
        async with self._pool.connection() as conn:
            cursor = await conn.execute("SELECT state::text FROM alarm WHERE id = %s", (event.alarm_id,))
            row = await cursor.fetchone()
        told = None if row is None else Alarm.model_validate_json(row[0]).people.get(event.person_id)
        return event.person_id if told is None else told.name
