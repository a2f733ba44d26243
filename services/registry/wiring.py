"""Builds the registry: the only place that knows which parts it is made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from services.registry.adapters.codes import read_codes
from services.registry.adapters.overdue import Overdue
from services.registry.adapters.ponds import StoredPonds
from services.registry.domain.overdue import OverdueRule
from services.registry.domain.sensorcare import DatumSeason
from services.registry.duties import Duties
from services.registry.handlers import Registry
from services.registry.kinds import KINDS, MINE
from services.registry.ledger import Ledger
from services.registry.mines import Mines
from services.registry.people import People
from services.registry.plans import Plans
from services.registry.pondfiles import PondFiles
from services.registry.projections import Register
from services.registry.rosters import Rosters
from services.registry.sensorcare import SensorCares
from services.registry.settings import RegistrySettings
from shared.bus.connection import connect, new_broker, running
from shared.bus.rpc import serve_command
from shared.bus.streams import provision
from shared.clock import SystemClock
from shared.contracts import peopleacts as ask
from shared.contracts.ledger import ImportLedger, ListPonds
from shared.contracts.mergers import ListMergers, ShowMerger
from shared.contracts.mines import MINE_ACTS, ListMines, ShowMine
from shared.contracts.plans import ListPlans, SetPlan, ShowPlan
from shared.contracts.pondfiles import PONDFILE_ACTS, ListPondFiles, ShowPondFile
from shared.contracts.registry import (
    REGISTRY_EVENTS,
    AdoptLimits,
    ChangeSensorState,
    RegisterPond,
    RegisterSensor,
    ShowPond,
)
from shared.contracts.sensorcare import SENSORCARE_ACTS, ListSensorCare, ShowSensorCare
from shared.contracts.stories import TellRegistryStory
from shared.eventstore import EventStore, Projection, ServiceStore
from shared.eventstore.aggregates import Aggregates, event_types
from shared.eventstore.history import History
from shared.eventstore.relay import Relay
from shared.eventstore.stories import Stories
from shared.logging import logger
from shared.ops.operations import Operations
from shared.postgres import open_pool
from shared.ready import mark_ready
from shared.settings import Connection, Settings
from shared.tasks import until_stopped

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
    serve_command(broker, TellRegistryStory, Stories(records.pool, SERVICE).tell, SERVICE)


def answer_about_ponds(broker: NatsBroker, files: PondFiles, cares: SensorCares) -> None:
    """Register the commands about ponds' files and sensors' care on *broker*."""
    for act in PONDFILE_ACTS:
        serve_command(broker, act, files.act, SERVICE)
    serve_command(broker, ShowPondFile, files.show, SERVICE)
    serve_command(broker, ListPondFiles, files.list, SERVICE)
    for each in SENSORCARE_ACTS:
        serve_command(broker, each, cares.act, SERVICE)
    serve_command(broker, ShowSensorCare, cares.show, SERVICE)
    serve_command(broker, ListSensorCare, cares.list, SERVICE)


def answer_about_mines(broker: NatsBroker, mines: Mines, plans: Plans) -> None:
    """Register the commands about mines, their mergers and the reduction plans on *broker*."""
    for act in MINE_ACTS:
        serve_command(broker, act, mines.act, SERVICE)
    serve_command(broker, ShowMine, mines.show, SERVICE)
    serve_command(broker, ListMines, mines.list, SERVICE)
    serve_command(broker, ShowMerger, mines.show_merger, SERVICE)
    serve_command(broker, ListMergers, mines.list_mergers, SERVICE)
    serve_command(broker, SetPlan, plans.act, SERVICE)
    serve_command(broker, ShowPlan, plans.show, SERVICE)
    serve_command(broker, ListPlans, plans.list, SERVICE)


def answer_about_ledgers(broker: NatsBroker, ledger: Ledger) -> None:
    """Register the commands about whole ledgers on *broker*."""
    serve_command(broker, ImportLedger, ledger.take, SERVICE)
    serve_command(broker, ListPonds, ledger.ponds, SERVICE)


def answer_about_people(broker: NatsBroker, people: People, duties: Duties, rosters: Rosters) -> None:
    """Register the commands about people, their duties and their rosters on *broker*."""
    person: type[Any]
    duty: type[Any]
    roster: type[Any]
    for person in (ask.RegisterPerson, ask.AmendPerson, ask.SetContact, ask.RemoveContact, ask.PersonLeaves):
        serve_command(broker, person, people.act, SERVICE)
    serve_command(broker, ask.ShowPerson, people.show, SERVICE)
    serve_command(broker, ask.ListPeople, people.list, SERVICE)
    serve_command(broker, ask.ReadContacts, people.contacts, SERVICE)
    for duty in (ask.AssignDuty, ask.HandOverDuty, ask.SetDeputies, ask.EndDuty):
        serve_command(broker, duty, duties.act, SERVICE)
    serve_command(broker, ask.WhoAnswers, duties.who, SERVICE)
    serve_command(broker, ask.ListGrids, duties.list, SERVICE)
    for roster in (ask.CreateRoster, ask.AddShifts, ask.RemoveShift, ask.ReassignShift):
        serve_command(broker, roster, rosters.act, SERVICE)
    serve_command(broker, ask.ShowRoster, rosters.show, SERVICE)
    serve_command(broker, ask.ListRosters, rosters.list, SERVICE)
    serve_command(broker, ask.WhoIsOnDuty, rosters.on_duty, SERVICE)
    serve_command(broker, ask.RosterGaps, rosters.gaps, SERVICE)


async def serve(stop: asyncio.Event, to: Connection | None = None) -> None:
    """Serve until *stop* is set, at the addresses *to*, or those the settings give.

    Raises
    ------
    Unavailable
        If NATS or PostgreSQL cannot be reached at the start; afterwards both may come and go.
    """
    settings = Settings.load()
    to = settings.connection() if to is None else to
    ops, parts = Operations(SERVICE, settings).begin(), store()
    pool = await open_pool(to.database(SERVICE), schema=SERVICE)
    try:
        nc = await connect(to, name="tailwarden-registry-relay")
        try:
            await provision(nc.jetstream())
            relay = Relay(parts.store, pool, nc.jetstream(), SERVICE)
            ops.stand_on(pool, nc)
            clock, zone = SystemClock(), ZoneInfo(settings.timezone)
            registry = Registry(StoredPonds(pool, parts.store, parts.projections, relay.wake), clock)
            records = Aggregates(pool, parts.store, parts.projections, clock, zone, relay.wake)
            own = RegistrySettings()
            rule = OverdueRule(own.overdue_after_months, own.overdue_remind_months)
            overdue = Overdue(records, rule, own.overdue_every_s)
            broker = new_broker(to, name="tailwarden-registry")
            answer_commands(broker, registry, records)
            files = PondFiles(records, parts.store, overdue.wake, rule)
            season = DatumSeason(own.datum_counts_from, own.datum_season_begins, own.datum_season_ends)
            answer_about_ponds(broker, files, SensorCares(records, parts.store, parts.projections, season))
            duties = Duties(records, parts.store, own.guarantor_levels)
            answer_about_mines(broker, Mines(records, read_codes(own.codes_file)), Plans(records))
            answer_about_people(broker, People(records), duties, Rosters(records))
            answer_about_ledgers(broker, Ledger(records, parts.store, parts.projections, MINE, overdue.wake))
            async with running(broker):
                await until_stopped(
                    stop,
                    asyncio.create_task(relay.run(), name="relay"),
                    asyncio.create_task(overdue.run(), name="overdue"),
                    *ops.tasks("relay", "overdue"),
                    begun=_begun,
                )
        finally:
            await nc.close()
    finally:
        await pool.close()


def _begun() -> None:
    mark_ready()
    logger(__name__).info("registry serves")
