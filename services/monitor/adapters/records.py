"""The monitor's own tables: its copy of the register, the record of each pond, anchors, and warnings to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.monitor.adapters.telemetry import CONSUMER, Place
from services.monitor.domain.timeline import Watched
from services.monitor.points import moment_slot
from services.monitor.projections import COLUMNS, view
from shared.bus.partitions import WHOLE, Share
from shared.contracts.levels import Level
from shared.contracts.monitor import TimelineChange, WarningView
from shared.contracts.registry import PondView
from shared.contracts.synthetic import SYNTHETIC_PATTERN
from shared.postgres import Connection

__all__ = ["Anchor", "Records"]

Anchor = tuple[str, int, int, Watched, int, dict[int, list[float | None]]]
"""pond, born, slot, state after it, hour of the memory, memory by sensor key (null: not begun)."""

_CHANGE = TypeAdapter(TimelineChange)
_SAME_CHANGE: LiteralString = (
    "pond_id = %(pond)s AND time = %(time)s AND event = %(event)s AND level IS NOT DISTINCT FROM %(level)s"
    " AND (%(rule)s::text IS NULL OR (causes->0->>'rule' = %(rule)s AND causes->0->>'sensor' = %(sensor)s))"
)
"""Which row of the record a change is."""


class Records:
    """Stateless: every call is given its connection."""

    async def setups(self, conn: Connection) -> list[PondView]:
        """Return every pond as last told by the registry."""
        cursor = await conn.execute("SELECT setup FROM pond_setup ORDER BY pond_id")
        return [PondView.model_validate(row[0]) for row in await cursor.fetchall()]

    async def setup(self, conn: Connection, pond_id: str) -> PondView | None:
        """Return one pond, or None."""
        row = await (await conn.execute("SELECT setup FROM pond_setup WHERE pond_id = %s", (pond_id,))).fetchone()
        return None if row is None else PondView.model_validate(row[0])

    async def save_setup(self, conn: Connection, view: PondView) -> None:
        """Keep a pond; its sensors get their keys."""
        await conn.execute(
            "INSERT INTO pond_setup (pond_id, version, setup) VALUES (%s, %s, %s)"
            " ON CONFLICT (pond_id) DO UPDATE SET version = excluded.version, setup = excluded.setup",
            (view.pond.id, view.version, Jsonb(view.model_dump(mode="json"))),
        )
        for each in view.sensors:
            await conn.execute(
                "INSERT INTO sensor (pond_id, sensor_id, kind, unit) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (pond_id, sensor_id) DO UPDATE SET kind = excluded.kind, unit = excluded.unit"
                " WHERE (sensor.kind, sensor.unit) IS DISTINCT FROM (excluded.kind, excluded.unit)",
                (view.pond.id, each.sensor.id, each.sensor.kind, each.sensor.unit),
            )

    async def keys(self, conn: Connection, pond_id: str | None = None) -> dict[tuple[str, str], int]:
        """Return (pond, sensor) → key in the series, of one pond or of all."""
        cursor = await conn.execute(
            "SELECT pond_id, sensor_id, key FROM sensor WHERE %s::text IS NULL OR pond_id = %s", (pond_id, pond_id)
        )
        return {(pond, sensor): int(key) for pond, sensor, key in await cursor.fetchall()}

    async def timelines(
        self, conn: Connection, pond_id: str | None = None
    ) -> dict[str, list[tuple[int, TimelineChange]]]:
        """Return what stands on each pond's record after its anchor, in order."""
        cursor = await conn.execute(
            "SELECT t.pond_id, t.time, t.event, t.level, t.verified, t.causes"
            " FROM timeline t JOIN anchor a USING (pond_id)"
            " WHERE t.time > to_timestamp(a.slot * 300) AND (%s::text IS NULL OR t.pond_id = %s)"
            " ORDER BY t.pond_id, t.time, t.place",
            (pond_id, pond_id),
        )
        found: dict[str, list[tuple[int, TimelineChange]]] = {}
        for pond, time, event, level, verified, causes in await cursor.fetchall():
            change = TimelineChange(time=time, event=event, level=level, verified=verified, causes=causes)
            found.setdefault(pond, []).append((moment_slot(time), change))
        return found

    async def amend_timeline(
        self,
        conn: Connection,
        pond_id: str,
        removed: Sequence[TimelineChange],
        added: Sequence[TimelineChange],
        restated: Sequence[tuple[TimelineChange, TimelineChange]] = (),
    ) -> None:
        """Take changes off a pond's record, put others on it, and give others again their (was, is) causes."""
        if removed:
            async with conn.cursor() as cursor:
                await cursor.executemany(
                    f"DELETE FROM timeline WHERE {_SAME_CHANGE}",  # noqa: S608 - our own constant
                    [_key(pond_id, change) for change in removed],
                )
        if restated:
            async with conn.cursor() as cursor:
                await cursor.executemany(
                    f"UPDATE timeline SET causes = %(causes)s WHERE {_SAME_CHANGE}",  # noqa: S608 - our own constant
                    [{**_key(pond_id, was), "causes": _causes(now)} for was, now in restated],
                )
        if added:
            async with conn.cursor() as cursor:
                await cursor.executemany(
                    "INSERT INTO timeline (pond_id, time, place, event, level, verified, causes)"
                    " SELECT %(pond)s, %(time)s, coalesce(max(place) + 1, 0), %(event)s, %(level)s, %(verified)s,"
                    " %(causes)s"
                    " FROM timeline WHERE pond_id = %(pond)s AND time = %(time)s",
                    [
                        {
                            "pond": pond_id,
                            "time": change.time,
                            "event": change.event,
                            "level": change.level,
                            "verified": change.verified,
                            "causes": _causes(change),
                        }
                        for change in added
                    ],
                )

    async def anchors(self, conn: Connection, pond_id: str | None = None) -> list[Anchor]:
        """Return where a restart begins, for one pond or all."""
        cursor = await conn.execute(
            "SELECT pond_id, born, slot, state, memory_hour, memory FROM anchor"
            " WHERE %s::text IS NULL OR pond_id = %s ORDER BY pond_id",
            (pond_id, pond_id),
        )
        return [
            (pond, born, slot, _watched(state), hour, {int(key): values for key, values in memory.items()})
            for pond, born, slot, state, hour, memory in await cursor.fetchall()
        ]

    async def save_anchors(self, conn: Connection, anchors: Sequence[Anchor]) -> None:
        """Keep where a restart begins."""
        async with conn.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO anchor (pond_id, born, slot, state, memory_hour, memory) VALUES (%s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (pond_id) DO UPDATE SET born = excluded.born, slot = excluded.slot,"
                " state = excluded.state, memory_hour = excluded.memory_hour, memory = excluded.memory",
                [
                    (
                        pond,
                        born,
                        slot,
                        Jsonb(_plain(state)),
                        hour,
                        Jsonb({str(key): each for key, each in memory.items()}),
                    )
                    for pond, born, slot, state, hour, memory in anchors
                ],
            )

    async def place(self, conn: Connection, share: Share = WHOLE) -> Place | None:
        """Return how far the telemetry of all partitions of *share* is stored, or None when one never was.

        Who serves the whole keeps one place (``monitor``), who serves a part one for each of its partitions
        (``monitor-<n>``): a partition is as far as the further of the two, a share as far as its last partition.
        """
        cursor = await conn.execute(
            "SELECT DISTINCT ON (mine.name) p.created, p.sequence FROM unnest(%s::text[]) AS mine (name)"
            " LEFT JOIN telemetry_position p ON p.consumer IN (mine.name, %s)"
            " ORDER BY mine.name, p.created DESC NULLS LAST, p.sequence DESC",
            (_positions(share), CONSUMER),
        )
        places = [None if created is None else Place(created, int(seq)) for created, seq in await cursor.fetchall()]
        known = [place for place in places if place is not None]
        return min(known, key=lambda place: (place.created, place.sequence)) if len(known) == len(places) else None

    async def save_place(self, conn: Connection, place: Place, share: Share = WHOLE) -> None:
        """Move on to *place*; within one stream never back."""
        await conn.execute(
            "INSERT INTO telemetry_position AS had (consumer, created, sequence)"
            " SELECT name, %s, %s FROM unnest(%s::text[]) AS mine (name)"
            " ON CONFLICT (consumer) DO UPDATE SET created = excluded.created, sequence = excluded.sequence"
            " WHERE had.created <> excluded.created OR had.sequence < excluded.sequence",
            (place.created, place.sequence, [CONSUMER] if share.whole else _positions(share)),
        )

    async def warnings(
        self, conn: Connection, *, pond_id: str | None = None, include_closed: bool = False, limit: int = 200
    ) -> list[WarningView]:
        """Return warnings, newest first; those of the watchdog and of exercises only by their pond's id."""
        cursor = await conn.execute(
            f"SELECT {COLUMNS} FROM warning"  # noqa: S608 - our own constant
            " WHERE (pond_id = %s OR (%s::text IS NULL AND pond_id !~ %s))"
            " AND (%s OR closed_at IS NULL) ORDER BY raised DESC, warning_id DESC LIMIT %s",
            (pond_id, pond_id, SYNTHETIC_PATTERN, include_closed, limit),
        )
        return [view(row) for row in await cursor.fetchall()]

    async def warning(self, conn: Connection, warning_id: str) -> WarningView | None:
        """Return one warning, or None."""
        query: LiteralString = f"SELECT {COLUMNS} FROM warning WHERE warning_id = %s"  # noqa: S608 - our own constant
        cursor = await conn.execute(query, (warning_id,))
        row = await cursor.fetchone()
        return None if row is None else view(row)


