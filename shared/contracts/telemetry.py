"""What a logger or a gateway may send (version 1): one reading, a list, or columns.

These models are the published description: they make the JSON Schemas, and tests hold the monitor's fast decoder to
them. The monitor itself does not use them, because it takes tens of thousands of readings at a time.

On ``tw.telemetry.<pond>.<sensor>`` (MQTT ``tw/telemetry/<pond>/<sensor>``): ``Reading``, a list of them, ``Columns``.
On ``tw.telemetry.<pond>``: ``GatewayReading``, a list of them, ``GatewayColumns`` or ``GatewaySeries``. Extra fields
are the sender's own business.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, StrictFloat, StrictInt, TypeAdapter, model_validator

from shared.contracts.base import Identifier, Record

__all__ = [
    "GATEWAY_MESSAGE",
    "MAX_MESSAGE_BYTES",
    "MAX_READINGS",
    "SENSOR_MESSAGE",
    "Columns",
    "GatewayColumns",
    "GatewayReading",
    "GatewaySeries",
    "IsoTime",
    "Reading",
    "UnixMilliseconds",
]

MAX_MESSAGE_BYTES = 1 << 20
MAX_READINGS = 20_000

IsoTime = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)$",
        description="ISO 8601 with an offset from UTC, e.g. 2025-07-22T08:00:00+08:00.",
    ),
]
UnixMilliseconds = Annotated[StrictInt, Field(ge=100_000_000_000, description="Whole milliseconds since 1970 UTC.")]
Time: TypeAlias = IsoTime | UnixMilliseconds
Value = Annotated[
    StrictFloat | StrictInt | None, Field(description="In the unit named, else in the sensor's; null: no value.")
]
Unit = Annotated[
    Literal["m", "cm", "mm", "ft", "in"] | None,
    Field(description="The unit of the values, when not the registered one."),
]
_Times = Annotated[list[Time], Field(max_length=MAX_READINGS)]
_Values = Annotated[list[Value], Field(max_length=MAX_READINGS)]


class _Telemetry(Record):
    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class Reading(_Telemetry):
    """One value at one time."""

    time: Time
    value: Value
    unit: Unit = None


class Columns(_Telemetry):
    """Values of one sensor at many times: ``values[i]`` was observed at ``times[i]``."""

    times: _Times
    values: _Values
    unit: Unit = None

    @model_validator(mode="after")
    def _equal_lengths(self) -> Columns:
        if len(self.times) != len(self.values):
            raise ValueError("times and values must have one length")
        return self


class GatewayReading(Reading):
    """One value, with the sensor it comes from."""

    sensor: Identifier


class GatewayColumns(Columns):
    """Readings of many sensors: ``sensors[i]`` says whose ``values[i]`` is."""

    sensors: list[Identifier] = Field(max_length=MAX_READINGS)

    @model_validator(mode="after")
    def _as_many_sensors(self) -> GatewayColumns:
        if len(self.sensors) != len(self.times):
            raise ValueError("sensors and times must have one length")
        return self


class GatewaySeries(_Telemetry):
    """Columns by sensor; a sensor that has nothing to say may have empty ones."""

    series: Annotated[dict[Identifier, Columns], Field(min_length=1)]
    unit: Unit = None


SENSOR_MESSAGE: TypeAdapter[Reading | Columns | list[Reading]] = TypeAdapter(
    Reading | Columns | Annotated[list[Reading], Field(min_length=1, max_length=MAX_READINGS)]
)
"""What may be sent on a sensor's subject."""

GATEWAY_MESSAGE: TypeAdapter[GatewayReading | GatewayColumns | GatewaySeries | list[GatewayReading]] = TypeAdapter(
    GatewayReading
    | GatewayColumns
    | GatewaySeries
    | Annotated[list[GatewayReading], Field(min_length=1, max_length=MAX_READINGS)]
)
"""What may be sent on a gateway's subject."""
