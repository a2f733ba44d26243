"""Plays the demonstration into a running system and listens to what it says, all over the bus like anybody else."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.demo.answering import Respondents
from deploy.demo.judge import Counts, failures, latencies, percentiles
from deploy.demo.people import people, register_people
from deploy.demo.report import Report
from deploy.demo.scenario import Scenario, site
from deploy.demo.sending import Message, plan, slot_end
from deploy.demo.told import missed
from deploy.demo.view import PondPicture, Scene, clock_of, line_of
from deploy.demo.waiting import HEARD, LAST_SHIFT, STORED, all_told, ask, dead, until
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.clock import SystemClock
from shared.contracts.cloudevents import CloudEvent, read_cloud_event
from shared.contracts.levels import LevelName, SensorKind
from shared.contracts.monitor import PondStandings, ShowPondStanding
from shared.contracts.registry import PondView
from shared.contracts.synthetic import is_synthetic
from shared.ops.tracing import begin_tracing, end_tracing, span, traced
from shared.site import Site, canonical_of

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from shared.settings import Connection

__all__ = ["Player", "Register", "Report"]

Register = Callable[[CommandClient, Site, str], Awaitable[PondView]]
"""Registers a site with the registry and returns the pond as it then stands."""

SUBJECT = "tw.events.monitor.>"
PEOPLE_SUBJECT = "tw.events.notifier.>"
IMPORT_LIMIT = 20.0
SETTLE_LIMIT = 60.0
"""Longest wait for the last reading to be judged and told [s]."""
OUTSTANDING = 2_000


@dataclass(slots=True)
class Player:
    """One performance.

    Parameters
    ----------
    connection : Connection
        The system to play into; its register should be empty.
    whole : Scenario
    speed : float
        Seconds of the demonstration's time in one real second.
    register : Register
        How a site is registered.
    language : str
    mailbox : Path
        Where the notifier puts its messages.
    shown : callable
        Called whenever there is something new to show.
    """

    connection: Connection
    whole: Scenario
    speed: float
    register: Register
    language: str
    mailbox: Path
    shown: Callable[[], None] = lambda: None
    scene: Scene = field(init=False)
    sent: dict[tuple[str, str, int], float] = field(default_factory=dict)
    """When the first reading of a (pond, sensor, slot) was published, monotonic [s]."""
    rain: dict[str, deque[tuple[int, float]]] = field(default_factory=lambda: defaultdict(deque))
    published: int = 0
    duplicates: int = 0
    unreadable: int = 0
    respondents: Respondents = field(init=False)

    def __post_init__(self) -> None:
        self.respondents = Respondents(people(), self.mailbox)
        self.scene = Scene(
            ponds=[_picture(script.id) for script in self.whole.pond],
            begins=self.whole.begins,
            ends=self.whole.ends,
            timezone=site(self.whole.pond[0].id).pond.timezone,
            speed=self.speed,
            clock=self.whole.begins,
        )

    async def run(self) -> Report:
        """Register the ponds, play, wait until everything is judged and told, and say what came of it.

        Raises
        ------
        TailwardenError
            When a part of the system refuses, or does not get done.
        """
        nc = await connect(self.connection, name="tailwarden-demo")
        begin_tracing("demo")
        try:
            js = nc.jetstream(timeout=10.0)
            await self._import(nc)
            await js.subscribe(SUBJECT, cb=self._hear, ordered_consumer=True, stream="EVENTS")
            await js.subscribe(PEOPLE_SUBJECT, cb=self._hear_people, ordered_consumer=True, stream="EVENTS")
            offset = time.time() - time.monotonic()
            await self._play(js, plan(self.whole))
            await self._settle(nc, js)
            counts = Counts(
                readings_published=self.published,
                duplicates_sent=self.duplicates,
                unreadable_sent=self.unreadable,
                readings_stored=await ask(self.connection, "monitor", STORED),
                dead_letters=await dead(js),
            )
        finally:
            await nc.close()
            end_tracing()
        record, told = self.scene.record, self.scene.told
        wrong = [*failures(self.whole, record, counts, self.language), *missed(record, told, self.language)]
        first = told.first_message_ms(self.sent, offset)
        latency = percentiles(latencies(record, self.sent))
        return Report(counts, record, latency, wrong, told, first, self.respondents.page)

    async def _import(self, nc: Client) -> None:
        client = CommandClient(nc)
        views = [await self.register(client, site(script.id), "tailwarden demo") for script in self.whole.pond]

        async def seen() -> bool:
            standings = await client.send(ShowPondStanding(), PondStandings)
            versions = {each.pond_id: each.registry_version for each in standings.ponds}
            return all(versions.get(view.pond.id, 0) >= view.version for view in views)

        await until(seen, IMPORT_LIMIT, "import", self.language)
        await register_people(client, people(), SystemClock().now())
        registered = await ask(self.connection, "registry", LAST_SHIFT)

        async def known() -> bool:
            return await ask(self.connection, "notifier", HEARD) >= registered

        await until(known, IMPORT_LIMIT, "people", self.language)

    async def _play(self, js: JetStreamContext, messages: Iterable[Message]) -> None:
        """Publish every message at its time; acknowledgements are collected behind."""
        begins_us = round(self.whole.begins.timestamp() * 1_000_000)
        started = time.monotonic()
        waiting: set[asyncio.Task[Any]] = set()
        moment = begins_us
        for message in messages:
            if message.due_us > moment:
                moment = message.due_us
                self.scene.clock = clock_of(moment)
                self.shown()
                ahead = started + (moment - begins_us) / 1_000_000 / self.speed - time.monotonic()
                # Yield even when late: what was published must leave, and what arrived must be heard.
                await asyncio.sleep(max(ahead, 0.0))
            while len(waiting) >= OUTSTANDING:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            now = time.monotonic()
            waiting.add(asyncio.create_task(_published(js, message)))
            self._count(message, now)
        await asyncio.gather(*waiting)

    def _count(self, message: Message, now: float) -> None:
        if not message.readable:
            self.unreadable += 1
        self.published += len(message.readings)
        self.duplicates += message.duplicates
        for reading in message.readings:
            self.sent.setdefault((message.pond, reading.sensor, slot_end(reading.time_us)), now)
        if message.duplicates == 0:
            self._picture(message)
        self.scene.readings, self.scene.duplicates = self.published, self.duplicates
        self.scene.unreadable = self.unreadable

    def _picture(self, message: Message) -> None:
        picture = next((pond for pond in self.scene.ponds if pond.id == message.pond), None)
        if picture is None:
            return
        sensors = {item.sensor.id: item.sensor for item in site(message.pond).sensors}
        for reading in message.readings:
            sensor = sensors[reading.sensor]
            factor, offset = canonical_of(sensor)
            value = reading.value * factor + offset
            if sensor.kind is not SensorKind.RAIN:
                picture.level = value
                continue
            fallen = self.rain[message.pond]
            fallen.append((reading.time_us, value))
            while fallen[0][0] <= reading.time_us - 3 * 3_600_000_000:
                fallen.popleft()
            picture.rain_3h = sum(amount for _, amount in fallen)
            picture.rain_1h = sum(amount for when, amount in fallen if when > reading.time_us - 3_600_000_000)

    async def _hear(self, message: Msg) -> None:
        at = time.monotonic()
        cloud = read_cloud_event(message.data)
        if _synthetic(cloud):
            self.scene.record.position = max(self.scene.record.position, cloud.position)
            return
        event = self.scene.record.hear(cloud, at)
        line = line_of(event, self.language)
        if line is not None:
            self.scene.add(line)
            self.scene.latency_ms = percentiles(latencies(self.scene.record, self.sent))
            self.shown()

    async def _hear_people(self, message: Msg) -> None:
        cloud = read_cloud_event(message.data)
        if _synthetic(cloud):
            self.scene.told.position = max(self.scene.told.position, cloud.position)
            return
        event = self.scene.told.hear(cloud)
        self.respondents.hear(event, self.scene.told)
        self.shown()

    async def _settle(self, nc: Client, js: JetStreamContext) -> None:
        """Wait until every message is taken, every pond judged to its end, and every event heard."""
        client = CommandClient(nc)
        newest: dict[str, int] = {}
        for pond, _, slot in self.sent:
            newest[pond] = max(newest.get(pond, 0), slot)

        async def settled() -> bool:
            for consumer in await js.consumers_info("TELEMETRY"):
                if consumer.num_pending or consumer.num_ack_pending:
                    return False
            standings = await client.send(ShowPondStanding(), PondStandings)
            heads = {each.pond_id: each.head for each in standings.ponds if each.head is not None}
            for pond, slot in newest.items():
                head = heads.get(pond)
                if head is None or head < clock_of(slot) - timedelta(seconds=1):
                    return False
            said = await ask(self.connection, "monitor", "SELECT coalesce(max(position), 0) FROM monitor.event")
            return self.scene.record.position >= said and await all_told(self.connection, js, self.scene.told.position)

        await until(settled, SETTLE_LIMIT, "settle", self.language)
        await self.respondents.settled()
        await until(settled, SETTLE_LIMIT, "settle", self.language)


async def _published(js: JetStreamContext, message: Message) -> None:
    """Publish a message until it is kept; a trace begins with it, when somebody collects traces."""
    with span(
        "publish telemetry", kind="producer", messaging_system="nats", messaging_destination_name=message.subject,
        tailwarden_readings=len(message.readings),
    ):  # fmt: skip
        await js.publish(message.subject, message.payload, timeout=30.0, headers=traced())


def _synthetic(cloud: CloudEvent) -> bool:
    """Tell whether an event is the watchdog's or an exercise's: a running system has such beside ours."""
    return is_synthetic(cloud.subject)


def _picture(pond: str) -> PondPicture:
    about = site(pond)
    bands = () if about.limits is None else about.limits.bands.get("level", ())
    # The demonstration plays in the flood season: where there is a seasonal band, it is the one in force.
    band = next((band for band in bands if band.season_from is not None), bands[0] if bands else None)
    limits = {} if band is None else {name: getattr(band, name.value) for name in LevelName}
    return PondPicture(pond, about.pond.name, {name: value for name, value in limits.items() if value is not None})
