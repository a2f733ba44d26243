"""The AsyncAPI 3 document: what is published, what may be asked, and how telemetry comes in.

FastStream generates it from a broker that never connects: a publisher per event, a subscriber per command
and per shape of telemetry. What FastStream 0.7.8 cannot say is added afterwards, in ``asyncapi_extension``:

- ``parameters`` of addresses with ``{…}`` (its channels have none);
- the ``reply`` of a command: a channel without address, because NATS names a fresh inbox in each request;
- the MQTT side of the telemetry channels (the same messages under ``tw/telemetry/…``);
- names a reader understands, and one channel per address, in place of the generated ones.

The actions are this system's: it *sends* events and *receives* commands and telemetry.
"""

from __future__ import annotations

import json
import warnings
from copy import deepcopy
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel, create_model

from shared.contracts.asyncapi_extension import complete
from shared.contracts.base import Command, Event
from shared.contracts.cloudevents import EVENT_TYPES, CloudEvent
from shared.contracts.commands import REPLIES
from shared.contracts.telemetry import MAX_READINGS, Columns, GatewayColumns, GatewayReading, GatewaySeries, Reading
from shared.problems import Problem

__all__ = ["asyncapi", "event_envelope", "reply_envelope"]

TITLE = "tailwarden"
VERSION = "1.0.0"
DESCRIPTION = (
    "Events of a mine-safety desk, the commands it takes and the telemetry it reads. "
    "Every event is a CloudEvent in the JetStream stream EVENTS, kept for ever; readers ignore fields they do not "
    "know. "
    "Commands are NATS requests; the answer is a result or a problem (RFC 9457)."
)


class Readings(RootModel[Annotated[list[Reading], Field(min_length=1, max_length=MAX_READINGS)]]):
    """Several readings of one sensor; bad ones are refused alone."""


class GatewayReadings(RootModel[Annotated[list[GatewayReading], Field(min_length=1, max_length=MAX_READINGS)]]):
    """Several readings of a pond's sensors; bad ones are refused alone."""


SENSOR_SHAPES: tuple[type[BaseModel], ...] = (Reading, Readings, Columns)
GATEWAY_SHAPES: tuple[type[BaseModel], ...] = (GatewayReading, GatewayReadings, GatewayColumns, GatewaySeries)
TELEMETRY = (
    ("SensorTelemetry", "tw.telemetry.{pond}.{sensor}", SENSOR_SHAPES, "Readings of one sensor."),
    ("PondTelemetry", "tw.telemetry.{pond}", GATEWAY_SHAPES, "Readings of a pond's sensors, from one gateway."),
)


class Refused(BaseModel):
    """The answer of a command that was not carried out."""

    problem: Problem


def event_envelope(event: type[Event]) -> type[CloudEvent]:
    """Return the CloudEvent that carries *event*: its type fixed, its data typed."""
    fields: dict[str, Any] = {"type": (Literal[event.event_type], ...), "data": (event, ...)}
    return create_model(_pascal(event.event_type), __base__=CloudEvent, __doc__=event.__doc__, **fields)


def reply_envelope(command: type[Command]) -> type[BaseModel]:
    """Return the two answers a command can get, as one model."""
    name = _pascal(command.command_name)
    fields: dict[str, Any] = {"result": (REPLIES[command], ...)}
    result = create_model(f"{name}Result", __doc__="The answer of a command that was carried out.", **fields)
    either: Any = RootModel[result | Refused]
    return create_model(f"{name}Reply", __base__=either, __doc__="Either the result or a problem.")


def asyncapi() -> dict[str, Any]:
    """Return the document as plain JSON values, in a fixed order: the caller's own copy."""
    return deepcopy(_document())


@cache
def _document() -> dict[str, Any]:
    from faststream.nats import NatsBroker  # slow to import
    from faststream.specification import AsyncAPI

    broker = NatsBroker("nats://127.0.0.1:4222", description="NATS with JetStream", protocol_version="1.2")
    for event_type, event in EVENT_TYPES.items():
        service, aggregate, name = event_type.split(".", 2)
        broker.publisher(
            f"tw.events.{service}.{aggregate}.{{id}}.{name}",
            title=_pascal(event_type),
            description=event.__doc__,
            schema=event_envelope(event),
        )
    for command in REPLIES:
        title = _pascal(command.command_name)
        broker.publisher(f"reply:{title}", title=f"{title}Reply", schema=reply_envelope(command))
        _receive(broker, f"tw.commands.{command.command_name}", title, command, command.__doc__)
    for title, address, shapes, words in TELEMETRY:
        for shape in shapes:
            _receive(broker, address, f"{title}:{shape.__name__}", shape, words)
    with warnings.catch_warnings():
        # FastStream warns when two messages share a nested schema of one name; ours are the same class.
        warnings.simplefilter("ignore", RuntimeWarning)
        document = AsyncAPI(broker, title=TITLE, version=VERSION, description=DESCRIPTION).to_specification()
    return complete(json.loads(document.to_json()))


def _receive(broker: Any, address: str, title: str, model: type[BaseModel], words: str | None) -> None:
    """Document that *model* is received at *address* (the handler is never called)."""

    async def receive(message: Any) -> None:
        return None

    receive.__annotations__["message"] = model
    broker.subscriber(address, title=title, description=words)(receive)


def _pascal(dotted: str) -> str:
    """Return ``monitor.warning.raised`` as ``MonitorWarningRaised``."""
    return "".join(word.capitalize() for part in dotted.split(".") for word in part.split("_"))
