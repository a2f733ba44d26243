"""Listening to EVENTS: durably for a service, or as an onlooker who only follows.

A service's consumer gets one event at a time and in order: the next one is sent when the last was
acknowledged. FastStream's *push* subscriber is used, because its pull loop stalls with nats-py >= 2.15
(it does not expect the bare ``TimeoutError`` of a pull).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import nats.errors
import psycopg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.bus.dead import bury
from shared.bus.reader import StreamMessage, last_sequence, read_stream
from shared.bus.redelivery import retry_subject
from shared.contracts.cloudevents import CloudEvent, read_cloud_event
from shared.logging import bound
from shared.ops.catalogue import CONSUMED
from shared.ops.tracing import Span, span
from shared.problems import Fault, Refusal, TailwardenError, problem_of

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

__all__ = ["TRANSIENT", "follow", "on_events"]

log = logging.getLogger(__name__)

Handler = Callable[[CloudEvent], Awaitable[None]]

TRANSIENT: Final[tuple[type[Exception], ...]] = (Fault, OSError, TimeoutError, psycopg.OperationalError)
"""Outages, ours or the database's: such an event is tried again until it works, and never buried."""
ATTEMPTS: Final = 12
"""Deliveries after which an event that our code cannot handle is buried, so that the next ones get through."""
ACK_WAIT: Final = 5.0
"""Seconds until the server takes a silent consumer for dead and sends the event again."""
HEARTBEAT: Final = 1.5
"""Seconds between the signs of life a long handler gives meanwhile."""
LONGEST_DELAY: Final = 15.0


def on_events(
    broker: NatsBroker,
    subject_filter: str,
    durable: str,
    handler: Handler,
    *,
    attempts: int = ATTEMPTS,
    transient: tuple[type[Exception], ...] = TRANSIENT,
) -> None:
    """Give every event on *subject_filter* to *handler*, in order, at least once; call before the broker starts.

    Parameters
    ----------
    subject_filter
        For instance ``tw.events.registry.>``.
    durable
        Name of the consumer (``[a-z0-9_-]``): it remembers how far this service has read. A new one begins
        with the first event there ever was. Two processes with one name share the events.
    handler
        Returns: acknowledged. Raises one of *transient*: tried again with growing delay, for as long as it takes.
        Raises a ``Refusal``, or the event cannot be read: dead letter at once. Raises anything else: tried
        *attempts* times, then dead letter. Keep an inbox: an event may come twice.
    """
    from faststream import AckPolicy as Acknowledge  # slow to import, and only services need it
    from faststream.nats import JStream

    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_ack_pending=1,
        filter_subject=subject_filter,
    )

    async def take(message: Any) -> None:
        js = message.raw_message._client.jetstream()
        await _take(js, durable, handler, message.raw_message, attempts, transient)

    async def take_again(message: Any) -> bytes:
        return await _take_again(handler, message.body)

    broker.subscriber(
        subject_filter,
        durable,  # nats-py takes the queue's name for the durable's
        stream=JStream("EVENTS", declare=False),
        config=config,
        decoder=_whole,
        ack_policy=Acknowledge.MANUAL,
        title=f"{durable}:events",
    )(take)
    broker.subscriber(retry_subject(durable), durable, decoder=_whole, include_in_schema=False)(take_again)


async def _whole(message: Any) -> Any:
    """Hand the message itself to the handler."""
    return message


async def _take(
    js: JetStreamContext,
    durable: str,
    handler: Handler,
    message: Any,
    attempts: int,
    transient: tuple[type[Exception], ...],
) -> None:
    alive = asyncio.create_task(_signs_of_life(message))
    try:
        try:
            event = read_cloud_event(message.data)
        except Refusal as error:
            await _give_up(js, durable, message, error)
            CONSUMED.add(1.0, durable, "buried")
            return
        with bound(consumer=durable, pond=_pond(event)), _continued(event, durable) as step:
            outcome = await _outcome(js, durable, handler, event, message, attempts, transient)
            if outcome != "handled":
                step.fail(outcome)
            CONSUMED.add(1.0, durable, outcome)
    finally:
        alive.cancel()


