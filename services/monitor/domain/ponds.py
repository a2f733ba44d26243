"""Ponds as the monitor sees them, and which limits are in force when (pure).

Built from registry events; ``LimitSchedule`` turns versioned limit documents with effective dates and
season bands into the limits of any moment, in the pond's local calendar.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, SensorDescription

__all__ = ["InForce", "PondSetup", "Schedule", "SensorSetup", "limits_in_force", "quantity_of", "schedule"]

_QUANTITIES = {
    SensorKind.WATER_LEVEL: "level",
    SensorKind.WATER_DISTANCE: "level",
    SensorKind.FREEBOARD: "freeboard",
    SensorKind.BEACH_LENGTH: "beach_length",
    SensorKind.PHREATIC_LEVEL: "phreatic_level",
    SensorKind.DISPLACEMENT: "displacement",
    SensorKind.RAIN: "rain",
}


def quantity_of(kind: SensorKind) -> str:
    """Return the quantity a kind of sensor is judged on: the key of its limits, and its item in the roll-up."""
    return _QUANTITIES[kind]


@dataclass(frozen=True, slots=True)
class SensorSetup:
    """One sensor (a *point*) with its life: ``states`` are (since, state), None meaning from the beginning."""

    description: SensorDescription
    states: tuple[tuple[datetime | None, SensorState], ...] = ((None, SensorState.IN_SERVICE),)

    def state_at(self, moment: datetime) -> SensorState:
        """Return the state the sensor was in at *moment*."""
        current = self.states[0][1]
        for since, state in self.states:
            if since is None or since <= moment:
                current = state
        return current


@dataclass(frozen=True, slots=True)
class PondSetup:
    """A pond, its sensors and every limit document it has had (``limits[i]`` is version ``i + 1``)."""

    pond: PondDescription
    sensors: tuple[SensorSetup, ...] = ()
    limits: tuple[LimitDocument, ...] = ()
    version: int = 0
    zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", ZoneInfo(self.pond.timezone))

    @property
    def id(self) -> str:
        """The pond's id."""
        return self.pond.id


@dataclass(frozen=True, slots=True)
class InForce:
    """The limits of one point at one time, with where they come from. NaN-free: None means no such limit."""

    blue: float | None = None
    yellow: float | None = None
    orange: float | None = None
    red: float | None = None
    document: str = ""
    version: int | None = None

    @property
    def four(self) -> tuple[float | None, float | None, float | None, float | None]:
        """The limits from blue to red."""
        return (self.blue, self.yellow, self.orange, self.red)


def _covers(band: LimitBand, day: date) -> bool:
    if band.season_from is None or band.season_to is None:
        return True
    today, start, end = day.strftime("%m-%d"), band.season_from, band.season_to
    return start <= today <= end if start <= end else today >= start or today <= end


def limits_in_force(setup: PondSetup, sensor: SensorDescription, day: date) -> InForce:
    """Return the limits of *sensor* on the local *day*.

    The newest adopted document that is effective and speaks of the point (or else of its quantity) decides;
    within it a seasonal band goes before the all-year one.
    """
    for key in (f"sensor:{sensor.id}", quantity_of(sensor.kind)):
        for index in range(len(setup.limits) - 1, -1, -1):
            document = setup.limits[index]
            bands = document.bands.get(key)
            if not bands or document.effective_from > day:
                continue
            covering = [band for band in bands if _covers(band, day)]
            seasonal = [band for band in covering if band.season_from is not None]
            for band in (seasonal or covering)[:1]:
                return InForce(band.blue, band.yellow, band.orange, band.red, document.document, index + 1)
    return InForce()


def _turning_days(setup: PondSetup, first: date, last: date) -> list[date]:
    """Return the days in ``first..last`` on which some limit may change."""
    days = {first}
    for document in setup.limits:
        days.add(document.effective_from)
        for bands in document.bands.values():
            for band in bands:
                if band.season_from is None or band.season_to is None:
                    continue
                for year in range(first.year - 1, last.year + 2):
                    days.add(_day(year, band.season_from))
                    days.add(_day(year, band.season_to) + timedelta(days=1))
    return sorted(day for day in days if first <= day <= last)


def _day(year: int, month_day: str) -> date:
    month, day = map(int, month_day.split("-"))
    if (month, day) == (2, 29) and not (year % 4 == 0 and (year % 100 or year % 400 == 0)):
        return date(year, 3, 1)
    return date(year, month, day)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Limits of one point over a span of time: ``starts[i]`` (UTC) begins ``limits[i]``."""

    starts: tuple[datetime, ...]
    limits: tuple[InForce, ...]

    def at(self, moment: datetime) -> InForce:
        """Return the limits in force at *moment* (the first ones before the span)."""
        return self.limits[max(0, bisect_right(self.starts, moment) - 1)]


def schedule(setup: PondSetup, sensor: SensorDescription, first: datetime, last: datetime) -> Schedule:
    """Return the limits of *sensor* from *first* to *last*, cut at local midnights where they change."""
    from_day, to_day = first.astimezone(setup.zone).date(), last.astimezone(setup.zone).date()
    starts: list[datetime] = []
    limits: list[InForce] = []
    for day in _turning_days(setup, from_day, to_day):
        now = limits_in_force(setup, sensor, day)
        if limits and now == limits[-1]:
            continue
        starts.append(datetime.combine(day, time.min, setup.zone).astimezone(UTC))
        limits.append(now)
    return Schedule(tuple(starts), tuple(limits))
