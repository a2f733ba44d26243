"""From observations to ponds: what every slot shows, as masks over ponds and slots (numpy; no clock, no I/O).

Each slot of a point takes its newest observation (carried for at most 24 h and never past blindness); points
roll up to items and ponds (GB 39496 §5.5.4), rain and rise lift or confirm one another, and silence shows as
blindness. One call judges many ponds over one span of slots: a single new slot, or a stretch of a replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.monitor.kernels.rollup import roll_up
from services.monitor.memory import Memory
from services.monitor.observations import Observed, observe
from services.monitor.points import CARRY, ITEMS, LOOKBACK, NEAR, Points
from services.monitor.ring import BELOW, NEVER, Ring

__all__ = ["NOTICES", "Findings", "judge"]

NOTICES = ("silent", "gross_range", "spike", "flat_line", "neighbour", "slow_climb")
"""Rules that notice; the index is the bit in ``notice``."""

_BACK = 5
"""Observations before the span that its first may need: what stands in for it is two back, and knows two more."""
_RAIN = ITEMS.index("rain")
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int8]


@dataclass(slots=True)
class Findings:
    """What was found for ``ponds`` (p of them) over slots ``first … first + n - 1``.

    (p, n): ``up``, ``release`` levels, ``verified``, ``items`` and ``unseeing`` as bit masks of items.
    (rows, n): ``point`` level of each point after caps, ``blind``, ``notice`` bits, ``of`` the observation
    each slot stands on (-1 none), ``compound`` whether (p, n) was lifted.
    """

    first: int
    starts: Ints
    rows: Ints
    seen: Observed
    up: Levels
    release: Levels
    verified: Bools
    items: npt.NDArray[np.int16]
    unseeing: npt.NDArray[np.int16]
    compound: Bools
    point: Levels
    trend: Levels
    blind: Bools
    notice: npt.NDArray[np.int16]
    of: Ints
    raw: Ints
    """As ``of``, before an observation that is not believed is replaced by the one that stands in for it."""
    index: npt.NDArray[np.float64]
    raining: Bools
    """(p,): enough rain in the last 6 h of the newest slot that a level ought to move."""

    def runs(self, place: int) -> Iterator[tuple[int, int]]:
        """Yield (first, last) columns over which everything that the timeline looks at stays the same."""
        begin = self.starts[place]
        end = self.starts[place + 1] if place + 1 < len(self.starts) else len(self.rows)
        width = self.up.shape[1]
        turn = np.zeros(width, np.bool_)
        turn[0] = True
        for mask in (self.up, self.release, self.verified, self.items, self.unseeing):
            turn[1:] |= mask[place, 1:] != mask[place, :-1]
        for mask in (self.blind, self.notice):
            part = mask[begin:end]
            turn[1:] |= (part[:, 1:] != part[:, :-1]).any(axis=0)
        cuts = np.flatnonzero(turn).tolist()
        yield from zip(cuts, [cut - 1 for cut in cuts[1:]] + [width - 1], strict=True)


def judge(
    ring: Ring, points: Points, memory: Memory, rows: Ints, starts: Ints, born: Ints, first: int, last: int
) -> Findings:
    """Judge the ponds whose sensors are ``rows`` over the slots ``first..last``.

    Parameters
    ----------
    rows : int array, shape (r,)
        Rows of the points, grouped by pond and within it by item.
    starts : int array, shape (p,)
        Where each pond's rows begin in ``rows``.
    born : int array, shape (r,)
        First slot of each row's pond: silence counts from there.
    first, last : int
        Slots to judge; everything before ``first`` that matters is in the ring.
    """
    slots = np.arange(first, last + 1)
    serving = points.serving(rows, slots)
    block = ring.block(rows, first, last)
    here = (block > BELOW) & ~(points.rain[rows][:, None] & ~(block > np.float32(-1e38))) & serving
    seen, of, newest = _observations(ring, points, rows, first, slots, block, here)
    silent_after = points.silent_after[rows][:, None]
    # Silence counts from the newest reading, or from when the pond or the sensor began.
    since = np.maximum(points.serving_since(rows, slots), born[:, None]) - 1
    known = np.maximum(memory.seen(rows), _gap(ring, memory, rows, first))[:, None]
    silent = serving & (slots[None, :] - np.maximum(np.maximum(newest, known), since) > silent_after)
    reach = np.minimum(silent_after, np.where(points.rain[rows], NEAR, CARRY)[:, None])
    carried = (of >= 0) & (slots[None, :] - newest <= reach) & serving

    def of_slot(column: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.where(carried, column[np.maximum(of, 0)], 0) if len(column) else np.zeros(of.shape, np.float32)

    hours = (slots - 1) // 12 - (first - 1) // 12
    is_rain = points.rain[rows]
    climb, index = memory.run(ring, points, rows, first, last)
    climb, index = climb[:, hours], index[:, hours]
    pond_of = np.repeat(np.arange(len(starts)), np.diff([*starts, len(rows)]))

    def any_of(mask: Bools) -> Bools:
        """Whether any row of the pond has it, (p, n)."""
        return np.logical_or.reduceat(mask, starts, axis=0)

    rain_6h, rain_24h = of_slot(seen.rain_6h), of_slot(seen.rain_24h)
    column = is_rain[:, None]
    confirm = points.numbers("quality", "confirm_rain_mm", rows)[:, None]
    wet = any_of(column & ((rain_24h >= points.numbers("trend", "dry_mm", rows)[:, None])
                           | (index >= points.numbers("trend", "dry_index", rows)[:, None])))  # fmt: skip
    gauge = any_of(column & serving & ~silent)
    raining = any_of(column & (rain_6h >= confirm))
    others = _others_rising(points, rows, pond_of, carried, of, seen)
    confirmed = raining[pond_of] | others
    quick = column & (points.interval[rows] <= 72)[:, None]
    heavy = any_of(quick & (rain_6h >= points.numbers("quality", "flat_rain_mm", rows)[:, None]))

    judged = np.where(confirmed | (of < 0), of, seen.stand_in[np.maximum(of, 0)] if len(seen.row) else -1)
    judged = np.where(carried, judged, -1)

    def pick(levels: Levels) -> Levels:
        return np.where(judged >= 0, levels[np.maximum(judged, 0)], 0).astype(np.int8) if len(levels) else _none(of)

    cap = np.where(gauge & ~wet, _per_pond(points, rows, starts, "trend", "dry_most"), 4).astype(np.int8)[pond_of]
    trend = np.minimum(pick(seen.trend), cap)
    trend_release = np.minimum(pick(seen.trend_release), cap)
    rain = pick(seen.rain)
    point = np.maximum.reduce([pick(seen.threshold), trend, rain])
    point_release = np.maximum.reduce([pick(seen.threshold_release), trend_release, pick(seen.rain_release), point])
    doubtful = (seen.suspect[np.maximum(judged, 0)] if len(seen.row) else np.zeros(of.shape, np.bool_)) & ~confirmed
    sure = np.where(doubtful, 0, point).astype(np.int8)

    items, up = _roll_up(points, rows, pond_of, point, len(starts))
    _, release = _roll_up(points, rows, pond_of, point_release, len(starts))
    _, up_sure = _roll_up(points, rows, pond_of, sure, len(starts))
    lifted = _compound(points, rows, starts, rain, trend)
    compound = lifted > up
    up, up_sure = (
        np.maximum(up, lifted),
        np.maximum(up_sure, _compound(points, rows, starts, rain, np.minimum(trend, sure))),
    )
    release = np.maximum(release, up)

    notice, stuck = _notices(points, rows, starts, pond_of, block, serving, carried, of, seen, climb, heavy, confirmed)
    bit = (1 << points.item[rows].astype(np.int16))[:, None]
    seeing = np.bitwise_or.reduceat(np.where(serving & carried & ~stuck, bit, 0), starts, axis=0)
    have = np.bitwise_or.reduceat(np.where(serving, bit, 0), starts, axis=0)
    awake = np.bitwise_or.reduceat(np.where(serving & ~silent, bit, 0), starts, axis=0)
    blind_items = have & ~awake
    blind = silent & ((blind_items[pond_of] & bit) != 0)
    notice |= np.where(silent & ~blind, 1 << NOTICES.index("silent"), 0).astype(np.int16)
    return Findings(
        first, starts, rows, seen, up, release, up_sure >= up, items,
        (~seeing).astype(np.int16) & np.int16((1 << len(ITEMS)) - 1), compound, point, trend, blind, notice,
        judged, of, index, heavy[:, -1],
    )  # fmt: skip


def _none(like: Ints) -> Levels:
    return np.zeros(like.shape, np.int8)


def _per_pond(points: Points, rows: Ints, starts: Ints, rule: str, name: str) -> npt.NDArray[np.float64]:
    column: npt.NDArray[np.float64] = points.numbers(rule, name, rows[starts])[:, None]
    return column


def _observations(
    ring: Ring, points: Points, rows: Ints, first: int, slots: Ints, block: npt.NDArray[np.float32], here: Bools
) -> tuple[Observed, Ints, Ints]:
    """Judge the span's observations and the last few before it.

    Returns them with the index of each slot's newest one (-1 none) and the slot of each row's newest reading,
    both (rows, n).
    """
    count, width = block.shape
    (back_row, back_slot, back_cell), sound_before = _before(ring, points, rows, first)
    place, column = np.nonzero(here)
    # Rows of the group are numbered 0 … count - 1 here, so that sorting keeps the group's own order.
    all_place = np.concatenate([back_row, place])
    all_slot = np.concatenate([back_slot, slots[column]])
    all_cell = np.concatenate([back_cell, block[place, column]])
    order = np.lexsort((all_slot, all_place))
    all_place, all_slot, all_cell = all_place[order], all_slot[order], all_cell[order]
    of = np.full((count, width), -1, np.int64)
    inside = all_slot >= first
    of[all_place[inside], all_slot[inside] - first] = np.flatnonzero(inside)
    # The last observation before the span stands in its first column unless a new one does.
    outside = np.flatnonzero(~inside)
    lead = np.full(count, -1, np.int64)
    lead[all_place[outside]] = outside  # sorted by slot, so the newest wins
    of[:, 0] = np.where(of[:, 0] >= 0, of[:, 0], lead)
    asked = inside.copy()
    asked[of[of[:, 0] >= 0, 0]] = True
    seen = observe(ring, points, rows[all_place], all_slot, all_cell, asked)
    of = np.maximum.accumulate(of, axis=1)
    # Failed readings are observations to the rules but not sight: they do not break a silence.
    sound = (block > np.float32(-1e38)) & here
    newest = np.where(sound, slots[None, :], NEVER)
    newest[:, 0] = np.maximum(newest[:, 0], sound_before)
    return seen, of, np.maximum.accumulate(newest, axis=1)


def _gap(ring: Ring, memory: Memory, rows: Ints, first: int) -> Ints:
    """Return the newest reading between what the memory knows of and what is looked at; seldom is there a gap."""
    newest = np.full(len(rows), NEVER)
    known = memory.anchor_hour[rows] * 12
    for upto in np.unique(known[known < first - 1 - LOOKBACK]).tolist():
        places = np.flatnonzero(known == upto)
        begin = max(upto + 1, int(ring.head[rows[places]].max()) - ring.width + 1)
        if begin < first - LOOKBACK:
            newest[places] = ring.newest(rows[places], begin, first - 1 - LOOKBACK)
    return newest


def _before(
    ring: Ring, points: Points, rows: Ints, first: int
) -> tuple[tuple[Ints, Ints, npt.NDArray[np.float32]], Ints]:
    """Return (place, slot, cell) of the last few observations of each row before slot *first*.

    With them the slot of the newest that is a reading and no mark, ``NEVER`` where there is none.
    """
    want = np.arange(len(rows))
    back = max(_BACK, 2 + int(points.numbers("threshold", "dwell", rows).max(initial=1)))
    newest = np.full(len(rows), NEVER)
    found: list[tuple[Ints, Ints, npt.NDArray[np.float32]]] = []
    for depth in (36, LOOKBACK):
        if not len(want):
            break
        span = np.arange(first - depth, first)
        for begin in range(0, len(want), 16384):
            part = want[begin : begin + 16384]
            cells = ring.block(rows[part], first - depth, first - 1)
            valid = (cells > BELOW) & ~(points.rain[rows[part]][:, None] & ~(cells > np.float32(-1e38)))
            valid &= points.serving(rows[part], span)
            rank = np.cumsum(valid[:, ::-1], axis=1)[:, ::-1]
            sound = valid & (cells > np.float32(-1e38))
            last = np.where(sound.any(axis=1), first - 1 - np.argmax(sound[:, ::-1], axis=1), NEVER)
            enough = (rank[:, 0] >= back) & (last > NEVER) if depth < LOOKBACK else np.ones(len(part), np.bool_)
            newest[part[enough]] = last[enough]
            place, column = np.nonzero(valid & (rank <= back) & enough[:, None])
            found.append((part[place], span[column], cells[place, column]))
            want = np.concatenate([want[:begin], np.where(enough, -1, part), want[begin + len(part) :]])
        want = want[want >= 0]
    places, at, cell = zip(*found, strict=True)
    return (np.concatenate(places), np.concatenate(at), np.concatenate(cell)), newest


def _others_rising(points: Points, rows: Ints, pond_of: Ints, carried: Bools, of: Ints, seen: Observed) -> Bools:
    """Tell where another point of the same item rose by at least half a suspect step within the hour."""
    if not len(seen.row):
        return carried & False
    rise = np.where(carried, seen.rise[np.maximum(of, 0)], 0)
    rising = (rise >= points.step_low[rows][:, None] / 2) & ~points.rain[rows][:, None]
    if not rising.any():
        return np.asarray(rising, np.bool_)
    begins, segment = _segments(points, rows, pond_of)
    total = np.add.reduceat(rising, begins, axis=0, dtype=np.int32)[segment]
    return np.asarray(total - rising >= 1, np.bool_)


def _segments(points: Points, rows: Ints, pond_of: Ints) -> tuple[Ints, Ints]:
    """Return where each item of each pond begins in ``rows``, and which segment each row is in."""
    group = pond_of * len(ITEMS) + points.item[rows]
    turn = np.diff(group, prepend=-1) != 0
    return np.flatnonzero(turn), np.cumsum(turn) - 1


def _roll_up(
    points: Points, rows: Ints, pond_of: Ints, level: Levels, ponds: int
) -> tuple[npt.NDArray[np.int16], Levels]:
    """Roll points up to ponds; returns (mask of items at blue or above, level), both (p, n)."""
    width = level.shape[1]
    up = np.zeros((ponds, width), np.int8)
    items = np.zeros((ponds, width), np.int16)
    place, column = np.nonzero(level)
    if not len(place):
        return items, up
    cell = pond_of[place] * width + column
    cells, index = np.unique(cell, return_inverse=True)
    item, rolled = roll_up(level[place, column], points.item[rows[place]], index, len(ITEMS), len(cells))
    up.reshape(-1)[cells] = rolled
    items.reshape(-1)[cells] = ((item > 0) * (1 << np.arange(len(ITEMS)))).sum(axis=1)
    return items, up


def _compound(points: Points, rows: Ints, starts: Ints, rain: Levels, trend: Levels) -> Levels:
    """Rain and rise together count one level above the worse of the two."""
    most_rain = np.maximum.reduceat(rain, starts, axis=0)
    most_trend = np.maximum.reduceat(trend, starts, axis=0)
    enabled = _per_pond(points, rows, starts, "compound", "enabled") > 0
    both = (most_rain > 0) & (most_trend > 0) & enabled
    return np.where(both, np.minimum(4, np.maximum(most_rain, most_trend) + 1), 0).astype(np.int8)


def _notices(
    points: Points, rows: Ints, starts: Ints, pond_of: Ints, block: npt.NDArray[np.float32], serving: Bools,
    carried: Bools, of: Ints, seen: Observed, climb: npt.NDArray[np.float64], heavy: Bools, confirmed: Bools,
) -> tuple[npt.NDArray[np.int16], Bools]:  # fmt: skip
    """Sensor questions and slow climbs, as bits; and which points are stuck and so cannot testify."""
    notice = np.zeros(block.shape, np.int16)
    level_rows = ~points.rain[rows][:, None]

    def bit(name: str, mask: Bools) -> None:
        np.bitwise_or(notice, np.where(mask, np.int16(1 << NOTICES.index(name)), np.int16(0)), out=notice)

    bit("gross_range", (block < np.float32(-1e38)) & serving)
    stuck = np.zeros(block.shape, np.bool_)
    if len(seen.row):
        at = np.maximum(of, 0)
        bit("spike", carried & seen.spiked[at] & ~confirmed)
        flat = carried & seen.flat[at] & level_rows
        if flat.any():
            moving = _others_rising(points, rows, pond_of, carried, of, seen)
            stuck = flat & (heavy[pond_of] | moving)
            bit("flat_line", stuck)
        bit("neighbour", _apart(points, rows, pond_of, carried & level_rows & ~stuck, of, seen))
    # Without a limit there is nothing to climb to.
    limited = level_rows & ~np.all(np.isnan(points.limits[rows]), axis=1, keepdims=True)
    for settings in {points.settings[index] for index in np.unique(points.rules[rows]).tolist()}:
        mine = (points.rules[rows] == points.settings.index(settings))[:, None]
        if settings.slow_climb.enabled:
            bit("slow_climb", mine & limited & carried & (climb > settings.slow_climb.h))
    return notice, stuck


def _apart(points: Points, rows: Ints, pond_of: Ints, mask: Bools, of: Ints, seen: Observed) -> Bools:
    """Tell where points of one level item of a pond lie further apart than neighbours may."""
    begins, segment = _segments(points, rows, pond_of)
    result = np.zeros(mask.shape, np.bool_)
    twins = (np.bincount(segment)[segment] > 1) & (points.item[rows] == 0)
    if not twins.any():
        return result
    value = np.where(mask, seen.value[np.maximum(of, 0)], np.nan)
    spread = np.fmax.reduceat(value, begins, axis=0) - np.fmin.reduceat(value, begins, axis=0)
    with np.errstate(invalid="ignore"):
        far = spread[segment] > points.numbers("quality", "neighbour_m", rows)[:, None]
    return np.asarray(far & mask & twins[:, None], np.bool_)
