"""Slow climbs: a one-sided CUSUM on hourly means, for rises that no hourly rule sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import Array, Bools, finite

__all__ = ["CusumState", "alarmed", "initial", "run", "step"]


class CusumState(NamedTuple):
    """State of each sensor, arrays (m,) or, from `run`, (m, t)."""

    sum: Array
    """The CUSUM [standard deviations]."""
    mean: Array
    """Baseline [unit]."""
    variance: Array
    """Variance about the baseline [unit²]."""
    n: Array
    """Hours seen."""


def initial(rows: int) -> CusumState:
    """Return the state of sensors that have seen nothing yet."""
    return CusumState(np.zeros(rows), np.full(rows, np.nan), np.zeros(rows), np.zeros(rows, dtype=np.int32))


def step(
    state: CusumState, x: ArrayLike, k: float = 0.5, baseline_hours: float = 336.0, sigma_floor: float = 0.02, warm_up: int = 48
) -> CusumState:
    """Take one hour: x (m,), NaN leaves the state as it is."""
    value = finite(x).astype(np.float64)
    seen = ~np.isnan(value)
    first = seen & np.isnan(state.mean)
    weight = np.maximum(1.0 / (state.n + 1.0), 1.0 / baseline_hours)
    residual = np.where(first, 0.0, value - state.mean)
    sigma = np.maximum(np.sqrt(state.variance), sigma_floor)
    raised = np.maximum(0.0, state.sum + residual / sigma - k)
    total = np.where(state.n >= warm_up, raised, 0.0)
    mean = np.where(first, value, state.mean + weight * residual)
    variance = (1 - weight) * (state.variance + weight * residual**2)
    return CusumState(
        np.where(seen, total, state.sum),
        np.where(seen, mean, state.mean),
        np.where(seen, variance, state.variance),
        state.n + seen,
    )


def run(
    state: CusumState, xs: ArrayLike, k: float = 0.5, baseline_hours: float = 336.0, sigma_floor: float = 0.02, warm_up: int = 48
) -> CusumState:
    """Take many hours, xs (m, t); fields of the result have shape (m, t)."""
    hours = finite(xs)
    history = []
    for column in hours.T:
        state = step(state, column, k, baseline_hours, sigma_floor, warm_up)
        history.append(state)
    if not history:
        empty = np.empty((len(hours), 0))
        return CusumState(empty, empty, empty, empty.astype(np.int32))
    return CusumState(*(np.stack(field, axis=1) for field in zip(*history, strict=True)))


def alarmed(state: CusumState, h: float = 5.0) -> Bools:
    """Tell where the CUSUM exceeds its decision interval h [standard deviations]."""
    result: Bools = state.sum > h
    return result