async def _outcome(
    js: JetStreamContext,
    durable: str,
    handler: Handler,
    event: CloudEvent,
    message: Any,
    attempts: int,
    transient: tuple[type[Exception], ...],
) -> str:
    """Have an event handled, tell the server what came of it, and return that in a word."""
    delivered = message.metadata.num_delivered
    try:
        await handler(event)
    except Refusal as error:
        await _give_up(js, durable, message, error)
        return "buried"
    except transient as error:
        delay = _delay(delivered)
        log.warning("event %s waits %.1f s: %s", message.subject, delay, error, extra={"consumer": durable})
        await _told(message.nak(delay=delay))
        return "waiting"
    except Exception as error:
        log.exception("event %s failed", message.subject, extra={"consumer": durable}, exc_info=error)
        if delivered < attempts:
            await _told(message.nak(delay=_delay(delivered)))
            return "failed"
        await _give_up(js, durable, message, _unexpected(durable, message.subject))
        return "buried"
    await _acknowledge(message)
    return "handled"


def _continued(event: CloudEvent, durable: str) -> AbstractContextManager[Span]:
    """Continue the trace that an event was recorded in; one of no trace begins none."""
    return span(
        f"hear {event.type}", parent=event.traceparent, within=True, kind="consumer",
        messaging_system="nats", messaging_consumer_group_name=durable, messaging_message_id=str(event.id),
    )  # fmt: skip


def _pond(event: CloudEvent) -> str | None:
    """Return the pond that an event is about, for the log."""
    pond = event.data.get("pond_id")
    return pond if isinstance(pond, str) else None


async def _signs_of_life(message: Any) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        await _told(message.in_progress())


async def _acknowledge(message: Any) -> None:
    """Acknowledge until the server confirms: a lost one holds up all later events for ``ACK_WAIT``.

    Not for long: a killed server forgets what it had confirmed last, then sends it again after that time.
    """
    for _ in range(3):
        with suppress(OSError, nats.errors.Error):
            await message.ack_sync(timeout=0.5)
            return


async def _told(sending: Awaitable[None]) -> None:
    """Send a word about a message; when it cannot be sent, the message comes again by itself."""
    with suppress(OSError, nats.errors.Error):
        await sending


async def _give_up(js: JetStreamContext, durable: str, message: Any, error: TailwardenError) -> None:
    """Bury, then terminate; when burying fails the message simply comes again."""
    try:
        await bury(js, durable, message.data, message.subject, error, message.metadata.sequence.stream, stream="EVENTS")
    except (OSError, nats.errors.Error) as fault:
        log.warning("cannot bury %s now: %s", message.subject, fault, extra={"consumer": durable})
        await _told(message.nak(delay=_delay(message.metadata.num_delivered)))
        return
    log.error("event %s buried: %s", message.subject, error, extra={"consumer": durable})
    await _told(message.term())


def _delay(delivered: int) -> float:
    """Return the pause before the next try [s]: 0.1 doubling up to 15."""
    return min(0.1 * 2.0 ** min(delivered - 1, 10), LONGEST_DELAY)


def _unexpected(durable: str, subject: str) -> Fault:
    return Fault("bus.unexpected", service=durable, command=subject, incident=uuid4().hex[:12])


async def _take_again(handler: Handler, body: bytes) -> bytes:
    """Answer the hand-over of a dead event: ``{}`` when taken, ``{"problem": …}`` when not."""
    try:
        event = read_cloud_event(body)
        with bound(pond=_pond(event)), _continued(event, "retry"):
            await handler(event)
    except TailwardenError as error:
        problem = problem_of(error)
    except Exception as error:
        log.exception("retried event failed", exc_info=error)
        problem = problem_of(_unexpected("retry", "event"))
    else:
        return b"{}"
    return b'{"problem":' + problem.model_dump_json(fallback=str).encode() + b"}"


async def follow(
    js: JetStreamContext, subject: str = "tw.events.>", *, from_start: bool = False
) -> AsyncIterator[StreamMessage]:
    """Yield events as an onlooker: from the first ever or from now on, for ever, each once, in order.

    The position is kept by sequence, so that a restart of the server neither repeats nor skips.
    """
    start = 1 if from_start else await last_sequence(js, "EVENTS") + 1
    async for message in read_stream(js, "EVENTS", subject, start, follow=True):
        yield message
