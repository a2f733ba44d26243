"""Accumulations a person can check, dry against missing, coverage, antecedent rain."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from services.monitor.kernels import antecedent, rain


def test_dry_and_missing_differ() -> None:
    sums, counts = rain.accumulate(np.stack([np.zeros(288), np.full(288, np.nan)]))
    assert sums[0].tolist() == [0.0] * 5
    assert np.isnan(sums[1]).all()
    assert counts.tolist() == [[12, 36, 72, 144, 288], [0] * 5]


def test_tipping_bucket_reaches_the_limit_exactly() -> None:
    # 500 tips of 0.1 mm are 50 mm, not 49.99998: a limit must not depend on the order of additions
    slots = np.zeros(288, dtype=np.float32)
    slots[-125:] = 0.4
    sums, _ = rain.accumulate(np.stack([slots, np.roll(slots, -30), slots[::-1]]))
    assert sums[:, 4].tolist() == [50.0] * 3


def test_live_matrix_equals_sliding_window_of_one_gauge() -> None:
    rng = np.random.default_rng(3)
    year = rng.exponential(0.3, 2000).astype(np.float32)
    year[rng.random(2000) < 0.2] = np.nan
    view = sliding_window_view(year, 288)
    for lazy, whole in zip(rain.accumulate(view), rain.accumulate(view.copy()), strict=True):
        np.testing.assert_array_equal(lazy, whole)


def test_window_longer_than_the_spans_and_one_slot() -> None:
    sums, counts = rain.accumulate([[9.0, 1.0, 2.0]], (1, 2))
    assert (sums.tolist(), counts.tolist()) == ([[2.0, 3.0]], [[1, 2]])
    assert rain.accumulate([[4.0]], (1,))[0].tolist() == [[4.0]]
    assert rain.accumulate(np.empty((0, 288)))[0].shape == (0, 5)


@pytest.mark.parametrize("spans", [(), (0, 1), (2, 1), (1, 1), (289,)])
def test_unfit_spans_are_refused(spans: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="span"):
        rain.accumulate(np.zeros((1, 288)), spans)


def test_input_is_left_alone() -> None:
    window = np.full((2, 288), np.nan, dtype=np.float32)
    rain.accumulate(window)
    assert np.isnan(window).all()


@pytest.mark.parametrize(
    ("interval", "counts", "expected"),
    [
        (1.0, [12, 18, 0, 144, 288], [1.0, 0.5, 0.0, 1.0, 1.0]),
        (0.2, [6, 36, 72, 144, 288], [0.5, 1.0, 1.0, 1.0, 1.0]),
        (12.0, [1, 2, 6, 12, 25], [1.0, 2 / 3, 1.0, 1.0, 1.0]),
        (288.0, [1, 1, 1, 1, 1], [0.0, 0.0, 0.0, 0.0, 1.0]),
        (289.0, [1, 1, 1, 1, 1], [0.0] * 5),
        (float("nan"), [1, 1, 1, 1, 1], [0.0] * 5),
        (0.0, [1, 1, 1, 1, 1], [0.0] * 5),
    ],
)
def test_coverage(interval: float, counts: list[int], expected: list[float]) -> None:
    np.testing.assert_allclose(rain.coverage([counts], rain.SPANS_SLOTS, [interval]), [expected], rtol=1e-6)


def test_antecedent_precipitation() -> None:
    nan = float("nan")
    index = antecedent.precipitation([[nan, 10, nan, 0], [nan] * 4], k=0.5)
    np.testing.assert_array_equal(index, np.float32([[nan, 10, 5, 2.5], [nan] * 4]))
    assert antecedent.precipitation(np.empty((0, 3))).shape == (0, 3)
    assert antecedent.precipitation(np.empty((2, 0))).shape == (2, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        antecedent.precipitation([[1.0]], k=1.5)


def test_antecedent_precipitation_continues() -> None:
    rng = np.random.default_rng(5)
    days = rng.exponential(5, (4, 60)).astype(np.float32)
    days[rng.random(days.shape) < 0.3] = np.nan
    whole = antecedent.precipitation(days)
    first = antecedent.precipitation(days[:, :25])
    np.testing.assert_array_equal(whole[:, 25:], antecedent.precipitation(days[:, 25:], before=first[:, -1]))
