"""A site as read from its file: what the registry is told, and where a replay finds its series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.contracts.registry import LimitDocument, PondDescription, SensorDescription
from shared.site import lines

__all__ = ["DEFAULT_MISSING", "SeriesSpec", "Site", "SiteSensor"]

DEFAULT_MISSING = ("", "-", "---", "NA", "N/A", "NaN", "nan", "null", "-9999")
"""Cells that mean "no value" when the site file does not list its own; an empty cell always does."""


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """Where a sensor's recorded series is and how it is written."""

    file: str
    """Path relative to the site file."""
    time: str | int
    """Column name, or 0-based index."""
    value: str | int
    format: str | None = None
    """``strptime`` format, ``unix`` or ``unix_ms``; None reads ISO 8601 and its year-first relatives."""
    missing: tuple[str, ...] = DEFAULT_MISSING
    encoding: str = "utf-8-sig"
    skip_rows: int = 0
    """Lines before the header, or before the first row when both columns are indexes."""
    delimiter: str = ","
    scale: float = 1.0
    """Multiplies the value, e.g. mm per tip of a tipping bucket."""
    where: str = ""
    """``FILE:LINE`` of this table in the site file, for refusals."""


@dataclass(frozen=True, slots=True)
class SiteSensor:
    """A sensor as registered, with its series when the file gives one."""

    sensor: SensorDescription
    series: SeriesSpec | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One site file. ``limits`` is None when the file gives none."""

    path: Path
    pond: PondDescription
    sensors: tuple[SiteSensor, ...]
    limits: LimitDocument | None
    key_lines: Mapping[lines.Path, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def directory(self) -> Path:
        """The folder that series files are relative to."""
        return self.path.parent

    @property
    def timezone(self) -> ZoneInfo:
        """The zone of times without an offset."""
        return ZoneInfo(self.pond.timezone)

    def line(self, *path: str | int) -> int:
        """Return the line of a key, e.g. ``site.line("rules", "rainfall", "h12_blue")``, for a refusal."""
        return lines.line_of(self.key_lines, path)
