"""How a sensor is cared for: calibration, datum checks, maintenance windows, replacement, redundancy (version 1).

One record a sensor (``sensorcare-<pond>-S-<sensor>``), beside the pond's monitoring record. What readers of
readings must follow, windows and replacements, is told in the pond's own stream as well, in the same transaction
(``SensorMaintenanceSet``, ``SensorReplaced``). Offsets and deviations are in the canonical unit of the sensor's kind
(m; mm for rain and displacement).
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import Field, model_validator

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded, Text
from shared.contracts.base import Command, Event, Identifier, Moment, Record
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.mines import DocumentRef
from shared.contracts.registry import MaintenanceWindow

__all__ = [
    "SENSORCARE_ACTS",
    "SENSORCARE_EVENTS",
    "CalibrateSensor",
    "Calibration",
    "CheckDatum",
    "DatumCheck",
    "DatumChecked",
    "EndMaintenance",
    "Instrument",
    "InstrumentReplaced",
    "ListSensorCare",
    "MaintenancePlanSet",
    "PairSensors",
    "PlanMaintenance",
    "ReplaceSensor",
    "SensorCalibrated",
    "SensorCare",
    "SensorCareList",
    "SensorCareView",
    "SensorPaired",
    "ShowSensorCare",
]


class Calibration(Record):
    """A calibration: what is to be added to a reading, from when until when, on which certificate."""

    offset: float
    """To be added to a reading [canonical unit]. Kept in the register; the monitor does not apply it."""
    valid_from: date
    valid_until: date
    certificate: DocumentRef

    @model_validator(mode="after")
    def _in_order(self) -> Calibration:
        if self.valid_until < self.valid_from:
            raise ValueError(f"valid until {self.valid_until}, before it begins on {self.valid_from}")
        return self


class DatumCheck(Record):
    """A check of a sensor's datum (基准点) against the levelling: done on a day, with what was found."""

    on: date
    in_order: bool
    deviation: float | None = None
    """Sensor less levelling [canonical unit]."""
    note: str = ""
    document: DocumentRef | None = None


class Instrument(Record):
    """The instrument that measures for a sensor since a moment."""

    since: Moment
    instrument: str
    serial: str = ""
    unit: str
    reason: str = ""


