"""Read model of the monitor's own events: warnings as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from shared.contracts.levels import Level, LevelName
from shared.contracts.monitor import (
    Cause,
    WarningAcknowledged,
    WarningCleared,
    WarningClosed,
    WarningEased,
    WarningEscalated,
    WarningHandled,
    WarningRaised,
    WarningVerified,
    WarningView,
)
from shared.eventstore import StoredEvent
from shared.postgres import Connection

__all__ = ["COLUMNS", "Warnings", "view"]

COLUMNS: LiteralString = (
    "warning_id, pond_id, level, highest, verified, raised, cleared, acknowledged_by, acknowledged_at, handled_by,"
    " handled_at, action, closed_by, closed_at, evidence, causes, version"
)


class Warnings:
    """Every warning there was, with its life."""

    name = "warnings"
    tables = ("warning",)

    async def apply(self, conn: Connection, stored: StoredEvent) -> None:
        """Write what *stored* changes."""
        event = stored.event
        match event:
            case WarningRaised():
                await conn.execute(
                    "INSERT INTO warning (warning_id, pond_id, level, highest, verified, raised, causes, version)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    (
                        event.warning_id, event.pond_id, event.level, event.level, event.verified, event.time,
                        _json(event.causes), stored.version,
                    ),
                )  # fmt: skip
            case WarningEscalated():
                row = await conn.execute("SELECT highest FROM warning WHERE warning_id = %s", (event.warning_id,))
                found = await row.fetchone()
                highest = event.level if found is None else _higher(event.level, LevelName(found[0]))
                changes: dict[str, object] = {"level": event.level, "highest": highest, "verified": event.verified}
                await _set(conn, stored, event.warning_id, {**changes, "causes": _json(event.causes)})
            case WarningVerified():
                await _set(conn, stored, event.warning_id, {"verified": True, "causes": _json(event.causes)})
            case WarningEased():
                # The causes of the highest level stay: they are why people were called.
                await _set(conn, stored, event.warning_id, {"level": event.level})
            case WarningCleared():
                await _set(conn, stored, event.warning_id, {"level": None, "cleared": event.time})
            case WarningAcknowledged():
                await _set(conn, stored, event.warning_id, {"acknowledged_by": event.by, "acknowledged_at": event.at})
            case WarningHandled():
                changes = {"handled_by": event.by, "handled_at": event.at, "action": event.action}
                await _set(conn, stored, event.warning_id, changes)
            case WarningClosed():
                changes = {"closed_by": event.by, "closed_at": event.at, "evidence": event.evidence}
                await _set(conn, stored, event.warning_id, changes)
            case _:
                pass


def _higher(one: LevelName, other: LevelName) -> LevelName:
    return one if Level.of(one) > Level.of(other) else other


def _json(causes: tuple[Cause, ...]) -> Jsonb:
    return Jsonb([cause.model_dump(mode="json") for cause in causes])


async def _set(conn: Connection, stored: StoredEvent, warning_id: str, changes: Mapping[str, object]) -> None:
    """Set columns of one warning; the names are this module's own."""
    columns = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in changes)
    query = sql.SQL("UPDATE warning SET {}, version = %s WHERE warning_id = %s").format(columns)
    await conn.execute(query, (*changes.values(), stored.version, warning_id))


def view(row: tuple[Any, ...]) -> WarningView:
    """Return one row of ``COLUMNS`` as it is published."""
    names = [name.strip() for name in COLUMNS.split(",")]
    return WarningView.model_validate(dict(zip(names, row, strict=True)))
