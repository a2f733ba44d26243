"""Kernels equal brute force on random irregular series with gaps; chunked equals whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.domain.rollup import items_to_pond, points_to_item
from services.monitor.kernels import antecedent, arrays, cusum, quality, rain, rollup, trend
from services.monitor.kernels import slope as slope_kernel
from shared.contracts.levels import Level
from tests.prove import examples

NAN = float("nan")


@st.composite
def windows(draw: st.DrawFn, columns: int | None = None, max_rows: int = 5) -> np.ndarray:
    """Levels with gaps, ties and constant stretches: most of the trouble real series make."""
    rows = draw(st.integers(0, max_rows))
    width = draw(st.integers(1, 14)) if columns is None else columns
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.0, 0.01, 1.0, 300.0]))
    values = rng.normal(0, 1, (rows, width)) * scale + draw(st.sampled_from([0.0, 338.0, -5.0]))
    values += np.arange(width) * draw(st.sampled_from([0.0, 0.05, -1.0]))
    decimals = draw(st.sampled_from([0, 1, 2, 6]))
    values = np.round(values, decimals)
    missing = draw(st.sampled_from([0.0, 0.2, 0.7, 1.0]))
    values[rng.random(values.shape) < missing] = np.nan
    return values.astype(np.float32)


@st.composite
def series(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A window with its hours: one regular clock, one irregular clock, or a clock for each row."""
    values = draw(windows())
    rows, width = values.shape
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    clock = draw(st.sampled_from(["regular", "irregular", "own", "ties"]))
    if clock == "regular":
        return values, (np.arange(width) * 0.25).astype(np.float32)
    shape = (rows, width) if clock == "own" else (width,)
    steps = rng.integers(0, 3, shape) if clock == "ties" else rng.uniform(0.02, 2, shape)
    hours = np.cumsum(steps, axis=-1).astype(np.float32)
    if clock == "own":
        hours[rng.random(shape) < 0.2] = np.nan
    return values, hours - np.float32(30)


def pairwise(values: np.ndarray, hours: np.ndarray) -> tuple[list[float], int]:
    points = [(float(v), float(h)) for v, h in zip(values, hours, strict=True) if not math.isnan(v + h)]
    slopes = [(b - a) / (t - s) for i, (a, s) in enumerate(points) for b, t in points[i + 1 :] if t != s]
    return sorted(slopes), len(points)


@given(series(), st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.integers(2, 7))
@settings(deadline=None)
def test_theil_sen_equals_brute_force(data: tuple[np.ndarray, np.ndarray], confidence: float, least: int) -> None:
    values, hours = data
    result = trend.theil_sen(values, hours, confidence, least)
    for row, points in enumerate(values):
        slopes, n = pairwise(points, hours if hours.ndim == 1 else hours[row])
        got = [float(field[row]) for field in result[:3]]
        assert result.n[row] == n
        if n < least or not slopes:
            assert all(math.isnan(x) for x in got)
            continue
        spread = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
        low = max(math.floor((len(slopes) - spread) / 2), 1)
        expected = [float(np.median(slopes)), slopes[low - 1], slopes[len(slopes) - low]]
        # float32 arithmetic: relative to the steepest of the slopes
        np.testing.assert_allclose(got, expected, atol=1e-5 * max(map(abs, slopes)) + 1e-12)
        assert got[1] <= got[0] <= got[2]


@given(series(), st.data())
@settings(deadline=None)
def test_the_screen_never_drops_a_row_that_is_steep_enough(
    data: tuple[np.ndarray, np.ndarray], draw: st.DataObject
) -> None:
    values, hours = data
    slope = trend.theil_sen(values, hours).slope
    factor = np.float32(draw.draw(st.sampled_from([1.0, 0.999, 1.001, 0.5, 2.0, -1.0])))
    rate = np.where(np.isnan(slope), np.float32(0.01), slope * factor)
    passed = trend.steep_enough(values, hours, rate)
    assert passed[slope >= rate].all()
    assert not passed[np.isnan(slope)].any()
    other = np.float32(draw.draw(st.floats(-5, 5, width=32)))
    assert trend.steep_enough(values, hours, other)[slope >= other].all()


