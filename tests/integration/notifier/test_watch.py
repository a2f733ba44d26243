"""By the clock, on the real database: the watchdog round a real monitor's desk, bulletins once an hour, the load."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from structlog.testing import capture_logs

from services.monitor.adapters.people import StoredWarnings
from services.monitor.handlers import Monitor
from services.notifier.adapters.bulletins import Bulletins
from services.notifier.adapters.deadman import DeadMan
from services.notifier.adapters.desk import Desk, Plan
from services.notifier.adapters.load import Load
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.watchdog import Watchdog
from services.notifier.digest import compose
from services.notifier.domain.bulletin import BulletinPlan
from services.notifier.domain.message import Message
from services.notifier.settings import NotifierSettings, load_rules
from services.notifier.wiring import store
from services.notifier.wording import render
from shared.clock import ManualClock
from shared.contracts.alarmload import AskAlarmLoad
from shared.contracts.base import Command, Event
from shared.contracts.bulletins import BulletinIssued, IssueBulletin, ShowBulletin
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.levels import LevelName, SensorState
from shared.contracts.monitor import (
    CloseWarning,
    ListWarnings,
    PondBlind,
    PondRestored,
    PondStanding,
    PondStandings,
    ShowPondStanding,
    WarningCleared,
    WarningList,
    WarningRaised,
    WarningView,
)
from shared.contracts.people import (
    Channel,
    ContactChannel,
    ContactSet,
    PersonDescription,
    PersonRegistered,
    Place,
    PlaceKind,
    RosterCreated,
    Shift,
    ShiftsAdded,
)
from shared.contracts.registry import (
    AdoptLimits,
    LimitsAdopted,
    PondDescription,
    PondRegistered,
    PondView,
    RegisterPond,
    RegisterSensor,
    SensorRegistered,
)
from shared.eventstore import verify
from shared.postgres import Pool, open_pool
from shared.problems import Unavailable
from tests.integration.monitor.conftest import Room, new_room

NOW = datetime(2025, 7, 22, 0, 0, 30, tzinfo=UTC)  # 08:00:30 in Hebei
RULES = load_rules()


class Night:
    """The notifier's desk with a control room: Wang is on duty for the city, Li for the county."""

    def __init__(self, pool: Pool, clock: ManualClock) -> None:
        self.pool, self.clock, self.parts, self.position = pool, clock, store(), 0
        self.outbox = Outbox(pool)
        plan = Plan(RULES.settings, RULES.routing, {})
        self.desk = Desk(pool, self.parts, plan, _Nothing(), clock, lambda: None)

    def wrapped(self, subject: str, event: Event) -> CloudEvent:
        self.position += 1
        return TypeAdapter(CloudEvent).validate_python(
            {
                "specversion": "1.0", "id": str(uuid4()), "source": "/tailwarden/x", "type": event.event_type,
                "subject": subject, "time": self.clock.now(), "datacontenttype": "application/json",
                "dataschema": f"urn:tailwarden:schema:{event.event_type}:1", "data": event.model_dump(mode="json"),
                "position": self.position, "stream": subject, "streamversion": 1, "hash": "0" * 64,
            }
        )  # fmt: skip

    async def staff(self) -> None:
        async def hear(subject: str, event: Event) -> None:
            await self.desk.hear_registry(self.wrapped(subject, event))

        at = self.clock.now()
        stamp = {"on": at.date(), "at": at, "by": "clerk"}
        await hear("xiakou", PondRegistered(pond=PondDescription(id="xiakou", name="下口", county="行唐县"), at=at))
        places = (PlaceKind.CITY, "石家庄市"), (PlaceKind.COUNTY, "行唐县")
        for person, (kind, place) in zip(("wang", "li"), places, strict=True):
            described = PersonDescription(id=person, name=person.title())
            await hear(person, PersonRegistered.model_validate({"person": described, **stamp}))
            contact = ContactChannel(channel=Channel.MAIL, order=1, masked="w***@example.org")
            await hear(person, ContactSet.model_validate({"contact": contact, **stamp}))
            roster = f"roster-{person}"
            made = {
                "roster_id": roster,
                "name": roster,
                "place": Place(kind=kind, id=place),
                "roles": ("带班",),
                **stamp,
            }
            await hear(roster, RosterCreated.model_validate(made))
            shift = Shift(role="带班", start=at - timedelta(days=1), end=at + timedelta(days=30), person_id=person)
            await hear(roster, ShiftsAdded.model_validate({"roster_id": roster, "shifts": (shift,), **stamp}))

    async def parcels(self) -> list[tuple[str, str, Message]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute("SELECT person_id, kind, message::text FROM delivery ORDER BY seq")
            return [(row[0], row[1], Message.model_validate_json(row[2])) for row in await cursor.fetchall()]

    async def events(self, *types: type[Event]) -> list[Event]:
        async with self.pool.connection() as conn:
            return [each.event async for each in self.parts.store.read_all(conn) if isinstance(each.event, types)]


class _Nothing:
    async def put(self, *_: object) -> None:
        raise AssertionError("the watchdog alarms nobody")


@pytest.fixture
async def night(database: dict[str, str]) -> AsyncIterator[Night]:
    pool = await open_pool(database["notifier"], schema="notifier")
    try:
        made = Night(pool, ManualClock(NOW))
        await made.staff()
        yield made
        assert await verify(pool, made.parts.store, made.parts.projections) == []
        await made.outbox.close()
    finally:
        await pool.close()


@pytest.fixture
def pinged() -> Iterator[tuple[str, list[str]]]:
    """A dead-man service on loopback: its URL, and what it was asked for."""
    asked: list[str] = []

    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"OK")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/ping/secret-uuid", asked
    server.shutdown()
    server.server_close()


