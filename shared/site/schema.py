"""The site file's shape as it is written: names, types and which keys exist. Meaning is judged in ``load``."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.base import ID_PATTERN

__all__ = [
    "LevelLimits",
    "LimitsTable",
    "PondTable",
    "QuantityLimits",
    "SeasonLimits",
    "SensorTable",
    "SeriesTable",
    "SiteFile",
]

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _Table(BaseModel):
    # Strict: TOML knows text from numbers, so "5" where 5 belongs is a slip worth telling.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class PondTable(_Table):
    """``[pond]``."""

    id: Id
    name: Text | None = None
    county: str = Field(default="", max_length=100)
    timezone: str = "Asia/Shanghai"
    grade: int | None = Field(default=None, ge=1, le=5)
    crest_level: float | None = None


class LevelLimits(_Table):
    """Four limits, any subset."""

    blue: float | None = None
    yellow: float | None = None
    orange: float | None = None
    red: float | None = None


class SeasonLimits(LevelLimits):
    """``[[limits.<quantity>.season]]``: limits from MM-DD to MM-DD, both days included."""

    season_from: str = Field(alias="from")
    season_to: str = Field(alias="to")


class QuantityLimits(LevelLimits):
    """``[limits.<quantity>]`` or ``[sensor.limits]``: all year, with seasons that go before it."""

    season: list[SeasonLimits] = []


class LimitsTable(_Table):
    """``[limits]``."""

    document: Text | None = None
    effective_from: date | str | None = None
    level: QuantityLimits | None = None
    freeboard: QuantityLimits | None = None
    beach_length: QuantityLimits | None = None
    phreatic_level: QuantityLimits | None = None
    displacement: QuantityLimits | None = None


class SeriesTable(_Table):
    """``[sensor.series]``."""

    file: Text
    time: str | int
    value: str | int
    format: str | None = None
    missing: list[str] | None = None
    encoding: str = "utf-8-sig"
    skip_rows: int = Field(default=0, ge=0)
    delimiter: str = ","
    scale: float = 1.0


class SensorTable(_Table):
    """``[[sensor]]``."""

    id: Id
    kind: str
    unit: str
    expected_interval: str
    range: list[float] | None = Field(default=None, min_length=2, max_length=2)
    zero_level: float | None = None
    spike: list[float] | None = Field(default=None, min_length=2, max_length=2)
    limits: QuantityLimits | None = None
    series: SeriesTable | None = None


class SiteFile(_Table):
    """The whole file."""

    pond: PondTable
    limits: LimitsTable = LimitsTable()
    sensor: list[SensorTable] = []
    rules: dict[str, dict[str, float | int | bool | str | list[float]]] = {}
