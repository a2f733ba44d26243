"""The synthetic storm of an exercise: which readings its shadow pond sends when, so that the rules really raise.

Everything follows from the pond's own limits, the level asked for and the start: made again after a restart, it is
the same storm to the last reading. One level sensor (the lead) rises over its limits to just beyond that of the level
asked for, the others stay quiet, for several sensors at a level make a higher one (GB 39496, 5.5.4). Rain goes with it.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.notifier.domain.policy import worse
from shared.contracts.base import Moment, Record
from shared.contracts.levels import LevelName, SensorKind, SensorState
from shared.contracts.limits import SENSOR_PREFIX, limits_of
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, PondView, SensorDescription
from shared.names import has_controls
from shared.problems import Conflict

__all__ = ["EVERY", "Gauge", "Reading", "Storm", "shadow_of", "storm_of"]

EVERY = timedelta(minutes=5)
"""How often a shadow's sensors report: one slot of the monitor."""

_STEP_M = 0.1
"""The level rises by no more in one interval: steps above 0.15 m are suspect, and 0.5 m is impossible."""
_RISE = (6, 48)
"""Intervals of the rise, at least and at most: half an hour to four hours."""
_STANDS = 3
"""Readings that stand over the limit at the start, at least (a pond may ask for more: its ``dwell``)."""
_MARGIN_M = 0.2
"""How far the level lies below its first limit before, and beyond the limit asked for at most, after."""
_LEAST_M = 0.01
"""Two limits nearer to each other are one to a storm."""
_WOBBLE_M = 0.01
"""What keeps a level from looking stuck."""
_RAIN_MM = {LevelName.BLUE: 12.0, LevelName.YELLOW: 20.0, LevelName.ORANGE: 30.0, LevelName.RED: 40.0}
"""Rain of the rise. It stays under every rainstorm signal (the least is 50 mm), so that the level alone decides: rain
over a signal and a level over its limit roll up to a higher level than either, long before the level asked for."""
_MARK = "演练 EXERCISE · "
"""Before the name, so that no list can show a shadow as a real pond."""
_SIGNALS = ("h12_blue", "h6_yellow", "h3_orange", "h3_red")
_LEVELS = frozenset({SensorKind.WATER_LEVEL, SensorKind.WATER_DISTANCE})

Rules = dict[str, dict[str, float | int | bool | str | list[float]]]
Reading = tuple[str, datetime, float]
"""(sensor, time, value): metres, or millimetres of rain."""


class Gauge(Record):
    """One sensor of the shadow. ``base`` and ``top`` in m; of a rain gauge, ``top`` is mm in each interval."""

    sensor_id: str
    rain: bool = False
    base: float = 0.0
    top: float = 0.0
    wobble: float = 0.0


class Storm(Record):
    """A storm: the rise ends and the plateau begins ``stands`` intervals before ``started``."""

    started: Moment
    rise: int
    stands: int
    gauges: tuple[Gauge, ...]

    @property
    def begins(self) -> datetime:
        """Time of the first reading."""
        return self.started - (self.rise + self.stands - 1) * EVERY

    def readings(self, after: datetime | None, until: datetime) -> list[Reading]:
        """Return the readings of the times after *after* (None: all) up to *until*, in order of time."""
        first = -(self.rise + self.stands - 1)
        if after is not None:
            first = max(first, math.floor((after - self.started) / EVERY) + 1)
        last = math.floor((until - self.started) / EVERY)
        return [
            (gauge.sensor_id, self.started + number * EVERY, self._value(gauge, number))
            for number in range(first, last + 1)
            for gauge in self.gauges
        ]

    def _value(self, gauge: Gauge, number: int) -> float:
        done = min(1.0, (number + self.rise + self.stands - 1) / self.rise)
        if gauge.rain:
            return gauge.top if done < 1.0 else 0.0
        level = gauge.base + (gauge.top - gauge.base) * done
        return round(level + gauge.wobble * math.sin(number), 3)


def shadow_of(view: PondView, shadow_id: str) -> PondView:
    """Return the shadow of a pond: its description, sensors and limits, as they are registered for an exercise.

    Its sensors are those in service that see level or rain; all of them give metres (or millimetres) every five
    minutes, without ranges of their own. Of its rules only what the storm does not lean on is the pond's own: trend,
    compound and slow climb would carry a steep rise beyond the level asked for.
    """
    sensors = tuple(
        each.model_copy(update={"sensor": _shadowed(each.sensor), "state_history": (), "windows": (), "former": ()})
        for each in view.sensors
        if each.state is SensorState.IN_SERVICE and (each.sensor.kind in _LEVELS or each.sensor.kind is SensorKind.RAIN)
    )
    known = {f"{SENSOR_PREFIX}{each.sensor.id}" for each in sensors if each.sensor.kind is not SensorKind.RAIN}
    limits = []
    for document in view.limits:
        bands = {key: value for key, value in document.bands.items() if key == "level" or key in known}
        if bands:
            limits.append(document.model_copy(update={"bands": bands}))
    rules: Rules = {name: dict(view.pond.rules[name]) for name in ("rainfall", "season") if name in view.pond.rules}
    rules["threshold"] = {**view.pond.rules.get("threshold", {}), "enabled": True}
    for name in ("trend", "compound", "slow_climb"):
        rules[name] = {"enabled": False}
    # Of a name that was registered before controls were refused, what a reader sees.
    name, county = (
        "".join(sign for sign in text if not has_controls(sign)) for text in (view.pond.name, view.pond.county)
    )
    pond: dict[str, Any] = {"id": shadow_id, "name": f"{_MARK}{name}"[:200], "county": county, "rules": rules}
    description = PondDescription.model_validate({**view.pond.model_dump(), **pond})
    return PondView(pond=description, sensors=sensors, limits=tuple(limits))


