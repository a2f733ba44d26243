"""What clocks say about a finding: reminders, overdue, escalations, look-backs due (version 1).

They stand in a stream of their own (``deadline-<finding>``), so that a clock never disturbs the finding's own stream;
they are published under the finding. ``on`` is the day a stage fell due, whenever it was noticed. Each stage is said
once for each finding and deadline.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Kept, PageQuery, Recorded
from shared.contracts.base import Event, Identifier, Record

__all__ = [
    "DEADLINE_EVENTS",
    "ClockRecord",
    "ClosureNote",
    "ClosureOverdueNoted",
    "DeadlineEscalated",
    "DeadlineList",
    "DeadlineOverdue",
    "DeadlineReminded",
    "DeadlineStanding",
    "DeadlineView",
    "ListDeadlines",
    "LookBackDue",
    "StagePassed",
    "SupervisionLevel",
]


class SupervisionLevel(StrEnum):
    """Who is to look after a finding: the unit that must rectify, then the next levels up."""

    UNIT = "unit"  # 责任单位
    COUNTY = "county"  # 县（区）
    CITY = "city"  # 市


class _Stage(Recorded):
    """A stage of a finding's deadline that fell due on ``on``."""

    finding_id: Identifier
    stage: str
    """Its name among the stages of one deadline: ``reminder-10``, ``overdue``, ``escalation-5``, ``look-back``."""
    due_on: date
    """The day it fell due by the calendar. ``on`` is this day, or later where a later stage was already on record."""
    deadline: date
    official_calendar: bool
    """False: part of the way lies in years whose holidays are not announced; there only weekends were left out."""
    superseded: bool = False
    """True: a later stage of this deadline had already fallen due when this one was noticed."""
    title: str
    county: str
    responsible_unit: str = ""
    person: str = ""


class DeadlineReminded(_Stage):
    """A finding is due in so many working days."""

    event_type: ClassVar[str] = "cases.finding.deadline_reminded"
    working_days: int = Field(ge=1)


class DeadlineOverdue(_Stage):
    """A finding is past its deadline: this is the first working day after it."""

    event_type: ClassVar[str] = "cases.finding.deadline_overdue"


class DeadlineEscalated(_Stage):
    """A finding is so many working days past its deadline and goes to the next level up."""

    event_type: ClassVar[str] = "cases.finding.deadline_escalated"
    working_days: int = Field(ge=1)
    level: SupervisionLevel


class LookBackDue(_Stage):
    """A look-back 回头看 is due; ``deadline`` is its day."""

    event_type: ClassVar[str] = "cases.finding.look_back_due"


class ClosureOverdueNoted(Recorded):
    """The register says (again) that the closure of a pond this finding is about is overdue."""

    event_type: ClassVar[str] = "cases.finding.closure_overdue_noted"
    finding_id: Identifier
    pond_id: Identifier
    closure_stage: int = Field(ge=1)
    due_on: date
    out_of_use_since: date


class StagePassed(Record):
    """A stage that was said."""

    deadline: date
    stage: str
    due_on: date
    level: SupervisionLevel | None = None


class ClosureNote(Record):
    """What the register said of an overdue closure."""

    pond_id: Identifier
    closure_stage: int
    due_on: date
    out_of_use_since: date


class ClockRecord(Kept):
    """What clocks have said of a finding; its id is the finding's."""

    passed: tuple[StagePassed, ...] = ()
    notes: tuple[ClosureNote, ...] = ()


class DeadlineStanding(StrEnum):
    """How a finding stands to its deadline on the day asked about."""

    RUNNING = "running"  # 未到提醒期
    DUE_SOON = "due_soon"  # 临期
    OVERDUE = "overdue"  # 逾期
    ESCALATED = "escalated"  # 逾期并已上提
    LOOK_BACK_DUE = "look_back_due"  # 应回头看


class ListDeadlines(PageQuery):
    """Ask which findings are due soon, overdue or escalated, and which look-backs are due; the most urgent first."""

    command_name: ClassVar[str] = "cases.list_deadlines"
    county: str | None = None
    everything: bool = False
    """Findings too whose first reminder is still to come."""


class DeadlineView(Record):
    """A finding and its deadline on the day asked about."""

    finding_id: str
    title: str
    county: str
    deadline: date
    standing: DeadlineStanding
    level: SupervisionLevel
    working_days: int
    """Until the deadline; negative: so many past it."""
    official_calendar: bool
    responsible_unit: str = ""
    person: str = ""
    next_stage: str | None = None
    next_on: date | None = None
    said: tuple[StagePassed, ...] = ()
    """The stages of this deadline that were published by then."""


class DeadlineList(Record):
    """The answer to ``ListDeadlines``."""

    as_of: date
    total: int
    calendar_until: date
    """Last day whose holidays and make-up working days are known; beyond it only weekends count."""
    deadlines: tuple[DeadlineView, ...]


DEADLINE_EVENTS: tuple[type[Event], ...] = (
    DeadlineReminded,
    DeadlineOverdue,
    DeadlineEscalated,
    LookBackDue,
    ClosureOverdueNoted,
)
