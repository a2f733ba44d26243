"""What the instruments make of the water: noise, tips of a bucket, faults. The same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from deploy.demo.hydrology import STEP_S, Water, balance, rainfall, runoff
from deploy.demo.scenario import Fault, PondScript, Scenario, site
from shared.contracts.levels import SensorKind
from shared.contracts.registry import SensorDescription
from shared.site import canonical_of

__all__ = ["Record", "measure", "nature", "record"]

TIP_MM = 0.2
LEVEL_NOISE_M = 0.003

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Record:
    """One sensor's readings in its own unit.

    ``arrives_us`` is when a reading reaches the desk, in event time; a late batch arrives after its time. Readings
    that never arrive are not in here.
    """

    pond: str
    sensor: SensorDescription
    times_us: NDArray[np.int64]
    values: Floats
    arrives_us: NDArray[np.int64]


def nature(script: PondScript, whole: Scenario) -> tuple[Floats, Water]:
    """Return what really happens at a pond: rain per step [mm], shape (n,), and the water's balance."""
    rain = rainfall(whole.steps, script.storms, _rng(whole, script.id, "rain"))
    pumped = np.zeros(whole.steps)
    for pumping in script.pumping:
        begins, ends = (round(h * 3600 / STEP_S) for h in (pumping.begins_h, pumping.begins_h + pumping.lasts_h))
        pumped[begins:ends] += pumping.m3s
    return rain, balance(script.water, runoff(rain, script.basin, script.wetness_mm), rain, pumped)


def record(script: PondScript, whole: Scenario) -> list[Record]:
    """Return the readings of every sensor of a pond, in the order of its site file."""
    rain, water = nature(script, whole)
    start_us = round(whole.begins.timestamp() * 1_000_000)
    records = []
    for item in site(script.id).sensors:
        sensor = item.sensor
        every = max(sensor.expected_interval_s // STEP_S, 1)
        steps = np.arange(every - 1, whole.steps, every)
        values = measure(sensor, rain, water.level, steps, _rng(whole, script.id, sensor.id))
        times_us = start_us + (steps + 1) * STEP_S * 1_000_000
        # A logger is never on the dot: a few seconds before the slot ends.
        times_us = times_us - 1_000_000 * (1 + crc32(f"{script.id}/{sensor.id}".encode()) % 40)
        records.append(_broken(Record(script.id, sensor, times_us, values, times_us.copy()), script.fault, start_us))
    return records


def measure(
    sensor: SensorDescription, rain: Floats, level: Floats, steps: NDArray[np.int64], rng: np.random.Generator
) -> Floats:
    """Return what a sensor reads at the ends of *steps*, in its own unit.

    Rain is counted in whole tips of a bucket, so that no water is lost between readings.
    """
    factor, offset = canonical_of(sensor)
    if sensor.kind is SensorKind.RAIN:
        tips = np.floor(np.cumsum(rain)[steps] / TIP_MM + 1e-9)
        return np.round(np.diff(tips, prepend=0.0) * TIP_MM / factor, 3)
    seen = level[steps] + rng.normal(0.0, LEVEL_NOISE_M, steps.size)
    return np.round((seen - offset) / factor, 3)


def _broken(whole: Record, faults: tuple[Fault, ...], start_us: int) -> Record:
    times_us, values, arrives_us = whole.times_us, whole.values.copy(), whole.arrives_us.copy()
    keep = np.ones(times_us.size, dtype=bool)
    for fault in faults:
        if fault.sensor != whole.sensor.id:
            continue
        begins = start_us + round(fault.begins_h * 3.6e9)
        ends = begins + round(fault.lasts_h * 3.6e9)
        first = int(np.searchsorted(times_us, begins))
        during = (times_us >= begins) & (times_us < ends)
        match fault.kind:
            case "spike":
                values[first] += fault.by
            case "stuck":
                values[during] = values[first]
            case "silent":
                keep &= ~during
            case "late":
                arrives_us[during] = ends
    return Record(whole.pond, whole.sensor, times_us[keep], values[keep], arrives_us[keep])


def _rng(whole: Scenario, *names: str) -> np.random.Generator:
    # A stream of its own for every instrument: adding one changes no other. crc32, as hash() differs by process.
    return np.random.default_rng([whole.seed, crc32("/".join(names).encode())])
