"""Deadlines on a working-day calendar: which stages a finding goes through, and how it stands on a day.

Everything here is a function of the finding's history and the calendar, not of when anybody looks: a clock that was
down for a week finds the same stages, on the same days, as one that looked every second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from shared.contracts.cases import Finding, FindingState
from shared.contracts.deadlines import DeadlineStanding, SupervisionLevel

__all__ = [
    "Calendar",
    "Snapshot",
    "Stage",
    "StageKind",
    "StagePolicy",
    "next_due",
    "runs",
    "shifted",
    "stages",
    "stages_due",
    "standing",
    "working_days_between",
]

DAY = timedelta(days=1)
RUNS = frozenset({FindingState.ASSIGNED, FindingState.RECTIFYING, FindingState.SUBMITTED, FindingState.PASSED})
"""States in which a deadline runs: a submitted rectification is not yet a close-out."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked.

    ``is_known`` tells of a day whether its holidays and make-up working days 调休 are known; where they are not,
    ``is_working_day`` goes by weekends.
    """

    is_working_day: Callable[[date], bool]
    is_known: Callable[[date], bool]


class StageKind(StrEnum):
    """What happens at a stage."""

    REMINDER = "reminder"
    OVERDUE = "overdue"
    ESCALATION = "escalation"
    LOOK_BACK = "look-back"


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """Which stages a deadline has, in working days before and after it.

    Defaults are an office's habit, not a regulation's; they are settings of the service.
    """

    reminders: tuple[int, ...] = (10, 3, 1)
    escalations: tuple[tuple[int, SupervisionLevel], ...] = (
        (5, SupervisionLevel.COUNTY),
        (10, SupervisionLevel.CITY),
    )

    @property
    def fingerprint(self) -> str:
        """Text that changes when the policy does."""
        after = ",".join(f"{days}:{level.value}" for days, level in self.escalations)
        return f"{','.join(map(str, self.reminders))}|{after}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of one deadline and the day it falls due."""

    kind: StageKind
    deadline: date
    due_on: date
    official: bool
    """Whether every day counted on the way is of the official calendar."""
    working_days: int = 0
    level: SupervisionLevel | None = None

    @property
    def name(self) -> str:
        """Its name among the stages of the deadline."""
        return f"{self.kind.value}-{self.working_days}" if self.working_days else self.kind.value

    @property
    def key(self) -> tuple[date, str]:
        """What makes it one stage: it is said once for each deadline."""
        return self.deadline, self.name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A finding as it stood from the end of ``since`` until the end of the day before ``until`` (None: still)."""

    since: date
    until: date | None
    finding: Finding


def shifted(day: date, working_days: int, calendar: Calendar) -> date:
    """Return the day so many working days after (negative: before) *day*, which itself does not count.

    >>> weekends = Calendar(lambda day: day.weekday() < 5, lambda day: True)
    >>> shifted(date(2023, 3, 10), 1, weekends), shifted(date(2023, 3, 13), -1, weekends)
    (datetime.date(2023, 3, 13), datetime.date(2023, 3, 10))
    """
    step = DAY if working_days > 0 else -DAY
    left = abs(working_days)
    while left:
        day += step
        left -= calendar.is_working_day(day)
    return day


def working_days_between(first: date, last: date, calendar: Calendar) -> int:
    """Return the number of working days after *first* up to and including *last*; negative when *last* is earlier."""
    if last < first:
        return -working_days_between(last, first, calendar)
    days = (last - first).days
    return sum(calendar.is_working_day(first + timedelta(days=ahead)) for ahead in range(1, days + 1))


def stages(deadline: date, policy: StagePolicy, calendar: Calendar) -> tuple[Stage, ...]:
    """Return every stage of *deadline*, in order of the days they fall due."""
    wanted = [(StageKind.REMINDER, -days, None) for days in policy.reminders]
    wanted.append((StageKind.OVERDUE, 1, None))
    found = []
    for kind, days, level in (*wanted, *((StageKind.ESCALATION, days, level) for days, level in policy.escalations)):
        due_on = shifted(deadline, days, calendar)
        named = 0 if kind is StageKind.OVERDUE else abs(days)
        found.append(Stage(kind, deadline, due_on, _official(deadline, due_on, calendar), named, level))
    return tuple(sorted(found, key=lambda stage: (stage.due_on, abs(stage.working_days) if stage.level else 0)))


def _official(one: date, other: date, calendar: Calendar) -> bool:
    """Tell whether the calendar is known from *one* to *other* (it is known in one piece)."""
    return calendar.is_known(one) and calendar.is_known(other)


def stages_due(history: Sequence[Snapshot], today: date, policy: StagePolicy, calendar: Calendar) -> tuple[Stage, ...]:
    """Return every stage of a finding's life that has fallen due by *today*, in order, each once.

    A stage falls due only while its deadline stands: an extension or a close-out before its day ends it. What a
    deadline set late leaves behind it is no stage if it is a reminder; overdue and escalations fall due on the day it
    was set.
    """
    found: dict[tuple[date, str], Stage] = {}
    for since, until, deadline in _spans(history):
        for stage in stages(deadline, policy, calendar):
            if stage.kind is StageKind.REMINDER and stage.due_on < since:
                continue
            _keep(found, stage, since, until, today)
    for since, until, due in _look_backs(history):
        day = due if calendar.is_working_day(due) else shifted(due, 1, calendar)
        stage = Stage(StageKind.LOOK_BACK, due, day, _official(due, day, calendar))
        _keep(found, stage, since, until, today)
    return tuple(sorted(found.values(), key=lambda stage: (stage.due_on, stage.deadline, stage.working_days)))


def _keep(found: dict[tuple[date, str], Stage], stage: Stage, since: date, until: date | None, today: date) -> None:
    due_on = max(stage.due_on, since)
    if due_on <= today and (until is None or due_on < until):
        found.setdefault(
            stage.key, Stage(stage.kind, stage.deadline, due_on, stage.official, stage.working_days, stage.level)
        )


def next_due(history: Sequence[Snapshot], today: date, policy: StagePolicy, calendar: Calendar) -> date | None:
    """Return the first day after *today* on which a stage falls due if nothing changes, or None."""
    if not history:
        return None
    ahead = [
        stage.due_on
        for since, until, deadline in _spans(history)
        if until is None
        for stage in stages(deadline, policy, calendar)
        if max(stage.due_on, since) > today
    ]
    for _, until, due in _look_backs(history):
        day = due if calendar.is_working_day(due) else shifted(due, 1, calendar)
        if until is None and day > today:
            ahead.append(day)
    return min(ahead, default=None)


def runs(finding: Finding) -> bool:
    """Tell whether a deadline runs. After a relapse the old one does, until the finding is assigned anew."""
    return finding.state in RUNS


def _spans(history: Iterable[Snapshot]) -> Iterator[tuple[date, date | None, date]]:
    """Yield (since, until, deadline) for each stretch of days on which one deadline ran."""
    return _stretches(
        (shot.since, shot.until, (shot.finding.deadline,) if runs(shot.finding) else ()) for shot in history
    )


def _look_backs(history: Iterable[Snapshot]) -> Iterator[tuple[date, date | None, date]]:
    """Yield (since, until, due) for each stretch of days on which a look-back was awaited."""
    return _stretches(
        (shot.since, shot.until, tuple(each.due for each in shot.finding.look_backs if each.held_on is None))
        for shot in history
    )


def _stretches(
    told: Iterable[tuple[date, date | None, tuple[date | None, ...]]],
) -> Iterator[tuple[date, date | None, date]]:
    begun: dict[date, date] = {}
    end: date | None = None
    for since, until, days in told:
        for gone in [day for day in begun if day not in days]:
            yield begun.pop(gone), since, gone
        for day in days:
            if day is not None:
                begun.setdefault(day, since)
        end = until
    for day, since in begun.items():
        yield since, end, day


def standing(
    deadline: date, today: date, policy: StagePolicy, calendar: Calendar
) -> tuple[DeadlineStanding, SupervisionLevel, Stage | None]:
    """Return how an open finding stands to *deadline* on *today*, whose matter it is, and the stage to come."""
    known = stages(deadline, policy, calendar)
    passed = [stage for stage in known if stage.due_on <= today]
    coming = next((stage for stage in known if stage.due_on > today), None)
    level = next((stage.level for stage in reversed(passed) if stage.level is not None), SupervisionLevel.UNIT)
    kinds = {stage.kind for stage in passed}
    if StageKind.ESCALATION in kinds:
        return DeadlineStanding.ESCALATED, level, coming
    if StageKind.OVERDUE in kinds:
        return DeadlineStanding.OVERDUE, level, coming
    return (DeadlineStanding.DUE_SOON if kinds else DeadlineStanding.RUNNING), level, coming
