"""The relay: committed events go to JetStream, each once, in position order.

The stream itself says how far publishing has come: the relay resumes after the last message under
``tw.events.<service>.>`` (copies of older ones aside), so neither a crash between publishing and writing the cursor
nor an outage longer than the stream's duplicate window repeats an event. Two server-side conditions keep that true
while publishes are pipelined: the first of a batch is stored only if the service's last message is the one we know
(``Nats-Expected-Last-Subject-Sequence``), each further one only right after its predecessor
(``Nats-Expected-Last-Msg-Id``). A lost message therefore stops those behind it, and a second relay that
believes it leads can add nothing. The cursor row is a record for ``tailwarden audit verify``: an anchor
outside the chain.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psycopg
import structlog
from nats.js import JetStreamContext

from shared.contracts.cloudevents import envelope, subject_of
from shared.eventstore.events import StoredEvent
from shared.eventstore.published import last_published
from shared.eventstore.publisher import Acked, Outcome, Publish, Publisher, Refused
from shared.eventstore.sql import statement
from shared.eventstore.store import EventStore
from shared.ops.catalogue import RELAY_SECONDS
from shared.ops.tracing import HEADER, span, tracing_on
from shared.postgres import Connection, Pool
from shared.problems import Fault, Unavailable
from shared.tasks import end_if_cancelled

__all__ = ["Relay"]

STREAM = "EVENTS"
_NO_STREAM = 10059
_WRONG_LAST_MSG_ID = 10070
_WRONG_LAST_SEQUENCE = 10071
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0


class _LostPlaceError(Exception):
    """The service's last message is not the one we knew: somebody else published, or an old publish landed late."""


