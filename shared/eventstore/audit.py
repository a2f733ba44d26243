"""The audit: is every event still what was written, and is the end of the chain still there?

The chain alone cannot show that its end was cut off, or that all of it was written anew. Anchors can:
what the relay recorded, and better, what stands in the EVENTS stream, which another server keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from shared.eventstore.hashing import GENESIS, link
from shared.eventstore.published import last_published
from shared.eventstore.sql import statement
from shared.postgres import Connection

__all__ = ["Anchor", "Finding", "Report", "audit", "published_anchor"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """An event's hash as it is known outside the chain."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, at which position.

    ``gap``: a position is missing. ``changed``: the row's hash is not the hash of its text. ``unlinked``: the row does
    not name the hash before it. ``anchor``: another event than this was published at this position.
    ``tail``: events from here on were published, and the store ends before.
    """

    position: int
    reason: Literal["gap", "changed", "unlinked", "anchor", "tail"]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for one service: intact events, hash of the last of them, the first finding (None: intact)."""

    events: int
    head: bytes
    finding: Finding | None


async def published_anchor(js: JetStreamContext, service: str) -> Anchor | None:
    """Return the last event of *service* in EVENTS, or None if there is none."""
    try:
        last = await last_published(js, service)
    except NotFoundError:
        return None
    return Anchor(last.position, last.hash) if last.position else None


async def audit(conn: Connection, anchors: Sequence[Anchor] = (), batch: int = 2000) -> Report:
    """Recompute the hash chain of the schema *conn* looks at, and compare it with *anchors* and the relay's own.

    Stops at the first break: what follows it proves nothing. Take *anchors* before calling, so that a service at
    work cannot publish beyond the end that is read here.
    """
    cursor = await conn.execute(statement("cursors"))
    known = [*anchors, *(Anchor(row[1], bytes(row[2])) for row in await cursor.fetchall())]
    wanted = {anchor.position for anchor in known}
    found: dict[int, bytes] = {}
    previous, position = GENESIS, 0
    while True:
        cursor = await conn.execute(statement("read_chain"), {"after": position, "batch": batch})
        rows = await cursor.fetchall()
        for row in rows:
            here, id_, stream, version, type_, schema, aggregate_id, data, metadata, recorded_at, before, digest = row
            if here != position + 1:
                return Report(position, previous, Finding(position + 1, "gap"))
            if bytes(before) != previous:
                return Report(position, previous, Finding(here, "unlinked"))
            expected = link(
                previous, position=here, id=id_, stream=stream, version=version, type=type_, schema_version=schema,
                aggregate_id=aggregate_id, recorded_at=recorded_at, metadata=metadata, data=data,
            )  # fmt: skip
            if bytes(digest) != expected:
                return Report(position, previous, Finding(here, "changed"))
            previous, position = expected, here
            if here in wanted:
                found[here] = expected
        if not rows:
            break
    return Report(position, previous, _against(known, found, position))


def _against(known: Sequence[Anchor], found: dict[int, bytes], head: int) -> Finding | None:
    for anchor in sorted(known, key=lambda anchor: anchor.position):
        if anchor.position > head:
            return Finding(head + 1, "tail")
        if anchor.position > 0 and found[anchor.position] != anchor.hash:
            return Finding(anchor.position, "anchor")
    return None
