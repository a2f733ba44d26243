"""What goes into decoding and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.contracts.levels import SensorKind
from shared.problems import BadInput

__all__ = ["DecodeLimits", "Decoded", "Former", "SensorDirectory", "SensorEntry"]


@dataclass(frozen=True, slots=True)
class Former:
    """How readings from before ``until_us`` are taken: by the unit and mounting of an earlier instrument.

    ``canonical = value * factor + offset + shift``; a message that names its unit gets that unit's factor and offset.
    """

    until_us: int
    factor: float
    offset: float
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class SensorEntry:
    """A sensor as decoding needs it: its key in the series, and how its own unit becomes the canonical one.

    ``canonical = value * factor + offset`` for a value in the registered unit. A message may name another
    unit; then ``shared.site.units.to_canonical(kind, unit)`` is used instead, so the entry of a
    ``water_distance`` sensor stays a distance here and is turned into a level by the engine.
    """

    key: int
    kind: SensorKind
    factor: float = 1.0
    offset: float = 0.0
    retired: bool = False
    former: tuple[Former, ...] = ()
    """Earlier instruments whose readings were taken otherwise, in order of time."""


class SensorDirectory(Protocol):
    """Who is known: the monitor's read model of the register."""

    def knows(self, pond: str) -> bool:
        """Return whether *pond* is registered."""
        ...

    def find(self, pond: str, sensor: str) -> SensorEntry | None:
        """Return the sensor, or None when *pond* has none of that id."""
        ...


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What is too much, and which times are plausible."""

    message_bytes: int = 1 << 20
    readings: int = 20_000
    """Readings in one message."""
    future_us: int = 5 * 60 * 1_000_000
    """How far ahead of the wall clock a logger's clock may run [µs]."""
    earliest_us: int = -2_208_988_800_000_000
    """1900-01-01: no logger recorded before it, so an older time is a broken one."""
    earliest_unix_ms: int = 100_000_000_000
    """1973-03-03: a smaller whole number is Unix *seconds*, which would be read as January 1970."""
    refusals: int = 20
    """Refusals of one message told one by one; the rest is summed up in one more."""


@dataclass(frozen=True)
class Decoded:
    """The readings of a batch of messages, as columns of equal length n, in the order of the messages.

    ``readings == kept + refused + missing`` always holds; a message that could not be taken apart counts as
    one refused reading.
    """

    sensor: NDArray[np.int32]
    """Key of the sensor."""
    time_us: NDArray[np.int64]
    """Microseconds since 1970-01-01 UTC."""
    value: NDArray[np.float64]
    """Value in the kind's canonical unit (m; mm for rain and displacement); always finite."""
    origin: NDArray[np.int32]
    """Index of the message the reading came in."""
    refusals: list[tuple[int, BadInput]]
    """(index of the message, why), in the order of the messages."""
    readings: int
    refused: int
    missing: int
    """Nulls: the logger said that it has no value for that time."""

    @property
    def kept(self) -> int:
        """Number of readings that were kept."""
        return len(self.sensor)

    @cached_property
    def refused_messages(self) -> Mapping[int, list[BadInput]]:
        """The refusals by message: these messages go to the dead letters, once each."""
        found: dict[int, list[BadInput]] = {}
        for origin, error in self.refusals:
            found.setdefault(origin, []).append(error)
        return found
