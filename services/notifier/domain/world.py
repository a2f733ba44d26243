"""What the pipeline needs to know beside the alarm itself; looked up by the edge, given as data."""

from __future__ import annotations

from datetime import datetime

from services.notifier.domain.policy import Settings
from shared.contracts.base import Moment, Record
from shared.contracts.levels import LevelName
from shared.contracts.notifier import Shelving

__all__ = ["Member", "Neighbour", "World"]


class Member(Record):
    """Somebody in a rank of the chain: who, in which role, and by which channels (kinds, in order)."""

    person_id: str
    name: str
    role: str
    channels: tuple[str, ...] = ()


class Neighbour(Record):
    """Another open alarm of the same pond."""

    alarm_id: str
    level: LevelName | None
    opened: Moment
    exercise: bool = False


class World(Record):
    """The rest of the world at ``now``."""

    now: Moment
    settings: Settings
    chain: tuple[tuple[Member, ...], ...] = ()
    """The chain for the pond, the level and the time: ranks from first to top, none of them empty."""
    shelvings: tuple[Shelving, ...] = ()
    """Shelvings of this pond, whether or not they are in force now."""
    neighbours: tuple[Neighbour, ...] = ()
    night: bool = False
    morning: datetime | None = None
    """When the night ends, if it is night."""
    exercise_began: Moment | None = None
    """When the exercise began whose alarm this is: its storm's readings bear times from before that."""
    catching_up: bool = False
    """Whether a backlog is being heard: what stands at its end is told, not what came and went in it."""
