"""Where a warning came from: which message of a batch led to it, how long ago that came, and which trace it is of.

A batch of thousands of readings makes no thousands of spans: there is one for the batch, when its messages bring
traces of their own, and one for each time something is said. That one continues the trace of the message it rests on;
without such a message a trace begins where something is said, and only there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from nats.aio.msg import Msg

from services.monitor.adapters.telemetry import received_ns
from shared.contracts.base import Event
from shared.contracts.monitor import WarningEscalated, WarningRaised
from shared.eventstore import StoredEvent
from shared.ops.catalogue import PUBLISH_TO_STORE, PUBLISH_TO_WARNING
from shared.ops.tracing import HEADER, Span, span, tracing_on

__all__ = ["Awaited", "Origins", "batch", "said", "saying"]

_SAMPLE = 16
"""So many messages of a batch stand for all of it in the latencies."""
_LINKS = 64
"""So many messages' traces are linked to the span of their batch; each has its own."""
_AWAITED = 10_000
"""So many warnings may wait for the relay; beyond that it is away, and what is measured would be its outage."""


class Origins:
    """The messages of one attempt to store a batch."""

    def __init__(self, messages: Sequence[Msg]) -> None:
        self._messages = messages
        self.warned: list[tuple[int, int]] = []
        """(position of a warning's event, when the message that led to it was received [ns])."""

    def links(self) -> list[str]:
        """Return the traces that messages bring along."""
        found = (_trace(each) for each in self._messages)
        return [trace for trace in found if trace is not None][:_LINKS]

    def of(self, pond_id: str) -> list[Msg]:
        """Return the messages about a pond, the newest first."""
        about = f"tw.telemetry.{pond_id}"
        return [each for each in reversed(self._messages) if f"{each.subject}.".startswith(f"{about}.")]

    def note(self, pond_id: str, stored: Sequence[StoredEvent]) -> None:
        """Note what was said of a pond, for when it is out."""
        positions = [each.position for each in stored if isinstance(each.event, WarningRaised | WarningEscalated)]
        if positions and (messages := self.of(pond_id)):
            self.warned += [(position, received_ns(messages[0])) for position in positions]


_batch: ContextVar[Origins | None] = ContextVar("batch", default=None)


@contextmanager
def batch(messages: Sequence[Msg]) -> Iterator[Origins]:
    """Give what is stored in this block its origin; measure and trace the block when it comes to its end."""
    origins = Origins(messages)
    token = _batch.set(origins)
    try:
        links = origins.links() if tracing_on() else []
        if links:
            with span("store telemetry", kind="consumer", links=links, messaging_system="nats") as step:
                step.set(messaging_batch_message_count=len(messages))
                yield origins
        else:
            yield origins
    finally:
        _batch.reset(token)
    stored(messages)


def stored(messages: Sequence[Msg]) -> None:
    """Measure how long ago messages were received that are stored now: a few of them stand for all."""
    now, count = time.time_ns(), len(messages)
    stride = max(1, -(-count // _SAMPLE))
    picked = messages[::stride]
    for message in picked:
        PUBLISH_TO_STORE.observe(max(0, now - received_ns(message)) / 1e9, weight=count / len(picked))


def saying(pond_id: str, events: Sequence[Event]) -> AbstractContextManager[Span]:
    """Trace that something is said of a pond: the trace of its newest message that has one, else a new one."""
    if not tracing_on():
        return span("say")
    origins = _batch.get()
    messages = [] if origins is None else origins.of(pond_id)
    traces = [trace for each in messages if (trace := _trace(each)) is not None]
    return span(
        "say",
        parent=traces[0] if traces else None,
        links=traces[1:_LINKS],
        tailwarden_pond=pond_id,
        tailwarden_events=", ".join(dict.fromkeys(each.event_type for each in events)),
    )


def said(pond_id: str, events: Sequence[StoredEvent]) -> None:
    """Note what was said of a pond, if it was a batch of readings that led to it."""
    origins = _batch.get()
    if origins is not None:
        origins.note(pond_id, events)


class Awaited:
    """Warnings that are committed and on their way to JetStream: measured when they are there."""

    def __init__(self) -> None:
        self._received_ns: dict[int, int] = {}

    def expect(self, origins: Origins) -> None:
        """Wait for what a committed batch led to."""
        if len(self._received_ns) > _AWAITED:
            self._received_ns.clear()
        self._received_ns.update(origins.warned)

    def told(self, events: Sequence[StoredEvent]) -> None:
        """Measure those of *events* that were waited for."""
        if not self._received_ns:
            return
        now = time.time_ns()
        for event in events:
            received = self._received_ns.pop(event.position, None)
            if received is not None:
                PUBLISH_TO_WARNING.observe(max(0, now - received) / 1e9)


def _trace(message: Msg) -> str | None:
    headers = message.headers
    return None if headers is None else headers.get(HEADER)