@given(series(), st.floats(0.125, 5, width=32))
@settings(deadline=None)
def test_the_cheap_bound_alone_is_already_safe(data: tuple[np.ndarray, np.ndarray], rate: float) -> None:
    values, hours = data
    points, times, n = slope_kernel._points(values, hours)
    if points.shape[1] < 2:
        return
    cheap = slope_kernel._rises(points, times, n, np.full(len(points), rate, np.float32))
    assert cheap[trend.theil_sen(values, hours).slope >= np.float32(rate)].all()


@pytest.mark.parametrize("n", range(2, 30))
def test_steps_are_those_of_the_middle_pair(n: int) -> None:
    lags = sorted(j - i for i in range(n) for j in range(i + 1, n))
    assert slope_kernel._steps(30)[n] == lags[(len(lags) + 1) // 2 - 1]


def test_the_screen_passes_every_row_at_its_own_slope() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (500, 14)).astype(np.float32)
    noise[rng.random(noise.shape) < 0.3] = np.nan
    own = np.cumsum(rng.uniform(0.01, 1, noise.shape), axis=1).astype(np.float32)
    for hours in (np.arange(14) * 0.25, own):
        slope = trend.theil_sen(noise, hours).slope
        np.testing.assert_array_equal(trend.steep_enough(noise, hours, slope), ~np.isnan(slope))


def test_the_screen_is_sharp_on_noise() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (2000, 24)).astype(np.float32)
    hours = np.arange(24) * 0.25
    slope = trend.theil_sen(noise, hours).slope
    for rate in (0.001, 0.01):
        passed = trend.steep_enough(noise, hours, rate)
        assert np.count_nonzero(passed) <= np.count_nonzero(slope >= rate * 0.9) + 20


