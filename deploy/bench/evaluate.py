"""The engine by itself: many sensors, one new slot of some or of all; its memory; a year of replay.

Baseline of the evaluation: what no judging of 24 hours can do without, done by numpy alone on the same matrix:
gather the changed sensors' windows of 24 hours, put each in order (a sort, on which every median, range and
order statistic of the rules rests), and write the new slot.
"""

from __future__ import annotations

import gc
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deploy.bench.figures import Figure, Report
from deploy.bench.fleet import EACH, Fleet
from services.monitor.engine import LATE, Engine
from services.monitor.replay import Replay
from services.monitor.ring import SLOT_US
from shared.contracts.levels import SensorKind
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, SensorDescription
from shared.site.model import Site, SiteSensor
from shared.site.series import SeriesData

__all__ = ["YEAR_SLOTS", "evaluate"]

CHANGED_PONDS = 50
YEAR_SLOTS = 105_120
_BEGINS = 1_704_067_200_000_000 // SLOT_US
_WARM_SLOTS = 80
"""More than the trend's six hours: from then on every rule has its whole window."""
_ROUNDS = 60
Ints = npt.NDArray[np.int64]


def evaluate(ponds: int = 10_000, slots: int = 30, year: bool = True) -> Report:
    """Measure the engine.

    Parameters
    ----------
    ponds
        Ponds of ten sensors each.
    slots
        Slots of all sensors over which the memory is watched, once every rule has its window.
    year
        Also replay a year of 5-minute level and rain of one pond.
    """
    report = Report("evaluate", {"sensors": ponds * EACH, "changed": CHANGED_PONDS * EACH, "slots": slots})
    fleet = Fleet(ponds)
    engine = Engine(fleet.setups())
    everything = np.arange(ponds * EACH)
    at = _BEGINS
    for _ in range(_WARM_SLOTS):
        at += 1
        _take(engine, fleet, everything, at)
    gc.collect()
    begins_mb = _resident_mb()
    sweeps: list[float] = []
    for _ in range(slots):
        at += 1
        sweeps.append(_take(engine, fleet, everything, at))
    gc.collect()
    ends_mb = _resident_mb()
    changed, bare = _changed(engine, fleet, at + 1)
    whole = _bare(engine, everything, at)
    report.figures += [
        Figure("evaluate_changed", changed * 1e3, "ms", bare * 1e3, most=5.0),
        Figure("evaluate_sweep", float(np.median(sweeps)), "s", whole, most=1.0),
        Figure("evaluate_sweep_worst", max(sweeps), "s", whole),
        Figure("evaluate_memory", ends_mb, "MB", most=600.0),
        Figure("evaluate_growth", (ends_mb - begins_mb) / slots * 1e3, "kB/slot", most=100.0),
    ]
    if year:
        del engine
        gc.collect()
        report.figures.append(Figure("replay_year", _replay(), "s", most=10.0))
    return report


def _take(engine: Engine, fleet: Fleet, which: Ints, slot: int) -> float:
    """Give each sensor its reading of a slot; returns the seconds it took."""
    values = fleet.values(which)
    times = np.full(len(which), slot * SLOT_US)
    began = time.perf_counter()
    engine.take(which, times, values)
    return time.perf_counter() - began


def _changed(engine: Engine, fleet: Fleet, slot: int) -> tuple[float, float]:
    """Return the median seconds for the new slot of a few ponds, and of the baseline for the same sensors."""
    order = fleet.random.permutation(fleet.ponds)
    mine: list[float] = []
    bare: list[float] = []
    for turn in range(_ROUNDS):
        ponds = np.take(order, np.arange(turn * CHANGED_PONDS, (turn + 1) * CHANGED_PONDS), mode="wrap")
        which = (np.sort(ponds)[:, None] * EACH + np.arange(EACH)).reshape(-1)
        bare.append(_bare(engine, which, slot - 1))
        mine.append(_take(engine, fleet, which, slot + turn * CHANGED_PONDS // max(CHANGED_PONDS, fleet.ponds)))
    return float(np.median(mine)), float(np.median(bare))


def _bare(engine: Engine, which: Ints, slot: int) -> float:
    ring = engine.ring
    began = time.perf_counter()
    for begin in range(0, len(which), 8192):
        part = which[begin : begin + 8192]
        window = ring.values[part][:, np.arange(slot - LATE + 1, slot + 1) % ring.width]
        window.sort(axis=1)
        ring.values[part, slot % ring.width] = ring.values[part, slot % ring.width]
    return time.perf_counter() - began


def _resident_mb() -> float:
    """Return this process's resident memory [MB], as the kernel counts it."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not tell a process's resident memory")


def _replay() -> float:
    """Return the seconds to replay a year of one pond: level and rain every five minutes, storms among them."""
    site, series = _year()
    replay = Replay(site, series=series)
    began = time.perf_counter()
    for _ in replay.changes():
        pass
    return time.perf_counter() - began


def _year() -> tuple[Site, dict[str, Any]]:
    random = np.random.default_rng(1)
    times = (_BEGINS + np.arange(1, YEAR_SLOTS + 1)) * SLOT_US
    storm = np.zeros(YEAR_SLOTS)
    for begin in random.integers(0, YEAR_SLOTS - 200, 25):
        storm[begin : begin + 100] += random.gamma(0.8, 1.2, 100)
    rain = np.round(storm / 0.2) * 0.2
    # A reservoir that drains with a time constant of four days.
    level = np.empty(YEAR_SLOTS)
    store, keep = 0.0, float(np.exp(-1 / 1152))
    for slot, fallen in enumerate(rain.tolist()):
        store = store * keep + fallen * 0.008
        level[slot] = store
    level = np.round(308.0 + level + random.normal(0, 0.003, YEAR_SLOTS), 3)
    limits = LimitDocument(
        document="benchmark",
        effective_from=date(2000, 1, 1),
        bands={"level": (LimitBand(blue=309.0, yellow=309.8, orange=310.6, red=311.4),)},
    )
    sensors = (
        SiteSensor(SensorDescription(id="level", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)),
        SiteSensor(SensorDescription(id="rain", kind=SensorKind.RAIN, unit="mm", expected_interval_s=300)),
    )
    series = {"level": SeriesData(times, level, 0), "rain": SeriesData(times, rain, 0)}
    return Site(Path("bench.toml"), PondDescription(id="bench", name="Bench"), sensors, limits), series
