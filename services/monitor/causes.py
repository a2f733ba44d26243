"""Why: the causes of one change of a pond's state, with the data each rule saw.

Built only when something changes, so the trend is fitted again here for the few points concerned instead of
being kept for all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from services.monitor.domain.ponds import quantity_of
from services.monitor.domain.timeline import Change
from services.monitor.judge import NOTICES, Findings
from services.monitor.kernels import rain as rain_kernel
from services.monitor.kernels import trend as trend_kernel
from services.monitor.observations import Observed, window_of
from services.monitor.points import Points
from services.monitor.ring import SLOT_US, Ring
from shared.contracts.levels import Level
from shared.contracts.monitor import Cause
from shared.site.units import canonical_unit

__all__ = ["blind_causes", "causes_of", "standing_causes"]

_NAMES = ("blue", "yellow", "orange", "red")


def causes_of(ring: Ring, points: Points, found: Findings, place: int, change: Change) -> tuple[Cause, ...]:
    """Return the causes of *change* at pond *place* of *found*; none for cleared and restored."""
    match change.kind:
        case "raised" | "escalated" | "eased":
            return standing_causes(ring, points, found, place, change.slot)
        case "blind":
            return blind_causes(points, found, place, change.slot)
        case "notice":
            if change.keys[0][0] == "confirmed":
                standing = standing_causes(ring, points, found, place, change.slot)
                return (Cause(sensor="", rule="confirmed", level=change.level.label), *standing)
            return tuple(_notice(points, found, place, change, key) for key in change.keys)
        case "cleared" | "restored":
            return ()


def _span(found: Findings, place: int) -> range:
    end = found.starts[place + 1] if place + 1 < len(found.starts) else len(found.rows)
    return range(int(found.starts[place]), int(end))


def standing_causes(ring: Ring, points: Points, found: Findings, place: int, slot: int) -> tuple[Cause, ...]:
    """Return what holds the pond at its level in *slot*, worst first."""
    column = slot - found.first
    causes: list[Cause] = []
    for at in _span(found, place):
        level = int(found.point[at, column])
        if level:
            causes.extend(_point(ring, points, found, at, column, slot))
    causes.sort(key=lambda cause: (-Level.of(cause.level), cause.sensor, cause.rule))
    up = int(found.up[place, column])
    worst = max((int(Level.of(cause.level)) for cause in causes), default=0)
    if up > worst:
        rule = "compound" if found.compound[place, column] else "roll_up"
        causes.insert(
            0, Cause(sensor="", rule=rule, level=Level(up).label, verified=bool(found.verified[place, column]))
        )
    return tuple(causes)


def _point(ring: Ring, points: Points, found: Findings, at: int, column: int, slot: int) -> list[Cause]:
    row = int(found.rows[at])
    seen, index = found.seen, int(found.of[at, column])
    _, sensor = points.setups[row]
    sign = float(points.sign[row])
    value = round(sign * float(seen.value[index]), 4)
    in_force = points.in_force(row, int(seen.slot[index]))
    about = {
        "sensor": sensor.description.id,
        "unit": canonical_unit(sensor.description.kind),
        "verified": not seen.suspect[index],
    }
    source = {"document": in_force.document, "limits_version": in_force.version}
    causes: list[Cause] = []
    if level := int(seen.threshold[index]):
        detail: dict[str, float | int | str | bool | None] = {"quantity": quantity_of(sensor.description.kind)}
        detail |= _rise(ring, points, row, int(seen.slot[index]))
        if seen.failed[index]:
            detail["flag"] = "gross_range"
        limit = in_force.four[level - 1]
        name = Level(level).label
        causes.append(Cause(rule="threshold", value=value, limit=limit, level=name, detail=detail, **about, **source))
    if level := int(found.trend[at, column]):
        fit = _fit(ring, points, row, seen, index, level, in_force.four)
        fit["detail"] = {"quantity": quantity_of(sensor.description.kind), **fit["detail"]}
        causes.append(Cause(rule="trend", value=value, level=Level(level).label, **fit, **about, **source))
    if level := int(seen.rain[index]):
        causes.append(_rainfall(ring, points, row, int(seen.slot[index]), level, about))
    return causes


def _rise(ring: Ring, points: Points, row: int, slot: int) -> dict[str, float | int | str | bool | None]:
    """Return how fast a level has been rising [unit/h], over 1 and 3 hours, from real times."""
    window = window_of(ring, points, np.array([row]), np.array([slot]), 48)
    rates = {}
    for hours in (1, 3):
        rate = float(points.sign[row]) * float(trend_kernel.rate_of_rise(window, 12 * hours, 3)[0])
        rates[f"rise_{hours}h_per_h"] = None if math.isnan(rate) else round(rate, 4)
    return dict(rates)


def _fit(
    ring: Ring, points: Points, row: int, seen: Observed, index: int, level: int, four: tuple[float | None, ...]
) -> dict[str, Any]:
    """Return limit and detail of a trend: the fit that makes *level*, and comes to its limit first."""
    slot = int(seen.slot[index])
    here = np.float32(seen.value[index])
    window = window_of(ring, points, np.array([row]), np.array([slot]), 72) - here
    sign = float(points.sign[row])
    room = np.array([[np.nan if limit is None else sign * limit - float(here) for limit in four]])
    trend = points.settings[int(points.rules[row])].trend
    within = {"orange": (trend.orange_yellow_h, 2, 1), "red": (trend.red_red_h, 4, 3)}
    found: list[tuple[bool, float, dict[str, Any]]] = []
    for length, step in ((12, 1), (36, 2), (72, 3)):
        values, hours = trend_kernel.thin(window[:, -length:], step)
        fit = trend_kernel.theil_sen(values, hours)
        if not float(fit.lower[0]) > 0:
            continue
        left = trend_kernel.time_to_limit([0.0], fit, room)
        for name, place in (("orange", 2), ("red", 3)):
            latest = float(left.latest[0, place])
            if math.isnan(latest):
                continue
            near, high, low = within[name]
            detail = {
                "window_h": length / 12,
                "slope_per_h": round(sign * float(fit.slope[0]), 5),
                "slope_lower_per_h": round(sign * float(fit.lower[0]), 5),
                "slope_upper_per_h": round(sign * float(fit.upper[0]), 5),
                "to": name,
                "hours_to_limit": round(float(left.expected[0, place]), 2),
                "hours_to_limit_earliest": round(float(left.earliest[0, place]), 2),
                "hours_to_limit_latest": round(latest, 2),
                "points": int(fit.n[0]),
            }
            makes = high if latest < near else low
            found.append((makes < level, latest, {"limit": four[place], "detail": detail}))
    if not found:
        return {"limit": None, "detail": {}}
    return min(found, key=lambda each: each[:2])[2]


def _rainfall(ring: Ring, points: Points, row: int, slot: int, level: int, about: dict[str, object]) -> Cause:
    sums, counts = rain_kernel.accumulate(window_of(ring, points, np.array([row]), np.array([slot]), 288))
    coverage = rain_kernel.coverage(counts, rain_kernel.SPANS_SLOTS, points.interval[[row]])
    settings = points.settings[int(points.rules[row])].rainfall
    span, limit = {
        1: (3, settings.h12_blue),
        2: (2, settings.h6_yellow),
        3: (1, settings.h3_orange),
        4: (1, settings.h3_red),
    }[level]
    detail: dict[str, float | int | str | bool | None] = {"hours": rain_kernel.SPANS_SLOTS[span] // 12}
    detail["coverage"] = round(float(coverage[0, span]), 3)
    for place, slots in enumerate(rain_kernel.SPANS_SLOTS):
        total = float(sums[0, place])
        detail[f"h{slots // 12}_mm"] = None if math.isnan(total) else round(total, 2)
    return Cause(
        rule="rainfall",
        value=round(float(sums[0, span]), 2),
        limit=limit,
        level=Level(level).label,
        detail=detail,
        **about,
    )


def blind_causes(points: Points, found: Findings, place: int, slot: int) -> tuple[Cause, ...]:
    """Return the silent sensors that make the pond blind in *slot*, each with how long it may be silent."""
    column = slot - found.first
    return tuple(
        Cause(
            sensor=points.setups[int(found.rows[at])][1].description.id,
            rule="blind",
            detail={"silent_after_min": int(points.silent_after[found.rows[at]]) * (SLOT_US // 60_000_000)},
        )
        for at in _span(found, place)
        if found.blind[at, column]
    )


def _range(points: Points, row: int) -> dict[str, float | int | str | bool | None]:
    """Return the gross range that a reading lay outside, canonical unit."""
    ends = sorted(round(float(points.sign[row] * end), 4) for end in (points.low[row], points.high[row]))
    return {"low": ends[0], "high": ends[1]}


def _notice(points: Points, found: Findings, place: int, change: Change, key: tuple[str, str]) -> Cause:
    rule, sensor = key
    assert rule in NOTICES, "a notice is one of the judge's"
    column = change.slot - found.first
    for at in _span(found, place):
        row = int(found.rows[at])
        about = points.setups[row][1].description
        if about.id == sensor:
            index = int(found.raw[at, column])
            known = index >= 0 and rule not in ("gross_range", "silent")
            value = round(float(points.sign[row] * found.seen.value[index]), 4) if known else None
            detail = _range(points, row) if rule == "gross_range" else {}
            return Cause(sensor=sensor, rule=rule, value=value, unit=canonical_unit(about.kind), detail=detail)
    return Cause(sensor=sensor, rule=rule)