@given(windows(), st.integers(1, 5))
@settings(deadline=None)
def test_thin_equals_brute_force(window: np.ndarray, step: int) -> None:
    values, hours = trend.thin(window, step)
    columns = window.shape[1]
    for row, points in enumerate(window):
        for block in range(columns // step):
            first = columns % step + block * step
            inside = [(float(points[c]), (c - columns + 1) / 12) for c in range(first, first + step)]
            there = [(v, h) for v, h in inside if not math.isnan(v)]
            if not there:
                assert math.isnan(values[row, block])
                assert math.isnan(hours[row, block])
                continue
            assert values[row, block] == pytest.approx(sum(v for v, _ in there) / len(there), rel=1e-6, abs=1e-6)
            assert hours[row, block] == pytest.approx(sum(h for _, h in there) / len(there), rel=1e-6, abs=1e-6)


@given(windows(), st.integers(1, 10), st.integers(0, 4))
@settings(deadline=None)
def test_rate_of_rise_equals_brute_force(window: np.ndarray, lag: int, tolerance: int) -> None:
    rates = trend.rate_of_rise(window, lag, tolerance)
    for row, points in enumerate(window):
        there = [c for c in range(len(points)) if not math.isnan(points[c])]
        newest = there[-1] if there and there[-1] >= len(points) - 1 - tolerance else None
        partners = [] if newest is None else [c for c in there if c < newest and abs(newest - c - lag) <= tolerance]
        if not partners or newest is None:
            assert math.isnan(rates[row])
            continue
        best = min(partners, key=lambda c: (abs(newest - c - lag), c))
        expected = (float(points[newest]) - float(points[best])) * 12 / (newest - best)
        assert rates[row] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(windows(columns=30), st.lists(st.integers(1, 30), min_size=1, max_size=5, unique=True).map(sorted))
@settings(deadline=None)
def test_accumulate_equals_brute_force(window: np.ndarray, spans: list[int]) -> None:
    window = np.abs(window)
    sums, counts = rain.accumulate(window, spans)
    for row, points in enumerate(window):
        for place, span in enumerate(spans):
            there = [float(x) for x in points[-span:] if not math.isnan(x)]
            assert counts[row, place] == len(there)
            if there:
                assert sums[row, place] == np.float32(math.fsum(there))
            else:
                assert math.isnan(sums[row, place])


@given(windows(), st.sampled_from([0.0, 0.8, 0.95, 1.0]))
@settings(deadline=None)
def test_antecedent_precipitation_equals_brute_force(daily: np.ndarray, k: float) -> None:
    daily = np.abs(daily)
    index = antecedent.precipitation(daily, k)
    for row, days in enumerate(daily):
        expected, begun = 0.0, False
        for day, amount in enumerate(days):
            begun = begun or not math.isnan(amount)
            expected = k * expected + (0.0 if math.isnan(amount) else float(amount))
            assert index[row, day] == pytest.approx(expected if begun else NAN, rel=1e-4, abs=1e-6, nan_ok=True)


def cusum_by_hand(hours: np.ndarray) -> list[float]:
    total, mean, variance, n, sums = 0.0, 0.0, 0.0, 0, []
    for x in map(float, hours):
        if not math.isnan(x):
            mean = x if n == 0 else mean
            sigma = max(math.sqrt(variance), 0.04)
            if n >= 48:
                total = min(max(total + ((x - mean) / sigma - 0.5) / 24, 0.0), 10.0)
            weight = max(1 / (n + 1), 1 / 336)
            clipped = min(max(x - mean, -2 * sigma), 2 * sigma)
            variance = (1 - weight) * (variance + weight * clipped**2)
            mean += weight * (x - mean)
            n += 1
        sums.append(total)
    return sums


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.sampled_from([0.0, 0.001, 0.01]))
@settings(deadline=None, max_examples=examples(30))
def test_cusum_equals_brute_force_and_steps_equal_the_run(seed: int, missing: float, climb: float) -> None:
    rng = np.random.default_rng(seed)
    xs = (rng.normal(0, 0.05, (3, 200)) + np.arange(200) * climb).astype(np.float32)
    xs[rng.random(xs.shape) < missing] = np.nan
    whole = cusum.run(cusum.initial(3), xs)
    for row in range(3):
        np.testing.assert_allclose(whole.sum[row], cusum_by_hand(xs[row]), rtol=1e-9, atol=1e-9)
    cut = int(rng.integers(0, 201))
    first = cusum.run(cusum.initial(3), xs[:, :cut])
    state = cusum.CusumState(*(field[:, -1] for field in first)) if cut else cusum.initial(3)
    for hour in range(cut, 200):
        state = cusum.step(state, xs[:, hour])
        for stepped, run in zip(state, whole, strict=True):
            np.testing.assert_array_equal(stepped, run[:, hour])


@given(windows())
@settings(deadline=None)
def test_last_valid_equals_brute_force(window: np.ndarray) -> None:
    values, ages = arrays.last_valid(window, 3)
    for row, points in enumerate(window):
        there = [(float(x), len(points) - 1 - c) for c, x in enumerate(points) if not math.isnan(x)][-3:]
        expected = [(NAN, -1)] * (3 - len(there)) + there
        np.testing.assert_array_equal(values[row], np.float32([v for v, _ in expected]))
        assert ages[row].tolist() == [a for _, a in expected]


@given(windows(), st.sampled_from([0.0, 0.5, 2.0]), st.integers(1, 4), st.integers(2, 6))
@settings(deadline=None)
def test_flat_line_equals_brute_force(window: np.ndarray, eps: float, suspect: int, fail: int) -> None:
    flags = quality.flat_line(window, eps, suspect, fail)
    for row, points in enumerate(window):
        if math.isnan(points[-1]):
            assert flags[row] == quality.MISSING
            continue
        there = [x for x in points[::-1] if not math.isnan(x)]
        same = [abs(x - points[-1]) <= np.float32(eps) for x in there]
        run = same.index(False) if False in same else len(same)
        expected = quality.PASS if False in same else quality.NOT_EVALUATED
        expected = quality.SUSPECT if run >= suspect else expected
        expected = quality.FAIL if run >= fail else expected
        assert flags[row] == expected


