"""Working days around Chinese holidays, and the stages of a deadline on them."""

from __future__ import annotations

import logging
from datetime import date, timedelta

import pytest

from services.cases.adapters import calendar
from services.cases.domain.deadlines import (
    Calendar,
    Snapshot,
    StagePolicy,
    next_due,
    shifted,
    stages,
    stages_due,
    standing,
    working_days_between,
)
from shared import workdays
from shared.contracts.cases import Assignment, Finding, FindingSource, FindingState, LookBack, Subject, SubjectKind
from shared.contracts.deadlines import DeadlineStanding, SupervisionLevel

CHINESE = calendar.chinese()
POLICY = StagePolicy()


def d(text: str) -> date:
    return date.fromisoformat(text)


# Spring Festival 2023 (21 to 27 January off, 28 and 29 worked), National Day 2023 (29 September to 6 October off, 7 and
# 8 worked), both in the State Council's notice 国办发明电〔2022〕16号; National Day 2024 with its make-up days.
WORKED = {
    "2023-01-20": True, "2023-01-21": False, "2023-01-23": False, "2023-01-27": False, "2023-01-28": True,
    "2023-01-29": True, "2023-01-30": True, "2023-02-04": False, "2023-09-28": True, "2023-09-29": False,
    "2023-10-02": False, "2023-10-06": False, "2023-10-07": True, "2023-10-08": True, "2023-10-14": False,
    "2024-09-29": True, "2024-10-01": False, "2024-10-07": False, "2024-10-08": True, "2024-10-12": True,
    "2024-10-13": False, "2023-04-23": True, "2023-05-01": False, "2023-05-06": True,
}  # fmt: skip


@pytest.mark.parametrize(("day", "worked"), WORKED.items())
def test_holidays_are_off_and_make_up_days_are_worked(day: str, worked: bool) -> None:
    assert calendar.is_working_day(d(day)) is worked


def test_a_year_nobody_has_announced_is_counted_by_weekends_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workdays._say_unknown.cache_clear()
    unknown = calendar.LAST_KNOWN + timedelta(days=400)
    monday = unknown - timedelta(days=unknown.weekday())
    with caplog.at_level(logging.WARNING):
        worked = [calendar.is_working_day(monday + timedelta(days=ahead)) for ahead in range(7)]
    assert worked == [True] * 5 + [False] * 2
    assert not calendar.is_known(monday)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "weekends only" in caplog.text
    assert not any(stage.official for stage in stages(monday, POLICY, CHINESE))
    assert all(stage.official for stage in stages(d("2023-03-10"), POLICY, CHINESE))


@pytest.mark.parametrize(
    ("day", "by", "found"),
    [
        ("2023-01-20", 1, "2023-01-28"),  # over the festival, to the Saturday that makes up for it
        ("2023-01-30", -1, "2023-01-29"),
        ("2023-01-30", -3, "2023-01-20"),
        ("2023-09-28", 3, "2023-10-09"),
        ("2023-02-10", 0, "2023-02-10"),
        ("2023-02-11", 1, "2023-02-13"),
    ],
)
def test_so_many_working_days_on(day: str, by: int, found: str) -> None:
    assert shifted(d(day), by, CHINESE) == d(found)
    if calendar.is_working_day(d(day)):
        assert working_days_between(d(day), d(found), CHINESE) == by


def test_the_stages_of_a_deadline_in_the_festival() -> None:
    found = [(stage.name, stage.due_on, stage.level) for stage in stages(d("2023-01-23"), POLICY, CHINESE)]
    assert found == [
        ("reminder-10", d("2023-01-09"), None),
        ("reminder-3", d("2023-01-18"), None),
        ("reminder-1", d("2023-01-20"), None),
        ("overdue", d("2023-01-28"), None),
        ("escalation-5", d("2023-02-01"), SupervisionLevel.COUNTY),
        ("escalation-10", d("2023-02-08"), SupervisionLevel.CITY),
    ]


def finding(deadline: str | None, state: FindingState = FindingState.ASSIGNED, *look_backs: LookBack) -> Finding:
    assignment = None
    if deadline is not None:
        assignment = Assignment(
            target="闭库", responsible_unit="平山县政府", person="张三", deadline=d(deadline), measures=("设计",),
            assigned_on=d("2023-01-01"),
        )  # fmt: skip
    return Finding(
        id="f1", last_on=d("2023-01-01"), title="未闭库", quote="…", source=FindingSource.LETTER,
        subjects=(Subject(kind=SubjectKind.POND, id="xiakou", name="下口"),), county="平山县",
        found_on=d("2023-01-01"), state=state, assignment=assignment, look_backs=look_backs,
    )  # fmt: skip


