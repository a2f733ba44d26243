"""Builds the monitor: the only place that knows which parts it is made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.monitor.adapters.desk import Desk
from services.monitor.adapters.intake import Intake
from services.monitor.adapters.neighbours import Neighbours, answer_neighbours
from services.monitor.adapters.origins import warned
from services.monitor.adapters.overview import overlook
from services.monitor.adapters.people import StoredWarnings
from services.monitor.adapters.telemetry import CONSUMER, STREAM, Pull
from services.monitor.adapters.tenure import Tenure
from services.monitor.adapters.watches import Watches
from services.monitor.handlers import Monitor
from services.monitor.projections import Warnings
from services.monitor.settings import MonitorSettings
from shared.bus.connection import connect, new_broker, running
from shared.bus.dead import bury
from shared.bus.events import on_events
from shared.bus.rpc import CommandClient, serve_command
from shared.bus.streams import provision
from shared.clock import SystemClock
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.monitor import (
    MONITOR_EVENTS,
    AcknowledgeWarning,
    CloseWarning,
    HandleWarning,
    ListWarnings,
    ShowPondStanding,
    ShowWarning,
)
from shared.eventstore import EventStore, ServiceStore
from shared.eventstore.relay import Relay
from shared.logging import logger
from shared.ops.operations import Operations
from shared.postgres import open_pool
from shared.problems import TailwardenError, Unavailable
from shared.ready import mark_ready
from shared.settings import Connection, Settings
from shared.tasks import end, until_stopped

if TYPE_CHECKING:
    from faststream.nats import NatsBroker
    from nats.js import JetStreamContext

__all__ = ["SERVICE", "answer_commands", "serve", "store"]

SERVICE = "monitor"
_ASK_S = 4.0
"""Seconds another monitor has to answer for its ponds: less than who asked us waits."""


def store() -> ServiceStore:
    """Return the event store and read models, for the service itself and for the audit commands."""
    return ServiceStore(schema=SERVICE, store=EventStore(MONITOR_EVENTS), projections=(Warnings(),))


def answer_commands(broker: NatsBroker, monitor: Monitor) -> None:
    """Register the service's commands on *broker*."""
    serve_command(broker, AcknowledgeWarning, monitor.act, SERVICE)
    serve_command(broker, HandleWarning, monitor.act, SERVICE)
    serve_command(broker, CloseWarning, monitor.act, SERVICE)
    serve_command(broker, ShowWarning, monitor.show, SERVICE)
    serve_command(broker, ListWarnings, monitor.list, SERVICE)
    serve_command(broker, ShowPondStanding, monitor.standing, SERVICE)


async def serve(stop: asyncio.Event, to: Connection | None = None) -> None:
    """Serve until *stop* is set, at the addresses *to*, or those the settings give.

    Raises
    ------
    Unavailable
        If NATS or PostgreSQL cannot be reached at the start; afterwards both may come and go.
    """
    settings = MonitorSettings()
    to = Settings.load().connection() if to is None else to
    ops, parts = Operations(SERVICE).begin(), store()
    pool = await open_pool(to.database(SERVICE), schema=SERVICE)
    try:
        nc = await connect(to, name="tailwarden-monitor")
        try:
            js = nc.jetstream()
            await provision(js)
            relay = Relay(parts.store, pool, js, SERVICE, told=warned)
            share = settings.share
            desk = Desk(pool, Watches(parts.store, parts.projections), SystemClock(), relay.wake, share)
            pull = Pull(nc, desk.place, settings.batch, f"{CONSUMER}{share.suffix}", share.subjects)
            ops.stand_on(pool, nc, ((STREAM, pull.durable), ("EVENTS", f"monitor-registry{share.suffix}")))
            overlook(ops, desk, pull, settings.ready_lag)
            if not await _begin(desk.tenure, stop):
                return
            await desk.restore()
            await pull.open()
            intake = Intake(pull, desk, lambda *letter: _bury(js, *letter))
            broker = new_broker(to, name="tailwarden-monitor-bus")
            own = StoredWarnings(desk)
            if share.whole:
                answer_commands(broker, Monitor(own))
            else:
                answer_commands(broker, Monitor(Neighbours(own, share, CommandClient(nc, timeout=_ASK_S))))
                answer_neighbours(broker, own, share, f"{SERVICE}{share.suffix}")

            async def hear(event: CloudEvent) -> None:
                if not share.owns(event.subject):
                    return
                # Files and reminders are about a pond too; only its own stream's events make its monitoring record.
                about = event_of(event) if event.stream == f"pond-{event.subject}" else None
                if about is not None:
                    await desk.hear(event.id, event.subject, event.streamversion, about)

            on_events(broker, "tw.events.registry.pond.>", f"monitor-registry{share.suffix}", hear)
            async with running(broker):
                await until_stopped(
                    stop,
                    asyncio.create_task(relay.run(), name="relay"),
                    asyncio.create_task(intake.run(), name="intake"),
                    asyncio.create_task(_tick(desk, settings.tick_s), name="tick"),
                    asyncio.create_task(_end(desk.tenure), name="tenure"),
                    *ops.tasks("relay", "intake", "tick", "tenure"),
                    begun=_begun,
                )
            await pull.close()
            await desk.tenure.end()
        finally:
            await nc.close()
    finally:
        await pool.close()


async def _bury(
    js: JetStreamContext, payload: bytes, subject: str, errors: list[TailwardenError], stream_seq: int
) -> None:
    await bury(js, CONSUMER, payload, subject, errors, stream_seq)


async def _begin(tenure: Tenure, stop: asyncio.Event) -> bool:
    """Wait until no other monitor serves; tell whether it came to that before *stop*."""
    beginning, stopped = asyncio.create_task(tenure.begin()), asyncio.create_task(stop.wait())
    await asyncio.wait({beginning, stopped}, return_when=asyncio.FIRST_COMPLETED)
    await end(beginning, stopped)
    return not stop.is_set()


async def _end(tenure: Tenure) -> None:
    """Fail when another monitor has taken over: what is in memory here is of no use any more."""
    await tenure.over.wait()
    raise Unavailable("intake.other_serves")


async def _tick(desk: Desk, every: float) -> None:
    """Let the wall clock move silent ponds; an outage of the database only delays it."""
    log = logger(__name__)
    while True:
        await asyncio.sleep(every)
        try:
            await desk.tick()
        except Exception as error:
            log.warning("tick failed", error=str(error) or type(error).__name__)


def _begun() -> None:
    mark_ready()
    logger(__name__).info("monitor serves")
