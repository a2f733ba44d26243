"""What goes into the store and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.contracts.base import Event

__all__ = ["NewEvent", "StoredEvent"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event about to be appended. ``id`` arrives with the command or is made by the handler, never by the store."""

    event: Event
    aggregate_id: str
    id: UUID
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it stands in the store.

    ``position`` counts all events of the service from 1 without gaps, ``version`` those of the stream.
    ``schema_version`` is that of ``event`` as it is here, after upcasting; ``hash`` is the stored link of the
    chain, over the text as it was written.
    """

    position: int
    id: UUID
    stream: str
    version: int
    event: Event
    type: str
    schema_version: int
    aggregate_id: str
    metadata: Mapping[str, str]
    recorded_at: datetime
    hash: bytes
