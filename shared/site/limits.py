"""From the limits of a site file to one limit document, refusing limits that contradict each other."""

from __future__ import annotations

from datetime import date

from shared.contracts.levels import SensorKind
from shared.contracts.limits import DOWNWARD, QUANTITIES, SENSOR_PREFIX, day_of, disorder, limits_of, season_days
from shared.contracts.registry import LimitBand, LimitDocument
from shared.site import lines
from shared.site.schema import LevelLimits, LimitsTable, QuantityLimits, SiteFile
from shared.site.source import Source

__all__ = ["limit_document"]

_ALWAYS = date(1970, 1, 1)


def limit_document(source: Source, raw: SiteFile) -> LimitDocument | None:
    """Return the file's limits as one document, or None when it gives none.

    The document's name defaults to the file's name and its effective date to 1970-01-01.
    """
    bands: dict[str, tuple[LimitBand, ...]] = {}
    for quantity in QUANTITIES:
        table = getattr(raw.limits, quantity)
        if table is not None:
            bands[quantity] = _bands(source, ("limits", quantity), table, quantity in DOWNWARD)
    for index, sensor in enumerate(raw.sensor):
        if sensor.limits is None:
            continue
        at = ("sensor", index, "limits")
        if sensor.kind == SensorKind.RAIN:
            source.refuse("site.rain_limits", at, sensor=sensor.id)
        bands[SENSOR_PREFIX + sensor.id] = _bands(source, at, sensor.limits, sensor.kind in DOWNWARD)
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
        first = _month_day(source, (*here, "from"), season.season_from)
        last = _month_day(source, (*here, "to"), season.season_to)
        for day in season_days(first, last):
            if day in covered:
                other = source.line((*at, "season", covered[day]))
                source.refuse("site.seasons_overlap", here, day=f"{day:%m-%d}", other=other)
            covered[day] = index
        band = _band(season).model_copy(update={"season_from": season.season_from, "season_to": season.season_to})
        bands.append(_judged(source, here, band, downward))
    always = _band(table)
    if not table.season or limits_of(always):
        bands.append(_judged(source, at, always, downward))
    return tuple(bands)


def _band(table: LevelLimits) -> LimitBand:
    return LimitBand(blue=table.blue, yellow=table.yellow, orange=table.orange, red=table.red)


def _judged(source: Source, at: lines.Path, band: LimitBand, downward: bool) -> LimitBand:
    given = limits_of(band)
    if not given:
        source.refuse("site.no_limits", at)
    wrong = disorder(given, downward)
    if wrong is not None:
        (lower, below), (upper, above) = wrong
        source.refuse(
            "site.limits_order_down" if downward else "site.limits_order",
            (*at, upper.value),
            lower=lower.value,
            upper=upper.value,
            below=f"{below:g}",
            above=f"{above:g}",
        )
    return band


def _month_day(source: Source, at: lines.Path, text: str) -> date:
    try:
        return day_of(text)
    except ValueError:
        source.refuse("site.bad_month_day", at, got=text)
