"""What is configured about telling people: per level, how long to wait, whom next, how often again."""

from __future__ import annotations

from datetime import time

from pydantic import Field

from shared.contracts.base import Record
from shared.contracts.levels import LevelName
from shared.contracts.notifier import CardStep

__all__ = ["ORDER", "LevelPolicy", "Settings", "worse"]

ORDER: dict[LevelName | None, int] = {
    None: 0,
    LevelName.BLUE: 1,
    LevelName.YELLOW: 2,
    LevelName.ORANGE: 3,
    LevelName.RED: 4,
}
"""Levels by severity; None is no warning."""


def worse(one: LevelName | None, other: LevelName | None) -> bool:
    """Tell whether *one* is a higher level than *other*."""
    return ORDER[one] > ORDER[other]


class LevelPolicy(Record):
    """How a level is told. Times in seconds."""

    settle_s: float = Field(default=0.0, ge=0)
    """Wait so long before telling, in case it steps on or goes again at once."""
    escalate_s: float = Field(default=600.0, gt=0)
    """Without an answer for so long, the next rank is told."""
    repeat_s: float = Field(default=900.0, gt=0)
    """Without an answer at the top of the chain, everybody there is told again so often."""
    climbs: bool = True
    """Whether an unanswered alarm climbs the chain by itself; a blue one stays where it is."""
    quiet_at_night: bool = False
    """Whether telling waits for the morning (never orange or red)."""
    channels: tuple[str, ...] = ()
    """Channel kinds in order of preference; none: the person's own order."""
    card: tuple[CardStep, ...] = ()
    """The TARP card."""


class Settings(Record):
    """The policy of every level, the night, and who is told when nobody is responsible."""

    levels: dict[LevelName, LevelPolicy]
    night_from: time = time(22, 0)
    night_to: time = time(7, 0)
    step_down_settle_s: float = Field(default=30.0, ge=0)
    """A step down waits so long [s] for the next one, and they are told as one; an all-clear waits for nothing."""
    late_s: float = Field(default=1800.0, gt=0)
    """A warning whose slot ended so long before it is told is marked late."""
    fallback: tuple[str, ...] = ()
    """Ids of people told when the grid names nobody (the control room)."""

    def of(self, level: LevelName) -> LevelPolicy:
        """Return the policy of *level*."""
        return self.levels[level]
