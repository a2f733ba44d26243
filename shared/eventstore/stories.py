"""Answers what happened to records: their events, as of a day, straight from the store."""

from __future__ import annotations

from typing import Any

import orjson

from shared.contracts.stories import STORY_PAGE, Story, StoryEntry, StoryQuery
from shared.postgres import Pool

__all__ = ["Stories"]

_BYTES = 4_000_000
"""Event data in one answer, whatever their number: an answer stays well below what NATS takes (64 MB)."""

_QUERY = """
SELECT id, position, stream, version, type, data::text, metadata::text, recorded_at
FROM event
WHERE stream = ANY(%(streams)s) AND position > %(after)s
  AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
  AND (%(as_of)s::date IS NULL OR coalesce((data::jsonb ->> 'on')::date, recorded_at::date) <= %(as_of)s)
ORDER BY position
LIMIT %(limit)s
"""


class Stories:
    """Tells the stories of one service's records.

    Parameters
    ----------
    pool : Pool
        Connections whose ``search_path`` is the service's schema.
    service : str
    """

    def __init__(self, pool: Pool, service: str) -> None:
        self._pool, self._service = pool, service

    async def tell(self, query: StoryQuery) -> Story:
        """Return the events of the records asked about; unknown records have none."""
        asked = {
            "streams": list(query.streams),
            "after": query.after,
            "types": list(query.types) or None,
            "as_of": query.as_of,
            "limit": STORY_PAGE + 1,
        }
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(_QUERY, asked)).fetchall()
        kept: list[StoryEntry] = []
        size = 0
        for row in rows[:STORY_PAGE]:
            size += len(row[5].encode())
            if kept and size > _BYTES:
                break
            kept.append(self._entry(row))
        return Story(entries=tuple(kept), more=len(kept) < len(rows))

    def _entry(self, row: tuple[Any, ...]) -> StoryEntry:
        event_id, position, stream, version, type_, text, metadata, recorded_at = row
        data: dict[str, Any] = orjson.loads(text)
        said: dict[str, Any] = orjson.loads(metadata)
        return StoryEntry(
            event_id=event_id,
            service=self._service,
            position=position,
            stream=stream,
            version=version,
            type=type_,
            on=data.get("on") or recorded_at.date(),
            at=recorded_at,
            by=data.get("by") or str(said.get("by", self._service)),
            data=data,
        )
