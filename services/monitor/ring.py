"""The slot matrix: every sensor's newest slots in one ring, and each pond's own clock on it.

``values`` is (rows, width) float32 in canonical units, NaN = missing, turned so that up is danger (freeboard
and beach length are stored negative). A slot whose only readings failed the gross range holds a mark instead
of a value: ``ABOVE`` (the side of danger) or ``BELOW``, both smaller than any value, so that the greatest of a
slot is the order NaN < BELOW < ABOVE < values and does not depend on arrival. Column = slot mod width, so ponds
may stand at different times (a replay of 2020 beside a live pond) without a second matrix. Slots are 5 minutes,
right-closed, labelled by their end: slot ``s`` covers (300·(s-1), 300·s] seconds since 1970.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

__all__ = ["ABOVE", "BELOW", "MARKS", "NEVER", "SLOT_US", "Ring", "slot_of"]

SLOT_US = 300_000_000
"""Length of a slot in microseconds."""

NEVER = np.int64(-(2**62))
"""A slot before all slots."""

BELOW = np.float32(-3e38)
"""Mark of a slot with readings only outside the gross range, away from danger."""
ABOVE = np.float32(-2e38)
"""Mark of a slot with readings only outside the gross range, on the side of danger."""
MARKS = np.float32(-1e38)
"""Everything below this is a mark, everything above a value."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def slot_of(time_us: Ints) -> Ints:
    """Return the slot of each time (microseconds since 1970): the end of its 5 minutes, rounded up."""
    return -((-np.asarray(time_us, np.int64)) // SLOT_US)


class Ring:
    """Slots of all sensors; grows by rows, never by columns."""

    def __init__(self, width: int, rows: int = 64) -> None:
        self.width = width
        self.values: Floats = np.full((rows, width), np.nan, np.float32)
        self.head: Ints = np.full(rows, NEVER, np.int64)
        """Newest slot that is open for each row; what lies after it, or a whole width before, is missing."""
        self.used = 0

    def add_rows(self, count: int) -> int:
        """Make room for *count* more sensors and return the first new row."""
        first, self.used = self.used, self.used + count
        have = len(self.values)
        if self.used > have:
            # Small matrices double; large ones grow by what is asked and a little, to stay within memory.
            more = max(self.used, have * 2 if have < 4096 else self.used + 1024) - have
            self.values = np.concatenate([self.values, np.full((more, self.width), np.nan, np.float32)])
            self.head = np.concatenate([self.head, np.full(more, NEVER, np.int64)])
        return first

    def advance(self, rows: Ints, head: int, target: int) -> None:
        """Open the slots ``head+1..target`` of *rows*: clear their columns."""
        if target <= head or len(rows) == 0:
            return
        slots = np.arange(max(head + 1, target - self.width + 1), target + 1)
        self.values[np.ix_(rows, slots % self.width)] = np.nan
        self.head[rows] = target

    def write_worst(self, rows: Ints, slots: Ints, values: Floats) -> None:
        """Put level readings (or marks) in: the greatest of a slot stands for it, whatever the order."""
        np.fmax.at(self.values.reshape(-1), rows * self.width + slots % self.width, values)

    def write_sum(self, rows: Ints, slots: Ints, values: Floats) -> None:
        """Put rain in: the readings of a slot add up; a mark stays only where nothing else came.

        Added in whole ten-thousandths of a millimetre, so that the sum does not depend on the order they came in.
        """
        flat = rows * self.width + slots % self.width
        cells = self.values.reshape(-1)
        marks = values < MARKS
        if marks.any():
            np.fmax.at(cells, flat[marks], values[marks])
            flat, values = flat[~marks], values[~marks]
        place, index = np.unique(flat, return_inverse=True)
        now = cells[place]
        whole = np.round(np.where(now > MARKS, now, np.float32(0)).astype(np.float64) * 1e4)
        whole += np.bincount(index, np.round(values.astype(np.float64) * 1e4), len(place))
        cells[place] = whole / 1e4

    def set_cells(self, rows: Ints, slots: Ints, values: Floats) -> None:
        """Replace whole slots (after a read-back from the store)."""
        self.values[rows, slots % self.width] = values

    def block(self, rows: Ints, first: int, last: int) -> Floats:
        """Return the slots ``first..last`` of *rows*, (rows, slots), marks included."""
        slots = np.arange(first, last + 1)
        taken: Floats = self.values[np.ix_(rows, slots % self.width)]
        head = self.head[rows]
        if len(rows) and (last > head.min() or first <= head.max() - self.width):
            # Silence is judged without opening slots, so that a backlog still finds its past here.
            there = (slots <= head[:, None]) & (slots > head[:, None] - self.width)
            taken[~there] = np.nan
        return taken

    def newest(self, rows: Ints, first: int, last: int) -> Ints:
        """Return the newest slot of ``first..last`` in which each of *rows* has a value, ``NEVER`` if none."""
        there = self.block(rows, first, last) > MARKS
        place = there.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)
        return np.where(there.any(axis=1), first + place, NEVER).astype(np.int64)

    def windows(self, rows: Ints, slots: Ints, length: int) -> Floats:
        """Return for each pair (row, slot) the *length* slots up to and including it, newest last; marks as NaN."""
        taken = self._cut(rows, slots, length)
        np.putmask(taken, taken < MARKS, np.float32(np.nan))
        gone = self.head[rows] - self.width - (slots - length)
        if len(rows) and gone.max() > 0:
            # What has left the ring is missing, not what stands in its place now.
            taken[np.arange(length)[None, :] < gone[:, None]] = np.nan
        return taken

    def _cut(self, rows: Ints, slots: Ints, length: int) -> Floats:
        """Return the cells of ``windows`` as they are, in a copy."""
        end = slots % self.width + 1
        if len(end) and (end == end[0]).all():  # one new slot of many sensors
            last = int(end[0])
            if last >= length:
                return self.values[:, last - length : last][rows]
            return np.concatenate([self.values[:, last - length :][rows], self.values[:, :last][rows]], axis=1)
        # A window that does not cross the ring's edge is one run of memory: taken whole, not cell by cell.
        flat = self.values.reshape(-1)
        every = as_strided(flat, (flat.size - length + 1, length), (flat.itemsize, flat.itemsize), writeable=False)
        begin = rows * self.width + end - length
        across = np.flatnonzero(end < length)
        taken: Floats = every[np.maximum(begin, 0)]
        if len(across):
            columns = (slots[across, None] + np.arange(1 - length, 1)) % self.width
            taken[across] = self.values[rows[across, None], columns]
        return taken
