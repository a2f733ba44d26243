"""Keeps the record of what was sent, and tells the control room when a channel fails for everybody."""

from __future__ import annotations

from collections.abc import Sequence

from services.notifier.adapters.desk import Desk
from services.notifier.adapters.outbox import Outbox
from services.notifier.domain.delivery import Outcome, Parcel
from services.notifier.domain.message import Message
from services.notifier.domain.routing import control_room
from shared.contracts.notifier import ChannelDown, ChannelUp, MessageKind
from shared.eventstore.attempts import once_more
from shared.postgres import Connection

__all__ = ["ALL_PONDS", "Records"]

ALL_PONDS = "all-ponds"
"""Stands for a pond in what concerns them all: bulletins, reports of channels."""


class Records:
    """Implements ``ports.Recorder``."""

    def __init__(self, desk: Desk, outbox: Outbox) -> None:
        self._desk, self._outbox = desk, outbox

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """See ``ports.Recorder``."""
        await self._desk.record(outcomes, self._outbox.settle)

    async def report(self, event: ChannelDown | ChannelUp) -> bool:
        """See ``ports.Recorder``: told to the fallback people and to whoever is on duty at the city's desk."""
        desk = self._desk
        people = control_room(desk.directory, desk.plan.routing, event.at)

        async def work(conn: Connection) -> bool:
            if not await self._outbox.turn(conn, event):
                return False
            stored = await desk.append(conn, f"channel-{event.channel}", event.channel, [event], "sender")
            report = f"channel-{stored[0].id}"
            message = Message(
                kind=MessageKind.CHANNEL_REPORT, alarm_id=report, pond_id=ALL_PONDS, pond_name="", level=None,
                time=event.at, channel=event.channel, channel_up=isinstance(event, ChannelUp),
                why=event.why if isinstance(event, ChannelDown) else "",
            )  # fmt: skip
            parcels = [
                Parcel(
                    id=f"{report}-{person.person_id}", alarm_id=report, pond_id=ALL_PONDS, person_id=person.person_id,
                    kind=MessageKind.CHANNEL_REPORT, revision=1, channels=person.channels,
                    message=message.model_copy(update={"role": person.role}), created_at=event.at, due_at=event.at,
                )
                for person in people
            ]  # fmt: skip
            await self._outbox.put(conn, parcels)
            return True

        news = await once_more(desk.pool, desk.parts.store, work)
        if news:
            desk.committed()
        return news
