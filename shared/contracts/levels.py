"""Warning levels and sensor kinds: the field's words (GB 39496-2020, domain reference §2)."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["Level", "LevelName", "SensorKind", "SensorState"]


class LevelName(StrEnum):
    """The four warning levels as they are published: blue < yellow < orange < red."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


class Level(IntEnum):
    """The four levels with their order; ``NONE`` is the absence of a warning."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def label(self) -> LevelName | None:
        """The published name, or None for ``NONE``."""
        return None if self is Level.NONE else LevelName(self.name.lower())

    @classmethod
    def of(cls, name: LevelName | str | None) -> Level:
        """Return the level of a published name; None is ``NONE``.

        Raises
        ------
        KeyError
            If the name is none of the four.
        """
        return cls.NONE if name is None else cls[str(name).upper()]


class SensorKind(StrEnum):
    """What a sensor observes (SensorThings: the ObservedProperty)."""

    WATER_LEVEL = "water_level"
    WATER_DISTANCE = "water_distance"
    RAIN = "rain"
    FREEBOARD = "freeboard"
    BEACH_LENGTH = "beach_length"
    PHREATIC_LEVEL = "phreatic_level"
    DISPLACEMENT = "displacement"


class SensorState(StrEnum):
    """Where a sensor stands in its life; only ``in_service`` is judged."""

    COMMISSIONING = "commissioning"
    IN_SERVICE = "in_service"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"
