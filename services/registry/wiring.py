"""Builds the registry: the only place that knows which parts it is made of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from services.registry.adapters.ponds import StoredPonds
from services.registry.handlers import Registry
from services.registry.kinds import KINDS
from services.registry.projections import Register
from shared.bus.connection import connect, new_broker, running
from shared.bus.rpc import serve_command
from shared.bus.streams import provision
from shared.clock import SystemClock
from shared.contracts.registry import (
    REGISTRY_EVENTS,
    AdoptLimits,
    ChangeSensorState,
    RegisterPond,
    RegisterSensor,
    ShowPond,
)
from shared.eventstore import EventStore, Projection, ServiceStore
from shared.eventstore.aggregates import Aggregates, event_types
from shared.eventstore.history import History
from shared.eventstore.relay import Relay
from shared.logging import logger
from shared.postgres import open_pool
from shared.ready import mark_ready
from shared.settings import Connection, Settings

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

__all__ = ["SERVICE", "answer_commands", "serve", "store"]

SERVICE = "registry"


def store() -> ServiceStore:
    """Return the event store and read models, for the service itself and for the audit commands."""
    events = dict.fromkeys((*REGISTRY_EVENTS, *event_types(KINDS)))
    projections: tuple[Projection, ...] = (Register(), *(History(kind) for kind in KINDS))
    return ServiceStore(schema=SERVICE, store=EventStore(events), projections=projections)


def answer_commands(broker: NatsBroker, registry: Registry, records: Aggregates) -> None:
    """Register the service's commands on *broker*."""
    serve_command(broker, RegisterPond, registry.change, SERVICE)
    serve_command(broker, RegisterSensor, registry.change, SERVICE)
    serve_command(broker, ChangeSensorState, registry.change, SERVICE)
    serve_command(broker, AdoptLimits, registry.change, SERVICE)
    serve_command(broker, ShowPond, registry.show, SERVICE)


async def serve(stop: asyncio.Event, to: Connection | None = None) -> None:
    """Serve until *stop* is set, at the addresses *to*, or those the settings give.

    Raises
    ------
    Unavailable
        If NATS or PostgreSQL cannot be reached at the start; afterwards both may come and go.
    """
    settings = Settings.load()
    to = settings.connection() if to is None else to
    parts = store()
    pool = await open_pool(to.database(SERVICE), schema=SERVICE)
    try:
        nc = await connect(to, name="tailwarden-registry-relay")
        try:
            await provision(nc.jetstream())
            relay = Relay(parts.store, pool, nc.jetstream(), SERVICE)
            clock, zone = SystemClock(), ZoneInfo(settings.timezone)
            registry = Registry(StoredPonds(pool, parts.store, parts.projections, relay.wake), clock)
            records = Aggregates(pool, parts.store, parts.projections, clock, zone, relay.wake)
            broker = new_broker(to, name="tailwarden-registry")
            answer_commands(broker, registry, records)
            async with running(broker):
                await _until(stop, asyncio.create_task(relay.run(), name="relay"))
        finally:
            await nc.close()
    finally:
        await pool.close()


async def _until(stop: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    """Wait for *stop*; a task that ends by itself ends the service, so that its supervisor starts it anew."""
    stopped = asyncio.create_task(stop.wait())
    mark_ready()
    logger(__name__).info("registry serves")
    try:
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
    finally:
        for task in (stopped, *tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
