"""Times of readings, many at once: ISO 8601 with an offset, or whole Unix milliseconds.

Loggers write one format each, so that thousands of texts share a layout. They are laid out as one matrix of
characters and read column by column (about 20 ns a time); what has no such layout (the basic format, a decimal
comma) goes through ``datetime.fromisoformat`` one by one. Which way a text goes depends on the text alone, not on its
company.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FUTURE", "NOT_TIME", "NO_OFFSET", "OK", "TOO_EARLY", "TOO_SMALL", "parse_times"]

OK, NOT_TIME, NO_OFFSET, FUTURE, TOO_EARLY, TOO_SMALL = range(6)
"""What was found about one time: the codes that :func:`parse_times` returns."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAYOUT = re.compile(
    rb"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?:(?P<seconds>:\d\d)(?P<fraction>\.\d{1,9})?)?"
    rb"(?P<offset>(?P<zulu>[Zz])|[+-]\d\d(?::?(?P<minutes>\d\d))?)"
)
_OTHER = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?"
    r"|\d{8}(?:[Tt]\d{4}(?:\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
"""What else is read, or told to lack an offset; ``fromisoformat`` alone takes a different mixture in every Python."""
_LONGEST = 40

Matrix = NDArray[np.uint8]


def parse_times(
    times: Sequence[Any], latest_us: int, earliest_us: int, earliest_unix_ms: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return (microseconds since 1970 UTC, what was found) for every time, both of shape (n,).

    Parameters
    ----------
    times
        What stood in the JSON: text, whole number, or anything else (``NOT_TIME``; true and false are no numbers).
    latest_us, earliest_us
        Times beyond are ``FUTURE`` and ``TOO_EARLY``.
    earliest_unix_ms
        Whole numbers below are ``TOO_SMALL``: Unix seconds, by their size.
    """
    n = len(times)
    us = np.zeros(n, np.int64)
    found = np.full(n, NOT_TIME, np.uint8)
    kinds = set(map(type, times))
    if kinds == {str}:
        _texts(times, np.arange(n), us, found)
    elif kinds == {int}:
        _numbers(times, slice(None), us, found, latest_us, earliest_unix_ms)
    else:
        for kind in (str, int):
            where = np.flatnonzero(np.fromiter((type(time) is kind for time in times), bool, n))
            if len(where):
                some = [times[index] for index in where.tolist()]
                if kind is str:
                    _texts(some, where, us, found)
                else:
                    _numbers(some, where, us, found, latest_us, earliest_unix_ms)
    good = found == OK
    found[good & (us > latest_us)] = FUTURE
    found[good & (us < earliest_us)] = TOO_EARLY
    return us, found


def _numbers(
    times: Sequence[int],
    where: slice | NDArray[np.intp],
    us: NDArray[np.int64],
    found: NDArray[np.uint8],
    latest_us: int,
    earliest_unix_ms: int,
) -> None:
    try:
        ms = np.array(times, np.int64)
    except OverflowError:  # beyond 64 bits: hold it at the bounds, both of which are refused
        ms = np.array([min(max(time, -1), latest_us) for time in times], np.int64)
    ms = np.minimum(ms, latest_us // 1000 + 1)  # so that the product cannot overflow
    us[where] = np.maximum(ms, 0) * 1000
    found[where] = np.where(ms < earliest_unix_ms, TOO_SMALL, OK)


def _texts(texts: Sequence[str], where: NDArray[np.intp], us: NDArray[np.int64], found: NDArray[np.uint8]) -> None:
    """Sort texts by their length, and those of one length (nearly always all) into one matrix."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    for length in [int(lengths[0])] if (lengths == lengths[0]).all() else np.unique(lengths).tolist():
        same = np.flatnonzero(lengths == length)
        some = texts if len(same) == len(texts) else [texts[index] for index in same.tolist()]
        joined = "".join(some) if 0 < length <= _LONGEST else ""
        if joined and not joined.isascii():
            ascii_only = np.fromiter(map(str.isascii, some), bool, len(some))
            _one_by_one([text for text in some if not text.isascii()], where[same[~ascii_only]], us, found)
            some, same = [text for text in some if text.isascii()], same[ascii_only]
            joined = "".join(some)
        if joined:
            _one_length(some, joined.encode(), length, where[same], us, found)
        elif some:
            _one_by_one(some, where[same], us, found)


def _one_length(
    texts: Sequence[str],
    joined: bytes,
    length: int,
    where: NDArray[np.intp],
    us: NDArray[np.int64],
    found: NDArray[np.uint8],
) -> None:
    """Read texts of one length, layout after layout; there are only some dozen layouts."""
    matrix = np.frombuffer(joined, np.uint8).reshape(-1, length)
    left = np.arange(len(texts))
    while len(left):
        start = int(left[0]) * length
        layout = _LAYOUT.fullmatch(joined, start, start + length)
        if layout is None:  # at most once: all that have no layout leave here
            fitting = [_LAYOUT.fullmatch(joined, at, at + length) is not None for at in (left * length).tolist()]
            others = left[~np.array(fitting)]
            _one_by_one([texts[index] for index in others.tolist()], where[others], us, found)
            left = left[fitting]
            continue
        rows = matrix if len(left) == len(matrix) else matrix[left]
        # One row of the transposed copy is one character position of all times, contiguous in memory.
        microseconds, fits, valid = _by_layout(np.ascontiguousarray(rows.T), layout, start)
        here = where[left]
        us[here[fits]] = np.where(valid, microseconds, 0)[fits]
        found[here[fits & valid]] = OK
        left = left[~fits]


def _by_layout(
    characters: Matrix, layout: re.Match[bytes], start: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Read times of one layout: (microseconds, whether the layout fits, whether it is a time that exists)."""
    first = layout.group()
    fits = np.ones(characters.shape[1], bool)
    digits = characters - np.uint8(48)  # wraps below "0", so that one comparison tells a digit
    for position, character in enumerate(first):
        if 48 <= character <= 57:
            fits &= digits[position] <= 9
        else:
            fits &= characters[position] == character

    def number(begin: int, end: int) -> NDArray[np.int64]:
        total: NDArray[np.int64] = digits[begin].astype(np.int64)
        for position in range(begin + 1, end):
            total *= 10
            total += digits[position]
        return total

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    hour, minute = number(11, 13), number(14, 16)
    fields = (month >= 1) & (month <= 12) & (year >= 1) & (hour <= 23) & (minute <= 59)
    year = np.where(fits & fields, year, 1970)  # keep the calendar away from what is no year
    month = np.where(fits & fields, month, 1)
    months = (year - 1970) * 12 + month - 1
    first_day = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    next_month = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    valid = fields & (day >= 1) & (day <= next_month - first_day)
    seconds = (first_day + day - 1) * 86_400 + hour * 3600 + minute * 60
    if layout.group("seconds"):
        second = number(17, 19)
        valid &= second <= 59
        seconds += second
    microseconds = seconds * 1_000_000
    if layout.group("fraction"):
        begin, end = (index - start for index in layout.span("fraction"))
        places = min(end - begin - 1, 6)  # finer than a microsecond is cut off
        microseconds += number(begin + 1, begin + 1 + places) * 10 ** (6 - places)
    if not layout.group("zulu"):
        sign_at = layout.start("offset") - start
        hours = number(sign_at + 1, sign_at + 3)
        minutes = np.zeros_like(hours)
        if layout.group("minutes"):
            minutes_at = layout.start("minutes") - start
            minutes = number(minutes_at, minutes_at + 2)
        valid &= (hours <= 23) & (minutes <= 59)
        shift = (hours * 60 + minutes) * 60_000_000
        microseconds += shift if first[sign_at] == ord("-") else -shift
    return microseconds, fits, valid


def _one_by_one(texts: Sequence[str], where: NDArray[np.intp], us: NDArray[np.int64], found: NDArray[np.uint8]) -> None:
    for index, text in zip(where.tolist(), texts, strict=True):
        if not _OTHER.fullmatch(text):
            continue
        try:
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            continue
        if moment.tzinfo is None:
            found[index] = NO_OFFSET
            continue
        us[index] = (moment - _EPOCH) // _MICROSECOND
        found[index] = OK
