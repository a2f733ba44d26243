"""Ponds in one engine do not touch each other, and what the register tells takes effect as after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.domain.ponds import PondSetup, limits_in_force
from services.monitor.engine import Engine
from services.monitor.points import slot_moment
from services.monitor.pondwatch import merged
from shared.contracts.levels import SensorState
from tests.properties.test_order import EXAMPLES, LATER, SEASONS, SECOND, setups, troubles
from tests.prove import examples
from tests.unit.monitor.world import LIMITS, START, Counter, Trouble, arrivals, batches, said, slot, weather

seeds = st.integers(0, 2**32 - 1)


def named(setup: PondSetup, name: str) -> PondSetup:
    return replace(setup, pond=setup.pond.model_copy(update={"id": name}))


@settings(EXAMPLES, max_examples=examples(15))
@given(st.lists(setups(), min_size=2, max_size=4), troubles, seeds, st.integers(1, 12), st.booleans())
def test_ponds_judged_together_are_as_each_alone(
    alike: list[PondSetup], trouble: Trouble, seed: int, cuts: int, ticking: bool
) -> None:
    rng = np.random.default_rng(seed)
    all_setups = [named(setup, f"pond-{index}") for index, setup in enumerate(alike)]
    engine = Engine(all_setups)
    together: list[tuple[int, int, float]] = []
    expected = {}
    for setup in all_setups:
        away = int(rng.integers(0, 3)) * 86_400_000_000
        readings = [(place, time + away, value) for place, time, value in weather(setup, 30, trouble, rng)]
        rows = [engine.row_of[(setup.id, each.description.id)] for each in setup.sensors]
        together += [(rows[place], time, value) for place, time, value in readings]
        alone = Counter(setup, 8192)
        alone.give(readings)
        expected[setup.id] = alone
    record: dict[str, list[object]] = {setup.id: [] for setup in all_setups}
    end = max((slot(time) for _, time, _ in together), default=0)
    for part in batches(sorted(together, key=lambda each: each[1]), cuts, rng):
        if not part:
            continue
        rows, times, values = zip(*part, strict=True)
        turns = engine.take(np.array(rows, np.int64), np.array(times, np.int64), np.array(values))
        if ticking:
            latest = max(slot(time) for time in times)
            turns += engine.tick([each.id for each in all_setups if rng.random() < 0.5], latest)
        for turn in merged(turns):
            mine = record[turn.pond.setup.id]
            for change in turn.removed:
                mine.remove(change)
            for was, now in turn.restated:
                mine[mine.index(was)] = now
            mine.extend(turn.added)
    for turn in merged(engine.tick([each.id for each in all_setups], end)):
        record[turn.pond.setup.id].extend(turn.added)
    for setup in all_setups:
        alone = expected[setup.id]
        alone.tick(end)
        assert sorted(map(said, record[setup.id])) == sorted(alone.told()), setup.id  # type: ignore[arg-type]


@settings(EXAMPLES, max_examples=examples(20))
@given(setups(), troubles, seeds, st.sampled_from(["limits", "sensor", "state", "rules"]), st.integers(2, 8))
def test_what_the_register_tells_takes_effect_as_after_a_restart(
    setup: PondSetup, trouble: Trouble, seed: int, what: str, cuts: int
) -> None:
    rng = np.random.default_rng(seed)
    match what:
        case "limits":
            changed = replace(setup, limits=(*setup.limits, LATER))
        case "sensor":
            more = replace(SECOND, description=SECOND.description.model_copy(update={"id": "level-new"}))
            changed = replace(setup, sensors=(*setup.sensors, more))
        case "state":
            since = START + timedelta(minutes=int(rng.integers(0, 1800)))
            first = setup.sensors[0]
            away = replace(first, states=(*first.states, (since, SensorState.MAINTENANCE)))
            changed = replace(setup, sensors=(away, *setup.sensors[1:]))
        case _:
            pond = setup.pond.model_copy(update={"rules": {"hold": {"minutes": 20}, "blind": {"intervals": 5.0}}})
            changed = replace(setup, pond=pond)
    readings = weather(changed, 40, trouble, rng)
    desk = Counter(setup)
    known = set(range(len(setup.sensors)))
    parts = batches(arrivals(readings, "jitter", rng), cuts, rng)
    when = int(rng.integers(0, len(parts)))
    for index, part in enumerate(parts):
        if index == when:
            desk.hear(changed)
            desk.consistent()
            assert desk.restart() == []
        desk.give([each for each in part if index >= when or each[0] in known])
        desk.consistent()
    assert desk.restart() == []


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.integers(0, 3_000_000), min_size=1, max_size=30),
    st.sampled_from([(LIMITS,), (SEASONS,), (LIMITS, LATER), (SEASONS, LATER)]),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
)
def test_limits_of_many_slots_are_those_of_each_day(slots: list[int], limits: tuple, zone: str) -> None:  # type: ignore[type-arg]
    from tests.unit.monitor.world import pond, sensor

    setup = pond(sensor("level-1"), limits=limits, zone=zone)
    engine = Engine([setup])
    for part in (slots, slots[::-1], slots[:1]):
        found = engine.points.limits_at(np.zeros(len(part), np.int64), np.array(part))
        for each, row in zip(part, found, strict=True):
            day = slot_moment(each).astimezone(setup.zone).date()
            four = limits_in_force(setup, setup.sensors[0].description, day).four
            expected = [np.nan if limit is None else np.float32(limit) for limit in four]
            assert np.array_equal(row, np.array(expected, np.float32), equal_nan=True), slot_moment(each)
            assert engine.points.in_force(0, each).four == four
