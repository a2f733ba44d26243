"""Facts about limits that whoever reads or writes them shares: quantities, directions, order, days of a season."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from shared.contracts.levels import LevelName
from shared.contracts.registry import LimitBand

__all__ = ["DOWNWARD", "QUANTITIES", "SENSOR_PREFIX", "Limit", "day_of", "disorder", "limits_of", "season_days"]

QUANTITIES = ("level", "freeboard", "beach_length", "phreatic_level", "displacement")
"""What a limit document may limit for a whole pond; a single point is ``sensor:<id>``."""
SENSOR_PREFIX = "sensor:"
DOWNWARD = frozenset({"freeboard", "beach_length"})
"""Quantities (and sensor kinds) that warn when they shrink."""

_LEAP_YEAR = 2000

Limit = tuple[LevelName, float]


def limits_of(band: LimitBand) -> list[Limit]:
    """Return the limits a band sets, mildest first.

    >>> limits_of(LimitBand(yellow=2.0, blue=1.0))
    [(<LevelName.BLUE: 'blue'>, 1.0), (<LevelName.YELLOW: 'yellow'>, 2.0)]
    """
    values = ((name, getattr(band, name.value)) for name in LevelName)
    return [(name, value) for name, value in values if value is not None]


def disorder(limits: Sequence[Limit], downward: bool) -> tuple[Limit, Limit] | None:
    """Return the first two neighbours that contradict each other (a milder limit beyond a graver one), or None.

    >>> disorder([(LevelName.BLUE, 3.0), (LevelName.RED, 2.0)], downward=False) is not None
    True
    """
    for mild, grave in pairwise(limits):
        if (mild[1] < grave[1]) if downward else (mild[1] > grave[1]):
            return mild, grave
    return None


def season_days(first: date, last: date) -> list[date]:
    """Return the days from *first* to *last*, both of :func:`day_of`; over the new year when *last* comes before."""
    if last < first:
        return [*season_days(first, date(_LEAP_YEAR, 12, 31)), *season_days(date(_LEAP_YEAR, 1, 1), last)]
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def day_of(month_day: str) -> date:
    """Return the day an ``MM-DD`` names, in a leap year.

    Raises
    ------
    ValueError
        If there is no such day.
    """
    # The length keeps the other ISO forms (0601, W23-1) out; the leap year lets 02-29 in.
    if len(month_day) != len("MM-DD"):
        raise ValueError(f"not MM-DD: {month_day!r}")
    return date.fromisoformat(f"{_LEAP_YEAR}-{month_day}")