class System:
    """Registry and monitor as the watchdog meets them: the monitor's desk is the real one."""

    def __init__(self, room: Room, night: Night) -> None:
        self.room, self.night, self.broken, self.told = room, night, False, 0
        self.monitor = Monitor(StoredWarnings(room.desk))

    async def send(self, command: Command, reply: type[Any]) -> Any:
        at = self.room.clock.now()
        known = self.room.desk.views.get("watchdog")
        match command:
            case RegisterPond() if known is None:
                await self.room.hear("watchdog", PondRegistered(pond=command.pond, at=at))
            case RegisterSensor() if known is not None and not known.sensors:
                event = SensorRegistered(pond_id="watchdog", sensor=command.sensor, state=SensorState.IN_SERVICE, at=at)
                await self.room.hear("watchdog", event)
            case AdoptLimits() if known is not None and not known.limits:
                adopted = LimitsAdopted(pond_id="watchdog", limits=command.limits, limits_version=1, by="w", at=at)
                await self.room.hear("watchdog", adopted)
            case ShowPondStanding():
                return await self.monitor.standing(command)
            case ListWarnings():
                return await self.monitor.list(command)
            case CloseWarning():
                return await self.monitor.act(command)
            case _:
                pass
        view = self.room.desk.views["watchdog"]
        return PondView(pond=view.pond, version=view.version)

    async def publish(self, subject: str, body: bytes) -> object:
        if self.broken:
            raise TimeoutError
        await self.room.messages((subject, body))
        return None

    async def hand_on(self, watchdog: Watchdog) -> list[str]:
        """Let the watchdog hear what the monitor has said since the last time."""
        async with self.room.desk.pool.connection() as conn:
            stored = await self.room.desk.watches._store.read(conn, "pond-watchdog", self.told)
        self.told += len(stored)
        for each in stored:
            watchdog.hear(self.night.wrapped(each.aggregate_id, each.event))
        kinds = [each.type.rsplit(".", 1)[1] for each in stored]
        return [kind for kind in kinds if kind != "timeline_corrected"]  # a step within a slot judges it again


async def test_the_watchdog_goes_round_falls_silent_and_comes_back(
    database: dict[str, str], night: Night, pinged: tuple[str, list[str]]
) -> None:
    url, asked = pinged
    async with new_room(database["monitor"], night.clock) as room:
        system = System(room, night)
        dead_man = DeadMan(url, night.clock)

        def opened() -> Watchdog:
            return Watchdog(night.desk, night.outbox, system, system.publish, 180.0, dead_man)  # type: ignore[arg-type]

        watchdog = opened()
        said: list[list[str]] = []

        async def minutes(count: int) -> None:
            for _ in range(count):
                await watchdog.step()
                said.append(await system.hand_on(watchdog))
                await watchdog.step()  # closes what is over
                said[-1] += await system.hand_on(watchdog)
                night.clock.advance(timedelta(seconds=61))

        await minutes(12)
        assert said[:5] == [["raised"], ["escalated"], ["escalated"], ["escalated"], []], "the first slot was begun low"
        assert said[5:10] == [["cleared", "closed"], ["raised"], ["escalated"], ["escalated"], ["escalated"]]
        assert said[10:] == [["cleared", "closed"], ["raised"]]
        assert await night.parcels() == []
        view = watchdog.show()
        assert (view.beats, view.returned, view.silent_since, view.pinging) == (11, 11, None, True)
        open_ones = await system.monitor.list(ListWarnings(pond_id="watchdog"))
        assert len(open_ones.warnings) <= 1
        assert (await system.monitor.list(ListWarnings(include_closed=True))).warnings == ()
        assert (await system.monitor.standing(ShowPondStanding())).ponds == ()
        before = len(asked)
        assert before >= 1
        assert set(asked) == {"/ping/secret-uuid"}

        system.broken = True
        await minutes(3)
        assert await night.parcels() == []
        await minutes(2)
        (parcel,) = await night.parcels()
        assert parcel[:2] == ("wang", "channel_report")
        assert "Watchdog silent" in compose(render, [parcel[2]], "en", "full").subject
        assert "送出读数" in compose(render, [parcel[2]], "zh", "full").body
        watchdog = opened()  # a restart: it was told, and is not told again
        await watchdog.recall()
        await minutes(5)
        assert len(await night.parcels()) == 1
        assert watchdog.show().silent_since is not None
        assert len(asked) <= before + 1, "one may have been under way"

        system.broken = False
        await minutes(6)
        told = await night.parcels()
        assert [each[2].channel_up for each in told] == [False, True]
        both = compose(render, [each[2] for each in told], "zh", "full").body
        assert both.index("自检失败") < both.index("恢复正常")
        assert watchdog.show().silent_since is None


