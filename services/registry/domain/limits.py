"""What makes a limit document acceptable, wherever it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from shared.contracts.levels import SensorKind
from shared.contracts.limits import DOWNWARD, QUANTITIES, SENSOR_PREFIX, day_of, disorder, limits_of, season_days
from shared.contracts.registry import LimitBand, LimitDocument
from shared.problems import BadInput

__all__ = ["check_limits"]


def check_limits(document: LimitDocument, sensors: Mapping[str, SensorKind]) -> None:
    """Refuse a document without limits, about something unknown, or with limits that contradict each other.

    Parameters
    ----------
    document : LimitDocument
    sensors : mapping
        Kind of each sensor of the pond, by id.

    Raises
    ------
    BadInput
        ``registry.limits_…``; ``field`` names the place, e.g. ``limits.bands.level[0]``.
    """
    if not document.bands:
        raise BadInput("registry.limits_empty", field="limits.bands", document=document.document)
    for subject, bands in document.bands.items():
        downward = _direction(subject, sensors)
        covered: set[date] = set()
        if not bands:
            raise BadInput("registry.limits_none", field=f"limits.bands.{subject}", subject=subject)
        for index, band in enumerate(bands):
            at = f"limits.bands.{subject}[{index}]"
            _check_band(at, subject, band, downward)
            days = _days(at, band)
            twice = covered.intersection(days)
            if twice:
                raise BadInput("registry.limits_overlap", field=at, subject=subject, day=f"{min(twice):%m-%d}")
            covered.update(days)
        if sum(band.season_from is None for band in bands) > 1:
            raise BadInput("registry.limits_twice", field=f"limits.bands.{subject}", subject=subject)


def _direction(subject: str, sensors: Mapping[str, SensorKind]) -> bool:
    """Return whether the subject warns downward, or refuse a subject nobody knows."""
    at = f"limits.bands.{subject}"
    if not subject.startswith(SENSOR_PREFIX):
        if subject not in QUANTITIES:
            raise BadInput("registry.limits_subject", field=at, subject=subject, known=", ".join(QUANTITIES))
        return subject in DOWNWARD
    sensor = subject.removeprefix(SENSOR_PREFIX)
    kind = sensors.get(sensor)
    if kind is None:
        raise BadInput("registry.limits_sensor", field=at, sensor=sensor)
    if kind is SensorKind.RAIN:
        raise BadInput("registry.limits_rain", field=at, sensor=sensor)
    return kind.value in DOWNWARD


def _check_band(at: str, subject: str, band: LimitBand, downward: bool) -> None:
    given = limits_of(band)
    if not given:
        raise BadInput("registry.limits_none", field=at, subject=subject)
    wrong = disorder(given, downward)
    if wrong is not None:
        (lower, below), (upper, above) = wrong
        raise BadInput(
            "registry.limits_order_down" if downward else "registry.limits_order",
            field=f"{at}.{upper.value}",
            subject=subject,
            lower=lower.value,
            upper=upper.value,
            below=f"{below:g}",
            above=f"{above:g}",
        )


def _days(at: str, band: LimitBand) -> list[date]:
    """Return the days of a season; none for a band that holds all year."""
    first, last = band.season_from, band.season_to
    if first is None and last is None:
        return []
    try:
        return season_days(day_of(first or ""), day_of(last or ""))
    except ValueError as error:
        raise BadInput("registry.limits_season", field=at, first=first or "–", last=last or "–") from error
