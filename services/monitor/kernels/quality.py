"""Quality flags after the QARTOD manual for water level data, for many sensors at once.

Every test is a pure function of the values it needs and returns int8 flags. A limit that is NaN is not
set: zero is a limit. A threshold may be one number or one per row. Flags of readings are never
rewritten; a changed rule set gets a new `RULE_SET_VERSION`.

References
----------
U.S. Integrated Ocean Observing System (2021), Manual for Real-Time Quality Control of Water Level Data,
version 2.1, doi:10.25923/vpsx-dc82.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import Array, Flags, finite, last_valid, row_chunks
from services.monitor.kernels.flags import (
    FAIL,
    MISSING,
    NOT_EVALUATED,
    PASS,
    RULE_SET_VERSION,
    SUSPECT,
    TESTS,
    pack,
    unpack,
    worst,
)

__all__ = [
    "FAIL",
    "MISSING",
    "NOT_EVALUATED",
    "PASS",
    "RULE_SET_VERSION",
    "SUSPECT",
    "TESTS",
    "flat_line",
    "gap",
    "gross_range",
    "neighbour",
    "pack",
    "rate_of_change",
    "spike",
    "step",
    "unpack",
    "worst",
]


def gross_range(
    value: ArrayLike, fail_low: ArrayLike, fail_high: ArrayLike, suspect_low: ArrayLike, suspect_high: ArrayLike
) -> Flags:
    """Compare with the sensor's range (fail) and the user's (suspect); bounds themselves pass.

    Parameters
    ----------
    value : array, shape (m,)
        NaN gives missing; an infinity fails.
    fail_low, fail_high, suspect_low, suspect_high : array, shape (m,) or scalar
        Bounds in the value's unit; NaN where there is none.

    Returns
    -------
    int8 array, shape (m,)
        Not evaluated where all four bounds are NaN.

    Examples
    --------
    >>> gross_range([0.0, 5.0, 11.0, float("nan")], 0.0, 10.0, float("nan"), 4.0).tolist()
    [1, 3, 4, 9]
    """
    x = np.asarray(value, dtype=np.float64)
    bounds = [np.asarray(b, dtype=np.float64) for b in (fail_low, fail_high, suspect_low, suspect_high)]
    unset = np.isnan(bounds[0]) & np.isnan(bounds[1]) & np.isnan(bounds[2]) & np.isnan(bounds[3])
    flags: Flags = np.full(x.shape, PASS, dtype=np.int8)
    flags[np.broadcast_to(unset, x.shape)] = NOT_EVALUATED
    flags[(x < bounds[2]) | (x > bounds[3])] = SUSPECT
    flags[(x < bounds[0]) | (x > bounds[1]) | np.isinf(x)] = FAIL
    flags[np.isnan(x)] = MISSING
    return flags


def spike(
    window: ArrayLike, low: ArrayLike, high: ArrayLike, method: Literal["average", "differential"] = "average"
) -> Flags:
    """Judge the value *before* the newest against its two neighbours.

    The three values are the row's last three that are there; how far they may lie back is the width of
    the window given.

    Parameters
    ----------
    window : array, shape (m, k)
        Newest last, k at least 3; NaN is missing.
    low, high : array, shape (m,) or scalar
        Suspect and fail above these [value's unit]; NaN where not set.
    method : {"average", "differential"}
        ``average``: distance to the mean of the neighbours, the manual's formula; half of any steep step
        counts as a spike on both of its sides. ``differential``: the smaller of the distances to the
        two neighbours, zero unless both lie on one side; the front of a flood is then no spike.

    Returns
    -------
    int8 array, shape (m,)
        Not evaluated with fewer than three values or no threshold.

    Examples
    --------
    >>> spike([[1.0, 9.0, 1.0], [1.0, 1.0, 9.0], [1.0, 9.0, float("nan")]], 3.0, 5.0).tolist()
    [4, 3, 2]
    >>> spike([[1.0, 9.0, 1.0], [1.0, 1.0, 9.0]], 3.0, 5.0, method="differential").tolist()
    [4, 1]
    """
    last = last_valid(window, 3)[0].astype(np.float64)
    before, middle, after = last[:, 0], last[:, 1], last[:, 2]
    match method:
        case "average":
            height = np.abs(middle - (before + after) / 2)
        case "differential":
            left, right = middle - before, middle - after
            height = np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), left * right * 0.0)
        case _:
            raise ValueError(f"method must be average or differential, not {method!r}")
    return _two_limits(height, low, high)


def step(window: ArrayLike, low: ArrayLike, high: ArrayLike) -> Flags:
    """Judge the newest column's value against the last one before it.

    Parameters
    ----------
    window : array, shape (m, k)
        Newest last; NaN is missing.
    low, high : array, shape (m,) or scalar
        Suspect and fail above these [value's unit]; NaN where not set.

    Returns
    -------
    int8 array, shape (m,)
        Missing when the newest column is; not evaluated without an earlier value or threshold.

    Examples
    --------
    >>> step([[1.0, float("nan"), 2.0], [1.0, 2.0, float("nan")]], 0.5, 5.0).tolist()
    [3, 9]
    """
    newest, change = _newest_change(window)
    flags = _two_limits(change, low, high)
    flags[np.isnan(newest)] = MISSING
    return flags


def rate_of_change(window: ArrayLike, n_dev: float, resolution: ArrayLike = 0.0, min_points: int = 3) -> Flags:
    """Judge the newest step against the spread of the values before it.

    Parameters
    ----------
    window : array, shape (m, k)
        Newest last; NaN is missing. The standard deviation is that of the values before the newest, so
        that a jump does not excuse itself.
    n_dev : float
        Suspect when the step exceeds so many standard deviations.
    resolution : array, shape (m,) or scalar
        Steps up to this always pass [value's unit]: on a calm pond the deviation is zero.
    min_points : int
        Values before the newest that are needed.

    Returns
    -------
    int8 array, shape (m,)
        Never worse than suspect; missing when the newest column is.

    Examples
    --------
    >>> rate_of_change([[1.0, 1.1, 0.9, 1.0, 2.0], [1.0, 1.1, 0.9, 1.0, 1.1]], 3.0).tolist()
    [3, 1]
    """
    newest, change = _newest_change(window)
    history = finite(window)[:, :-1]
    flags: Flags = np.full(len(newest), NOT_EVALUATED, dtype=np.int8)
    allowed = np.zeros(len(newest), dtype=np.float64)
    for chunk in row_chunks(len(newest), max(history.shape[1], 1) * 24):
        past = history[chunk].T.astype(np.float64)  # by column: sums then run along memory
        valid = ~np.isnan(past)
        count = np.count_nonzero(valid, axis=0)
        enough = count >= max(min_points, 2)
        if not valid.all():
            past = np.where(valid, past, 0.0)
        mean = past.sum(axis=0) / np.maximum(count, 1)
        past -= mean
        past *= past
        square = (past if valid.all() else np.where(valid, past, 0.0)).sum(axis=0)
        allowed[chunk] = n_dev * np.sqrt(square / np.maximum(count - 1, 1))
        flags[chunk][enough] = PASS
    evaluated = flags == PASS
    flags[evaluated & (change > np.maximum(allowed, np.asarray(resolution, dtype=np.float64)))] = SUSPECT
    flags[np.isnan(newest)] = MISSING
    return flags


def flat_line(window: ArrayLike, eps: ArrayLike, suspect_n: int, fail_n: int, quiet: ArrayLike = False) -> Flags:
    """Judge a row that does not move: a stuck sensor, unless it has reason to be still.

    Parameters
    ----------
    window : array, shape (m, k)
        Newest last; NaN is missing and is passed over.
    eps : array, shape (m,) or scalar
        Values within this of the newest count as the same [value's unit].
    suspect_n, fail_n : int
        Length of the run of such values, the newest included, from which the flag is given; the window
        must be wide enough to hold it.
    quiet : bool array, shape (m,) or scalar
        True for a dry gauge or a calm pond, which are naturally constant: they pass.

    Returns
    -------
    int8 array, shape (m,)
        Not evaluated while all values are the same but fewer than ``suspect_n``; missing when the newest
        column is.

    Examples
    --------
    >>> flat_line([[1.0, 2, 2, 2], [2, 2, 2, 2], [2, 2, 2, 3]], 0.0, 3, 4).tolist()
    [3, 4, 1]
    """
    array = finite(window)
    rows, columns = array.shape
    flags: Flags = np.full(rows, NOT_EVALUATED, dtype=np.int8)
    if columns == 0:
        return flags
    still = np.broadcast_to(np.asarray(quiet, dtype=np.bool_), (rows,))
    limit = np.broadcast_to(np.asarray(eps, dtype=np.float32), (rows,))
    column = np.arange(columns, dtype=np.int32)
    for chunk in row_chunks(rows, columns * 10):
        part = array[chunk]
        valid = ~np.isnan(part)
        moved = np.abs(part - part[:, -1:]) > limit[chunk, None]
        any_moved = moved.any(axis=1)
        last_moved = np.where(any_moved, columns - 1 - np.argmax(moved[:, ::-1], axis=1), -1)
        run = (valid & (column > last_moved[:, None])).sum(axis=1)
        flag = flags[chunk]
        flag[any_moved | (run >= suspect_n)] = PASS
        flag[run >= suspect_n] = SUSPECT
        flag[run >= fail_n] = FAIL
        flag[still[chunk]] = PASS
        flag[~valid[:, -1]] = MISSING
    return flags


def neighbour(a: ArrayLike, b: ArrayLike, difference: ArrayLike) -> Flags:
    """Compare with a second sensor of the same quantity; never worse than suspect.

    Parameters
    ----------
    a, b : array, shape (m,)
        The value judged and its neighbour's.
    difference : array, shape (m,) or scalar
        Suspect above this [value's unit]; NaN where not set.

    Returns
    -------
    int8 array, shape (m,)
        Missing where ``a`` is, not evaluated where ``b`` is.

    Examples
    --------
    >>> neighbour([1.0, 1.0, 1.0], [1.1, 3.0, float("nan")], 0.5).tolist()
    [1, 3, 2]
    """
    mine, other = np.asarray(finite(a), np.float64), np.asarray(finite(b), np.float64)
    flags = _two_limits(np.abs(mine - other), difference, np.nan)
    flags[np.isnan(mine)] = MISSING
    return flags


def gap(slots_since: ArrayLike, interval_slots: ArrayLike) -> Flags:
    """Judge the time since the last reading; missing when it exceeds the expected interval.

    Parameters
    ----------
    slots_since : array, shape (m,)
        Slots from the newest reading's slot to the slot judged; NaN or negative when none ever came.
    interval_slots : array, shape (m,) or scalar
        Expected interval [slots]. "Exceeds" leaves a reading the slot in which it is due.

    Returns
    -------
    int8 array, shape (m,)

    Examples
    --------
    >>> gap([0, 1, 2, -1], 1).tolist()
    [1, 1, 9, 9]
    """
    since = np.asarray(slots_since, dtype=np.float64)
    allowed = np.maximum(np.asarray(interval_slots, dtype=np.float64), 1.0)
    flags: Flags = np.where((since >= 0) & (since <= allowed), PASS, MISSING).astype(np.int8)
    return flags


def _two_limits(size: Array, low: ArrayLike, high: ArrayLike) -> Flags:
    """Flags of a size that is suspect above ``low`` and fails above ``high``; NaN size: not evaluated."""
    suspect, fail = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    flags: Flags = np.full(size.shape, PASS, dtype=np.int8)
    flags[size > suspect] = SUSPECT
    flags[size > fail] = FAIL
    flags[np.isnan(size) | (np.isnan(suspect) & np.isnan(fail))] = NOT_EVALUATED
    return flags


def _newest_change(window: ArrayLike) -> tuple[Array, Array]:
    """Newest column, and its distance to the last value before it; NaN where either is missing."""
    array = finite(window)
    if array.shape[1] == 0:
        nothing = np.full(len(array), np.nan)
        return nothing, nothing
    newest = array[:, -1].astype(np.float64)
    before = last_valid(array[:, :-1], 1)[0][:, 0]
    return newest, np.abs(newest - before)