def test_a_dead_man_service_that_hangs_holds_nothing_up_and_its_url_is_nowhere() -> None:
    deaf = socket.create_server(("127.0.0.1", 0))  # takes the connection and never answers
    with capture_logs() as said, deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/secret-uuid"
        dead_man = DeadMan(url, ManualClock(NOW), timeout_s=0.2)
        begun = time.monotonic()
        assert dead_man.ping() is True
        assert dead_man.ping() is False  # the last one is under way
        assert time.monotonic() - begun < 0.15
        assert dead_man._thread is not None
        dead_man._thread.join(5.0)
        assert not dead_man._thread.is_alive()
        assert dead_man.last is None
    assert ["took no ping" in each["event"] for each in said] == [True]
    assert "secret-uuid" not in str(said)
    with pytest.raises(ValidationError) as refused:
        NotifierSettings.model_validate({"deadman_url": "file:///etc/secret-uuid"})
    assert "secret-uuid" not in str(refused.value)


class Asked:
    """The monitor as bulletins meet it."""

    def __init__(self) -> None:
        self.away = False
        self.ponds = [
            PondStanding(pond_id="xiakou", registry_version=1, level=LevelName.ORANGE, head=NOW, rain_24h=61.5),
            PondStanding(pond_id="heshan", registry_version=1, head=NOW, rain_24h=0.0),
            PondStanding(pond_id="qingshi", registry_version=1, head=NOW - timedelta(days=2), rain_24h=80.0),
            PondStanding(pond_id="baiyang", registry_version=1, blind=("level-1",)),
            PondStanding(pond_id="drill-xiakou-1", registry_version=1, level=LevelName.RED, head=NOW),
        ]

    async def send(self, command: Command, reply: type[BaseModel]) -> Any:
        if self.away:
            raise Unavailable("bus.no_responders", service="monitor")
        if isinstance(command, ShowPondStanding):
            return PondStandings(ponds=tuple(self.ponds))
        given = {"highest": LevelName.ORANGE, "verified": True, "raised": NOW - timedelta(hours=2)}
        real = WarningView(
            warning_id="xiakou-1", pond_id="xiakou", level=LevelName.ORANGE, acknowledged_by="赵主任", **given
        )
        drill = WarningView(warning_id="drill-1", pond_id="drill-xiakou-1", level=LevelName.RED, **given)
        return WarningList(warnings=(drill, real))


async def test_bulletins_go_out_once_late_ones_marked(night: Night) -> None:
    asked = Asked()

    def opened() -> Bulletins:
        return Bulletins(night.desk, night.outbox, asked, BulletinPlan())  # type: ignore[arg-type]  # stands in for it

    night.clock.advance(-timedelta(hours=1))
    young = opened()
    assert await young.step() is None  # a system that never issued one owes none
    night.clock.advance(timedelta(hours=1))
    first, second = opened(), young
    assert await first.step() is None  # begun after its hour
    both = await asyncio.gather(second.step(), second.step())
    assert [each is not None for each in both].count(True) == 1
    told = await night.parcels()
    assert [(person, kind) for person, kind, _ in told] == [("wang", "bulletin"), ("li", "bulletin")]
    body = compose(render, [told[0][2]], "zh", "full").body
    for words in (
        "08:00",
        "下口：橙色",
        "61.5 mm",
        "赵主任已应答",
        "baiyang：level-1",
        "带班：Wang",
        "带班：Li",
        "4 座",
    ):
        assert words in body, body
    assert "drill" not in body
    assert "80" not in body, "rain of two days ago is none of the last 24 h"
    again = compose(render, [told[0][2].model_copy(update={"maybe_again": True})], "zh", "short").body
    assert again.startswith("【")
    assert await opened().step() is None  # a restart

    asked.away = True
    night.clock.advance(timedelta(hours=6))  # 14:00:30
    with pytest.raises(Unavailable):
        await second.step()
    night.clock.advance(timedelta(minutes=30))
    asked.away = False
    late = await opened().step()
    assert late is not None
    assert late.bulletin.late
    assert late.bulletin.time == datetime(2025, 7, 22, 6, tzinfo=UTC)
    newest = (await night.parcels())[-1][2]
    together = compose(render, [told[0][2], newest], "en", "full")  # the mail was away: the newest says it all
    assert "LATE" in together.subject
    assert "14:00" in together.subject
    assert await opened().step() is None

    shown = await second.show(ShowBulletin())
    assert (shown.issued, shown.readers) == (False, ("Wang", "Li"))
    sent = await second.issue(IssueBulletin(by="chief"))
    assert sent.issued
    issued = await night.events(BulletinIssued)
    assert [each.scheduled for each in issued if isinstance(each, BulletinIssued)] == [True, True, False]
    assert len(await night.parcels()) == 6


