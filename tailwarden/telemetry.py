"""Sending readings to a running system: messages from series, and senders that wait for acknowledgements.

A message counts as acknowledged once JetStream has it on disk (over MQTT: the PUBACK of QoS 1, which NATS
sends after the same write).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import nats.errors
import nats.js.errors
import numpy as np
import orjson
from numpy.typing import NDArray

from shared.bus.connection import connect
from shared.ops.tracing import Span, span, traced
from shared.problems import Fault, Unavailable
from shared.settings import Connection

__all__ = ["Merged", "Message", "Send", "Tally", "columns", "merge", "mqtt_sender", "nats_sender", "paced", "singles"]

OUTSTANDING = 64
"""Messages on their way without an acknowledgement."""
ACK_LIMIT = 5.0
"""Seconds before an acknowledgement is given up and its message sent again; the store ignores the second one."""
_LOST = (TimeoutError, nats.errors.Error)
PATIENCE = 30.0
"""Seconds of such attempts before publishing gives up."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it goes out. ``due_us`` is the time of its last reading."""

    subject: str
    payload: bytes
    readings: int
    due_us: int


@dataclass(frozen=True, slots=True)
class Merged:
    """The readings of several sensors in time order, columns of shape (n,)."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    which: NDArray[np.intp]
    """Index into ``names``."""
    times_us: NDArray[np.int64]
    values: NDArray[np.float64]
    """In the sensor's own unit."""


@dataclass(slots=True)
class Tally:
    """What was sent and what was acknowledged."""

    readings: int
    """Readings there are to send."""
    sent: int = 0
    acknowledged: int = 0
    messages: int = 0
    _began: float = field(default_factory=time.monotonic)

    def summary(self) -> dict[str, Any]:
        """Return the figures: readings, messages, seconds."""
        return {
            "readings": self.readings,
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "messages": self.messages,
            "seconds": round(time.monotonic() - self._began, 2),
        }


Send = Callable[[Message], Awaitable[None]]


def merge(
    series: Mapping[str, tuple[str, NDArray[np.int64], NDArray[np.float64]]],
    since_us: int | None = None,
    until_us: int | None = None,
) -> Merged:
    """Merge series (name → unit, times [µs], values) in time order; both bounds are inclusive."""
    names = tuple(series)
    times = np.concatenate([each[1] for each in series.values()])
    values = np.concatenate([each[2] for each in series.values()])
    which = np.repeat(np.arange(len(names)), [len(each[1]) for each in series.values()])
    inside = np.ones(len(times), bool)
    if since_us is not None:
        inside &= times >= since_us
    if until_us is not None:
        inside &= times <= until_us
    times, values, which = times[inside], values[inside], which[inside]
    order = np.argsort(times, kind="stable")
    return Merged(names, tuple(each[0] for each in series.values()), which[order], times[order], values[order])


def columns(pond: str, merged: Merged, batch: int) -> Iterator[Message]:
    """Cut readings into messages of columns by sensor, each the next *batch* in time.

    All sensors go forward together, so that none falls out of the monitor's 24 h window behind another.
    """
    texts = _texts(merged.times_us)
    for begin in range(0, len(texts), batch):
        part = slice(begin, begin + batch)
        which = merged.which[part]
        series = {}
        for index in np.unique(which).tolist():
            mine = which == index
            series[merged.names[index]] = {
                "unit": merged.units[index],
                "times": texts[part][mine].tolist(),
                "values": merged.values[part][mine].tolist(),
            }
        due = int(merged.times_us[part][-1])
        yield Message(f"tw.telemetry.{pond}", orjson.dumps({"series": series}), len(which), due)


def singles(pond: str, merged: Merged) -> Iterator[Message]:
    """One message per reading, each on its sensor's own subject."""
    texts = _texts(merged.times_us).tolist()
    subjects = [f"tw.telemetry.{pond}.{name}" for name in merged.names]
    rows = zip(merged.which.tolist(), merged.times_us.tolist(), texts, merged.values.tolist(), strict=True)
    for which, us, text, value in rows:
        payload = orjson.dumps({"time": text, "value": value, "unit": merged.units[which]})
        yield Message(subjects[which], payload, 1, us)


def _texts(times_us: NDArray[np.int64]) -> NDArray[np.str_]:
    unit: Any = "s" if not (times_us % 1_000_000).any() else "us"
    return np.datetime_as_string(times_us.astype("M8[us]"), unit=unit, timezone="UTC")


async def paced(messages: Iterable[Message], speed: float) -> AsyncIterator[Message]:
    """Give out messages when their time comes, *speed* times as fast as they were recorded."""
    start = time.monotonic()
    first: int | None = None
    for message in messages:
        first = message.due_us if first is None else first
        ahead = (message.due_us - first) / 1e6 / speed - (time.monotonic() - start)
        if ahead > 0:
            await asyncio.sleep(ahead)
        yield message


