"""The slow climb is noticed within days; a pond that wanders or stands is not."""

from __future__ import annotations

import numpy as np
import pytest

from services.monitor.kernels import cusum

DAY = 24


def series(days: int, seed: int, wander: float = 0.0, period_days: float = 7.0) -> np.ndarray:
    """Level around 338 m: noise of 5 mm, a daily wave of 5 mm, wandering as asked."""
    rng = np.random.default_rng(seed)
    hour = np.arange(days * DAY)
    phase = rng.uniform(0, 2 * np.pi)
    return (
        338.0
        + rng.normal(0, 0.005, hour.size)
        + 0.005 * np.sin(2 * np.pi * hour / DAY)
        + wander * np.sin(2 * np.pi * hour / (period_days * DAY) + phase)
    )


@pytest.mark.parametrize("start_day", [3, 10, 30])
@pytest.mark.parametrize("seed", range(3))
def test_slow_climb_is_noticed_within_a_week(start_day: int, seed: int) -> None:
    x = series(start_day + 18, seed)
    x += np.clip(np.arange(x.size) - start_day * DAY, 0, None) * 0.001
    first = np.flatnonzero(cusum.alarmed(cusum.run(cusum.initial(1), x[None]))[0])[0]
    assert start_day + 2 < first / DAY < start_day + 7


@pytest.mark.parametrize("period_days", [2, 5, 7, 10])
def test_wandering_of_five_centimetres_is_not(period_days: float) -> None:
    xs = np.stack([series(90, seed, wander=0.05, period_days=period_days) for seed in range(5)])
    assert not cusum.alarmed(cusum.run(cusum.initial(5), xs)).any()


def test_falling_and_constant_levels_never_add_up() -> None:
    xs = np.stack([338.0 - 0.001 * np.arange(60 * DAY), np.full(60 * DAY, 338.0)])
    assert cusum.run(cusum.initial(2), xs).sum.max() == 0.0


def test_alarm_ends_when_the_pond_stays_at_its_new_level() -> None:
    x = np.concatenate([np.full(20 * DAY, 338.0), np.full(60 * DAY, 338.6)])
    alarm = cusum.alarmed(cusum.run(cusum.initial(1), x[None]))[0]
    assert alarm[22 * DAY]
    assert not alarm[-1]
    assert np.count_nonzero(np.diff(alarm.astype(int)) == 1) == 1


def test_missing_hours_leave_the_state() -> None:
    x = series(30, 1)
    gappy = np.insert(x, [100, 100, 400], np.nan)
    whole = cusum.run(cusum.initial(1), x[None])
    late = cusum.run(cusum.initial(1), gappy[None])
    for a, b in zip(whole, late, strict=True):
        assert a[0, -1] == b[0, -1]
    nothing = cusum.run(cusum.initial(2), np.full((2, 50), np.nan))
    assert (nothing.sum == 0).all()
    assert (nothing.n == 0).all()
    assert np.isnan(nothing.mean).all()


def test_infinity_counts_as_missing() -> None:
    state = cusum.step(cusum.initial(1), [338.0])
    after = cusum.step(state, [np.inf])
    assert all((a == b).all() for a, b in zip(state, after, strict=True))


def test_no_hours_and_no_sensors() -> None:
    assert cusum.run(cusum.initial(0), np.empty((0, 5))).sum.shape == (0, 5)
    assert cusum.run(cusum.initial(3), np.empty((3, 0))).sum.shape == (3, 0)
    assert cusum.step(cusum.initial(0), np.empty(0)).n.shape == (0,)


def test_the_old_state_is_not_written_to() -> None:
    state = cusum.initial(1)
    cusum.step(state, [1.0])
    assert state.n.tolist() == [0]
    assert np.isnan(state.mean[0])


def test_floor_may_differ_by_row() -> None:
    x = np.tile(np.concatenate([np.full(72, 1.0), np.full(72, 1.2)]), (2, 1))
    sums = cusum.run(cusum.initial(2), x, sigma_floor=np.array([0.04, 10.0])).sum[:, -1]
    assert sums[0] > 0
    assert sums[1] == 0
