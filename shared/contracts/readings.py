"""The shapes of telemetry, described for whoever writes a logger.

These models document; they do not read. The monitor takes messages apart in columns (``services/monitor/decode``),
because a model per reading would be fifty times slower; a contract test holds the two together.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, RootModel

from shared.contracts.base import Identifier, Moment, Record

__all__ = [
    "ColumnsMessage",
    "GatewayColumnsMessage",
    "GatewayReadingListMessage",
    "GatewayReadingMessage",
    "GatewaySeriesMessage",
    "ReadingListMessage",
    "ReadingMessage",
]

Milliseconds = Annotated[int, Field(description="Unix time in milliseconds")]
When = Annotated[
    Moment | Milliseconds,
    Field(description="ISO 8601 with an offset (2026-07-22T06:05:00+08:00), or Unix time in milliseconds"),
]
Unit = Annotated[
    str | None,
    Field(description="m, cm, mm, ft or in; the sensor's registered unit when left out"),
]
Value = Annotated[float, Field(description="A finite number, in the unit")]
Values = Annotated[tuple[float | None, ...], Field(description="One per time; null: missing, skipped")]
Times = Annotated[tuple[When, ...], Field(description="One per value, in any order", min_length=1)]


class ReadingMessage(Record):
    """One reading of one sensor."""

    time: When
    value: Value
    unit: Unit = None


class ReadingListMessage(RootModel[tuple[ReadingMessage, ...]]):
    """Several readings of one sensor; bad ones are refused alone."""


class ColumnsMessage(Record):
    """Many readings of one sensor, as columns: the quickest shape."""

    times: Times
    values: Values
    unit: Unit = None


class GatewayReadingMessage(ReadingMessage):
    """One reading, from a gateway that speaks for several sensors."""

    sensor: Identifier


class GatewayReadingListMessage(RootModel[tuple[GatewayReadingMessage, ...]]):
    """Several readings of a pond's sensors."""


class GatewayColumnsMessage(ColumnsMessage):
    """Columns over a pond's sensors: who, when, what."""

    sensors: Annotated[tuple[Identifier, ...], Field(description="One per time")]


class GatewaySeriesMessage(Record):
    """Columns by sensor."""

    series: dict[Identifier, ColumnsMessage]
    unit: Unit = None
