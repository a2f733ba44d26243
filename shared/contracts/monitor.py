"""What the monitor publishes and what may be asked of it (version 1).

Two aggregates share one stream per pond: ``pond`` (what is seen there: blind, restored, noticed,
timeline corrected) and ``warning`` (raised to closed). ``time`` is event time, the end of the 5-minute
slot that was judged; ``at`` is when the monitor said so.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Command, Event, Identifier, Moment, Record
from shared.contracts.levels import LevelName

__all__ = [
    "MONITOR_COMMANDS",
    "MONITOR_EVENTS",
    "AcknowledgeWarning",
    "Cause",
    "CloseWarning",
    "HandleWarning",
    "ListWarnings",
    "PondBlind",
    "PondNoticed",
    "PondRestored",
    "PondStanding",
    "PondStandings",
    "ShowPondStanding",
    "ShowWarning",
    "TimelineChange",
    "TimelineCorrected",
    "WarningAcknowledged",
    "WarningCleared",
    "WarningClosed",
    "WarningEased",
    "WarningEscalated",
    "WarningHandled",
    "WarningList",
    "WarningRaised",
    "WarningVerified",
    "WarningView",
]


class Cause(Record):
    """Why: sensor, rule, value, limit, and the document and version the limit comes from."""

    sensor: str
    rule: str
    value: float | None = None
    limit: float | None = None
    level: LevelName | None = None
    verified: bool = True
    unit: str = ""
    document: str = ""
    limits_version: int | None = None
    detail: dict[str, float | int | str | bool | None] = Field(default_factory=dict)
    """The data the rule saw: slope and its interval, hours to the limit, coverage, flags …"""


class TimelineChange(Record):
    """One change of a pond's state, as replay prints it."""

    time: Moment
    event: Literal["raised", "escalated", "eased", "cleared", "blind", "restored", "notice"]
    level: LevelName | None
    verified: bool = True
    causes: tuple[Cause, ...] = ()


class _WarningEvent(Event):
    warning_id: str
    pond_id: Identifier
    at: Moment


class WarningRaised(_WarningEvent):
    """A warning began. ``superseded``: a later change was already known when this was said (a backlog)."""

    event_type: ClassVar[str] = "monitor.warning.raised"
    time: Moment
    level: LevelName
    verified: bool
    causes: tuple[Cause, ...]
    superseded: bool = False


class WarningEscalated(_WarningEvent):
    """The warning stepped up."""

    event_type: ClassVar[str] = "monitor.warning.escalated"
    time: Moment
    level: LevelName
    previous: LevelName
    verified: bool
    causes: tuple[Cause, ...]
    superseded: bool = False


class WarningVerified(_WarningEvent):
    """What was raised as unverified has been confirmed, at the same level."""

    event_type: ClassVar[str] = "monitor.warning.verified"
    time: Moment
    level: LevelName
    causes: tuple[Cause, ...]
    superseded: bool = False


class WarningEased(_WarningEvent):
    """The warning stepped down after its hold; it goes on at ``level``."""

    event_type: ClassVar[str] = "monitor.warning.eased"
    time: Moment
    level: LevelName
    previous: LevelName
    causes: tuple[Cause, ...] = ()
    corrected: bool = False
    """True when late data, not the water, changed the picture."""
    superseded: bool = False


class WarningCleared(_WarningEvent):
    """The condition ended after its hold. The warning stays open until a person closes it."""

    event_type: ClassVar[str] = "monitor.warning.cleared"
    time: Moment
    previous: LevelName
    corrected: bool = False
    superseded: bool = False


class WarningAcknowledged(_WarningEvent):
    """A named person has seen the warning."""

    event_type: ClassVar[str] = "monitor.warning.acknowledged"
    by: str
    note: str = ""


class WarningHandled(_WarningEvent):
    """A named person reports what was done."""

    event_type: ClassVar[str] = "monitor.warning.handled"
    by: str
    action: str


class WarningClosed(_WarningEvent):
    """A named person closed the warning on evidence."""

    event_type: ClassVar[str] = "monitor.warning.closed"
    by: str
    evidence: str


class PondBlind(Event):
    """Nothing is seen of at least one monitored item of the pond."""

    event_type: ClassVar[str] = "monitor.pond.blind"
    pond_id: Identifier
    time: Moment
    causes: tuple[Cause, ...]
    flood_season: bool
    superseded: bool = False
    at: Moment


