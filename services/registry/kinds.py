"""The kinds of records that the registry keeps beside the ponds' monitoring records."""

from __future__ import annotations

from typing import Any

from services.registry.domain import overdue, pondfile, sensorcare
from services.registry.minekinds import MINE, MINE_KINDS
from services.registry.peoplekinds import PEOPLE_KINDS
from shared.contracts.pondfiles import ClosureOverdue, PondFile
from shared.contracts.sensorcare import SensorCare
from shared.eventstore.kinds import Kind

__all__ = ["CLOSURE", "KINDS", "MINE", "PONDFILE", "SENSORCARE"]

PONDFILE: Kind[PondFile] = Kind(
    "pondfile",
    PondFile,
    pondfile.FILE_EVENTS,
    pondfile.decide,
    pondfile.evolve,
    {
        "county": lambda file: file.county,
        "pond_use": lambda file: file.use.value,
        "out_of_use_since": lambda file: file.out_of_use_since,
        "above_residents": lambda file: file.facts.above_residents,
    },
)
CLOSURE: Kind[overdue.Reminders] = Kind(
    "closure",
    overdue.Reminders,
    (ClosureOverdue,),
    overdue.decide_reminders,
    overdue.evolve_reminders,
    {
        "out_of_use_since": lambda raised: raised.out_of_use_since,
        "stage": lambda raised: raised.stage,
        "due_on": lambda raised: raised.due_on,
    },
)
"""What was raised of ponds that are out of use too long: a stream beside the file, which no reminder disturbs."""

SENSORCARE: Kind[SensorCare] = Kind(
    "sensorcare",
    SensorCare,
    sensorcare.CARE_EVENTS,
    sensorcare.decide,
    sensorcare.evolve,
    {"pond_id": lambda care: care.pond_id, "sensor_id": lambda care: care.sensor_id},
)
"""By sensor, ``<pond>-S-<sensor>``: care is entered sensor by sensor, and late for one is not late for another."""

KINDS: tuple[Kind[Any], ...] = (PONDFILE, CLOSURE, SENSORCARE, *MINE_KINDS, *PEOPLE_KINDS)
"""Every kind; each has its table, made by the migrations."""
