"""Rainfall accumulations over sliding spans, and how much of each span the gauge really saw."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import Floats, Ints, row_chunks

__all__ = ["SPANS_SLOTS", "accumulate", "coverage"]

SPANS_SLOTS = (12, 36, 72, 144, 288)
"""1, 3, 6, 12 and 24 hours [5-minute slots]."""


def accumulate(window: ArrayLike, spans_slots: Sequence[int] = SPANS_SLOTS) -> tuple[Floats, Ints]:
    """Sum the rain of the last spans of each row.

    A dry gauge (zeros) and a missing gauge (NaN) differ: the sum of a span without any value is NaN,
    never zero. Sums are carried in float64: rain in float32 adds up there without rounding, so the
    result does not depend on the order of summation or the memory layout, only on the values.

    Parameters
    ----------
    window : array, shape (m, k)
        Rain per slot [mm], newest last, k at least the longest span; NaN is missing.
    spans_slots : sequence of int, ascending
        Spans to sum over [slots].

    Returns
    -------
    sums : float32 array, shape (m, len(spans_slots))
        Rain in each span [mm]; NaN when the span holds no value.
    counts : int32 array, shape (m, len(spans_slots))
        Slots with a value in each span.

    Raises
    ------
    ValueError
        If the spans are not ascending and positive, or longer than the window.

    Examples
    --------
    >>> sums, counts = accumulate([[1.0, 2.0, float("nan"), 4.0]], (1, 2, 4))
    >>> sums.tolist(), counts.tolist()
    ([[4.0, 4.0, 7.0]], [[1, 1, 3]])
    """
    array: Floats = np.asarray(window, dtype=np.float32)
    rows, columns = array.shape
    spans = tuple(spans_slots)
    if not spans or spans[0] < 1 or any(a >= b for a, b in pairwise(spans)):
        raise ValueError(f"spans must be positive and ascending, not {spans}")
    if spans[-1] > columns:
        raise ValueError(f"the longest span ({spans[-1]} slots) needs a window that long, not {columns}")
    sums: Floats = np.empty((rows, len(spans)), dtype=np.float32)
    counts: Ints = np.empty((rows, len(spans)), dtype=np.int32)
    # the spans nest, so the blocks between their starts are summed once and added up from the newest
    starts = [spans[-1] - span for span in reversed(spans)]
    # counted double: scratch beyond a megabyte goes back to the system after each call and is slow to get again
    for chunk in row_chunks(rows, spans[-1] * 26):
        part = array[chunk, columns - spans[-1] :]
        valid = np.isfinite(part)
        rain = np.where(valid, part, np.float32(0.0)).astype(np.float64)
        total = np.add.reduceat(rain, starts, axis=1)[:, ::-1].cumsum(axis=1)
        seen = np.add.reduceat(valid, starts, axis=1, dtype=np.int32)[:, ::-1].cumsum(axis=1)
        counts[chunk] = seen
        sums[chunk] = np.where(seen > 0, total, np.nan)
    return sums, counts


def coverage(counts: ArrayLike, spans_slots: Sequence[int], interval_slots: ArrayLike) -> Floats:
    """Tell which part of each span's expected readings arrived.

    Parameters
    ----------
    counts : int array, shape (m, s)
        Slots with a value, from `accumulate`.
    spans_slots : sequence of int, length s
        The spans [slots].
    interval_slots : array, shape (m,)
        Expected interval between readings [slots]; below 1 counts as 1, for a slot holds one sum.

    Returns
    -------
    float32 array, shape (m, s)
        0 to 1; 0 for a span shorter than the gauge's interval (it cannot be known) and for an
        interval that is NaN or not positive.

    Examples
    --------
    >>> coverage([[6, 12]], (12, 36), [3.0]).tolist()
    [[1.0, 1.0]]
    >>> coverage([[1, 1]], (12, 36), [18.0]).tolist()
    [[0.0, 0.5]]
    """
    seen = np.asarray(counts, dtype=np.float64)
    interval = np.asarray(interval_slots, dtype=np.float64)
    known = np.isfinite(interval) & (interval > 0)
    each = np.maximum(np.where(known, interval, 1.0), 1.0)
    # 1e-9: an interval given in seconds and divided may stand a hair above the whole number of slots
    expected = np.floor(np.asarray(spans_slots, dtype=np.float64)[None, :] / each[:, None] + 1e-9)
    usable = known[:, None] & (expected >= 1)
    result: Floats = np.where(usable, np.minimum(1.0, seen / np.maximum(expected, 1.0)), 0.0).astype(np.float32)
    return result
