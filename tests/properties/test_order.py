"""A pond's timeline is a function of its readings and limits: not of their order, their batches or the engine's ring.

The real engine and the real decider, with a desk that has no database. Arrival keeps to the 24 h window, up to
its very edge.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.monitor.domain.ponds import PondSetup
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import LimitBand, LimitDocument
from tests.prove import examples
from tests.unit.monitor.world import (
    HOUR_US,
    LIMITS,
    START,
    STYLES,
    Counter,
    Readings,
    Trouble,
    arrivals,
    batches,
    pond,
    sensor,
    slot,
    weather,
)

WIDE = 8192
GROSS = (290.0, 310.0)
EXAMPLES = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])

LEVEL = [
    sensor("level-5", interval_s=300, gross=GROSS),
    sensor("level-1", interval_s=60, gross=GROSS),
    sensor("level-15", interval_s=900, gross=GROSS),
    sensor("level-h", interval_s=3600, gross=GROSS),
    sensor("level-6h", interval_s=6 * 3600, gross=GROSS),
    sensor("level-d", interval_s=24 * 3600, gross=GROSS),
]
RAIN = [sensor(f"rain-{each}", SensorKind.RAIN, each) for each in (300, 3600, 24 * 3600)]
SECOND = sensor("level-b", interval_s=600, gross=GROSS)
FREEBOARD = sensor("freeboard", SensorKind.FREEBOARD, 600, gross=(0.0, 20.0))
SEASONS = LimitDocument(
    document="seasons of the test",
    effective_from=date(2000, 1, 1),
    bands={
        "level": (
            LimitBand(blue=301.0, yellow=302.0, orange=303.0, red=304.0),
            LimitBand(blue=300.4, yellow=301.0, orange=302.0, red=303.0, season_from="07-11", season_to="07-12"),
        )
    },
)
LATER = LimitDocument(
    document="later limits of the test",
    effective_from=date(2024, 7, 11),
    bands={"level": (LimitBand(yellow=300.8, orange=301.5),)},
)
RULES: list[dict[str, dict[str, float]]] = [
    {},
    {"hold": {"minutes": 0}},
    {"hold": {"minutes": 300}, "threshold": {"dwell": 3}},
    {"threshold": {"dwell": 6}, "blind": {"intervals": 1.0}},
]


@st.composite
def setups(draw: st.DrawFn) -> PondSetup:
    others = (draw(st.sampled_from(RAIN)), SECOND, FREEBOARD)
    sensors = [draw(st.sampled_from(LEVEL)), *(other for other in others if draw(st.booleans()))]
    if draw(st.integers(0, 3)) == 0:
        away = START + timedelta(minutes=draw(st.integers(0, 2000)))
        back = away + timedelta(minutes=draw(st.sampled_from([20, 300, 1500])))
        which = draw(st.integers(0, len(sensors) - 1))
        states = [(None, SensorState.IN_SERVICE), (away, SensorState.MAINTENANCE), (back, SensorState.IN_SERVICE)]
        if draw(st.booleans()):
            states = [(None, SensorState.COMMISSIONING), (away, SensorState.IN_SERVICE)]
        about = sensors[which].description
        sensors[which] = sensor(about.id, about.kind, about.expected_interval_s, about.range, states)
    limits = draw(st.sampled_from([(LIMITS,), (SEASONS,), (LIMITS, LATER)]))
    rules = draw(st.sampled_from(RULES))
    return pond(*sensors, limits=limits, rules=rules, zone=draw(st.sampled_from(["UTC", "Asia/Shanghai"])))


troubles = st.builds(
    Trouble,
    storms=st.integers(0, 3),
    spikes=st.sampled_from([0, 1, 3, 40]),
    failures=st.sampled_from([0, 1, 10]),
    gaps=st.integers(0, 2),
    stuck=st.integers(0, 2),
    loss=st.sampled_from([0.0, 0.0, 0.1, 0.6]),
    noise=st.sampled_from([0.0, 0.002, 0.03]),
    rainless=st.booleans(),
    bursts=st.integers(0, 3),
)
seeds = st.integers(0, 2**32 - 1)


def run(setup: PondSetup, parts: list[Readings], width: int = 768, end: int | None = None) -> Counter:
    desk = Counter(setup, width)
    for part in parts:
        desk.give(part)
    assert desk.refused == 0
    if end is not None:
        desk.tick(end)
    desk.consistent()
    return desk


def whole(setup: PondSetup, readings: Readings, end: int | None = None, width: int = WIDE) -> Counter:
    return run(setup, [readings], width, end)


@EXAMPLES
@given(setups(), troubles, seeds, st.sampled_from(STYLES), st.integers(1, 60), st.floats(2, 70), st.booleans())
def test_any_order_any_batches_and_duplicates_leave_the_same_timeline(
    setup: PondSetup, trouble: Trouble, seed: int, style: str, cuts: int, hours: float, twice: bool
) -> None:
    rng = np.random.default_rng(seed)
    readings = weather(setup, hours, trouble, rng)
    if not readings:
        return
    expected = whole(setup, sorted(readings, key=lambda each: each[1]))
    arriving = arrivals(readings, style, rng)
    parts = batches(arriving, cuts, rng)
    if twice:
        parts = [part + part[: len(part) // 3] for part in parts]
    got = run(setup, parts)
    assert got.told() == expected.told()
    if twice and len(parts) > 1:
        # A redelivery, long after: what is in the window is known, what is older is refused.
        before = list(got.events)
        got.give(parts[0] + parts[-1])
        assert got.events == before
        assert got.told() == expected.told()


@settings(EXAMPLES, max_examples=examples(10))
@given(setups(), troubles, seeds, st.sampled_from(STYLES), st.floats(1, 30))
def test_one_at_a_time_is_as_the_whole(setup: PondSetup, trouble: Trouble, seed: int, style: str, hours: float) -> None:
    rng = np.random.default_rng(seed)
    readings = weather(setup, hours, trouble, rng)
    if not readings:
        return
    # Late singles cost most: keep to a hundred or two, spread over the whole time.
    arriving = arrivals(readings, style, rng)[:: 1 + len(readings) // 120]
    expected = whole(setup, sorted(arriving, key=lambda each: each[1]))
    got = run(setup, [[each] for each in arriving])
    assert got.told() == expected.told()
    if style == "ordered" and len({slot(time) for _, time, _ in arriving}) == len(arriving):
        # In order, one reading a slot: nothing is ever said that has to be corrected.
        assert not any(type(event).__name__ == "TimelineCorrected" for event in got.events)


@EXAMPLES
@given(setups(), troubles, seeds, st.sampled_from(STYLES), st.integers(1, 30), st.floats(2, 60), st.integers(0, 500))
def test_ticks_of_the_wall_clock_change_nothing_in_the_end(
    setup: PondSetup, trouble: Trouble, seed: int, style: str, cuts: int, hours: float, after: int
) -> None:
    rng = np.random.default_rng(seed)
    readings = weather(setup, hours, trouble, rng)
    if not readings:
        return
    end = max(slot(time) for _, time, _ in readings) + after
    expected = whole(setup, readings, end)
    desk = Counter(setup)
    for part in batches(arrivals(readings, style, rng), cuts, rng):
        desk.give(part)
        if desk.watch.head is not None and rng.random() < 0.6:
            desk.tick(min(end, desk.watch.head + int(rng.integers(0, 700))))
            desk.consistent()
    desk.tick(end)
    desk.consistent()
    assert desk.told() == expected.told()


@EXAMPLES
@given(setups(), troubles, seeds, st.sampled_from(STYLES), st.integers(2, 20), st.floats(2, 60), st.booleans())
def test_a_restart_goes_on_where_it_was_and_says_nothing(
    setup: PondSetup, trouble: Trouble, seed: int, style: str, cuts: int, hours: float, ticking: bool
) -> None:
    rng = np.random.default_rng(seed)
    readings = weather(setup, hours, trouble, rng)
    if not readings:
        return
    expected = whole(setup, readings)
    desk = Counter(setup)
    for part in batches(arrivals(readings, style, rng), cuts, rng):
        desk.give(part)
        if ticking and desk.watch.head is not None and rng.random() < 0.3:
            desk.tick(min(slot(max(time for _, time, _ in readings)), desk.watch.head + int(rng.integers(0, 400))))
        if rng.random() < 0.4:
            before = None if desk.watch.head is None else desk.watch.state_after(desk.watch.head)
            assert desk.restart() == []
            if before is not None:
                assert desk.watch.state_after(desk.watch.head) == before
            desk.consistent()
    desk.consistent()
    assert desk.told() == expected.told()


@settings(EXAMPLES, max_examples=examples(20))
@given(setups(), troubles, seeds, st.sampled_from([300, 768 - 433, 768, 1000, 3000]), st.integers(1, 3))
def test_strides_are_as_the_whole(setup: PondSetup, trouble: Trouble, seed: int, cut: int, days: int) -> None:
    # One batch that spans several strides of a narrow ring, a wide ring, and pieces cut near stride borders.
    rng = np.random.default_rng(seed)
    readings = sorted(weather(setup, 80 * days, trouble, rng), key=lambda each: each[1])
    if not readings:
        return
    expected = whole(setup, readings)
    assert run(setup, [readings]).told() == expected.told()
    assert run(setup, [readings], 1100).told() == expected.told()
    begin = slot(readings[0][1])
    pieces: dict[int, Readings] = {}
    for each in readings:
        pieces.setdefault((slot(each[1]) - begin) // cut, []).append(each)
    assert run(setup, list(pieces.values())).told() == expected.told()


@settings(EXAMPLES, max_examples=examples(20))
@given(
    setups(),
    troubles,
    seeds,
    st.lists(st.sampled_from([30, 100, 200, 330, 340, 400, 3000]), min_size=1, max_size=3),
    st.booleans(),
)
def test_long_silences_are_passed_over_unseen(
    setup: PondSetup, trouble: Trouble, seed: int, gaps: list[int], together: bool
) -> None:
    rng = np.random.default_rng(seed)
    readings: Readings = []
    shift = 0
    for gap in [0, *gaps]:
        shift += gap * HOUR_US
        readings += [(place, time + shift, value) for place, time, value in weather(setup, 20, trouble, rng)]
        shift += 20 * HOUR_US
    readings.sort(key=lambda each: each[1])
    if not readings:
        return
    # A ring wider than all of it never passes over anything.
    expected = whole(setup, readings, width=(slot(readings[-1][1]) - slot(readings[0][1])) + 2000)
    parts = [readings] if together else batches(readings, 12, rng)
    assert run(setup, [sorted(part, key=lambda each: each[1]) for part in parts]).told() == expected.told()


@pytest.mark.parametrize("days", [8, 13, 15, 40, 3000])
@pytest.mark.parametrize("together", [True, False])
def test_a_slow_climb_is_remembered_or_forgotten_over_a_silence_alike(days: int, together: bool) -> None:
    setup = pond(sensor("level-h", interval_s=3600), rules={"trend": {"enabled": False}})
    climb = [300.0] * 72 + [300.0 + 0.002 * hour for hour in range(240)]
    base = int(START.timestamp()) * 1_000_000
    readings = [(0, base + hour * HOUR_US, value) for hour, value in enumerate(climb)]
    after = base + len(climb) * HOUR_US + days * 24 * HOUR_US
    readings += [(0, after + hour * HOUR_US, 300.48 + 0.004 * hour) for hour in range(100)]
    expected = whole(setup, readings, width=min(30_000, days * 288 + 10_000))
    parts = [readings] if together else [[each] for each in readings]
    assert run(setup, parts).told() == expected.told()
    climbs = [change for change in expected.record if any(cause.rule == "slow_climb" for cause in change.causes)]
    # Within two weeks the baseline is still known and the climb goes on; after that it begins anew, and so warms up.
    assert len(climbs) == (2 if days < 14 else 1)


@pytest.mark.parametrize("late_us", [0, 1])
def test_the_edge_of_the_window(late_us: int) -> None:
    setup = pond(LEVEL[0])
    desk = Counter(setup)
    newest = 40 * HOUR_US
    base = int(START.timestamp()) * 1_000_000
    desk.give([(0, base + newest, 300.0)])
    desk.give([(0, base + newest - 24 * HOUR_US - late_us, 300.0)])
    assert desk.refused == late_us
    assert len(desk.stored) == 2 - late_us
