"""The calendar deadlines are counted on: Chinese working days (``shared.workdays``)."""

from __future__ import annotations

from services.cases.domain.deadlines import Calendar
from shared.workdays import FIRST_KNOWN, LAST_KNOWN, is_known, is_working_day

__all__ = ["FIRST_KNOWN", "LAST_KNOWN", "chinese", "is_known", "is_working_day"]


def chinese() -> Calendar:
    """Return the calendar."""
    return Calendar(is_working_day, is_known)
