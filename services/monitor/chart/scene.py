"""What is on a chart, worked out once for every way of drawing it.

Times are int64 microseconds since 1970, UTC; levels and limits in m; rain in mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.contracts.levels import LevelName
from shared.contracts.monitor import TimelineChange

__all__ = [
    "SLOT_US",
    "Band",
    "ChartData",
    "Mark",
    "Scene",
    "bridged",
    "envelope",
    "rain_bars",
    "scene_of",
    "steps",
    "zone",
]

SLOT_US = 300_000_000
"""One 5-minute slot."""
MOST_POINTS = 6_000
"""A line of more points than this is drawn as its envelope: no screen shows more."""
MOST_BARS = 400
BAR_WIDTHS_US = tuple(minutes * 60_000_000 for minutes in (5, 15, 60, 180, 360, 1440, 7 * 1440, 30 * 1440))


@dataclass(frozen=True, slots=True)
class ChartData:
    """A pond's record over a span of time.

    Parameters
    ----------
    times_us : ndarray of int64, shape (n,)
        Ends of the slots, ascending.
    level : ndarray of float, shape (n,) [m]
        Water level; NaN where nothing was seen.
    rain : ndarray of float, shape (n,) [mm per slot], or None
        Rain that fell in each slot; None for a pond without a gauge.
    limits : mapping of level name to float or ndarray, shape (n,) [m]
        A limit that changes with the season comes as an array, NaN where none is in force.
    changes : sequence of TimelineChange
        The pond's timeline as replay prints it, in order.
    """

    pond: str
    name: str
    times_us: NDArray[np.int64]
    level: NDArray[np.floating]
    rain: NDArray[np.floating] | None = None
    limits: Mapping[str, float | NDArray[np.floating]] = field(default_factory=dict)
    changes: Sequence[TimelineChange] = ()
    timezone: str = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Band:
    """A span in which one thing held: a warning at ``level``, or (None) the pond was blind."""

    since_us: int
    until_us: int
    level: LevelName | None
    verified: bool = True
    cause: TimelineChange | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A notice, at its time."""

    time_us: int
    change: TimelineChange


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to draw; lines already thinned to what can be seen."""

    level_us: NDArray[np.int64]
    level: NDArray[np.float64]
    limits: tuple[tuple[LevelName, NDArray[np.int64], NDArray[np.float64]], ...]
    bars_us: NDArray[np.int64]
    """Left edges of the rain bars."""
    bars: NDArray[np.float64]
    bar_width_us: int
    bands: tuple[Band, ...]
    blind: tuple[Band, ...]
    marks: tuple[Mark, ...]
    since_us: int
    until_us: int


def zone(name: str) -> tzinfo:
    """Return the time zone of *name*; an unknown one is drawn in UTC rather than not at all."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def micros(moment: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return round(moment.timestamp() * 1_000_000)


