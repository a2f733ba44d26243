"""The monitor's seven promises and its rules, each on the real engine and the real decider."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from services.monitor.domain.ponds import PondSetup
from services.monitor.observations import observe
from shared.contracts.levels import Level, SensorKind, SensorState
from shared.contracts.monitor import PondNoticed, TimelineChange, TimelineCorrected, WarningCleared
from tests.unit.monitor.world import (
    HOUR_US,
    LIMITS,
    MINUTE_US,
    START,
    START_US,
    Counter,
    Readings,
    pond,
    sensor,
    slot,
)

GROSS = (290.0, 310.0)
ONE = sensor("level-1", gross=GROSS)
TWO = sensor("level-2", gross=GROSS)
RAIN = sensor("rain-1", SensorKind.RAIN)
ALONE = pond(ONE)


def every5(values: Sequence[float | None], place: int = 0, begin: int = 0) -> Readings:
    """Readings every 5 minutes from minute *begin* on; None is missing."""
    return [
        (place, START_US + (begin + 5 * index) * MINUTE_US, value)
        for index, value in enumerate(values)
        if value is not None
    ]


def live(setup: PondSetup, *series: Readings) -> Counter:
    """Give readings one by one, in order of time, as they would come."""
    desk = Counter(setup)
    for reading in sorted((each for part in series for each in part), key=lambda each: each[1]):
        desk.give([reading])
    desk.consistent()
    return desk


def events(desk: Counter) -> list[str]:
    return [" ".join(filter(None, (change.event, change.level))) for change in desk.record]


def minute(desk: Counter, event: str) -> float:
    """Return the minute of the first such change."""
    change = next(each for each in desk.record if each.event == event)
    return (change.time - START) / timedelta(minutes=1)


def rules(desk: Counter, event: str = "raised") -> list[str]:
    return [cause.rule for cause in next(each for each in desk.record if each.event == event).causes]


# -- 1: a function of the readings (tests/properties/test_order.py) ----


def test_promise_1_late_readings_lead_to_the_timeline_of_the_ordered_ones() -> None:
    values = [300.0] * 20 + [301.5] * 20 + [300.0] * 40
    ordered, late = live(ALONE, every5(values)), Counter(ALONE)
    readings = every5(values)
    late.give(readings[:10] + readings[60:])
    late.give(readings[10:60][::-1])
    assert late.told() == ordered.told()
    assert "raised blue" in events(ordered)


# -- 2: no data is not good news ----


def test_promise_2_a_silent_sensor_is_blind_and_never_clears() -> None:
    desk = live(ALONE, every5([301.9, 301.95, 302.0, 302.05, 302.1]))
    head = desk.watch.head
    for hour in range(1, 100):
        desk.tick(head + 12 * hour)
    assert events(desk) == ["raised blue", "escalated yellow", "blind yellow"]
    assert desk.state.blind
    assert desk.state.current is not None
    # Three times the expected interval, and one slot.
    assert minute(desk, "blind") == 5 * 4 + 15 + 5
    # A week on, a low reading restores sight; the hold must still pass before it clears.
    back = desk.watch.head * 300 // 60 - START_US // MINUTE_US + 7 * 1440
    for reading in every5([300.0] * 14, begin=back):
        desk.give([reading])
    assert events(desk)[3:] == ["restored yellow", "cleared"]
    desk.consistent()


def test_one_of_two_sensors_silent_is_a_question_not_blindness() -> None:
    desk = live(pond(ONE, TWO), every5([300.0] * 40), every5([300.0] * 10, place=1))
    assert events(desk) == ["notice"]
    assert rules(desk, "notice") == ["silent"]


def test_a_daily_gauge_has_its_three_days_however_long_the_engine_remembers() -> None:
    setup = pond(sensor("level-1", interval_s=3600), sensor("rain-1", SensorKind.RAIN, interval_s=86_400))
    desk = Counter(setup)
    desk.give([(1, START_US, 0.0)])
    desk.give([(0, START_US + hour * HOUR_US, 300.0) for hour in range(60)])
    desk.give([(1, START_US + 60 * HOUR_US, 0.0)])
    for hour in range(60, 140):
        desk.give([(0, START_US + hour * HOUR_US, 300.0)])
        if hour % 9 == 0:
            assert desk.restart() == []
    # 72 hours after its newest reading, and one slot.
    assert events(desk) == ["blind"]
    assert minute(desk, "blind") == (60 + 72) * 60 + 5


# -- 3: a suspect extreme never suppresses; a single impossible value is a question ----


@pytest.mark.parametrize("value", [999.0, -50.0])
def test_promise_3_a_single_value_out_of_range_is_a_notice_only(value: float) -> None:
    desk = live(ALONE, every5([300.0] * 10 + [value] + [300.0] * 10))
    assert events(desk) == ["notice"]
    assert rules(desk, "notice") == ["gross_range"]


def test_promise_3_a_single_spike_is_a_notice_only() -> None:
    desk = live(ALONE, every5([300.0] * 10 + [304.5] + [300.0] * 10))
    assert events(desk) == ["notice"]
    assert rules(desk, "notice") == ["spike"]


def test_promise_3_a_jump_that_stays_is_raised_unverified() -> None:
    desk = live(ALONE, every5([300.0] * 10 + [302.5] * 10))
    question, first = desk.record[:2]
    assert (question.event, question.causes[0].rule, question.causes[0].value) == ("notice", "spike", 302.5)
    assert minute(desk, "notice") == 50, "the control room hears of it with its first reading"
    assert (first.event, first.level, first.verified) == ("raised", "yellow", False)
    assert minute(desk, "raised") == 55, "on its second reading"


def test_promise_3_a_higher_leap_on_top_of_a_leap_never_eases() -> None:
    # Each step is impossible by itself; two readings reach the first, so it is believed, and nothing is lowered.
    desk = live(ALONE, every5([300.0] * 10 + [302.5, 302.5, 303.7, 304.9]))
    assert [each for each in events(desk) if not each.startswith("notice")] == ["raised yellow", "escalated orange"]


def test_promise_3_values_above_the_range_that_stay_are_raised_unverified() -> None:
    desk = live(ALONE, every5([300.0] * 10 + [999.0] * 10))
    change = next(each for each in desk.record if each.event == "raised")
    assert (change.level, change.verified) == ("red", False)
    assert change.causes[0].detail["flag"] == "gross_range"


def test_promise_3_a_second_sensor_confirms() -> None:
    values = [300.0] * 10 + [302.5] * 10
    desk = live(pond(ONE, TWO), every5(values), every5(values, place=1))
    # The first of the two is alone for a moment; the other's reading of the same slot makes it certain.
    raised = next(each for each in desk.record if each.event == "raised")
    assert (raised.level, raised.verified, minute(desk, "raised")) == ("yellow", True, 50)
    assert desk.state.open[desk.state.current or ""].verified


def test_promise_3_rain_confirms() -> None:
    rain = every5([0.0] * 5 + [2.4] * 5 + [0.0] * 10, place=1)
    desk = live(pond(ONE, RAIN), every5([300.0] * 10 + [302.5] * 10, begin=1), rain)
    raised = desk.record[0]
    assert (raised.event, raised.level, raised.verified) == ("raised", "yellow", True)
    assert minute(desk, "raised") == 55, "at once: rain fell, so the first value is believed"


def test_promise_3_a_mad_sensor_beside_a_true_one_suppresses_nothing() -> None:
    rise = [300.0 + 0.1 * step for step in range(30)]
    mad = [300.0] * 5 + [-50.0, 999.0, 295.0, 300.0] * 6
    alone, beside = live(ALONE, every5(rise)), live(pond(ONE, TWO), every5(rise), every5(mad, place=1))
    worst, sooner = (max(Level.of(each.level) for each in desk.record) for desk in (alone, beside))
    assert Level.ORANGE <= worst <= sooner
    assert minute(beside, "raised") <= minute(alone, "raised")


def test_promise_3_a_low_spike_in_a_flood_does_not_ease_it() -> None:
    desk = live(ALONE, every5([300.0 + 0.1 * step for step in range(25)] + [302.5] * 10 + [295.0] + [302.5] * 20))
    assert not [each for each in events(desk) if each.startswith(("eased", "cleared"))]


# -- 4: late data correct the record ----


def test_promise_4_a_flood_that_only_late_data_show_is_recorded_and_not_fired_as_now() -> None:
    desk = Counter(ALONE)
    calm = every5([300.0] * 100)
    desk.give([each for index, each in enumerate(calm) if not 20 <= index < 30])
    assert events(desk) == ["blind", "restored"]
    flood = every5([300.0] * 20 + [302.5] * 10)[20:]
    new = desk.give(flood)
    desk.consistent()
    assert events(desk) == ["notice", "raised yellow", "cleared"]
    assert [type(each).__name__ for each in new if type(each).__name__.startswith("Warning")] == []
    assert type(new[0]).__name__ == "TimelineCorrected"


def test_promise_4_late_data_that_explain_an_alarm_away_clear_it_as_corrected() -> None:
    desk = Counter(ALONE)
    # All that came of a pond was one reading; what came before it shows that it is a spike.
    desk.give(every5([302.5], begin=50))
    assert desk.state.current is not None
    new = desk.give(every5([300.0] * 10))
    desk.consistent()
    assert "raised" not in [change.event for change in desk.record]
    assert [type(each) for each in new if not isinstance(each, PondNoticed)] == [TimelineCorrected, WarningCleared]
    (cleared,) = (each for each in new if isinstance(each, WarningCleared))
    assert cleared.corrected


# -- 5: up at once, down after hold and hysteresis ----


def test_promise_5_up_at_once_down_after_hysteresis_and_hold() -> None:
    up = [301.9, 301.95, 302.0]
    within = [301.96] * 30  # less than 0.05 m under its limit
    under = [301.94] * 20
    quiet = pond(ONE, rules={"trend": {"enabled": False}})
    desk = live(quiet, every5([*up, *within, *under]))
    assert events(desk) == ["raised blue", "escalated yellow", "eased blue"]
    assert minute(desk, "escalated") == 10
    assert minute(desk, "eased") == 5 * (3 + 30) + 60


def test_promise_5_the_hold_is_the_ponds_own() -> None:
    quick = pond(ONE, rules={"trend": {"enabled": False}, "hold": {"minutes": 10}})
    desk = live(quick, every5([302.0] * 3 + [301.8, 301.6, 301.4, 301.2, 301.0] + [300.9] * 10))
    assert events(desk) == ["raised yellow", "eased blue", "cleared"]
    assert (minute(desk, "eased"), minute(desk, "cleared")) == (15 + 10, 40 + 10)


# -- 6: causes ----


def test_promise_6_a_warning_names_sensor_rule_value_limit_and_document() -> None:
    desk = live(ALONE, every5([301.9, 301.95, 302.2]))
    escalated = next(each for each in desk.record if each.event == "escalated")
    cause = next(each for each in escalated.causes if each.rule == "threshold")
    assert (cause.sensor, cause.value, cause.limit, cause.level, cause.unit) == ("level-1", 302.2, 302.0, "yellow", "m")
    assert (cause.document, cause.limits_version) == (LIMITS.document, 1)


def test_freeboard_warns_downward_in_its_own_numbers() -> None:
    desk = live(pond(sensor("freeboard", SensorKind.FREEBOARD, gross=(0.0, 20.0))), every5([6.0, 5.6, 5.2, 4.9, 4.8]))
    cause = next(each for each in desk.record[0].causes if each.rule == "threshold")
    assert (cause.value, cause.limit, cause.level) == (4.9, 5.0, "blue")


# -- 7: nothing twice ----


def test_promise_7_neither_redelivery_nor_restart_says_anything_twice() -> None:
    readings = every5([300.0] * 10 + [301.5, 301.5] + [302.5] * 10 + [300.0] * 20)
    desk = Counter(ALONE)
    for index, reading in enumerate(readings):
        desk.give([reading])
        desk.give(readings[max(0, index - 5) : index + 1])
        if index % 7 == 3:
            assert desk.restart() == []
    once = live(ALONE, readings)
    assert desk.events == once.events
    assert desk.told() == once.told()


# -- the rules ----


def tips(total: float, slots: int) -> list[float]:
    """Spread *total* mm in tips of 0.2 mm evenly over so many slots."""
    count = np.diff(np.floor(np.linspace(0, total / 0.2 + 1e-9, slots + 1)))
    return [round(0.2 * each, 1) for each in count]


def slot_of_change(change: TimelineChange) -> int:
    return int((change.time - START) / timedelta(minutes=5))


@pytest.mark.parametrize(
    ("total", "hours", "level"),
    [
        (49.8, 12, None),
        (50.0, 12, "blue"),
        (49.8, 6, None),
        (50.0, 6, "yellow"),
        (49.8, 3, None),
        (50.0, 3, "orange"),
        (99.8, 3, "orange"),
        (100.0, 3, "red"),
    ],
)
def test_rainstorm_signals_begin_exactly_at_their_sums(total: float, hours: int, level: str | None) -> None:
    series = [0.0] * 12 + tips(total, 12 * hours)
    assert round(sum(series), 1) == total
    desk = live(pond(RAIN), every5(series))
    levels = [change.level for change in desk.record if change.event in ("raised", "escalated")]
    assert (levels[-1] if levels else None) == level
    if level is not None:
        change = [each for each in desk.record if each.event in ("raised", "escalated")][-1]
        fallen = round(sum(series[: slot_of_change(change) + 1]), 1)
        assert change.causes[0].rule == "rainfall"
        assert change.causes[0].value == fallen
        assert fallen - series[slot_of_change(change)] < change.causes[0].limit <= fallen


def test_rain_outside_the_span_does_not_count() -> None:
    # 25 mm, then 25 mm more 12 hours and a slot later.
    desk = live(pond(RAIN), every5([25.0] + [0.0] * 143 + [24.8]), every5([0.2], begin=145 * 5))
    assert events(desk) == []
    inside = live(pond(RAIN), every5([25.0] + [0.0] * 142 + [25.0]))
    assert events(inside) == ["raised blue"]


def test_several_tips_in_a_slot_add_up_in_any_order() -> None:
    base = [(0, START_US + second * 1_000_000, value) for second, value in ((10, 24.9), (60, 0.1), (200, 12.7))]
    last = [(0, START_US + 301_000_000, 12.3)]
    for order in (base, base[::-1], [base[1], base[2], base[0]]):
        desk = Counter(pond(RAIN))
        for each in [*order, *last]:
            desk.give([each])
        assert desk.record[0].causes[0].value == 50.0


def rising(step: float, count: int, start: float = 300.0) -> list[float]:
    return [round(start + step * index, 3) for index in range(count)]


def test_a_steady_rise_warns_ahead_of_the_limit() -> None:
    # 0.24 m/h: 12 h before orange (303.0) at 300.12, 6 h before at 301.56.
    desk = live(ALONE, every5([300.0] * 20 + rising(0.02, 20)))
    assert "raised blue" in events(desk)
    assert rules(desk) == ["trend"]


def test_a_trend_needs_two_observations_in_a_row() -> None:
    values = [300.0] * 20 + rising(0.02, 30)
    desk = live(ALONE, every5(values))
    when = int(minute(desk, "raised") // 5)
    engine = Counter(ALONE)
    engine.give(every5(values[: when + 1]))
    found = engine.engine
    # What the observation by itself shows has shown for one reading more than what is warned of.
    rows = np.zeros(when + 1, np.int64)
    slots = np.array([slot(time) for _, time, _ in every5(values[: when + 1])])
    cells = np.array(values[: when + 1], np.float32)
    whole = observe(found.ring, found.points, rows, slots, cells)
    assert whole.trend[-1] > 0
    assert whole.trend[-2] == 0
    alone = observe(found.ring, found.points, rows[-2:-1], slots[-2:-1], cells[-2:-1])
    assert alone.trend[0] == 0, "no observation before it: one alone says nothing"


def test_rain_and_rise_together_count_one_level_more() -> None:
    rain = [0.0] * 20 + tips(55.0, 72) + [0.0] * 10
    level = [301.5] * 50 + rising(0.012, 52, 301.5)
    desk = live(pond(ONE, RAIN), every5(level), every5(rain, place=1))
    (compound,) = (each for each in desk.record if any(cause.rule == "compound" for cause in each.causes))
    assert compound.causes[0].rule == "compound"
    assert {cause.rule for cause in compound.causes[1:]} == {"threshold", "trend", "rainfall"}
    assert Level.of(compound.level) == max(Level.of(each.level) for each in compound.causes[1:]) + 1


def test_a_rise_under_a_dry_gauge_is_blue_at_the_most() -> None:
    level = [300.0] * 20 + rising(0.03, 60)
    wet, dry = live(ALONE, every5(level)), live(pond(ONE, RAIN), every5(level), every5([0.0] * 80, place=1))
    trend_only = [each for each in wet.record if [cause.rule for cause in each.causes] == ["trend"]]
    assert "yellow" in [str(each.level) for each in trend_only]
    capped = [cause.level for each in dry.record for cause in each.causes if cause.rule == "trend"]
    assert set(capped) == {"blue"}


def test_a_gauge_that_is_silent_caps_nothing() -> None:
    level = [300.0] * 20 + rising(0.03, 60)
    desk = live(pond(ONE, RAIN), every5(level), every5([0.0] * 5, place=1))
    trends = [cause.level for each in desk.record for cause in each.causes if cause.rule == "trend"]
    assert "yellow" in trends


def test_a_stuck_gauge_is_a_question_while_it_pours_and_not_in_calm() -> None:
    pouring = live(pond(ONE, RAIN), every5([300.0] * 90), every5([0.0] * 10 + [1.2] * 30 + [0.0] * 50, place=1))
    assert "flat_line" in [cause.rule for each in pouring.record for cause in each.causes]
    assert events(live(ALONE, every5([300.0] * 90))) == []


def test_sensors_of_one_item_that_disagree_are_a_question_once() -> None:
    desk = live(pond(ONE, TWO), every5([300.0] * 60), every5([300.5] * 60, place=1))
    notices = [cause.sensor for each in desk.record for cause in each.causes if cause.rule == "neighbour"]
    assert sorted(notices) == ["level-1", "level-2"]


def test_a_slow_climb_over_weeks_is_noticed_once() -> None:
    values = [300.0] * 72 + [300.0 + 0.002 * hour for hour in range(240)]
    hourly = pond(sensor("level-1", interval_s=3600), rules={"trend": {"enabled": False}})
    desk = Counter(hourly)
    desk.give([(0, START_US + index * HOUR_US, value) for index, value in enumerate(values)])
    climbs = [each for each in desk.record if each.causes and each.causes[0].rule == "slow_climb"]
    assert len(climbs) == 1
    assert not [each for each in events(desk) if each.startswith("raised")]


# -- sensors' lives ----


def test_readings_in_maintenance_are_not_judged_and_leave_no_trace() -> None:
    away, back = START + timedelta(hours=2), START + timedelta(hours=3)
    states = [(None, SensorState.IN_SERVICE), (away, SensorState.MAINTENANCE), (back, SensorState.IN_SERVICE)]
    tested = pond(sensor("rain-1", SensorKind.RAIN, states=states))
    # A jug of water is poured into the gauge while it is being tested.
    poured = [0.0] * 26 + [20.0, 20.0, 20.0] + [0.0] * 30
    assert events(live(tested, every5(poured))) == []
    assert "raised orange" in events(live(pond(RAIN), every5(poured)))


def test_a_sensor_back_from_maintenance_has_its_time_before_it_is_called_silent() -> None:
    away, back = START + timedelta(hours=1), START + timedelta(hours=3)
    states = [(None, SensorState.IN_SERVICE), (away, SensorState.MAINTENANCE), (back, SensorState.IN_SERVICE)]
    setup = pond(sensor("level-1", states=states))
    desk = Counter(setup)
    desk.give(every5([300.0] * 10))
    desk.tick(desk.watch.head + 100)
    # Silent from its return, three intervals and one slot; not from its last reading before.
    assert events(desk) == ["blind"]
    assert minute(desk, "blind") == 180 + 15


def test_a_commissioning_sensor_says_nothing() -> None:
    setup = pond(sensor("level-1", states=[(None, SensorState.COMMISSIONING)]))
    desk = live(setup, every5([305.0] * 20))
    desk.tick(desk.watch.head + 500)
    assert events(desk) == []
