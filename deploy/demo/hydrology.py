"""Rain → runoff → pond level: a small water balance, numpy only, the same for the same seed.

Everything is in steps of five minutes. Rain in mm, areas in m², volumes in m³, flows in m³/s, levels in m
above the pond's datum.

References
----------
Losses: curve number method, USDA NRCS, National Engineering Handbook, part 630, chapter 10.
Routing: two equal linear reservoirs in series, after Nash (1957).
Spillway: broad-crested weir, Q = 1.7 b h^1.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["STEP_S", "Basin", "Pond", "Storm", "Water", "balance", "rainfall", "runoff"]

STEP_S = 300
"""One step: a 5-minute slot [s]."""
SUBSTEPS = 10
"""Inner steps of the balance: 30 s, well below the time a spillway takes to answer."""
WEIR = 1.7

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Storm:
    """One burst of rain: how much [mm], from when, for how long [h] and where in it the peak lies (0…1)."""

    total_mm: float
    begins_h: float
    lasts_h: float
    peak: float = 0.4


@dataclass(frozen=True, slots=True)
class Basin:
    """The land that drains to a pond."""

    area_m2: float
    curve_number: float = 75.0
    """30 (forest on sand) … 98 (bare rock)."""
    lag_h: float = 1.5
    """Mean time from excess rain to the pond [h]."""
    base_m3s: float = 0.0
    """Flow that is there without rain."""


@dataclass(frozen=True, slots=True)
class Pond:
    """A pond whose water surface widens linearly with its level: ``area = area_m2 + widening_m * (level - floor)``."""

    floor: float
    start: float
    area_m2: float
    widening_m: float = 0.0
    spill_level: float = np.inf
    spill_width_m: float = 0.0
    decant_m3s: float = 0.0
    """What the decant tower takes when the level is above ``decant_level``."""
    decant_level: float = np.inf
    seepage_per_s: float = 0.0
    """Seepage [m³/s per m of depth]."""

    def volume(self, level: float) -> float:
        """Return the water stored up to *level* [m³]."""
        depth = level - self.floor
        return self.area_m2 * depth + 0.5 * self.widening_m * depth * depth

    def level(self, volume: float) -> float:
        """Return the level at which *volume* is stored; the inverse of ``volume``.

        >>> pond = Pond(floor=100.0, start=101.0, area_m2=1e4, widening_m=500.0)
        >>> round(pond.level(pond.volume(103.25)), 9)
        103.25
        """
        if self.widening_m == 0:
            return self.floor + volume / self.area_m2
        # The stable form of the quadratic's positive root: no cancellation for nearly vertical shores.
        root = np.sqrt(self.area_m2**2 + 2.0 * self.widening_m * volume)
        return float(self.floor + 2.0 * volume / (self.area_m2 + root))

    def area(self, level: float) -> float:
        """Return the water surface at *level* [m²]."""
        return self.area_m2 + self.widening_m * (level - self.floor)


@dataclass(frozen=True, slots=True)
class Water:
    """What became of the water: the level, and every flow of the balance, one value a step.

    ``stored[-1] - stored_at_start`` equals the sum of the inflows minus the outflows [m³].
    """

    level: Floats
    """Level at each step's end [m]."""
    stored: Floats
    stored_at_start: float
    runoff: Floats
    """Inflows [m³ in the step] …"""
    direct: Floats
    pumped: Floats
    spilled: Floats
    """… and outflows."""
    decanted: Floats
    seeped: Floats

    def residual(self) -> float:
        """Return what the balance fails to explain [m³]; rounding only."""
        inflow = self.runoff.sum() + self.direct.sum() + self.pumped.sum()
        outflow = self.spilled.sum() + self.decanted.sum() + self.seeped.sum()
        return float(self.stored[-1] - self.stored_at_start - (inflow - outflow)) if self.stored.size else 0.0


def rainfall(steps: int, storms: list[Storm] | tuple[Storm, ...], rng: np.random.Generator) -> Floats:
    """Return rain per step [mm], shape (steps,): each storm a triangle broken into gusts, its total kept.

    Rain that would fall after the last step is not there; a storm wholly outside adds nothing.
    """
    rain = np.zeros(steps)
    hours = (np.arange(steps) + 0.5) * STEP_S / 3600
    for storm in storms:
        part = (hours - storm.begins_h) / storm.lasts_h
        rising = part / max(storm.peak, 1e-9)
        falling = (1.0 - part) / max(1.0 - storm.peak, 1e-9)
        shape = np.clip(np.minimum(rising, falling), 0.0, None)
        # Gusts: lognormal, correlated over about 20 minutes. Drawn for all steps, so that moving one storm
        # does not change another's gusts.
        noise = np.convolve(rng.normal(size=steps + 3), np.full(4, 0.5), mode="valid")
        gusts = shape * np.exp(0.6 * noise)
        if gusts.sum() > 0:
            whole = storm.total_mm * _share_inside(storm, steps)
            rain += gusts * (whole / gusts.sum())
    return rain


