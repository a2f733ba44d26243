"""Units of sensors and of what the system keeps: metres for levels and lengths, millimetres for rain and displacement.

Conversion is always ``canonical = value * factor + offset``. Factors are exact by definition (international
foot and inch, 1959).
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.contracts.levels import SensorKind
from shared.contracts.registry import SensorDescription
from shared.problems import BadInput

__all__ = ["UNITS", "canonical_of", "canonical_unit", "to_canonical"]

UNITS: Mapping[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
"""Metres in one unit."""

_MILLIMETRES: Mapping[str, float] = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "ft": 304.8, "in": 25.4}
"""Millimetres in one unit: a table of its own, for ``0.0254 * 1000`` is not 25.4 in binary."""

_IN_MILLIMETRES = frozenset({SensorKind.RAIN, SensorKind.DISPLACEMENT})


def canonical_unit(kind: SensorKind) -> str:
    """Return the unit the system keeps for *kind*: ``m``, or ``mm`` for rain and displacement.

    >>> canonical_unit(SensorKind.RAIN), canonical_unit(SensorKind.WATER_DISTANCE)
    ('mm', 'm')
    """
    return "mm" if kind in _IN_MILLIMETRES else "m"


def to_canonical(kind: SensorKind, unit: str) -> tuple[float, float]:
    """Return (factor, offset) that turn a value of *unit* into the canonical unit of *kind*.

    A ``water_distance`` stays a distance here; :func:`canonical_of` turns it into a level.

    Raises
    ------
    BadInput
        If the unit is none of m, cm, mm, ft, in.

    >>> to_canonical(SensorKind.WATER_LEVEL, "ft")
    (0.3048, 0.0)
    """
    factor = (_MILLIMETRES if kind in _IN_MILLIMETRES else UNITS).get(unit)
    if factor is None:
        raise BadInput("units.unknown", field="unit", unit=unit, known=", ".join(UNITS))
    return factor, 0.0


def canonical_of(sensor: SensorDescription) -> tuple[float, float]:
    """Return (factor, offset) that turn a reading of *sensor* into what is judged.

    A ``water_distance`` reading becomes a level: ``zero_level - distance``, so its factor is negative.

    Raises
    ------
    BadInput
        If the sensor's unit is unknown.
    """
    factor, offset = to_canonical(sensor.kind, sensor.unit)
    if sensor.kind is SensorKind.WATER_DISTANCE and sensor.zero_level is not None:
        return -factor, sensor.zero_level
    return factor, offset
