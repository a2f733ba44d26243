"""Rules on single points: what each observation says by itself (numpy; no clock, no I/O).

An observation is a slot of a point that holds a reading. They stand as columns sorted by (row, slot); every
result depends only on the observation's own slot and those before it: two steps of at most ``Points.near``
back for steps and persistence, 6 hours more for trends, 24 hours for rain. So one slot (live) and a year of them
(replay) come out the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.monitor.kernels import rain as rain_kernel
from services.monitor.kernels import trend as trend_kernel
from services.monitor.points import TREND_WINDOW, Points
from services.monitor.ring import MARKS, Ring

__all__ = ["Observed", "observe", "trend_levels", "window_of"]

_PART = 2048
"""Observations whose windows are held at a time."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int8]


@dataclass(slots=True)
class Observed:
    """Columns over observations; levels are 0 none … 4 red."""

    row: Ints
    slot: Ints
    value: Floats
    """Turned value; of a failed slot the bound of the gross range."""
    stand_in: Ints
    """Index of the observation that is judged in place of an impossible, unconfirmed one; -1 if none."""
    odd: Bools
    """Impossible by itself: a step or a gross-range failure that the two before do not share."""
    spiked: Bools
    """A leap that would have warned, had it been believed."""
    failed: Bools
    suspect: Bools
    """Stands on a step above the suspect size within 6 hours."""
    rise: Floats
    """Rise over the last hour, for confirming a neighbour."""
    flat: Bools
    threshold: Levels
    threshold_release: Levels
    trend: Levels
    trend_release: Levels
    rain: Levels
    rain_release: Levels
    rain_6h: Floats
    rain_24h: Floats


def window_of(ring: Ring, points: Points, rows: Ints, slots: Ints, length: int) -> Floats:
    """Return the *length* slots up to each pair (row, slot), newest last; NaN where there is nothing in service."""
    window = ring.windows(rows, slots, length)
    serving = points.serving_windows(rows, slots, length)
    if serving is not None:
        window[~serving] = np.nan
    return window


def _previous(points: Points, row: Ints, slot: Ints, back: int) -> tuple[Ints, Bools]:
    """Return the index of the observation *back* places before, and whether it is of the same row and near."""
    index = np.arange(len(row)) - back
    there = index >= 0
    index = np.maximum(index, 0)
    there &= (row[index] == row) & (slot - slot[index] <= points.near[row])
    return index, there


def observe(ring: Ring, points: Points, row: Ints, slot: Ints, cell: Floats, asked: Bools | None = None) -> Observed:
    """Judge observations. ``row``, ``slot`` sorted by (row, slot); ``cell`` are the ring's cells, marks included.

    Whatever looks back over hours is worked out for those *asked* for and their stand-ins only (None: all); the
    others are there because these lean on them.
    """
    failed = cell < MARKS
    value = np.where(failed, points.high[row], cell).astype(np.float32)
    one, has_one = _previous(points, row, slot, 1)
    two, has_two = _previous(points, row, slot, 2)
    is_rain = points.rain[row]
    gap = np.sqrt(np.clip(slot - slot[one], 1, 12)).astype(np.float32)
    high = points.step_high[row] * gap
    leap = has_one & (np.abs(value - value[one]) > high) & (~has_two | (np.abs(value - value[two]) > high))
    lone = failed & ~(has_one & has_two & failed[one] & failed[two])
    odd = (leap & ~is_rain) | lone
    stand_in = _stand_in(value, odd, leap & ~is_rain & ~lone, one, has_one, two, has_two)
    spiked = leap & ~is_rain & ~failed
    count = len(row)
    seen = Observed(
        row, slot, value, stand_in, odd, spiked, failed,
        suspect=failed.copy(), rise=np.zeros(count, np.float32), flat=np.zeros(count, np.bool_),
        threshold=np.zeros(count, np.int8), threshold_release=np.zeros(count, np.int8),
        trend=np.zeros(count, np.int8), trend_release=np.zeros(count, np.int8),
        rain=np.zeros(count, np.int8), rain_release=np.zeros(count, np.int8),
        rain_6h=np.zeros(count, np.float32), rain_24h=np.zeros(count, np.float32),
    )  # fmt: skip
    wanted = np.ones(count, np.bool_) if asked is None else asked.copy()
    stands = stand_in[wanted]
    wanted[stands[stands >= 0]] = True
    _rain(ring, points, seen, np.flatnonzero(is_rain & wanted))
    levels = np.flatnonzero(~is_rain)
    if len(levels):
        _thresholds(points, seen, levels)
        # Every leap is flagged with its reading; the control room hears at once of those that would have warned.
        believed = np.where(stand_in >= 0, seen.threshold[np.maximum(stand_in, 0)], 0)
        seen.spiked &= seen.threshold > believed
        _windows(ring, points, seen, np.flatnonzero(~is_rain & wanted), one, has_one, two, has_two)
    return seen


