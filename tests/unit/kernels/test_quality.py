"""QARTOD tests as tables; zero is a threshold, NaN is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.monitor.kernels import quality
from services.monitor.kernels.quality import FAIL, MISSING, NOT_EVALUATED, PASS, SUSPECT

NAN = float("nan")
INF = float("inf")


@pytest.mark.parametrize(
    ("value", "bounds", "flag"),
    [
        (5, (0, 10, 1, 9), PASS),
        (0, (0, 10, NAN, NAN), PASS),
        (10, (0, 10, NAN, NAN), PASS),
        (-0.1, (0, 10, NAN, NAN), FAIL),
        (10.1, (NAN, 10, NAN, NAN), FAIL),
        (0.5, (0, 10, 1, 9), SUSPECT),
        (9.5, (0, 10, 1, 9), SUSPECT),
        (11, (0, 10, 1, 9), FAIL),
        (-1, (NAN, NAN, 0, NAN), SUSPECT),
        (5, (NAN, NAN, NAN, NAN), NOT_EVALUATED),
        (NAN, (0, 10, NAN, NAN), MISSING),
        (NAN, (NAN, NAN, NAN, NAN), MISSING),
        (INF, (NAN, NAN, NAN, NAN), FAIL),
        (-INF, (NAN, 10, NAN, NAN), FAIL),
    ],
)
def test_gross_range(value: float, bounds: tuple[float, float, float, float], flag: int) -> None:
    assert quality.gross_range([value], *bounds).tolist() == [flag]
    assert quality.gross_range([value], *([b] for b in bounds)).tolist() == [flag]


@pytest.mark.parametrize(
    ("window", "average", "differential"),
    [
        ([1, 9, 1], FAIL, FAIL),
        ([1, -7, 1], FAIL, FAIL),
        ([1, 5, 1], SUSPECT, SUSPECT),
        ([1, 9, 5], FAIL, SUSPECT),
        ([5, 9, 1], FAIL, SUSPECT),
        ([1, 4, 1], PASS, PASS),
        ([1, 1, 1], PASS, PASS),
        ([1, 1, 9], SUSPECT, PASS),  # the front of a flood
        ([1, 9, 9], SUSPECT, PASS),
        ([NAN, 9, 1], NOT_EVALUATED, NOT_EVALUATED),
        ([1, 9, NAN], NOT_EVALUATED, NOT_EVALUATED),
        ([NAN, NAN, NAN], NOT_EVALUATED, NOT_EVALUATED),
        ([1, NAN, 9, NAN, NAN, 1], FAIL, FAIL),
        ([0, 0, 0, 1, 9, 1, NAN], FAIL, FAIL),
        ([1, INF, 1], NOT_EVALUATED, NOT_EVALUATED),
    ],
)
def test_spike(window: list[float], average: int, differential: int) -> None:
    assert quality.spike([window], 3.0, 5.0).tolist() == [average]
    assert quality.spike([window], 3.0, 5.0, method="differential").tolist() == [differential]


def test_zero_is_a_threshold_and_nan_is_none() -> None:
    assert quality.spike([[1, 1.5, 1]], 0.0, NAN).tolist() == [SUSPECT]
    assert quality.spike([[1, 1.5, 1]], NAN, 0.0).tolist() == [FAIL]
    assert quality.spike([[1, 9, 1]], NAN, NAN).tolist() == [NOT_EVALUATED]
    assert quality.step([[1, 1.5]], 0.0, 0.0).tolist() == [FAIL]
    assert quality.neighbour([1.0], [1.5], 0.0).tolist() == [SUSPECT]
    assert quality.neighbour([1.0], [9.0], NAN).tolist() == [NOT_EVALUATED]


def test_spike_refuses_an_unknown_method() -> None:
    with pytest.raises(ValueError, match="average or differential"):
        quality.spike([[1, 2, 3]], 1, 2, method="other")  # type: ignore[arg-type]  # that is what is tested


@pytest.mark.parametrize(
    ("window", "flag"),
    [
        ([1, 1.1], PASS),
        ([1, 2], SUSPECT),
        ([1, -9], FAIL),
        ([1, NAN, NAN, 2], SUSPECT),
        ([1, NAN], MISSING),
        ([NAN, 1], NOT_EVALUATED),
        ([1], NOT_EVALUATED),
        ([NAN], MISSING),
    ],
)
def test_step(window: list[float], flag: int) -> None:
    assert quality.step([window], 0.5, 5.0).tolist() == [flag]


@pytest.mark.parametrize(
    ("window", "flag"),
    [
        ([1, 1.1, 0.9, 1, 2], SUSPECT),
        ([1, 1.1, 0.9, 1, 1.1], PASS),
        ([1, NAN, 1.1, 0.9, NAN, 2], SUSPECT),
        ([1, 1.1, 2], NOT_EVALUATED),
        ([1, 1.1, 0.9, NAN], MISSING),
        ([NAN, NAN, NAN, 1], NOT_EVALUATED),
        ([1, 1, 1, 1.01], PASS),  # calm, one step of the sensor's resolution
        ([1, 1, 1, 1.2], SUSPECT),
    ],
)
def test_rate_of_change(window: list[float], flag: int) -> None:
    assert quality.rate_of_change([window], 3.0, resolution=0.02).tolist() == [flag]


@pytest.mark.parametrize(
    ("window", "quiet", "flag"),
    [
        ([1, 2, 3, 4, 5, 6], False, PASS),
        ([1, 2, 2, 2, 2, 2], False, FAIL),
        ([1, 1, 1, 2, 2, 2], False, SUSPECT),
        ([1, 1, 1, 1, 2, 2], False, PASS),
        ([1, NAN, 2, NAN, 2, 2], False, SUSPECT),
        ([NAN, NAN, NAN, NAN, 2, 2], False, NOT_EVALUATED),
        ([NAN, NAN, NAN, 2, 2, 2], False, SUSPECT),
        ([2, 2, 2, 2, 2, NAN], False, MISSING),
        ([0, 0, 0, 0, 0, 0], True, PASS),
        ([0, 0, 0, 0, 0, NAN], True, MISSING),
        ([2, 2.04, 1.96, 2, 2, 2], False, FAIL),  # within eps
        ([NAN] * 6, False, MISSING),
    ],
)
def test_flat_line(window: list[float], quiet: bool, flag: int) -> None:
    assert quality.flat_line([window], 0.05, 3, 5, quiet).tolist() == [flag]
    assert quality.flat_line([window], [0.05], 3, 5, [quiet]).tolist() == [flag]


def test_neighbour() -> None:
    flags = quality.neighbour([1, 1, NAN, 1, NAN], [1.2, 3, 1, NAN, NAN], 0.5)
    assert flags.tolist() == [PASS, SUSPECT, MISSING, NOT_EVALUATED, MISSING]


def test_gap() -> None:
    flags = quality.gap([0, 1, 2, 12, 13, -1, NAN, 0], [1, 1, 1, 12, 12, 1, 1, NAN])
    assert flags.tolist() == [PASS, PASS, MISSING, PASS, MISSING, MISSING, MISSING, MISSING]
    assert quality.gap([1], [0.2]).tolist() == [PASS]  # a one-minute gauge is given its slot too


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((PASS,), PASS),
        ((PASS, SUSPECT, FAIL, MISSING, NOT_EVALUATED), FAIL),
        ((PASS, SUSPECT, MISSING), SUSPECT),
        ((PASS, NOT_EVALUATED, MISSING), PASS),
        ((NOT_EVALUATED, MISSING), NOT_EVALUATED),
        ((MISSING, MISSING), MISSING),
    ],
)
def test_worst(flags: tuple[int, ...], expected: int) -> None:
    assert quality.worst(*([flag] for flag in flags)).tolist() == [expected]
    assert quality.worst(*([flag] for flag in reversed(flags))).tolist() == [expected]


def test_worst_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        quality.worst()


def test_pack_refuses_unknown_tests_and_flags() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        quality.pack({"nonsense": [PASS]})
    with pytest.raises(ValueError, match="spike"):
        quality.pack({"spike": [7]})


def test_pack_never_goes_negative_and_fits() -> None:
    word = quality.pack({name: [MISSING] for name in quality.TESTS})
    assert word.dtype == np.int32
    assert word[0] > 0
    assert all(flags.tolist() == [MISSING] for flags in quality.unpack(word).values())


def test_words_with_different_tests_unpack_together() -> None:
    words = np.concatenate([quality.pack({"spike": [FAIL]}), quality.pack({"step": [PASS]})])
    assert {n: f.tolist() for n, f in quality.unpack(words).items()} == {"spike": [FAIL, 0], "step": [0, PASS]}


@pytest.mark.parametrize(
    "test",
    [
        lambda rows: quality.gross_range(rows[:, -1], 0, 1, NAN, NAN),
        lambda rows: quality.spike(rows, 1, 2),
        lambda rows: quality.step(rows, 1, 2),
        lambda rows: quality.rate_of_change(rows, 3),
        lambda rows: quality.flat_line(rows, 0.1, 3, 5),
        lambda rows: quality.neighbour(rows[:, -1], rows[:, 0], 1),
        lambda rows: quality.gap(rows[:, -1], 1),
    ],
)
def test_no_rows_and_all_missing(test: Callable[[np.ndarray], np.ndarray]) -> None:
    assert test(np.empty((0, 6), np.float32)).shape == (0,)
    assert test(np.full((3, 6), np.nan, np.float32)).tolist() in ([MISSING] * 3, [NOT_EVALUATED] * 3)
