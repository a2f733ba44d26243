"""Reading a stream from a sequence on, without leaving anything behind on the server.

The consumer is ephemeral and asks for no acknowledgement. It is made again, from the message after the
last one seen, whenever the server or the connection was away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.problems import Unavailable

__all__ = ["StreamMessage", "last_sequence", "read_stream"]

BATCH = 256
LOOK = 2.0
"""Seconds without a message after which the reader looks whether its consumer still exists."""
PAUSE = 0.5
"""Seconds before trying again when the server is away."""


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A message as it stands in a stream."""

    seq: int
    subject: str
    time: datetime
    headers: Mapping[str, str]
    data: bytes


async def last_sequence(js: JetStreamContext, stream: str) -> int:
    """Return the sequence of the newest message of *stream*; 0 when it never had one.

    Raises
    ------
    Unavailable
        If there is no such stream.
    """
    try:
        return (await js.stream_info(stream)).state.last_seq
    except NotFoundError as error:
        raise Unavailable("bus.no_stream", stream=stream) from error


async def read_stream(
    js: JetStreamContext,
    stream: str,
    subject: str,
    start: int = 1,
    *,
    follow: bool = False,
    headers_only: bool = False,
) -> AsyncIterator[StreamMessage]:
    """Yield the messages of *stream* on *subject* from sequence *start* on, in order, each once.

    Parameters
    ----------
    follow
        Wait for more at the end, for ever, over restarts of the server; otherwise stop there.
    headers_only
        Leave the bodies behind (``data`` is empty; header ``Nats-Msg-Size`` says how large they are).

    Raises
    ------
    Unavailable
        If there is no such stream, or (unless *follow*) the server goes away.
    """
    position = start
    while True:
        try:
            async for message in _from(js, stream, subject, position, follow, headers_only):
                position = message.seq + 1
                yield message
        except (OSError, nats.errors.Error) as error:
            if not follow:
                raise Unavailable("bus.no_stream", stream=stream) from error
            await asyncio.sleep(PAUSE)
            continue
        return


async def _from(
    js: JetStreamContext, stream: str, subject: str, start: int, follow: bool, headers_only: bool
) -> AsyncIterator[StreamMessage]:
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=max(start, 1),
        ack_policy=AckPolicy.NONE,
        headers_only=headers_only or None,
        inactive_threshold=30.0,
        mem_storage=True,
        num_replicas=1,
    )
    subscription = await js.pull_subscribe(subject, stream=stream, config=config)
    try:
        pending = (await subscription.consumer_info()).num_pending or 0
        while True:
            if pending == 0 and not follow:
                return
            # A larger batch waits for its last message, so at the end of the stream one is asked for.
            try:
                batch = await subscription.fetch(min(max(pending, 1), BATCH), timeout=LOOK)
            except TimeoutError:
                pending = (await subscription.consumer_info()).num_pending or 0  # raises when the consumer is gone
                continue
            for message in batch:
                pending = message.metadata.num_pending
                yield _stored(message)
    finally:
        await _forget(js, stream, subscription)


async def _forget(js: JetStreamContext, stream: str, subscription: JetStreamContext.PullSubscription) -> None:
    """Drop the subscription; the server removes the idle consumer by itself after 30 s."""
    try:
        await subscription.unsubscribe()
    except (OSError, nats.errors.Error):
        return


def _stored(message: Msg) -> StreamMessage:
    facts = message.metadata
    return StreamMessage(
        seq=facts.sequence.stream,
        subject=message.subject,
        time=facts.timestamp.astimezone(UTC),
        headers=message.headers or {},
        data=message.data,
    )
