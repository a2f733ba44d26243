"""Trend kernels on examples a person can check, and on the edges of their domain."""

from __future__ import annotations

import numpy as np
import pytest

from services.monitor.kernels import trend

NAN = float("nan")
INF = float("inf")


def test_one_spike_does_not_move_the_slope() -> None:
    level = np.arange(24) * 0.1
    level[10] += 50
    assert trend.theil_sen([level], np.arange(24)).slope[0] == pytest.approx(0.1, rel=1e-3)


def test_example_of_sen_1968() -> None:
    hours, values = [1, 2, 3, 4, 10, 12, 18], [9, 15, 19, 20, 45, 55, 78]
    result = trend.theil_sen([values], hours)
    assert result.slope[0] == 4.0
    assert result.lower[0] < 4.0 < result.upper[0]


def test_interval_is_made_of_the_ranks_it_says() -> None:
    # 10 points in order: 45 slopes, C = 1.96 sqrt(10*9*25/18) = 21.9, l = floor(11.55) = 11, u = 35
    values = np.float32([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    slopes = sorted((values[j] - values[i]) / np.float32(j - i) for i in range(10) for j in range(i + 1, 10))
    result = trend.theil_sen([values], np.arange(10))
    assert (result.lower[0], result.slope[0], result.upper[0]) == (slopes[10], slopes[22], slopes[34])


def test_constant_series_has_slope_zero() -> None:
    result = trend.theil_sen(np.full((2, 12), 5.0), np.arange(12))
    assert all((field == 0).all() for field in result[:3])


def test_few_points_take_the_whole_range() -> None:
    result = trend.theil_sen([[0.0, 1.0, 4.0]], range(3), min_points=3)
    assert [float(f[0]) for f in result] == [2.0, 1.0, 3.0, 3]


@pytest.mark.parametrize("values", [[NAN] * 8, [1.0] + [NAN] * 7, [1.0, 2, 3, 4, 5] + [NAN] * 3, [INF] * 8])
def test_too_few_points_are_nan(values: list[float]) -> None:
    result = trend.theil_sen([values], range(8))
    assert all(np.isnan(field).all() for field in result[:3])
    assert not trend.steep_enough([values], range(8), [-1e9]).any()


@pytest.mark.parametrize("shape", [(0, 24), (3, 0), (3, 1), (0, 0)])
def test_empty_inputs(shape: tuple[int, int]) -> None:
    values = np.zeros(shape, np.float32)
    assert all(field.shape == (shape[0],) for field in trend.theil_sen(values, np.arange(shape[1])))
    assert trend.theil_sen(values, np.zeros(shape)).n.tolist() == [shape[1]] * shape[0]
    assert not trend.steep_enough(values, np.arange(shape[1]), 0.0).any()
    assert trend.rate_of_rise(values, 12, 2).shape == (shape[0],)
    assert trend.thin(values, 3)[0].shape == (shape[0], shape[1] // 3)


def test_points_at_one_time_have_no_slope() -> None:
    assert np.isnan(trend.theil_sen([[1.0, 2, 3, 4, 5, 6]], np.zeros(6)).slope).all()


def test_points_twice_at_a_time_leave_the_other_pairs() -> None:
    result = trend.theil_sen([[0.0, 0, 1, 1, 2, 2]], [0, 0, 1, 1, 2, 2])
    assert result.slope[0] == 1.0


def test_what_float32_cannot_hold_is_nan() -> None:
    result = trend.theil_sen([[-3e38, 3e38] * 4], np.arange(8))
    assert not any(np.isinf(field).any() for field in result[:3])


def test_arguments_are_checked() -> None:
    for kwargs in ({"confidence": 1.0}, {"confidence": 0.0}, {"min_points": 1}):
        with pytest.raises(ValueError, match="must"):
            trend.theil_sen([[1.0, 2.0]], range(2), **kwargs)
    with pytest.raises(ValueError, match="step"):
        trend.thin([[1.0]], 0)
    with pytest.raises(ValueError, match="lag"):
        trend.rate_of_rise([[1.0]], 0, 0)


def test_screen_passes_what_stands_exactly_at_the_rate() -> None:
    values = np.arange(8, dtype=np.float32) * np.float32(0.1)
    slope = trend.theil_sen([values], np.arange(8)).slope
    assert trend.steep_enough([values], np.arange(8), slope).tolist() == [True]
    assert trend.steep_enough([values], np.arange(8), np.nextafter(slope, np.float32(1))).tolist() == [False]
    assert trend.steep_enough([values], np.arange(8), NAN).tolist() == [False]
    assert trend.steep_enough([values], np.arange(8), -INF).tolist() == [True]
    assert trend.steep_enough([values], np.arange(8), INF).tolist() == [False]


def test_rate_of_rise_takes_the_distance_really_there() -> None:
    window = np.full((5, 40), np.nan)
    window[0, [3, 39]] = 1.0, 2.5  # 36 slots: 3 h
    window[1, [4, 39]] = 1.0, 2.0  # 35 slots
    window[2, [1, 5, 39]] = 0.0, 1.0, 2.0  # 38 and 34 equally far from 36: the older
    window[3, [0, 39]] = 1.0, 2.0  # 39 slots: too far
    window[4, [2, 38]] = 1.0, 2.5  # the newest is one slot old
    rates = trend.rate_of_rise(window, 36, 2)
    np.testing.assert_allclose(rates, [0.5, 12 / 35, 24 / 38, NAN, 0.5], rtol=1e-6)
    assert np.isnan(trend.rate_of_rise(window, 36, 0)[4])
    assert np.isnan(trend.rate_of_rise([[1.0]], 1, 5)[0])
    assert trend.rate_of_rise([[1.0, 2.0]], 1, 50).tolist() == [12.0]


def test_time_to_limit() -> None:
    slope = trend.TheilSen(
        np.float32([0.5, 0.5, 0.0, NAN, -1.0]),
        np.float32([0.25, -0.1, 0.0, NAN, -2.0]),
        np.float32([1.0, 1.0, 0.0, NAN, 0.5]),
        np.full(5, 24, np.int32),
    )
    result = trend.time_to_limit([1.0] * 5, slope, [0.5, 1.0, 2.0, NAN])
    np.testing.assert_array_equal(result.earliest[:, 2], np.float32([1, 1, INF, NAN, 2]))
    np.testing.assert_array_equal(result.expected[:, 2], np.float32([2, 2, INF, NAN, INF]))
    np.testing.assert_array_equal(result.latest[:, 2], np.float32([4, INF, INF, NAN, INF]))
    for hours in result:
        assert (hours[:, :2] == 0).all()  # at or above the limit, whatever the slope
        assert np.isnan(hours[:, 3]).all()
    missing = trend.time_to_limit([NAN] * 5, slope, np.zeros((5, 4)))
    assert all(np.isnan(hours).all() for hours in missing)
    none = trend.TheilSen(*(field[:0] for field in slope))
    assert trend.time_to_limit([], none, np.zeros((0, 4))).latest.shape == (0, 4)


def test_a_slope_of_almost_nothing_takes_for_ever_without_a_warning() -> None:
    tiny = np.float32([1e-44])
    result = trend.time_to_limit([0.0], trend.TheilSen(tiny, tiny, tiny, np.int32([9])), [1e6] * 4)
    assert np.isinf(result.expected).all()
