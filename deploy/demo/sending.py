"""What goes over the wire, in order: every reading once, then the mess that real loggers make of it.

Each pond speaks in its own shape and its own way of writing times. Some messages are sent twice, some
readings come again in another shape, and a few messages cannot be read at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from deploy.demo.hydrology import STEP_S
from deploy.demo.instruments import Record, record
from deploy.demo.scenario import PondScript, Scenario, site

__all__ = ["Message", "Reading", "plan", "slot_end"]

SLOT_US = STEP_S * 1_000_000
RESEND_EVERY = 37
"""Every so many messages of a pond, one is sent again as it was."""
REPEAT_HOURS = 6
"""Every so many hours, a pond's last hour of one sensor comes again in another shape."""
SLOTS_PER_MESSAGE = {"single": 1, "list": 3, "columns": 2, "gateway": 1}


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading in its sensor's own unit."""

    sensor: str
    time_us: int
    value: float


@dataclass(frozen=True, slots=True)
class Message:
    """One message: when it is sent (event time), where to, and what is in it."""

    due_us: int
    pond: str
    subject: str
    payload: bytes
    readings: tuple[Reading, ...] = ()
    duplicates: int = 0
    """How many of the readings had been sent before."""
    readable: bool = True
    """Whether the whole message can be accepted; otherwise it must end among the dead letters."""


def slot_end(time_us: int) -> int:
    """Return the end of the slot that a time falls into; slots are closed on the right.

    >>> slot_end(300_000_000), slot_end(300_000_001)
    (300000000, 600000000)
    """
    return -(-time_us // SLOT_US) * SLOT_US


def plan(whole: Scenario) -> list[Message]:
    """Return every message of the demonstration in the order of sending."""
    messages: list[Message] = []
    for script in whole.pond:
        first = list(_first(script, record(script, whole)))
        messages += first
        messages += _again(script, first)
    messages += _unreadable(whole)
    # Stable: what is due at the same moment keeps its order, first sendings before repeats.
    return sorted(messages, key=lambda message: (message.due_us, message.duplicates > 0))


def _first(script: PondScript, records: Sequence[Record]) -> Iterator[Message]:
    """Yield the first sending of every reading, in the pond's shape."""
    width = SLOTS_PER_MESSAGE[script.shape] * SLOT_US
    groups: dict[tuple[int, str], list[Reading]] = {}
    for item in records:
        for time_us, value, arrives_us in zip(
            item.times_us.tolist(), item.values.tolist(), item.arrives_us.tolist(), strict=True
        ):
            due = -(-arrives_us // width) * width
            late = arrives_us != time_us
            # A gateway's and a list's message hold all sensors; a late batch is one sensor's.
            shared = script.shape in ("gateway", "list") and not late
            groups.setdefault((due, "" if shared else item.sensor.id), []).append(
                Reading(item.sensor.id, time_us, value)
            )
    for (due, sensor), readings in groups.items():
        shape = script.shape if len(readings) == 1 or script.shape != "single" else "columns"
        ordered = tuple(sorted(readings, key=lambda reading: reading.time_us))
        yield _message(script, due, shape if sensor == "" or shape != "gateway" else "columns", ordered, sensor)


def _again(script: PondScript, first: Sequence[Message]) -> Iterator[Message]:
    """Yield what is sent again: whole messages, and readings in another shape."""
    for message in first[RESEND_EVERY - 1 :: RESEND_EVERY]:
        yield replace(message, due_us=message.due_us + SLOT_US, duplicates=len(message.readings))
    other = "list" if script.shape in ("single", "columns") else "columns"
    sensor = site(script.id).sensors[0].sensor.id
    sent = [(message.due_us, reading) for message in first for reading in message.readings if reading.sensor == sensor]
    begins, ends = min(due for due, _ in sent), max(due for due, _ in sent)
    every = REPEAT_HOURS * 3_600_000_000
    for due in range(begins + every, ends + 1, every):
        last = tuple(reading for when, reading in sent if due - 3_600_000_000 < when <= due)
        if last:
            yield replace(_message(script, due, other, last, sensor), duplicates=len(last))


def _unreadable(whole: Scenario) -> Iterator[Message]:
    """Yield messages that must end among the dead letters, each for another reason."""
    begins = round(whole.begins.timestamp() * 1_000_000)
    pond, other = whole.pond[0], whole.pond[1]
    sensor = site(other.id).sensors[0].sensor.id
    prefix = "tw.telemetry"
    time = _iso(begins + 6 * 3_600_000_000)
    for hours, subject, payload in (
        (6.0, f"{prefix}.{other.id}.{sensor}", b'{"time": "2025-07-22T06:0'),
        (10.0, f"{prefix}.{other.id}.level-9", json.dumps({"time": time, "value": 1.0}).encode()),
        (20.0, f"{prefix}.{other.id}.{sensor}", b'{"time": "2025-07-22T20:00:00", "value": 308.5}'),
        (30.0, f"{prefix}.{pond.id}.rain-1", b'{"time": "2025-07-23T06:00:00+08:00", "value": NaN}'),
        (40.0, f"{prefix}.nowhere.level-1", json.dumps({"time": time, "value": 2.0}).encode()),
    ):
        due = begins + round(hours * 3.6e9)
        yield Message(due, subject.split(".")[2], subject, payload, readable=False)


def _message(script: PondScript, due_us: int, shape: str, readings: tuple[Reading, ...], sensor: str) -> Message:
    """Return a message of *readings*; an empty *sensor* means the pond's gateway."""
    subject = f"tw.telemetry.{script.id}" + (f".{sensor or readings[0].sensor}" if sensor or shape == "single" else "")
    times = [_time(script, reading.time_us) for reading in readings]
    values = [reading.value for reading in readings]
    body: object
    match shape:
        case "single":
            body = {"time": times[0], "value": values[0]}
        case "list":
            body = [
                {"time": time, "value": value} | ({} if sensor else {"sensor": reading.sensor})
                for time, value, reading in zip(times, values, readings, strict=True)
            ]
        case "gateway":
            body = {"sensors": [reading.sensor for reading in readings], "times": times, "values": values}
        case _:
            body = {"times": times, "values": values}
    return Message(due_us, script.id, subject, json.dumps(body, separators=(",", ":")).encode(), readings)


def _time(script: PondScript, time_us: int) -> str | int:
    """Write a time the way this pond's loggers do."""
    match script.clock:
        case "local":
            return datetime.fromtimestamp(time_us / 1_000_000, ZoneInfo(site(script.id).pond.timezone)).isoformat()
        case "unix_ms":
            return time_us // 1000
        case "utc":
            return _iso(time_us)
        case other:
            assert_never(other)


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