class Relay:
    """Publishes one service's events. Run it as a task; ``wake`` it after each commit.

    Parameters
    ----------
    store, pool : EventStore, Pool
        The service's store and a pool on its schema; the relay keeps one connection while it leads.
    js : JetStreamContext
        On a connection that reconnects for ever.
    service : str
        The service's name, as in the subjects.
    batch : int
        At most so many publishes in flight.
    poll : float
        Seconds between looks at the store when nobody wakes it.
    ack_timeout : float
        Seconds to wait for a batch's acks.
    told : callable, optional
        Given the events that JetStream has, once it has them.
    """

    def __init__(
        self,
        store: EventStore,
        pool: Pool,
        js: JetStreamContext,
        service: str,
        *,
        batch: int = 256,
        poll: float = 1.0,
        ack_timeout: float = 5.0,
        told: Callable[[Sequence[StoredEvent]], None] | None = None,
    ) -> None:
        self._store, self._pool, self._js, self._service = store, pool, js, service
        self._nc = js._nc  # the context has no public name for its connection
        self._batch, self._poll, self._ack_timeout = batch, poll, ack_timeout
        self._told = told
        self._filter = f"tw.events.{service}.>"
        self._awake = asyncio.Event()
        self._log = structlog.get_logger(__name__).bind(service=service)
        self._position = 0
        self._sequence = 0

    @property
    def position(self) -> int:
        """Position of the last event known to be published."""
        return self._position

    def wake(self) -> None:
        """Say that something was committed (from the event loop's thread)."""
        self._awake.set()

    async def run(self) -> None:
        """Publish until cancelled; whatever goes wrong with NATS or PostgreSQL is logged and tried again."""
        delay = _FIRST_DELAY
        while True:
            before = self._position
            try:
                await self._lead()
            except _LostPlaceError:
                self._log.info("relay finds its place again")
            except Exception as error:  # an outage, or a message nobody foresaw: the relay goes on in any case
                self._log.warning("relay interrupted", error=str(error) or type(error).__name__, retry_in_s=delay)
            delay = _FIRST_DELAY if self._position > before else min(delay * 2, _LONGEST_DELAY)
            await asyncio.sleep(delay)

    async def _lead(self) -> None:
        """Take the lead (one relay a service) and publish until something fails."""
        async with self._pool.connection() as conn, Publisher(self._nc) as publisher:
            try:
                while not await self._try_lead(conn):  # noqa: ASYNC110 - the lead is PostgreSQL's; no event tells us
                    await asyncio.sleep(self._poll)
                await self._find_place(conn)
                while True:
                    end_if_cancelled()
                    self._awake.clear()
                    events = await self._store.read_batch(conn, self._position, self._batch)
                    if events:
                        await self._publish(conn, publisher, events)
                    else:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(self._poll):
                                await self._awake.wait()
            finally:
                await _leave_lead(conn)

    @staticmethod
    async def _try_lead(conn: Connection) -> bool:
        row = await (await conn.execute(statement("try_lead"))).fetchone()
        return row is not None and bool(row[0])

    async def _find_place(self, conn: Connection) -> None:
        """Set position and sequence to the service's last message in the stream.

        Raises
        ------
        Fault
            ``relay.ahead`` when the stream holds positions the store does not have: publishing on would give
            subscribers two histories.
        """
        row = await (await conn.execute(statement("cursor"), {"service": self._service})).fetchone()
        last = await last_published(self._js, self._service, 0 if row is None else int(row[0]))
        position, sequence = last.position, last.sequence
        cursor = await conn.execute("SELECT coalesce(max(position), 0) FROM event")
        row = await cursor.fetchone()
        stored = 0 if row is None else int(row[0])
        if position > stored:
            raise Fault("relay.ahead", service=self._service, published=position, stored=stored)
        if position:
            # A relay killed between publishing and this record left it behind: who reads it would miss what is there.
            await conn.execute(
                statement("save_cursor"), {"service": self._service, "position": position, "hash": last.hash}
            )
        self._position, self._sequence = position, sequence
        self._log.info("relay leads", after_position=position, stored=stored)

    async def _publish(self, conn: Connection, publisher: Publisher, events: Sequence[StoredEvent]) -> None:
        """Publish *events* and move the cursor over those that are in the stream."""
        if not self._nc.is_connected:
            raise Unavailable("relay.no_nats", service=self._service)
        begun_ns = time.time_ns()
        outcomes = await publisher.publish(self._messages(events), self._ack_timeout)
        acked = _leading_acks(outcomes)
        if acked:
            self._tell(events[: len(acked)], begun_ns)
            last = events[len(acked) - 1]
            # Of what the stream had already (the server drops it by its id) the old place is told.
            self._position, self._sequence = last.position, max(self._sequence, *(each.sequence for each in acked))
            await conn.execute(
                statement("save_cursor"), {"service": self._service, "position": last.position, "hash": last.hash}
            )
        if len(acked) == len(events):
            return
        match outcomes[len(acked)]:
            case Refused(code=code) if code == _WRONG_LAST_MSG_ID and acked:
                return  # another service's event came in between: go on from here
            case Refused(code=code) if code in (_WRONG_LAST_MSG_ID, _WRONG_LAST_SEQUENCE):
                raise _LostPlaceError
            case Refused(reason=reason):
                position = events[len(acked)].position
                raise Fault("relay.refused", service=self._service, position=position, reason=reason)
            case _:
                raise Unavailable("relay.no_ack", service=self._service, seconds=self._ack_timeout)

    def _tell(self, events: Sequence[StoredEvent], begun_ns: int) -> None:
        """Measure what was published since *begun_ns*, trace what belongs to a trace, and say so to whoever waits."""
        now = time.time()
        for event in events:
            RELAY_SECONDS.observe(max(0.0, now - event.recorded_at.timestamp()))
            if tracing_on() and (trace := event.metadata.get(HEADER)) is not None:
                subject = subject_of(event.type, event.aggregate_id)
                with span(
                    f"relay {event.type}", parent=trace, kind="producer", begun_ns=begun_ns,
                    messaging_system="nats", messaging_destination_name=subject,
                ):  # fmt: skip
                    pass
        if self._told is not None:
            self._told(events)

    def _messages(self, events: Sequence[StoredEvent]) -> list[Publish]:
        """Return *events* as messages, each with the condition under which the server may store it."""
        messages: list[Publish] = []
        previous: StoredEvent | None = None
        for event in events:
            headers = {"Nats-Msg-Id": str(event.id), "Nats-Expected-Stream": STREAM}
            if previous is None:
                headers["Nats-Expected-Last-Subject-Sequence"] = str(self._sequence)
                headers["Nats-Expected-Last-Subject-Sequence-Subject"] = self._filter
            else:
                headers["Nats-Expected-Last-Msg-Id"] = str(previous.id)
            subject = subject_of(event.type, event.aggregate_id)
            messages.append(Publish(subject, envelope(self._service, event), headers))
            previous = event
        return messages


def _leading_acks(outcomes: Sequence[Outcome]) -> list[Acked]:
    """Return the acks before the first outcome that is none: what follows it was not stored, or will be refused."""
    acked: list[Acked] = []
    for outcome in outcomes:
        if not isinstance(outcome, Acked):
            break
        acked.append(outcome)
    return acked


async def _leave_lead(conn: Connection) -> None:
    """Give up the lead; it is a session lock, so a connection that cannot say so is closed."""
    try:
        await conn.execute("SELECT pg_advisory_unlock_all()")
    except psycopg.Error:
        await conn.close()
    except BaseException:
        await conn.close()
        raise
