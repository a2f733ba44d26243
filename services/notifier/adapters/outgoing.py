"""From a decision to a parcel: what the person is told, with their own link, queued in the decision's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from services.notifier.adapters.links import Links
from services.notifier.adapters.outbox import Outbox
from services.notifier.domain.alarm import Alarm
from services.notifier.domain.delivery import Parcel
from services.notifier.domain.directory import Directory
from services.notifier.domain.message import Message
from shared.contracts.notifier import PersonDecided
from shared.eventstore import StoredEvent
from shared.ops.tracing import HEADER
from shared.postgres import Connection

__all__ = ["Parcels"]


class Parcels:
    """Implements the desk's ``Outgoing``.

    Parameters
    ----------
    outbox, links
        Where parcels wait, and who signs the links in them.
    directory : Directory
        Names and places of ponds.
    """

    def __init__(self, outbox: Outbox, links: Links, directory: Directory) -> None:
        self._outbox, self._links, self._directory = outbox, links, directory

    async def put(self, conn: Connection, alarm: Alarm, decided: Sequence[tuple[StoredEvent, PersonDecided]]) -> None:
        """Queue one parcel for each decision; its id is the decision's, so that none is queued twice."""
        await self._outbox.put(conn, [self._parcel(alarm, stored, event) for stored, event in decided])

    def _parcel(self, alarm: Alarm, stored: StoredEvent, event: PersonDecided) -> Parcel:
        pond = self._directory.pond(alarm.pond_id)
        message = Message(
            kind=event.kind,
            alarm_id=alarm.alarm_id,
            pond_id=alarm.pond_id,
            pond_name=alarm.pond_id if pond is None else pond.name,
            county="" if pond is None else pond.county,
            timezone="Asia/Shanghai" if pond is None else pond.timezone,
            level=alarm.level,
            verified=alarm.verified,
            late=alarm.late,
            exercise=alarm.exercise,
            time=alarm.time,
            causes=alarm.causes,
            rank=event.rank,
            role=event.role,
            reason=event.reason,
            card=alarm.card,
            link=self._links.link(alarm.alarm_id, event.person_id),
            traceparent=stored.metadata.get(HEADER),
            also=tuple(other.name for other in alarm.recalled if other.person_id != event.person_id),
        )
        return Parcel(
            id=str(stored.id),
            alarm_id=alarm.alarm_id,
            pond_id=alarm.pond_id,
            person_id=event.person_id,
            kind=event.kind,
            revision=alarm.revision,
            exercise=alarm.exercise,
            channels=event.channels,
            message=message,
            created_at=event.at,
            due_at=event.at,
        )
