"""Terms in years and months: when they end."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, date

__all__ = ["months_after"]


def months_after(day: date, months: int) -> date:
    """Return the same day of the month so many months on; the month's last day where it has no such day.

    A term of months or years ends on that day (Civil Code 民法典, articles 201 and 202), and so does PostgreSQL reckon.
    A term that outlives the calendar ends on its last day.

    >>> months_after(date(2020, 2, 29), 36), months_after(date(2022, 8, 31), 6)
    (datetime.date(2023, 2, 28), datetime.date(2023, 2, 28))
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
