"""The event store every event-sourced service stands on: streams, hash chain, snapshots, upcasters, inbox, relay."""

from __future__ import annotations

from shared.eventstore.audit import Anchor, Finding, Report, audit, published_anchor
from shared.eventstore.decider import Decider, Handled, Loaded, Recording, Snapshots, handle, load
from shared.eventstore.events import NewEvent, StoredEvent
from shared.eventstore.inbox import Inbox
from shared.eventstore.projections import Difference, Projection, ServiceStore, project, rebuild, verify
from shared.eventstore.store import EventStore
from shared.eventstore.upcasting import Upcaster, Upcasters

__all__ = [
    "Anchor",
    "Decider",
    "Difference",
    "EventStore",
    "Finding",
    "Handled",
    "Inbox",
    "Loaded",
    "NewEvent",
    "Projection",
    "Recording",
    "Report",
    "ServiceStore",
    "Snapshots",
    "StoredEvent",
    "Upcaster",
    "Upcasters",
    "audit",
    "handle",
    "load",
    "project",
    "published_anchor",
    "rebuild",
    "verify",
]
