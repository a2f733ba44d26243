"""Antecedent precipitation: how wet the catchment already is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import Floats, finite

__all__ = ["precipitation"]


def precipitation(daily: ArrayLike, k: float = 0.9, before: ArrayLike | None = None) -> Floats:
    """Run the antecedent precipitation index API_t = k API_(t-1) + P_t over days.

    Parameters
    ----------
    daily : array, shape (m, d)
        Rain of each day [mm], oldest first. A missing day (NaN) adds nothing but still dries, so the
        index is then a lower bound.
    k : float
        Recession per day, 0.8 to 0.95 in practice.
    before : array, shape (m,), optional
        Index of the day before the first [mm]; NaN or absent: not begun. Passing the last column of an
        earlier call continues it exactly.

    Returns
    -------
    float32 array, shape (m, d)
        Index at the end of each day [mm]; NaN until the first day with a value.

    Raises
    ------
    ValueError
        If k is not between 0 and 1.

    References
    ----------
    Kohler, M. A. and Linsley, R. K. (1951), Predicting the runoff from storm rainfall, US Weather
    Bureau Research Paper 34.

    Examples
    --------
    >>> precipitation([[10.0, 0.0, float("nan"), 2.0]], k=0.5).tolist()
    [[10.0, 5.0, 2.5, 3.25]]
    """
    if not 0.0 <= k <= 1.0:
        raise ValueError(f"k must be between 0 and 1, not {k}")
    rain = finite(daily)
    rows, days = rain.shape
    index: Floats = np.empty((rows, days), dtype=np.float32)
    last: Floats = np.full(rows, np.nan, dtype=np.float32) if before is None else finite(before)
    recession = np.float32(k)
    for day in range(days):
        today = rain[:, day]
        begun = ~(np.isnan(last) & np.isnan(today))
        wet = recession * np.nan_to_num(last) + np.nan_to_num(today)
        last = np.where(begun, wet, np.float32(np.nan))
        index[:, day] = last
    return index