def storm_of(shadow: PondView, level: LevelName, started: datetime) -> Storm:
    """Return the storm that takes a shadow to *level*.

    Raises
    ------
    Conflict
        ``drills.no_limits``: no level sensor of the pond has a limit of that level today that a level can stand
        over without standing over the next one, too.
    """
    day = started.astimezone(ZoneInfo(shadow.pond.timezone)).date()
    levels = [each.sensor for each in shadow.sensors if each.sensor.kind is not SensorKind.RAIN]
    bands = {sensor.id: _in_force(shadow.limits, sensor.id, day) for sensor in levels}
    lead, room = _lead(levels, bands, level)
    if lead is None:
        there = {name for band in bands.values() if band is not None for name, _ in limits_of(band)}
        known = [f"level.{name.value}" for name in LevelName if name in there] or "-"
        raise Conflict("drills.no_limits", field="storm", level=[f"level.{level.value}"], known=known)
    limits = dict(limits_of(_band(bands, lead)))
    top = limits[level] + room
    # Where limits lie far apart the rise begins beyond the first: faster, it would look like a fault of the sensor.
    base = max(min(limits.values()) - _MARGIN_M, top - _STEP_M * _RISE[1])
    rise = min(_RISE[1], max(_RISE[0], math.ceil((top - base) / _STEP_M)))
    gauges = [Gauge(sensor_id=lead, base=base, top=top, wobble=min(_WOBBLE_M, room / 4))]
    for sensor in levels:
        if sensor.id != lead:
            own = bands[sensor.id]
            quiet = base if own is None else min(limit for _, limit in limits_of(own)) - _MARGIN_M
            gauges.append(Gauge(sensor_id=sensor.id, base=quiet, top=quiet, wobble=_WOBBLE_M))
    rain = round(_rain(shadow.pond.rules, level) / rise, 1)
    gauges += [
        Gauge(sensor_id=each.sensor.id, rain=True, top=rain)
        for each in shadow.sensors
        if each.sensor.kind is SensorKind.RAIN
    ]
    stands = max(_STANDS, _dwell(shadow.pond.rules) + 1)
    return Storm(started=started, rise=rise, stands=stands, gauges=tuple(gauges))


def _shadowed(sensor: SensorDescription) -> SensorDescription:
    rain = sensor.kind is SensorKind.RAIN
    return SensorDescription(
        id=sensor.id, kind=SensorKind.RAIN if rain else SensorKind.WATER_LEVEL, unit="mm" if rain else "m",
        expected_interval_s=int(EVERY.total_seconds()),
    )  # fmt: skip


def _lead(
    levels: list[SensorDescription], bands: dict[str, LimitBand | None], level: LevelName
) -> tuple[str | None, float]:
    """Return the first sensor that can show *level* and no more, and how far beyond its limit it may go."""
    for sensor in levels:
        band = bands[sensor.id]
        limits = {} if band is None else dict(limits_of(band))
        if level not in limits:
            continue
        next_up = min((limit for name, limit in limits.items() if worse(name, level)), default=math.inf)
        room = min(_MARGIN_M, (next_up - limits[level]) / 2)
        if room >= _LEAST_M / 2:
            return sensor.id, room
    return None, 0.0


def _band(bands: dict[str, LimitBand | None], sensor_id: str) -> LimitBand:
    band = bands[sensor_id]
    assert band is not None, "the lead has limits"
    return band


def _in_force(documents: tuple[LimitDocument, ...], sensor_id: str, day: date) -> LimitBand | None:
    """Return the limits of a level sensor on a day, chosen as the monitor does: the newest document, its own season."""
    for key in (f"{SENSOR_PREFIX}{sensor_id}", "level"):
        for document in reversed(documents):
            bands = document.bands.get(key, ())
            if document.effective_from > day:
                continue
            covering = [band for band in bands if _covers(band, day)]
            for band in [each for each in covering if each.season_from is not None] or covering:
                return band
    return None


def _covers(band: LimitBand, day: date) -> bool:
    if band.season_from is None or band.season_to is None:
        return True
    today, first, last = day.strftime("%m-%d"), band.season_from, band.season_to
    return first <= today <= last if first <= last else today >= first or today <= last


def _rain(rules: Rules, level: LevelName) -> float:
    own = rules.get("rainfall", {})
    signals = [float(limit) for name in _SIGNALS if isinstance(limit := own.get(name), int | float)]
    return min([_RAIN_MM[level], *(0.5 * limit for limit in signals)])


def _dwell(rules: Rules) -> int:
    dwell = rules.get("threshold", {}).get("dwell", 1)
    return int(dwell) if isinstance(dwell, int | float) else 1
