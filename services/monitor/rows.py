"""Readings with their quality flags, as columns: what the engine hands to the series store and gets back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """n readings as columns of shape (n,), in any order."""

    sensor: NDArray[np.int32]
    """Key of the sensor."""
    time_us: NDArray[np.int64]
    """Microseconds since 1970-01-01 UTC."""
    value: NDArray[np.float64]
    """Canonical unit: m; mm for rain and displacement."""
    flag: NDArray[np.int16]
    """QARTOD flag, the worst of all tests."""
    tests: NDArray[np.int32]
    """Every test's flag, packed (``kernels.quality.pack``)."""
    rule_set: NDArray[np.int16]
    """Version of the rule set that made the flags."""
    received_us: NDArray[np.int64]
    """When each reached the system, microseconds since 1970-01-01 UTC."""

    def __post_init__(self) -> None:
        sizes = {len(column) for column in vars(self).values()}
        if len(sizes) != 1:
            raise ValueError(f"columns differ in length: {sorted(sizes)}")

    def __len__(self) -> int:
        return len(self.sensor)
