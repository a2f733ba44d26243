"""Alarm load: how many warnings people get, how long they wait, how long ponds are not seen (version 1).

The figures are those of ISA-18.2: alarms per day, chattering, standing (stale) alarms, time to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from pydantic import BaseModel, Field

from shared.contracts.base import Command, Identifier, Moment, Record
from shared.contracts.levels import LevelName

__all__ = [
    "LOAD_REPLIES",
    "AlarmLoad",
    "AnswerTimes",
    "AskAlarmLoad",
    "BlindHours",
    "Chatter",
    "DayLoad",
    "StandingAlarm",
]


class AskAlarmLoad(Command):
    """Ask for the figures of the days up to ``until`` (a query)."""

    command_name: ClassVar[str] = "notifier.alarm_load"
    days: int = Field(default=30, ge=1, le=3660)
    until: Moment | None = None
    """None: now."""
    chatter_minutes: int = Field(default=60, ge=1, le=24 * 60)
    """Raised again so soon after clearing counts as chatter."""


class DayLoad(Record):
    """Warnings opened on a day (local), by the highest level they reached."""

    day: date
    warnings: int
    by_level: dict[LevelName, int] = Field(default_factory=dict)


class Chatter(Record):
    """A pond whose warnings come again soon after they clear."""

    pond_id: Identifier
    times: int


class StandingAlarm(Record):
    """A warning whose condition lasted longer than a day; ``cleared`` None: it still does."""

    alarm_id: str
    pond_id: Identifier
    highest: LevelName
    opened: Moment
    cleared: Moment | None = None
    hours: float
    """At the end of the period [h]."""


class AnswerTimes(Record):
    """How long people took to answer, by a warning's highest level; the first answer of somebody fit to act."""

    level: LevelName
    warnings: int
    answered: int
    median_s: float | None = None
    p90_s: float | None = None


class BlindHours(Record):
    """How long a pond was not seen within the period [h]; ``blind``: it is not seen at its end."""

    pond_id: Identifier
    hours: float
    spells: int
    blind: bool = False


class AlarmLoad(Record):
    """Answer to ``AskAlarmLoad``, by the warnings' own time: an old series replayed today counts when it was measured.

    A pond is blind from when it was registered at the earliest. Exercises and the watchdog are left out of every figure
    but ``exercises``.
    """

    since: Moment
    until: Moment
    warnings: int
    per_day: float
    """Mean over the period."""
    most_in_a_day: int
    days: tuple[DayLoad, ...] = ()
    """Days without a warning are left out."""
    chatter: tuple[Chatter, ...] = ()
    """Most first."""
    chattered: int = 0
    standing: tuple[StandingAlarm, ...] = ()
    """Longest first."""
    answers: tuple[AnswerTimes, ...] = ()
    blind: tuple[BlindHours, ...] = ()
    """Longest first."""
    blind_hours: float = 0.0
    exercises: int = 0


LOAD_REPLIES: Mapping[type[Command], type[BaseModel]] = {AskAlarmLoad: AlarmLoad}
