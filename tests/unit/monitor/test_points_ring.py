"""The columns of points, and the slots of the ring."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from services.monitor.domain.ponds import SensorSetup
from services.monitor.engine import Engine
from services.monitor.points import CARRY, FOREVER, LOOKBACK, NEVER_BLIND, TREND_WINDOW, moment_slot, slot_moment
from services.monitor.ring import ABOVE, BELOW, MARKS, NEVER, SLOT_US, Ring, slot_of
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import SensorDescription
from tests.unit.monitor.world import START, pond, sensor

S = SensorState


def rows(*each: int) -> np.ndarray:
    return np.array(each, np.int64)


# -- slots -----------------------------------------------------------------------------------------------------


def test_a_slot_is_closed_at_its_end() -> None:
    assert slot_of(np.array([0, 1, SLOT_US, SLOT_US + 1, -1, -SLOT_US])).tolist() == [0, 1, 1, 2, 0, -1]


def test_slots_and_moments_are_one_another() -> None:
    begin = moment_slot(START)
    assert slot_moment(begin) == START
    assert moment_slot(START + timedelta(microseconds=1)) == begin + 1
    assert moment_slot(START - timedelta(seconds=299)) == begin


# -- points ------------------------------------------------------------------------------------------------------


def test_down_is_turned_up_and_units_are_turned_too() -> None:
    distance = SensorDescription(
        id="distance", kind=SensorKind.WATER_DISTANCE, unit="cm", expected_interval_s=600, range=(0, 500),
        zero_level=310.0,
        spike=(20, 100),
    )  # fmt: skip
    setup = pond(
        SensorSetup(distance),
        sensor("freeboard", SensorKind.FREEBOARD, gross=(0.0, 9.0)),
        sensor("rain", SensorKind.RAIN, interval_s=1200),
        sensor("level"),
    )
    points = Engine([setup]).points
    assert points.sign[:4].tolist() == [1, -1, 1, 1]
    assert (points.low[0], points.high[0]) == (305.0, 310.0)
    assert (points.low[1], points.high[1]) == (-9.0, 0.0)
    assert points.high[2] == 80.0, "rain has a physical range: 40 mm x sqrt(slots)"
    assert np.isnan(points.low[3])
    assert np.allclose([points.step_low[0], points.step_high[0]], [0.2, 1.0])
    assert points.interval[:4].tolist() == [2, 1, 4, 1]
    assert points.silent_after[:4].tolist() == [6, 3, 12, 3]


@pytest.mark.parametrize("interval_s", [60, 300, 1800, 3600, 3 * 3600, 6 * 3600, 8 * 3600, 86400, 7 * 86400])
def test_whatever_an_observation_knows_of_lies_within_the_look_back(interval_s: int) -> None:
    points = Engine([pond(sensor("level", interval_s=interval_s))]).points
    carried = min(int(points.silent_after[0]), CARRY)
    assert carried + 2 * int(points.near[0]) + TREND_WINDOW <= LOOKBACK
    if interval_s <= 4 * 3600:
        assert points.near[0] * 300 >= 2 * interval_s, "the two readings before are known"


def test_a_rule_that_is_off_is_never_blind() -> None:
    points = Engine([pond(sensor("level"), rules={"blind": {"enabled": False}})]).points
    assert points.silent_after[0] == NEVER_BLIND


def spans(*states: tuple[int | None, SensorState]) -> list[int]:
    """Return the hours (of 0 … 9) in which a sensor with these states, told in this order, was in service."""
    told = [(None if hour is None else START + timedelta(hours=hour), state) for hour, state in states]
    points = Engine([pond(sensor("level", states=told))]).points
    slots = moment_slot(START) + 12 * np.arange(10)
    at_once = points.serving(rows(0), slots)[0]
    pairs = points.serving_pairs(np.zeros(10, np.int64), slots)
    assert at_once.tolist() == pairs.tolist()
    setup = points.setups[0][1]
    asked = [setup.state_at(slot_moment(int(slot))) is S.IN_SERVICE for slot in slots]
    assert at_once.tolist() == asked, "the domain says the same"
    windows = points.serving_windows(np.zeros(10, np.int64), slots, 1)
    assert windows is None or windows[:, 0].tolist() == at_once.tolist()
    return np.flatnonzero(at_once).tolist()


def test_service_is_what_was_told_last_of_each_time() -> None:
    everything = list(range(10))
    assert spans((None, S.IN_SERVICE)) == everything
    assert spans((None, S.COMMISSIONING)) == []
    assert spans((None, S.COMMISSIONING), (3, S.IN_SERVICE)) == everything[3:]
    assert spans((None, S.IN_SERVICE), (2, S.MAINTENANCE), (5, S.IN_SERVICE), (8, S.RETIRED)) == [0, 1, 5, 6, 7]
    assert spans((None, S.IN_SERVICE), (2, S.IN_SERVICE)) == everything
    # A state told later but from an earlier time on goes before what was told of later times.
    assert spans((None, S.IN_SERVICE), (6, S.MAINTENANCE), (3, S.MAINTENANCE), (8, S.IN_SERVICE)) == [0, 1, 2, 8, 9]
    assert spans((None, S.IN_SERVICE), (6, S.MAINTENANCE), (3, S.IN_SERVICE)) == everything


def test_service_since_counts_from_the_span_that_a_slot_lies_in() -> None:
    told = [(None, S.IN_SERVICE), (START, S.MAINTENANCE), (START + timedelta(hours=2), S.IN_SERVICE)]
    points = Engine([pond(sensor("level", states=told))]).points
    begin = moment_slot(START)
    since = points.serving_since(rows(0), np.array([begin - 1, begin + 24, begin + 99]))
    assert since.tolist() == [[int(NEVER), begin + 24, begin + 24]]
    assert points.service_turns(rows(0)) == [begin, begin + 24]
    plain = Engine([pond(sensor("level"))]).points
    assert plain.service_turns(rows(0)) == []
    assert plain.serve_to[0] == FOREVER


# -- ring ----------------------------------------------------------------------------------------------------------


def ring(width: int = 10, head: int = 100) -> Ring:
    made = Ring(width)
    made.add_rows(3)
    made.advance(rows(0, 1, 2), head - width, head)
    return made


def test_the_greatest_of_a_slot_stands_for_it_and_marks_only_alone() -> None:
    made = ring()
    for value in (BELOW, np.float32(3), ABOVE, np.float32(5), np.float32(4)):
        made.write_worst(rows(0), rows(95), np.array([value]))
    made.write_worst(rows(1, 1), rows(95, 95), np.array([BELOW, ABOVE]))
    assert made.block(rows(0, 1, 2), 95, 95)[:2, 0].tolist() == [5.0, float(ABOVE)]
    assert np.isnan(made.block(rows(2), 95, 95)).all()


def test_rain_of_a_slot_adds_up_whatever_the_order() -> None:
    values = np.array([0.1, 0.2, 12.7, 0.254, 0.2, ABOVE], np.float32)
    sums = set()
    for seed in range(20):
        made = ring()
        order = np.random.default_rng(seed).permutation(len(values))
        for part in np.split(values[order], [1, 3]):
            made.write_sum(np.zeros(len(part), np.int64), np.full(len(part), 96), part)
        sums.add(float(made.block(rows(0), 96, 96)[0, 0]))
    assert len(sums) == 1
    assert sums.pop() == pytest.approx(13.454, abs=1e-4)


def test_zero_rain_is_a_reading_and_a_mark_is_not() -> None:
    made = ring()
    made.write_sum(rows(0, 1), rows(96, 96), np.array([0.0, ABOVE], np.float32))
    dry, failed = made.block(rows(0, 1), 96, 96)[:, 0]
    assert dry == 0
    assert failed < MARKS


def test_what_leaves_the_ring_is_missing_and_never_wraps() -> None:
    made = ring()
    for slot in range(91, 101):
        made.write_worst(rows(0), rows(slot), np.array([slot], np.float32))
    made.advance(rows(0), 100, 103)
    window = made.windows(rows(0), rows(98), 8)
    assert np.array_equal(window[0], [np.nan, np.nan, np.nan, 94, 95, 96, 97, 98], equal_nan=True)
    block = made.block(rows(0), 90, 110)[0]
    assert np.flatnonzero(~np.isnan(block)).tolist() == [4, 5, 6, 7, 8, 9, 10]
    assert made.newest(rows(0, 1), 80, 120).tolist() == [100, int(NEVER)]


def test_opening_further_than_the_ring_is_wide_empties_it() -> None:
    made = ring()
    made.write_worst(rows(0), rows(99), np.array([1], np.float32))
    made.advance(rows(0), 100, 5000)
    assert np.isnan(made.values[0]).all()
    assert made.head[0] == 5000


def test_rows_grow_and_keep_what_they_hold() -> None:
    made = ring()
    made.write_worst(rows(1), rows(99), np.array([7], np.float32))
    first = made.add_rows(500)
    assert first == 3
    assert made.block(rows(1), 99, 99)[0, 0] == 7
    assert np.isnan(made.values[3:]).all()