def _stand_in(value: Floats, odd: Bools, leap: Bools, one: Ints, has_one: Bools, two: Ints, has_two: Bools) -> Ints:
    """Return which observation is judged in place of each odd one; -1 if none.

    A level is believed when two of the last three observations reach it: after a leap that is the second highest
    of the three, so that a leap is never judged lower than the water already was, and a second leap on top of the
    first lifts the level to the first. A failed reading reaches nothing: the last sound one stands for it.
    """
    here = np.arange(len(value))
    before = np.where(has_one & ~odd[one], one, np.where(has_two, two, -1))
    three = np.stack([here, one, two])
    second = three[np.argsort(value[three], axis=0, kind="stable")[1], here]
    after_leap = np.where(has_two, second, np.where(has_one, one, -1))
    chosen: Ints = np.where(~odd, here, np.where(leap, after_leap, before))
    return chosen


def _thresholds(points: Points, seen: Observed, at: Ints) -> None:
    """Four limits up; a level holds only when ``dwell`` readings in a row stand over it."""
    rows, slots = seen.row[at], seen.slot[at]
    limits = points.limits_at(rows, slots)
    enabled = points.numbers("threshold", "enabled", rows) > 0
    value = seen.value[at][:, None]
    colours = np.arange(1, 5, dtype=np.int8)
    with np.errstate(invalid="ignore"):
        level = np.where(value >= limits, colours, 0).max(axis=1)
        release = np.where(value >= limits - points.hysteresis[rows][:, None], colours, 0).max(axis=1)
    seen.threshold[at] = np.where(enabled, level, 0)
    seen.threshold_release[at] = np.where(enabled, release, 0)
    dwell = points.numbers("threshold", "dwell", rows).astype(int)
    for back in range(1, int(dwell.max(initial=1))):
        index, there = _previous(points, rows, slots, back)
        before = np.where(there, level[index], 0)
        seen.threshold[at] = np.where(dwell > back, np.minimum(seen.threshold[at], before), seen.threshold[at])


def _windows(
    ring: Ring, points: Points, seen: Observed, at: Ints, one: Ints, has_one: Bools, two: Ints, has_two: Bools
) -> None:
    """Everything that looks back over 6 hours: rise, flat line, suspect steps, trend."""
    middle = _middle(seen.value, one, has_one, two, has_two)
    _look(ring, points, seen, at, middle)
    # A trend counts on two observations in a row: one window alone cries wolf.
    rising = at[seen.trend[at] > 0]
    leant_on = np.zeros(len(seen.row), np.bool_)
    leant_on[one[rising[has_one[rising]]]] = True
    leant_on[at] = False
    _look(ring, points, seen, np.flatnonzero(leant_on), middle)
    single = seen.trend.copy()
    seen.trend[at] = np.where(has_one[at], np.minimum(single[at], single[one[at]]), 0)


