"""Rise and trend of a level: rate of rise, Theil-Sen slope with its interval, time to a limit.

Values are float32; a level far from its datum loses resolution (300 m resolves to 0.03 mm), so give
levels relative to something near, such as the crest, when tenths of a millimetre matter.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import SLOTS_PER_HOUR, Array, Bools, Floats, Ints, finite, row_chunks

__all__ = ["TheilSen", "TimeToLimit", "rate_of_rise", "steep_enough", "theil_sen", "thin", "time_to_limit"]


class TheilSen(NamedTuple):
    """Slope of each row with its confidence interval [unit/h]; NaN where the points are too few."""

    slope: Floats
    lower: Floats
    upper: Floats
    n: Ints
    """Points used."""


class TimeToLimit(NamedTuple):
    """Hours until each limit, shape (m, 4): by the upper, the median and the lower slope."""

    earliest: Floats
    expected: Floats
    latest: Floats


def thin(window: ArrayLike, step: int) -> tuple[Floats, Floats]:
    """Average blocks of ``step`` slots, counted back from the newest; an oldest remainder is left out.

    Parameters
    ----------
    window : array, shape (m, k)
        Values per slot, newest last; NaN is missing.
    step : int
        Slots per block.

    Returns
    -------
    values : float32 array, shape (m, k // step)
        Mean of each block's values; NaN when it has none.
    hours : float32 array, shape (m, k // step)
        Mean time of the values really there, relative to the newest slot [h, <= 0]; NaN likewise.

    Examples
    --------
    >>> values, hours = thin([[9.0, 1.0, 3.0, float("nan"), 5.0]], 2)
    >>> values.tolist(), (hours * 60).round().tolist()
    ([[2.0, 5.0]], [[-12.0, 0.0]])
    """
    if step < 1:
        raise ValueError(f"step must be at least 1, not {step}")
    array: Floats = np.asarray(window, dtype=np.float32)
    rows, columns = array.shape
    blocks = columns // step
    values: Floats = np.full((rows, blocks), np.nan, dtype=np.float32)
    hours: Floats = np.full((rows, blocks), np.nan, dtype=np.float32)
    if blocks == 0:
        return values, hours
    first = columns - blocks * step
    position = np.arange(first, columns, dtype=np.float64) - (columns - 1)
    for chunk in row_chunks(rows, blocks * 40):
        part = array[chunk, first:]
        total = np.zeros((part.shape[0], blocks), dtype=np.float64)
        place = np.zeros_like(total)
        count = np.zeros(total.shape, dtype=np.int32)
        for offset in range(step):
            column = part[:, offset::step]
            valid = np.isfinite(column)
            np.add(total, column, out=total, where=valid)
            np.add(place, position[offset::step], out=place, where=valid)
            count += valid
        some = count > 0
        np.divide(total, count, out=values[chunk], where=some, casting="same_kind")
        np.divide(place, count * SLOTS_PER_HOUR, out=hours[chunk], where=some, casting="same_kind")
    return values, hours


def rate_of_rise(window: ArrayLike, lag_slots: int, tolerance_slots: int) -> Floats:
    """Return the rise per hour from the value about ``lag_slots`` ago to the newest.

    The newest value may itself be up to ``tolerance_slots`` old; its partner is the value whose distance
    to it is nearest to the lag, within the tolerance (of two equally near, the older). The quotient uses
    the distance that is really there.

    Parameters
    ----------
    window : array, shape (m, k)
        Values per slot, newest last; NaN is missing.
    lag_slots, tolerance_slots : int
        Wanted distance and how far it may be off [slots].

    Returns
    -------
    float32 array, shape (m,)
        Rate [unit/h]; NaN when either end is missing.

    Examples
    --------
    >>> nan = float("nan")
    >>> rate_of_rise([[1.0, nan, nan, 1.5], [1.0, nan, nan, nan]], 2, 1).tolist()
    [2.0, nan]
    """
    if lag_slots < 1 or tolerance_slots < 0:
        raise ValueError(f"lag must be positive and tolerance not negative, not {lag_slots} and {tolerance_slots}")
    array = finite(window)
    rows, columns = array.shape
    rate: Floats = np.full(rows, np.nan, dtype=np.float32)
    if rows == 0 or columns == 0:
        return rate
    tolerance = min(tolerance_slots, columns - 1)
    recent = ~np.isnan(array[:, columns - 1 - tolerance :][:, ::-1])
    newest = columns - 1 - np.argmax(recent, axis=1)
    row = np.nonzero(recent.any(axis=1))[0]
    newest = newest[row]
    value = array[row, newest].astype(np.float64)
    for off in sorted(range(-tolerance_slots, tolerance_slots + 1), key=lambda off: (abs(off), -off)):
        lag = lag_slots + off
        if lag < 1 or not row.size:
            continue
        partner = newest - lag
        before = np.where(partner >= 0, array[row, np.maximum(partner, 0)], np.float32(np.nan))
        found = ~np.isnan(before)
        rate[row[found]] = (value[found] - before[found]) * (SLOTS_PER_HOUR / lag)
        row, newest, value = row[~found], newest[~found], value[~found]
    return rate


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


def time_to_limit(value: ArrayLike, slope: TheilSen, limits: ArrayLike) -> TimeToLimit:
    """Return the hours until each limit is reached if the slope lasts, as an interval.

    Parameters
    ----------
    value : array, shape (m,)
        Value now.
    slope : TheilSen
        Of the same rows [unit/h].
    limits : array, shape (m, 4) or (4,)
        Limits upward; NaN where there is none.

    Returns
    -------
    TimeToLimit
        Hours [float32, (m, 4)]: 0 at or above the limit whatever the slope, infinite for a slope that
        does not rise, NaN when the value, the limit or the slope is missing.

    Examples
    --------
    >>> slope = theil_sen([[0.0, 1, 2, 3, 4, 5]], range(6))
    >>> time_to_limit([5.0], slope, [4.0, 6.0, 8.0, float("nan")]).expected.tolist()
    [[0.0, 1.0, 3.0, nan]]
    """
    now = finite(value)[:, None].astype(np.float64)
    limit = np.broadcast_to(np.asarray(limits, dtype=np.float64), (len(now), np.shape(limits)[-1]))
    left = limit - now
    return TimeToLimit(*(_hours(left, speed) for speed in (slope.upper, slope.slope, slope.lower)))


def _hours(left: Array, speed: Floats) -> Floats:
    rate = np.broadcast_to(speed.astype(np.float64)[:, None], left.shape)
    hours = np.full(left.shape, np.nan, dtype=np.float64)
    np.divide(left, rate, out=hours, where=rate > 0)
    hours[(rate <= 0) & ~np.isnan(left)] = np.inf
    hours[left <= 0] = 0.0
    # a slope of almost nothing may need more hours than float32 can say: that is never
    result: Floats = np.where(hours > np.finfo(np.float32).max, np.inf, hours).astype(np.float32)
    return result
