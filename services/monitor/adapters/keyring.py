"""Keys of the series and rows of the engine, brought together; and what is known of each row's stored readings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from services.monitor.engine import Engine

__all__ = ["Keyring"]

Ints = npt.NDArray[np.int64]

_NEVER_US = -(2**62)


class Keyring:
    """Columns over rows, and rows by key; a pond costs as much as it has sensors, however many others there are."""

    def __init__(self) -> None:
        self.row_of_key: Ints = np.full(64, -1, np.int64)
        self.key_of_row = np.zeros(64, np.int32)
        self.zero_level = np.full(64, np.nan)
        """Level at which a distance sensor would read zero [m]; NaN for the others."""
        self.newest_us: Ints = np.full(64, _NEVER_US, np.int64)
        """Time of the newest stored reading: what comes later cannot be a duplicate."""

    def put(self, engine: Engine, pond_id: str, keys: Mapping[tuple[str, str], int]) -> None:
        """Take the sensors of a pond in, or take them anew."""
        for row in engine.ponds[pond_id].rows.tolist():
            about = engine.points.setups[row][1].description
            key = keys[(pond_id, about.id)]
            self._grow(row, key)
            self.row_of_key[key], self.key_of_row[row] = row, key
            distance = about.kind == "water_distance" and about.zero_level is not None
            self.zero_level[row] = about.zero_level if distance else np.nan

    def _grow(self, row: int, key: int) -> None:
        if key >= len(self.row_of_key):
            more = key + 1 + len(self.row_of_key) // 2 - len(self.row_of_key)
            self.row_of_key = np.concatenate([self.row_of_key, np.full(more, -1, np.int64)])
        if row >= len(self.key_of_row):
            more = row + 1 + len(self.key_of_row) // 2 - len(self.key_of_row)
            self.key_of_row = np.concatenate([self.key_of_row, np.zeros(more, np.int32)])
            self.zero_level = np.concatenate([self.zero_level, np.full(more, np.nan)])
            self.newest_us = np.concatenate([self.newest_us, np.full(more, _NEVER_US, np.int64)])