def _look(ring: Ring, points: Points, seen: Observed, at: Ints, middle: Floats) -> None:
    """Fill in what the windows of observations say, each by itself; in parts that stay near the processor."""
    for begin in range(0, len(at), _PART):
        part = at[begin : begin + _PART]
        rows, slots = seen.row[part], seen.slot[part]
        # By column: what runs along every window then runs along memory.
        window = np.asfortranarray(window_of(ring, points, rows, slots, TREND_WINDOW))
        # Relative to the value itself, so that float32 keeps its digits for metres above sea level.
        value = seen.value[part]
        window -= value[:, None]
        seen.rise[part] = -np.fmin.reduce(window[:, -12:], axis=1, initial=0.0)
        stretch = window[:, -36:]
        count = np.count_nonzero(~np.isnan(stretch), axis=1)
        spread = np.fmax.reduce(stretch, axis=1, initial=0.0) - np.fmin.reduce(stretch, axis=1, initial=0.0)
        seen.flat[part] = (count >= 6) & (spread <= points.numbers("quality", "flat_eps_m", rows))
        warned = np.flatnonzero(seen.threshold[part] > 0)
        if len(warned):
            seen.suspect[part[warned]] |= _on_a_step(points, rows[warned], window[warned])
        top, bottom = np.fmax.reduce(window, axis=1, initial=0.0), np.fmin.reduce(window, axis=1, initial=0.0)
        limits = points.limits_at(rows, slots)
        level, release = trend_levels(points, rows, window, limits - value[:, None], top - bottom)
        still_up = _still_rising(points, rows, middle[part] - value, top, bottom)
        seen.trend[part] = level
        seen.trend_release[part] = np.maximum(release, still_up.astype(np.int8))
        rising = np.flatnonzero(level > 0)
        if len(rising):
            seen.suspect[part[rising]] |= _on_a_step(points, rows[rising], window[rising])


def _middle(value: Floats, one: Ints, has_one: Bools, two: Ints, has_two: Bools) -> Floats:
    """Median of an observation and the two before it: the level without its noise."""
    first = np.where(has_one, value[one], value)
    second = np.where(has_two, value[two], value)
    middle: Floats = np.maximum(np.minimum(value, first), np.minimum(np.maximum(value, first), second))
    return middle


def _on_a_step(points: Points, rows: Ints, window: Floats) -> Bools:
    """Tell whether the newest value stands on an upward step above the suspect size within the window."""
    columns = np.arange(window.shape[1])
    valid = ~np.isnan(window)
    last = np.maximum.accumulate(np.where(valid, columns, -1), axis=1)
    before = np.concatenate([np.full((len(window), 1), -1), last[:, :-1]], axis=1)
    base = np.where(before >= 0, np.take_along_axis(window, np.maximum(before, 0), axis=1), np.nan)
    gap = np.sqrt(np.clip(columns[None, :] - before, 1, 12))
    size = points.step_low[rows][:, None] * gap
    with np.errstate(invalid="ignore"):
        # The newest is zero here, so "still above the base by the step" is base <= -size.
        hit = valid & (window - base > size) & (base <= -size)
    return np.asarray(hit.any(axis=1), np.bool_)


def _still_rising(points: Points, rows: Ints, middle: Floats, top: Floats, bottom: Floats) -> Bools:
    """Tell whether a rise is not over: near its 6 h maximum and well above its 6 h minimum."""
    fall = points.numbers("trend", "fall_m", rows)
    over = points.numbers("trend", "least_rise_m", rows)
    return np.asarray((middle > top - fall) & (middle - bottom >= over), np.bool_)


_SPANS = ((12, 1), (36, 2), (72, 3))
"""Windows of 1, 3 and 6 hours and how many slots are averaged into one point of their fit."""


