"""Causes and times in the reader's words, for every command that shows them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from shared.words import catalogue, say

if TYPE_CHECKING:
    from shared.contracts.monitor import Cause

__all__ = ["because", "local"]


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


def local(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return a time as a person reads it: local, to the minute, with its offset."""
    there = moment.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M %z}"
