"""The flood-season bulletin 汛期简报: how all ponds stand, at fixed hours (version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, Field

from shared.contracts.base import Command, Event, Moment, Record, Signature
from shared.contracts.levels import LevelName

__all__ = [
    "BULLETIN_REPLIES",
    "Bulletin",
    "BulletinIssued",
    "BulletinView",
    "DutyLine",
    "IssueBulletin",
    "OpenWarning",
    "PondLine",
    "ShowBulletin",
]


class PondLine(Record):
    """A pond as it stands. ``rain_24h_mm`` None: no gauge, or no data from it."""

    pond_id: str
    name: str
    level: LevelName | None = None
    verified: bool = True
    blind: tuple[str, ...] = ()
    """Ids of the sensors that are silent."""
    rain_24h_mm: float | None = Field(default=None, ge=0)


class OpenWarning(Record):
    """A warning nobody has closed yet; ``level`` None: its condition is over."""

    pond_name: str
    level: LevelName | None
    since: Moment
    """When it was raised."""
    highest: LevelName | None = None
    """The highest level it reached, if known."""
    cleared: Moment | None = None
    """When its condition was over, if it is."""
    answered: bool = False
    answered_by: str = ""


class DutyLine(Record):
    """Somebody on duty now."""

    place: str
    role: str
    name: str


class Bulletin(Record):
    """What a bulletin tells. ``time`` is the hour it is for; ``area`` whose ponds these are."""

    time: Moment
    timezone: str = "Asia/Shanghai"
    area: str = ""
    ponds: tuple[PondLine, ...] = ()
    quiet_dry: int = Field(default=0, ge=0)
    """Further ponds without a warning, seen, and without rain: counted only."""
    quiet_unmeasured: int = Field(default=0, ge=0)
    """Further ponds without a warning, seen, and without rain data: counted only."""
    warnings: tuple[OpenWarning, ...] = ()
    on_duty: tuple[DutyLine, ...] = ()
    link: str | None = None
    exercise: bool = False
    late: bool = False
    maybe_again: bool = False


class BulletinIssued(Event):
    """A bulletin went out, to these people. Scheduled ones are issued once for each hour."""

    event_type: ClassVar[str] = "notifier.bulletin.issued"
    bulletin_id: str
    bulletin: Bulletin
    scheduled: bool
    told: tuple[str, ...]
    """Ids of the people."""
    at: Moment


class ShowBulletin(Command):
    """Ask for the bulletin as it would be now (a query)."""

    command_name: ClassVar[str] = "notifier.show_bulletin"


class IssueBulletin(Command):
    """Send a bulletin now, to those who get the scheduled ones."""

    command_name: ClassVar[str] = "notifier.issue_bulletin"
    by: Signature


class BulletinView(Record):
    """A bulletin, in words too (by language), and the names of those it goes to."""

    bulletin: Bulletin
    texts: dict[str, str]
    readers: tuple[str, ...]
    issued: bool = False


BULLETIN_REPLIES: Mapping[type[Command], type[BaseModel]] = {ShowBulletin: BulletinView, IssueBulletin: BulletinView}
