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
from services.monitor.points import Points
from services.monitor.ring import MARKS, NEVER, Ring

__all__ = ["API_PER_HOUR", "SIGMA_FLOOR_MM", "Memory"]

API_PER_HOUR = 0.9 ** (1 / 24)
"""Recession of the antecedent index per hour; 0.9 a day (domain reference §5: 0.8 to 0.95)."""

_FORGET_HOURS = 336
_IDLE, _INDEX, _SEEN = -3, -2, -1
"""Columns of a state; those before are the CUSUM's."""
SIGMA_FLOOR_M = 0.04
SIGMA_FLOOR_MM = 5.0

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]


class Memory:
    """State of every row: the CUSUM's fields, how long they saw nothing [h], the antecedent index [mm], and (in
    the anchor) the newest slot up to the anchor hour that holds a reading, NaN for none.
    """

    def __init__(self, rows: int = 64) -> None:
        self.anchor_hour: Ints = np.full(rows, NEVER, np.int64)
        self.anchor: Array = self._blank(rows)
        self.hour: Ints = np.full(rows, NEVER, np.int64)
        self.state: Array = self._blank(rows)
        self.sigma_floor: Array = np.full(rows, SIGMA_FLOOR_M)
        """Least standard deviation of the slow-climb rule, in each row's canonical unit."""

    @staticmethod
    def _blank(rows: int) -> Array:
        fields = (np.asarray(part, np.float64) for part in cusum.initial(rows))
        return np.column_stack([*fields, np.zeros(rows), np.zeros(rows), np.full(rows, np.nan)])

    def grow(self, rows: int) -> None:
        """Make room for *rows* rows in all."""
        more = rows - len(self.hour)
        if more > 0:
            more = max(more, min(len(self.hour), 4096))
            blank = self._blank(more)
            never = np.full(more, NEVER, np.int64)
            self.anchor = np.concatenate([self.anchor, blank])
            self.state = np.concatenate([self.state, blank])
            self.anchor_hour = np.concatenate([self.anchor_hour, never])
            self.hour = np.concatenate([self.hour, never])
            self.sigma_floor = np.concatenate([self.sigma_floor, np.full(more, SIGMA_FLOOR_M)])

    def begin(self, rows: Ints, hour: int) -> None:
        """Start *rows* from nothing at *hour* (the hour before their pond's first reading)."""
        blank = self._blank(1)
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
        """Pass over a long silence from before the anchor up to *hour*: no means come, and the catchment dries."""
        passed = hour - self.anchor_hour[rows]
        state = self.anchor[rows]
        state[:, _IDLE] += passed
        state[:, _INDEX] *= API_PER_HOUR**passed
        self._forget(state)
        self.anchor[rows] = self.state[rows] = state
        self.anchor_hour[rows] = self.hour[rows] = hour

    def seen(self, rows: Ints) -> Ints:
        """Return the newest slot with a reading up to each row's anchor, ``NEVER`` for none."""
        slots = self.anchor[rows, _SEEN]
        return np.where(np.isnan(slots), NEVER, np.nan_to_num(slots)).astype(np.int64)

    def run(self, ring: Ring, points: Points, rows: Ints, first: int, last: int) -> tuple[Array, Array]:
        """Bring *rows* to the hour complete before slot *last*.

        Returns (cusum sum, antecedent index), each (rows, hours) for the hours ``(first-1)//12 … (last-1)//12``.
        """
        begin, end = (first - 1) // 12, (last - 1) // 12
        rain = points.rain[rows]
        sums = np.zeros((len(rows), end - begin + 1))
        index = np.zeros_like(sums)
        for hour in np.unique(self.hour[rows]).tolist():
            places = np.flatnonzero(self.hour[rows] == hour)
            group = rows[places]
            state = self.state[group]
            if hour >= begin:
                sums[places, hour - begin], index[places, hour - begin] = state[:, 0], state[:, _INDEX]
            for at, means, totals in self._hours(ring, points, group, hour + 1, end):
                state = self._step(state, means, totals, rain[places], self.sigma_floor[group])
                if at >= begin:
                    sums[places, at - begin], index[places, at - begin] = state[:, 0], state[:, _INDEX]
            self.state[group] = state
            self.hour[group] = max(hour, end)
        return sums, index

    def settle(self, ring: Ring, points: Points, rows: Ints, hour: int) -> None:
        """Move the anchors of *rows* up to *hour*, which no reading can reach any more."""
        rain = points.rain[rows]
        for was in np.unique(self.anchor_hour[rows]).tolist():
            places = np.flatnonzero(self.anchor_hour[rows] == was)
            group = rows[places]
            state = self.anchor[group]
            if hour > was:
                for _, means, totals in self._hours(ring, points, group, was + 1, hour):
                    state = self._step(state, means, totals, rain[places], self.sigma_floor[group])
                newest = ring.newest(group, 12 * was + 1, 12 * hour)
                state[:, _SEEN] = np.where(newest == NEVER, state[:, _SEEN], newest)
            self.anchor[group] = state
            self.anchor_hour[group] = max(was, hour)

    @staticmethod
    def _hours(ring: Ring, points: Points, rows: Ints, first: int, last: int) -> list[tuple[int, Array, Array]]:
        """Return (hour, means, sums) of each hour of *rows* in service; NaN and zero where an hour is empty."""
        if last < first:
            return []
        block = ring.block(rows, 12 * first - 11, 12 * last).astype(np.float64)
        serving = points.serving(rows, np.arange(12 * first - 11, 12 * last + 1))
        block = np.where((block > MARKS) & serving, block, np.nan).reshape(len(rows), last - first + 1, 12)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of an empty hour is the NaN we want
            means = np.asarray(np.nanmean(block, axis=2))
        totals = np.asarray(np.nansum(block, axis=2))
        return [(first + place, means[:, place], totals[:, place]) for place in range(last - first + 1)]

    @classmethod
    def _step(cls, state: Array, means: Array, totals: Array, rain: npt.NDArray[np.bool_], floor: Array) -> Array:
        fields = cusum.CusumState(*state[:, :_IDLE].T)
        stepped = cusum.step(fields, np.where(rain, np.nan, means), sigma_floor=floor)
        rained = np.where(rain, totals, 0.0)[:, None]
        index = antecedent.precipitation(rained, API_PER_HOUR, before=state[:, _INDEX])[:, 0].astype(np.float64)
        idle = np.where(np.isnan(means), state[:, _IDLE] + 1, 0.0)
        after = np.column_stack([*(np.asarray(part, np.float64) for part in stepped), idle, index, state[:, _SEEN]])
        cls._forget(after)
        return after

    @classmethod
    def _forget(cls, state: Array) -> None:
        """Drop a baseline from before a long silence: it says nothing about the pond after it."""
        idle = state[:, _IDLE] > _FORGET_HOURS
        if idle.any():
            state[idle, :_IDLE] = cls._blank(1)[:, :_IDLE]
