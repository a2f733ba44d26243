"""Builds the notifier: the only place that knows which parts it is made of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from services.notifier.adapters.alarms import StoredAlarms
from services.notifier.adapters.answers import Forwarding
from services.notifier.adapters.capdesk import CapDesk
from services.notifier.adapters.channelfile import ChannelConfig, read_channels
from services.notifier.adapters.channels import ConfiguredChannels
from services.notifier.adapters.contacts import RegistryContacts
from services.notifier.adapters.desk import Desk, Plan
from services.notifier.adapters.http import listen, server_of
from services.notifier.adapters.links import Holder, Links
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.outgoing import Parcels
from services.notifier.adapters.overview import overlook, overlook_seat
from services.notifier.adapters.recorder import Records
from services.notifier.adapters.seat import Seat
from services.notifier.cards import load_cards
from services.notifier.domain.alarm import Alarm
from services.notifier.domain.directory import Directory
from services.notifier.drillwiring import drills_of
from services.notifier.handlers import Notifier
from services.notifier.projections import Alarms, Bulletins, CapDocuments, Drills, Shelvings
from services.notifier.sender import Sender
from services.notifier.settings import NotifierSettings, Rules, load_rules
from services.notifier.watchwiring import Watching
from services.notifier.web.app import Facts, Spend, web_app
from services.notifier.wording import render
from shared.bus.connection import connect, new_broker, running
from shared.bus.events import on_events
from shared.bus.rpc import CommandClient, serve_command
from shared.bus.streams import provision
from shared.clock import SystemClock
from shared.contracts.notifier import (
    NOTIFIER_EVENTS,
    ActOnCard,
    AnswerAlarm,
    ListAlarms,
    ListShelvings,
    ReportRead,
    Shelve,
    ShowAlarm,
    Unshelve,
)
from shared.eventstore import EventStore, ServiceStore
from shared.eventstore.relay import Relay
from shared.logging import logger
from shared.ops.operations import Operations
from shared.postgres import Pool, open_pool
from shared.problems import Refusal
from shared.ready import mark_ready
from shared.settings import Connection, Settings
from shared.tasks import end, until_stopped

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

__all__ = ["SERVICE", "answer_commands", "serve", "spending", "store"]

SERVICE = "notifier"
HEARD = ("notifier-registry", "notifier-monitor", "notifier-answers", "notifier-sight")
"""Durable names of what it hears."""
_ASK_S = 2.0
"""Seconds the register has to say where people are reached, before what it last said is used."""


def store() -> ServiceStore:
    """Return the event store and read models, for the service itself and for the audit commands."""
    return ServiceStore(
        schema=SERVICE,
        store=EventStore(NOTIFIER_EVENTS),
        projections=(Alarms(), Shelvings(), CapDocuments(), Drills(), Bulletins()),
    )


def answer_commands(broker: NatsBroker, notifier: Notifier) -> None:
    """Register the service's commands on *broker*."""
    serve_command(broker, AnswerAlarm, notifier.answer, SERVICE)
    serve_command(broker, ReportRead, notifier.read, SERVICE)
    serve_command(broker, ActOnCard, notifier.act_on_card, SERVICE)
    serve_command(broker, ShowAlarm, notifier.show, SERVICE)
    serve_command(broker, ListAlarms, notifier.list, SERVICE)
    serve_command(broker, Shelve, notifier.shelve, SERVICE)
    serve_command(broker, Unshelve, notifier.unshelve, SERVICE)
    serve_command(broker, ListShelvings, notifier.shelvings, SERVICE)


def channels_of(settings: NotifierSettings, home: Path) -> tuple[ChannelConfig, ...]:
    """Return the channels: the settings' file, the home's, or a mailbox directory to be looked at.

    Raises
    ------
    BadInput
        ``delivery.bad_file``, ``delivery.no_secret``.
    """
    given = settings.channels_file or _in(home, "channels.toml")
    if given is not None:
        return read_channels(given)
    logger(__name__).warning("no channels file: every message is put into a directory", directory=str(home / "mailbox"))
    return (ChannelConfig(name="mailbox", kind="everybody", directory=(home / "mailbox").absolute()),)


def rules_of(settings: NotifierSettings, home: Path) -> Rules:
    """Return the routing file's rules: the settings', the home's, or the product's own.

    Raises
    ------
    BadInput
        ``delivery.bad_routing``.
    """
    return load_rules(settings.routing_file or _in(home, "routing.toml"))


def plan_of(settings: NotifierSettings, home: Path) -> Plan:
    """Return what is configured about telling people.

    Raises
    ------
    BadInput
        ``delivery.bad_routing`` and the refusals of ``load_cards``.
    """
    rules = rules_of(settings, home)
    cards = load_cards(settings.cards_file or _in(home, "cards.toml"))
    return Plan(rules.settings, rules.routing, cards)