def runoff(rain_mm: Floats, basin: Basin, wetness_mm: float = 0.0) -> Floats:
    """Return the flow from the land into the pond [m³/s], mean of each step, shape of *rain_mm*.

    Parameters
    ----------
    rain_mm : ndarray, shape (n,) [mm per step]
    basin : Basin
    wetness_mm : float
        Antecedent precipitation [mm]; it fills part of what the soil could still hold.
    """
    retention = max(25400.0 / basin.curve_number - 254.0 - wetness_mm, 1.0)
    fallen = np.cumsum(rain_mm)
    over = np.clip(fallen - 0.2 * retention, 0.0, None)
    excess = np.diff(over**2 / (over + retention), prepend=0.0)
    flow = excess / 1000.0 * basin.area_m2 / STEP_S
    keep = np.exp(-STEP_S / (basin.lag_h / 2 * 3600.0))
    for _ in range(2):
        flow = _linear_reservoir(flow, keep)
    return flow + basin.base_m3s


def balance(pond: Pond, runoff_m3s: Floats, rain_mm: Floats, pumped_m3s: Floats) -> Water:
    """Let the pond fill and empty; all inputs of shape (n,), one value a step.

    No more can leave than is there: a pond at its floor stays there, and the balance still closes.
    """
    steps = runoff_m3s.size
    dt = STEP_S / SUBSTEPS
    level, stored, direct = np.empty(steps), np.empty(steps), np.empty(steps)
    out = np.zeros((steps, 3))
    volume = pond.volume(pond.start)
    began = volume
    for step in range(steps):
        direct[step] = rain_mm[step] / 1000.0 * pond.area(pond.level(volume))
        gain = (runoff_m3s[step] + pumped_m3s[step]) * dt + direct[step] / SUBSTEPS
        for _ in range(SUBSTEPS):
            volume += gain
            height = pond.level(volume)
            wanted = (
                WEIR * pond.spill_width_m * max(height - pond.spill_level, 0.0) ** 1.5 * dt,
                pond.decant_m3s * dt if height > pond.decant_level else 0.0,
                pond.seepage_per_s * max(height - pond.floor, 0.0) * dt,
            )
            total = sum(wanted)
            scale = volume / total if total > volume else 1.0
            for way, amount in enumerate(wanted):
                out[step, way] += amount * scale
            volume -= total * scale
        stored[step], level[step] = volume, pond.level(volume)
    return Water(
        level=level,
        stored=stored,
        stored_at_start=began,
        runoff=runoff_m3s * STEP_S,
        direct=direct,
        pumped=pumped_m3s * STEP_S,
        spilled=out[:, 0],
        decanted=out[:, 1],
        seeped=out[:, 2],
    )


def _share_inside(storm: Storm, steps: int) -> float:
    """Return the share of a storm's triangle that falls within the record."""

    def upto(part: float) -> float:
        part = min(max(part, 0.0), 1.0)
        peak = min(max(storm.peak, 1e-9), 1 - 1e-9)
        return part * part / peak if part <= peak else 1.0 - (1.0 - part) ** 2 / (1.0 - peak)

    end_h = steps * STEP_S / 3600
    return upto((end_h - storm.begins_h) / storm.lasts_h) - upto(-storm.begins_h / storm.lasts_h)


def _linear_reservoir(inflow: Floats, keep: float) -> Floats:
    """Route a flow through one linear reservoir; exact for an inflow constant over each step.

    The outflow is the step's mean, so that what goes in comes out: nothing is lost to the step's length.
    """
    outflow = np.empty_like(inflow)
    stored = 0.0
    for step, coming in enumerate(inflow):
        before = stored
        # In units of flow × step: storage decays towards coming × (time constant).
        time_constant = -1.0 / np.log(keep)
        stored = before * keep + coming * time_constant * (1.0 - keep)
        outflow[step] = before + coming - stored
    return outflow
