"""The clock as a dependency, so that tests and replays own time.

The domain never reads a clock: time arrives in commands. Only wiring chooses which clock runs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "ManualClock", "SystemClock", "utc"]


def utc(value: datetime) -> datetime:
    """Return *value* in UTC.

    Raises
    ------
    ValueError
        If *value* carries no offset: a naive time is never guessed at inside the system.
    """
    if value.tzinfo is None:
        raise ValueError(f"time without offset: {value.isoformat()}")
    return value.astimezone(UTC)


class Clock(Protocol):
    """Anything that can tell the time."""

    def now(self) -> datetime:
        """Return the present moment as an aware UTC datetime."""
        ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the present moment as an aware UTC datetime."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is told to move (tests, simulations)."""

    def __init__(self, start: datetime) -> None:
        self._now = utc(start)

    def now(self) -> datetime:
        """Return the moment this clock stands at."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock forward by *by*."""
        self._now += by
