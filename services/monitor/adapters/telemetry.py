"""Telemetry from JetStream: a durable pull consumer whose messages are taken as soon as they are there.

A plain ``fetch`` waits for its batch or its time-out; here a request is kept open ahead of need, and ``take``
returns whatever has come. Everything up to a message is acknowledged at once (``AckPolicy.ALL``), after commit.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.logging import logger

__all__ = ["CONSUMER", "Pull"]

CONSUMER = "monitor"
STREAM = "TELEMETRY"
_EXPIRES = 5.0
"""Seconds a request stays open."""
_REQUEST_BYTES = 64 << 20
"""At most so many bytes on their way at a time: a flood of large messages must not fill the memory."""


@dataclass(slots=True)
class Pull:
    """The monitor's consumer of TELEMETRY."""

    nc: Client
    batch: int = 2000
    """Messages asked for at a time."""
    durable: str = CONSUMER
    filter_subject: str = "tw.telemetry.>"
    _buffer: list[Msg] = field(default_factory=list)
    _there: asyncio.Event = field(default_factory=asyncio.Event)
    _credit: int = 0
    _asked: float = 0.0
    _subscription: Subscription | None = None
    _inbox: str = ""

    async def open(self) -> None:
        """Make sure of the consumer and begin to ask."""
        js = self.nc.jetstream()
        await js.add_consumer(
            STREAM,
            ConsumerConfig(
                durable_name=self.durable,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.ALL,
                ack_wait=30.0,
                max_ack_pending=100_000,
                max_deliver=-1,
                filter_subject=self.filter_subject,
            ),
        )
        self._inbox = self.nc.new_inbox()
        self._subscription = await self.nc.subscribe(
            self._inbox, cb=self._come, pending_msgs_limit=-1, pending_bytes_limit=-1
        )

    async def close(self) -> None:
        """Stop asking; what was taken and not acknowledged comes again."""
        if self._subscription is not None:
            with suppress(nats.errors.Error):
                await self._subscription.unsubscribe()

    async def _come(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status") if message.headers and not message.reply else None
        if status is None:
            self._credit -= 1
            self._buffer.append(message)
            self._there.set()
        elif status == "100":
            pass
        elif status in ("408", "409"):
            self._credit -= int((message.headers or {}).get("Nats-Pending-Messages", self._credit))
            self._there.set()
        else:
            self._credit = 0
            self._there.set()

    async def _ask(self) -> None:
        body = {"batch": self.batch, "expires": int(_EXPIRES * 1e9), "max_bytes": _REQUEST_BYTES}
        self._asked = time.monotonic()
        self._credit = max(self._credit, 0) + self.batch
        await self.nc.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self.durable}", orjson.dumps(body), reply=self._inbox
        )

    async def take(self, wait: float = 1.0) -> list[Msg]:
        """Return what has come, waiting up to *wait* seconds for the first message; may be empty."""
        if len(self._buffer) + max(self._credit, 0) < self.batch // 2 or self._stale():
            try:
                await self._ask()
            except (OSError, nats.errors.Error) as error:
                logger(__name__).warning("telemetry waits for NATS", error=str(error) or type(error).__name__)
                await asyncio.sleep(0.2)
        if not self._buffer:
            self._there.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._there.wait(), wait)
        taken, self._buffer = self._buffer[: self.batch], self._buffer[self.batch :]
        return taken

    def _stale(self) -> bool:
        """Tell whether the last request must have ended without a word (a server that was restarted)."""
        if self._buffer or time.monotonic() - self._asked < _EXPIRES + 1.0:
            return False
        self._credit = 0
        return True

    async def acknowledge(self, message: Msg) -> None:
        """Acknowledge everything up to *message*; lost words about it only bring duplicates."""
        with suppress(OSError, nats.errors.Error):
            await message.ack()