class PondRestored(Event):
    """Every monitored item of the pond is seen again."""

    event_type: ClassVar[str] = "monitor.pond.restored"
    pond_id: Identifier
    time: Moment
    superseded: bool = False
    at: Moment


class PondNoticed(Event):
    """Something to look at that is no warning: a slow climb, a spike, a stuck gauge, a silent sensor."""

    event_type: ClassVar[str] = "monitor.pond.noticed"
    pond_id: Identifier
    time: Moment
    causes: tuple[Cause, ...]
    superseded: bool = False
    at: Moment


class TimelineCorrected(Event):
    """Late data changed the record: what was on it from ``since`` on, and what now stands there."""

    event_type: ClassVar[str] = "monitor.pond.timeline_corrected"
    pond_id: Identifier
    since: Moment
    removed: tuple[TimelineChange, ...]
    added: tuple[TimelineChange, ...]
    at: Moment


class AcknowledgeWarning(Command):
    """Say that a named person has seen the warning."""

    command_name: ClassVar[str] = "monitor.acknowledge_warning"
    warning_id: str
    by: str = Field(min_length=1, max_length=100)
    note: str = Field(default="", max_length=2000)


class HandleWarning(Command):
    """Report what was done about the warning."""

    command_name: ClassVar[str] = "monitor.handle_warning"
    warning_id: str
    by: str = Field(min_length=1, max_length=100)
    action: str = Field(min_length=1, max_length=2000)


class CloseWarning(Command):
    """Close a cleared warning, on evidence."""

    command_name: ClassVar[str] = "monitor.close_warning"
    warning_id: str
    by: str = Field(min_length=1, max_length=100)
    evidence: str = Field(min_length=1, max_length=2000)


class ShowWarning(Command):
    """Ask for one warning (a query)."""

    command_name: ClassVar[str] = "monitor.show_warning"
    warning_id: str


class ListWarnings(Command):
    """Ask for warnings (a query); open ones unless told otherwise, newest first."""

    command_name: ClassVar[str] = "monitor.list_warnings"
    pond_id: Identifier | None = None
    include_closed: bool = False
    limit: int = Field(default=200, ge=1, le=5000)


class ShowPondStanding(Command):
    """Ask how a pond stands, and which registry version the monitor has seen (a query)."""

    command_name: ClassVar[str] = "monitor.show_pond"
    pond_id: Identifier | None = None


class WarningView(Record):
    """A warning as it stands; the four facts (acknowledged, handled, cleared, closed) are independent."""

    warning_id: str
    pond_id: Identifier
    level: LevelName | None
    """Level now; None once cleared."""
    highest: LevelName
    verified: bool
    raised: Moment
    cleared: Moment | None = None
    acknowledged_by: str | None = None
    acknowledged_at: Moment | None = None
    handled_by: str | None = None
    handled_at: Moment | None = None
    action: str | None = None
    closed_by: str | None = None
    closed_at: Moment | None = None
    evidence: str | None = None
    causes: tuple[Cause, ...] = ()
    version: int = 0


class WarningList(Record):
    """Answer to ``ListWarnings``."""

    warnings: tuple[WarningView, ...]


class PondStanding(Record):
    """How a pond stands as the monitor sees it."""

    pond_id: Identifier
    registry_version: int
    level: LevelName | None = None
    verified: bool = True
    blind: tuple[str, ...] = ()
    """Ids of the sensors that are silent."""
    head: Moment | None = None
    """End of the newest slot judged."""
    values: dict[str, float | None] = Field(default_factory=dict)
    """Newest value of each sensor, canonical unit."""
    live_freeboard: float | None = None
    """Crest minus the highest level now [m]; not the regulatory freeboard, which counts from the design flood."""
    rain_24h: float | None = None
    """Rain of the 24 h before ``head`` at the gauge that caught most [mm]; None: no gauge, or nothing heard of it."""
    warning_id: str | None = None


class PondStandings(Record):
    """Answer to ``ShowPondStanding``: one pond, or all of them."""

    ponds: tuple[PondStanding, ...]


MONITOR_EVENTS: tuple[type[Event], ...] = (
    WarningRaised,
    WarningEscalated,
    WarningVerified,
    WarningEased,
    WarningCleared,
    WarningAcknowledged,
    WarningHandled,
    WarningClosed,
    PondBlind,
    PondRestored,
    PondNoticed,
    TimelineCorrected,
)
MONITOR_COMMANDS: tuple[type[Command], ...] = (
    AcknowledgeWarning,
    HandleWarning,
    CloseWarning,
    ShowWarning,
    ListWarnings,
    ShowPondStanding,
)
