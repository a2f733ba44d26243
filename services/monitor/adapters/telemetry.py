"""Telemetry from JetStream: a pull consumer whose messages are taken as soon as they are there.

How far the readings are stored stands in the database, moved on in the transaction that stores them, and a new
consumer begins after it: nothing is stored twice or left out, whichever side was killed. The acknowledgements
(``AckPolicy.ALL``, after commit) only let onlookers see how far the monitor is. They could not be trusted with more:
what the server sent to a process or a connection that died would be skipped, for the acknowledgement of a
later message covers it. For the same reason the consumer is made anew after every reconnection, and when a
message is missing in its count.

A plain ``fetch`` waits for its batch or its time-out; here a request is kept open ahead of need, and ``take``
returns whatever has come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import nats.errors
import nats.js.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.logging import logger

__all__ = ["CONSUMER", "STREAM", "Place", "Pull", "received_ns"]

CONSUMER = "monitor"
STREAM = "TELEMETRY"
_EXPIRES = 5.0
"""Seconds a request stays open."""
_TAKE_BYTES = 1 << 20
"""About so much is handed out at a time: some 25,000 readings in columns, beyond which a transaction gains nothing."""
_REQUEST_BYTES = 64 << 20
"""At most so many bytes on their way at a time: a flood of large messages must not fill the memory."""
_IDLE_CHECK = 5.0
"""Seconds of silence after which the server is asked whether it sent something that never came."""
_PAUSE = 0.2
_NEVER = datetime.min.replace(tzinfo=UTC)
_AWAY = (OSError, TimeoutError, nats.errors.Error)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a stream was read: it is known by when it was created, for a new one counts from 1 again."""

    created: datetime
    sequence: int


def sequences(message: Msg) -> tuple[int, int]:
    """Return (sequence in the stream, how many the consumer was sent) of a message.

    Read from its reply subject, ``$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream
    sequence>.<consumer sequence>.…``: nats-py's ``metadata`` says the same in ten times the time.
    """
    parts = message.reply.split(".")
    first = 5 if len(parts) == 9 else 7
    return int(parts[first]), int(parts[first + 1])


def received_ns(message: Msg) -> int:
    """Return when JetStream received a message [ns since 1970], by the server's clock; see ``sequences``."""
    parts = message.reply.split(".")
    return int(parts[7 if len(parts) == 9 else 9])