def _published(message: Message) -> AbstractContextManager[Span]:
    """Begin a trace with a message, when somebody collects traces: what comes of it belongs to it."""
    return span(
        "publish telemetry", kind="producer", messaging_system="nats", messaging_destination_name=message.subject,
        tailwarden_readings=message.readings,
    )  # fmt: skip


def _is_refusal(error: BaseException) -> bool:
    """Tell JetStream's "no" from its silence and from a "not now" (5xx)."""
    return isinstance(error, nats.js.errors.APIError) and (error.code or 500) < 500


@asynccontextmanager
async def nats_sender(to: Connection, tally: Tally) -> AsyncIterator[Send]:
    """Give a function that sends a message through JetStream; on leaving, everything is acknowledged.

    Raises
    ------
    Unavailable
        When acknowledgements stay away for ``PATIENCE`` seconds.
    Fault
        When JetStream refuses a message.
    """
    nc = await connect(to, name="tailwarden-publish")
    js = nc.jetstream()
    waiting: deque[tuple[Message, asyncio.Future[Any], float]] = deque()

    async def settle() -> None:
        message, future, limit = waiting.popleft()
        try:
            try:
                # Each has its own limit from when it was sent: what a dead server took with it is given up at once.
                async with asyncio.timeout(max(limit - time.monotonic(), 0.01)):
                    await future
            except _LOST:
                # Also when it was refused: nats-py 2.16 raises that away from the future, and asking again tells.
                await again(message)
        except nats.js.errors.APIError as error:
            raise Fault("publish.refused", reason=str(error.description), acknowledged=tally.acknowledged) from error
        tally.acknowledged += message.readings

    async def again(message: Message) -> None:
        """The acknowledgement was lost, or the message: whichever, sending it again does no harm."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                await js.publish(message.subject, message.payload, timeout=ACK_LIMIT)
                return
            except _LOST as error:
                if _is_refusal(error):
                    raise
                if time.monotonic() > end:
                    reason = str(error) or type(error).__name__
                    raise Unavailable("publish.lost", reason=reason, acknowledged=tally.acknowledged) from error
            await asyncio.sleep(0.25)

    async def send(message: Message) -> None:
        while len(waiting) >= OUTSTANDING or (waiting and waiting[0][1].done()):
            await settle()
        with _published(message):
            future = await js.publish_async(message.subject, message.payload, headers=traced())
        waiting.append((message, future, time.monotonic() + ACK_LIMIT))
        tally.sent += message.readings
        tally.messages += 1

    try:
        yield send
        while waiting:
            await settle()
    finally:
        for _, future, _ in waiting:
            future.cancel()
        await nc.close()


@asynccontextmanager
async def mqtt_sender(to: Connection, tally: Tally) -> AsyncIterator[Send]:
    """Give a function that sends a message over MQTT at QoS 1; on leaving, everything is acknowledged.

    Raises
    ------
    Unavailable
        When there is no MQTT server, or it goes away.
    """
    import aiomqtt

    quiet = logging.getLogger("tailwarden.mqtt")
    quiet.setLevel(logging.ERROR)  # aiomqtt warns of many pending calls, which is what we want here
    password = to.nats_users.get("gateway")
    waiting: deque[tuple[Message, asyncio.Task[None]]] = deque()

    async def settle() -> None:
        message, task = waiting.popleft()
        await task
        tally.acknowledged += message.readings

    try:
        async with aiomqtt.Client(
            to.mqtt_host,
            to.mqtt_port,
            username=None if password is None else "gateway",
            password=password,
            identifier=f"tailwarden-publish-{uuid4().hex[:12]}",
            timeout=PATIENCE,
            max_inflight_messages=OUTSTANDING,
            logger=quiet,
        ) as client:

            async def send(message: Message) -> None:
                while len(waiting) >= OUTSTANDING or (waiting and waiting[0][1].done()):
                    await settle()
                topic = message.subject.replace(".", "/")
                waiting.append((message, asyncio.create_task(client.publish(topic, message.payload, qos=1))))
                await asyncio.sleep(0)  # let it start, so that messages go out in their order
                tally.sent += message.readings
                tally.messages += 1

            try:
                yield send
                while waiting:
                    await settle()
            finally:
                for _, task in waiting:
                    task.cancel()
                await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)
    except aiomqtt.MqttError as error:
        address = f"{to.mqtt_host}:{to.mqtt_port}"
        raise Unavailable(
            "publish.mqtt", address=address, reason=str(error), acknowledged=tally.acknowledged
        ) from error
