"""What people's acts on records have in common: who, on which day, and on what they thought they saw.

Two times stand on each such event: ``at``, when it was recorded, and ``on``, the day it happened. An official who
enters in May what happened in March gives ``on``; every "as of" question is asked of that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import Field, StringConstraints, field_validator

from shared.contracts.base import Command, Event, Moment, Record
from shared.names import has_controls

__all__ = ["Act", "Asked", "Kept", "Name", "PageQuery", "Recorded", "Text"]

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A name of a person, unit or thing."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
"""Running text that is not empty."""

C = TypeVar("C", bound=Command)


class Act(Command):
    """An act of a named person on a record."""

    by: Name
    on: date | None = None
    """The day it happened; None: today. Never after today, never before the record's last act."""
    expected_version: int | None = Field(default=None, ge=0)
    """The version the person saw: when the record has moved on, the act is refused with the record as it stands."""

    @field_validator("by")
    @classmethod
    def _is_written(cls, by: str) -> str:
        """Refuse a signature that does not read as it is stored."""
        if has_controls(by):
            raise ValueError("a name must not contain control characters or signs of direction")
        return by


class Recorded(Event):
    """An event of a record's life."""

    on: date
    at: Moment
    by: str


class Kept(Record):
    """A record's state, folded from its events; ``last_on`` is the day of its latest act."""

    id: str
    last_on: date


class PageQuery(Command):
    """A question for a list: by page, and as of a day."""

    as_of: date | None = None
    """Answer as the records stood at the end of this day; None: as they stand."""
    limit: int = Field(default=100, ge=1, le=500)
    offset: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True)
class Asked(Generic[C]):
    """A command, when it was asked and on which day what it tells happened: the domain reads no clock."""

    command: C
    at: datetime
    on: date