async def test_the_load_of_a_replayed_series_is_of_its_own_time(night: Night) -> None:
    """Two warnings 16 months apart, replayed in a second, are no chatter; nor is a pond blind before it is known."""
    load = Load(night.pool, night.clock)
    night.desk._outgoing = _Swallowed()
    at, old = night.clock.now(), night.clock.now() - timedelta(days=900)
    for number, begins in enumerate((old, old + timedelta(days=480)), 1):
        told = {"warning_id": f"xiakou-{number}", "pond_id": "xiakou", "at": at}
        raised = WarningRaised(**told, time=begins, level=LevelName.RED, verified=True, causes=(), superseded=True)
        cleared = WarningCleared(**told, time=begins + timedelta(hours=2), previous=LevelName.RED)
        for event in (raised, cleared):
            await night.desk.hear_monitor(night.wrapped("xiakou", event))
    blind = PondBlind(pond_id="xiakou", time=old + timedelta(days=481), causes=(), flood_season=True, at=at)
    await load.hear(night.wrapped("xiakou", blind))
    night.clock.advance(timedelta(minutes=17))
    now = await load.answer(AskAlarmLoad(days=30))
    assert (now.warnings, now.chattered, now.standing) == (0, 0, ())
    assert [(each.pond_id, each.hours) for each in now.blind] == [("xiakou", round(17 / 60, 3))]
    then = await load.answer(AskAlarmLoad(days=3, until=old + timedelta(days=1)))
    assert (then.warnings, then.chattered, then.blind) == (1, 0, ())


async def test_the_load_is_of_what_was_heard(night: Night) -> None:
    load = Load(night.pool, night.clock)
    night.desk._outgoing = _Swallowed()  # people are not the point here
    at = night.clock.now()
    raised = WarningRaised(
        warning_id="xiakou-1", pond_id="xiakou", at=at, time=at, level=LevelName.RED, verified=True, causes=()
    )
    await night.desk.hear_monitor(night.wrapped("xiakou-1", raised))
    for pond, hours, event in (("xiakou", 0, PondBlind), ("xiakou", 2, PondBlind), ("heshan", 1, PondBlind)):
        said = event(pond_id=pond, time=at + timedelta(hours=hours), causes=(), flood_season=True, at=at)
        await load.hear(night.wrapped(pond, said))
    night.clock.advance(timedelta(hours=5))
    now = night.clock.now()
    seen = night.wrapped("xiakou", PondRestored(pond_id="xiakou", time=now - timedelta(hours=1), at=now))
    await load.hear(seen)
    await load.hear(seen)  # delivered twice
    cleared = WarningCleared(warning_id="xiakou-1", pond_id="xiakou", at=now, time=now, previous=LevelName.RED)
    await night.desk.hear_monitor(night.wrapped("xiakou-1", cleared))
    night.clock.advance(timedelta(minutes=10))
    again = raised.model_copy(update={"warning_id": "xiakou-2", "at": now, "time": now})
    await night.desk.hear_monitor(night.wrapped("xiakou-2", again))
    night.clock.advance(timedelta(hours=30))
    found = await load.answer(AskAlarmLoad(days=7))
    assert (found.warnings, found.chattered) == (2, 1)
    assert [each.alarm_id for each in found.standing] == ["xiakou-2"]
    assert [(each.pond_id, each.blind) for each in found.blind] == [("heshan", True), ("xiakou", False)]
    assert found.blind[1].hours == 4.0
    assert event_of(seen) is not None


class _Swallowed:
    async def put(self, *_: object) -> None:
        return None
