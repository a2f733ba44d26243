"""Read models of the registry: one row a pond, one a sensor, one a limit document; what dashboards join with."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from shared.contracts.levels import SensorState
from shared.contracts.registry import (
    LimitsAdopted,
    PondAmended,
    PondDescription,
    PondRegistered,
    SensorAmended,
    SensorDescription,
    SensorRegistered,
    SensorReplaced,
    SensorStateChanged,
)
from shared.eventstore import StoredEvent
from shared.postgres import Connection

__all__ = ["Register"]


class Register:
    """The register as it stands."""

    name = "register"
    tables = ("pond", "sensor", "limit_document")

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Write what *stored* changes."""
        event = stored.event
        match event:
            case PondRegistered() | PondAmended():
                await _pond(conn, event.pond, stored)
            case SensorRegistered():
                await _sensor(conn, event.pond_id, event.sensor)
                await _state(conn, event.pond_id, event.sensor.id, event.state)
            case SensorAmended() | SensorReplaced():
                await _sensor(conn, event.pond_id, event.sensor)
            case SensorStateChanged():
                await _state(conn, event.pond_id, event.sensor_id, event.state)
            case LimitsAdopted():
                await conn.execute(
                    "INSERT INTO limit_document (pond_id, limits_version, document, effective_from, bands)"
                    " VALUES (%s, %s, %s, %s, %s)",
                    (
                        event.pond_id,
                        event.limits_version,
                        event.limits.document,
                        event.limits.effective_from,
                        Jsonb(event.limits.model_dump(mode="json")["bands"]),
                    ),
                )
            case _:
                pass
        if stored.stream == f"pond-{stored.aggregate_id}":
            # Files, sensors' care and reminders are about a pond too, in streams with versions of their own.
            await conn.execute("UPDATE pond SET version = %s WHERE id = %s", (stored.version, stored.aggregate_id))


async def _pond(conn: Connection, pond: PondDescription, stored: StoredEvent) -> None:
    await conn.execute(
        "INSERT INTO pond (id, name, county, timezone, grade, crest_level, version)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, county = excluded.county,"
        " timezone = excluded.timezone, grade = excluded.grade, crest_level = excluded.crest_level",
        (pond.id, pond.name, pond.county, pond.timezone, pond.grade, pond.crest_level, stored.version),
    )


async def _sensor(conn: Connection, pond_id: str, sensor: SensorDescription) -> None:
    await conn.execute(
        "INSERT INTO sensor (pond_id, id, kind, unit, expected_interval_s, state) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (pond_id, id) DO UPDATE SET kind = excluded.kind, unit = excluded.unit,"
        " expected_interval_s = excluded.expected_interval_s",
        (
            pond_id,
            sensor.id,
            sensor.kind.value,
            sensor.unit,
            sensor.expected_interval_s,
            SensorState.COMMISSIONING.value,
        ),
    )


async def _state(conn: Connection, pond_id: str, sensor_id: str, state: SensorState) -> None:
    await conn.execute("UPDATE sensor SET state = %s WHERE pond_id = %s AND id = %s", (state.value, pond_id, sensor_id))
