"""What happened to records, event by event, as of a day: the source of every sentence that is said about them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.base import Command, Moment, Record

__all__ = ["STORY_PAGE", "Story", "StoryEntry", "StoryQuery", "TellCaseStory", "TellRegistryStory"]

STORY_PAGE = 1_000
"""Entries in one answer, at most."""

StreamName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}-[a-z0-9_-]{1,64}$")]
"""``<kind>-<id>``: ``letter-lt1``, ``pondfile-xiakou``."""


class StoryEntry(Record):
    """One event of a record's life."""

    event_id: UUID
    service: str
    position: int = Field(ge=1)
    """Order over the whole service."""
    stream: str
    version: int = Field(ge=1)
    type: str
    on: date
    """The day it happened."""
    at: Moment
    """When it was recorded."""
    by: str
    data: dict[str, Any]
    """The event's own fields, as they were written."""


class StoryQuery(Command):
    """A question for the events of records, oldest first."""

    streams: tuple[StreamName, ...] = Field(min_length=1, max_length=1_000)
    as_of: date | None = None
    """Only what happened by the end of this day; None: everything."""
    types: tuple[str, ...] = ()
    """Only events of these types; empty: all."""
    after: int = Field(default=0, ge=0)
    """Only events whose position is above this: the last one's of the answer before."""


class TellRegistryStory(StoryQuery):
    """Ask the registry what happened to records of its."""

    command_name: ClassVar[str] = "registry.tell_story"


class TellCaseStory(StoryQuery):
    """Ask the cases what happened to records of theirs."""

    command_name: ClassVar[str] = "cases.tell_story"


class Story(Record):
    """The answer: at most ``STORY_PAGE`` entries, and whether there are more after the last."""

    entries: tuple[StoryEntry, ...]
    more: bool = False
