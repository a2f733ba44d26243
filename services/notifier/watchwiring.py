"""Builds what the notifier does by the clock: bulletins, the watchdog, and the figures of alarm load."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.notifier.adapters.bulletins import Bulletins
from services.notifier.adapters.deadman import DeadMan
from services.notifier.adapters.desk import Desk
from services.notifier.adapters.load import Load
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.watchdog import Bus, Watchdog
from services.notifier.domain.bulletin import BulletinPlan
from services.notifier.settings import NotifierSettings
from shared.bus.events import on_events
from shared.bus.rpc import CommandClient, serve_command
from shared.contracts.alarmload import AskAlarmLoad
from shared.contracts.bulletins import IssueBulletin, ShowBulletin
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.synthetic import WATCHDOG_POND
from shared.contracts.watchdog import ShowWatchdog, WatchdogView

if TYPE_CHECKING:
    from faststream.nats import NatsBroker
    from nats.aio.client import Client

__all__ = ["Watching"]


class Watching:
    """Bulletins, watchdog and load, built on the desk; ``serve`` before the broker runs, then ``tasks``."""

    def __init__(
        self, settings: NotifierSettings, desk: Desk, outbox: Outbox, nc: Client, bulletin: BulletinPlan
    ) -> None:
        clock, client = desk.clock, CommandClient(nc)
        self._desk = desk
        self.bulletins = Bulletins(desk, outbox, client, bulletin)
        self.load = Load(desk.pool, clock, bulletin.timezone)
        self.watchdog: Watchdog | None = None
        if settings.watchdog:
            url = settings.deadman_url
            dead_man = None if url is None else DeadMan(url.get_secret_value(), clock)
            bus = Bus(nc.jetstream())
            self.watchdog = Watchdog(desk, outbox, client, bus, settings.watchdog_patience_s, dead_man)

    def serve(self, broker: NatsBroker, service: str) -> None:
        """Answer the commands, and hear which ponds are seen."""
        serve_command(broker, ShowBulletin, self.bulletins.show, service)
        serve_command(broker, IssueBulletin, self.bulletins.issue, service)
        serve_command(broker, AskAlarmLoad, self.load.answer, service)
        serve_command(broker, ShowWatchdog, self._how_is_it, service)
        on_events(broker, "tw.events.monitor.pond.>", "notifier-sight", self.load.hear)

    async def hear_monitor(self, cloud_event: CloudEvent) -> None:
        """Hand the monitor's events of warnings to whom they concern: the watchdog's alarm nobody."""
        if cloud_event.data.get("pond_id") != WATCHDOG_POND:
            await self._desk.hear_monitor(cloud_event)
        elif self.watchdog is not None:
            self.watchdog.hear(cloud_event)

    def tasks(self) -> list[asyncio.Task[None]]:
        """Begin, and return what runs."""
        begun = [asyncio.create_task(self.bulletins.run(), name="bulletins")]
        if self.watchdog is not None:
            begun.append(asyncio.create_task(self.watchdog.run(), name="watchdog"))
        return begun

    async def _how_is_it(self, command: ShowWatchdog) -> WatchdogView:
        return WatchdogView(enabled=False) if self.watchdog is None else await self.watchdog.answer(command)
