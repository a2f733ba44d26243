"""Chinese working days by the library chinesecalendar, which follows the State Council's yearly notices.

Chosen over ``holidays`` (the same days for 2007 to 2026, compared day by day, but 90 times the size, 0.7 s slower to
import, and silent about which years are announced) and ``workalendar`` (no Chinese years after 2023). Outside the
announced years a working day is any day from Monday to Friday; that is said in every answer and once a year in the log.
"""

from __future__ import annotations

import logging
from datetime import date
from functools import lru_cache

import chinese_calendar
from chinese_calendar.constants import holidays

__all__ = ["FIRST_KNOWN", "LAST_KNOWN", "is_known", "is_working_day"]

log = logging.getLogger(__name__)

FIRST_KNOWN = date(min(holidays).year, 1, 1)
LAST_KNOWN = date(max(holidays).year, 12, 31)
"""The years whose notices the installed library holds."""


def is_known(day: date) -> bool:
    """Tell whether the holidays and make-up working days of *day*'s year are announced and known here."""
    return FIRST_KNOWN <= day <= LAST_KNOWN


def is_working_day(day: date) -> bool:
    """Tell whether *day* is worked in China; by weekends alone in a year that is not known."""
    if is_known(day):
        return _is_worked(day)
    _say_unknown(day.year)
    return day.weekday() < 5


@lru_cache(maxsize=16_384)
def _is_worked(day: date) -> bool:
    """Ask the library, which looks through all its years at each question, once for each day."""
    return bool(chinese_calendar.is_workday(day))


@lru_cache(maxsize=256)
def _say_unknown(year: int) -> None:
    """Say once that a year is counted by weekends."""
    log.warning(
        "no holidays known for %d (known: %d to %d): counting weekends only; update chinesecalendar",
        year, FIRST_KNOWN.year, LAST_KNOWN.year,
    )  # fmt: skip
