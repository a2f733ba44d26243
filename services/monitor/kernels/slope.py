"""The Theil-Sen slope of many rows at once, and a cheap exact screen for it."""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import Array, Bools, Floats, Ints, finite, row_chunks

__all__ = ["TheilSen", "steep_enough", "theil_sen"]


class TheilSen(NamedTuple):
    """Slope of each row with its confidence interval [unit/h]; NaN where the points are too few."""

    slope: Floats
    lower: Floats
    upper: Floats
    n: Ints
    """Points used."""


def theil_sen(values: ArrayLike, hours: ArrayLike, confidence: float = 0.95, min_points: int = 6) -> TheilSen:
    """Return the median of all pairwise slopes of each row, with a distribution-free interval.

    With N pairs of distinct times, sorted slopes b_1 <= … <= b_N and C = z sqrt(n (n - 1)(2 n + 5) / 18)
    (normal approximation of Kendall's S, variance without ties, n points), the two-sided interval is
    [b_l, b_u] with l = floor((N - C) / 2) and u = N + 1 - l: rounded outward, so the interval is never
    narrower than asked for. Where C exceeds N (4 points or fewer at 95 %), l is 1: the whole range.
    Autocorrelated noise makes the true interval wider than this one.

    Parameters
    ----------
    values : array, shape (m, k)
        NaN is missing.
    hours : array, shape (k,) or (m, k)
        Time of each value [h], in any order; NaN makes the value missing too.
    confidence : float
        Two-sided, between 0 and 1.
    min_points : int
        Rows with fewer values get NaN; at least 2.

    Returns
    -------
    TheilSen
        ``slope``, ``lower``, ``upper`` of shape (m,) [unit/h], all three NaN or none; ``n`` int32 (m,).

    References
    ----------
    Sen, P. K. (1968), Estimates of the regression coefficient based on Kendall's tau, J. Am. Stat.
    Assoc. 63, 1379-1389, doi:10.1080/01621459.1968.10480934.

    Examples
    --------
    >>> result = theil_sen([[0.0, 1.0, 2.0, 30.0, 4.0, 5.0, 6.0]], range(7))
    >>> result.slope.tolist(), result.n.tolist()
    ([1.0], [7])
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    if min_points < 2:
        raise ValueError(f"min_points must be at least 2, not {min_points}")
    points, times, n = _points(values, hours)
    rows, columns = points.shape
    pairs = columns * (columns - 1) // 2
    slope, lower, upper = (np.full(rows, np.nan, dtype=np.float32) for _ in range(3))
    enough = np.nonzero(n >= min_points)[0]
    if pairs == 0:
        return TheilSen(slope, lower, upper, n)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    everything = enough.size == rows
    for chunk in row_chunks(enough.size, pairs * 8):
        row = chunk if everything else enough[chunk]
        ordered = _pair_slopes(points[row], times if times.ndim == 1 else times[row])
        ordered.sort(axis=1)  # NaN, the missing pairs, go to the end
        full = not np.isnan(ordered[:, -1]).any()
        count = np.full(len(ordered), pairs) if full else pairs - np.isnan(ordered).sum(axis=1)
        middle, low, high = _interval(ordered, count, n[row].astype(np.float64), z)
        slope[row], lower[row], upper[row] = middle, low, high
    return TheilSen(slope, lower, upper, n)


def _interval(ordered: Floats, count: Array, n: Array, z: float) -> tuple[Array, Array, Array]:
    """Median and interval of rows of sorted slopes, the first ``count`` of each being there."""
    spread = z * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    rank = np.maximum(np.floor((count - spread) / 2), 1).astype(np.int64)
    at = np.stack([(count - 1) // 2, count // 2, rank - 1, count - rank], axis=1)
    below, above, low, high = np.take_along_axis(ordered, np.clip(at, 0, None), axis=1).T
    # halves first: the sum of two huge slopes must not overflow
    middle = below * np.float32(0.5) + above * np.float32(0.5)
    good = (count > 0) & np.isfinite(low) & np.isfinite(high)
    nan = np.float32(np.nan)
    return np.where(good, middle, nan), np.where(good, low, nan), np.where(good, high, nan)


def steep_enough(values: ArrayLike, hours: ArrayLike, rate: ArrayLike, min_points: int = 6) -> Bools:
    """Screen rows for `theil_sen`: False only where its slope is certainly below ``rate`` or NaN.

    If the median of N pairwise slopes is at least r, then at least H = ceil(N / 2) pairs have a slope of
    at least r. Two tests follow, the first cheap, the second on what the first lets through.

    1. *Rise.* H pairs cannot all be closer in time than the H-th smallest distance D, so one of them has
       a distance of at least D and rises by at least r D: the largest rise of the row from an earlier to
       a later value must be at least r D (for r > 0). With n points no two of which are closer than g,
       pairs that are l points apart are at least l g apart; so D is at least L g, L being the smallest
       number of steps such that n - 1 + … + n - L >= H. That holds for any spacing and any gaps; for a
       regular row L g is D itself, 0.29 of its length.
    2. *Count.* The pairs with a slope of at least r, computed just as `theil_sen` computes them, are
       counted against H. No sorting is needed, and nothing is approximated.

    Parameters
    ----------
    values : array, shape (m, k)
        NaN is missing.
    hours : array, shape (k,) or (m, k)
        Time of each value [h], ascending along the row.
    rate : array, shape (m,) or scalar
        Slope asked for [unit/h]; NaN gives False.
    min_points : int
        As for `theil_sen`.

    Returns
    -------
    bool array, shape (m,)

    Examples
    --------
    >>> steep_enough([[0.0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 9]], range(6), [1.0, 0.5]).tolist()
    [True, False]
    """
    points, times, n = _points(values, hours)
    rows, columns = points.shape
    asked: Floats = np.broadcast_to(np.asarray(rate, dtype=np.float32), (rows,))
    result: Bools = (n >= max(min_points, 2)) & ~np.isnan(asked)
    if rows == 0 or columns < 2:
        return np.zeros(rows, dtype=np.bool_)
    for chunk in row_chunks(rows, columns * 12):
        result[chunk] &= _rises(points[chunk], times if times.ndim == 1 else times[chunk], n[chunk], asked[chunk])
    left = np.nonzero(result)[0]
    pairs = columns * (columns - 1) // 2
    for chunk in row_chunks(left.size, pairs * 8):
        row = left[chunk]
        slopes = _pair_slopes(points[row], times if times.ndim == 1 else times[row])
        missing = np.isnan(slopes).sum(axis=1)
        result[row] = 2 * (slopes >= asked[row, None]).sum(axis=1) >= np.maximum(pairs - missing, 1)
    return result


def _rises(points: Floats, times: Floats, n: Ints, rate: Floats) -> Bools:
    """Test 1 of `steep_enough`."""
    lowest = np.fmin.accumulate(points, axis=1)
    rise = np.fmax.reduce(points - lowest, axis=1)
    if times.ndim == 1:
        gaps = np.diff(times)
        closest = np.full(len(points), gaps.min(), dtype=np.float32)
    else:
        before = np.fmax.accumulate(times, axis=1)
        closest = np.fmin.reduce(times[:, 1:] - before[:, :-1], axis=1)
    distance = _steps(points.shape[1])[n] * closest
    # the margin outweighs the rounding of a handful of float32 operations
    needed = rate * distance * np.float32(1 - 2e-6)
    unrefuted: Bools = (rate <= 0) | ~(rise < needed)
    return unrefuted


@lru_cache(maxsize=32)
def _steps(columns: int) -> Floats:
    """L of `steep_enough` for 0 … ``columns`` points."""
    steps: Floats = np.zeros(columns + 1, dtype=np.float32)
    for n in range(2, columns + 1):
        half = (n * (n - 1) // 2 + 1) // 2
        reached = np.cumsum(n - np.arange(1, n))
        steps[n] = 1 + np.searchsorted(reached, half)
    return steps


def _points(values: ArrayLike, hours: ArrayLike) -> tuple[Floats, Floats, Ints]:
    """Values and times with missing made NaN in both, and the number of points of each row."""
    points = finite(values)
    times = finite(hours)
    if times.ndim == 2 and len(times) and (times == times[0]).all():
        times = times[0]  # one clock for all rows: its distances are worked out once
    if times.ndim == 2:
        missing = np.isnan(points) | np.isnan(times)
        points = np.where(missing, np.float32(np.nan), points)
        times = np.where(missing, np.float32(np.nan), times)
    elif np.isnan(times).any():
        points = np.where(np.isnan(times), np.float32(np.nan), points)
    n: Ints = np.count_nonzero(~np.isnan(points), axis=1).astype(np.int32)
    return points, times, n


@lru_cache(maxsize=32)
def _pair_index(columns: int) -> tuple[Array, Array]:
    return np.triu_indices(columns, 1)


def _pair_slopes(points: Floats, times: Floats) -> Floats:
    """Slopes of all pairs of each row, shape (m, k (k - 1) / 2); NaN where a point or the distance is missing."""
    early, late = _pair_index(points.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold ends as NaN in the result
        slopes: Floats = np.take(points, late, axis=1)
        slopes -= np.take(points, early, axis=1)
        apart = np.take(times, late, axis=-1)
        apart -= np.take(times, early, axis=-1)
        apart[apart == 0] = np.nan
        slopes /= apart
    return slopes
