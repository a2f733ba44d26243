"""The audit: is every event still what was written, and is the end of the chain still there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.eventstore.hashing import GENESIS, link
from shared.eventstore.sql import statement
from shared.postgres import Connection

__all__ = ["Finding", "Report", "audit"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, at which position.

    ``gap``: a position is missing. ``changed``: the row's hash is not the hash of its text. ``unlinked``: the row does
    not name the hash before it. ``anchor``: the relay published another event at this position.
    ``tail``: the relay published up to this position, the store ends before it.
    """

    position: int
    reason: Literal["gap", "changed", "unlinked", "anchor", "tail"]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for one service: events read, head of the chain, and the first finding (None: intact)."""

    events: int
    head: bytes
    finding: Finding | None


async def audit(conn: Connection, batch: int = 2000) -> Report:
    """Recompute the hash chain of the schema *conn* looks at, and compare its end with what was published.

    Stops at the first break: what follows it proves nothing.
    """
    previous, position = GENESIS, 0
    while True:
        cursor = await conn.execute(statement("read_chain"), {"after": position, "batch": batch})
        rows = await cursor.fetchall()
        for row in rows:
            here, id_, stream, version, type_, schema, aggregate_id, data, metadata, recorded_at, before, digest = row
            expected = link(
                previous, position=here, id=id_, stream=stream, version=version, type=type_, schema_version=schema,
                aggregate_id=aggregate_id, recorded_at=recorded_at, metadata=metadata, data=data,
            )  # fmt: skip
            if here != position + 1:
                return Report(position, previous, Finding(position + 1, "gap"))
            if bytes(before) != previous:
                return Report(position, previous, Finding(here, "unlinked"))
            if bytes(digest) != expected:
                return Report(position, previous, Finding(here, "changed"))
            previous, position = expected, here
        if not rows:
            break
    return Report(position, previous, await _compare_with_published(conn, position))


async def _compare_with_published(conn: Connection, head: int) -> Finding | None:
    cursor = await conn.execute(statement("cursors"))
    for _, position, digest in await cursor.fetchall():
        if position > head:
            return Finding(head + 1, "tail")
        if position == 0:
            continue
        at = await (await conn.execute(statement("hash_at"), {"position": position})).fetchone()
        if at is None or bytes(at[0]) != bytes(digest):
            return Finding(position, "anchor")
    return None