def told(*rows: tuple[str, Finding]) -> list[Snapshot]:
    ends = [d(day) for day, _ in rows[1:]]
    return [Snapshot(d(day), end, each) for (day, each), end in zip(rows, [*ends, None], strict=True)]


def names(history: list[Snapshot], today: str) -> list[str]:
    return [f"{each.due_on:%m-%d} {each.name}" for each in stages_due(history, d(today), POLICY, CHINESE)]


def test_what_was_missed_is_found_later_on_its_own_day() -> None:
    history = told(("2023-03-01", finding(None, FindingState.FOUND)), ("2023-03-02", finding("2023-03-31")))
    assert names(history, "2023-03-16") == []
    assert next_due(history, d("2023-03-16"), POLICY, CHINESE) == d("2023-03-17")
    everything = [
        "03-17 reminder-10", "03-28 reminder-3", "03-30 reminder-1", "04-03 overdue", "04-10 escalation-5",
        "04-17 escalation-10",
    ]  # fmt: skip
    assert names(history, "2023-03-30") == everything[:3]
    assert names(history, "2023-12-31") == everything
    assert next_due(history, d("2023-12-31"), POLICY, CHINESE) is None


def test_an_extension_ends_the_old_stages_and_begins_new_ones() -> None:
    history = told(("2023-03-02", finding("2023-03-31")), ("2023-04-04", finding("2023-04-28")))
    # The reminder ten days before the new deadline would have been before that was set only if it were earlier.
    assert names(history, "2023-04-26") == [
        "03-17 reminder-10", "03-28 reminder-3", "03-30 reminder-1", "04-03 overdue", "04-17 reminder-10",
        "04-25 reminder-3",
    ]  # fmt: skip


def test_a_closed_out_finding_has_no_more_stages_but_its_look_back() -> None:
    look_back = LookBack(due=d("2023-06-24"))  # a Saturday in the Dragon Boat holidays; the Sunday makes up for it
    closed = finding("2023-03-31", FindingState.CLOSED_OUT, look_back)
    history = told(("2023-03-02", finding("2023-03-31")), ("2023-03-29", closed))
    assert names(history, "2023-06-24") == ["03-17 reminder-10", "03-28 reminder-3"]
    assert next_due(history, d("2023-06-24"), POLICY, CHINESE) == d("2023-06-25")
    assert names(history, "2023-06-25")[-1] == "06-25 look-back"
    held = look_back.model_copy(update={"held_on": d("2023-06-20"), "holds": True})
    early = [*history[:-1], *told(("2023-03-29", closed), ("2023-06-20", finding(None, closed.state, held)))]
    assert names(early, "2024-01-01") == ["03-17 reminder-10", "03-28 reminder-3"]


def test_a_deadline_set_too_late_is_overdue_at_once_and_reminds_of_nothing() -> None:
    history = told(("2023-05-10", finding("2023-03-31")))
    assert names(history, "2023-05-10") == ["05-10 overdue", "05-10 escalation-5", "05-10 escalation-10"]


@pytest.mark.parametrize(
    ("today", "how", "level", "coming"),
    [
        ("2023-03-16", DeadlineStanding.RUNNING, SupervisionLevel.UNIT, "reminder-10"),
        ("2023-03-31", DeadlineStanding.DUE_SOON, SupervisionLevel.UNIT, "overdue"),
        ("2023-04-02", DeadlineStanding.DUE_SOON, SupervisionLevel.UNIT, "overdue"),
        ("2023-04-03", DeadlineStanding.OVERDUE, SupervisionLevel.UNIT, "escalation-5"),
        ("2023-04-10", DeadlineStanding.ESCALATED, SupervisionLevel.COUNTY, "escalation-10"),
        ("2023-05-10", DeadlineStanding.ESCALATED, SupervisionLevel.CITY, None),
    ],
)
def test_how_a_finding_stands(
    today: str, how: DeadlineStanding, level: SupervisionLevel, coming: str | None
) -> None:  # fmt: skip
    found = standing(d("2023-03-31"), d(today), POLICY, CHINESE)
    assert (found[0], found[1], None if found[2] is None else found[2].name) == (how, level, coming)


def test_stages_follow_the_settings() -> None:
    policy = StagePolicy((2,), ((1, SupervisionLevel.CITY),))
    weekends = Calendar(lambda day: day.weekday() < 5, lambda day: True)
    assert [stage.name for stage in stages(d("2023-03-31"), policy, weekends)] == [
        "reminder-2",
        "overdue",
        "escalation-1",
    ]
    assert policy.fingerprint != POLICY.fingerprint