class SensorCare(Kept):
    """How a sensor was cared for so far; ``id`` is ``<pond>-S-<sensor>``."""

    pond_id: Identifier
    sensor_id: Identifier
    calibrations: tuple[Calibration, ...] = ()
    datum_checks: tuple[DatumCheck, ...] = ()
    windows: tuple[MaintenanceWindow, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    partner_id: Identifier | None = None
    """The sensor of the same pond that measures the same thing."""

    def calibration_on(self, day: date) -> Calibration | None:
        """Return the calibration that holds on *day*: of several the one entered last."""
        valid = [each for each in self.calibrations if each.valid_from <= day <= each.valid_until]
        return valid[-1] if valid else None


# -- events -----------------------------------------------------------------------------------------------------------


class SensorCalibrated(Recorded):
    """A sensor was calibrated."""

    event_type: ClassVar[str] = "registry.sensor.calibrated"
    pond_id: Identifier
    sensor_id: Identifier
    calibration: Calibration


class DatumChecked(Recorded):
    """A sensor's datum was checked."""

    event_type: ClassVar[str] = "registry.sensor.datum_checked"
    pond_id: Identifier
    sensor_id: Identifier
    check: DatumCheck


class MaintenancePlanSet(Recorded):
    """A sensor's maintenance windows changed; these are all of them."""

    event_type: ClassVar[str] = "registry.sensor.maintenance_plan_set"
    pond_id: Identifier
    sensor_id: Identifier
    windows: tuple[MaintenanceWindow, ...]


class InstrumentReplaced(Recorded):
    """Another instrument measures for a sensor."""

    event_type: ClassVar[str] = "registry.sensor.instrument_replaced"
    pond_id: Identifier
    sensor_id: Identifier
    instrument: Instrument


class SensorPaired(Recorded):
    """A sensor has another that measures the same thing (None: no longer)."""

    event_type: ClassVar[str] = "registry.sensor.paired"
    pond_id: Identifier
    sensor_id: Identifier
    partner_id: Identifier | None


# -- commands ---------------------------------------------------------------------------------------------------------


class CalibrateSensor(Act):
    """Enter a calibration."""

    command_name: ClassVar[str] = "registry.calibrate_sensor"
    pond_id: Identifier
    sensor_id: Identifier
    offset: float
    valid_from: date
    valid_until: date
    certificate: DocumentRef


class CheckDatum(Act):
    """Record a check of a sensor's datum, on the act's day."""

    command_name: ClassVar[str] = "registry.check_datum"
    pond_id: Identifier
    sensor_id: Identifier
    in_order: bool
    deviation: float | None = None
    note: str = Field(default="", max_length=2_000)
    document: DocumentRef | None = None


class PlanMaintenance(Act):
    """Plan a maintenance window; it may lie ahead, and the same window again changes nothing."""

    command_name: ClassVar[str] = "registry.plan_maintenance"
    pond_id: Identifier
    sensor_id: Identifier
    begin: Moment
    end: Moment
    reason: Text


class EndMaintenance(Act):
    """End the window that runs at ``at`` (None: now); or, by its ``begin``, take back one that has not begun."""

    command_name: ClassVar[str] = "registry.end_maintenance"
    pond_id: Identifier
    sensor_id: Identifier
    at: Moment | None = None
    begin: Moment | None = None


class ReplaceSensor(Act):
    """Put another instrument in a sensor's place, from a moment on; the series goes on.

    ``range`` and ``spike`` are in the new unit; None keeps the present ones, converted.
    """

    command_name: ClassVar[str] = "registry.replace_sensor"
    pond_id: Identifier
    sensor_id: Identifier
    instrument: Name
    serial: str = Field(default="", max_length=200)
    unit: str | None = None
    """None: as before."""
    zero_level: float | None = None
    """Of a ``water_distance`` sensor [m]; None: as before."""
    range: tuple[float, float] | None = None
    spike: tuple[float, float] | None = None
    since: Moment | None = None
    """None: now. Not ahead."""
    reason: str = Field(default="", max_length=2_000)


class PairSensors(Act):
    """Say that two sensors of a pond measure the same thing (``partner_id`` None: that this one has no partner)."""

    command_name: ClassVar[str] = "registry.pair_sensors"
    pond_id: Identifier
    sensor_id: Identifier
    partner_id: Identifier | None


class ShowSensorCare(Command):
    """Ask how a sensor was cared for, as of a day."""

    command_name: ClassVar[str] = "registry.show_sensor_care"
    pond_id: Identifier
    sensor_id: Identifier
    as_of: date | None = None


class ListSensorCare(PageQuery):
    """Ask for sensors with their care; also those nobody ever cared for."""

    command_name: ClassVar[str] = "registry.list_sensor_care"
    pond_id: Identifier | None = None
    calibration_expired: bool | None = None
    """Only those that were calibrated and whose calibration (still) holds no more / holds."""
    datum_unchecked: bool | None = None
    """Only those (not) lacking this year's datum check; in the flood season there ought to be none."""


class SensorCareView(Record):
    """A sensor's care with what follows from it on the day asked about."""

    pond_id: Identifier
    sensor_id: Identifier
    kind: SensorKind
    unit: str
    state: SensorState
    """As people said last, without the windows laid over it."""
    care: SensorCare | None = None
    """None: nothing was recorded yet."""
    version: int = 0
    calibration: Calibration | None = None
    """The one that holds on that day."""
    calibration_expired: bool = False
    """Whether it was calibrated and no calibration holds."""
    datum_unchecked: bool = False
    """In the flood season: whether no datum check was recorded since its preparation began (1 March)."""
    changed: bool = False


class SensorCareList(Record):
    """The answer to ``ListSensorCare``."""

    total: int
    sensors: tuple[SensorCareView, ...]


SENSORCARE_EVENTS: tuple[type[Event], ...] = (
    SensorCalibrated,
    DatumChecked,
    MaintenancePlanSet,
    InstrumentReplaced,
    SensorPaired,
)
SENSORCARE_ACTS: tuple[type[Act], ...] = (
    CalibrateSensor,
    CheckDatum,
    PlanMaintenance,
    EndMaintenance,
    ReplaceSensor,
    PairSensors,
)
"""Acts, each answered by a ``SensorCareView`` (of a pair: that of the sensor named first)."""
