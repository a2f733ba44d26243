"""Exercises 汛期演练: a synthetic storm at a real pond's shadow, and the score sheet afterwards (version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from shared.contracts.base import Command, Identifier, Moment, Record, Signature
from shared.contracts.levels import LevelName
from shared.contracts.notifier import Answer

__all__ = [
    "DRILL_REPLIES",
    "DrillList",
    "DrillScore",
    "DrillStep",
    "DrillView",
    "ListDrills",
    "ShowDrill",
    "StartDrill",
    "StopDrill",
]


class StartDrill(Command):
    """Begin an exercise at a pond. Refused while a real warning is open there, or another exercise runs."""

    command_name: ClassVar[str] = "notifier.start_drill"
    pond_id: Identifier
    storm: LevelName = LevelName.RED
    by: Signature


class StopDrill(Command):
    """End an exercise at once; one that has ended stays as it ended."""

    command_name: ClassVar[str] = "notifier.stop_drill"
    drill_id: Identifier
    by: Signature


class ShowDrill(Command):
    """Ask for an exercise with its score sheet (a query)."""

    command_name: ClassVar[str] = "notifier.show_drill"
    drill_id: Identifier


class ListDrills(Command):
    """Ask for exercises, newest first (a query)."""

    command_name: ClassVar[str] = "notifier.list_drills"
    pond_id: Identifier | None = None
    running: bool = False
    """Only those that have not ended."""
    limit: int = Field(default=100, ge=1, le=500)


class DrillScore(Record):
    """A person's score in an exercise."""

    person_id: str
    name: str
    role: str = ""
    rank: int = 0
    told: Moment | None = None
    """When the first message to them went out."""
    seconds_to_answer: float | None
    """From there to their first answer, whichever it was [s]; None: they never answered."""
    answer: Answer | None = None
    """What they answered last."""
    steps_done: int


class DrillStep(Record):
    """A step of the card that was in force, and who did it when."""

    step_id: Identifier
    zh: str
    en: str
    role: str
    within_minutes: int
    done: Moment | None = None
    by: str = ""
    """The person's name."""
    in_time: bool | None = None
    """None: not done."""


class DrillView(Record):
    """An exercise with its score sheet, which is complete once ``ended`` is set."""

    drill_id: Identifier
    pond_id: Identifier
    shadow_id: Identifier
    storm: LevelName
    by: str = ""
    started: Moment
    ended: Moment | None = None
    why: Literal["finished", "stopped", "overtaken"] | None = None
    ended_by: str = ""
    tidied: Moment | None = None
    """When nothing of it was left: its sensors out of service, its warning closed."""
    alarm_id: str | None = None
    level: LevelName | None = None
    """The highest level people were told of; None: it has come to no alarm (yet)."""
    alarmed: Moment | None = None
    """When the alarm of its highest level was heard: the card's minutes count from there."""
    scores: tuple[DrillScore, ...] = ()
    never_answered: tuple[str, ...] = ()
    """Names of those who were told and did not answer."""
    steps: tuple[DrillStep, ...] = ()


class DrillList(Record):
    """The answer to ``ListDrills``: without the score sheets."""

    drills: tuple[DrillView, ...]


DRILL_REPLIES: Mapping[type[Command], type[BaseModel]] = {
    StartDrill: DrillView,
    StopDrill: DrillView,
    ShowDrill: DrillView,
    ListDrills: DrillList,
}
"""Every command about exercises with what answers it."""
