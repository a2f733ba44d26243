"""How a sensor is cared for: what may be recorded, and which sensors lack a calibration or a datum check.

Before each flood season 汛期 the datum of every sensor is checked anew: Hebei's season is 1 June to 30 September, and
checks count from 1 March of the year on (domain notes §1 and §3; the latter day is ours and can be set).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, ClassVar, TypeAlias, assert_never

from shared.contracts.acts import Act, Asked
from shared.contracts.registry import MaintenanceWindow, SensorDescription
from shared.contracts.sensorcare import (
    CalibrateSensor,
    Calibration,
    CheckDatum,
    DatumCheck,
    DatumChecked,
    EndMaintenance,
    Instrument,
    InstrumentReplaced,
    MaintenancePlanSet,
    PairSensors,
    PlanMaintenance,
    ReplaceSensor,
    SensorCalibrated,
    SensorCare,
    SensorPaired,
)
from shared.problems import BadInput, NotFound

__all__ = [
    "CARE_EVENTS",
    "SEASON",
    "CareAct",
    "DatumSeason",
    "SensorAct",
    "care_id",
    "datum_unchecked",
    "decide",
    "evolve",
    "in_season",
]

SensorAct: TypeAlias = CalibrateSensor | CheckDatum | PlanMaintenance | EndMaintenance | ReplaceSensor | PairSensors
CareEvent: TypeAlias = SensorCalibrated | DatumChecked | MaintenancePlanSet | InstrumentReplaced | SensorPaired
CARE_EVENTS = (SensorCalibrated, DatumChecked, MaintenancePlanSet, InstrumentReplaced, SensorPaired)


@dataclass(frozen=True, slots=True)
class DatumSeason:
    """When a datum check is to be there (``begins`` to ``ends``), and from when on it counts; days as MM-DD."""

    counts_from: str = "03-01"
    begins: str = "06-01"
    ends: str = "09-30"


SEASON = DatumSeason()


class CareAct(Act):
    """An act on a sensor's care, with what the pond's own stream made of it."""

    command_name: ClassVar[str] = "registry.act_on_sensor_care"
    act: SensorAct
    pond_id: str
    sensor_id: str
    sensor: SensorDescription
    """As it is after the act."""
    windows: tuple[MaintenanceWindow, ...] = ()
    """All of them, after the act."""
    since: datetime | None = None
    """Of a replacement that changed nothing in the description: from when on."""
    partner_id: str | None = None
    """Of a pair, seen from this sensor."""


def care_id(pond_id: str, sensor_id: str) -> str:
    """Return the id of a sensor's record: ids have no capital letters, so that no two pairs give the same.

    >>> care_id("xiakou", "level-1")
    'xiakou-S-level-1'
    """
    joined = f"{pond_id}-S-{sensor_id}"
    # Two ids of full length do not fit into one token of a subject; the events name both in full anyway.
    return joined if len(joined) <= 128 else sha256(joined.encode()).hexdigest()


def in_season(day: date, season: DatumSeason = SEASON) -> bool:
    """Tell whether on *day* every sensor ought to have its datum check."""
    return season.begins <= day.strftime("%m-%d") <= season.ends


def datum_unchecked(care: SensorCare | None, day: date, season: DatumSeason = SEASON) -> bool:
    """Tell whether on *day*, in the flood season, a sensor lacks this year's datum check."""
    if not in_season(day, season):
        return False
    checks = () if care is None else care.datum_checks
    return not any(f"{day.year}-{season.counts_from}" <= each.on.isoformat() <= day.isoformat() for each in checks)


def decide(asked: Asked[CareAct], state: SensorCare | None) -> list[CareEvent]:
    """Return what the act brings about.

    Raises
    ------
    BadInput
        ``sensorcare.validity``.
    NotFound
        ``acts.unknown`` when nothing is known of the sensor and nothing is to be recorded.
    """
    filed = asked.command
    act = filed.act
    stamp: dict[str, Any] = {
        "pond_id": filed.pond_id, "sensor_id": filed.sensor_id, "on": asked.on, "at": asked.at, "by": filed.by,
    }  # fmt: skip
    known = SensorCare(
        id=care_id(filed.pond_id, filed.sensor_id), last_on=asked.on, pond_id=filed.pond_id, sensor_id=filed.sensor_id
    )
    known = known if state is None else state
    events: list[CareEvent] = []
    match act:
        case CalibrateSensor():
            calibration = _calibration(act)
            if not (known.calibrations and known.calibrations[-1] == calibration):
                events = [SensorCalibrated(**stamp, calibration=calibration)]
        case CheckDatum():
            check = DatumCheck(
                on=asked.on, in_order=act.in_order, deviation=act.deviation, note=act.note, document=act.document
            )
            if check not in known.datum_checks:
                events = [DatumChecked(**stamp, check=check)]
        case PlanMaintenance() | EndMaintenance():
            if known.windows != filed.windows:
                events = [MaintenancePlanSet(**stamp, windows=filed.windows)]
        case ReplaceSensor():
            events = _replaced(act, filed, known, asked.at, stamp)
        case PairSensors():
            if known.partner_id != filed.partner_id:
                events = [SensorPaired(**stamp, partner_id=filed.partner_id)]
        case _:
            assert_never(act)
    if state is None and not events:
        raise NotFound("acts.unknown", record=f"sensorcare {known.id}")
    return events


def evolve(state: SensorCare | None, event: CareEvent) -> SensorCare:
    """Return the record after *event*."""
    if state is None:
        record_id = care_id(event.pond_id, event.sensor_id)
        state = SensorCare(id=record_id, last_on=event.on, pond_id=event.pond_id, sensor_id=event.sensor_id)
    changed: dict[str, Any]
    match event:
        case SensorCalibrated():
            changed = {"calibrations": (*state.calibrations, event.calibration)}
        case DatumChecked():
            changed = {"datum_checks": (*state.datum_checks, event.check)}
        case MaintenancePlanSet():
            changed = {"windows": event.windows}
        case InstrumentReplaced():
            changed = {"instruments": (*state.instruments, event.instrument)}
        case SensorPaired():
            changed = {"partner_id": event.partner_id}
        case _:
            assert_never(event)
    return state.model_copy(update={**changed, "last_on": event.on})


def _calibration(act: CalibrateSensor) -> Calibration:
    if act.valid_until < act.valid_from:
        raise BadInput(
            "sensorcare.validity", field="valid_until", first=act.valid_from.isoformat(),
            last=act.valid_until.isoformat(),
        )  # fmt: skip
    return Calibration(
        offset=act.offset, valid_from=act.valid_from, valid_until=act.valid_until, certificate=act.certificate
    )


def _replaced(
    act: ReplaceSensor, filed: CareAct, known: SensorCare, at: datetime, stamp: dict[str, Any]
) -> list[CareEvent]:
    since = at if act.since is None else act.since
    new = Instrument(
        since=since, instrument=act.instrument, serial=act.serial, unit=filed.sensor.unit, reason=act.reason
    )
    last = known.instruments[-1] if known.instruments else None
    if last is not None:
        # Asked again without a moment, the one of the first time stands.
        same = last if act.since is None else last.model_copy(update={"since": since})
        if new.model_copy(update={"since": last.since}) == last and same == last:
            return []
    return [InstrumentReplaced(**stamp, instrument=new)]
