"""Colours and sentences on a chart, the same for every way of drawing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from services.monitor.chart.scene import Band
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.words import say

__all__ = ["COLOURS", "RAIN_COLOUR", "WATER_COLOUR", "band_label", "cause_lines", "level_word", "local", "width_text"]

COLOURS: dict[LevelName, str] = {
    LevelName.BLUE: "#2f6fde",
    LevelName.YELLOW: "#e0b000",
    LevelName.ORANGE: "#ee7f1a",
    LevelName.RED: "#d3273e",
}
WATER_COLOUR = "#123a56"
RAIN_COLOUR = "#5b9bd5"
BLIND_COLOUR = "#8a8f96"
MOST_CAUSES = 6


def local(time_us: int, tz: tzinfo) -> datetime:
    """Return the local wall time of *time_us*, naive, as the drawing libraries want it."""
    return datetime.fromtimestamp(time_us / 1_000_000, tz).replace(tzinfo=None)


def level_word(level: LevelName, language: str) -> str:
    """Say a level; an English word starts a label, so it is capitalised."""
    return say(f"level.{level.value}", language).capitalize()


def band_label(band: Band, language: str) -> str:
    """Name a band: which warning, or blind."""
    if band.level is None:
        return say("chart.blind", language)
    key = "chart.warning" if band.verified else "chart.unverified"
    return say(key, language, level=level_word(band.level, language))


def cause_lines(causes: Sequence[Cause], language: str) -> list[str]:
    """Say why, a line for each cause, the first few."""
    lines = []
    for cause in causes[:MOST_CAUSES]:
        key = "chart.cause" if cause.value is None else "chart.cause_value"
        key = key if cause.limit is None or cause.value is None else "chart.cause_limit"
        unit = f" {cause.unit}" if cause.unit else ""
        lines.append(
            say(
                key,
                language,
                sensor=cause.sensor,
                rule=cause.rule,
                value=_number(cause.value),
                limit=_number(cause.limit),
                unit=unit,
            )
        )
    if len(causes) > MOST_CAUSES:
        lines.append(f"… +{len(causes) - MOST_CAUSES}")
    return lines


def width_text(width_us: int, language: str) -> str:
    """Say how long a rain bar is: ``5 min``, ``1 h``, ``7 d``."""
    minutes = width_us // 60_000_000
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes % size == 0:
            return say(f"chart.{unit}", language, n=minutes // size)
    return say("chart.minutes", language, n=minutes)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if abs(value) < 100 else f"{value:.2f}"
