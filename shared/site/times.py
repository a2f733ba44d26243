"""Times of recorded series: from text to UTC microseconds, quickly and without guessing.

Loggers write the same few hundred dates and clock readings over and over, so date and clock are read apart
and remembered: a year of 5-minute rows costs some 650 real parses instead of 105,000.

Local times without an offset follow the pond's zone. An hour that the clock passes twice is taken as its
first pass, and as its second where that alone keeps the file's order; an hour the clock skips keeps the
offset that held before it. So a series never runs backwards because of daylight saving.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

__all__ = ["UnreadableTimeError", "localise", "read_times"]

Micros = npt.NDArray[np.int64]

SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock arithmetic; the zone comes afterwards
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_YEARS = range(1900, 2200)
"""Years a reading can be of; anything else is a misread column."""

_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{4})(\d{2})(\d{2})", re.ASCII)
_CLOCK = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(?:(Z|z)|([+-])(\d{2}):?(\d{2})?)?",
    re.ASCII,
)
_TOKENS = re.compile(r"%[A-Za-z%]|.", re.DOTALL)
_DATE_DIRECTIVES = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%j": 3, "%b": 0, "%B": 0}
"""Directives of a date with their fixed width; 0 where it varies."""
_CLOCK_DIRECTIVES = frozenset({"%H", "%I", "%M", "%S", "%f", "%p", "%z"})

Clock = tuple[int, int | None]
"""Microseconds since midnight, and the offset from UTC in microseconds or None."""


class UnreadableTimeError(ValueError):
    """A text that is no time; ``index`` is its place among the texts given."""

    def __init__(self, index: int, text: str) -> None:
        self.index = index
        self.text = text
        super().__init__(f"not a time: {text!r}")


def read_times(texts: Sequence[str], form: str | None, zone: ZoneInfo) -> Micros:
    """Return the UTC microseconds of *texts*, in their order.

    Parameters
    ----------
    texts : sequence of str, length n
    form : str or None
        A ``strptime`` format, ``unix`` (seconds), ``unix_ms``, or None for ISO 8601 and its year-first
        relatives (``2020-06-01 0:05``, ``2021/08/18 20:55:54``, ``20210818T2055`` is not one of them).
    zone : ZoneInfo
        Zone of the times that carry no offset.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    UnreadableTimeError
        At the first text that does not fit.

    >>> read_times(["2020-06-01 0:05", "2020-06-01T08:05+08:00"], None, ZoneInfo("Etc/UTC")).tolist()
    [1590969900000000, 1590969900000000]
    """
    if form in ("unix", "unix_ms"):
        return _epoch_times(texts, SECOND if form == "unix" else 1000)
    split, read_date, read_clock, read_whole = _ISO if form is None else _reader(form)
    walls = np.empty(len(texts), dtype=np.int64)
    floating = np.ones(len(texts), dtype=bool)
    dates: dict[str, int] = {}
    clocks: dict[str, Clock] = {}
    for index, text in enumerate(texts):
        try:
            day_text, clock_text = split(text)
            day = dates.get(day_text)
            if day is None:
                day = dates[day_text] = read_date(day_text)
            clock = clocks.get(clock_text)
            if clock is None:
                clock = clocks[clock_text] = read_clock(clock_text)
        except ValueError:
            try:
                day, clock = read_whole(text)
            except ValueError as error:
                raise UnreadableTimeError(index, text) from error
        walls[index] = day * DAY + clock[0]
        if clock[1] is not None:
            walls[index] -= clock[1]
            floating[index] = False
    if floating.all():
        return localise(walls, zone)
    if floating.any():
        walls[floating] = localise(walls[floating], zone)
    return walls


def localise(walls: Micros, zone: ZoneInfo) -> Micros:
    """Return UTC microseconds of wall-clock microseconds in *zone*; the module says how doubtful hours go.

    The offset is looked up twice a day; only on days that change it is every row looked at.
    """
    if walls.size == 0:
        return walls.copy()
    if walls[0] > walls[-1]:
        # A file with its newest row first: the second pass of a doubled hour can only be told going forward.
        return localise(walls[::-1], zone)[::-1]
    days, inverse = np.unique(walls // DAY, return_inverse=True)
    starts = [_offset(int(day) * DAY, zone, 0) for day in days]
    ends = [_offset((int(day) + 1) * DAY, zone, 0) for day in days]
    offsets = np.array(starts, dtype=np.int64)
    result: Micros = walls - offsets[inverse]
    changing = offsets != np.array(ends, dtype=np.int64)
    for index in np.flatnonzero(changing[inverse]):
        wall = int(walls[index])
        first, second = wall - _offset(wall, zone, 0), wall - _offset(wall, zone, 1)
        before = int(result[index - 1]) if index > 0 else first
        result[index] = second if first < before <= second else first
    return result


def _offset(wall: int, zone: ZoneInfo, fold: int) -> int:
    moment = (_EPOCH + timedelta(microseconds=wall)).replace(tzinfo=zone, fold=fold)
    offset = moment.utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)


def _epoch_times(texts: Sequence[str], unit: int) -> Micros:
    times = np.empty(len(texts), dtype=np.int64)
    for index, text in enumerate(texts):
        try:
            value = float(text)
            _ = _year(datetime.fromtimestamp(value * unit / SECOND, UTC).year)
        except (ValueError, OverflowError, OSError) as error:
            raise UnreadableTimeError(index, text) from error
        times[index] = round(value * unit)
    return times


def _iso_split(text: str) -> tuple[str, str]:
    day, _, clock = text.replace("T", " ", 1).partition(" ")
    return day, clock


def _iso_date(text: str) -> int:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day = (int(part) for part in (match.group(1, 3, 4) if match[1] else match.group(5, 6, 7)))
    return date(_year(year), month, day).toordinal() - _EPOCH_DAY


def _iso_clock(text: str) -> Clock:
    """Read a clock; an empty one is midnight (spreadsheets leave it out), 24:00 the end of the day."""
    if not text:
        return 0, None
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    micros = int((match[4] or "").ljust(6, "0")[:6])
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second or micros)):
        raise ValueError(text)
    wall = ((hour * 60 + minute) * 60 + second) * SECOND + micros
    if match[5]:
        return wall, 0
    if match[6] is None:
        return wall, None
    offset = (int(match[7]) * 60 + int(match[8] or 0)) * 60 * SECOND
    return wall, -offset if match[6] == "-" else offset


def _never(text: str) -> tuple[int, Clock]:
    raise ValueError(text)


Split = Callable[[str], tuple[str, str]]
Reader = tuple[Split, Callable[[str], int], Callable[[str], Clock], Callable[[str], tuple[int, Clock]]]
_ISO: Reader = (_iso_split, _iso_date, _iso_clock, _never)


def _reader(form: str) -> Reader:
    """Return how to read *form*: date and clock apart where it can be split, else as one text."""

    def whole(text: str) -> tuple[int, Clock]:
        moment = _parsed(text, form)
        return moment.replace(year=_year(moment.year)).toordinal() - _EPOCH_DAY, _clock_of(moment)

    parts = _split_format(form)
    if parts is None:
        return lambda text: (text, ""), _no_date, _iso_clock, whole
    split, date_form, clock_form = parts

    def read_date(text: str) -> int:
        moment = _parsed(text, date_form)
        return moment.replace(year=_year(moment.year)).toordinal() - _EPOCH_DAY

    return split, read_date, lambda text: _clock_of(_parsed(text, clock_form)), whole


def _parsed(text: str, form: str) -> datetime:
    return datetime.strptime(text, form)  # noqa: DTZ007 - a time without offset gets the pond's zone afterwards


def _no_date(text: str) -> int:
    raise ValueError(text)


def _clock_of(moment: datetime) -> Clock:
    wall = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * SECOND + moment.microsecond
    offset = moment.utcoffset()
    return wall, None if offset is None else offset // timedelta(microseconds=1)


def _split_format(form: str) -> tuple[Split, str, str] | None:
    """Return (split, date format, clock format) of a format that is a date, then a clock; else None."""
    tokens = _TOKENS.findall(form)
    place = next((index for index, token in enumerate(tokens) if token in _CLOCK_DIRECTIVES), None)
    if place is None:
        return None
    dates, clocks = tokens[:place], tokens[place:]
    directives = [token for token in dates if token.startswith("%")]
    if not directives or any(token not in _DATE_DIRECTIVES for token in directives):
        return None
    if any(token.startswith("%") and token not in _CLOCK_DIRECTIVES for token in clocks):
        return None
    clock_form = "".join(clocks)
    gap = dates[-1]
    if not gap.startswith("%"):
        date_form = "".join(dates[:-1])
        if gap not in date_form:
            return lambda text: _cut(text.partition(gap)), date_form, clock_form
        if gap not in clock_form:
            return lambda text: _cut(text.rpartition(gap)), date_form, clock_form
        return None
    widths = [_DATE_DIRECTIVES.get(token, 1) for token in dates]
    if 0 in widths:
        return None
    width = sum(widths)
    return lambda text: (text[:width], text[width:]), "".join(dates), clock_form


def _cut(parts: tuple[str, str, str]) -> tuple[str, str]:
    return parts[0], parts[2]


def _year(year: int) -> int:
    if year not in _YEARS:
        raise ValueError(f"year {year}")
    return year
