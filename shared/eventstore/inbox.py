"""The inbox: a consumed event takes effect once, however often it is delivered."""

from __future__ import annotations

from uuid import UUID

from shared.eventstore.sql import statement
from shared.postgres import Connection

__all__ = ["Inbox"]


class Inbox:
    """Remembers which events a consumer has taken in, in the transaction of what they caused."""

    async def first_time(self, conn: Connection, consumer: str, event_id: UUID) -> bool:
        """Return True the first time *consumer* shows *event_id*; it counts if the caller's transaction commits."""
        cursor = await conn.execute(statement("first_time"), {"consumer": consumer, "event_id": event_id})
        return cursor.rowcount == 1