def trend_levels(points: Points, rows: Ints, window: Floats, room: Floats, height: Floats) -> tuple[Levels, Levels]:
    """Level by time to the next limit, from the lower bound of the Theil-Sen slope; and its release level.

    ``window`` is relative to the newest value, ``room`` (m, 4) the rise that is left to each limit, ``height`` the
    window's highest less its lowest. The release level takes the median slope and longer times, so that a warning
    does not ease while the water still rises.
    """
    level: Levels = np.zeros(len(rows), np.int8)
    release: Levels = np.zeros(len(rows), np.int8)
    orange, red = room[:, 2], room[:, 3]
    able = np.flatnonzero(
        (points.numbers("trend", "enabled", rows) > 0) & ~(np.isnan(orange) & np.isnan(red)) & (points.item[rows] != 5)
    )
    if not len(able):
        return level, release
    rows, orange, red = rows[able], orange[able], red[able]
    times = {
        name: points.numbers("trend", name, rows)
        for name in ("orange_blue_h", "orange_yellow_h", "red_orange_h", "red_red_h", "release_factor", "least_rise_m")
    }
    factor = times["release_factor"]
    with np.errstate(invalid="ignore"):
        needed = np.fmin(
            orange / (factor * times["orange_blue_h"]), red / (factor * np.maximum(times["red_orange_h"], 1e-9))
        )
        # `steep_enough` would say no to most anyway: no mean of a window lies outside it. The distances are the
        # least of its three, for windows without a gap and for any.
        distance = np.where(np.isnan(window[able]).any(axis=1), 1 / 6, 1 / 3)
        near = np.flatnonzero((needed <= 0) | (height[able] >= needed * distance * (1 - 1e-5)))
    if not len(near):
        return level, release
    able, window = able[near], window[able[near]]
    orange, red, needed = orange[near], red[near], needed[near]
    times = {name: each[near] for name, each in times.items()}
    for length, step in _SPANS:
        values, hours = trend_kernel.thin(window[:, -length:], step)
        steep = np.flatnonzero(trend_kernel.steep_enough(values, hours, needed))
        if not len(steep):
            continue
        fit = trend_kernel.theil_sen(values[steep], hours[steep])
        span = np.fmax.reduce(hours[steep], axis=1) - np.fmin.reduce(hours[steep], axis=1)
        least = times["least_rise_m"][steep]
        sure = np.where(fit.slope * span >= least, fit.lower, np.nan)
        likely = np.where(fit.slope * span >= least / 2, fit.slope, np.nan)
        room_left = orange[steep], red[steep]
        mine = {name: each[steep] for name, each in times.items()}
        level[able[steep]] = np.maximum(level[able[steep]], _by_time(sure, *room_left, mine, np.ones(len(steep))))
        release[able[steep]] = np.maximum(
            release[able[steep]], _by_time(likely, *room_left, mine, mine["release_factor"])
        )
    return level, np.maximum(level, release)


def _by_time(
    slope: npt.NDArray[np.float64],
    orange: Floats,
    red: Floats,
    times: dict[str, npt.NDArray[np.float64]],
    factor: npt.NDArray[np.float64],
) -> Levels:
    with np.errstate(invalid="ignore", divide="ignore"):
        to_orange = np.where(slope > 0, orange / slope, np.inf)
        to_red = np.where(slope > 0, red / slope, np.inf)
        found: Levels = np.select(
            [
                to_red < factor * times["red_red_h"],
                to_red < factor * times["red_orange_h"],
                to_orange < factor * times["orange_yellow_h"],
                to_orange < factor * times["orange_blue_h"],
            ],
            [4, 3, 2, 1],
            0,
        ).astype(np.int8)
    return found


def _rain(ring: Ring, points: Points, seen: Observed, at: Ints) -> None:
    """Rainstorm signals on sums over 3, 6 and 12 hours, and the sums that confirm or cap a rise."""
    for begin in range(0, len(at), 4096):
        part = at[begin : begin + 4096]
        rows = seen.row[part]
        sums, counts = rain_kernel.accumulate(window_of(ring, points, rows, seen.slot[part], 288))
        known = rain_kernel.coverage(counts, rain_kernel.SPANS_SLOTS, points.interval[rows]) > 0
        # Thousandths of a millimetre: tips of 0.2 mm must add up to the limit whatever the order they came in.
        sums = np.round(np.where(known, sums, np.float32(np.nan)), 3).astype(np.float32)
        seen.rain_6h[part] = np.nan_to_num(np.where(known[:, 2], sums[:, 2], sums[:, 4]))
        seen.rain_24h[part] = np.nan_to_num(sums[:, 4])
        for target, factor in ((seen.rain, 1.0), (seen.rain_release, points.numbers("rainfall", "release", rows))):
            with np.errstate(invalid="ignore"):
                found = np.select(
                    [
                        sums[:, 1] >= factor * points.numbers("rainfall", "h3_red", rows),
                        sums[:, 1] >= factor * points.numbers("rainfall", "h3_orange", rows),
                        sums[:, 2] >= factor * points.numbers("rainfall", "h6_yellow", rows),
                        sums[:, 3] >= factor * points.numbers("rainfall", "h12_blue", rows),
                    ],
                    [4, 3, 2, 1],
                    0,
                )
            target[part] = np.where(points.numbers("rainfall", "enabled", rows) > 0, found, 0)
