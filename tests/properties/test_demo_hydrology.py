"""The demonstration's water obeys the balance, whatever falls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.demo.hydrology import STEP_S, Basin, Pond, Storm, balance, rainfall, runoff
from tests.prove import examples

STEPS = 288

storms = st.lists(
    st.builds(
        Storm,
        total_mm=st.floats(0, 400),
        begins_h=st.floats(-10, 30),
        lasts_h=st.floats(0.2, 20),
        peak=st.floats(0, 1),
    ),
    max_size=3,
)
basins = st.builds(
    Basin,
    area_m2=st.floats(1e4, 1e7),
    curve_number=st.floats(30, 98),
    lag_h=st.floats(0.2, 12),
    base_m3s=st.floats(0, 0.5),
)
ponds = st.builds(
    Pond,
    floor=st.just(100.0),
    start=st.floats(100, 110),
    area_m2=st.floats(1e4, 1e6),
    widening_m=st.one_of(st.just(0.0), st.floats(1, 1e4)),
    spill_level=st.floats(100, 112),
    spill_width_m=st.floats(0, 20),
    decant_m3s=st.floats(0, 5),
    decant_level=st.floats(100, 112),
    seepage_per_s=st.floats(0, 1.0),
)
few = settings(max_examples=examples(40), deadline=None)


@few
@given(storms, basins, ponds, st.floats(0, 3), st.integers(0, 2**32))
def test_the_balance_closes(falls: list[Storm], basin: Basin, pond: Pond, pumped: float, seed: int) -> None:
    rain = rainfall(STEPS, falls, np.random.default_rng(seed))
    water = balance(pond, runoff(rain, basin), rain, np.full(STEPS, pumped))
    moved = water.stored_at_start + water.runoff.sum() + water.direct.sum() + water.pumped.sum()
    assert abs(water.residual()) <= 1e-9 * max(moved, 1.0)
    assert (water.stored >= -1e-6).all()
    assert (water.level >= pond.floor - 1e-9).all()
    assert min(water.spilled.min(), water.decanted.min(), water.seeped.min()) >= 0.0
    assert np.isfinite(water.level).all()


@few
@given(storms, st.integers(0, 2**32))
def test_one_seed_one_rain(falls: list[Storm], seed: int) -> None:
    one, other = (rainfall(STEPS, falls, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(one, other)
    assert (one >= 0).all()


@few
@given(
    st.floats(0.1, 400),
    st.floats(0, 10),
    st.floats(0.5, 12),
    st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_a_storm_inside_the_record_falls_whole(
    total: float, begins: float, lasts: float, peak: float, seed: int
) -> None:
    rain = rainfall(STEPS, [Storm(total, begins, lasts, peak)], np.random.default_rng(seed))
    assert rain.sum() == pytest.approx(total, rel=1e-6)
    wet = np.flatnonzero(rain)
    assert wet[0] >= np.floor(begins * 12) - 1
    assert wet[-1] <= np.ceil((begins + lasts) * 12)


@few
@given(storms, basins, st.floats(0, 100), st.integers(0, 2**32))
def test_less_runs_off_than_falls_and_nothing_before_the_rain(
    falls: list[Storm], basin: Basin, wetness: float, seed: int
) -> None:
    rain = rainfall(STEPS, falls, np.random.default_rng(seed))
    flow = runoff(rain, basin, wetness) - basin.base_m3s
    fallen = np.cumsum(rain) / 1000 * basin.area_m2
    came = np.cumsum(flow) * STEP_S
    assert (came <= fallen * (1 + 1e-9) + 1e-6).all()


@few
@given(basins, ponds, st.integers(0, 2**32), st.floats(10, 200))
def test_more_rain_never_lowers_the_crest(basin: Basin, pond: Pond, seed: int, total: float) -> None:
    crests = []
    for depth in (0.0, total, 1.5 * total):
        rain = rainfall(STEPS, [Storm(depth, 2.0, 6.0)], np.random.default_rng(seed))
        crests.append(balance(pond, runoff(rain, basin), rain, np.zeros(STEPS)).level.max())
    # The decant opens at a level, and a whole sub-step at a time: it may overshoot by that much.
    chatter = pond.decant_m3s * 30.0 / pond.area_m2
    assert crests[0] <= crests[1] + chatter
    assert crests[1] <= crests[2] + chatter


@given(ponds, st.floats(0, 1e8))
def test_level_and_volume_are_inverses(pond: Pond, volume: float) -> None:
    assert pond.volume(pond.level(volume)) == pytest.approx(volume, rel=1e-9, abs=1e-3)