FLAGS = st.sampled_from([quality.PASS, quality.NOT_EVALUATED, quality.SUSPECT, quality.FAIL, quality.MISSING])


@given(st.dictionaries(st.sampled_from(quality.TESTS), st.lists(FLAGS, min_size=3, max_size=3), min_size=1))
def test_unpack_reverses_pack(flags: dict[str, list[int]]) -> None:
    word = quality.pack(flags)
    assert (word > 0).all()
    assert {name: column.tolist() for name, column in quality.unpack(word).items()} == flags


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from(Level)), max_size=60))
def test_vectorised_roll_up_equals_the_domain(points: list[tuple[int, int, Level]]) -> None:
    cell, item, level = ([p[i] for p in points] for i in range(3))
    items, cells = rollup.roll_up(level, item, cell, 4, 3)
    for c in range(3):
        expected = [points_to_item(v for pc, pi, v in points if (pc, pi) == (c, i)) for i in range(4)]
        assert items[c].tolist() == expected
        assert cells[c] == items_to_pond(expected)


@given(st.lists(st.sampled_from(Level), min_size=1, max_size=14), st.data())
def test_raising_a_point_never_lowers_the_item(levels: list[Level], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(levels) - 1))
    higher = data.draw(st.sampled_from([v for v in Level if v >= levels[place]]))
    raised = [*levels[:place], higher, *levels[place + 1 :]]
    assert max(levels) <= points_to_item(levels) <= points_to_item(raised)
    assert points_to_item(levels) <= points_to_item([*levels, higher])


@pytest.mark.parametrize(
    ("level", "item", "cell"), [([5], [0], [0]), ([-1], [0], [0]), ([1], [2], [0]), ([1], [0], [-1])]
)
def test_roll_up_refuses_what_does_not_exist(level: list[int], item: list[int], cell: list[int]) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        rollup.roll_up(level, item, cell, 2, 2)


def test_roll_up_of_nothing() -> None:
    items, cells = rollup.roll_up([], [], [], 3, 2)
    assert items.tolist() == [[0] * 3] * 2
    assert cells.tolist() == [0, 0]
    assert rollup.roll_up([], [], [], 0, 0)[1].shape == (0,)


def _everything(values: np.ndarray) -> list[np.ndarray]:
    hours = np.arange(values.shape[1], dtype=np.float32)
    own = trend.thin(values, 2)
    return [
        *rain.accumulate(np.abs(values), (1, 5, 30)),
        *trend.theil_sen(values, hours),
        *trend.theil_sen(*own),
        *own,
        trend.steep_enough(values, hours, 0.01),
        trend.steep_enough(*own, 0.01),
        trend.rate_of_rise(values, 5, 2),
        quality.spike(values, 0.01, 1.0),
        quality.step(values, 0.01, 1.0),
        quality.rate_of_change(values, 2.0),
        quality.flat_line(values, 0.01, 3, 5),
    ]


CHANGES: list[Callable[[np.ndarray], list[np.ndarray]]] = [
    lambda values: [np.concatenate(parts) for parts in zip(*(_everything(row[None]) for row in values), strict=True)],
    lambda values: _everything(np.asfortranarray(values)),
    lambda values: [result[::-1] for result in _everything(values[::-1])],
]


@given(windows(columns=30, max_rows=6).filter(len), st.sampled_from(CHANGES))
@settings(deadline=None, max_examples=examples(50))
def test_a_row_does_not_depend_on_the_others(
    values: np.ndarray, change: Callable[[np.ndarray], list[np.ndarray]]
) -> None:
    before = values.copy()
    whole = _everything(values)
    np.testing.assert_array_equal(values, before)  # inputs are left alone
    with mock.patch.object(arrays, "CHUNK_BYTES", 1):  # a chunk for every row
        chunked = _everything(values)
    for a, b, c in zip(whole, chunked, change(values), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert not (a.dtype.kind == "f" and np.isinf(a).any())
