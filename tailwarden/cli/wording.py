"""Causes and times in the reader's words, for every command that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.words import catalogue, say

if TYPE_CHECKING:
    from shared.contracts.monitor import Cause

__all__ = ["because", "bracketed", "local", "office", "offset", "semicolons"]


def because(cause: Cause, language: str) -> str:
    """Say one cause: sensor, rule, value and limit with their unit."""
    from services.notifier.wording.figures import number
    from services.notifier.wording.situation import to_limit

    rule = say(f"rule.{cause.rule}", language)
    detail = cause.detail
    if cause.rule == "rainfall" and cause.value is not None:
        return say(
            "cause.rain", language, sensor=cause.sensor, hours=detail.get("hours"), value=f"{cause.value:g}",
            limit=_number(cause.limit),
        )  # fmt: skip
    if cause.rule == "trend" and (left := to_limit(cause, language)):
        return say(
            "cause.trend", language, sensor=cause.sensor, unit=cause.unit, limit=_number(cause.limit),
            slope=number(float(detail.get("slope_per_h") or 0.0)), left=left,
        )  # fmt: skip
    if cause.value is None and cause.level is not None and f"because.{cause.rule}" in catalogue():
        return say(f"because.{cause.rule}", language, level=say(f"level.{cause.level}", language))
    if cause.value is None:
        return say("cause.plain", language, sensor=cause.sensor, rule=rule).strip()
    if cause.limit is None:
        return say("cause.value", language, sensor=cause.sensor, rule=rule, value=_number(cause.value), unit=cause.unit)
    return say(
        "cause.over", language, sensor=cause.sensor, rule=rule, value=_number(cause.value), unit=cause.unit,
        limit=_number(cause.limit),
    )  # fmt: skip


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else str(value)


def bracketed(what: str, language: str) -> str:
    """Return *what* in the brackets of the language, to be set behind something."""
    return f"（{what}）" if language == "zh" else f" ({what})"


def semicolons(parts: Iterable[str], language: str) -> str:
    """Return *parts* one after the other, parted by the semicolon of the language."""
    return ("；" if language == "zh" else "; ").join(parts)


def local(moment: datetime, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """Return a time as a person reads it, with its offset: ``2026-07-01 06:00 +08:00``.

    Without a *zone* it is the office's (``TAILWARDEN_TIMEZONE``), where its ponds lie: a server's own zone, often UTC,
    is nobody's.
    """
    there = moment.astimezone(office() if zone is None else zone)
    return f"{there:%Y-%m-%d %H:%M:%S}"[: None if seconds else -3] + f" {offset(there)}"


def offset(there: datetime) -> str:
    """Return the offset of a local time: ``+08:00``."""
    text = f"{there:%z}"
    return f"{text[:3]}:{text[3:5]}"


def office() -> ZoneInfo:
    """Return the time zone of the office.

    Raises
    ------
    BadInput
        ``settings.bad_value``: TAILWARDEN_TIMEZONE names none.
    """
    from shared.settings import Settings

    return _zone(Settings.load().timezone)


@cache
def _zone(name: str) -> ZoneInfo:
    from shared.problems import BadInput

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            "settings.bad_value", field="timezone", name="TAILWARDEN_TIMEZONE", reason=f"no time zone {name!r}"
        ) from error