def envelope(
    times_us: NDArray[np.int64], values: NDArray[np.floating], most: int = MOST_POINTS
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Thin a long line to the lowest and highest value of each stretch; peaks are kept exactly.

    A stretch with a NaN keeps one, so that a gap stays a gap.

    >>> t, v = envelope(np.arange(10), np.array([0, 9, 1, 1, 1, 1, 1, 1, -5, 1.0]), most=4)
    >>> t.tolist(), v.tolist()
    ([0, 1, 5, 8], [0.0, 9.0, 1.0, -5.0])
    """
    plain = np.asarray(values, dtype=np.float64)
    if times_us.size <= most:
        return times_us, plain
    stretches = max(most // 2, 1)
    keep: list[int] = []
    for part in np.array_split(np.arange(times_us.size), stretches):
        there = np.isfinite(plain[part])
        seen = part[there]
        chosen = {int(seen[np.argmin(plain[seen])]), int(seen[np.argmax(plain[seen])])} if seen.size else set()
        if seen.size < part.size:
            chosen.add(int(part[np.argmin(there)]))
        keep.extend(sorted(chosen))
    index = np.asarray(keep)
    return times_us[index], plain[index]


def bridged(times_us: NDArray[np.int64], values: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Leave out the empty slots between the readings of a slow sensor; a silence keeps one NaN, so that it shows.

    A silence is a hole of more than three times the usual (median) distance of readings.

    >>> t, v = bridged(np.arange(9), np.array([1, np.nan, 2, np.nan, 3, np.nan, 4, np.nan, 5.0]))
    >>> v.tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0]
    """
    plain = np.asarray(values, dtype=np.float64)
    seen = np.flatnonzero(np.isfinite(plain))
    if seen.size < 2:
        return times_us, plain
    holes = np.diff(times_us[seen])
    silent = seen[:-1][holes > 3 * np.median(holes)] + 1
    index = np.union1d(seen, silent)
    return times_us[index], plain[index]


def rain_bars(
    times_us: NDArray[np.int64], rain: NDArray[np.floating] | None, offset_us: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Sum rain into bars of a width that leaves at most a few hundred.

    Returns the left edges, the sums [mm] and the width [µs]; bars without rain are left out. A slot's
    time is its end, so that a slot ending at 01:00 belongs to the hour before. ``offset_us`` is the local
    time's lead on UTC: a day's bar is a local day.
    """
    if rain is None or times_us.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.float64), BAR_WIDTHS_US[0]
    span = int(times_us[-1] - times_us[0]) + SLOT_US
    width = next((w for w in BAR_WIDTHS_US if span / w <= MOST_BARS), BAR_WIDTHS_US[-1])
    amounts = np.nan_to_num(rain.astype(np.float64), nan=0.0)
    bins = (times_us + offset_us - 1) // width
    edges, where = np.unique(bins, return_inverse=True)
    sums = np.bincount(where, weights=amounts, minlength=edges.size).astype(np.float64)
    wet = sums > 0
    return edges[wet] * width - offset_us, sums[wet], width


def steps(
    times_us: NDArray[np.int64], limit: float | NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the corners of a limit's step line: where it changes, and both ends.

    >>> t, v = steps(np.arange(5), np.array([1.0, 1.0, 2.0, 2.0, 2.0]))
    >>> t.tolist(), v.tolist()
    ([0, 2, 4], [1.0, 2.0, 2.0])
    """
    values = np.broadcast_to(np.asarray(limit, dtype=np.float64), times_us.shape)
    if times_us.size == 0:
        return times_us, values
    different = (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    corners = np.concatenate(([0], np.flatnonzero(different) + 1, [times_us.size - 1]))
    corners = np.unique(corners)
    return times_us[corners], values[corners]


def scene_of(data: ChartData) -> Scene:
    """Work out what to draw. What still held at the end is drawn to the end.

    A change before the first slot counts as state at the start; bands are cut to the span shown.
    """
    since, until = int(data.times_us[0]), int(data.times_us[-1])
    level_us, level = envelope(*bridged(data.times_us, data.level))
    lead = datetime.fromtimestamp(since / 1_000_000, zone(data.timezone)).utcoffset()
    bars_us, bars, width = rain_bars(data.times_us, data.rain, 0 if lead is None else round(lead.total_seconds() * 1e6))
    limits = tuple(
        (name, *steps(data.times_us, data.limits[name.value])) for name in LevelName if name.value in data.limits
    )
    bands, blind, marks = _spans(data.changes, until)
    return Scene(
        level_us=level_us,
        level=level,
        limits=limits,
        bars_us=bars_us,
        bars=bars,
        bar_width_us=width,
        bands=_cut(bands, since, until),
        blind=_cut(blind, since, until),
        marks=tuple(mark for mark in marks if since <= mark.time_us <= until),
        since_us=since,
        until_us=until,
    )


def _spans(changes: Sequence[TimelineChange], end_us: int) -> tuple[list[Band], list[Band], list[Mark]]:
    bands: list[Band] = []
    blind: list[Band] = []
    marks: list[Mark] = []
    warning: tuple[int, TimelineChange] | None = None
    dark: tuple[int, TimelineChange] | None = None
    for change in changes:
        now = micros(change.time)
        match change.event:
            case "raised" | "escalated" | "eased" | "cleared":
                if warning is not None:
                    bands.append(_band(warning, now))
                warning = None if change.event == "cleared" or change.level is None else (now, change)
            case "blind":
                dark = dark if dark is not None else (now, change)
            case "restored":
                if dark is not None:
                    blind.append(Band(dark[0], now, None, cause=dark[1]))
                dark = None
            case "notice":
                marks.append(Mark(now, change))
    if warning is not None:
        bands.append(_band(warning, max(end_us, warning[0])))
    if dark is not None:
        blind.append(Band(dark[0], max(end_us, dark[0]), None, cause=dark[1]))
    return bands, blind, marks


def _band(begun: tuple[int, TimelineChange], until_us: int) -> Band:
    since, change = begun
    return Band(since, until_us, change.level, change.verified, change)


def _cut(bands: Sequence[Band], since_us: int, until_us: int) -> tuple[Band, ...]:
    return tuple(
        Band(max(band.since_us, since_us), min(band.until_us, until_us), band.level, band.verified, band.cause)
        for band in bands
        if band.until_us >= since_us and band.since_us <= until_us
    )
