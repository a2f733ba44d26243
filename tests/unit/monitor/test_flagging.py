"""Flags of readings as they come: own sensor, batch and ring, and the calm that is no fault."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.monitor.engine import Engine
from services.monitor.flagging import flag
from services.monitor.kernels.quality import FAIL, PASS, SUSPECT, unpack
from shared.contracts.levels import SensorKind
from tests.unit.monitor.world import MINUTE_US, START_US, pond, sensor

GROSS = (290.0, 310.0)


def flags(
    engine: Engine, values: Sequence[float], row: int = 0, begin: int = 0, raining: bool = False, together: bool = True
) -> tuple[list[int], list[dict[str, int]]]:
    """Flag readings every 5 minutes and take them in: in one batch, or one by one."""
    found, tests = [], []
    count = len(values)
    for part in [np.arange(count)] if together else np.arange(count)[:, None]:
        rows = np.full(len(part), row, np.int64)
        times = START_US + (begin + 5 * part) * MINUTE_US
        taken = np.array(values, np.float64)[part]
        marks, packed = flag(engine.ring, engine.points, rows, times, taken, np.full(len(part), raining))
        engine.take(rows, times, taken)
        found += marks.tolist()
        tests += [{name: int(each[0]) for name, each in unpack(packed[place : place + 1]).items()}
                  for place in range(len(part))]  # fmt: skip
    return found, tests


def level_engine() -> Engine:
    return Engine([pond(sensor("level-1", gross=GROSS))])


def test_nothing_to_flag_is_no_flags() -> None:
    nothing = np.zeros(0, np.int64)
    engine = level_engine()
    marks, packed = flag(engine.ring, engine.points, nothing, nothing, np.zeros(0), np.zeros(0, np.bool_))
    assert (len(marks), len(packed)) == (0, 0)


def test_a_good_series_passes() -> None:
    rng = np.random.default_rng(1)
    assert set(flags(level_engine(), 300 + rng.normal(0, 0.003, 50))[0]) <= {PASS}


def test_out_of_range_fails_and_its_neighbours_do_not() -> None:
    marks, tests = flags(level_engine(), [300.0, 300.001, 999.0, 300.002, 300.0, 300.001])
    assert tests[2]["gross_range"] == FAIL
    assert marks[2] == FAIL
    assert [each["gross_range"] for each in tests].count(FAIL) == 1


def test_a_step_is_suspect_and_a_leap_fails() -> None:
    _, tests = flags(level_engine(), [300.0, 300.001, 300.2, 300.201, 301.5])
    assert [each["step"] for each in tests[1:]] == [PASS, SUSPECT, PASS, FAIL]


def test_one_by_one_in_order_is_as_in_one_batch() -> None:
    rng = np.random.default_rng(7)
    values = np.round(300 + rng.normal(0, 0.01, 60) + (rng.random(60) < 0.1) * rng.normal(0, 1, 60), 3)
    values[30:45] = values[30]
    for raining in (False, True):
        batch = flags(level_engine(), values.tolist(), raining=raining)
        singles = flags(level_engine(), values.tolist(), raining=raining, together=False)
        assert singles == batch


def test_a_flat_level_is_a_fault_only_while_it_rains() -> None:
    flat = [300.0] * 30
    assert set(flags(level_engine(), flat)[0]) <= {PASS}
    marks, tests = flags(level_engine(), flat, raining=True)
    assert tests[-1]["flat_line"] == FAIL
    assert marks[-1] == FAIL


def test_a_dry_gauge_is_not_stuck_and_one_that_repeats_itself_is() -> None:
    setup = pond(sensor("rain-1", SensorKind.RAIN))
    assert flags(Engine([setup]), [0.0] * 40)[0][-1] == PASS
    assert flags(Engine([setup]), [3.2] * 40)[1][-1]["flat_line"] == FAIL


def test_a_twin_that_disagrees_is_told() -> None:
    engine = Engine([pond(sensor("level-1", gross=GROSS), sensor("level-2", gross=GROSS))])
    flags(engine, [300.0, 300.001, 300.0])
    _, near = flags(engine, [300.1], row=1, begin=15)
    _, far = flags(engine, [300.6], row=1, begin=20)
    assert (near[0]["neighbour"], far[0]["neighbour"]) == (PASS, SUSPECT)


def test_flags_know_the_ring_before_the_batch_and_nothing_after() -> None:
    engine = level_engine()
    flags(engine, [300.0, 300.001, 300.0], begin=0)
    flags(engine, [305.0, 305.001], begin=60)
    # Late, between the two: only what lies before it counts.
    marks, tests = flags(engine, [300.002], begin=20)
    assert tests[0]["step"] == PASS
    assert marks[0] == PASS
