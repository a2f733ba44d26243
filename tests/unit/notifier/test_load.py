"""The figures of alarm load, on tables one can check by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from services.notifier.domain.load import Passage, Spell, alarm_load
from shared.contracts.levels import LevelName

SINCE = datetime(2025, 7, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=10)
H = timedelta(hours=1)


def passage(
    name: str, pond: str, hours: float, cleared: float | None, answered_s: float | None = None,
    level: LevelName = LevelName.RED, exercise: bool = False,
) -> Passage:  # fmt: skip
    opened = SINCE + hours * H
    return Passage(
        alarm_id=name, pond_id=pond, highest=level, opened=opened, exercise=exercise,
        cleared=None if cleared is None else SINCE + cleared * H,
        answered=None if answered_s is None else opened + timedelta(seconds=answered_s),
    )  # fmt: skip


PASSAGES = [
    passage("a-1", "a", -30, -0.5, 10),  # before the period; clears just before it
    passage("a-2", "a", 0.25, 1, 60),  # chatter: three quarters of an hour after a-1 cleared
    passage("a-3", "a", 1.5, 2, 120),  # and again
    passage("a-4", "a", 10, 11, 600),  # long after
    passage("b-1", "b", 20, 70, None, LevelName.ORANGE),  # 50 h
    passage("b-2", "b", 200, None, 30, LevelName.ORANGE),  # stands since 40 h
    passage("c-1", "c", 239, None, None, LevelName.BLUE),
    passage("c-0", "c", -100, -60),  # over before it began
    passage("drill-a-1", "drill-a", 5, 6, 5, exercise=True),
    passage("watchdog-1", "watchdog", 5, 5.1),
    passage("d-1", "d", 240, None),  # not yet
]
SPELLS = [
    Spell(pond_id="a", began=SINCE - H, ended=SINCE + 2 * H),
    Spell(pond_id="a", began=SINCE + 5 * H, ended=SINCE + 6 * H),
    Spell(pond_id="b", began=UNTIL - 4 * H),
    Spell(pond_id="c", began=SINCE - 5 * H, ended=SINCE - H),
    Spell(pond_id="watchdog", began=SINCE),
]


def test_the_figures() -> None:
    load = alarm_load(PASSAGES, SPELLS, SINCE, UNTIL)
    assert (load.warnings, load.per_day, load.most_in_a_day, load.exercises) == (6, 0.6, 3, 1)
    # Local days: 20 h after midnight UTC is the next morning in Hebei.
    assert [(each.day, each.warnings) for each in load.days] == [
        (date(2025, 7, 1), 3), (date(2025, 7, 2), 1), (date(2025, 7, 9), 1), (date(2025, 7, 11), 1),
    ]  # fmt: skip
    assert load.days[0].by_level == {LevelName.RED: 3}
    assert [(each.pond_id, each.times) for each in load.chatter] == [("a", 2)]
    assert [(each.alarm_id, each.hours, each.cleared is None) for each in load.standing] == [
        ("b-1", 50.0, False), ("b-2", 40.0, True),
    ]  # fmt: skip
    assert [(each.level.value, each.warnings, each.answered, each.median_s, each.p90_s) for each in load.answers] == [
        ("red", 3, 3, 120.0, 504.0), ("orange", 2, 1, 30.0, 30.0), ("blue", 1, 0, None, None),
    ]  # fmt: skip
    assert [(each.pond_id, each.hours, each.spells, each.blind) for each in load.blind] == [
        ("b", 4.0, 1, True), ("a", 3.0, 2, False),
    ]  # fmt: skip
    assert load.blind_hours == 7.0


def test_chatter_is_what_is_said_to_be() -> None:
    assert alarm_load(PASSAGES, [], SINCE, UNTIL, chatter=timedelta(minutes=40)).chattered == 1
    assert alarm_load(PASSAGES, [], SINCE, UNTIL, chatter=timedelta(hours=24)).chattered == 3


def test_a_quiet_time_has_figures_too() -> None:
    load = alarm_load([], [], SINCE, UNTIL)
    assert (load.warnings, load.per_day, load.days, load.answers, load.blind_hours) == (0, 0.0, (), (), 0.0)


def test_an_answer_after_the_period_is_none_yet() -> None:
    (answers,) = alarm_load([passage("a", "a", 1, None, 3600 * 24 * 20)], [], SINCE, UNTIL).answers
    assert (answers.warnings, answers.answered) == (1, 0)
