"""Ponds that are none: exercises and the watchdog. Their ids say so, in every event, table and subject.

A synthetic pond goes the whole way of a real one (readings, judgement, warning, message), so that the way is proved;
it is left out of incidents, ledgers, figures and bulletins by whoever keeps those, by its id alone.
"""

from __future__ import annotations

__all__ = ["EXERCISE_PREFIX", "SYNTHETIC_PATTERN", "WATCHDOG_POND", "is_exercise", "is_synthetic"]

EXERCISE_PREFIX = "drill-"
"""Ids of ponds of exercises 汛期演练 begin so."""
WATCHDOG_POND = "watchdog"
"""The pond whose warning rises and clears all the time, to show that warnings can."""
SYNTHETIC_PATTERN = "^(drill-|watchdog$)"
"""The same for PostgreSQL (``!~``): what lists and views leave out."""


def is_exercise(pond_id: str) -> bool:
    """Tell whether a pond is an exercise's."""
    return pond_id.startswith(EXERCISE_PREFIX)


def is_synthetic(pond_id: str) -> bool:
    """Tell whether a pond is an exercise's or the watchdog's: no real one."""
    return pond_id == WATCHDOG_POND or is_exercise(pond_id)
