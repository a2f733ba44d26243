"""The hash chain: each event's hash covers its text and the hash before it, so no row changes unseen.

``hash = SHA-256(previous_hash + canonical)``, where *canonical* is the UTF-8 JSON array
``[position, id, stream, version, type, schema_version, aggregate_id, recorded_at, metadata, data]``
without blanks; ``metadata`` and ``data`` stand in it as *strings*, exactly as stored, and ``recorded_at`` is
ISO 8601 in UTC with six decimals. Nothing is parsed and written again on the way, so verifying is exact. The
first event's previous hash is 32 zero bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import orjson

__all__ = ["GENESIS", "link"]

GENESIS = bytes(32)
"""What stands before the first event."""


def link(
    previous: bytes,
    *,
    position: int,
    id: str,
    stream: str,
    version: int,
    type: str,
    schema_version: int,
    aggregate_id: str,
    recorded_at: datetime,
    metadata: str,
    data: str,
) -> bytes:
    """Return the 32-byte hash of an event that follows *previous*.

    >>> from datetime import datetime, UTC
    >>> link(GENESIS, position=1, id="00000000-0000-0000-0000-000000000001", stream="pond-a", version=1, type="x.y.z",
    ...      schema_version=1, aggregate_id="a", recorded_at=datetime(2020, 7, 22, tzinfo=UTC), metadata="{}",
    ...      data="{}").hex()[:16]
    '0253880ea77fd614'
    """
    moment = recorded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    canonical = orjson.dumps(
        [position, id, stream, version, type, schema_version, aggregate_id, moment, metadata, data]
    )
    return sha256(previous + canonical).digest()
