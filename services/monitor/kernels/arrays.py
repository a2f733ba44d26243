"""What the kernels share: array types, the slot clock's unit, and bounded chunks of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CHUNK_BYTES",
    "SLOTS_PER_HOUR",
    "Array",
    "Bools",
    "Flags",
    "Floats",
    "Ints",
    "finite",
    "last_valid",
    "row_chunks",
]

Array = NDArray[Any]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Flags = NDArray[np.int8]
Bools = NDArray[np.bool_]

SLOTS_PER_HOUR = 12
"""A slot is 5 minutes."""

CHUNK_BYTES = 2 << 20
"""Scratch memory a kernel works in at a time [bytes], about a core's cache; one row may need more."""


def row_chunks(rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Yield slices that cover ``range(rows)`` with scratch memory of at most ``CHUNK_BYTES`` each.

    >>> [(s.start, s.stop) for s in row_chunks(5, CHUNK_BYTES // 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    size = max(1, CHUNK_BYTES // max(1, bytes_per_row))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def finite(values: ArrayLike) -> Floats:
    """Return the values as float32 with every infinity made NaN, so that it counts as missing.

    The input is never written to; it is returned as it is when nothing has to change.

    >>> finite([1.0, float("inf")]).tolist()
    [1.0, nan]
    """
    array: Floats = np.asarray(values, dtype=np.float32)
    infinite = np.isinf(array)
    return np.where(infinite, np.float32(np.nan), array) if infinite.any() else array


def last_valid(window: ArrayLike, count: int) -> tuple[Floats, Ints]:
    """Pick each row's last ``count`` values that are not missing.

    Parameters
    ----------
    window : array, shape (m, k)
        Values, newest last; NaN is missing.
    count : int
        How many to pick.

    Returns
    -------
    values : float32 array, shape (m, count)
        Newest last; NaN where the row has fewer.
    ages : int32 array, shape (m, count)
        Slots from the value's column to the newest column; -1 where there is none.

    Examples
    --------
    >>> values, ages = last_valid([[1.0, float("nan"), 3.0, float("nan")]], 3)
    >>> values.tolist(), ages.tolist()
    ([[nan, 1.0, 3.0]], [[-1, 3, 1]])
    """
    array = finite(window)
    rows, columns = array.shape
    if not 0 < count <= columns:
        return _picked(array, count)
    # most rows have their last values in their last columns
    values, ages = array[:, columns - count :].copy(), np.tile(np.arange(count - 1, -1, -1, dtype=np.int32), (rows, 1))
    others = np.flatnonzero(np.isnan(values).any(axis=1))
    if others.size:
        values[others], ages[others] = _picked(array[others], count)
    return values, ages


def _picked(array: Floats, count: int) -> tuple[Floats, Ints]:
    """`last_valid` of any rows."""
    rows, columns = array.shape
    values: Floats = np.full((rows, count), np.nan, dtype=np.float32)
    ages: Ints = np.full((rows, count), -1, dtype=np.int32)
    for chunk in row_chunks(rows, columns * 8):
        part = array[chunk]
        valid = ~np.isnan(part)
        # rank of each valid value counted from the newest: 1 is the newest
        rank = np.cumsum(valid[:, ::-1], axis=1, dtype=np.int32)[:, ::-1]
        row, column = np.nonzero(valid & (rank <= count))
        place = count - rank[row, column]
        values[chunk][row, place] = part[row, column]
        ages[chunk][row, place] = columns - 1 - column
    return values, ages
