"""Numbers, times and names as they stand in a text. Nothing here refuses: a warning is told, whatever it holds."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from shared.words import say

__all__ = ["local_time", "local_zone", "number", "plain", "span", "span_between"]


def plain(text: str) -> str:
    r"""Return *text* on one line, without control characters: nothing in a name begins a line or hides what follows.

    >>> plain("Pond A\r\nBcc: x")
    'Pond A Bcc: x'
    """
    kept = (" " if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char for char in text)
    return " ".join("".join(kept).split())


def number(value: float) -> str:
    """Return a figure without needless digits: three decimals, five below 0.01.

    >>> number(311.400), number(0.0004), number(-0.0), number(12.0)
    ('311.4', '0.0004', '0', '12')
    """
    text = f"{value:.{3 if abs(value) >= 0.01 else 5}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def span(hours: float, language: str, short: bool = False) -> str:
    """Return a length of time [h]: minutes below two hours, hours with one decimal above."""
    prefix = "message.short_" if short else "message."
    if hours < 2:
        return say(f"{prefix}minutes", language, n=max(1, round(hours * 60)))
    return say(f"{prefix}hours", language, n=number(round(hours, 1)))


def span_between(earliest: float, latest: float, language: str) -> str:
    """Return a length of time that lies between two [h], in one style: ``2.8–2.9 h``, ``45 min–3.4 h``, ``2.8 h``."""
    first, last = span(earliest, language), span(latest, language)
    if first == last:
        return first
    unit = say("message.minutes" if latest < 2 else "message.hours", language, n="")
    same = earliest >= 2 or latest < 2
    return f"{first.removesuffix(unit) if same else first}–{last}"


def local_zone(name: str) -> tzinfo:
    """Return the time zone *name*; UTC for a name nobody knows."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def local_time(moment: datetime, zone: str, short: bool = False) -> str:
    """Return a time at the pond, to the minute, with its offset; *short*: without the year."""
    there = moment.astimezone(local_zone(zone))
    offset = f"{there:%z}"
    day = f"{there:%m-%d}" if short else there.date().isoformat()
    return f"{day} {there:%H:%M}{'' if short else ' '}{offset[:3]}:{offset[3:5]}"
