"""Whenever clocks look and however often: each stage of each deadline is said once, on the day it belongs to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.domain import clock
from services.cases.domain.clock import NoticeStages
from services.cases.domain.deadlines import Calendar, Snapshot, StagePolicy, next_due, stages_due
from shared.contracts.acts import Asked
from shared.contracts.cases import Assignment, Finding, FindingSource, FindingState, Subject, SubjectKind
from shared.contracts.deadlines import ClockRecord, ClosureOverdueNoted
from tests.prove import examples

BEGIN = date(2023, 1, 2)
HORIZON = 120
WEEKENDS = Calendar(lambda day: day.weekday() < 5, lambda day: True)
POLICY = StagePolicy()


def finding(deadline: int | None, state: FindingState) -> Finding:
    assignment = None
    if deadline is not None:
        assignment = Assignment(
            target="t", responsible_unit="u", person="p", deadline=BEGIN + timedelta(days=deadline), measures=("m",),
            assigned_on=BEGIN,
        )  # fmt: skip
    return Finding(
        id="f", last_on=BEGIN, title="t", quote="q", source=FindingSource.LETTER,
        subjects=(Subject(kind=SubjectKind.CITY, id="c", name="c"),), county="c", found_on=BEGIN, state=state,
        assignment=assignment,
    )  # fmt: skip


STATES = st.sampled_from([FindingState.ASSIGNED, FindingState.RECTIFYING, FindingState.CLOSED_OUT])
CHANGES = st.lists(st.tuples(st.integers(0, HORIZON), st.integers(-20, HORIZON), STATES), min_size=1, max_size=5)
TICKS = st.lists(st.integers(0, HORIZON + 60), min_size=1, max_size=12)


def lived(changes: list[tuple[int, int, FindingState]], until: int) -> list[Snapshot]:
    """Return what was on record by the end of day *until*."""
    days = {day: finding(deadline, state) for day, deadline, state in changes if day <= until}
    rows = [(BEGIN + timedelta(days=day), days[day]) for day in sorted(days)]
    ends = [day for day, _ in rows[1:]]
    return [Snapshot(day, end, each) for (day, each), end in zip(rows, [*ends, None], strict=True)] if rows else []


def ticked(changes: list[tuple[int, int, FindingState]], ticks: list[int]) -> list[tuple[date, str, date]]:
    """Return what clocks say that look on these days, each remembering only what is on record."""
    state: ClockRecord | None = None
    said = []
    for tick in ticks:
        today = BEGIN + timedelta(days=tick)
        history = lived(changes, tick)
        due = stages_due(history, today, POLICY, WEEKENDS)
        for _ in range(2):  # two clocks at once: the second decides on what the first left
            at = datetime.combine(today, datetime.min.time(), UTC)
            for event in clock.decide(Asked(NoticeStages(finding(None, FindingState.FOUND), due), at, today), state):
                assert not isinstance(event, ClosureOverdueNoted)
                assert state is None or event.on >= state.last_on
                assert event.on <= today
                said.append((event.deadline, event.stage, event.due_on))
                state = clock.evolve(state, event)
    return said


@given(CHANGES, TICKS)
@settings(max_examples=examples(400), deadline=None)
def test_each_stage_is_said_once_whoever_looks_and_when(
    changes: list[tuple[int, int, FindingState]], ticks: list[int]
) -> None:
    last = HORIZON + 80
    said = ticked(changes, [*sorted(ticks), last])
    assert len(set(said)) == len(said)
    assert len({(deadline, stage) for deadline, stage, _ in said}) == len(said)
    # Who looks only once, at the end, finds the same: nothing is lost by being away, nothing is said for having looked.
    assert sorted(said) == sorted(ticked(changes, [last])) == sorted(ticked(changes, [*range(0, last, 7), last, last]))


@given(CHANGES, st.integers(0, HORIZON))
@settings(max_examples=examples(400), deadline=None)
def test_nothing_falls_due_between_a_look_and_the_next_day_named(
    changes: list[tuple[int, int, FindingState]], day: int
) -> None:
    history = lived(changes, day)
    today = BEGIN + timedelta(days=day)
    before = stages_due(history, today, POLICY, WEEKENDS)
    coming = next_due(history, today, POLICY, WEEKENDS)
    horizon = today + timedelta(days=200)
    if coming is None:
        assert stages_due(history, horizon, POLICY, WEEKENDS) == before
    else:
        assert stages_due(history, coming - timedelta(days=1), POLICY, WEEKENDS) == before
        assert len(stages_due(history, coming, POLICY, WEEKENDS)) > len(before)
