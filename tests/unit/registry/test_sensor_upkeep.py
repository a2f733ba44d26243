"""Maintenance windows, replacements and calibrations: what may be said of a sensor, and what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitor.register import Directory, follow, setup_of
from services.registry.domain import Asked, Pond, PondState, Unregistered, decide, evolve
from services.registry.domain.pond import PondCommand, Upkeep
from services.registry.domain.sensorcare import DatumSeason, datum_unchecked
from services.registry.domain.upkeep import Replace
from shared.contracts.base import Event
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.mines import DocumentRef
from shared.contracts.registry import (
    ChangeSensorState,
    MaintenanceWindow,
    PondDescription,
    PondView,
    RegisterPond,
    RegisterSensor,
    SensorDescription,
    SensorMaintenanceSet,
    SensorReplaced,
    lay_over,
)
from shared.contracts.sensorcare import Calibration, DatumCheck, EndMaintenance, PlanMaintenance, SensorCare
from shared.problems import BadInput, Conflict
from tests.prove import examples

NOON = datetime(2023, 7, 1, 4, tzinfo=UTC)
DISTANCE = SensorDescription(
    id="s", kind=SensorKind.WATER_DISTANCE, unit="m", expected_interval_s=300, zero_level=320.0, range=(0.0, 20.0)
)
SERVICE, MAINTENANCE = SensorState.IN_SERVICE, SensorState.MAINTENANCE


def hour(of: float) -> datetime:
    return NOON + timedelta(hours=of)


def plan(begin: float, end: float) -> PlanMaintenance:
    return PlanMaintenance(pond_id="p", sensor_id="s", begin=hour(begin), end=hour(end), reason="校准", by="李工")


def end(at: float | None = None, begin: float | None = None) -> EndMaintenance:
    told = {"at": None if at is None else hour(at), "begin": None if begin is None else hour(begin)}
    return EndMaintenance.model_validate({"pond_id": "p", "sensor_id": "s", "by": "李工", **told})


class Story:
    """A pond with one sensor, told to the register and to the monitor alike."""

    def __init__(self, now: float = 0.0) -> None:
        self.state: PondState = Unregistered()
        self.view: PondView | None = None
        self.events: list[Event] = []
        self.now = now
        self.do(RegisterPond(pond=PondDescription(id="p", name="库"), by="李工"))
        self.do(RegisterSensor(pond_id="p", sensor=DISTANCE, by="李工"))

    def do(self, command: PondCommand | Upkeep, at: float | None = None) -> list[Event]:
        events = list(decide(Asked(command, hour(self.now if at is None else at)), self.state))
        for event in events:
            self.state = evolve(self.state, event)
            self.events.append(event)
            self.view = follow(self.view, event, len(self.events))
        assert isinstance(self.state, Pond)
        sensor = self.state.sensors.get("s")
        if sensor is not None:
            assert self.view is not None
            heard = self.view.sensors[0]
            assert (heard.sensor, heard.state_history) == (sensor.description, sensor.history)
            assert (heard.windows, heard.former) == (sensor.windows, sensor.former)
        return events

    def at(self, of: float) -> SensorState:
        assert self.view is not None
        assert isinstance(self.state, Pond)
        state = setup_of(self.view).sensors[0].state_at(hour(of))
        assert state is self.state.sensors["s"].state_at(hour(of))
        return state


def test_a_window_ahead_begins_and_ends_by_itself() -> None:
    story = Story()
    assert isinstance(story.do(plan(5, 8))[0], SensorMaintenanceSet)
    assert [story.at(of) for of in (4.9, 5, 7.9, 8)] == [SERVICE, MAINTENANCE, MAINTENANCE, SERVICE]
    assert story.do(plan(5, 8)) == []
    story.do(plan(1, 2))
    assert [story.at(of) for of in (1, 2, 5, 8)] == [MAINTENANCE, SERVICE, MAINTENANCE, SERVICE]
    for overlaps in (plan(4, 6), plan(6, 7), plan(7, 9), plan(0, 10)):
        with pytest.raises(Conflict, match="overlaps"):
            story.do(overlaps)
    with pytest.raises(BadInput, match="end after it begins"):
        story.do(plan(9, 9))
    with pytest.raises(BadInput, match="31 days"):
        story.do(plan(9, 9 + 24 * 31 + 1))


def test_a_broken_sensor_does_not_resume_because_a_window_ends() -> None:
    story = Story()
    story.do(plan(5, 8))
    story.do(ChangeSensorState(pond_id="p", sensor_id="s", state=MAINTENANCE, by="李工"), at=2)
    assert [story.at(of) for of in (1, 3, 6, 9)] == [SERVICE, MAINTENANCE, MAINTENANCE, MAINTENANCE]
    story.do(ChangeSensorState(pond_id="p", sensor_id="s", state=SERVICE, by="李工"), at=3)
    assert [story.at(of) for of in (2.5, 4, 6, 9)] == [MAINTENANCE, SERVICE, MAINTENANCE, SERVICE]


def test_a_window_is_ended_early_or_taken_back() -> None:
    story = Story()
    story.do(plan(5, 8))
    story.do(plan(10, 12))
    with pytest.raises(Conflict, match="no maintenance window"):
        story.do(end(), at=4)
    with pytest.raises(Conflict, match="resumes by itself"):
        story.do(ChangeSensorState(pond_id="p", sensor_id="s", state=SERVICE, by="李工"), at=6)
    with pytest.raises(BadInput, match="ahead"):
        story.do(end(7), at=6)
    story.do(end(), at=6)
    assert [story.at(of) for of in (5, 6, 7, 11)] == [MAINTENANCE, SERVICE, SERVICE, MAINTENANCE]
    assert story.do(end(6), at=7) == []
    with pytest.raises(Conflict, match="has begun"):
        story.do(end(begin=5), at=9)
    story.do(end(begin=10), at=9)
    assert story.at(11) is SERVICE


def test_a_retired_sensor_is_not_kept_up() -> None:
    story = Story()
    story.do(ChangeSensorState(pond_id="p", sensor_id="s", state=SensorState.RETIRED, by="李工"))
    for asked in (plan(1, 2), end(), Replace("p", "s", DISTANCE, None)):
        with pytest.raises(Conflict, match="retired"):
            story.do(asked)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10)), max_size=6),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([SERVICE, MAINTENANCE])), max_size=4),
)
@settings(max_examples=examples(200))
def test_windows_lie_over_the_history_hour_by_hour(
    spans: list[tuple[int, int]], turns: list[tuple[int, SensorState]]
) -> None:
    said = sorted(turns, key=lambda turn: turn[0])
    windows = [MaintenanceWindow(begin=hour(first), end=hour(first + length)) for first, length in spans]
    history = [(None, SERVICE), *((hour(of), state) for of, state in said)]
    states = lay_over(history, windows)
    for of in range(72):
        base = [SERVICE, *(state for since, state in said if since <= of)][-1]
        within = any(first <= of < first + length for first, length in spans)
        expected = MAINTENANCE if within and base is SERVICE else base
        shown = [state for since, state in states if since is None or since <= hour(of)][-1]
        assert shown is expected
    sinces = [since for since, _ in states[1:]]
    assert all(since is not None for since in sinces)
    if windows:
        assert sinces == sorted(sinces, key=lambda since: since or NOON)


def test_a_replacement_keeps_the_id_and_how_earlier_readings_are_taken() -> None:
    story = Story()
    new = DISTANCE.model_copy(update={"unit": "mm", "zero_level": 321.0, "range": (0.0, 20_000.0)})
    (event,) = story.do(Replace("p", "s", new, hour(-1)))
    assert isinstance(event, SensorReplaced)
    assert [(each.until, each.unit, each.zero_level) for each in event.former] == [(hour(-1), "m", 320.0)]
    assert story.do(Replace("p", "s", new, hour(-1))) == []
    with pytest.raises(BadInput, match="ahead"):
        story.do(Replace("p", "s", DISTANCE, hour(1)))
    with pytest.raises(Conflict, match="give a later time"):
        story.do(Replace("p", "s", DISTANCE, hour(-2)))
    assert story.view is not None
    known = Directory()
    known.put(story.view, {("p", "s"): 7})
    entry = known.find("p", "s")
    assert entry is not None
    (former,) = entry.former
    # 5 m below the old zero level of 320 m is a level of 315 m, which the engine finds as 321 - 6.
    assert 5.0 * former.factor + former.offset + former.shift == 6.0
    # A correction of the description holds for what comes from now on, of any time.
    story.do(RegisterSensor(pond_id="p", sensor=new.model_copy(update={"zero_level": 322.0}), by="李工"))
    assert story.view.sensors[0].former == ()


DAY = date(2023, 7, 1)


def care(*checked: date) -> SensorCare:
    checks = tuple(DatumCheck(on=day, in_order=True) for day in checked)
    return SensorCare(id="p:s", last_on=DAY, pond_id="p", sensor_id="s", datum_checks=checks)


@pytest.mark.parametrize(
    ("known", "day", "unchecked"),
    [
        (None, date(2023, 5, 31), False),
        (None, date(2023, 6, 1), True),
        (None, date(2023, 9, 30), True),
        (None, date(2023, 10, 1), False),
        (care(date(2023, 2, 28)), DAY, True),
        (care(date(2023, 3, 1)), DAY, False),
        (care(date(2022, 6, 1)), DAY, True),
        (care(date(2023, 7, 2)), DAY, True),
        (care(date(2023, 7, 1)), DAY, False),
    ],
)
def test_each_season_wants_its_datum_check(known: SensorCare | None, day: date, unchecked: bool) -> None:
    assert datum_unchecked(known, day) is unchecked


def test_the_season_can_be_set() -> None:
    assert datum_unchecked(None, date(2023, 5, 20), DatumSeason(begins="05-15"))


def test_of_two_calibrations_the_later_entered_holds() -> None:
    paper = DocumentRef(number="检 1")
    first = Calibration(offset=0.01, valid_from=date(2023, 1, 1), valid_until=date(2023, 12, 31), certificate=paper)
    second = first.model_copy(update={"offset": 0.02, "valid_from": date(2023, 6, 1), "valid_until": date(2024, 5, 31)})
    both = care().model_copy(update={"calibrations": (first, second)})
    days = (date(2022, 12, 31), date(2023, 5, 31), date(2023, 6, 1), date(2024, 5, 31), date(2024, 6, 1))
    assert [both.calibration_on(day) for day in days] == [None, first, second, second, None]
    with pytest.raises(ValueError, match="before it begins"):
        Calibration(offset=0, valid_from=date(2023, 2, 1), valid_until=date(2023, 1, 1), certificate=paper)
