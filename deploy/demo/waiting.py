"""Waiting for a running system to have got somewhere, and asking it how far it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from shared.problems import Fault, NotFound, Unavailable
from shared.words import say

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from shared.settings import Connection

__all__ = ["HEARD", "LAST_SHIFT", "STORED", "all_told", "ask", "dead", "until"]

STORED = (
    "SELECT count(*) FROM monitor.reading WHERE sensor NOT IN"
    " (SELECT key FROM monitor.sensor WHERE pond_id = 'watchdog')"
)
"""The watchdog's readings are none of ours; its pond is ``synthetic.WATCHDOG_POND``."""
LAST_SHIFT = "SELECT max(position) FROM registry.event WHERE type = 'registry.roster.shifts_added'"
"""The last of what is registered about people: once the notifier has heard of it, it knows them all."""
HEARD = "SELECT coalesce(max(position), 0) FROM notifier.heard"
PAUSE = 0.05


async def until(condition: Callable[[], Awaitable[bool]], limit: float, what: str, language: str) -> None:
    """Wait for a condition; a part that is not up yet counts as not yet.

    Raises
    ------
    Fault
        ``demo.no_answer`` when it does not come about within *limit* [s].
    """
    end = time.monotonic() + limit
    while True:
        try:
            if await condition():
                return
        except (NotFound, Unavailable):
            if time.monotonic() > end:
                raise
        if time.monotonic() > end:
            raise Fault("demo.no_answer", what=say(f"demo.what_{what}", language), seconds=round(limit))
        await asyncio.sleep(PAUSE)


async def ask(connection: Connection, service: str, question: str) -> int:
    """Return the one number that a query in a service's schema gives."""
    import psycopg

    url = connection.database(service)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        row = await (await conn.execute(question)).fetchone()
    return 0 if row is None else int(row[0])


async def dead(js: JetStreamContext) -> int:
    """Return how many messages lie among the dead letters, advisories not counted."""
    info = await js.stream_info("DEAD", subjects_filter="tw.dead.>")
    return sum((info.state.subjects or {}).values())


async def all_told(connection: Connection, js: JetStreamContext, position: int) -> bool:
    """Return whether the notifier has heard of everything, sent everything, and told everything up to *position*."""
    hearing = await js.consumer_info("EVENTS", "notifier-monitor")
    if hearing.num_pending or hearing.num_ack_pending:
        return False
    waiting = "SELECT count(*) FROM notifier.delivery WHERE state IN ('waiting', 'sending')"
    if await ask(connection, "notifier", waiting):
        return False
    return position >= await ask(connection, "notifier", "SELECT coalesce(max(position), 0) FROM notifier.event")
