"""From a replay's series to what a chart shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from services.monitor.chart.scene import SLOT_US, ChartData, micros
from services.monitor.domain.ponds import PondSetup, quantity_of, schedule
from services.monitor.replay import canonical, setup_of
from services.monitor.ring import slot_of
from shared.contracts.levels import LevelName, SensorKind
from shared.contracts.monitor import TimelineChange
from shared.contracts.registry import SensorDescription
from shared.site.model import Site
from shared.site.series import SeriesData

__all__ = ["chart_of"]

Floats = NDArray[np.float64]


def chart_of(
    site: Site,
    series: Mapping[str, SeriesData],
    changes: Sequence[TimelineChange],
    since: datetime | None = None,
    until: datetime | None = None,
) -> ChartData:
    """Return the chart of a replay: ``draw(chart_of(replay.site, replay.series, changes, since, until), path)``.

    Several level sensors are shown by the highest of each slot, several gauges by the wettest: what is judged
    is the worst point, and the chart must not look calmer than the judgement. The limits are those of the
    first level sensor.
    """
    setup = setup_of(site)
    levels: list[tuple[NDArray[np.int64], Floats]] = []
    rains: list[tuple[NDArray[np.int64], Floats]] = []
    shown: SensorDescription | None = None
    for sensor in setup.sensors:
        data = series.get(sensor.description.id)
        if data is None:
            continue
        keep = np.ones(data.times_us.size, dtype=bool)
        keep &= True if since is None else data.times_us >= micros(since)
        keep &= True if until is None else data.times_us <= micros(until)
        part = (slot_of(data.times_us[keep]), canonical(sensor, data.values[keep]))
        if sensor.description.kind is SensorKind.RAIN:
            rains.append(part)
        elif quantity_of(sensor.description.kind) == "level":
            levels.append(part)
            shown = shown or sensor.description
    slots = [slots for slots, _ in (*levels, *rains) if slots.size]
    if not slots:
        return ChartData(setup.id, setup.pond.name, np.empty(0, np.int64), np.empty(0))
    first, last = min(int(each.min()) for each in slots), max(int(each.max()) for each in slots)
    times_us = np.arange(first, last + 1, dtype=np.int64) * SLOT_US
    level = np.full(times_us.size, np.nan)
    for where, values in levels:
        np.fmax.at(level, where - first, values)
    rain = np.full(times_us.size, np.nan)
    for where, values in rains:
        gauge = np.full(times_us.size, np.nan)
        present = np.unique(where - first)
        gauge[present] = np.bincount(where - first, weights=values, minlength=times_us.size)[present]
        rain = np.fmax(rain, gauge)
    return ChartData(
        pond=setup.id,
        name=setup.pond.name,
        times_us=times_us,
        level=level,
        rain=rain if rains else None,
        limits={} if shown is None else _limits(setup, shown, times_us),
        changes=changes,
        timezone=setup.pond.timezone,
    )


def _limits(setup: PondSetup, sensor: SensorDescription, times_us: NDArray[np.int64]) -> dict[str, Floats]:
    """Return each limit over time [m], NaN where none is in force; a limit that never is, is left out."""
    first, last = (datetime.fromtimestamp(int(times_us[end]) / 1_000_000, UTC) for end in (0, -1))
    plan = schedule(setup, sensor, first, last)
    starts = np.array([micros(start) for start in plan.starts], dtype=np.int64)
    which = np.clip(np.searchsorted(starts, times_us, side="right") - 1, 0, None)
    steps = np.array([[np.nan if one is None else one for one in each.four] for each in plan.limits], dtype=np.float64)
    limits = {name.value: steps[which, index] for index, name in enumerate(LevelName)}
    return {name: values for name, values in limits.items() if np.isfinite(values).any()}
