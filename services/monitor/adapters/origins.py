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
from shared.bus.partitions import telemetry_subject
from shared.contracts.base import Event
from shared.contracts.monitor import WarningEscalated, WarningRaised
from shared.eventstore import StoredEvent
from shared.ops.catalogue import PUBLISH_TO_STORE, PUBLISH_TO_WARNING
from shared.ops.tracing import HEADER, Span, span, tracing_on

__all__ = ["RECEIVED", "Origins", "batch", "received", "saying", "warned"]

_SAMPLE = 16
"""So many messages of a batch stand for all of it in the latencies."""
_LINKS = 64
"""So many messages' traces are linked to the span of their batch; each has its own."""
_HISTORY_S = 3600.0
RECEIVED = "received_us"
"""In an event's metadata: when JetStream received the message that led to it [µs since 1970]."""


class Origins:
    """The messages of one attempt to store a batch."""

    def __init__(self, messages: Sequence[Msg]) -> None:
        self._messages = messages
        self._by_pond: dict[str, list[Msg]] | None = None

    def links(self) -> list[str]:
        """Return the traces that messages bring along."""
        found = (_trace(each) for each in self._messages)
        return [trace for trace in found if trace is not None][:_LINKS]

    def of(self, pond_id: str) -> list[Msg]:
        """Return the messages about a pond, the newest first."""
        if self._by_pond is None:  # sorted once, and only if something is said at all
            self._by_pond = {}
            for message in reversed(self._messages):
                self._by_pond.setdefault(telemetry_subject(message.subject).split(".")[2], []).append(message)
        return self._by_pond.get(pond_id, [])


_batch: ContextVar[Origins | None] = ContextVar("batch", default=None)


@contextmanager
def batch(messages: Sequence[Msg]) -> Iterator[None]:
    """Give what is stored in this block its origin; measure and trace the block when it comes to its end."""
    origins = Origins(messages)
    token = _batch.set(origins)
    try:
        links = origins.links() if tracing_on() else []
        if links:
            with span("store telemetry", kind="consumer", links=links, messaging_system="nats") as step:
                step.set(messaging_batch_message_count=len(messages))
                yield
        else:
            yield
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


def received(pond_id: str, event: Event) -> dict[str, str]:
    """Return when the message was received that led to a warning, for the event's metadata.

    It goes with the event, because another process may be the one that publishes it.
    """
    origins = _batch.get()
    if origins is None or not isinstance(event, WarningRaised | WarningEscalated):
        return {}
    messages = origins.of(pond_id)
    return {RECEIVED: str(received_ns(messages[0]) // 1000)} if messages else {}


def warned(events: Sequence[StoredEvent]) -> None:
    """Measure how long the warnings among *events* took, which JetStream has just got."""
    now = time.time()
    for event in events:
        since_us = event.metadata.get(RECEIVED)
        # What was recorded long ago is told again (a stream made anew), it is no warning on its way.
        if since_us is not None and now - event.recorded_at.timestamp() < _HISTORY_S:
            PUBLISH_TO_WARNING.observe(max(0.0, now - int(since_us) / 1e6))


def _trace(message: Msg) -> str | None:
    headers = message.headers
    return None if headers is None else headers.get(HEADER)