async def serve(stop: asyncio.Event, to: Connection | None = None) -> None:
    """Serve until *stop* is set, at the addresses *to*, or those the settings give.

    Raises
    ------
    BadInput
        If a channels, routing or card file cannot be used.
    Unavailable
        If NATS or PostgreSQL cannot be reached at the start; afterwards both may come and go.
    """
    shared, own = Settings.load(), NotifierSettings()
    ops = Operations(SERVICE, shared).begin()
    to = shared.connection() if to is None else to
    plan, configs = plan_of(own, shared.home), channels_of(own, shared.home)
    parts, clock = store(), SystemClock()
    pool = await open_pool(to.database(SERVICE), schema=SERVICE, max_size=12)
    try:
        seat = Seat(pool)
        overlook_seat(ops, seat)
        if not await _seated(seat, stop):
            return
        nc = await connect(to, name="tailwarden-notifier")
        try:
            await provision(nc.jetstream())
            relay = Relay(parts.store, pool, nc.jetstream(), SERVICE)
            ops.stand_on(pool, nc, tuple(("EVENTS", each) for each in HEARD))
            sock = listen(own.host, own.port)
            base = own.base_url or f"http://{own.host}:{sock.getsockname()[1]}"
            links = Links(_secret(own, shared.home), base, timedelta(hours=own.link_hours))
            outbox, directory = Outbox(pool), Directory()
            overlook(ops, outbox)
            outgoing = Parcels(outbox, links, directory)
            cap = CapDesk(pool, parts, directory, own.sender(), base)
            woken: list[Callable[[], None]] = [relay.wake]

            def committed() -> None:
                for wake in woken:
                    wake()

            desk = Desk(pool, parts, plan, outgoing, clock, committed, cap, directory)
            records = Records(desk, outbox)
            contacts = RegistryContacts(CommandClient(nc, timeout=_ASK_S))
            sender = Sender(outbox, ConfiguredChannels(configs, clock), contacts, render, records, clock)
            woken.append(sender.wake)
            await desk.restore()
            notifier = Notifier(StoredAlarms(desk, parts.store), clock, directory, timedelta(days=own.shelve_days))
            broker = new_broker(to, name="tailwarden-notifier-bus")
            answer_commands(broker, notifier)
            player = await drills_of(desk, nc, broker)
            watching = Watching(own, desk, outbox, nc, rules_of(own, shared.home).bulletin)
            watching.serve(broker, SERVICE)
            on_events(broker, "tw.events.registry.>", "notifier-registry", desk.hear_registry)
            on_events(broker, "tw.events.monitor.warning.>", "notifier-monitor", watching.hear_monitor)
            forwarding = Forwarding(pool, parts, CommandClient(nc))
            on_events(broker, "tw.events.notifier.alarm.*.answered", "notifier-answers", forwarding.hear)
            web = server_of(web_app(links, notifier, facts_of(desk), spending(pool, links), cap))
            async with running(broker):
                await until_stopped(
                    stop,
                    asyncio.create_task(relay.run(), name="relay"),
                    asyncio.create_task(sender.run(), name="sender"),
                    asyncio.create_task(_tick(desk, own.tick_s), name="tick"),
                    asyncio.create_task(_purge(outbox, clock, timedelta(days=own.keep_days)), name="purge"),
                    asyncio.create_task(player.run(), name="drills"),
                    asyncio.create_task(seat.keep(), name="seat"),
                    asyncio.create_task(web.serve([sock]), name="web"),
                    *watching.tasks(),
                    *ops.tasks("relay", "sender", "tick", "seat", "web"),
                    begun=lambda: _begun(base),
                )
            await outbox.close()
            await seat.leave()
        finally:
            await nc.close()
    finally:
        await pool.close()


def facts_of(desk: Desk) -> Callable[[str], Awaitable[Facts | None]]:
    """Return what looks up what an alarm is about, for its page."""

    async def facts(alarm_id: str) -> Facts | None:
        async with desk.pool.connection() as conn:
            cursor = await conn.execute("SELECT state::text FROM alarm WHERE id = %s", (alarm_id,))
            row = await cursor.fetchone()
        if row is None:
            return None
        alarm = Alarm.model_validate_json(row[0])
        real = desk.shadows.get(alarm.pond_id, alarm.pond_id)
        return Facts(causes=alarm.causes, time=alarm.time, pond=desk.directory.ponds.get(real))

    return facts


def spending(pool: Pool, links: Links) -> Spend:
    """Return what uses up the token of an act that is carried out: one that is refused leaves it good."""

    @asynccontextmanager
    async def spend(token: str, holder: Holder) -> AsyncIterator[None]:
        # Not one transaction with the act: it would hold a connection while the act waits for one.
        async with pool.connection() as conn, conn.transaction():
            await links.spend(conn, token, holder)
        try:
            yield
        except Refusal:
            async with pool.connection() as conn, conn.transaction():
                await links.restore(conn, token)
            raise

    return spend


async def _seated(seat: Seat, stop: asyncio.Event) -> bool:
    """Wait until no other notifier serves; tell whether it came to that before *stop*."""
    taking, stopped = asyncio.create_task(seat.take()), asyncio.create_task(stop.wait())
    await asyncio.wait({taking, stopped}, return_when=asyncio.FIRST_COMPLETED)
    await end(taking, stopped)
    return not stop.is_set()


async def _tick(desk: Desk, every: float) -> None:
    """Do what falls due as time passes; an outage of the database only delays it."""
    log = logger(__name__)
    while True:
        await asyncio.sleep(every)
        try:
            await desk.tick()
        except Exception as error:
            log.warning("tick failed", error=str(error) or type(error).__name__)


async def _purge(outbox: Outbox, clock: SystemClock, keep: timedelta) -> None:
    """Forget settled messages now and then; their events stay."""
    while True:
        try:
            await outbox.purge(clock.now() - keep)
        except Exception as error:
            logger(__name__).warning("purge failed", error=type(error).__name__)
        await asyncio.sleep(3600)


def _in(home: Path, name: str) -> Path | None:
    """Return a file of the home, if it is there."""
    path = (home / name).absolute()
    return path if path.is_file() else None


def _secret(settings: NotifierSettings, home: Path) -> str:
    """Return what signs the links: the settings', else the home's own, made when it is missing."""
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value()
    path = home / "secrets" / "notifier-links"
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(os.urandom(32).hex() + "\n")
        return path.read_text("ascii").strip()


def _begun(base: str) -> None:
    mark_ready()
    logger(__name__).info("notifier serves", web=base)