@dataclass(slots=True)
class Pull:
    """The monitor's consumer of TELEMETRY. ``stored`` tells how far the database is."""

    nc: Client
    stored: Callable[[], Awaitable[Place | None]]
    batch: int = 2000
    """Messages asked for at a time."""
    durable: str = CONSUMER
    filter_subjects: tuple[str, ...] = ()
    """Empty: the whole stream."""
    _created: datetime = _NEVER
    _buffer: list[Msg] = field(default_factory=list)
    _there: asyncio.Event = field(default_factory=asyncio.Event)
    _credit: int = 0
    _asked: float = 0.0
    _heard: float = 0.0
    _begins: int = 1
    """First message of the present consumer."""
    _last: int = 0
    """Last message that was taken in hand."""
    _count: int = 0
    """How many messages the present consumer has sent."""
    _astray: bool = True
    """The consumer has to be made anew."""
    _reconnects: int = 0
    _subscription: Subscription | None = None
    _inbox: str = ""

    async def open(self) -> None:
        """Begin after what is stored."""
        await self._begin(await self.stored())

    async def close(self) -> None:
        """Stop asking; what was taken and not stored comes again."""
        if self._subscription is not None:
            with suppress(nats.errors.Error):
                await self._subscription.unsubscribe()

    def place(self, message: Msg) -> Place:
        """Return where the stream has been read up to when everything up to *message* is stored."""
        return Place(self._created, sequences(message)[0])

    async def take(self, wait: float = 1.0) -> list[Msg]:
        """Return what has come, waiting up to *wait* seconds for the first message; may be empty."""
        try:
            if self.nc.stats["reconnects"] != self._reconnects:
                self._astray = True
            if not self._buffer and time.monotonic() - self._heard > _IDLE_CHECK:
                await self._look_after()
            if self._astray:
                await self._begin(Place(self._created, self._last))
            if len(self._buffer) + max(self._credit, 0) < self.batch // 2 or self._stale():
                await self._ask()
        except _AWAY as error:
            logger(__name__).warning("telemetry waits for NATS", error=str(error) or type(error).__name__)
            await asyncio.sleep(_PAUSE)
        if not self._buffer and not self._astray:
            self._there.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._there.wait()
        count = size = 0
        while count < min(len(self._buffer), self.batch) and size < _TAKE_BYTES:
            size += len(self._buffer[count].data)
            count += 1
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    async def acknowledge(self, message: Msg) -> None:
        """Let onlookers see that everything up to *message* is stored."""
        if sequences(message)[0] >= self._begins:  # an earlier consumer's would confuse this one's count
            with suppress(*_AWAY):
                await message.ack()

    async def _begin(self, place: Place | None) -> None:
        """Make the consumer anew, behind *place*."""
        reconnects = self.nc.stats["reconnects"]
        js = self.nc.jetstream(timeout=2.0)
        info = await js.stream_info(STREAM)
        self._created = info.created or self._created
        last = 0
        if place is not None and place.created == self._created:
            if place.sequence <= info.state.last_seq:
                last = place.sequence
            else:
                logger(__name__).error(
                    "the stream has lost its end; reading it again", stored=place.sequence, stream=info.state.last_seq
                )
        if place is not None and last and info.state.first_seq > last + 1:
            logger(__name__).error(
                "telemetry left the stream before it was stored: raise its limits, ask the loggers to send again",
                lost=info.state.first_seq - last - 1,
                after=last,
            )
        await self.close()
        self._inbox = self.nc.new_inbox()
        with suppress(nats.js.errors.NotFoundError):
            await js.delete_consumer(STREAM, self.durable)
        await js.add_consumer(
            STREAM,
            ConsumerConfig(
                durable_name=self.durable,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=last + 1,
                ack_policy=AckPolicy.ALL,
                ack_wait=600.0,
                max_ack_pending=100_000,
                max_deliver=-1,
                filter_subjects=list(self.filter_subjects) or None,
            ),
        )
        self._begins, self._last, self._count, self._credit = last + 1, last, 0, 0
        self._subscription = await self.nc.subscribe(
            self._inbox, cb=partial(self._come, self._inbox), pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        self._heard = time.monotonic()
        self._reconnects, self._astray = reconnects, False
        logger(__name__).info("telemetry begins", after=last, stream_ends=info.state.last_seq)

    async def _look_after(self) -> None:
        """Ask the server whether it sent more than came (a connection or another process may have swallowed it)."""
        self._heard = time.monotonic()
        try:
            info = await self.nc.jetstream(timeout=2.0).consumer_info(STREAM, self.durable)
        except nats.js.errors.NotFoundError:
            self._astray = True
        else:
            self._astray |= info.delivered is None or info.delivered.consumer_seq != self._count

    async def _come(self, inbox: str, message: Msg) -> None:
        if inbox != self._inbox or self._astray:
            return
        status = (message.headers or {}).get("Status") if message.headers and not message.reply else None
        if status is None:
            self._heard = time.monotonic()
            sequence, count = sequences(message)
            self._credit -= 1
            self._count += 1
            if count != self._count:
                self._astray = True
            elif sequence > self._last:  # else sent again while it is in hand
                self._last = sequence
                self._buffer.append(message)
            self._there.set()
        elif status == "100":
            pass
        elif status == "408" or (status == "409" and "Deleted" not in (message.headers or {}).get("Description", "")):
            self._credit -= int((message.headers or {}).get("Nats-Pending-Messages", self._credit))
            self._there.set()
        else:  # the consumer is gone, or JetStream is not there yet
            self._astray = True
            self._there.set()

    async def _ask(self) -> None:
        body = {"batch": self.batch, "expires": int(_EXPIRES * 1e9), "max_bytes": _REQUEST_BYTES}
        self._asked = time.monotonic()
        self._credit = max(self._credit, 0) + self.batch
        await self.nc.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self.durable}", orjson.dumps(body), reply=self._inbox
        )

    def _stale(self) -> bool:
        """Tell whether the last request must have ended without a word (a server that was restarted)."""
        if self._buffer or time.monotonic() - self._asked < _EXPIRES + 1.0:
            return False
        self._credit = 0
        return True