def _positions(share: Share) -> list[str]:
    return [f"{CONSUMER}-{number}" for number in share.numbers]


def _causes(change: TimelineChange) -> Jsonb:
    return Jsonb(_CHANGE.dump_python(change, mode="json")["causes"])


def _key(pond_id: str, change: TimelineChange) -> dict[str, Any]:
    # Two notices of one slot differ only in what they are about.
    about = change.causes[0] if change.event == "notice" and change.causes else None
    return {
        "pond": pond_id,
        "time": change.time,
        "event": change.event,
        "level": change.level,
        "rule": about and about.rule,
        "sensor": about and about.sensor,
    }


def _plain(state: Watched) -> dict[str, Any]:
    return {
        "level": int(state.level),
        "verified": state.verified,
        "items": sorted(state.items),
        "below_since": state.below_since,
        "below_most": int(state.below_most),
        "blind": sorted(state.blind),
        "noticed": [[rule, sensor, slot] for (rule, sensor), slot in sorted(state.noticed.items())],
    }


def _watched(plain: dict[str, Any]) -> Watched:
    return Watched(
        level=Level(plain["level"]),
        verified=plain["verified"],
        items=frozenset(plain["items"]),
        below_since=plain["below_since"],
        below_most=Level(plain["below_most"]),
        blind=frozenset(plain["blind"]),
        noticed={(rule, sensor): slot for rule, sensor, slot in plain["noticed"]},
    )
