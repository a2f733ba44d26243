"""A synthetic storm takes any pond to the level that was asked for, and no further, by the monitor's own rules."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.engine import Engine
from services.monitor.register import setup_of
from services.notifier.domain.alarm import Alarm
from services.notifier.domain.drill import LASTS, Drill, new_id, verdict
from services.notifier.domain.storm import EVERY, shadow_of, storm_of
from shared.contracts.base import ID_PATTERN
from shared.contracts.levels import LevelName, SensorKind, SensorState
from shared.contracts.notifier import CardStep
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, PondView, SensorDescription, SensorView
from shared.contracts.synthetic import is_exercise
from shared.problems import Conflict
from tests.prove import examples

NOW = datetime(2026, 7, 15, 6, 3, 20, tzinfo=UTC)
LEVELS = tuple(LevelName)
RULES = {"rainfall": {"h12_blue": 20.0}, "threshold": {"dwell": 3}, "hold": {"minutes": 0.0}, "trend": {"dry_mm": 1.0}}


def sensor(name: str, kind: SensorKind, state: SensorState = SensorState.IN_SERVICE) -> SensorView:
    distance = kind is SensorKind.WATER_DISTANCE
    unit = "cm" if distance else "mm" if kind is SensorKind.RAIN else "m"
    described = SensorDescription(
        id=name, kind=kind, unit=unit, expected_interval_s=3600, zero_level=2000.0 if distance else None,
        range=(0.0, 5.0),
    )  # fmt: skip
    return SensorView(sensor=described, state=state)


@st.composite
def ponds(draw: st.DrawFn) -> PondView:
    lowest = draw(st.floats(-50, 1900))
    steps = draw(st.lists(st.floats(0.05, 4.0), min_size=3, max_size=3))
    values = dict(zip(LEVELS, np.cumsum([lowest, *steps]).round(2).tolist(), strict=True))
    kept = draw(st.sets(st.sampled_from(LEVELS), min_size=1))
    band = LimitBand.model_validate({name.value: values[name] for name in kept})
    kinds = draw(st.lists(st.sampled_from([SensorKind.WATER_LEVEL, SensorKind.WATER_DISTANCE]), min_size=1, max_size=4))
    rains = draw(st.integers(0, 2))
    sensors = [sensor(f"level-{number}", kind) for number, kind in enumerate(kinds)]
    sensors += [sensor(f"rain-{number}", SensorKind.RAIN) for number in range(rains)]
    sensors += [sensor("beach", SensorKind.BEACH_LENGTH), sensor("old", SensorKind.WATER_LEVEL, SensorState.RETIRED)]
    bands = {"level": (band,), "beach_length": (LimitBand(red=10.0),), "sensor:old": (LimitBand(red=0.0),)}
    if draw(st.booleans()):
        summer = LimitBand.model_validate({name.value: values[name] + 1 for name in kept})
        bands["level"] = (band, summer.model_copy(update={"season_from": "06-01", "season_to": "09-30"}))
    limits = LimitDocument(document="flood routing", effective_from=date(2026, 1, 1), bands=bands)
    pond = PondDescription(id="yi", name="Yi", rules=draw(st.sampled_from([{}, RULES])))
    return PondView(pond=pond, sensors=tuple(sensors), limits=(limits,), version=7)


def known_limit(shadow: PondView, level: LevelName) -> float:
    summer = [band for band in shadow.limits[0].bands["level"] if band.season_from is not None]
    return float(getattr((summer or shadow.limits[0].bands["level"])[0], level.value))


@settings(max_examples=examples(200), deadline=None)
@given(ponds(), st.sampled_from(LEVELS))
def test_a_storm_reaches_its_level_and_no_more(pond: PondView, level: LevelName) -> None:
    shadow = shadow_of(
        pond.model_copy(update={"pond": pond.pond.model_copy(update={"name": "Y\ni\u202e"})}), "drill-yi"
    )
    assert shadow.pond.name.endswith("Yi"), "a name of old is no command's any more"
    known = {name for band in pond.limits[0].bands["level"] for name in LEVELS if getattr(band, name.value) is not None}
    if level not in known:
        with pytest.raises(Conflict) as refusal:
            storm_of(shadow, level, NOW)
        assert refusal.value.code == "drills.no_limits"
        return
    storm = storm_of(shadow, level, NOW)
    until = NOW + LASTS
    readings = storm.readings(None, until)
    assert storm.readings(None, NOW) + storm.readings(NOW, until) == readings
    assert readings[0][1] == storm.begins
    assert max(time for _, time, _ in readings) <= until
    assert all(math.isfinite(value) for _, _, value in readings)
    engine = Engine([setup_of(shadow)])
    highest, said = 0, []
    for part in (storm.readings(None, NOW), *([each] for each in storm.readings(NOW, until))):
        rows = np.array([engine.row_of["drill-yi", name] for name, _, _ in part])
        times = np.array([round(time.timestamp() * 1e6) for _, time, _ in part])
        turns = engine.take(rows, times, np.array([value for _, _, value in part]))
        said += [change for turn in turns for change in turn.added]
        standing = engine.ponds["drill-yi"].standing
        assert standing is not None
        assert standing.level.label == level  # from the first message on, for as long as the exercise goes
        assert standing.verified
        highest = max(highest, int(standing.level))
    assert {change.event for change in said} <= {"raised", "escalated", "notice"}
    # What people read is what the storm shows: one level over its own limit, a few minutes ago; no rain, no roll-up.
    reached = [change for change in said if change.event in ("raised", "escalated")][-1]
    assert [(cause.rule, cause.level, cause.limit) for cause in reached.causes] == [
        ("threshold", level, pytest.approx(known_limit(shadow, level)))
    ]
    assert NOW - reached.time <= timedelta(minutes=30)
    assert not [change for change in said if change.event == "notice" and change.causes[0].rule != "neighbour"]


def test_the_shadow_has_what_is_in_service_and_no_more() -> None:
    sensors = (
        sensor("radar", SensorKind.WATER_DISTANCE), sensor("rain", SensorKind.RAIN),
        sensor("off", SensorKind.WATER_LEVEL, SensorState.MAINTENANCE), sensor("beach", SensorKind.BEACH_LENGTH),
    )  # fmt: skip
    limits = LimitDocument(document="d", effective_from=date(2026, 1, 1), bands={"beach_length": (LimitBand(red=1.0),)})
    pond = PondView(pond=PondDescription(id="yi", name="Yi"), sensors=sensors, limits=(limits,))
    shadow = shadow_of(pond, "drill-yi")
    assert [(each.sensor.id, each.sensor.kind, each.sensor.unit) for each in shadow.sensors] == [
        ("radar", SensorKind.WATER_LEVEL, "m"), ("rain", SensorKind.RAIN, "mm"),
    ]  # fmt: skip
    assert shadow.limits == ()
    assert "EXERCISE" in shadow.pond.name
    with pytest.raises(Conflict, match="adopt a limit document"):
        storm_of(shadow, LevelName.RED, NOW)


@given(st.from_regex(ID_PATTERN, fullmatch=True))
def test_an_id_is_one_whatever_the_ponds(pond: str) -> None:
    made = new_id(pond, "20260715", "3f2a1b")
    assert len(made) <= 64
    assert PondDescription(id=made, name="x").id == made
    assert is_exercise(made)


CARD = (CardStep(id="one", zh="一", en="one", role="all", within_minutes=5),)


@st.composite
def alarms(draw: st.DrawFn, exercise: bool) -> Alarm:
    return Alarm(
        alarm_id="a", pond_id="drill-yi" if exercise else "yi", exercise=exercise,
        highest=draw(st.sampled_from(LEVELS)), level=draw(st.sampled_from([None, *LEVELS])),
        verified=True, late=False, time=NOW, causes=(), opened=NOW,
        changed=NOW, card=CARD, steps_done=draw(st.sampled_from([{}, {"one": NOW}])),
    )  # fmt: skip


@given(st.lists(alarms(exercise=True), max_size=2), st.lists(alarms(exercise=False), max_size=2), st.integers(0, 90))
def test_only_what_is_real_or_time_ends_an_unanswered_exercise(
    exercised: list[Alarm], real: list[Alarm], minutes: int
) -> None:
    drill = Drill(drill_id="drill-yi", pond_id="yi", shadow_id="drill-yi", storm=LevelName.RED, by="Sun", started=NOW)
    now = NOW + timedelta(minutes=minutes)
    why = verdict(drill, exercised, real, now)
    stands = any(alarm.level is not None for alarm in real)
    assert why == ("overtaken" if stands else "finished" if now - NOW >= LASTS else None)
    assert verdict(drill.model_copy(update={"ended": NOW}), exercised, real, now) is None


def test_readings_come_every_five_minutes() -> None:
    limits = LimitDocument(document="d", effective_from=date(2026, 1, 1), bands={"level": (LimitBand(red=10.0),)})
    pond = PondView(
        pond=PondDescription(id="yi", name="Yi"), sensors=(sensor("l", SensorKind.WATER_LEVEL),), limits=(limits,)
    )
    times = [time for _, time, _ in storm_of(shadow_of(pond, "drill-yi"), LevelName.RED, NOW).readings(None, NOW)]
    assert {later - earlier for earlier, later in pairwise(times)} == {EVERY}
    assert times[-1] == NOW
