"""Slow climbs: a one-sided CUSUM on hourly means, for rises over weeks that no hourly rule sees.

Page's C = max(0, C + z - k), alarm at C > h, with z the distance to the baseline in standard deviations.
Three things are fitted to water levels:

- Hourly means are no independent observations. An hour therefore adds ``(z - k) / independent_hours``:
  the sum is Page's sum over days, looked at every hour, and the usual k = 0.5 and h = 5 keep their sense.
- The baseline is an exponentially weighted mean with a time constant of weeks. It follows a pond that
  stands at a new level, and so ends the alarm, but cannot keep up with a climb.
- The standard deviation is that of the wandering about the baseline, not of the sensor's noise. Each hour's
  distance is clipped before it enters, so that the climb itself does not excuse the climb, and there is a
  floor: the wandering that is nobody's business.

With the defaults a climb of 1 mm/h is noticed after 5 to 6 days (noise of 5 mm, daily waves of 5 mm),
wandering of 50 mm either way with a period of two to ten days does not raise it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.monitor.kernels.arrays import Bools, finite

__all__ = ["CusumState", "alarmed", "initial", "run", "step"]

Doubles = NDArray[np.float64]


class CusumState(NamedTuple):
    """State of each sensor: arrays of shape (m,), or (m, t) as `run` returns them.

    In float64, so that a state stored as decimal text and read back continues exactly.
    """

    sum: Doubles
    """The CUSUM [standard deviations x days]."""
    mean: Doubles
    """Baseline [unit]; NaN before the first value."""
    variance: Doubles
    """Variance about the baseline [unit²], without the floor."""
    n: NDArray[np.int64]
    """Hours that had a value."""


def initial(rows: int) -> CusumState:
    """Return the state of ``rows`` sensors that have seen nothing yet.

    >>> initial(1).n.tolist()
    [0]
    """
    return CusumState(np.zeros(rows), np.full(rows, np.nan), np.zeros(rows), np.zeros(rows, dtype=np.int64))


def step(
    state: CusumState,
    x: ArrayLike,
    k: float = 0.5,
    *,
    baseline_hours: float = 336.0,
    sigma_floor: ArrayLike = 0.04,
    independent_hours: float = 24.0,
    clip: float = 2.0,
    ceiling: float = 10.0,
    warm_up: int = 48,
) -> CusumState:
    """Take one hour of every sensor.

    Parameters
    ----------
    state : CusumState
        Arrays of shape (m,).
    x : array, shape (m,)
        Mean of the hour [unit]. NaN leaves the sensor's state exactly as it is, however long it lasts;
        after a gap longer than the baseline's time constant, begin again from `initial`.
    k : float
        Allowance [standard deviations].
    baseline_hours : float
        Time constant of baseline and variance [h]; until so many hours are seen they are plain means.
    sigma_floor : array, shape (m,) or scalar
        Smallest standard deviation [unit], positive. 0.04 suits levels in m: twice a level sensor's
        permitted error.
    independent_hours : float
        Hours that count as one observation [h].
    clip : float
        Distances enter the variance up to so many standard deviations.
    ceiling : float
        Largest sum, twice the usual h: so that an alarm ends in reasonable time.
    warm_up : int
        Hours before the sum begins.

    Returns
    -------
    CusumState
        New arrays of shape (m,); the old state is not written to.

    References
    ----------
    Page, E. S. (1954), Continuous inspection schemes, Biometrika 41, 100-115,
    doi:10.1093/biomet/41.1-2.100.

    Examples
    --------
    >>> state = initial(1)
    >>> for hour in range(240):
    ...     state = step(state, [max(0, hour - 48) * 0.002])
    >>> alarmed(state).tolist()
    [True]
    """
    return _advance(
        state, finite(x).astype(np.float64), k, baseline_hours, sigma_floor, independent_hours, clip, ceiling, warm_up
    )


def run(
    state: CusumState,
    xs: ArrayLike,
    k: float = 0.5,
    *,
    baseline_hours: float = 336.0,
    sigma_floor: ArrayLike = 0.04,
    independent_hours: float = 24.0,
    clip: float = 2.0,
    ceiling: float = 10.0,
    warm_up: int = 48,
) -> CusumState:
    """Take many hours, oldest first; equal to as many calls of `step`, which see.

    Parameters
    ----------
    state : CusumState
        State before the first hour, arrays of shape (m,).
    xs : array, shape (m, t)
        Hourly means [unit]; NaN is missing.

    Returns
    -------
    CusumState
        States after each hour, arrays of shape (m, t).

    Examples
    --------
    >>> states = run(initial(1), [[1.0] * 100 + [1.5] * 48])
    >>> alarmed(states)[0, [99, 102, 147]].tolist()
    [False, False, True]
    """
    hours = finite(xs).astype(np.float64)
    rows, columns = hours.shape
    shape = (rows, columns)
    history = CusumState(np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, dtype=np.int64))
    for hour in range(columns):
        state = _advance(
            state, hours[:, hour], k, baseline_hours, sigma_floor, independent_hours, clip, ceiling, warm_up
        )
        for kept, field in zip(history, state, strict=True):
            kept[:, hour] = field
    return history


def alarmed(state: CusumState, h: float = 5.0) -> Bools:
    """Tell where the sum exceeds the decision interval ``h`` [standard deviations x days]."""
    result: Bools = state.sum > h
    return result


def _advance(
    state: CusumState,
    value: Doubles,
    k: float,
    baseline_hours: float,
    sigma_floor: ArrayLike,
    independent_hours: float,
    clip: float,
    ceiling: float,
    warm_up: int,
) -> CusumState:
    seen = ~np.isnan(value)
    first = seen & (state.n == 0)
    distance = np.where(first, 0.0, value - state.mean)
    sigma = np.maximum(np.sqrt(state.variance), sigma_floor)
    total = np.clip(state.sum + (distance / sigma - k) / independent_hours, 0.0, ceiling)
    weight = np.maximum(1.0 / (state.n + 1), 1.0 / baseline_hours)
    clipped = np.clip(distance, -clip * sigma, clip * sigma)
    return CusumState(
        np.where(seen & (state.n >= warm_up), total, state.sum),
        np.where(seen, np.where(first, value, state.mean + weight * distance), state.mean),
        np.where(seen, (1.0 - weight) * (state.variance + weight * clipped * clipped), state.variance),
        state.n + seen,
    )
