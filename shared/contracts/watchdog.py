"""The watchdog: whether a warning still finds its way, proved every minute (version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel

from shared.contracts.base import Command, Event, Moment, Record

__all__ = [
    "WATCHDOG_REPLIES",
    "ShowWatchdog",
    "WatchdogRestored",
    "WatchdogSilent",
    "WatchdogView",
]


class WatchdogSilent(Event):
    """Readings of the watchdog's pond no longer come back as warnings: the way of a warning is broken somewhere."""

    event_type: ClassVar[str] = "notifier.watchdog.silent"
    since: Moment
    """When the first beat was sent that did not come back in time."""
    why: str
    """The step at which the last beat was: ``setup``, ``publish`` or ``return``."""
    at: Moment


class WatchdogRestored(Event):
    """A reading of the watchdog's pond came back as a warning again."""

    event_type: ClassVar[str] = "notifier.watchdog.restored"
    silent_since: Moment
    at: Moment


class ShowWatchdog(Command):
    """Ask how the watchdog is (a query)."""

    command_name: ClassVar[str] = "notifier.show_watchdog"


class WatchdogView(Record):
    """How the watchdog is. Times of beats count since the notifier's last start."""

    enabled: bool
    silent_since: Moment | None = None
    """Set while it is silent."""
    last_beat: Moment | None = None
    last_return: Moment | None = None
    """When a beat last came back."""
    round_trip_s: float | None = None
    """From the reading to the warning's event heard, last time [s]."""
    worst_round_trip_s: float | None = None
    beats: int = 0
    returned: int = 0
    patience_s: float = 0.0
    pinging: bool = False
    """Whether an external dead-man service is configured."""
    last_ping: Moment | None = None
    """When it last took a ping."""


WATCHDOG_REPLIES: Mapping[type[Command], type[BaseModel]] = {ShowWatchdog: WatchdogView}
