"""From the limits of a site file to one limit document, refusing limits that contradict each other."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from shared.contracts.levels import LevelName, SensorKind
from shared.contracts.registry import LimitBand, LimitDocument
from shared.site import lines
from shared.site.schema import LevelLimits, LimitsTable, QuantityLimits, SiteFile
from shared.site.source import Source

__all__ = ["limit_document"]

_ALWAYS = date(1970, 1, 1)
_QUANTITIES = ("level", "freeboard", "beach_length", "phreatic_level", "displacement")
_DOWNWARD = frozenset({"freeboard", "beach_length"})
"""Quantities that warn when they shrink."""
_LEAP_YEAR = 2000


def limit_document(source: Source, raw: SiteFile) -> LimitDocument | None:
    """Return the file's limits as one document, or None when it gives none.

    The document's name defaults to the file's name and its effective date to 1970-01-01.
    """
    bands: dict[str, tuple[LimitBand, ...]] = {}
    for quantity in _QUANTITIES:
        table = getattr(raw.limits, quantity)
        if table is not None:
            bands[quantity] = _bands(source, ("limits", quantity), table, quantity in _DOWNWARD)
    for index, sensor in enumerate(raw.sensor):
        if sensor.limits is None:
            continue
        at = ("sensor", index, "limits")
        if sensor.kind == SensorKind.RAIN:
            source.refuse("site.rain_limits", at, sensor=sensor.id)
        bands[f"sensor:{sensor.id}"] = _bands(source, at, sensor.limits, sensor.kind in _DOWNWARD)
    if not bands:
        return None
    return LimitDocument(
        document=raw.limits.document or source.path.name,
        effective_from=_effective(source, raw.limits),
        bands=bands,
    )


def _effective(source: Source, limits: LimitsTable) -> date:
    match limits.effective_from:
        case None:
            return _ALWAYS
        case date() as day:
            return day
        case text:
            try:
                return date.fromisoformat(text)
            except ValueError:
                source.refuse("site.bad_date", ("limits", "effective_from"), got=text)


def _bands(source: Source, at: lines.Path, table: QuantityLimits, downward: bool) -> tuple[LimitBand, ...]:
    """Return the seasonal bands, then the all-year band when it sets any limit."""
    bands: list[LimitBand] = []
    covered: dict[date, int] = {}
    for index, season in enumerate(table.season):
        here = (*at, "season", index)
        first, last = (
            _month_day(source, (*here, "from"), season.season_from),
            _month_day(source, (*here, "to"), season.season_to),
        )
        for day in _days(first, last):
            if day in covered:
                other = source.line((*at, "season", covered[day]))
                source.refuse("site.seasons_overlap", here, day=f"{day:%m-%d}", other=other)
            covered[day] = index
        bands.append(_band(source, here, season, downward, season.season_from, season.season_to))
    if not table.season or _levels(table):
        bands.append(_band(source, at, table, downward))
    return tuple(bands)


def _band(
    source: Source,
    at: lines.Path,
    table: LevelLimits,
    downward: bool,
    first: str | None = None,
    last: str | None = None,
) -> LimitBand:
    given = _levels(table)
    if not given:
        source.refuse("site.no_limits", at)
    for (lower, below), (upper, above) in pairwise(given):
        if (below < above) if downward else (below > above):
            source.refuse(
                "site.limits_order_down" if downward else "site.limits_order",
                (*at, upper.value),
                lower=lower.value,
                upper=upper.value,
                below=f"{below:g}",
                above=f"{above:g}",
            )
    return LimitBand(**{name.value: value for name, value in given}, season_from=first, season_to=last)


def _levels(table: LevelLimits) -> list[tuple[LevelName, float]]:
    """Return the limits given, mildest first."""
    values = ((name, getattr(table, name.value)) for name in LevelName)
    return [(name, value) for name, value in values if value is not None]


def _month_day(source: Source, at: lines.Path, text: str) -> date:
    try:
        # The year in front makes 02-29 a day; the length keeps other ISO forms (0601, W23-1) out.
        return date.fromisoformat(f"{_LEAP_YEAR}-{text}" if len(text) == len("MM-DD") else text[:0])
    except ValueError:
        source.refuse("site.bad_month_day", at, got=text)


def _days(first: date, last: date) -> list[date]:
    """Return the days from *first* to *last* of a leap year, over the new year when *last* is before *first*."""
    if last < first:
        return [*_days(first, date(_LEAP_YEAR, 12, 31)), *_days(date(_LEAP_YEAR, 1, 1), last)]
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
