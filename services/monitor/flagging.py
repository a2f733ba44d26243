"""Real-time quality flags (QARTOD) of a batch of readings, before they are stored (numpy; no clock, no I/O).

Tests look at a reading's own sensor, reading by reading: the ones before it in the batch and, before those, the
newest slots in the ring. Flags are stored with the reading and never rewritten; the rules judge by slots and do
not read them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.monitor.kernels import quality
from services.monitor.kernels.arrays import last_valid
from services.monitor.points import Points
from services.monitor.ring import Ring, slot_of

__all__ = ["flag"]

_WINDOW = 13
"""Readings a test sees: the one judged and the twelve before it."""
_TWIN_SLOTS = 3
"""How far apart in time two sensors of a pond may be compared."""
_N_DEV = 6.0
"""Steps beyond so many standard deviations of the readings before are of high interest."""

Ints = npt.NDArray[np.int64]


def flag(
    ring: Ring,
    points: Points,
    rows: Ints,
    time_us: Ints,
    values: npt.NDArray[np.float64],
    raining: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """Return (flag, packed tests) of each reading; ``rows``, ``time_us`` sorted by (row, time).

    ``values`` are canonical, ``raining``, one a reading, tells whether its pond has had enough rain that a level
    should move (a calm pond and a dry gauge are naturally flat).
    """
    count = len(rows)
    if count == 0:
        return np.zeros(0, np.int16), np.zeros(0, np.int32)
    turned = (values * points.sign[rows]).astype(np.float32)
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    slots = slot_of(time_us)
    before = _before(ring, rows[first], slots[first] - 1)
    window = _sliding(turned, first, before)
    low, high = points.low[rows], points.high[rows]
    rain = points.rain[rows]
    nothing = np.float32(np.nan)
    step_low = np.where(rain, nothing, points.step_low[rows])
    step_high = np.where(rain, nothing, points.step_high[rows])
    quiet = np.where(rain, turned == 0, ~raining)
    tests = {
        "gross_range": quality.gross_range(turned, low, high, nothing, nothing),
        "spike": quality.spike(window, step_low, step_high, method="differential"),
        "step": quality.step(window, step_low, step_high),
        "rate_of_change": np.where(
            rain, np.int8(quality.NOT_EVALUATED), quality.rate_of_change(window, _N_DEV, points.step_low[rows] / 3)
        ),
        "flat_line": quality.flat_line(window, np.float32(0.0005), 7, _WINDOW, quiet),
    }
    twin = points.twin[rows[first]]
    if (twin >= 0).any():
        which = np.cumsum(np.diff(rows, prepend=-1) != 0) - 1
        # The twin was read before the batch: it says something about the batch's beginning only.
        near = (twin[which] >= 0) & (slots - slots[first][which] < _TWIN_SLOTS)
        limit = np.where(near, points.numbers("quality", "neighbour_m", rows), np.nan).astype(np.float32)
        tests["neighbour"] = quality.neighbour(turned, _twins(ring, twin, slots[first])[which], limit)
    return quality.worst(*tests.values()).astype(np.int16), quality.pack(tests)


def _before(ring: Ring, rows: Ints, slots: Ints) -> npt.NDArray[np.float32]:
    """Return the last twelve values of each row up to a slot, (m, 12), NaN where there are fewer."""
    head = ring.head[rows]
    reach = np.minimum(slots, head)
    window = ring.windows(rows, np.maximum(reach, 0), 36)
    window[head < 0] = np.nan
    return last_valid(window, _WINDOW - 1)[0]


def _sliding(values: npt.NDArray[np.float32], first: Ints, before: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return each reading's window, (n, 13): its row's earlier ones in the batch, then those from the ring."""
    length = np.diff([*first.tolist(), len(values)])
    width = _WINDOW - 1
    # One long line: each row's twelve old values, then its new ones; a window is a slice of it.
    starts = first + np.arange(len(first)) * width
    line = np.empty(len(values) + len(first) * width, np.float32)
    line[(starts[:, None] + np.arange(width)).reshape(-1)] = before.reshape(-1)
    place = np.arange(len(values)) + np.repeat(np.arange(1, len(first) + 1) * width, length)
    line[place] = values
    # Laid out by column: what looks along every window is then quick.
    taken: npt.NDArray[np.float32] = line[place + np.arange(1 - _WINDOW, 1)[:, None]]
    return taken.T


def _twins(ring: Ring, twin: Ints, slots: Ints) -> npt.NDArray[np.float32]:
    """Return the value of each twin in the quarter of an hour up to a slot; NaN where there is none."""
    value = np.full(len(twin), np.nan, np.float32)
    reach = np.minimum(slots, ring.head[np.maximum(twin, 0)])
    there = np.flatnonzero((twin >= 0) & (reach > slots - _TWIN_SLOTS))
    if len(there):
        value[there] = last_valid(ring.windows(twin[there], reach[there], _TWIN_SLOTS), 1)[0][:, 0]
    return value
