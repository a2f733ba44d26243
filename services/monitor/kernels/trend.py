"""Rise and trend of a level: rate of rise, Theil-Sen slope with its interval, time to a limit.

Values are float32; a level far from its datum loses resolution (300 m resolves to 0.03 mm), so give
levels relative to something near, such as the crest, when tenths of a millimetre matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import SLOTS_PER_HOUR, Array, Floats, finite, row_chunks
from services.monitor.kernels.slope import TheilSen, steep_enough, theil_sen

__all__ = ["TheilSen", "TimeToLimit", "rate_of_rise", "steep_enough", "theil_sen", "thin", "time_to_limit"]


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
        # the transpose: columns are then runs of memory, and everything below works on columns
        whole = np.isfinite(part.T).all(axis=0)
        if whole.any():
            values[chunk], hours[chunk] = (
                _means(part, step),
                position.reshape(blocks, step).mean(axis=1) / SLOTS_PER_HOUR,
            )
        gaps = np.flatnonzero(~whole)
        if len(gaps):
            values[chunk][gaps], hours[chunk][gaps] = _means_of_some(part[gaps], step, position)
    return values, hours


def _means(part: Floats, step: int) -> Array:
    """Means of blocks of rows without a gap; what comes out for the others is not used."""
    with np.errstate(invalid="ignore"):  # infinities of opposite signs, in rows that are done again
        total = part[:, 0::step].T.astype(np.float64)
        for offset in range(1, step):
            total += part[:, offset::step].T
    return (total / step).T


def _means_of_some(part: Floats, step: int, position: Array) -> tuple[Array, Array]:
    """Means of blocks of rows with gaps, and the mean hours of what is there."""
    valid = np.isfinite(part.T)
    filled = np.where(valid, part.T, np.float32(0.0))
    total = np.zeros((part.shape[1] // step, part.shape[0]), dtype=np.float64)
    place = np.zeros_like(total)
    count = np.zeros(total.shape, dtype=np.int32)
    for offset in range(step):
        there = valid[offset::step]
        total += filled[offset::step]
        place += there * position[offset::step, None]
        count += there
    least = np.maximum(count, 1)
    some = count > 0
    return (
        np.where(some, total / least, np.nan).T,
        np.where(some, place / (least * SLOTS_PER_HOUR), np.nan).T,
    )


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
