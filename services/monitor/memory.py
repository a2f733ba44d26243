"""What outlasts the ring: hourly recursions (slow climb, antecedent precipitation) of every point.

The state at the *anchor* hour, older than any reading that may still come, is kept beside the state at the
newest complete hour: data in order take one step, late data run again from the anchor. So the result depends on
the readings alone. Hour ``h`` is the slots ``12h-11 … 12h``; it counts from slot ``12h+1`` on, when it is complete.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from services.monitor.kernels import antecedent, cusum
from services.monitor.ring import MARKS, NEVER, Ring

__all__ = ["API_PER_HOUR", "SIGMA_FLOOR_MM", "Memory"]

API_PER_HOUR = 0.9 ** (1 / 24)
"""Recession of the antecedent index per hour; 0.9 a day (domain reference §5: 0.8 to 0.95)."""

_FORGET_HOURS = 336
SIGMA_FLOOR_M = 0.04
SIGMA_FLOOR_MM = 5.0

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]


class Memory:
    """Hourly state of every row: the CUSUM's fields and the antecedent index [mm]."""

    def __init__(self, rows: int = 64) -> None:
        width = len(cusum.initial(1)) + 1
        self.anchor_hour: Ints = np.full(rows, NEVER, np.int64)
        self.anchor: Array = self._blank(rows, width)
        self.hour: Ints = np.full(rows, NEVER, np.int64)
        self.state: Array = self._blank(rows, width)
        self.sigma_floor: Array = np.full(rows, SIGMA_FLOOR_M)
        """Least standard deviation of the slow-climb rule, in each row's canonical unit."""

    @staticmethod
    def _blank(rows: int, width: int) -> Array:
        blank = np.column_stack([*(np.asarray(part, np.float64) for part in cusum.initial(rows)), np.zeros(rows)])
        assert blank.shape[1] == width, "one column a field, one for the index"
        return blank

    def grow(self, rows: int) -> None:
        """Make room for *rows* rows in all."""
        more = rows - len(self.hour)
        if more > 0:
            more = max(more, min(len(self.hour), 4096))
            blank = self._blank(more, self.state.shape[1])
            never = np.full(more, NEVER, np.int64)
            self.anchor = np.concatenate([self.anchor, blank])
            self.state = np.concatenate([self.state, blank])
            self.anchor_hour = np.concatenate([self.anchor_hour, never])
            self.hour = np.concatenate([self.hour, never])
            self.sigma_floor = np.concatenate([self.sigma_floor, np.full(more, SIGMA_FLOOR_M)])

    def begin(self, rows: Ints, hour: int) -> None:
        """Start *rows* from nothing at *hour* (the hour before their pond's first reading)."""
        blank = self._blank(1, self.state.shape[1])
        self.anchor[rows] = blank
        self.state[rows] = blank
        self.anchor_hour[rows] = self.hour[rows] = hour

    def restore(self, rows: Ints, hour: int, states: Array) -> None:
        """Put anchors back after a restart."""
        self.anchor[rows] = self.state[rows] = states
        self.anchor_hour[rows] = self.hour[rows] = hour

    def late(self, rows: Ints, first: int) -> None:
        """Forget what was worked out from slot *first* on: it will be run again from the anchor."""
        touched = rows[self.hour[rows] * 12 >= first]
        self.state[touched] = self.anchor[touched]
        self.hour[touched] = self.anchor_hour[touched]

    def skip(self, rows: Ints, hour: int) -> None:
        """Pass over a long silence up to *hour*: no means come, and the catchment dries."""
        for hours, states in ((self.anchor_hour, self.anchor), (self.hour, self.state)):
            passed = np.maximum(0, hour - hours[rows])
            index = states[rows, -1] * API_PER_HOUR**passed
            # A baseline from before a long silence says nothing about the pond after it.
            forget = passed > _FORGET_HOURS
            states[rows[forget]] = self._blank(1, states.shape[1])
            states[rows, -1] = index
            hours[rows] = np.maximum(hours[rows], hour)

    def run(self, ring: Ring, rows: Ints, rain: npt.NDArray[np.bool_], first: int, last: int) -> tuple[Array, Array]:
        """Bring *rows* to the hour complete before slot *last*.

        Returns (cusum sum, antecedent index), each (rows, hours) for the hours ``(first-1)//12 … (last-1)//12``.
        """
        begin, end = (first - 1) // 12, (last - 1) // 12
        sums = np.zeros((len(rows), end - begin + 1))
        index = np.zeros_like(sums)
        for hour in np.unique(self.hour[rows]).tolist():
            places = np.flatnonzero(self.hour[rows] == hour)
            group = rows[places]
            state = self.state[group]
            if hour >= begin:
                sums[places, hour - begin], index[places, hour - begin] = state[:, 0], state[:, -1]
            for at, means, totals in self._hours(ring, group, hour + 1, end):
                state = self._step(state, means, totals, rain[places], self.sigma_floor[group])
                if at >= begin:
                    sums[places, at - begin], index[places, at - begin] = state[:, 0], state[:, -1]
            self.state[group] = state
            self.hour[group] = max(hour, end)
        return sums, index

    def settle(self, ring: Ring, rows: Ints, rain: npt.NDArray[np.bool_], hour: int) -> None:
        """Move the anchors of *rows* up to *hour*, which no reading can reach any more."""
        for was in np.unique(self.anchor_hour[rows]).tolist():
            places = np.flatnonzero(self.anchor_hour[rows] == was)
            group = rows[places]
            state = self.anchor[group]
            for _, means, totals in self._hours(ring, group, was + 1, hour):
                state = self._step(state, means, totals, rain[places], self.sigma_floor[group])
            self.anchor[group] = state
            self.anchor_hour[group] = max(was, hour)

    @staticmethod
    def _hours(ring: Ring, rows: Ints, first: int, last: int) -> list[tuple[int, Array, Array]]:
        """Return (hour, means, sums) of each hour of *rows*; NaN and zero where an hour is empty."""
        if last < first:
            return []
        block = ring.block(rows, 12 * first - 11, 12 * last).reshape(len(rows), last - first + 1, 12)
        block = np.where(block > MARKS, block, np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of an empty hour is the NaN we want
            means = np.asarray(np.nanmean(block, axis=2, dtype=np.float64))
        totals = np.asarray(np.nansum(block, axis=2, dtype=np.float64))
        return [(first + place, means[:, place], totals[:, place]) for place in range(last - first + 1)]

    @staticmethod
    def _step(state: Array, means: Array, totals: Array, rain: npt.NDArray[np.bool_], floor: Array) -> Array:
        fields = cusum.CusumState(*state[:, :-1].T)
        stepped = cusum.step(fields, np.where(rain, np.nan, means), sigma_floor=floor)
        rained = np.where(rain, totals, 0.0)[:, None]
        index = antecedent.precipitation(rained, API_PER_HOUR, before=state[:, -1])[:, 0].astype(np.float64)
        return np.column_stack([*(np.asarray(part, np.float64) for part in stepped), index])
